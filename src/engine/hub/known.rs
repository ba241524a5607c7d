//! The table of known published checkpoints, which `undertone models` lists.
//!
//! Names and files follow the Hub's listings (docs/methods.md M8.1), accuracies the paper's Table 1 (M11.1). Figures that it lacks
//! are absent here, and entries that it marks as open are marked [?].

use std::fmt;

/// The pretrained model that a checkpoint was trained from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PretrainedBase {
    /// GPT-2 with 124M parameters.
    Gpt2,
    /// Llama 3.2 1B Instruct.
    Llama,
}

impl PretrainedBase {
    /// Returns its repository, from which configuration and tokenizer come.
    #[must_use]
    pub fn repo(self) -> &'static str {
        match self {
            Self::Gpt2 => "openai-community/gpt2",
            Self::Llama => "meta-llama/Llama-3.2-1B-Instruct",
        }
    }

    /// Returns whether its licence must be accepted on its page before the download.
    #[must_use]
    pub fn is_gated(self) -> bool {
        self == Self::Llama
    }

    /// Returns the repository names that a cache may use for it, the official one first.
    #[must_use]
    pub(super) fn cached_as(self) -> &'static [&'static str] {
        match self {
            // The name from before repositories had owners.
            Self::Gpt2 => &["openai-community/gpt2", "gpt2"],
            Self::Llama => &["meta-llama/Llama-3.2-1B-Instruct"],
        }
    }

    /// Returns the base of a configuration's `model_type`.
    #[must_use]
    pub(super) fn from_model_type(model_type: &str) -> Option<Self> {
        match model_type {
            "gpt2" => Some(Self::Gpt2),
            "llama" => Some(Self::Llama),
            _ => None,
        }
    }
}

impl fmt::Display for PretrainedBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Gpt2 => "gpt2",
            Self::Llama => "llama-3.2-1b",
        })
    }
}

/// A published accuracy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PublishedAccuracy {
    /// In percent, measured by the paper.
    pub percent: f64,
    /// In percent, published by the method's authors and quoted by the paper in brackets.
    pub quoted: Option<f64>,
    /// The table it comes from.
    pub table: &'static str,
}

/// A published checkpoint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// The id for `fetch` and `--model`: the repository, plus the folder if it has several checkpoints.
    pub id: &'static str,
    /// The kind of model.
    pub family: &'static str,
    /// The base model.
    pub base: PretrainedBase,
    /// The training data set.
    pub data_set: &'static str,
    /// Its file in the repository, if the listing names it.
    pub file: Option<&'static str>,
    /// The paper's accuracy for this checkpoint, if given.
    pub accuracy: Option<PublishedAccuracy>,
    /// Further notes; [?] marks unconfirmed ones.
    pub note: &'static str,
}

const NO_COT: &str = "no-CoT";
const COT: &str = "CoT";
const COCONUT: &str = "Coconut";
const CODI: &str = "CODI";
const MM_COCONUT: &str = "multi-mode Coconut";
const MM_CODI: &str = "multi-mode CODI";
const SIM_CODI: &str = "SIM-CoT CODI";
const PAUSE: &str = "pause tokens";

const GSM: &str = "GSM8k-Aug";
/// Not stated in the listing; the method was published on this data set.
const GSM_OPEN: &str = "GSM8k-Aug [?]";
const PRONTOQA: &str = "PrOntoQA";
const PROSQA: &str = "ProsQA";

/// The file of every CODI checkpoint.
const BIN: &str = "pytorch_model.bin";
const OPEN_FILE: &str = "file name not confirmed: checkpoint_N [?]";
const TABLE_1: &str = "Table 1";

/// Creates a figure of Table 1.
const fn table_1(percent: f64) -> PublishedAccuracy {
    PublishedAccuracy {
        percent,
        quoted: None,
        table: TABLE_1,
    }
}

/// Creates a figure of Table 1 with the quoted one.
const fn table_1_beside(percent: f64, quoted: f64) -> PublishedAccuracy {
    PublishedAccuracy {
        percent,
        quoted: Some(quoted),
        table: TABLE_1,
    }
}

