//! Alpha of low-rank branches, which weights files do not store: from the user, our own configuration, or peft.

use serde::Deserialize;

use super::Given;

/// Returns alpha of the low-rank branches, if any: the user's, else the one in our own configuration (`hint`), else peft's.
pub(super) fn alpha(
    inputs: &Given<'_>,
    hint: Option<f64>,
) -> std::result::Result<Option<f64>, String> {
    let Some(rank) = inputs.layout.lora_rank else {
        return Ok(None);
    };
    let alpha = match (inputs.options.lora_alpha.or(hint), inputs.adapter) {
        (None, Some(text)) => {
            Some(adapter_alpha(text, rank).map_err(|why| format!("adapter_config.json: {why}"))?)
        }
        (alpha, _) => alpha,
    };
    match alpha {
        Some(alpha) if alpha.is_finite() && alpha > 0.0 => Ok(Some(alpha)),
        Some(alpha) => Err(format!("lora_alpha {alpha} is not a positive number")),
        // The value of every published checkpoint of this rank (docs/methods.md M8.5).
        None if rank == 128 => Ok(Some(32.0)),
        None => Err(format!(
            "its low-rank branches have rank {rank}, and no file says their alpha: name it with --lora-alpha or as \"lora_alpha\""
        )),
    }
}

/// The settings in peft's adapter configuration.
#[derive(Deserialize)]
struct Adapter {
    r: usize,
    lora_alpha: f64,
    #[serde(default)]
    use_rslora: bool,
    #[serde(default)]
    use_dora: bool,
    #[serde(default)]
    alpha_pattern: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    rank_pattern: serde_json::Map<String, serde_json::Value>,
    peft_type: Option<String>,
}

/// Returns alpha for branches of this rank; rank-stabilized branches (`use_rslora`) are scaled by the root of the rank.
pub(super) fn adapter_alpha(text: &str, rank: usize) -> std::result::Result<f64, String> {
    let adapter: Adapter = serde_json::from_str(text).map_err(|e| e.to_string())?;
    if adapter.r != rank {
        return Err(format!(
            "r is {}, and the weights have rank {rank}",
            adapter.r
        ));
    }
    let is_other = adapter.peft_type.is_some_and(|kind| kind != "LORA");
    for (name, is_set) in [
        ("use_dora", adapter.use_dora),
        ("alpha_pattern", !adapter.alpha_pattern.is_empty()),
        ("rank_pattern", !adapter.rank_pattern.is_empty()),
        ("a peft_type other than LORA", is_other),
    ] {
        if is_set {
            return Err(format!("{name} is not supported"));
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a rank is far below 2^52")]
    let root = (rank as f64).sqrt();
    Ok(adapter.lora_alpha * if adapter.use_rslora { root } else { 1.0 })
}
