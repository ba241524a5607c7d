//! Any single step to an answer, regardless of the origin of its operands: the weakest evidence that a top-k can give, and the
//! measure of how much chance finds (docs/methods.md M9.3).
//!
//! Operands are distinct values: numbers of the question as whole words ([`whole_words`]) and numbers read in the latents. A
//! step takes two or three of them (two may be one value twice), the four operators and the usual precedence; its result is
//! exact. `x * 1`, `x / 1`, `x + 0` and `x - 0` are not steps. Steps that differ only in the order of summands or factors count
//! once.

use std::collections::BTreeSet;

use super::arithmetic::read_values;
use super::paper::numbers::whole_words;
use crate::core::problem::Ratio;
use crate::core::types::TokenRead;

/// Maximum number of values; the largest are dropped. No published question comes near.
const MAX_VALUES: usize = 256;

/// The possible operands of a last step, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operands {
    values: Vec<Ratio>,
    is_capped: bool,
}

/// Returns the possible operands among the numbers of a question.
#[must_use]
pub fn question_operands(question: &str) -> Vec<Ratio> {
    let numbers = whole_words(question).into_iter();
    numbers
        .filter_map(|value| Ratio::parse(&value.to_string()))
        .collect()
}

/// Which numbers of the latents may be operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// All of the last position and the first of each earlier one: what the published operand list takes from the grid for a step
    /// read at its last latent (docs/methods.md M6.4, rules 1 and 2), except that column 0 counts here.
    Published,
    /// All of every position.
    All,
}

/// Returns the distinct numbers in the top `top_k` of the positions, ascending.
#[must_use]
pub fn latent_operands(latents: &[Vec<TokenRead>], top_k: usize, reads: Reads) -> Vec<Ratio> {
    let last = latents.len().saturating_sub(1);
    let read = latents.iter().enumerate().flat_map(|(position, top)| {
        let most = match reads {
            Reads::Published if position < last => 1,
            _ => usize::MAX,
        };
        read_values(top, top_k).take(most)
    });
    let values: BTreeSet<Ratio> = read.collect();
    values.into_iter().collect()
}

impl Operands {
    /// Merges two sets of values.
    #[must_use]
    pub fn new(numbers: &[Ratio], read: &[Ratio]) -> Self {
        let values: BTreeSet<Ratio> = numbers.iter().chain(read).copied().collect();
        let mut values: Vec<Ratio> = values.into_iter().collect();
        let is_capped = values.len() > MAX_VALUES;
        values.truncate(MAX_VALUES);
        Self { values, is_capped }
    }

    /// Whether values were dropped.
    #[must_use]
    pub fn is_capped(&self) -> bool {
        self.is_capped
    }

    /// Returns the number of steps of two operands, or of two or three, that give an answer.
    #[must_use]
    pub fn count(&self, answer: Ratio, three: bool) -> usize {
        let mut steps = 0;
        self.each(answer, three, &mut |_| {
            steps += 1;
            true
        });
        steps
    }

    /// Whether any step gives an answer.
    #[must_use]
    pub fn reaches(&self, answer: Ratio, three: bool) -> bool {
        let mut reached = false;
        self.each(answer, three, &mut |_| {
            reached = true;
            false
        });
        reached
    }

    /// Returns the first steps that give an answer, at most `limit`, as `12 + 7 = 19`.
    #[must_use]
    pub fn steps(&self, answer: Ratio, three: bool, limit: usize) -> Vec<String> {
        let mut steps = Vec::new();
        self.each(answer, three, &mut |step| {
            if steps.len() < limit {
                steps.push(step.text(answer));
            }
            steps.len() < limit
        });
        steps
    }

    /// Visits each step once until the visitor returns false.
    fn each(&self, answer: Ratio, three: bool, visit: &mut dyn FnMut(Form) -> bool) {
        let _ = self.pairs(answer, visit) && (!three || self.triples(answer, visit));
    }

    /// Returns the value if it is an operand and differs from `others`.
    fn third_operand(&self, value: Option<Ratio>, others: [Ratio; 2]) -> Option<Ratio> {
        self.operand(value.filter(|value| !others.contains(value)))
    }