/// Creates one entry of the table.
const fn row(
    id: &'static str,
    family: &'static str,
    base: PretrainedBase,
    data_set: &'static str,
    file: Option<&'static str>,
    accuracy: Option<PublishedAccuracy>,
    note: &'static str,
) -> Known {
    Known {
        id,
        family,
        base,
        data_set,
        file,
        accuracy,
        note,
    }
}

use PretrainedBase::{Gpt2, Llama};

/// Every published checkpoint that we know of.
#[rustfmt::skip]
pub const KNOWN: &[Known] = &[
    row("connordilgren/gpt2-gsm8k-no-cot", NO_COT, Gpt2, GSM, None, Some(table_1_beside(16.8, 16.5)), OPEN_FILE),
    row("connordilgren/gpt2-prontoqa-no-cot", NO_COT, Gpt2, PRONTOQA, Some("checkpoint_22"), Some(table_1_beside(87.9, 93.8)), ""),
    row("connordilgren/gpt2-prosqa-no-cot", NO_COT, Gpt2, PROSQA, None, Some(table_1_beside(76.0, 76.7)), OPEN_FILE),
    row("connordilgren/gpt2-gsm8k-cot", COT, Gpt2, GSM, Some("checkpoint_25"), Some(table_1_beside(41.6, 42.9)), ""),
    row("connordilgren/gpt2-prontoqa-cot", COT, Gpt2, PRONTOQA, Some("checkpoint_25"), Some(table_1_beside(99.3, 98.8)), ""),
    row("connordilgren/gpt2-prosqa-cot", COT, Gpt2, PROSQA, Some("checkpoint_25"), Some(table_1_beside(74.2, 77.5)), ""),
    row("connordilgren/gpt2-gsm8k-coconut", COCONUT, Gpt2, GSM, Some("checkpoint_33"), Some(table_1_beside(33.1, 34.1)), ""),
    row("connordilgren/gpt2-prontoqa-coconut", COCONUT, Gpt2, PRONTOQA, Some("checkpoint_36"), Some(table_1_beside(99.0, 99.8)), ""),
    row("connordilgren/gpt2-prosqa-coconut", COCONUT, Gpt2, PROSQA, Some("checkpoint_40"), Some(table_1_beside(98.0, 97.0)), ""),
    row("zen-E/CODI-gpt2", CODI, Gpt2, GSM, Some(BIN), Some(table_1_beside(42.2, 43.7)), "the CODI authors' own checkpoint, 406 MB"),
    row("connordilgren/gpt2-prontoqa-codi", CODI, Gpt2, PRONTOQA, Some(BIN), Some(table_1(95.1)), ""),
    row("connordilgren/gpt2-prosqa-codi", CODI, Gpt2, PROSQA, Some(BIN), Some(table_1(81.6)), ""),
    row("connordilgren/gpt2-gsm8k-multimode-coconut", MM_COCONUT, Gpt2, GSM, Some("checkpoint_41"), None, "points against latent mode (Table 2): direct 0.3, written 19.2"),
    row("connordilgren/gpt2-prontoqa-multimode-coconut", MM_COCONUT, Gpt2, PRONTOQA, None, None, "points against latent mode (Table 2): direct 0.0, written 0.0; file name not confirmed [?]"),
    row("connordilgren/gpt2-prosqa-multimode-coconut", MM_COCONUT, Gpt2, PROSQA, None, None, "points against latent mode (Table 2): direct 0.0, written -6.0; file name not confirmed [?]"),
    row("connordilgren/gpt2-gsm8k-multimode-codi", MM_CODI, Gpt2, GSM, Some(BIN), None, "points against latent mode (Table 2): direct -5.9, written 3.5"),
    row("connordilgren/gpt2-prontoqa-multimode-codi", MM_CODI, Gpt2, PRONTOQA, Some(BIN), None, "points against latent mode (Table 2): direct -0.3, written -0.4"),
    row("connordilgren/gpt2-prosqa-multimode-codi", MM_CODI, Gpt2, PROSQA, Some(BIN), None, "points against latent mode (Table 2): direct -0.2, written -7.4"),
    row("connordilgren/llama32-1b-gsm8k-no-cot", NO_COT, Llama, GSM, None, Some(table_1_beside(30.1, 30.9)), OPEN_FILE),
    row("connordilgren/llama32-1b-prontoqa-no-cot", NO_COT, Llama, PRONTOQA, None, Some(table_1(99.8)), OPEN_FILE),
    row("connordilgren/llama32-1b-prosqa-no-cot", NO_COT, Llama, PROSQA, None, Some(table_1(87.8)), OPEN_FILE),
    row("connordilgren/llama32-1b-gsm8k-cot", COT, Llama, GSM, None, Some(table_1_beside(59.4, 61.6)), OPEN_FILE),
    row("connordilgren/llama32-1b-prontoqa-cot", COT, Llama, PRONTOQA, None, Some(table_1(99.6)), OPEN_FILE),
    row("connordilgren/llama32-1b-prosqa-cot", COT, Llama, PROSQA, Some("checkpoint_10"), Some(table_1(95.2)), ""),
    row("connordilgren/llama32-1b-gsm8k-coconut", COCONUT, Llama, GSM, None, Some(table_1_beside(35.7, 45.3)), OPEN_FILE),
    row("connordilgren/llama32-1b-prontoqa-coconut", COCONUT, Llama, PRONTOQA, None, Some(table_1(98.8)), OPEN_FILE),
    row("connordilgren/llama32-1b-prosqa-coconut", COCONUT, Llama, PROSQA, None, Some(table_1(97.6)), OPEN_FILE),
    row("connordilgren/llama32-1b-gsm8k-codi", CODI, Llama, GSM, Some(BIN), Some(table_1_beside(56.0, 55.6)), ""),
    row("connordilgren/llama32-1b-prontoqa-codi", CODI, Llama, PRONTOQA, Some(BIN), Some(table_1(93.6)), ""),
    row("connordilgren/llama32-1b-prosqa-codi", CODI, Llama, PROSQA, Some(BIN), Some(table_1(99.0)), ""),
    row("connordilgren/llama32-1b-gsm8k-multimode-coconut", MM_COCONUT, Llama, GSM, None, None, "points against latent mode (Table 2): direct -0.9, written 29.3; file name not confirmed [?]"),
    row("connordilgren/llama32-1b-prontoqa-multimode-coconut", MM_COCONUT, Llama, PRONTOQA, None, None, "points against latent mode (Table 2): direct 0.0, written -0.3; file name not confirmed [?]"),
    row("connordilgren/llama32-1b-prosqa-multimode-coconut", MM_COCONUT, Llama, PROSQA, None, None, "points against latent mode (Table 2): direct 0.0, written -1.4; file name not confirmed [?]"),
    row("connordilgren/llama32-1b-gsm8k-multimode-codi", MM_CODI, Llama, GSM, Some(BIN), None, "points against latent mode (Table 2): direct 2.4, written 19.9"),
    row("connordilgren/llama32-1b-prontoqa-multimode-codi", MM_CODI, Llama, PRONTOQA, Some(BIN), None, "points against latent mode (Table 2): direct 0.0, written 6.2"),
    row("connordilgren/llama32-1b-prosqa-multimode-codi", MM_CODI, Llama, PROSQA, Some(BIN), None, "points against latent mode (Table 2): direct 0.4, written -1.6"),
    row("zen-E/CODI-llama3.2-1b-Instruct", CODI, Llama, GSM_OPEN, None, None, "the CODI authors' own checkpoint; model.safetensors or pytorch_model.bin [?]"),
    row("internlm/SIM_COT-GPT2-CODI", SIM_CODI, Gpt2, GSM_OPEN, Some("model.safetensors"), None, "its file also holds the decoder of its training"),
    row("internlm/SIM_COT-LLaMA3-CODI-1B", SIM_CODI, Llama, GSM_OPEN, Some("model.safetensors"), None, "its file also holds the decoder of its training"),
    row("bmarti44/coconut-curriculum-checkpoints/cot-baseline", COT, Gpt2, PROSQA, None, None, "M1; checkpoint_best or checkpoint_N [?]"),
    row("bmarti44/coconut-curriculum-checkpoints/coconut", COCONUT, Gpt2, PROSQA, None, None, "M2, its authors report 97.0 %; checkpoint_best or checkpoint_N [?]"),
    row("bmarti44/coconut-curriculum-checkpoints/pause-curriculum", PAUSE, Gpt2, PROSQA, None, None, "M3, a control, its authors report 96.6 %; checkpoint_best or checkpoint_N [?]"),
    row("bmarti44/coconut-curriculum-checkpoints/pause-multipass", PAUSE, Gpt2, PROSQA, None, None, "M4, a control in several passes, its authors report 94.8 %; checkpoint_best or checkpoint_N [?]"),
];

