//! Enumerates every step that gives the first integer of a column, in the published order (docs/methods.md M6.4).

use super::step::Operation::{
    Add, AddDiv, AddMul, AddSub, Div, DivAdd, DivDiv, DivSub, Mul, MulAdd, MulDiv, MulSub, Sub,
    SubDiv, SubMul, SubSub,
};
use super::step::{Operand, OperandOrigin, Operation, Site, Step};

/// The permutations of three operands.
pub(super) const ORDERS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];
/// Pairs and triples of operands visited in one search; a question of the published sets uses at most a tenth of it.
const MAX_GROUPS: usize = 1_000_000;
/// Maximum number of operands in one list.
pub(super) const MAX_OPERANDS: usize = 512;
/// Candidates kept in one search; the published sets give at most a few thousand.
const MAX_CANDIDATES: usize = 50_000;

/// The remaining work of a search, which bounds its time on any input.
#[derive(Debug)]
pub(super) struct TreeBudget {
    groups: usize,
    candidates: usize,
    /// Whether something was dropped.
    pub is_spent: bool,
}

impl TreeBudget {
    pub(super) fn new() -> Self {
        Self {
            groups: MAX_GROUPS,
            candidates: MAX_CANDIDATES,
            is_spent: false,
        }
    }

    fn take_group(&mut self) -> bool {
        let left = self.groups > 0;
        self.groups = self.groups.saturating_sub(1);
        self.is_spent |= !left;
        left
    }

    fn take_candidate(&mut self) -> bool {
        let left = self.candidates > 0;
        self.candidates = self.candidates.saturating_sub(1);
        self.is_spent |= !left;
        left
    }
}

/// The search for the steps that give the result of one column.
struct Found<'a> {
    site: Site,
    steps: Vec<Step>,
    budget: &'a mut TreeBudget,
}

impl Found<'_> {
    fn is_result(&self, value: Option<i128>) -> bool {
        value == Some(self.site.result.0)
    }

    /// Adds a step if it gives the result.
    fn try_step(&mut self, operation: Operation, operands: &[Operand]) {
        let mut values = [0; 3];
        for (value, operand) in values.iter_mut().zip(operands) {
            *value = operand.value;
        }
        if self.is_result(operation.apply(&values[..operands.len()])) {
            self.add(operation, operands);
        }
    }

    fn add(&mut self, operation: Operation, operands: &[Operand]) {
        if self.budget.take_candidate() {
            self.steps
                .push(self.site.step(operation, operands.to_vec()));
        }
    }

    /// x + y, x - y, y - x, x * y, x / y, y / x.
    fn pair(&mut self, x: Operand, y: Operand) {
        self.try_step(Add, &[x, y]);
        self.try_step(Sub, &[x, y]);
        self.try_step(Sub, &[y, x]);
        self.try_step(Mul, &[x, y]);
        self.try_step(Div, &[x, y]);
        self.try_step(Div, &[y, x]);
    }

    /// Adds an operation unless an operand cancels (`+-` by what it adds, `*/` by what it multiplies with); returns whether it
    /// gave the result but cancelled.
    fn guarded(&mut self, operation: Operation, operands: &[Operand; 3]) -> bool {
        let [a, b, c] = operands.map(|operand| operand.value);
        let is_result = self.is_result(operation.apply(&[a, b, c]));
        let cancels = a == c || b == c;
        if is_result && !cancels {
            self.add(operation, operands);
        }
        is_result && cancels
    }
}

