//! The published searches for reasoning traces, bit for bit: backtracking for gold traces and forward chaining with its verifier
//! (Dilgren and Wiegreffe, arXiv 2604.04902; docs/methods.md M5, M6 and M10).
//!
//! Their quirks are kept and named (Q13 to Q40 of docs/methods.md M10); our own search is in the parent module. Data in and out is
//! plain: grids of token texts, questions, gold steps.

pub mod backtracking;
pub mod baselines;
pub mod chain;
pub mod check;
pub mod drawing;
mod enumerate;
pub mod grid;
pub mod numbers;
pub mod select;
pub mod solution;
pub mod step;
pub mod tokens;
pub mod tree;

#[cfg(test)]
mod tests;
