//! A document as one HTML file: no scripts, no external resources, light and dark, with the numbers behind each plot.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::json::value;
use super::svg;
use crate::core::text::{Page, sanitize};
use crate::lab::present::document::{Cell, Document, Part, Section, Table, Unit};
use crate::lab::present::plot::{Plot, PlotShape};

/// The content security policy: nothing is fetched or run, whatever untrusted text contains.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// Renders the page.
///
/// # Errors
/// The renderer's message when a plot cannot be drawn.
pub fn document(document: &Document) -> Result<Page, String> {
    let title = sanitize(&document.title);
    let html = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                title { (title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                a.skip href="#main" { "To the figures" }
                header {
                    p.kind { "undertone report" }
                    h1 { (title) }
                    @for warning in &document.warnings {
                        p.warning role="note" { strong { "Note." } " " (prose(warning)) }
                    }
                    nav aria-label="Sections" {
                        ol {
                            @for section in &document.sections {
                                li { a href={ "#section-" (section.id) } { (sanitize(&section.title)) } }
                            }
                        }
                    }
                }
                main #main {
                    @for part in &document.sections { (section(part)?) }
                }
                footer {
                    p {
                        "undertone " (env!("CARGO_PKG_VERSION")) ", schema " (document.schema) ". Intervals are at 95 %. \
                         What each figure means, and what it does not, is in docs/report.md."
                    }
                }
            }
        }
    };
    Ok(Page::new(html.into_string()))
}

/// Formats a sentence with typographic apostrophes and no line break before a percent sign.
fn prose(text: &str) -> String {
    unbroken(&sanitize(text)).replace('\'', "\u{2019}")
}

/// Keeps percent signs with their numbers.
fn unbroken(text: &str) -> String {
    text.replace(" %", "\u{a0}%")
}

fn section(section: &Section) -> Result<Markup, String> {
    let title = format!("section-{}", section.id);
    let is_plot = |part: &Part| matches!(part, Part::Plot(_));
    Ok(html! {
        section aria-labelledby=(title) {
            h2 id=(title) { (sanitize(&section.title)) }
            @for text in &section.text { p { (prose(text)) } }
            @for group in section.parts.chunk_by(|a, b| is_plot(a) == is_plot(b)) {
                @if group.iter().any(is_plot) {
                    div.plots { (parts(group)?) }
                } @else {
                    (parts(group)?)
                }
            }
        }
    })
}

fn parts(parts: &[Part]) -> Result<Markup, String> {
    Ok(html! {
        @for part in parts {
            @match part {
                Part::Table(table) if table.rows.is_empty() => {}
                Part::Table(found) => (table(found)),
                Part::Plot(found) => (plot(found)?),
            }
        }
    })
}

fn table(table: &Table) -> Markup {
    let (id, label) = (sanitize(&table.id), format!("{}-caption", table.id));
    html! {
        figure.table id=(id) {
            figcaption id=(sanitize(&label)) {
                h3 { (sanitize(&table.title)) }
                p { (prose(&table.caption)) }
            }
            (grid(table, &label))
            @if !table.notes.is_empty() {
                ul.notes {
                    @for note in &table.notes { li { (prose(note)) } }
                }
            }
        }
    }
}

/// Renders the table in a container that scrolls sideways.
fn grid(table: &Table, label: &str) -> Markup {
    let label = sanitize(label);
    let kinds: Vec<Option<&str>> = (0..table.columns.len())
        .map(|i| table.is_text(i).then_some("text"))
        .collect();
    html! {
        div.scroll tabindex="0" role="region" aria-labelledby=(label) style={ "--n: " (table.columns.len()) } {
            table aria-labelledby=(label) data-id=(sanitize(&table.id)) {
                thead {
                    tr {
                        @for (column, kind) in table.columns.iter().zip(&kinds) {
                            th scope="col" class=[*kind] { (sanitize(&column.label)) }
                        }
                    }
                }
                tbody {
                    @for row in &table.rows {
                        tr {
                            @for (i, ((cell, column), kind)) in row.iter().zip(&table.columns).zip(&kinds).enumerate() {
                                @let data = sanitize(&value(cell).to_string()).into_owned();
                                @if i == 0 {
                                    th scope="row" class=[*kind] data-key=(column.key) data-value=(data) { (words(cell)) }
                                } @else {
                                    td class=[*kind] data-key=(column.key) data-value=(data) { (words(cell)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Renders a cell's figure with its interval and n.
fn words(cell: &Cell) -> Markup {
    html! {
        @match cell {
            Cell::None("") => { span.none { "–" } }
            Cell::None(why) => { span.none { (sanitize(why)) } }
            Cell::Share(share) => {
                (unbroken(&Unit::Share.words(share.accuracy)))
                " " small { (Unit::Share.range(share.ci95)) }
                " " small { (share.hits) " of " (share.n) }
            }
            Cell::Estimate { value, low, high, unit } => {
                (unit.words(*value)) " " small { (unit.range((*low, *high))) }
            }
            other => (unbroken(&sanitize(&other.words()))),
        }
    }
}

fn plot(plot: &Plot) -> Result<Markup, String> {
    let (id, label) = (sanitize(&plot.id), format!("{}-title", plot.id));
    let kind = match plot.shape {
        PlotShape::Lines => "line",
        PlotShape::Bars => "bar",
    };
    Ok(html! {
        figure.plot id=(id) data-id=(id) {
            h3 id=(sanitize(&label)) { (sanitize(&plot.title)) }
            ul.key {
                @for (i, series) in plot.series.iter().enumerate() {
                    li {
                        span class={ (kind) " s" (i % svg::SERIES.len()) } aria-hidden="true" {}
                        (sanitize(&series.name))
                    }
                }
            }
            (PreEscaped(svg::draw(plot)?))
            figcaption { (prose(&plot.caption)) }
            details {
                summary { "Numbers" }
                (grid(&plot.table(), &label))
            }
        }
    })
}
