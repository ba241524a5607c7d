//! The strategies of the search, in order, and their budget.

use std::fmt;

use crate::verify::SearchSettings;

use super::TOP_K;
use crate::lab::analysis::group::DEPTH;

/// Maximum number of traces that are kept, the best included.
const LISTED: usize = 5;

/// A decoder of values from latents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decoder {
    /// The logit lens.
    Projection,
    /// The roll-out from the latent, by the model or the decoder that it carries.
    RollOut,
    /// The tuned lens for the model's weights.
    Learned,
    /// The logit lens this many layers before the last.
    Before(usize),
}

impl Decoder {
    /// Returns the name on screen and in exports.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Projection => "projection".to_owned(),
            Self::RollOut => "roll-out".to_owned(),
            Self::Learned => "learned lens".to_owned(),
            Self::Before(1) => "1 layer before the last".to_owned(),
            Self::Before(n) => format!("{n} layers before the last"),
        }
    }
}

/// One way to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Strategy {
    /// The decoder.
    pub decoder: Decoder,
    /// Depth of the top-k lists.
    pub top_k: usize,
    /// Whether steps may have three operands.
    pub three_operands: bool,
}

impl Strategy {
    /// Returns the strategy as written on the command line: `learned-10-three`.
    #[must_use]
    pub fn asked_as(&self) -> String {
        let decoder = match self.decoder {
            Decoder::Projection => "projection".to_owned(),
            Decoder::RollOut => "roll-out".to_owned(),
            Decoder::Learned => "learned".to_owned(),
            Decoder::Before(n) => format!("before{n}"),
        };
        let three = if self.three_operands { "-three" } else { "" };
        format!("{decoder}-{}{three}", self.top_k)
    }

    /// Returns the settings of the search. Results may be read at any later latent, so no offset is varied.
    #[must_use]
    pub fn search(&self) -> SearchSettings {
        SearchSettings {
            top_k: self.top_k,
            three_operands: self.three_operands,
            list: LISTED,
            ..SearchSettings::default()
        }
    }
}

impl std::str::FromStr for Strategy {
    type Err = String;

    /// Parses `projection-5`, `before1-5` or `learned-10-three`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a strategy: use projection-5, before1-5, roll-out-5 or learned-5-three"
            )
        };
        let (rest, three_operands) = match text.strip_suffix("-three") {
            Some(rest) => (rest, true),
            None => (text, false),
        };
        let (name, depth) = rest.rsplit_once('-').ok_or_else(wrong)?;
        let decoder = match name {
            "projection" => Decoder::Projection,
            "roll-out" => Decoder::RollOut,
            "learned" => Decoder::Learned,
            _ => {
                let layers = name.strip_prefix("before").and_then(|n| n.parse().ok());
                Decoder::Before(layers.filter(|n| *n > 0).ok_or_else(wrong)?)
            }
        };
        let top_k = depth.parse().map_err(|_| wrong())?;
        if !(1..=DEPTH).contains(&top_k) {
            return Err(format!(
                "{text:?} reads {top_k} tokens of a latent: 1 to {DEPTH} are kept"
            ));
        }
        Ok(Self {
            decoder,
            top_k,
            three_operands,
        })
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, top {}", self.decoder.name(), self.top_k)?;
        if self.three_operands {
            f.write_str(", three operands")?;
        }
        Ok(())
    }
}

/// The budget of a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// The strategies, in order; the search ends with the first whose trace tracks.
    pub strategies: Vec<Strategy>,
    /// Edits of each number or node of the question (docs/methods.md M7.4), all of which count.
    pub edits: usize,
    /// Edits per place in the repeated test of the best trace if `edits` settled nothing; not above `edits` disables it.
    pub more_edits: usize,
    /// Donors per step, with another value and with the same.
    pub donors: usize,
    /// Traces tested per strategy.
    pub traces: usize,
}

impl Default for Budget {
    fn default() -> Self {
        let strategy = |decoder, top_k, three_operands| Strategy {
            decoder,
            top_k,
            three_operands,
        };
        Self {
            strategies: vec![
                strategy(Decoder::Projection, TOP_K, false),
                strategy(Decoder::RollOut, TOP_K, false),
                strategy(Decoder::Learned, TOP_K, false),
                strategy(Decoder::Projection, 2 * TOP_K, false),
                strategy(Decoder::Projection, TOP_K, true),
                strategy(Decoder::RollOut, TOP_K, true),
                strategy(Decoder::Learned, TOP_K, true),
                strategy(Decoder::Projection, 2 * TOP_K, true),
                strategy(Decoder::Before(1), TOP_K, false),
                strategy(Decoder::Before(2), TOP_K, false),
            ],
            edits: 6,
            more_edits: 24,
            donors: 8,
            traces: 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_run_records_can_be_asked_for_again() {
        for strategy in Budget::default().strategies {
            assert_eq!(strategy.asked_as().parse(), Ok(strategy));
        }
    }

    #[test]
    fn strategies_are_read_as_they_are_written() {
        for (text, want) in [
            ("projection-5", Some("projection, top 5")),
            ("roll-out-3", Some("roll-out, top 3")),
            (
                "learned-10-three",
                Some("learned lens, top 10, three operands"),
            ),
            ("before1-5", Some("1 layer before the last, top 5")),
            ("before2-10", Some("2 layers before the last, top 10")),
            ("before0-5", None),
            ("before-5", None),
            ("projection", None),
            ("projection-0", None),
            ("projection-11", None),
            ("layers-5", None),
            ("", None),
        ] {
            let read = text.parse::<Strategy>().ok();
            assert_eq!(read.map(|s| s.to_string()).as_deref(), want, "{text}");
            assert!(read.is_none_or(|s| s.asked_as() == text), "{text}");
        }
    }
}