    /// Returns the value if it is an operand.
    fn operand(&self, value: Option<Ratio>) -> Option<Ratio> {
        value.filter(|value| self.values.binary_search(value).is_ok())
    }

    fn pairs(&self, t: Ratio, visit: &mut dyn FnMut(Form) -> bool) -> bool {
        let (zero, one) = (Ratio::ZERO, Ratio::ONE);
        for &x in &self.values {
            let sum = self.operand(t.checked_sub(x));
            let sum = sum.filter(|y| x <= *y && x != zero && *y != zero);
            let difference = self.operand(x.checked_sub(t)).filter(|y| *y != zero);
            let quotient = self.operand(x.checked_div(t).filter(|_| t != zero));
            let quotient = quotient.filter(|y| *y != zero && *y != one);
            let forms = [
                sum.map(|y| Form::two(x, "+", y)),
                difference.map(|y| Form::two(x, "-", y)),
                quotient.map(|y| Form::two(x, "/", y)),
            ];
            if !forms.into_iter().flatten().all(&mut *visit) {
                return false;
            }
            // A product with zero is zero whatever the other factor, so factors are not solved for.
            for &y in self.values.iter().filter(|y| x <= **y) {
                let is_step = x != one && y != one && x.checked_mul(y) == Some(t);
                if is_step && !visit(Form::two(x, "*", y)) {
                    return false;
                }
            }
            if t == zero && x == t {
                let divisors = self.values.iter().filter(|y| **y != t && **y != one);
                if !divisors.map(|y| Form::two(x, "/", *y)).all(&mut *visit) {
                    return false;
                }
            }
        }
        true
    }

    fn triples(&self, t: Ratio, visit: &mut dyn FnMut(Form) -> bool) -> bool {
        for (i, &x) in self.values.iter().enumerate() {
            for &y in &self.values[i + 1..] {
                if !self.unordered(t, x, y, visit)
                    || !self.ordered(t, x, y, visit)
                    || !self.ordered(t, y, x, visit)
                {
                    return false;
                }
            }
        }
        true
    }

    /// Forms in which `x` and `y` are interchangeable; `x < y`.
    fn unordered(&self, t: Ratio, x: Ratio, y: Ratio, visit: &mut dyn FnMut(Form) -> bool) -> bool {
        let others = [x, y];
        let sum = x.checked_add(y);
        let product = x.checked_mul(y);
        let by = |op: fn(Ratio, Ratio) -> Option<Ratio>, a: Option<Ratio>, b: Ratio| op(a?, b);
        let with = |value: Option<Ratio>| self.third_operand(value, others);
        let third = with(sum.and_then(|sum| t.checked_sub(sum))).filter(|z| *z > y);
        let less = with(by(Ratio::checked_sub, sum, t));
        let from = with(by(Ratio::checked_add, sum, t));
        let plus = with(product.and_then(|product| t.checked_sub(product)));
        let minus = with(by(Ratio::checked_add, product, t));
        let times_less = with(by(Ratio::checked_sub, product, t));
        let forms = [
            third.map(|z| Form([x, y, z], ["+", "+"])),
            less.map(|z| Form([x, y, z], ["+", "-"])),
            from.map(|z| Form([z, x, y], ["-", "-"])),
            plus.map(|z| Form([z, x, y], ["+", "*"])),
            minus.map(|z| Form([z, x, y], ["-", "*"])),
            times_less.map(|z| Form([x, y, z], ["*", "-"])),
        ];
        if !forms.into_iter().flatten().all(&mut *visit) {
            return false;
        }
        let Some(product) = product else { return true };
        if product == Ratio::ZERO || t == Ratio::ZERO {
            return self.with_zero(t, [x, y], product, visit);
        }
        let factor = with(t.checked_div(product)).filter(|z| *z > y);
        let divisor = with(product.checked_div(t));
        let dividend = with(product.checked_mul(t));
        let forms = [
            factor.map(|z| Form([x, y, z], ["*", "*"])),
            divisor.map(|z| Form([x, y, z], ["*", "/"])),
            dividend.map(|z| Form([z, x, y], ["/", "/"])),
        ];
        forms.into_iter().flatten().all(visit)
    }

