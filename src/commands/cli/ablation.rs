//! The options of the ablation, shared by every command that switches latents off.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::{at_least_one, range};
use crate::core::error::{Error, Result};
use crate::core::types::{
    Ablation, AblationValue, Direction, DonorRef, LatentIdx, Layers, Propagation, Site,
};

/// The help heading of the options of the ablation.
const MANNER: &str = "How latents are switched off";

/// A chosen latent of a chosen problem, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DonorName(pub DonorRef);

impl FromStr for DonorName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "expected a problem counted from 0, and after a slash a latent counted from 1: 7 or 7/2";
        let (problem, latent) = match text.split_once('/') {
            Some((problem, latent)) => (problem, Some(latent)),
            None => (text, None),
        };
        let latent = match latent.map(str::parse) {
            None => None,
            Some(Ok(latent)) if latent > 0 => Some(LatentIdx(latent)),
            Some(_) => return Err(FORM.to_owned()),
        };
        Ok(Self(DonorRef {
            problem: problem.parse().map_err(|_| FORM)?,
            latent,
        }))
    }
}

/// The options of the ablation.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = MANNER)]
pub struct MannerArgs {
    /// What replaces those latents
    #[arg(long, value_enum, default_value_t = AblationValue::Resample)]
    pub value: AblationValue,
    /// Where it goes in: input (default), hidden or kv
    #[arg(long, value_enum, hide_possible_values = true, hide_default_value = true, default_value_t = Site::Input)]
    pub site: Site,
    /// Later latents: total (anew, default) or direct (held)
    #[arg(long, value_enum, value_name = "HOW", hide_possible_values = true, hide_default_value = true, default_value_t = Propagation::Total)]
    pub propagation: Propagation,
    /// noising (default) or denoising (is it sufficient?)
    #[arg(long, value_enum, value_name = "HOW", hide_possible_values = true, hide_default_value = true, default_value_t = Direction::Noising)]
    pub direction: Direction,
    /// For kv and kv-block: layers from 1 [default: all]
    #[arg(long, value_name = "A-B", value_parser = layers)]
    pub layers: Option<Layers>,
    /// For donor: problem P (from 0) of the set, latent L
    #[arg(long, value_name = "P[/L]", value_parser = DonorName::from_str)]
    pub donor: Option<DonorName>,
    /// For resample: only donors with the same step count
    #[arg(long)]
    pub match_steps: bool,
    /// Resample, noise, permute: variants [default: 16]
    #[arg(long, value_name = "N|all", value_parser = variants)]
    pub donors: Option<usize>,
    /// What resample, noise and permute draw with
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Take donors, means and noise from these problems
    #[arg(long, value_name = "FILE")]
    pub reference: Option<PathBuf>,
}

impl MannerArgs {
    /// Returns the requested ablation without a set of latents. `more` are values beside `--value`.
    ///
    /// # Errors
    /// A usage error for incompatible options.
    pub fn ablation(&self, more: &[AblationValue]) -> Result<Ablation> {
        let has = |value: AblationValue| self.value == value || more.contains(&value);
        if self.layers.is_some() && self.site != Site::Kv && !has(AblationValue::KvBlock) {
            return Err(Error::usage_with_hint(
                "--layers does not apply here: the replacement goes in ahead of the first layer",
                "pass --site kv or --value kv-block with it",
            ));
        }
        if self.donor.is_some() && !has(AblationValue::Donor) {
            return Err(Error::usage_with_hint(
                "--donor does not apply here: no donor is used",
                "pass --value donor with it",
            ));
        }
        if has(AblationValue::Donor) && self.donor.is_none() {
            return Err(Error::usage_with_hint(
                "no donor is given",
                "pass --donor P or P/L: problem P of the reference set, counted from 0, and its latent L",
            ));
        }
        if self.match_steps && !has(AblationValue::Resample) {
            return Err(Error::usage_with_hint(
                "--match-steps does not apply here: nothing is resampled",
                "pass --value resample with it",
            ));
        }
        if self.donors == Some(ALL) && (self.value != AblationValue::Resample || !more.is_empty()) {
            return Err(Error::usage_with_hint(
                "--donors all does not apply here: only resample has donors, and as many as there are problems",
                "pass a number",
            ));
        }
        Ok(Ablation {
            value: self.value,
            site: self.site,
            propagation: self.propagation,
            direction: self.direction,
            layers: self.layers,
            donor: self.donor.map(|donor| donor.0),
            matched: self.match_steps,
            variants: self.donors,
            seed: self.seed,
            ..Ablation::default()
        })
    }
}

/// The value of `--donors all`: more donors than any reference set has.
pub const ALL: usize = 1 << 20;

fn variants(text: &str) -> Result<usize, String> {
    if text == "all" {
        return Ok(ALL);
    }
    at_least_one(text).map_err(|why| format!("{why}, or all"))
}

fn layers(text: &str) -> Result<Layers, String> {
    range(text)
        .ok()
        .filter(|layers: &RangeInclusive<usize>| *layers.start() > 0)
        .map(|layers| Layers {
            first: *layers.start(),
            last: *layers.end(),
        })
        .ok_or_else(|| "expected layers counted from 1, as in 3-5 or 4".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn donors_are_a_problem_and_maybe_a_latent() {
        let donor = |problem, latent: Option<usize>| {
            Ok(DonorName(DonorRef {
                problem,
                latent: latent.map(LatentIdx),
            }))
        };
        assert_eq!("7".parse(), donor(7, None));
        assert_eq!("0/2".parse(), donor(0, Some(2)));
        for text in ["", "/", "7/", "7/0", "-1", "a", "7/2/3", "7 2"] {
            assert!(text.parse::<DonorName>().is_err(), "{text}");
        }
    }

    #[test]
    fn layers_are_counted_from_1() {
        assert_eq!(layers("3-5"), Ok(Layers { first: 3, last: 5 }));
        assert_eq!(layers("4"), Ok(Layers { first: 4, last: 4 }));
        for text in ["", "0", "0-2", "5-3", "a"] {
            assert!(layers(text).is_err(), "{text}");
        }
    }
}
