//! `undertone lens`: reads every layer at every latent and answer position, and the fed vectors against the input embedding.

use serde::Serialize;

use super::{ReferenceSet, Shown, csv, publish, ready, words};
use crate::commands::cli::ReadArgs;
use crate::core::error::Result;
use crate::core::types::{LayerCell, LayerLens, LearnedRow, TokenRead};
use crate::engine::model::LensFiles;
use crate::lab::analysis::learned::Learned;
use crate::lab::analysis::learned::card::LayerFigures;
use crate::lab::present::document::{Cell, Column, Fields, Section, Table, share_words};

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
                    ("top_text", read.text.clone()),
                    ("top_logit", read.logit.to_string()),
                    ("top_prob", read.prob.to_string()),
                ]
            })
        })
    }

    fn table(&self, followed: &str) -> Table {
        let mut table = Table::untitled(
            format!(
                "{}: the same states through maps that were trained on gold steps; \"{followed}\" and the most likely token, \
                 plain and learned",
                self.lens
            ),
            2,
            &[
                "layer",
                "latent",
                "plain",
                "learned",
                "plain first",
                "learned first five",
            ],
        );
        for row in &self.rows {
            for cell in &row.cells {
                let listed: Vec<String> = cell.top.iter().map(token).collect();
                table.push(vec![
                    Cell::Count(row.layer),
                    Cell::Count(cell.latent.0),
                    Cell::figure(rank(&cell.plain)),
                    Cell::figure(rank(&cell.learned)),
                    Cell::text(token(&cell.plain.top)),
                    Cell::text(listed.join("  ")),
                ]);
            }
        }
        table
    }
}

/// Formats a token with its probability.
fn token(read: &TokenRead) -> String {
    format!("{} {:.2}", words::cut(&read.text, TOKEN), read.prob)
}

/// Formats the probability and the rank of the followed token.
fn rank(cell: &LayerCell) -> String {
    format!("{:.3} {:>4}", cell.prob, cell.rank + 1)
}

/// Formats the held-out figures of a tuned lens and the logit lens.
fn held_out(layer: &LayerFigures) -> String {
    let figures = &layer.figures;
    format!(
        "held-out problems, layer {}: the result of the gold step comes first in {} (plain {}), among the first five in {} (plain \
         {}) of {} latents; selectivity {:+.3} against shuffled labels, {:+.3} against renamed ones",
        layer.layer,
        share_words(&figures.learned.top1),
        share_words(&figures.plain.top1),
        share_words(&figures.learned.top5),
        share_words(&figures.plain.top5),
        figures.n,
        figures.selectivity.shuffled,
        figures.selectivity.renamed
    )
}

impl Shown for Study {
    fn columns(&self) -> Vec<&'static str> {
        vec![
            "token",
            "text",
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
        ]
    }

    fn records(&self) -> Vec<Fields> {
        let plain = &self.plain;
        let layers = plain.rows.iter().flat_map(|row| {
            let cells = row.cells.iter().enumerate();
            cells.map(move |(at, cell)| {
                vec![
                    ("record", "layer".to_owned()),
                    ("layer", row.layer.to_string()),
                    ("column", at.to_string()),
                    ("name", csv::known(plain.columns.get(at))),
                    ("prob", cell.prob.to_string()),
                    ("rank", cell.rank.to_string()),
                    ("top_id", cell.top.id.to_string()),
                    ("top_text", cell.top.text.clone()),
                    ("top_logit", cell.top.logit.to_string()),
                    ("top_prob", cell.top.prob.to_string()),
                ]
            })
        });
        let inputs = plain.inputs.iter().flat_map(|input| {
            let nearest = input.nearest.iter().enumerate();
            nearest.map(move |(place, near)| {
                vec![
                    ("record", "input".to_owned()),
                    ("latent", input.latent.to_string()),
                    ("place", place.to_string()),
                    ("id", near.id.to_string()),
                    ("token_text", near.text.clone()),
                    ("cosine", near.prob.to_string()),
                    ("dot", near.logit.to_string()),
                ]
            })
        });
        let learned = self.learned.iter().flat_map(Beside::records);
        let mut records: Vec<Fields> = layers.chain(inputs).chain(learned).collect();
        for fields in &mut records {
            fields.push(("token", plain.token.to_string()));
            fields.push(("text", plain.text.clone()));
        }
        records
    }

    fn sections(&self) -> Vec<Section> {
        let plain = &self.plain;
        let followed = words::cut(&plain.text, 40);
        let ranks = format!(
            "each cell: the probability and the rank (from 1) of the token \"{}\" (id {}) as what comes next at the position \
             of the column, read off after the layer of the line with the final norm and the unembedding; the last \
             layer is the model's own output",
            followed, plain.token
        );
        let tokens = "each cell: the most likely token there, and its probability";
        let grids = [
            grid(plain, &ranks, rank),
            grid(plain, tokens, |cell| token(&cell.top)),
        ];
        let mut inputs = Vec::new();
        if !plain.inputs.is_empty() {
            inputs.push(
                "the vector fed at each latent, from the input side: the tokens whose embeddings are nearest, with the \
                 cosine"
                    .to_owned(),
            );
        }
        for input in &plain.inputs {
            let near: Vec<String> = input.nearest.iter().map(token).collect();
            inputs.push(format!("latent {}: {}", input.latent, near.join(", ")));
        }
        let mut sections = vec![Section::untitled([], grids), Section::untitled(inputs, [])];
        if let Some(learned) = &self.learned {
            let held_out: Vec<String> = learned.held_out.iter().map(held_out).collect();
            sections.push(Section::untitled([], [learned.table(&followed)]));
            sections.push(Section::untitled(held_out, []));
        }
        sections
    }
}

/// Returns a table with layers as rows and positions as columns.
fn grid(study: &LayerLens, caption: &str, cell: impl Fn(&LayerCell) -> String) -> Table {
    let mut table = Table::untitled(caption, 1, &["layer"]);
    let names = study.columns.iter().map(|name| words::cut(name, TOKEN));
    let names = names.map(|name| Column::new("position", name));
    table.columns.extend(names);
    for row in &study.rows {
        let cells = row.cells.iter().map(|read| Cell::figure(cell(read)));
        let first = std::iter::once(Cell::Count(row.layer));
        table.push(first.chain(cells).collect());
    }
    table
}
