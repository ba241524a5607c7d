//! The operands of a search, and every step among them that gives a target value.

use crate::core::problem::Ratio;

use super::{Atom, Op, Step, Term};

/// Work units of one search: pairs and triples of operands, weighted by the sets of numbers and latents behind them. Of 291
/// published questions, six use all of it with three operands, and none more than a twentieth with two.
const MAX_WORK: usize = 4_000_000;
/// Questions with at most this many numbers get the full budget; no published question has more.
const USUAL_NUMBERS: usize = 32;
/// The budget for questions with more numbers. They would exhaust the full one in each of the 2,000 or so searches of a verdict, which
/// takes half a minute. The cut is reported like any other limit.
const WORK_BEYOND: usize = 400_000;
/// Steps kept per target.
const MAX_STEPS: usize = 2000;

/// A value that some latent reads, or the answer, with the steps that give it.
#[derive(Debug, Clone)]
struct Wanted {
    value: Ratio,
    steps: Vec<Step>,
    /// Whether further steps were dropped.
    is_cut: bool,
}

/// The operands so far, and every step among them that gives a target.
#[derive(Debug)]
pub(super) struct ValuePool {
    atoms: Vec<Atom>,
    n_numbers: usize,
    /// Sorted by value.
    targets: Vec<Wanted>,
    /// A coarse filter for `targets`, by the low bits of an integer.
    maybe: [bool; 256],
    three_operands: bool,
    work: usize,
    /// Whether the budget ran out.
    work_is_spent: bool,
    /// Whether a limit dropped something.
    pub(super) spent: bool,
}

impl ValuePool {
    /// Creates a pool without operands for steps to `values`, from a question with that many `numbers`.
    pub(super) fn new(values: Vec<Ratio>, three_operands: bool, numbers: usize) -> Self {
        let values = ascending(values);
        let maybe = slots(&values);
        let targets = values.into_iter().map(|value| Wanted {
            value,
            steps: Vec::new(),
            is_cut: false,
        });
        Self {
            atoms: Vec::new(),
            n_numbers: 0,
            targets: targets.collect(),
            maybe,
            three_operands,
            work: if numbers <= USUAL_NUMBERS {
                MAX_WORK
            } else {
                WORK_BEYOND
            },
            work_is_spent: false,
            spent: false,
        }
    }

    /// Returns this pool restricted to fewer values, as if it had been built for those alone.
    pub(super) fn narrowed(&self, values: Vec<Ratio>) -> Self {
        let values = ascending(values);
        let maybe = slots(&values);
        let targets: Vec<Wanted> = values
            .into_iter()
            .filter_map(|value| self.target(value).cloned())
            .collect();
        Self {
            atoms: self.atoms.clone(),
            n_numbers: self.n_numbers,
            spent: self.work_is_spent || targets.iter().any(|target| target.is_cut),
            targets,
            maybe,
            three_operands: self.three_operands,
            work: self.work,
            work_is_spent: self.work_is_spent,
        }
    }

    fn target(&self, value: Ratio) -> Option<&Wanted> {
        let at = self.targets.binary_search_by(|t| t.value.cmp(&value));
        at.ok().map(|at| &self.targets[at])
    }

    /// Takes work off the budget; returns false once it is exhausted.
    pub(super) fn take(&mut self, work: usize) -> bool {
        let left = self.work.checked_sub(work);
        self.work = left.unwrap_or(0);
        self.work_is_spent |= left.is_none();
        self.spent |= left.is_none();
        left.is_some()
    }

    pub(super) fn steps(&self, value: Ratio) -> &[Step] {
        self.target(value)
            .map_or(&[], |target| target.steps.as_slice())
    }

    pub(super) fn masks(&self, term: Term) -> &[u128] {
        // Numbers are added before nodes, and nodes in index order.
        let place = match term {
            Term::Number(i) => i,
            Term::Node(n) => self.n_numbers + n,
        };
        self.atoms.get(place).map_or(&[], |a| a.masks.as_slice())
    }

    /// Adds an operand and every step that it makes possible.
    pub(super) fn add(&mut self, atom: Atom) {
        let new = self.atoms.len();
        self.n_numbers += usize::from(matches!(atom.term, Term::Number(_)));
        self.atoms.push(atom);
        let weight = |pool: &Self, i: usize| pool.atoms[i].masks.len() + 1;
        for i in 0..new {
            let pair = weight(self, i) * weight(self, new);
            if !self.take(pair) {
                return;
            }
            self.pair(i, new);
            if self.three_operands {
                for j in i + 1..new {
                    if !self.take(pair * weight(self, j)) {
                        return;
                    }
                    self.triple([i, j, new]);
                }
            }
        }
    }

