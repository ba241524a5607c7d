//! Infers the kind of model from the names and shapes of a weights file (docs/methods.md M8).

use std::path::Path;

use super::error::{ModelError, Result};
use super::family::{Base, Family};
use super::weights::unwrapped;

/// The input table of each base, which marks the start of the base's names.
const TABLES: [(Base, &str); 2] = [
    (Base::Gpt2, "transformer.wte.weight"),
    (Base::Llama32, "model.embed_tokens.weight"),
];

/// The possible prefixes of the base's names, after wrappers are stripped.
const PREFIXES: [&str; 6] = [
    "",
    "base_causallm.",
    "codi.base_model.model.",
    // The multi-mode CODI authors' loader renames `codi.` to this.
    "model.base_model.model.",
    "model.",
    "codi.",
];

/// The second name of the input table in Coconut's training code.
pub(super) const ALIAS: &str = "embedding.weight";

/// Prefixes of a training-time decoder (SIM-CoT), the first for CODI, the others for Coconut.
const STEP_DECODERS: [&str; 3] = ["decoder.", "expainable_llm.", "explainable_llm."];

/// The inferred layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) base: Base,
    /// The prefix of every name of the base.
    pub(crate) prefix: String,
    /// Rows of the input table.
    pub(crate) rows: usize,
    pub(crate) width: usize,
    pub(crate) layers: usize,
    /// Rank of the low-rank branches, if any.
    pub(crate) lora_rank: Option<usize>,
    /// Whether CODI's projection is present.
    pub(crate) projection: bool,
    /// Whether Coconut's alias of the input table is present; `None` if the format may have omitted it.
    pub(crate) alias: Option<bool>,
    /// Whether a pause control's vector is present.
    pub(crate) pause: bool,
    /// The prefix of a training-time decoder.
    pub(crate) step_decoder: Option<&'static str>,
}

