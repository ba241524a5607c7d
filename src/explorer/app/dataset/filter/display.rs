//! A filter as it is typed: the text parses back to the same filter.

use std::fmt;

use super::{FieldValue, Filter, written};

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, term) in self.0.iter().enumerate() {
            let gap = if i == 0 { "" } else { " " };
            write!(f, "{gap}{}{}", term.field.as_str(), term.op.as_str())?;
            term.value.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for FieldValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Rung(rung) => f.write_str(&written(*rung)),
            Self::Truth(yes) => f.write_str(if *yes { "yes" } else { "no" }),
            Self::Latents(latents) if latents.is_empty() => f.write_str("none"),
            Self::Latents(latents) => {
                let names: Vec<String> = latents.iter().map(ToString::to_string).collect();
                f.write_str(&names.join(","))
            }
            Self::Text(text) => {
                let is_plain = !text.is_empty()
                    && !text.eq_ignore_ascii_case("none")
                    && text
                        .chars()
                        .all(|c| c.is_alphanumeric() || "._-+".contains(c));
                if is_plain {
                    return f.write_str(text);
                }
                let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
                write!(f, "\"{escaped}\"")
            }
        }
    }
}
