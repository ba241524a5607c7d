//! `undertone lens`: what every layer says at every latent and answer position, and what is fed, seen from the input side.

use super::csv::{self, Sheet};
use super::table::{Pen, Side, Table};
use super::{Head, ReferenceSet, Shown, model_error, publish, ready};
use crate::cli::LensArgs;
use crate::error::Result;
use crate::trace::{LayerCell, LayerLens};

/// The schema name and version.
pub const SCHEMA: &str = "undertone.lens/1";

/// How wide a token may be in a table.
const TOKEN: usize = 10;

/// Runs the command.
///
/// # Errors
/// When the question, the token or the model does not work out.
pub fn run(args: &LensArgs) -> Result<()> {
    let ready = ready(SCHEMA, &args.model, &args.problem, ReferenceSet::Unneeded)?;
    let token = match &args.token {
        Some(text) => Some(ready.explorer.token_id(text).map_err(model_error)?),
        None => args.token_id,
    };
    let study = ready
        .explorer
        .layers(&ready.clean, token, &ready.cancel)
        .map_err(model_error)?;
    publish(args.report, &ready.head, &study)
}

impl Shown for LayerLens {
    fn csv(&self, head: &Head) -> String {
        let mut shared = csv::origin(head);
        shared.extend([
            ("token", self.token.to_string()),
            ("text", csv::text(Some(&self.text))),
        ]);
        let mut sheet = Sheet::new(
            shared,
            &[
                "record",
                "layer",
                "column",
                "name",
                "prob",
                "rank",
                "top_id",
                "top_text",
                "top_logit",
                "top_prob",
                "latent",
                "place",
                "id",
                "token_text",
                "cosine",
                "dot",
            ],
        );
        for row in &self.rows {
            for (at, cell) in row.cells.iter().enumerate() {
                sheet.push(vec![
                    ("record", "layer".to_owned()),
                    ("layer", row.layer.to_string()),
                    ("column", at.to_string()),
                    ("name", csv::text(self.columns.get(at).map(String::as_str))),
                    ("prob", cell.prob.to_string()),
                    ("rank", cell.rank.to_string()),
                    ("top_id", cell.top.id.to_string()),
                    ("top_text", csv::text(Some(&cell.top.text))),
                    ("top_logit", cell.top.logit.to_string()),
                    ("top_prob", cell.top.prob.to_string()),
                ]);
            }
        }
        for input in &self.inputs {
            for (place, near) in input.nearest.iter().enumerate() {
                sheet.push(vec![
                    ("record", "input".to_owned()),
                    ("latent", input.latent.to_string()),
                    ("place", place.to_string()),
                    ("id", near.id.to_string()),
                    ("token_text", csv::text(Some(&near.text))),
                    ("cosine", near.prob.to_string()),
                    ("dot", near.logit.to_string()),
                ]);
            }
        }
        sheet.into_text()
    }

    fn text(&self, _: &Head, pen: Pen) -> String {
        let followed = pen.cut(&self.text, 40);
        let mut text = pen.prose(&format!(
            "each cell: the probability and the rank (from 0) of the token \"{}\" (id {}) as what comes next at the position \
             of the column, read off after the layer of the line with the final norm and the unembedding; the last \
             layer is the model's own output",
            followed, self.token
        ));
        text += &grid(self, pen, |cell| {
            format!("{:.3} {:>4}", cell.prob, cell.rank)
        });
        text += "\n";
        text += &pen.prose("each cell: the most likely token there, and its probability");
        text += &grid(self, pen, |cell| {
            format!("{} {:.2}", pen.cut(&cell.top.text, TOKEN), cell.top.prob)
        });
        if !self.inputs.is_empty() {
            text += "\n";
            text += &pen.prose(
                "the vector fed at each latent, from the input side: the tokens whose embeddings are nearest, with the \
                 cosine",
            );
            for input in &self.inputs {
                let near: Vec<String> = input
                    .nearest
                    .iter()
                    .map(|near| format!("{} {:.2}", pen.cut(&near.text, TOKEN), near.prob))
                    .collect();
                text += &pen.prose(&format!("latent {}: {}", input.latent, near.join(", ")));
            }
        }
        text
    }
}

/// Layers down, positions across.
fn grid(study: &LayerLens, pen: Pen, cell: impl Fn(&LayerCell) -> String) -> String {
    let names: Vec<String> = study
        .columns
        .iter()
        .map(|name| pen.cut(name, TOKEN))
        .collect();
    let mut columns = vec![("layer", Side::Right)];
    columns.extend(names.iter().map(|name| (name.as_str(), Side::Right)));
    let mut table = Table::new(1, &columns);
    for row in &study.rows {
        let cells = row.cells.iter().map(&cell);
        table.row(std::iter::once(row.layer.to_string()).chain(cells));
    }
    table.into_text()
}
