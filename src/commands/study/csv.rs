//! The fields of a study's records: their origin, the ablation, a cell. Each study has one record per cell.

use super::Head;
use crate::core::types::{Ablation, LatentIdx, StudyCell, Variants};
use crate::lab::present::document::Fields;

/// The columns of [`cell`].
pub const CELL: [&str; 10] = [
    "off",
    "answer",
    "flipped",
    "delta_logprob",
    "n",
    "flips",
    "outcome",
    "flip_rate",
    "flip_rate_wilson_lo95",
    "flip_rate_wilson_hi95",
];

/// The columns of [`manner`].
pub const MANNER: [&str; 10] = [
    "value",
    "site",
    "propagation",
    "direction",
    "layers",
    "donor_problem",
    "donor_latent",
    "matched",
    "variants",
    "seed",
];

/// Returns the fields of a cell.
#[must_use]
pub fn cell(cell: &StudyCell) -> Fields {
    let mut fields = vec![
        ("off", latents(&cell.off)),
        ("answer", known(cell.answer.as_deref())),
        ("flipped", cell.flipped.to_string()),
        ("delta_logprob", cell.delta_logprob.to_string()),
    ];
    fields.extend(outcome(cell.variants()));
    fields
}

/// Returns the fields of an outcome: the counts of variants, the outcome and the flip rate.
#[must_use]
pub fn outcome(variants: Variants) -> Fields {
    let rate = variants.rate();
    vec![
        ("n", variants.n.to_string()),
        ("flips", variants.flips.to_string()),
        ("outcome", variants.outcome().as_str().to_owned()),
        ("flip_rate", known(rate.map(|rate| rate.rate))),
        ("flip_rate_wilson_lo95", known(rate.map(|rate| rate.ci95.0))),
        ("flip_rate_wilson_hi95", known(rate.map(|rate| rate.ci95.1))),
    ]
}

/// Returns the fields on the origin of a record.
#[must_use]
pub fn origin(head: &Head) -> Fields {
    vec![
        ("schema", head.schema.to_owned()),
        ("model", head.model.name.clone()),
        ("sha256", head.model.sha256.clone()),
        ("reference", known(head.reference.as_deref())),
        ("question", head.question.clone()),
        ("clean_answer", known(head.clean.answer.value.as_deref())),
        ("clean_logprob", head.clean.logprob.to_string()),
    ]
}

/// Returns the fields of an ablation.
#[must_use]
pub fn manner(manner: &Ablation) -> Fields {
    let donor = manner.donor;
    vec![
        ("value", manner.value.as_str().to_owned()),
        ("site", manner.site.as_str().to_owned()),
        ("propagation", manner.propagation.as_str().to_owned()),
        ("direction", manner.direction.as_str().to_owned()),
        ("layers", known(manner.layers)),
        ("donor_problem", known(donor.map(|donor| donor.problem))),
        ("donor_latent", known(donor.and_then(|donor| donor.latent))),
        ("matched", manner.matched.to_string()),
        ("variants", known(manner.variants)),
        ("seed", manner.seed.to_string()),
    ]
}

/// Formats a value; empty for `None`.
#[must_use]
pub fn known<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// Formats latents separated by spaces.
#[must_use]
pub fn latents<'a>(latents: impl IntoIterator<Item = &'a LatentIdx>) -> String {
    let latents: Vec<String> = latents.into_iter().map(ToString::to_string).collect();
    latents.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_says_what_became_of_the_answer() {
        let mut mixed = StudyCell {
            off: [LatentIdx(2)].into(),
            answer: Some("17".to_owned()),
            flipped: true,
            delta_logprob: -9.16,
            n: 16,
            flips: 9,
        };
        let field = |fields: &Fields, wanted: &str| {
            let found = fields.iter().find(|(name, _)| *name == wanted);
            found.expect(wanted).1.clone()
        };
        let fields = cell(&mixed);
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, CELL);
        let names: Vec<&str> = manner(&Ablation::default())
            .iter()
            .map(|field| field.0)
            .collect();
        assert_eq!(names, MANNER);
        assert_eq!(field(&fields, "outcome"), "mixed");
        assert_eq!(field(&fields, "flip_rate"), "0.5625");
        (mixed.n, mixed.flips) = (1, 1);
        let fields = cell(&mixed);
        assert_eq!(field(&fields, "outcome"), "flipped");
        assert_eq!(field(&fields, "flip_rate_wilson_lo95"), "");
    }
}
