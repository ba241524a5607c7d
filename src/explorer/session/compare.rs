//! Compares a recorded session with a recomputed one: how many of the recorded values came out the same, and which did not.
//!
//! Texts, answers and counts must be equal; log-probabilities and other figures may differ by [`TOLERANCE`]. Tokens, phrases and
//! ablations are matched by what they are, as two equally probable tokens may change places. Pure.

use serde_json::{Map, Value, json};

use super::Session;

/// The largest difference attributed to another machine's arithmetic, in the unit of the figure (nats for log-probabilities).
pub const TOLERANCE: f64 = 1e-3;

/// The outcome of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// The number of values compared.
    pub compared: usize,
    /// The places of those that differ or were not recomputed, e.g. `run/answer/value`.
    pub differences: Vec<String>,
}

impl Comparison {
    /// Returns e.g. `reproduced 41 of 43`.
    #[must_use]
    pub fn summary(&self) -> String {
        let reproduced = self.compared - self.differences.len();
        format!("reproduced {reproduced} of {}", self.compared)
    }

    fn walk(&mut self, place: &str, recorded: &Value, recomputed: Option<&Value>) {
        let under = |name: &str| format!("{place}/{name}");
        match (recorded, recomputed) {
            (Value::Object(fields), Some(Value::Object(others))) => {
                for (name, field) in fields {
                    self.walk(&under(name), field, others.get(name));
                }
            }
            (Value::Array(items), Some(Value::Array(others))) => {
                for (at, item) in items.iter().enumerate() {
                    let other = match identity(item) {
                        Some(is) => others.iter().find(|other| identity(other) == Some(is)),
                        None => others.get(at),
                    };
                    self.walk(&under(&at.to_string()), item, other);
                }
            }
            _ => {
                self.compared += 1;
                if !recomputed.is_some_and(|other| is_same(recorded, other)) {
                    self.differences.push(place.to_owned());
                }
            }
        }
    }
}

/// Compares every recorded value with the one recomputed from the same problem.
#[must_use]
pub fn compare(recorded: &Session, recomputed: &Session) -> Comparison {
    let mut found = Comparison::default();
    let again = results(recomputed);
    for (part, value) in &results(recorded) {
        if !value.is_null() {
            found.walk(part, value, again.get(part));
        }
    }
    found
}

/// Returns what a model computes of a problem; null for what is missing.
fn results(session: &Session) -> Map<String, Value> {
    let phrases = session.phrases.iter();
    let phrases: Map<String, Value> = phrases
        .map(|(latent, phrases)| (latent.to_string(), json!(phrases)))
        .collect();
    let parts = [
        ("weights", json!(session.model.as_ref().map(|m| &m.sha256))),
        ("run", json!(session.run)),
        ("phrases", Value::Object(phrases)),
        ("early_exit", json!(session.early_exit)),
        ("ablations", json!(session.outcomes)),
        ("verdict", json!(session.verdict)),
    ];
    parts
        .map(|(name, value)| (name.to_owned(), value))
        .into_iter()
        .collect()
}

/// Returns what tells a token, a phrase or an ablation from the others of its list.
fn identity(item: &Value) -> Option<&Value> {
    let of = |kind: &str, name: &str| item.get(kind).and_then(|_| item.get(name));
    of("logit", "id")
        .or(of("lift", "ids"))
        .or(of("effect", "ablation"))
}

fn is_same(recorded: &Value, recomputed: &Value) -> bool {
    match (recorded, recomputed) {
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let apart = a.as_f64().zip(b.as_f64()).map(|(a, b)| (a - b).abs());
            apart.is_some_and(|apart| apart <= TOLERANCE)
        }
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::TokenRead;
    use crate::explorer::session::sample;

    type Change = fn(&mut Session);

    /// Compares the sample with a changed copy and returns the places that differ.
    fn places(change: impl FnOnce(&mut Session)) -> Vec<String> {
        let recorded = sample::session();
        let mut recomputed = recorded.clone();
        change(&mut recomputed);
        compare(&recorded, &recomputed).differences
    }

    fn top(session: &mut Session) -> &mut Vec<TokenRead> {
        let run = session.run.as_mut().expect("the sample has a run");
        &mut run.positions[2].projection.as_mut().expect("a latent").top
    }

    #[test]
    fn the_same_session_is_reproduced_whole() {
        let found = compare(&sample::whole(), &sample::whole());
        assert_eq!(found.differences, [""; 0]);
        assert!(found.compared > 200, "{}", found.compared);
        let all = found.compared;
        assert_eq!(found.summary(), format!("reproduced {all} of {all}"));
    }

    #[test]
    fn small_differences_of_arithmetic_are_tolerated() {
        let none = places(|s| {
            s.outcomes[0].effect.kl += 0.9e-3;
            top(s)[0].prob *= 1.0005;
        });
        assert_eq!(none, [""; 0]);
        assert_eq!(
            places(|s| s.outcomes[0].effect.kl += 1.1e-3),
            ["ablations/0/effect/kl"]
        );
    }

    #[test]
    fn every_part_is_compared() {
        let table: [(Change, &str); 8] = [
            (|s| s.model = None, "weights"),
            (|s| s.run = None, "run"),
            (|s| s.verdict = None, "verdict"),
            (|s| s.phrases.clear(), "phrases/1"),
            (|s| s.phrases[0].1[0].lift = None, "phrases/1/0/lift"),
            (|s| s.early_exit[0].value = None, "early_exit/0/value"),
            (
                |s| s.outcomes[1].answer.text.clear(),
                "ablations/1/answer/text",
            ),
            (
                |s| s.verdict.as_mut().expect("a verdict").null.hits += 1,
                "verdict/null/hits",
            ),
        ];
        for (change, place) in table {
            assert_eq!(places(change), [place]);
        }
    }

    #[test]
    fn the_order_of_tokens_phrases_and_ablations_does_not_matter() {
        let none = places(|s| {
            top(s).swap(0, 1);
            s.phrases[0].1.swap(0, 1);
            s.outcomes.swap(0, 1);
        });
        assert_eq!(none, [""; 0]);
        assert_eq!(
            places(|s| top(s)[1].text = "20".to_owned()),
            ["run/positions/2/projection/top/1/text"]
        );
        assert_eq!(
            places(|s| top(s)[1].id = 7),
            ["run/positions/2/projection/top/1"]
        );
    }
}
