//! The explorer: a pure reducer, its keys, its drawing, the terminal loop, the model's thread, and the session.
//!
//! `app` is state and what changes it, `ui` draws it, `term` owns the terminal, [`worker`] owns the model, [`session`] is what the analyst
//! did and wrote. It may use every floor below; `app` and `ui` use neither the engine nor files.

pub(crate) mod app;
pub(crate) mod keymap;
pub mod session;
pub(crate) mod term;
#[cfg(test)]
mod tests;
pub(crate) mod ui;
pub mod worker;
