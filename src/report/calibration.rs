//! How often a model's answers are correct at each rung, for the explorer: schema undertone.calibration/1.

use serde_json::{Value, json};

use super::gather::Run;
use super::tables::verdicts;

/// The schema of the file.
pub const SCHEMA: &str = "undertone.calibration/1";

/// Counts by rung of verdicts whose answer is known to be correct or not, with all that they depend on.
#[must_use]
pub fn calibration(run: &Run) -> Value {
    let header = &run.header;
    let rungs = verdicts::calibration(run);
    let rungs = rungs
        .iter()
        .map(|(rung, n, correct)| json!({"rung": rung, "n": n, "correct": correct}));
    json!({
        "schema": SCHEMA,
        "version": header.version,
        "model": {"name": header.model.name, "sha256": header.model.sha256},
        "data": {
            "origin": header.data.origin,
            "sha256": header.data.sha256,
            "n": header.data.n,
            "task": header.data.task,
        },
        "verdict": header.settings.verdict,
        "top_k": header.settings.top_k,
        "reference": header.settings.reference,
        "rungs": rungs.collect::<Vec<_>>(),
    })
}
