//! A document as one HTML file: no scripts, no external resources, light and dark, with the numbers behind each plot.

use super::json::value;
use super::svg;
use crate::core::text::{Page, sanitize};
use crate::lab::present::document::{Cell, Document, Part, Section, Table};
use crate::lab::present::plot::{Plot, Shape};

/// The content security policy: nothing is fetched or run, whatever untrusted text contains.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// Renders the page.
///
/// # Errors
/// The renderer's message when a plot cannot be drawn.
pub fn document(document: &Document) -> Result<Page, String> {
    let title = escape(&document.title);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<link rel=\"icon\" href=\"data:,\">\n\
         <title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">To the figures</a>\n<header>\n<p class=\"kind\">undertone report</p>\n<h1>{title}</h1>\n",
        include_str!("style.css")
    );
    for warning in &document.warnings {
        html.push_str(&format!(
            "<p class=\"warning\" role=\"note\"><strong>Note.</strong> {}</p>\n",
            prose(warning)
        ));
    }
    html.push_str("<nav aria-label=\"Sections\">\n<ol>\n");
    for section in &document.sections {
        html.push_str(&format!(
            "<li><a href=\"#section-{}\">{}</a></li>\n",
            section.id,
            escape(&section.title)
        ));
    }
    html.push_str("</ol>\n</nav>\n</header>\n<main id=\"main\">\n");
    for part in &document.sections {
        section(&mut html, part)?;
    }
    html.push_str(&format!(
        "</main>\n<footer>\n<p>undertone {}, schema {}. Intervals are at 95 %. What each figure means, and what it does not, \
         is in docs/document.md.</p>\n</footer>\n</body>\n</html>\n",
        env!("CARGO_PKG_VERSION"),
        document.schema
    ));
    Ok(Page::new(html))
}

