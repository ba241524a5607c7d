//! The name that was probably meant where a typed one is not known.

/// The longest name that is compared; nothing that long is a slip of the hand.
const LONGEST: usize = 128;
/// A part of a name says which one is meant from so many characters on.
const PART: usize = 4;

/// Returns the name that is closest to what was typed, if one is close: another case, up to one slip in four characters, or a
/// part of one name alone. A slip is a character too many, too few, wrong, or changed with its neighbour.
#[must_use]
pub fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typed = folded(typed);
    if typed.is_empty() || typed.len() > LONGEST {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    let mut holders = Vec::new();
    for name in names {
        let whole = folded(name);
        if typed.len() >= PART && contains(&whole, &typed) {
            holders.push(name);
        }
        // Owner and folder are often left out.
        let last = whole.rsplit(|c| *c == '/').next().unwrap_or(&whole);
        let slips = slips(&typed, &whole).min(slips(&typed, last));
        let most = typed.len().div_ceil(4);
        if slips <= most && best.is_none_or(|(fewest, _)| slips < fewest) {
            best = Some((slips, name));
        }
    }
    let held = match holders.as_slice() {
        [name] => Some(*name),
        _ => None,
    };
    best.map(|(_, name)| name).or(held)
}

fn folded(text: &str) -> Vec<char> {
    text.trim().chars().flat_map(char::to_lowercase).collect()
}

fn contains(whole: &[char], part: &[char]) -> bool {
    whole.windows(part.len()).any(|window| window == part)
}

/// The fewest slips that lead from one text to the other (optimal string alignment).
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
    fn slips_are_forgiven_and_other_names_are_not_guessed() {
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
