//! `undertone lens`: reads every layer at every latent and answer position, and the fed vectors against the input embedding.

use serde::Serialize;

use super::csv::{self, Fields, Sheet};
use super::table::{Pen, Side, Table};
use super::{Head, ReferenceSet, Shown, publish, ready};
use crate::commands::cli::ReadArgs;
use crate::commands::lens_fit;
use crate::core::error::Result;
use crate::core::types::{LayerCell, LayerLens, LearnedRow, TokenRead};
use crate::engine::model::LensFiles;
use crate::lab::analysis::learned::Learned;
use crate::lab::analysis::learned::card::LayerFigures;

/// The schema name and version.
pub const SCHEMA: &str = "undertone.lens/1";

/// The largest width of a token in a table.
const TOKEN: usize = 10;

/// Runs the command.
///
/// # Errors
/// When the question, the token or the model fails.
pub fn run(args: &ReadArgs) -> Result<()> {
    let mut ready = ready(SCHEMA, &args.model, &args.problem, ReferenceSet::Unneeded)?;
    if let Some(Some(folder)) = &args.learned {
        let files = LensFiles::open(folder)?;
        ready.explorer.use_lens(&files)?;
    }
    let token = match &args.token {
        Some(text) => Some(ready.explorer.token_id(text)?),
        None => args.token_id,
    };
    let (clean, cancel) = (&ready.clean, &ready.cancel);
    let plain = ready.explorer.layers(clean, token, cancel);
    let learned = match &args.learned {
        Some(_) => {
            let rows = ready.explorer.learned_grid(clean, token, cancel);
            let rows = rows?;
            ready.explorer.learned().map(|lens| Beside::new(lens, rows))
        }
        None => None,
    };
    let study = Study {
        learned,
        ..Study::from(plain?)
    };
    publish(args.report, &ready.head, &study)
}

/// The readings of the logit lens, and of a tuned lens if requested.
#[derive(Debug, Serialize)]
pub(super) struct Study {
    #[serde(flatten)]
    plain: LayerLens,
    #[serde(skip_serializing_if = "Option::is_none")]
    learned: Option<Beside>,
}

impl From<LayerLens> for Study {
    fn from(plain: LayerLens) -> Self {
        Self {
            plain,
            learned: None,
        }
    }
}

/// The readings of a tuned lens, with its held-out figures.
#[derive(Debug, Serialize)]
struct Beside {
    /// Its folder, or the model whose bundled lens it is.
    lens: String,
    /// SHA-256 of its maps.
    tensors_sha256: String,
    /// Its held-out figures by layer, from its card.
    held_out: Vec<LayerFigures>,
    rows: Vec<LearnedRow>,
}

impl Beside {
    fn new(lens: &Learned, rows: Vec<LearnedRow>) -> Self {
        Self {
            lens: lens.name().to_owned(),
            tensors_sha256: lens.card().header.tensors_sha256.clone(),
            held_out: lens.card().overall.clone(),
            rows,
        }
    }

    /// Returns one record per listed token of each layer and latent.
    fn records(&self) -> impl Iterator<Item = Fields> {
        let cells = self
            .rows
            .iter()
            .flat_map(|row| row.cells.iter().map(move |cell| (row.layer, cell)));
        cells.flat_map(|(layer, cell)| {
            let listed = cell.top.iter().enumerate();
            listed.map(move |(place, read)| {
                vec![
                    ("record", "learned".to_owned()),
                    ("layer", layer.to_string()),
                    ("latent", cell.latent.to_string()),
                    ("prob", cell.learned.prob.to_string()),
                    ("rank", cell.learned.rank.to_string()),
                    ("place", place.to_string()),
                    ("top_id", read.id.to_string()),
                    ("top_text", csv::text(Some(&read.text))),
                    ("top_logit", read.logit.to_string()),
                    ("top_prob", read.prob.to_string()),
                ]
            })
        })
    }

