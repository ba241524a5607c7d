//! The results of the published searches as JSON, with the fields of the recorded goldens.

use serde_json::{Map, Number, Value, json};

use crate::verify::paper::backtracking::{self, Role};
use crate::verify::paper::chain::ChainingResult;
use crate::verify::paper::drawing::{At, Drawing, NodeKind};
use crate::verify::paper::step::{OperandOrigin, Rank, Step};
use crate::verify::paper::tree::Tree;

/// Serialises an integer; as a float beyond 64 bits.
#[must_use]
pub fn whole(value: i128) -> Value {
    #[allow(
        clippy::cast_precision_loss,
        reason = "JSON has no whole numbers beyond 64 bits here"
    )]
    let float = || Value::from(value as f64);
    Number::from_i128(value).map_or_else(float, Value::Number)
}

/// Serialises a number, as an integer if it is one.
#[must_use]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "only what survives the way there and back is written as whole"
)]
pub fn number(value: f64) -> Value {
    let cut = value as i128;
    if cut as f64 == value {
        whole(cut)
    } else {
        Value::from(value)
    }
}

/// Rounds a mean to six places, as in the goldens.
#[must_use]
pub fn rounded(value: f64) -> Value {
    Value::from((value * 1e6).round() / 1e6)
}

fn rank(rank: Rank) -> Value {
    match rank {
        Rank::Results(minus) => Value::from(minus),
        Rank::Mean(mean) => rounded(mean),
    }
}

fn place(place: OperandOrigin) -> Value {
    match place {
        OperandOrigin::Question => Value::from("question"),
        OperandOrigin::Column(column) => Value::from(column),
    }
}

/// Serialises a step as in the goldens: operation, operands, result, operand column, result column, sources, ranks, rank of
/// the result, rank of the step, explainable, and verified if it was checked.
#[must_use]
pub fn step(step: &Step) -> Value {
    let operands = &step.operands;
    let mut fields = vec![
        Value::from(step.operation.code()),
        operands.iter().map(|o| whole(o.value)).collect(),
        whole(step.result),
        place(step.place),
        Value::from(step.column),
        operands.iter().map(|o| place(o.source)).collect(),
        operands.iter().map(|o| Value::from(o.rank)).collect(),
        Value::from(step.result_rank),
        rank(step.rank),
        Value::from(u8::from(step.is_explainable)),
    ];
    fields.extend(
        step.verified
            .map(|verified| Value::from(u8::from(verified))),
    );
    Value::Array(fields)
}

fn steps<'a>(list: impl IntoIterator<Item = &'a Step>) -> Value {
    list.into_iter().map(step).collect()
}

/// Serialises the selected steps by operand column, or by result column for steps from the question alone.
#[must_use]
pub fn best_steps(chain: &ChainingResult) -> Value {
    let name = |step: &Step| match step.place {
        OperandOrigin::Question => format!("question_result_{}", step.column),
        OperandOrigin::Column(column) => column.to_string(),
    };
    let named = chain.selected.iter().map(|s| (name(s), step(s)));
    Value::Object(named.collect())
}

/// Serialises the candidates by operand column.
#[must_use]
pub fn candidates(chain: &ChainingResult) -> Value {
    let listed = chain.candidates.iter();
    let listed = listed.map(|(column, list)| (column.to_string(), steps(list)));
    Value::Object(listed.collect())
}

/// Serialises the number of candidates of each operand column.
#[must_use]
pub fn candidates_per_position(chain: &ChainingResult) -> Value {
    let counted = chain.candidates.iter();
    let counted = counted.map(|(column, list)| (column.to_string(), Value::from(list.len())));
    Value::Object(counted.collect())
}

/// Serialises a tree without its drawing.
#[must_use]
pub fn tree(tree: &Tree, selected: &[Step], answer_column: usize) -> Map<String, Value> {
    let combination = tree.combination.as_ref().map(|combination| {
        let values: Vec<Value> = combination.values.iter().map(|v| whole(*v)).collect();
        json!({"values": values, "operation": combination.operation.code()})
    });
    let copied = tree.copied.map(|step| copy(&selected[step], answer_column));
    let fields = [
        ("steps", steps(tree.steps.iter().map(|i| &selected[*i]))),
        ("num_steps", Value::from(tree.steps.len())),
        ("avg_rank", rounded(tree.mean_rank(selected))),
        ("uses_direct_final_step", Value::from(combination.is_none())),
        ("final_combination", combination.unwrap_or_default()),
        ("copy_step", copied.unwrap_or_default()),
        (
            "tree_explainable",
            Value::from(tree.is_explainable(selected)),
        ),
    ];
    let named = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    named.collect()
}

/// Serialises the copy of a step's result to the answer.
fn copy(step: &Step, answer_column: usize) -> Value {
    let rank = step.result_rank;
    json!([
        "copy",
        [whole(step.result)],
        whole(step.result),
        step.column,
        answer_column,
        [Value::Null],
        [rank],
        0,
        rank,
        0
    ])
}

/// Serialises a number of the question that is the first integer of a column, with its place in the question and its rank.
#[must_use]
pub fn copy_from_question(value: i128, place: usize, column: usize, rank: usize) -> Value {
    let order = 1000 + place;
    json!([
        "copy_from_question",
        [whole(value)],
        whole(value),
        "question",
        column,
        ["question"],
        [order],
        rank,
        order,
        0
    ])
}

/// Serialises a drawing's nodes and edges.
#[must_use]
pub fn drawing(drawing: &Drawing) -> [(String, Value); 2] {
    let at = |at: At| match at {
        At::Question => Value::from("question"),
        At::Column(column) => Value::from(column),
        At::Combined => Value::from("combined"),
    };
    let kind = |kind: NodeKind| match kind {
        NodeKind::Leaf => "leaf",
        NodeKind::Intermediate => "intermediate",
        NodeKind::Final => "final",
    };
    let nodes = drawing.nodes.iter();
    let nodes: Vec<Value> = nodes
        .map(|((value, place, rank), of)| json!([whole(*value), at(*place), rank, kind(*of)]))
        .collect();
    let edges = drawing.edges.iter();
    let edges: Vec<Value> = edges
        .map(|(a, b)| json!([whole(a.0), at(a.1), a.2, whole(b.0), at(b.1), b.2]))
        .collect();
    [
        ("nodes".to_owned(), Value::Array(nodes)),
        ("edges".to_owned(), Value::Array(edges)),
    ]
}

/// Serialises the result of backtracking.
#[must_use]
pub fn backtracking(found: &backtracking::BacktrackingResult) -> Value {
    let role = |role: Role| match role {
        Role::Final => "final",
        Role::Intermediate => "intermediate",
        Role::Leaf => "leaf",
        Role::Question => "question",
    };
    let at = |column: Option<usize>| column.map_or(Value::from(-1), Value::from);
    let tree = found.best.as_ref().map(|tree| {
        let nodes = tree.nodes.iter();
        let nodes: Vec<Value> = nodes
            .map(|((value, column, rank), of)| {
                json!([number(*value), at(*column), rank, role(*of)])
            })
            .collect();
        let edges = tree.edges.iter();
        let edges: Vec<Value> = edges
            .map(|(a, b)| json!([number(a.0), at(a.1), a.2, number(b.0), at(b.1), b.2]))
            .collect();
        json!({"nodes": nodes, "edges": edges})
    });
    json!({
        "vp_impossible": found.is_impossible,
        "count": found.count,
        "score": found.score.map(|(questions, places)| [questions, places]),
        "best_tree": tree,
    })
}