/// Enumerates the pre-phase: steps on the question's numbers alone, each operand counted as not intermediate.
pub(super) fn from_question(numbers: &[Operand], site: Site, budget: &mut TreeBudget) -> Vec<Step> {
    debug_assert_eq!(
        site.place,
        OperandOrigin::Question,
        "the pre-phase reads no column"
    );
    let mut search = Found {
        site,
        steps: Vec::new(),
        budget,
    };
    for (i, x) in numbers.iter().enumerate() {
        search.try_step(Add, &[*x, *x]);
        search.try_step(Mul, &[*x, *x]);
        for y in &numbers[i + 1..] {
            if search.budget.take_group() {
                search.pair(*x, *y);
            }
        }
    }
    for triple in triples(numbers) {
        if !search.budget.take_group() {
            break;
        }
        for order in ORDERS {
            let operands = order.map(|i| triple[i]);
            for operation in Operation::OF_THREE {
                if matches!(operation, MulDiv | AddSub) {
                    search.guarded(operation, &operands);
                } else {
                    search.try_step(operation, &operands);
                }
            }
        }
        search.try_step(Add, &triple);
        search.try_step(Mul, &triple);
    }
    search.steps
}

/// Enumerates the steps on a list of operands: one operand twice, pairs, then triples.
pub(super) fn from_operands(
    operands: &[Operand],
    site: Site,
    budget: &mut TreeBudget,
) -> Vec<Step> {
    let result = site.result.0;
    let mut search = Found {
        site,
        steps: Vec::new(),
        budget,
    };
    for x in operands {
        search.try_step(Add, &[*x, *x]);
        search.try_step(Mul, &[*x, *x]);
        if x.value != 0 {
            search.try_step(Div, &[*x, *x]);
        }
    }
    for (i, x) in operands.iter().enumerate() {
        for y in &operands[i + 1..] {
            let is_idle = |neutral: i128| {
                (x.value, y.value) == (neutral, result) || (x.value, y.value) == (result, neutral)
            };
            let is_step = !x.is_same_result(y) && !is_idle(1) && !is_idle(0);
            if is_step && search.budget.take_group() {
                search.pair(*x, *y);
            }
        }
    }
    for triple in triples(operands) {
        if !search.budget.take_group() {
            break;
        }
        let [x, y, z] = &triple;
        let repeats = x.is_same_result(y) || x.is_same_result(z) || y.is_same_result(z);
        if !repeats && triple.iter().any(|operand| operand.value != result) {
            search.triple(&triple);
        }
    }
    search.steps
}

impl Found<'_> {
    /// Steps of three operands in the main loop's order.
    fn triple(&mut self, triple: &[Operand; 3]) {
        let orders = ORDERS.map(|order| order.map(|i| triple[i]));
        self.try_step(Add, triple);
        for operands in &orders {
            if !self.guarded(AddSub, operands) {
                self.try_step(SubSub, operands);
            }
        }
        self.try_step(Mul, triple);
        for operands in &orders {
            if !self.guarded(MulDiv, operands) {
                self.try_step(DivDiv, operands);
            }
        }
        for operands in &orders {
            self.try_step(AddMul, operands);
            self.try_step(SubMul, operands);
            self.try_step(MulAdd, operands);
            if !self.is_twice_less_itself(operands) {
                self.try_step(MulSub, operands);
            }
        }
        for operands in &orders {
            for operation in [AddDiv, SubDiv, DivAdd, DivSub] {
                self.try_step(operation, operands);
            }
        }
    }

    /// Whether the step is x * 2 - x = x, in either order.
    fn is_twice_less_itself(&self, operands: &[Operand; 3]) -> bool {
        let [a, b, c] = operands.map(|operand| operand.value);
        c == self.site.result.0 && ((a, b) == (2, c) || (a, b) == (c, 2))
    }
}

