//! Suggests the intended name for an unknown one.

/// The longest name that is compared, in characters; longer ones are not typos.
const LONGEST: usize = 128;
/// Minimum length at which a part of a name identifies it.
const PART: usize = 4;

/// Returns the name closest to the typed one, if any is close: different case, up to one typo per four characters, or a part of
/// exactly one name. A typo is a missing, extra, wrong, or transposed character.
#[must_use]
pub fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = folded(typed);
    if typed.is_empty() || typed.len() > LONGEST {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    let mut containing = Vec::new();
    for name in names {
        let whole = folded(name);
        if typed.len() >= PART && contains(&whole, &typed) {
            containing.push(name);
        }
        // Owner and folder are often omitted.
        let last = whole.rsplit(|c| *c == '/').next().unwrap_or(&whole);
        let slips = slips(&typed, &whole).min(slips(&typed, last));
        let most = typed.len().div_ceil(4);
        if slips <= most && best.is_none_or(|(fewest, _)| slips < fewest) {
            best = Some((slips, name));
        }
    }
    match containing.as_slice() {
        [name] if best.is_none() => Some(name),
        _ => best.map(|(_, name)| name),
    }
}

fn folded(text: &str) -> Vec<char> {
    text.trim().chars().flat_map(char::to_lowercase).collect()
}

fn contains(whole: &[char], part: &[char]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}

/// Returns the edit distance of two texts (optimal string alignment).
fn slips(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let is_other = usize::from(a[i - 1] != b[j - 1]);
            let mut fewest = (last[j] + 1)
                .min(row[j - 1] + 1)
                .min(last[j - 1] + is_other);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                fewest = fewest.min(before[j - 2] + 1);
            }
            row.push(fewest);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_are_forgiven_and_other_names_are_not_guessed() {
        let names = [
            "mini-math",
            "mini-logic",
            "mini-math-sim",
            "zen-E/CODI-gpt2",
            "bmarti44/x/coconut",
        ];
        for (typed, meant) in [
            ("mini-mathh", Some("mini-math")),
            ("Mini_Math", Some("mini-math")),
            ("mini-mtah", Some("mini-math")),
            ("logic", Some("mini-logic")),
            ("mini-mathsim", Some("mini-math-sim")),
            ("zen-e/codi-gtp2", Some("zen-E/CODI-gpt2")),
            ("CODI-gpt2", Some("zen-E/CODI-gpt2")),
            ("cocnut", Some("bmarti44/x/coconut")),
            ("mini", None),
            ("llama", None),
            ("", None),
            ("x", None),
            ("/tmp/some/where", None),
        ] {
            assert_eq!(nearest(typed, names), meant, "{typed}");
        }
        assert_eq!(nearest(&"x".repeat(100_000), names), None);
    }
}
