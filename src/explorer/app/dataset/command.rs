//! The `undertone run` options that start or resume a run.

use std::path::Path;

use crate::explorer::app::dataset::Dataset;
use crate::lab::rows::{Experiment, RowsHeader};

/// The number of problems offered by default.
const LIMIT: usize = 200;
/// The experiments offered by default: everything that the table shows.
const EXPERIMENTS: &str = "accuracy,early-stopping,ablation,verdict";

/// Returns the options offered for a new run of a model.
pub(super) fn offered(dataset: &Dataset, model: &str) -> String {
    let name: String = model
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let data = dataset.data.as_deref();
    let set = data.and_then(Path::file_stem).map(|stem| {
        let stem = stem.to_string_lossy();
        let plain = stem.chars().filter(char::is_ascii_alphanumeric);
        format!("-{}", plain.collect::<String>())
    });
    let folder = format!("{}{}", name.trim_matches('-'), set.unwrap_or_default());
    let out = dataset.runs_folder.join(folder);
    let data = data.map_or_else(String::new, |data| format!(" --data {}", quoted(data)));
    format!(
        "--limit {LIMIT} --experiments {EXPERIMENTS}{data} --out {}",
        quoted(&out)
    )
}

/// Returns the options that resume a run known only from its file; the run itself checks that they match it.
pub(super) fn to_go_on(dataset: &Dataset, folder: &Path, header: &RowsHeader) -> String {
    let settings = &header.settings;
    let asked = header.experiments.iter();
    let asked = asked.filter(|experiment| **experiment != Experiment::Problem);
    let names: Vec<&str> = asked.map(|experiment| experiment.as_str()).collect();
    let budget = &settings.verdict;
    let mut text = format!(
        "--limit {} --experiments {} --latents {} --seed {} --mode {} --top-k {} --value {} --batch {} --shard {} --edits {} \
         --more-edits {} --donors {} --traces {} --strategies {}",
        header.data.n,
        names.join(","),
        settings.latents,
        settings.seed,
        settings.mode.as_str(),
        settings.top_k,
        settings.value.as_str(),
        settings.batch,
        header.shard,
        budget.edits,
        budget.more_edits,
        budget.donors,
        budget.traces,
        budget.strategies.join(",")
    );
    if let Some(control) = &header.control {
        text += &format!(" --control {}", quoted(Path::new(control)));
    }
    // The header names a file without its folder; only the explorer's own file can be meant.
    match (&dataset.data, header.data.split()) {
        (_, Some(split)) => text += &format!(" --split {split}"),
        (Some(data), None) => text += &format!(" --data {}", quoted(data)),
        (None, None) => {}
    }
    text + &format!(" --out {}", quoted(folder))
}

/// Quotes a path as one word.
fn quoted(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+=,:@".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.into_owned();
    }
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::rows::{Shard, made};

    #[test]
    fn a_run_is_offered_in_a_folder_of_its_own() {
        let mut dataset = Dataset {
            runs_folder: "/home/ada/my runs".into(),
            ..Dataset::default()
        };
        assert_eq!(
            offered(&dataset, "zen-E/CODI-gpt2"),
            "--limit 200 --experiments accuracy,early-stopping,ablation,verdict --out \"/home/ada/my runs/zen-E-CODI-gpt2\""
        );
        dataset.data = Some("sets/gsm 8k.json".into());
        let text = offered(&dataset, "mini-math");
        assert!(
            text.contains("--data \"sets/gsm 8k.json\"") && text.ends_with("mini-math-gsm8k\"")
        );
    }

    #[test]
    fn an_opened_run_is_gone_on_with_as_its_header_says() {
        let header = made::header(5, Shard::default());
        let text = to_go_on(&Dataset::default(), Path::new("runs/a"), &header);
        for part in [
            "--limit 5",
            "--experiments accuracy ",
            "--split test",
            "--shard 1/1",
            "--strategies projection-5",
            "--out runs/a",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
    }
}