/// All triples of a list, in index order.
fn triples(list: &[Operand]) -> impl Iterator<Item = [Operand; 3]> {
    let n = list.len();
    (0..n).flat_map(move |i| {
        (i + 1..n).flat_map(move |j| (j + 1..n).map(move |l| [list[i], list[j], list[l]]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(value: i128, rank: i64) -> Operand {
        Operand {
            value,
            rank,
            is_intermediate: false,
            source: OperandOrigin::Column(0),
            in_question: false,
        }
    }

    fn site(result: i128, place: OperandOrigin) -> Site {
        Site {
            place,
            column: 1,
            result: (result, 0),
        }
    }

    /// Formats the steps as `operation operands`, joined.
    fn steps_to(values: &[i128], result: i128) -> String {
        let operands: Vec<Operand> = values.iter().zip(0..).map(|(v, r)| cell(*v, r)).collect();
        let steps = from_operands(
            &operands,
            site(result, OperandOrigin::Column(0)),
            &mut TreeBudget::new(),
        );
        text(&steps)
    }

    fn text(steps: &[Step]) -> String {
        let texts = steps.iter().map(|step| {
            let values: Vec<String> = step.operands.iter().map(|o| o.value.to_string()).collect();
            format!("{} {}", step.operation.code(), values.join(","))
        });
        texts.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn the_order_is_the_published_one() {
        assert_eq!(steps_to(&[6, 2], 12), "+ 6,6; * 6,2");
        // 4 * 6 / 2 cancels nothing; both orders of the product are steps.
        assert_eq!(
            steps_to(&[6, 4, 2], 12),
            "+ 6,6; * 6,2; + 6,4,2; */ 6,4,2; */ 4,6,2"
        );
        assert_eq!(steps_to(&[3, 7], 1), "/ 3,3; / 7,7");
        assert_eq!(steps_to(&[0], 1), "");
        assert_eq!(steps_to(&[2], 4), "+ 2,2; * 2,2");
    }

    #[test]
    fn idle_and_cancelling_steps_are_left_out() {
        // 5 * 1, 5 + 0 and 5 - 0 do nothing.
        assert_eq!(
            (steps_to(&[5, 1], 5), steps_to(&[0, 5], 5)),
            (String::new(), String::new())
        );
        // 3 + 5 - 3 cancels, and its permutation 3 - 3 - 5 is -5; 5 * 2 - 5 = 5 is twice less itself.
        assert_eq!(steps_to(&[3, 5, 3], 5), "");
        assert_eq!(steps_to(&[5, 2, 5], 5), "");
        // All three equal to the result.
        assert_eq!(steps_to(&[5, 5, 5], 5), "");
    }

    #[test]
    fn one_intermediate_result_is_not_taken_twice() {
        let result = |value| Operand {
            is_intermediate: true,
            ..cell(value, -1)
        };
        let place = site(18, OperandOrigin::Column(2));
        let steps = from_operands(&[result(9), result(9)], place, &mut TreeBudget::new());
        // Each with itself, which is one operand twice, but not the two entries with each other.
        assert_eq!(text(&steps), "+ 9,9; + 9,9");
    }

    #[test]
    fn the_pre_phase_has_an_order_of_its_own() {
        let numbers: Vec<Operand> = [2, 3, 6].map(|value| cell(value, 1000)).to_vec();
        let steps = from_question(
            &numbers,
            site(36, OperandOrigin::Question),
            &mut TreeBudget::new(),
        );
        assert_eq!(text(&steps), "* 6,6; * 2,3,6");
        let steps = from_question(
            &numbers,
            site(1, OperandOrigin::Question),
            &mut TreeBudget::new(),
        );
        // x / x is not a step here, and each order of the three tries all operations in turn.
        assert_eq!(
            text(&steps),
            "- 3,2; */ 2,3,6; */ 3,2,6; // 6,2,3; -- 6,2,3; // 6,3,2; -- 6,3,2"
        );
    }

    #[test]
    fn a_list_without_end_is_cut() {
        let operands: Vec<Operand> = (0..400).map(|rank| cell(1, rank)).collect();
        let mut budget = TreeBudget::new();
        let steps = from_operands(&operands, site(1, OperandOrigin::Column(0)), &mut budget);
        assert!(budget.is_spent && steps.len() <= MAX_CANDIDATES);
    }
}