/// Sanitises and escapes untrusted text for HTML content and attributes.
#[must_use]
pub fn escape(text: &str) -> String {
    let clean = sanitize(text);
    let mut escaped = String::with_capacity(clean.len());
    for c in clean.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Escapes a sentence with typographic apostrophes and no line break before a percent sign.
fn prose(text: &str) -> String {
    escape(text)
        .replace("&#39;", "\u{2019}")
        .replace(" %", "\u{a0}%")
}

fn section(html: &mut String, section: &Section) -> Result<(), String> {
    html.push_str(&format!(
        "<section aria-labelledby=\"section-{0}\">\n<h2 id=\"section-{0}\">{1}</h2>\n",
        section.id,
        escape(&section.title)
    ));
    for text in &section.text {
        html.push_str(&format!("<p>{}</p>\n", prose(text)));
    }
    let mut in_plots = false;
    for part in &section.parts {
        let is_plot = matches!(part, Part::Plot(_));
        if is_plot != in_plots {
            html.push_str(if is_plot {
                "<div class=\"plots\">\n"
            } else {
                "</div>\n"
            });
            in_plots = is_plot;
        }
        match part {
            Part::Table(table) if table.rows.is_empty() => {}
            Part::Table(found) => table(html, found),
            Part::Plot(found) => plot(html, found)?,
        }
    }
    html.push_str(if in_plots {
        "</div>\n</section>\n"
    } else {
        "</section>\n"
    });
    Ok(())
}

fn table(html: &mut String, table: &Table) {
    html.push_str(&format!(
        "<figure class=\"table\" id=\"{0}\">\n<figcaption id=\"{0}-caption\">\n<h3>{1}</h3>\n<p>{2}</p>\n</figcaption>\n",
        escape(&table.id),
        escape(&table.title),
        prose(&table.caption)
    ));
    grid(html, table, &format!("{}-caption", table.id));
    if !table.notes.is_empty() {
        html.push_str("<ul class=\"notes\">\n");
        for note in &table.notes {
            html.push_str(&format!("<li>{}</li>\n", prose(note)));
        }
        html.push_str("</ul>\n");
    }
    html.push_str("</figure>\n");
}

/// Renders the table in a container that scrolls sideways.
fn grid(html: &mut String, table: &Table, label: &str) {
    html.push_str(&format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"{0}\" style=\"--n: {2}\">\n<table aria-labelledby=\"{0}\" data-id=\"{1}\">\n\
         <thead>\n<tr>",
        escape(label),
        escape(&table.id),
        table.columns.len()
    ));
    let is_text = |i: usize| {
        // The column of published numbers may hold a range as text.
        if table.columns[i].key.starts_with("published") {
            return false;
        }
        let mut shown = table.rows.iter().map(|row| &row[i]);
        let all = shown
            .clone()
            .all(|cell| matches!(cell, Cell::Text(_) | Cell::None(_)));
        all && shown.any(|cell| matches!(cell, Cell::Text(_)))
    };
    let kinds: Vec<&str> = (0..table.columns.len())
        .map(|i| if is_text(i) { " class=\"text\"" } else { "" })
        .collect();
    for (column, kind) in table.columns.iter().zip(&kinds) {
        html.push_str(&format!(
            "<th scope=\"col\"{kind}>{}</th>",
            escape(column.label)
        ));
    }
    html.push_str("</tr>\n</thead>\n<tbody>\n");
    for row in &table.rows {
        html.push_str("<tr>");
        for (i, ((cell, column), kind)) in row.iter().zip(&table.columns).zip(&kinds).enumerate() {
            let tag = if i == 0 { "th scope=\"row\"" } else { "td" };
            let end = if i == 0 { "th" } else { "td" };
            html.push_str(&format!(
                "<{tag}{kind} data-key=\"{}\" data-value=\"{}\">{}</{end}>",
                column.key,
                escape(&value(cell).to_string()),
                words(cell)
            ));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody>\n</table>\n</div>\n");
}

/// Renders a cell's figure with its interval and n.
fn words(cell: &Cell) -> String {
    match cell {
        Cell::None("") => "<span class=\"none\">–</span>".to_owned(),
        Cell::None(why) => format!("<span class=\"none\">{}</span>", escape(why)),
        Cell::Share(share) => {
            let (low, high) = (100.0 * share.ci95.0, 100.0 * share.ci95.1);
            format!(
                "{:.1}\u{a0}% <small>{low:.1} to {high:.1}</small> <small>{} of {}</small>",
                100.0 * share.accuracy,
                share.hits,
                share.n
            )
        }
        Cell::Estimate {
            value,
            low,
            high,
            unit,
        } => format!(
            "{} <small>{} to {}</small>",
            unit.words(*value),
            unit.bare(*low),
            unit.bare(*high)
        ),
        other => escape(&other.words()).replace(" %", "\u{a0}%"),
    }
}

fn plot(html: &mut String, plot: &Plot) -> Result<(), String> {
    let id = escape(&plot.id);
    html.push_str(&format!(
        "<figure class=\"plot\" id=\"{id}\" data-id=\"{id}\">\n<h3 id=\"{id}-title\">{}</h3>\n",
        escape(&plot.title)
    ));
    let kind = match plot.shape {
        Shape::Lines => "line",
        Shape::Bars => "bar",
    };
    html.push_str("<ul class=\"key\">\n");
    for (i, series) in plot.series.iter().enumerate() {
        html.push_str(&format!(
            "<li><span class=\"{kind} s{}\" aria-hidden=\"true\"></span>{}</li>\n",
            i % svg::SERIES.len(),
            escape(&series.name)
        ));
    }
    html.push_str("</ul>\n");
    html.push_str(&svg::draw(plot)?);
    html.push_str(&format!(
        "<figcaption>{}</figcaption>\n<details>\n<summary>Numbers</summary>\n",
        prose(&plot.caption)
    ));
    grid(html, &plot.table(), &format!("{}-title", plot.id));
    html.push_str("</details>\n</figure>\n");
    Ok(())
}