    fn add_step(&mut self, value: Option<Ratio>, step: Step) {
        if let Some(value) = value.filter(|v| self.maybe[slot(*v)])
            && let Ok(at) = self.targets.binary_search_by(|t| t.value.cmp(&value))
        {
            let target = &mut self.targets[at];
            if target.steps.len() < MAX_STEPS {
                target.steps.push(step);
            } else {
                target.is_cut = true;
                self.spent = true;
            }
        }
    }

    fn pair(&mut self, earlier: usize, later: usize) {
        let (a, b) = (&self.atoms[earlier], &self.atoms[later]);
        if a.factor && b.factor || !any_disjoint(&a.masks, &b.masks) {
            return;
        }
        // Results come before numbers and quantities before factors: "19 * 2", not "2 * 19".
        let swap = a.factor
            || (matches!(a.term, Term::Number(_)) && matches!(b.term, Term::Node(_)) && !b.factor);
        let (x, y) = if swap { (b, a) } else { (a, b) };
        let (x, y, scales) = ((x.term, x.value), (y.term, y.value), a.factor || b.factor);
        let same = x.1 == y.1;
        for (op, (l, left), (r, right), allowed) in [
            (Op::Add, x, y, !scales),
            (Op::Sub, x, y, !scales),
            (Op::Sub, y, x, !scales && !same),
            (Op::Mul, x, y, true),
            (Op::Div, x, y, true),
            (Op::Div, y, x, !scales && !same),
        ] {
            if allowed {
                self.add_step(
                    op.apply(left, right),
                    Step {
                        first: l,
                        rest: [Some((op, r)), None],
                    },
                );
            }
        }
    }

    /// Three operands of one precedence: `a + b - c`, `a * b / c` and the like.
    fn triple(&mut self, atoms: [usize; 3]) {
        let atoms = atoms.map(|i| &self.atoms[i]);
        let two = disjoint_unions(&atoms[0].masks, &atoms[1].masks);
        if !any_disjoint(&two, &atoms[2].masks) {
            return;
        }
        let scales = atoms.iter().any(|atom| atom.factor);
        let operands = atoms.map(|atom| (atom.term, atom.value, atom.factor));
        let forms: [(Op, Op, &[[usize; 3]]); 6] = [
            (Op::Add, Op::Add, &[[0, 1, 2]]),
            (Op::Add, Op::Sub, &[[0, 1, 2], [0, 2, 1], [1, 2, 0]]),
            (Op::Sub, Op::Sub, &[[0, 1, 2], [1, 0, 2], [2, 0, 1]]),
            (Op::Mul, Op::Mul, &[[0, 1, 2]]),
            (Op::Mul, Op::Div, &[[0, 1, 2], [0, 2, 1], [1, 2, 0]]),
            (Op::Div, Op::Div, &[[0, 1, 2], [1, 0, 2], [2, 0, 1]]),
        ];
        for (p, q, orders) in forms {
            if scales && matches!(p, Op::Add | Op::Sub) {
                continue;
            }
            for order in orders {
                let [first, second, third] = order.map(|i| operands[i]);
                // The first operand must be a quantity, not a factor.
                if first.2 {
                    continue;
                }
                let value = p.apply(first.1, second.1).and_then(|v| q.apply(v, third.1));
                let rest = [Some((p, second.0)), Some((q, third.0))];
                self.add_step(
                    value,
                    Step {
                        first: first.0,
                        rest,
                    },
                );
            }
        }
    }
}

fn ascending(mut values: Vec<Ratio>) -> Vec<Ratio> {
    values.sort_unstable();
    values.dedup();
    values
}

fn slots(values: &[Ratio]) -> [bool; 256] {
    let mut maybe = [false; 256];
    for value in values {
        maybe[slot(*value)] = true;
    }
    maybe
}

fn slot(value: Ratio) -> usize {
    let low = value.to_integer().map_or(255, |v| v & 255);
    usize::try_from(low).unwrap_or(255)
}

fn any_disjoint(a: &[u128], b: &[u128]) -> bool {
    a.iter().any(|x| b.iter().any(|y| x & y == 0))
}

pub(super) fn disjoint_unions(a: &[u128], b: &[u128]) -> Vec<u128> {
    let pairs = a.iter().flat_map(|x| b.iter().map(move |y| (x, y)));
    pairs
        .filter(|(x, y)| *x & *y == 0)
        .map(|(x, y)| x | y)
        .collect()
}