    /// Products and quotients with a zero, which cannot be solved for.
    fn with_zero(
        &self,
        t: Ratio,
        factors: [Ratio; 2],
        product: Ratio,
        visit: &mut dyn FnMut(Form) -> bool,
    ) -> bool {
        let [x, y] = factors;
        for &z in self.values.iter().filter(|z| !factors.contains(z)) {
            let whole = z > y && product.checked_mul(z) == Some(t);
            let part = product.checked_div(z) == Some(t);
            let below = product != Ratio::ZERO && z.checked_div(product) == Some(t);
            let forms = [
                whole.then_some(Form([x, y, z], ["*", "*"])),
                part.then_some(Form([x, y, z], ["*", "/"])),
                below.then_some(Form([z, x, y], ["/", "/"])),
            ];
            if !forms.into_iter().flatten().all(&mut *visit) {
                return false;
            }
        }
        true
    }

    /// Forms with the quotient `x / y`.
    fn ordered(&self, t: Ratio, x: Ratio, y: Ratio, visit: &mut dyn FnMut(Form) -> bool) -> bool {
        let Some(quotient) = x.checked_div(y) else {
            return true;
        };
        let with = |value: Option<Ratio>| self.third_operand(value, [x, y]);
        let forms = [
            with(t.checked_sub(quotient)).map(|z| Form([z, x, y], ["+", "/"])),
            with(t.checked_add(quotient)).map(|z| Form([z, x, y], ["-", "/"])),
            with(quotient.checked_sub(t)).map(|z| Form([x, y, z], ["/", "-"])),
        ];
        forms.into_iter().flatten().all(visit)
    }
}

/// A step: operands and operators; an empty second operator means two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Form([Ratio; 3], [&'static str; 2]);

impl Form {
    fn two(x: Ratio, op: &'static str, y: Ratio) -> Self {
        Self([x, y, Ratio::ZERO], [op, ""])
    }

