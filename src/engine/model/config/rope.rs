//! The rotation of queries and keys by position: base and scaling of its frequencies, in the formats of transformers 4
//! (`rope_theta`, `rope_scaling`) and 5 (`rope_parameters`).

use serde_json::{Map, Value};

/// The largest base of rotation frequencies; published ones go up to 1e8.
const MOST_THETA: f64 = 1e12;

/// The scaling of the rotation frequencies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RopeScaling {
    /// All frequencies are divided by a factor.
    Linear {
        /// The factor.
        factor: f32,
    },
    /// Llama 3's rule: only low frequencies are divided.
    Llama3 {
        /// The divisor of the low frequencies.
        factor: f32,
        /// Wavelengths above `original_positions / low` count as slow.
        low: f32,
        /// Wavelengths below `original_positions / high` count as fast and are unchanged.
        high: f32,
        /// The number of positions before scaling.
        original_positions: usize,
    },
}

/// The rotation settings of a config.json.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rope {
    /// The base of the frequencies.
    pub(super) theta: f32,
    pub(super) scaling: Option<RopeScaling>,
    /// The number of positions for which this is valid; `None` for all.
    pub(super) positions: Option<usize>,
}

impl Rope {
    /// Reads the fields of a config.json; the error names the field.
    pub(super) fn parse(config: &Map<String, Value>) -> Result<Self, String> {
        let object = |name: &'static str| match config.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Fields { name, fields })),
            Some(_) => Err(format!("{name} is not an object")),
        };
        let (scaling, parameters) = (object("rope_scaling")?, object("rope_parameters")?);
        let theta = theta(config, [&parameters, &scaling])?;
        let scaling = match (parameters, scaling) {
            (Some(parameters), Some(scaling)) if parameters.fields != scaling.fields => {
                return Err("rope_parameters and rope_scaling disagree".to_owned());
            }
            (parameters, scaling) => parameters.or(scaling),
        };
        let (scaling, positions) = scaling.map_or(Ok((None, None)), Fields::read)?;
        Ok(Self {
            theta,
            scaling,
            positions,
        })
    }
}

/// Returns the base, which may be stated in several places if they agree.
fn theta(config: &Map<String, Value>, objects: [&Option<Fields<'_>>; 2]) -> Result<f32, String> {
    let mut theta: Option<f64> = None;
    let inner = objects.into_iter().flatten().map(|inner| inner.fields);
    for fields in std::iter::once(config).chain(inner) {
        let Some(value) = fields.get("rope_theta").filter(|value| !value.is_null()) else {
            continue;
        };
        let value = value.as_f64().ok_or("rope_theta is not a number")?;
        #[expect(clippy::float_cmp, reason = "the same text twice is the same number")]
        if theta.is_some_and(|other| other != value) {
            return Err(format!(
                "rope_theta is {} in one place and {value} in another",
                theta.unwrap_or_default()
            ));
        }
        theta = Some(value);
    }
    let theta = theta.ok_or("no rope_theta, neither at the top level nor in rope_parameters")?;
    if !(theta > 1.0 && theta <= MOST_THETA) {
        return Err(format!(
            "rope_theta is {theta}, and must be above 1 and at most {MOST_THETA:e}"
        ));
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "published code computes in f32"
    )]
    Ok(theta as f32)
}

/// The object that states the scaling.
#[derive(Clone, Copy)]
struct Fields<'a> {
    name: &'static str,
    fields: &'a Map<String, Value>,
}

