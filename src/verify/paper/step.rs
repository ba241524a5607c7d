//! A step of forward chaining: operation, operands with their sources, result (docs/methods.md M6.4).

use super::grid::Ranked;

/// The operation of a step; two-character codes take three operands and follow the usual precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// a + b, or a + b + c.
    Add,
    /// a - b.
    Sub,
    /// a * b, or a * b * c.
    Mul,
    /// a / b, exact.
    Div,
    /// a + b - c.
    AddSub,
    /// a - b - c.
    SubSub,
    /// (a * b) / c, exact.
    MulDiv,
    /// (a / b) / c, exact at each division.
    DivDiv,
    /// a + b * c.
    AddMul,
    /// a - b * c.
    SubMul,
    /// a * b + c.
    MulAdd,
    /// a * b - c.
    MulSub,
    /// a + b / c, exact.
    AddDiv,
    /// a - b / c, exact.
    SubDiv,
    /// a / b + c, exact.
    DivAdd,
    /// a / b - c, exact.
    DivSub,
}

use Operation::{
    Add, AddDiv, AddMul, AddSub, Div, DivAdd, DivDiv, DivSub, Mul, MulAdd, MulDiv, MulSub, Sub,
    SubDiv, SubMul, SubSub,
};

impl Operation {
    /// The three-operand operations except plain sum and product, in the order of the pre-phase.
    pub const OF_THREE: [Self; 12] = [
        MulDiv, DivDiv, AddSub, SubSub, AddMul, SubMul, MulAdd, MulSub, AddDiv, SubDiv, DivAdd,
        DivSub,
    ];

    /// Returns the published code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Add => "+",
            Sub => "-",
            Mul => "*",
            Div => "/",
            AddSub => "+-",
            SubSub => "--",
            MulDiv => "*/",
            DivDiv => "//",
            AddMul => "+*",
            SubMul => "-*",
            MulAdd => "*+",
            MulSub => "*-",
            AddDiv => "+/",
            SubDiv => "-/",
            DivAdd => "/+",
            DivSub => "/-",
        }
    }

    /// Applies the operation to two or three operands; returns `None` if a division is inexact or by zero, the number of operands
    /// does not fit, or a value exceeds 127 bits.
    #[must_use]
    pub fn apply(self, operands: &[i128]) -> Option<i128> {
        match (self, operands) {
            (Add, &[a, b]) => a.checked_add(b),
            (Sub, &[a, b]) => a.checked_sub(b),
            (Mul, &[a, b]) => a.checked_mul(b),
            (Div, &[a, b]) => exact(a, b),
            (Add, &[a, b, c]) => a.checked_add(b)?.checked_add(c),
            (Mul, &[a, b, c]) => a.checked_mul(b)?.checked_mul(c),
            (AddSub, &[a, b, c]) => a.checked_add(b)?.checked_sub(c),
            (SubSub, &[a, b, c]) => a.checked_sub(b)?.checked_sub(c),
            (MulDiv, &[a, b, c]) => exact(a.checked_mul(b)?, c),
            (DivDiv, &[a, b, c]) => exact(exact(a, b)?, c),
            (AddMul, &[a, b, c]) => a.checked_add(b.checked_mul(c)?),
            (SubMul, &[a, b, c]) => a.checked_sub(b.checked_mul(c)?),
            (MulAdd, &[a, b, c]) => a.checked_mul(b)?.checked_add(c),
            (MulSub, &[a, b, c]) => a.checked_mul(b)?.checked_sub(c),
            (AddDiv, &[a, b, c]) => a.checked_add(exact(b, c)?),
            (SubDiv, &[a, b, c]) => a.checked_sub(exact(b, c)?),
            (DivAdd, &[a, b, c]) => exact(a, b)?.checked_add(c),
            (DivSub, &[a, b, c]) => exact(a, b)?.checked_sub(c),
            _ => None,
        }
    }
}

/// The quotient if it is whole.
fn exact(a: i128, b: i128) -> Option<i128> {
    // Most values are small, and 64-bit division is many times faster.
    if b != -1
        && let (Ok(a), Ok(b)) = (i64::try_from(a), i64::try_from(b))
    {
        return (a.checked_rem(b)? == 0)
            .then(|| a.checked_div(b))
            .flatten()
            .map(i128::from);
    }
    (a.checked_rem(b)? == 0).then(|| a.checked_div(b)).flatten()
}

/// The origin of an operand, or of the operands of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OperandOrigin {
    /// The question.
    Question,
    /// A column of the grid.
    Column(usize),
}

impl OperandOrigin {
    /// Returns the column; `None`, which sorts first, for the question.
    #[must_use]
    pub fn column(self) -> Option<usize> {
        match self {
            Self::Question => None,
            Self::Column(column) => Some(column),
        }
    }
}

/// An operand of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operand {
    /// Its value.
    pub value: i128,
    /// Its rank in its column; -1 for the result of a selected step, 1000 and more for a number of the question.
    pub rank: i64,
    /// Whether it counts as an intermediate result.
    pub is_intermediate: bool,
    /// Its origin.
    pub source: OperandOrigin,
    /// Whether its value is a number of the question.
    pub in_question: bool,
}

