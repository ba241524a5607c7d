//! Fields of comma-separated values.

use super::sanitize;

/// Returns a field of a CSV record: sanitised, quoted as in RFC 4180 where necessary, and with an apostrophe before anything that a
/// spreadsheet would evaluate as a formula. Numbers stay as they are.
#[must_use]
pub fn csv_field(text: &str) -> String {
    let text = sanitize(text);
    let is_formula =
        text.trim_start().starts_with(['=', '+', '-', '@']) && text.trim().parse::<f64>().is_err();
    let mark = if is_formula { "'" } else { "" };
    if !is_formula && !text.contains([',', '"']) {
        return text.into_string();
    }
    format!("\"{mark}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_evaluate_nothing() {
        for (text, field) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"so\"", "\"say \"\"so\"\"\""),
            ("=1+2", "\"'=1+2\""),
            ("-x", "\"'-x\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            (" +", "\"' +\""),
            ("-0.25", "-0.25"),
            ("+1e-3", "+1e-3"),
            ("", ""),
            ("a\u{1b}[0m", "a␛[0m"),
        ] {
            assert_eq!(csv_field(text), field, "{text:?}");
        }
    }
}
