//! The options of a verdict's budget, shared by every command that judges.

use clap::Args;

/// The budget of a verdict.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Verdict")]
pub struct BudgetArgs {
    /// Edits of each number or node of the question
    #[arg(long, value_name = "N", default_value_t = 6)]
    pub edits: usize,
    /// As many where they settled nothing
    ///
    /// When no strategy has found a trace that tracks, the best one is tested by so many edits of each; 0 is never.
    #[arg(long, value_name = "N", default_value_t = 24)]
    pub more_edits: usize,
    /// Donors wanted for each step, with another value and with the same
    #[arg(long, value_name = "N", default_value_t = 8)]
    pub donors: usize,
    /// Traces of one strategy that are tested
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub traces: usize,
    /// Strategies in order, as in projection-5,learned-5-three
    ///
    /// What reads the latents: projection, before1, before2, ... (the projection so many layers before the last), roll-out or
    /// learned; then how many tokens of a latent are read; then perhaps three, for steps of three operands.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub strategies: Vec<String>,
}