    fn text(&self, answer: Ratio) -> String {
        let Self([x, y, z], [first, second]) = self;
        if second.is_empty() {
            format!("{x} {first} {y} = {answer}")
        } else {
            format!("{x} {first} {y} {second} {z} = {answer}")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::verify::tests::tokens;

    fn operands(values: &[i64]) -> Operands {
        let values: Vec<Ratio> = values.iter().copied().map(Ratio::integer).collect();
        Operands::new(&values, &[])
    }

    fn steps(values: &[i64], answer: i64, three: bool) -> Vec<String> {
        sorted(operands(values).steps(Ratio::integer(answer), three, 100))
    }

    /// Sorts steps, whose order has no meaning.
    fn sorted(mut steps: Vec<String>) -> Vec<String> {
        steps.sort();
        steps
    }

    #[test]
    fn steps_are_counted_once_and_do_something() {
        assert_eq!(steps(&[3, 4], 12, false), ["3 * 4 = 12"]);
        assert_eq!(steps(&[6, 2], 12, false), ["2 * 6 = 12", "6 + 6 = 12"]);
        assert_eq!(steps(&[1, 12, 0], 12, false), [""; 0]);
        assert_eq!(steps(&[9, 2], 18, true), ["2 * 9 = 18", "9 + 9 = 18"]);
        assert_eq!(steps(&[16, 3, 4], 9, true), ["16 - 3 - 4 = 9", "3 * 3 = 9"]);
        assert_eq!(steps(&[2, 3, 4], 14, true), ["2 + 3 * 4 = 14"]);
        assert_eq!(
            steps(&[2, 3, 4], 10, true),
            ["3 * 4 - 2 = 10", "4 + 2 * 3 = 10"]
        );
        assert_eq!(steps(&[3, 4, 6], 8, true), ["4 * 6 / 3 = 8", "4 + 4 = 8"]);
        assert_eq!(
            steps(&[2, 3, 12], 2, true),
            ["12 / 2 / 3 = 2", "12 / 3 - 2 = 2"]
        );
        let halves = Operands::new(
            &[Ratio::parse("0.5").expect("a number")],
            &[Ratio::integer(9)],
        );
        assert_eq!(
            sorted(halves.steps(Ratio::integer(18), false, 9)),
            ["9 + 9 = 18", "9 / 0.5 = 18"]
        );
    }

    #[test]
    fn operands_are_whole_words_and_numbers_of_the_top() {
        let numbers = question_operands("Someone often pays 20% of $1.50.");
        let shown: Vec<String> = numbers.iter().map(Ratio::to_string).collect();
        assert_eq!(shown, ["1.5", "20", "100"]);
        let latents = [
            tokens(&["9", " 9", "8", "7"]),
            tokens(&["x", "3", "2", "1"]),
        ];
        let all = latent_operands(&latents, 3, Reads::All);
        assert_eq!(all, [2, 3, 8, 9].map(Ratio::integer));
        let published = latent_operands(&latents, 3, Reads::Published);
        assert_eq!(published, [2, 3, 9].map(Ratio::integer));
        assert_eq!(latent_operands(&[], 3, Reads::Published), []);
    }

    /// Finds every step by brute force, as sorted texts.
    fn by_trying(values: &[i64], answer: i64) -> Vec<String> {
        let mut steps = BTreeSet::new();
        let distinct: BTreeSet<i64> = values.iter().copied().collect();
        let distinct: Vec<Ratio> = distinct.into_iter().map(Ratio::integer).collect();
        let t = Ratio::integer(answer);
        let (zero, one) = (Ratio::ZERO, Ratio::ONE);
        for &x in &distinct {
            for &y in &distinct {
                let mut add = |op, value: Option<Ratio>, idle: bool| {
                    if value == Some(t) && !idle {
                        steps.insert(Form::two(x, op, y).text(t));
                    }
                };
                if x <= y {
                    add("+", x.checked_add(y), x == zero || y == zero);
                    add("*", x.checked_mul(y), x == one || y == one);
                }
                add("-", x.checked_sub(y), y == zero);
                add("/", x.checked_div(y), y == one);
                for &z in distinct.iter().filter(|z| x != y && **z != x && **z != y) {
                    let mut add = |ops: [&'static str; 2], value: Option<Ratio>| {
                        if value == Some(t) {
                            steps.insert(Form([x, y, z], ops).text(t));
                        }
                    };
                    let (sum, product, quotient) =
                        (x.checked_add(y), x.checked_mul(y), x.checked_div(y));
                    let (yz, y_z) = (y.checked_mul(z), y.checked_div(z));
                    if x < y {
                        if y < z {
                            add(["+", "+"], sum.and_then(|v| v.checked_add(z)));
                            add(["*", "*"], product.and_then(|v| v.checked_mul(z)));
                        }
                        add(["+", "-"], sum.and_then(|v| v.checked_sub(z)));
                        add(["*", "/"], product.and_then(|v| v.checked_div(z)));
                        add(["*", "-"], product.and_then(|v| v.checked_sub(z)));
                    }
                    if y < z {
                        add(["-", "-"], x.checked_sub(y).and_then(|v| v.checked_sub(z)));
                        add(["/", "/"], quotient.and_then(|v| v.checked_div(z)));
                        add(["+", "*"], yz.and_then(|v| x.checked_add(v)));
                        add(["-", "*"], yz.and_then(|v| x.checked_sub(v)));
                    }
                    add(["+", "/"], y_z.and_then(|v| x.checked_add(v)));
                    add(["-", "/"], y_z.and_then(|v| x.checked_sub(v)));
                    add(["/", "-"], quotient.and_then(|v| v.checked_sub(z)));
                }
            }
        }
        steps.into_iter().collect()
    }

    proptest! {
        #[test]
        fn solving_agrees_with_brute_force(values in proptest::collection::vec(0_i64..13, 0..6), answer in 0_i64..40) {
            let mut solved = steps(&values, answer, true);
            solved.sort();
            prop_assert_eq!(&solved, &by_trying(&values, answer));
            let operands = operands(&values);
            let answer = Ratio::integer(answer);
            prop_assert_eq!(operands.count(answer, true), solved.len());
            prop_assert_eq!(operands.reaches(answer, true), !solved.is_empty());
        }
    }
}