impl Layout {
    /// Inspects names (wrappers stripped) and shapes; reads no values.
    ///
    /// # Errors
    /// [`ModelError::Weights`] if this is not a checkpoint of a known base.
    pub(crate) fn infer<'a>(
        model: &str,
        tensors: &(impl Iterator<Item = (&'a str, &'a [usize])> + Clone),
    ) -> Result<Self> {
        let fail = |reason: String| ModelError::weights(model, reason);
        let is_own = |name: &str| !STEP_DECODERS.iter().any(|p| name.starts_with(p));
        let tables: Vec<(Base, &str, &[usize])> = tensors
            .clone()
            .filter(|(name, _)| is_own(name))
            .filter_map(|(name, shape)| {
                TABLES
                    .iter()
                    .find_map(|(base, table)| Some((*base, name.strip_suffix(table)?, shape)))
            })
            .collect();
        let (base, prefix, shape) = match tables.as_slice() {
            [one] => *one,
            [] => {
                let first = tensors.clone().next().map_or("none", |(name, _)| name);
                return Err(fail(format!(
                    "no token table of GPT-2 or Llama is in it (its first tensor is {first:?})"
                )));
            }
            [(_, a, _), (_, b, _), ..] => {
                return Err(fail(format!("it holds two models, under {a:?} and {b:?}")));
            }
        };
        if !PREFIXES.contains(&prefix) {
            return Err(fail(format!(
                "its names begin with {prefix:?}, which no published kind does"
            )));
        }
        let [rows, width] = *shape else {
            return Err(fail(format!("its token table is {shape:?}, not a matrix")));
        };
        let blocks = match base {
            Base::Gpt2 => format!("{prefix}transformer.h."),
            Base::Llama32 => format!("{prefix}model.layers."),
        };
        let layers = tensors
            .clone()
            .filter_map(|(name, _)| name.strip_prefix(&blocks)?.split('.').next()?.parse().ok())
            .max()
            .map_or(0, |last: usize| last.saturating_add(1));
        let has = |name: &str| tensors.clone().any(|(n, _)| n == name);
        Ok(Self {
            base,
            prefix: prefix.to_owned(),
            rows,
            width,
            layers,
            lora_rank: tensors
                .clone()
                .find(|(name, _)| is_own(name) && name.ends_with(".lora_A.default.weight"))
                .and_then(|(_, shape)| shape.first().copied()),
            projection: has("prj.1.weight"),
            alias: Some(has(ALIAS)),
            pause: has("pause_embedding"),
            step_decoder: STEP_DECODERS
                .into_iter()
                .find(|p| tensors.clone().any(|(name, _)| name.starts_with(p))),
        })
    }

    /// Returns the name of the input table.
    pub(crate) fn table(&self) -> String {
        let table = TABLES.iter().find(|(base, _)| *base == self.base);
        format!("{}{}", self.prefix, table.map_or("", |(_, name)| name))
    }

    /// Accounts for names that a safetensors file omits because others hold the same values.
    pub(crate) fn with_aliases(mut self, aliases: Option<&[String]>) -> Self {
        if let Some(aliases) = aliases
            && self.alias == Some(false)
        {
            let is_alias = |name: &String| unwrapped(name) == ALIAS;
            self.alias = aliases.iter().any(is_alias).then_some(true);
        }
        self
    }

    /// Returns the kind that these names imply, for a table of `vocab` rows before special tokens, and the evidence.
    ///
    /// Only `name` can distinguish CoT from No-CoT, and Coconut from its multi-mode kind if the table's alias may have been omitted;
    /// of the latter two, the default is the one with fewer modes.
    ///
    /// # Errors
    /// A description of the weights if they are not a published kind.
    pub(crate) fn family(
        &self,
        vocab: usize,
        name: &str,
    ) -> std::result::Result<(Family, &'static str), String> {
        const WEIGHTS: &str = "the weights";
        let is_codi = ["codi.base_model.model.", "model.base_model.model.", "codi."];
        // Without a projection, CODI feeds the state back unchanged (`use_prj=False`).
        if self.projection || is_codi.contains(&self.prefix.as_str()) {
            let is_multimode = self.rows == vocab + Family::MultimodeCodi.added_tokens();
            let family = if is_multimode {
                Family::MultimodeCodi
            } else {
                Family::Codi
            };
            return Ok((family, WEIGHTS));
        }
        if self.pause {
            return Ok((Family::Pause, WEIGHTS));
        }
        let words = words(name);
        let has_words = |phrase: &[&str]| words.windows(phrase.len()).any(|words| words == phrase);
        if self.prefix == "base_causallm." {
            let is_multimode = has_words(&["multimode"]) || has_words(&["multi", "mode"]);
            // Coconut's code stores an alias of the table, the multi-mode code does not.
            return Ok(match self.alias {
                _ if self.step_decoder.is_some() => (Family::Coconut, WEIGHTS),
                Some(true) => (Family::Coconut, WEIGHTS),
                Some(false) => (Family::MultimodeCoconut, WEIGHTS),
                None if is_multimode => (Family::MultimodeCoconut, "its name"),
                None => (
                    Family::Coconut,
                    "the weights, which do not tell it from multimode-coconut",
                ),
            });
        }
        if self.rows == vocab && (has_words(&["no", "cot"]) || has_words(&["nocot"])) {
            return Ok((Family::NoCot, "its name"));
        }
        if self.rows == vocab && has_words(&["cot"]) && !has_words(&["sim", "cot"]) {
            return Ok((Family::Cot, "its name"));
        }
        Err(format!(
            "these are the weights of a plain {} (names begin with {:?}, {} rows, {} of them beyond the vocabulary), and neither they nor \
             the name show which kind of model it is",
            self.base.arch(),
            self.prefix,
            self.rows,
            self.rows.saturating_sub(vocab)
        ))
    }
}