    fn text(&self, followed: &str, pen: Pen) -> String {
        let mut text = pen.prose(&format!(
            "{}: the same states through maps that were trained on gold steps; \"{followed}\" and the most likely token, plain \
             and learned",
            self.lens
        ));
        let mut table = Table::new(
            2,
            &[
                ("layer", Side::Right),
                ("latent", Side::Right),
                ("plain", Side::Right),
                ("learned", Side::Right),
                ("plain first", Side::Left),
                ("learned first five", Side::Left),
            ],
        );
        let said = |read: &TokenRead| format!("{} {:.2}", pen.cut(&read.text, TOKEN), read.prob);
        let follow = |cell: &LayerCell| format!("{:.3} {:>4}", cell.prob, cell.rank + 1);
        for row in &self.rows {
            for cell in &row.cells {
                let listed: Vec<String> = cell.top.iter().map(said).collect();
                table.row([
                    row.layer.to_string(),
                    cell.latent.to_string(),
                    follow(&cell.plain),
                    follow(&cell.learned),
                    said(&cell.plain.top),
                    listed.join("  "),
                ]);
            }
        }
        text += &table.into_text();
        text += "\n";
        for layer in &self.held_out {
            text += &pen.prose(&held_out(layer));
        }
        text
    }
}

/// Formats the held-out figures of a tuned lens and the logit lens.
fn held_out(layer: &LayerFigures) -> String {
    let figures = &layer.figures;
    format!(
        "held-out problems, layer {}: the result of the gold step comes first in {} % (plain {} %), among the first five in {} % \
         (plain {} %) of {} latents; selectivity {:+.3} against shuffled labels, {:+.3} against renamed ones",
        layer.layer,
        lens_fit::share(&figures.learned.top1),
        lens_fit::share(&figures.plain.top1),
        lens_fit::share(&figures.learned.top5),
        lens_fit::share(&figures.plain.top5),
        figures.n,
        figures.selectivity.shuffled,
        figures.selectivity.renamed
    )
}

impl Shown for Study {
    fn csv(&self, head: &Head) -> String {
        let plain = &self.plain;
        let mut shared = csv::origin(head);
        shared.extend([
            ("token", plain.token.to_string()),
            ("text", csv::text(Some(&plain.text))),
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
        for row in &plain.rows {
            for (at, cell) in row.cells.iter().enumerate() {
                sheet.push(vec![
                    ("record", "layer".to_owned()),
                    ("layer", row.layer.to_string()),
                    ("column", at.to_string()),
                    ("name", csv::text(plain.columns.get(at).map(String::as_str))),
                    ("prob", cell.prob.to_string()),
                    ("rank", cell.rank.to_string()),
                    ("top_id", cell.top.id.to_string()),
                    ("top_text", csv::text(Some(&cell.top.text))),
                    ("top_logit", cell.top.logit.to_string()),
                    ("top_prob", cell.top.prob.to_string()),
                ]);
            }
        }
        for input in &plain.inputs {
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
        for fields in self.learned.iter().flat_map(Beside::records) {
            sheet.push(fields);
        }
        sheet.into_text()
    }

    fn text(&self, _: &Head, pen: Pen) -> String {
        let plain = &self.plain;
        let followed = pen.cut(&plain.text, 40);
        let mut text = pen.prose(&format!(
            "each cell: the probability and the rank (from 1) of the token \"{}\" (id {}) as what comes next at the position \
             of the column, read off after the layer of the line with the final norm and the unembedding; the last \
             layer is the model's own output",
            followed, plain.token
        ));
        text += &grid(plain, pen, |cell| {
            format!("{:.3} {:>4}", cell.prob, cell.rank + 1)
        });
        text += "\n";
        text += &pen.prose("each cell: the most likely token there, and its probability");
        text += &grid(plain, pen, |cell| {
            format!("{} {:.2}", pen.cut(&cell.top.text, TOKEN), cell.top.prob)
        });
        if !plain.inputs.is_empty() {
            text += "\n";
            text += &pen.prose(
                "the vector fed at each latent, from the input side: the tokens whose embeddings are nearest, with the \
                 cosine",
            );
            for input in &plain.inputs {
                let near: Vec<String> = input
                    .nearest
                    .iter()
                    .map(|near| format!("{} {:.2}", pen.cut(&near.text, TOKEN), near.prob))
                    .collect();
                text += &pen.prose(&format!("latent {}: {}", input.latent, near.join(", ")));
            }
        }
        if let Some(learned) = &self.learned {
            text += "\n";
            text += &learned.text(&followed, pen);
        }
        text
    }
}

/// Formats a table with layers as rows and positions as columns.
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
