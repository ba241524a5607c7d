//! The steps of a written solution.

use super::source::strip;

/// Splits a written solution into its `<<..>>` equations or, if it has none, into its lines.
pub(crate) fn solution_steps(solution: &str) -> Vec<String> {
    let equations = equations(solution);
    if equations.is_empty() {
        let whole = strip(solution);
        let lines = whole.lines().map(str::trim).filter(|line| !line.is_empty());
        return lines.map(str::to_owned).collect();
    }
    equations.into_iter().map(str::to_owned).collect()
}

/// Returns every non-empty `<<..>>` without an inner `>`, in order.
pub(crate) fn equations(text: &str) -> Vec<&str> {
    let mut equations = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find("<<").map(|at| at + from) {
        let inside = open + 2;
        let Some(end) = text[inside..].find('>').map(|at| at + inside) else {
            break;
        };
        if end > inside && text[end..].starts_with(">>") {
            equations.push(&text[open..end + 2]);
            from = end + 2;
        } else {
            // Any `<<` opened before this `>` also runs into it.
            from = end + 1;
        }
    }
    equations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_are_found_in_any_text() {
        let table: [(&str, &[&str]); 9] = [
            ("so <<1+2=3>>3 and <<3*2=6>> 6", &["<<1+2=3>>", "<<3*2=6>>"]),
            ("<<>> <<1=1>>", &["<<1=1>>"]),
            ("<<1>2>> <<4=4>>", &["<<4=4>>"]),
            ("<<a<<b>>", &["<<a<<b>>"]),
            ("<<<1>>", &["<<<1>>"]),
            ("<<1=1>>>", &["<<1=1>>"]),
            ("<<1=1", &[]),
            ("<<1=1> >", &[]),
            ("<<é=1>>", &["<<é=1>>"]),
        ];
        for (text, expected) in table {
            assert_eq!(equations(text), expected, "{text:?}");
        }
        assert_eq!(
            solution_steps("He adds.\n\nHe is done."),
            ["He adds.", "He is done."]
        );
        assert_eq!(solution_steps(" "), [""; 0]);
    }
}