/// Returns the words of a name in lower case.
fn words(name: &str) -> Vec<String> {
    let name = own_name(name).to_lowercase();
    let words = name.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Returns the part of a name that may describe the model: of a folder its own name, of a file or a checkpoint of a run the folder's too, of
/// a published id its last two parts. The folders above belong to other things.
pub(super) fn own_name(name: &str) -> String {
    let path = Path::new(name);
    let last = path.file_name().unwrap_or_default().to_string_lossy();
    let is_own = path.is_dir() && !last.starts_with("checkpoint");
    let parts = name.trim_end_matches(['/', '\\']).rsplit(['/', '\\']);
    parts
        .take(if is_own { 1 } else { 2 })
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(names: &[(&str, &[usize])]) -> Result<Layout> {
        Layout::infer("m", &names.iter().copied())
    }

    const TABLE: (&str, &[usize]) = ("base_causallm.transformer.wte.weight", &[103, 8]);

    type Case<'a> = (&'a [(&'a str, &'a [usize])], &'a str, Family);

    #[test]
    fn each_published_kind_is_told_by_its_names() {
        let block: (&str, &[usize]) = ("base_causallm.transformer.h.1.ln_1.weight", &[8]);
        let codi = "codi.base_model.model.model.embed_tokens.weight";
        let cases: [Case; 8] = [
            (
                &[TABLE, block, ("embedding.weight", &[103, 8])],
                "m",
                Family::Coconut,
            ),
            (&[TABLE, block], "m", Family::MultimodeCoconut),
            (
                &[
                    TABLE,
                    ("pause_embedding", &[8]),
                    ("embedding.weight", &[103, 8]),
                ],
                "m",
                Family::Pause,
            ),
            (
                &[(codi, &[103, 8]), ("prj.1.weight", &[8, 8])],
                "m",
                Family::Codi,
            ),
            (
                &[(codi, &[102, 8]), ("prj.1.weight", &[8, 8])],
                "m",
                Family::MultimodeCodi,
            ),
            (
                &[("transformer.wte.weight", &[100, 8])],
                "a/gpt2-gsm8k-cot",
                Family::Cot,
            ),
            (
                &[("model.embed_tokens.weight", &[100, 8])],
                "a/llama32-1b-gsm8k-no-cot",
                Family::NoCot,
            ),
            (
                &[TABLE, ("expainable_llm.transformer.wte.weight", &[103, 8])],
                "m",
                Family::Coconut,
            ),
        ];
        for (names, name, family) in cases {
            let found = layout(names).expect("known");
            let (told, _) = found.family(100, name).expect(name);
            assert_eq!(told, family, "{names:?}");
        }
        let found = layout(&[TABLE, block]).expect("known");
        assert_eq!((found.layers, found.rows, found.width), (2, 103, 8));
    }

    #[test]
    fn what_the_weights_do_not_tell_is_said() {
        let block: (&str, &[usize]) = ("base_causallm.transformer.h.1.ln_1.weight", &[8]);
        let dropped = [ALIAS.to_owned()];
        let found = |aliases: Option<&[String]>, name: &str| {
            let layout = layout(&[TABLE, block]).expect("known");
            layout.with_aliases(aliases).family(100, name).expect(name)
        };
        assert_eq!(found(None, "m").0, Family::MultimodeCoconut);
        assert_eq!(found(Some(&dropped), "m"), (Family::Coconut, "the weights"));
        let (family, from) = found(Some(&[]), "m");
        assert!(family == Family::Coconut && from.contains("do not tell"));
        assert_eq!(
            found(Some(&[]), "a/multimode_x").0,
            Family::MultimodeCoconut
        );
        // CODI without its projection; a plain model of no kind.
        let codi = layout(&[("codi.base_model.model.model.embed_tokens.weight", &[103, 8])]);
        assert_eq!(
            codi.expect("known").family(100, "m").map(|found| found.0),
            Ok(Family::Codi)
        );
        let plain = layout(&[("transformer.wte.weight", &[100, 8])]).expect("known");
        let said = plain.family(100, "gpt2").expect_err("no kind");
        assert!(plain.family(100, "/home/scott/runs/7").is_err());
        assert!(plain.family(100, "/runs/my-cot/model.pt").is_ok());
        assert!(
            said.contains("plain gpt2") && said.contains("100 rows"),
            "{said}"
        );
    }

    #[test]
    fn what_is_not_a_checkpoint_is_said() {
        for (names, expected) in [
            (
                &[("bert.embeddings.weight", &[10usize, 8][..])][..],
                "no token table",
            ),
            (&[TABLE, ("transformer.wte.weight", &[10, 8])], "two models"),
            (&[("vision.transformer.wte.weight", &[10, 8])], "vision."),
            (&[("transformer.wte.weight", &[80])], "not a matrix"),
        ] {
            let error = layout(names).expect_err(expected).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