/// Returns the known checkpoint of a repository and folder, or of a parent folder.
#[must_use]
pub fn find_known(repo: &str, folder: &str) -> Option<&'static Known> {
    let full = format!("{repo}/{folder}");
    let full = full.trim_end_matches('/');
    KNOWN.iter().find(|known| {
        full.strip_prefix(known.id)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Returns the base of a known checkpoint, or the common base of a repository's known checkpoints.
#[must_use]
pub(super) fn base_of(repo: &str, folder: &str) -> Option<PretrainedBase> {
    if let Some(known) = find_known(repo, folder) {
        return Some(known.base);
    }
    let inside = format!("{repo}/");
    let mut bases = KNOWN.iter().filter(|known| known.id.starts_with(&inside));
    let first = bases.next()?.base;
    bases.all(|known| known.base == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::id::Id;
    use super::*;

    #[test]
    fn every_entry_has_an_id_of_its_own_that_can_be_read() {
        let ids: BTreeSet<&str> = KNOWN.iter().map(|known| known.id).collect();
        assert_eq!(ids.len(), KNOWN.len());
        for known in KNOWN {
            assert!(Id::parse(known.id).is_ok(), "{}", known.id);
        }
    }

    #[test]
    fn the_paper_s_names_are_complete_and_agree_with_their_rows() {
        let mut expected = BTreeSet::new();
        for base in ["gpt2", "llama32-1b"] {
            for data_set in ["gsm8k", "prontoqa", "prosqa"] {
                for (kind, family) in [
                    ("no-cot", NO_COT),
                    ("cot", COT),
                    ("coconut", COCONUT),
                    ("codi", CODI),
                    ("multimode-coconut", MM_COCONUT),
                    ("multimode-codi", MM_CODI),
                ] {
                    let id = format!("connordilgren/{base}-{data_set}-{kind}");
                    if id == "connordilgren/gpt2-gsm8k-codi" {
                        continue;
                    }
                    let row = find_known(&id, "").unwrap_or_else(|| panic!("{id} is missing"));
                    assert_eq!(row.family, family, "{id}");
                    assert_eq!(row.base == Gpt2, base == "gpt2", "{id}");
                    assert!(
                        row.data_set.to_lowercase().starts_with(data_set),
                        "{id}: {}",
                        row.data_set
                    );
                    expected.insert(id);
                }
            }
        }
        let ours = KNOWN
            .iter()
            .filter(|known| known.id.starts_with("connordilgren/"));
        assert_eq!(ours.count(), expected.len());
        assert_eq!(expected.len(), 35);
    }

    #[test]
    fn folders_lead_to_their_entry() {
        let repo = "bmarti44/coconut-curriculum-checkpoints";
        let row = find_known(repo, "coconut/checkpoint_best").expect("below coconut");
        assert_eq!(row.family, COCONUT);
        assert_eq!(find_known(repo, "coconut-more"), None);
        assert_eq!(find_known(repo, ""), None);
        assert_eq!(base_of(repo, ""), Some(Gpt2));
        assert_eq!(base_of("somebody/else", ""), None);
    }
}