impl Fields<'_> {
    /// Returns the scaling, and the number of positions for which it is valid if that is limited.
    fn read(self) -> Result<(Option<RopeScaling>, Option<usize>), String> {
        let name = self.name;
        let text = |key: &str| self.fields.get(key).and_then(Value::as_str);
        let kind = match (text("rope_type"), text("type")) {
            (Some(kind), _) | (None, Some(kind)) => kind,
            (None, None) if self.fields.keys().all(|key| key == "rope_theta") => "default",
            (None, None) => return Err(format!("{name} has no rope_type")),
        };
        let fields: &[&str] = match kind {
            "default" => &[],
            "linear" => &["factor"],
            "dynamic" => &["factor", "original_max_position_embeddings"],
            "llama3" => &[
                "factor",
                "low_freq_factor",
                "high_freq_factor",
                "original_max_position_embeddings",
            ],
            other => {
                return Err(format!(
                    "rope_type {other} is not supported (default, linear, dynamic and llama3 are)"
                ));
            }
        };
        let common = ["rope_type", "type", "rope_theta"];
        let mut others = self.fields.iter();
        let is_full = |key: &str, value: &Value| {
            key == "partial_rotary_factor" && value.as_f64() == Some(1.0)
        };
        if let Some((key, _)) = others.find(|(key, value)| {
            !fields.contains(&key.as_str())
                && !common.contains(&key.as_str())
                && !value.is_null()
                && !is_full(key, value)
                // Fields of other kinds have no effect here.
                && kind != "default"
        }) {
            return Err(format!(
                "{name} has {key:?}, which a {kind} rope_type does not know"
            ));
        }
        let partial = self.fields.get("partial_rotary_factor");
        if partial.is_some_and(|value| !value.is_null() && value.as_f64() != Some(1.0)) {
            return Err(format!(
                "{name} has a partial_rotary_factor, which is not supported"
            ));
        }
        Ok(match kind {
            "linear" => {
                let factor = self.factor()?;
                (Some(RopeScaling::Linear { factor }), None)
            }
            "dynamic" => {
                // Scaling starts beyond these positions, and longer texts are not run.
                self.factor()?;
                let key = "original_max_position_embeddings";
                let stated = self.fields.contains_key(key).then(|| self.positions(key));
                (None, stated.transpose()?)
            }
            "llama3" => {
                let factor = self.factor()?;
                let low = self.number("low_freq_factor")?;
                let high = self.number("high_freq_factor")?;
                let original_positions = self.positions("original_max_position_embeddings")?;
                if !(low > 0.0 && high > low) {
                    return Err(format!(
                        "{name} needs a positive low_freq_factor below high_freq_factor"
                    ));
                }
                let scaling = RopeScaling::Llama3 {
                    factor,
                    low,
                    high,
                    original_positions,
                };
                (Some(scaling), None)
            }
            _ => (None, None),
        })
    }

    fn number(self, key: &str) -> Result<f32, String> {
        let value = self.fields.get(key).and_then(Value::as_f64);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "factors are given to a few digits"
        )]
        let value = value
            .map(|value| value as f32)
            .filter(|value| value.is_finite());
        value.ok_or_else(|| format!("{} has no number {key}", self.name))
    }

    fn factor(self) -> Result<f32, String> {
        let factor = self.number("factor")?;
        if factor >= 1.0 {
            return Ok(factor);
        }
        Err(format!(
            "{} needs a factor of at least 1, not {factor}",
            self.name
        ))
    }

    fn positions(self, key: &str) -> Result<usize, String> {
        let value = self.fields.get(key).and_then(Value::as_u64);
        let value = value.and_then(|value| usize::try_from(value).ok());
        value
            .filter(|value| *value > 0)
            .ok_or_else(|| format!("{} needs a positive whole number {key}", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Rope, String> {
        let config: Map<String, Value> = serde_json::from_str(text).expect(text);
        Rope::parse(&config)
    }

    #[test]
    fn both_generations_say_the_same() {
        let llama3 = r#""rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,
            "original_max_position_embeddings":64"#;
        let old = parse(&format!(
            r#"{{"rope_theta":500000.0,"rope_scaling":{{{llama3}}}}}"#
        ));
        let new = parse(&format!(
            r#"{{"rope_parameters":{{"rope_theta":500000.0,{llama3}}}}}"#
        ));
        assert_eq!(old, new);
        let read = new.expect("readable");
        assert!(matches!(
            read.scaling,
            Some(RopeScaling::Llama3 {
                original_positions: 64,
                ..
            })
        ));
        for plain in [
            r#"{"rope_theta":10000}"#,
            r#"{"rope_theta":10000.0,"rope_scaling":null}"#,
            r#"{"rope_parameters":{"rope_theta":10000}}"#,
            r#"{"rope_parameters":{"rope_type":"default","rope_theta":10000,"partial_rotary_factor":1.0}}"#,
            r#"{"rope_theta":10000,"rope_scaling":{"type":"dynamic","factor":2.0}}"#,
        ] {
            let read = parse(plain).expect(plain);
            assert_eq!(
                (read.theta.to_bits(), read.scaling, read.positions),
                (10000f32.to_bits(), None, None),
                "{plain}"
            );
        }
        let linear = parse(r#"{"rope_theta":10000,"rope_scaling":{"type":"linear","factor":4}}"#);
        assert_eq!(
            linear.map(|rope| rope.scaling),
            Ok(Some(RopeScaling::Linear { factor: 4.0 }))
        );
        let dynamic = r#"{"rope_theta":10000,"rope_scaling":{"type":"dynamic","factor":4,"original_max_position_embeddings":128}}"#;
        assert_eq!(parse(dynamic).map(|rope| rope.positions), Ok(Some(128)));
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        for (text, says) in [
            ("{}", "no rope_theta"),
            (r#"{"rope_theta":"1e4"}"#, "rope_theta is not a number"),
            (
                r#"{"rope_theta":10000,"rope_parameters":{"rope_theta":500000}}"#,
                "in another",
            ),
            (
                r#"{"rope_theta":10000,"rope_scaling":{"rope_type":"yarn","factor":4}}"#,
                "rope_type yarn is not supported (default,",
            ),
            (
                r#"{"rope_theta":10000,"rope_scaling":{"factor":4}}"#,
                "no rope_type",
            ),
            (
                r#"{"rope_theta":10000,"rope_scaling":{"type":"linear"}}"#,
                "no number factor",
            ),
            (
                r#"{"rope_theta":10000,"rope_scaling":{"type":"linear","factor":0.5}}"#,
                "at least 1",
            ),
            (
                r#"{"rope_theta":10000,"rope_scaling":{"type":"linear","factor":2,"mscale":1}}"#,
                "\"mscale\"",
            ),
            (
                r#"{"rope_theta":10000,"rope_scaling":[1]}"#,
                "rope_scaling is not an object",
            ),
            (
                r#"{"rope_parameters":{"rope_theta":10000,"rope_type":"default","partial_rotary_factor":0.5}}"#,
                "partial_rotary_factor",
            ),
            (
                r#"{"rope_theta":10000,"rope_parameters":{"full_attention":{"rope_type":"default"}}}"#,
                "no rope_type",
            ),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