impl Operand {
    /// Returns the column that it was read at if it is an intermediate result.
    #[must_use]
    pub fn intermediate_at(&self) -> Option<usize> {
        self.source.column().filter(|_| self.is_intermediate)
    }

    /// Whether it counts as a number of the question.
    #[must_use]
    pub fn is_question(&self) -> bool {
        self.in_question || self.source == OperandOrigin::Question
    }

    /// Whether both are the same intermediate result.
    pub(super) fn is_same_result(&self, other: &Self) -> bool {
        self.is_intermediate
            && other.is_intermediate
            && (self.value, self.source) == (other.value, other.source)
    }
}

/// A step whose result is the first integer of its column.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The operation.
    pub operation: Operation,
    /// Two or three operands, in the order of the operation.
    pub operands: Vec<Operand>,
    /// Its result.
    pub result: i128,
    /// The column of its operands; the question in the pre-phase.
    pub place: OperandOrigin,
    /// The column of the result.
    pub column: usize,
    /// The rank of the result in its column.
    pub result_rank: usize,
    /// Smaller is better: minus the number of intermediate results, or else the mean rank of the operands.
    pub rank: Rank,
    /// Whether all its operands lead back to the question.
    pub is_explainable: bool,
    /// Whether it was verified; `None` without a verifier.
    pub verified: Option<bool>,
}

/// The rank of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rank {
    /// Minus the number of operands that are intermediate results; sorts before every mean.
    Results(i64),
    /// The mean rank of the operands.
    Mean(f64),
}

impl Rank {
    /// Returns the rank as a number.
    #[must_use]
    #[allow(
        clippy::cast_precision_loss,
        reason = "there are at most three operands"
    )]
    pub fn value(self) -> f64 {
        match self {
            Self::Results(minus) => minus as f64,
            Self::Mean(mean) => mean,
        }
    }
}

/// The place and column of a step's operands and result.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    pub place: OperandOrigin,
    pub column: usize,
    /// The result and its rank.
    pub result: Ranked,
}

impl Site {
    /// Creates a step at this site.
    pub(super) fn step(&self, operation: Operation, operands: Vec<Operand>) -> Step {
        Step {
            operation,
            rank: step_rank(&operands),
            operands,
            result: self.result.0,
            place: self.place,
            column: self.column,
            result_rank: self.result.1,
            is_explainable: false,
            verified: None,
        }
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "ranks and counts of operands are far below 2^52"
)]
fn step_rank(operands: &[Operand]) -> Rank {
    let results = operands.iter().filter(|o| o.intermediate_at().is_some());
    match results.count() {
        0 => {
            let sum: i64 = operands.iter().map(|o| o.rank).sum();
            Rank::Mean(sum as f64 / operands.len() as f64)
        }
        n => Rank::Results(-i64::try_from(n).unwrap_or(3)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_read_left_to_right_with_the_usual_precedence() {
        let table = [
            (AddSub, [7, 5, 2], Some(10)),
            (SubSub, [7, 5, 2], Some(0)),
            (MulDiv, [7, 4, 2], Some(14)),
            (MulDiv, [7, 5, 2], None),
            (DivDiv, [12, 3, 2], Some(2)),
            // 12 / 8 is not whole, though 12 / 8 / 3 * 2 would be.
            (DivDiv, [12, 8, 3], None),
            (AddMul, [1, 2, 3], Some(7)),
            (SubMul, [1, 2, 3], Some(-5)),
            (MulAdd, [2, 3, 4], Some(10)),
            (MulSub, [2, 3, 4], Some(2)),
            (AddDiv, [1, 6, 3], Some(3)),
            (SubDiv, [1, 6, 3], Some(-1)),
            (DivAdd, [6, 3, 1], Some(3)),
            (DivSub, [6, 3, 1], Some(1)),
            (DivSub, [6, 0, 1], None),
            (Add, [1, 2, 3], Some(6)),
            (Mul, [2, 3, 4], Some(24)),
            (Mul, [i128::MAX, 2, 1], None),
            (Sub, [1, 2, 3], None),
        ];
        for (operation, operands, result) in table {
            assert_eq!(
                operation.apply(&operands),
                result,
                "{operation:?} {operands:?}"
            );
        }
        assert_eq!(
            (Div.apply(&[6, -3]), Div.apply(&[7, 3]), Div.apply(&[0, 0])),
            (Some(-2), None, None)
        );
        assert_eq!(Div.apply(&[i128::MIN, -1]), None);
        assert_eq!(Div.apply(&[i128::from(i64::MIN), -1]), Some(1 << 63));
    }

    #[test]
    fn results_come_before_means() {
        let mut ranks = [
            Rank::Mean(-0.5),
            Rank::Results(-1),
            Rank::Mean(2.0),
            Rank::Results(-2),
        ];
        ranks.sort_by(|a, b| a.value().total_cmp(&b.value()));
        assert_eq!(ranks[..2], [Rank::Results(-2), Rank::Results(-1)]);
    }
}
