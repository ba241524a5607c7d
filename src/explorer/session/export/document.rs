//! A session as a document: what was opened, what the model did, what is known of it, and the notes. Every figure has its n;
//! full precision is in the JSON export.

use crate::core::types::{ModelInfo, Run};
use crate::explorer::session::{Note, Session, Target};
use crate::lab::present::document::{Cell, Document, Part, Section, Table, Unit};
use crate::lab::present::{ablation, run, verdict};

/// Returns the session as a document.
#[must_use]
pub fn document(session: &Session) -> Document {
    let mut sections = vec![problem(session)];
    if let Some(info) = &session.model {
        sections.push(section("model", "Model", vec![model(info)]));
    }
    if let Some(found) = &session.run {
        sections.push(answer(found));
        let latents = vec![run::latents(found, &session.phrases), run::learned(found)];
        sections.push(section("latents", "Latent tokens", latents));
    }
    let ablations = vec![ablation::table(&session.outcomes)];
    sections.push(section("ablations", "Ablations", ablations));
    let exits = vec![run::exits(&session.early_exit)];
    sections.push(section("early_exit", "Early exit", exits));
    if let Some(found) = &session.verdict {
        sections.push(verdict::section(found, session.run.as_ref()));
    }
    sections.push(section("notes", "Notes", vec![notes(&session.notes)]));
    sections.retain(|section| !section.text.is_empty() || !section.parts.is_empty());
    Document {
        schema: "undertone.session-report/1",
        title: "Undertone session".to_owned(),
        warnings: Vec::new(),
        sections,
    }
}

/// Returns a section with the tables that have rows.
fn section(id: &'static str, title: &str, tables: Vec<Table>) -> Section {
    let tables = tables.into_iter().filter(|table| !table.rows.is_empty());
    Section {
        id,
        title: title.to_owned(),
        text: Vec::new(),
        parts: tables.map(Part::Table).collect(),
    }
}

fn facts(id: &str, rows: Vec<(&str, String)>) -> Table {
    let rows = rows.into_iter().filter(|(_, value)| !value.is_empty());
    let rows = rows.map(|(name, value)| (Cell::text(name), Cell::Text(value)));
    Table::facts(id, "", rows.collect())
}

fn problem(session: &Session) -> Section {
    let steps = session
        .problem
        .as_ref()
        .map(|problem| problem.steps.join("; "));
    let gold = session
        .problem
        .as_ref()
        .map(|problem| problem.answer.clone());
    let unknown = session.run.as_ref().map(|run| run.unknown_words.join(", "));
    let found = facts(
        "problem",
        vec![
            ("From", session.origin.clone()),
            ("Gold steps", steps.unwrap_or_default()),
            ("Gold answer", gold.unwrap_or_default()),
            (
                "Words that the vocabulary lacks",
                unknown.unwrap_or_default(),
            ),
            (
                "Written by",
                concat!("undertone ", env!("CARGO_PKG_VERSION")).to_owned(),
            ),
        ],
    );
    let mut section = section("problem", "Problem", vec![found]);
    section.text.push(match session.question() {
        "" => "No problem was opened".to_owned(),
        question => question.to_owned(),
    });
    section
}

fn model(model: &ModelInfo) -> Table {
    facts(
        "model",
        vec![
            (
                "Name",
                format!("{} ({}, {})", model.name, model.family, model.arch),
            ),
            ("SHA-256 of the weights", model.sha256.clone()),
            (
                "Size",
                format!(
                    "{} parameters, {} layers, width {}, vocabulary {}",
                    model.parameters, model.layers, model.width, model.vocab
                ),
            ),
            (
                "Latent tokens",
                format!(
                    "{}; computed in {} on {}",
                    model.n_latents, model.dtype, model.device
                ),
            ),
        ],
    )
}

fn answer(run: &Run) -> Section {
    let correct = match run.answer.correct {
        Some(true) => "equals the gold answer",
        Some(false) => "differs from the gold answer",
        None => "the gold answer is not known",
    };
    let answer = run::answer(&run.answer);
    let logprob = |value| Cell::number(value, Unit::Plain).words();
    let mut text = vec![format!(
        "{answer} (log-prob {}; {correct})",
        logprob(run.answer.logprob)
    )];
    if run.answer.correct == Some(false) {
        text.push(format!(
            "Log-prob of the gold answer: {}",
            logprob(run.gold_logprob)
        ));
    }
    Section {
        text,
        ..section("answer", "Answer", Vec::new())
    }
}

fn notes(notes: &[Note]) -> Table {
    let note = |note: &Note| {
        let about = match note.target {
            Target::Problem => "Problem".to_owned(),
            Target::Latent(latent) => format!("Latent {latent}"),
            Target::Verdict => "Verdict".to_owned(),
        };
        let tag = note
            .tag
            .map_or_else(String::new, |tag| format!(" [{}]", tag.as_str()));
        let name = format!("{about}{tag} ({}, {})", note.author, utc(note.written_at));
        (Cell::Text(name), Cell::text(&note.text))
    };
    Table::facts("notes", "", notes.iter().map(note).collect())
}

/// Formats seconds since 1970-01-01 as `2026-09-21 14:13 UTC` (days to date after Howard Hinnant's `civil_from_days`).
fn utc(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute) = (rest / 3_600, rest % 3_600 / 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explorer::session::sample;
    use crate::lab::present::write::markdown;

    fn report(session: &Session) -> String {
        markdown::document(&document(session)).to_string()
    }

    #[test]
    fn the_report_reads_well() {
        let version = concat!("undertone ", env!("CARGO_PKG_VERSION"));
        let report = report(&sample::whole()).replace(version, "undertone [version]");
        insta::assert_snapshot!(report);
    }

    #[test]
    fn an_empty_session_is_a_report_too() {
        let report = report(&Session::default());
        assert!(report.contains("No problem was opened"), "{report}");
    }

    #[test]
    fn dates_are_right() {
        let table = [
            (0, "1970-01-01 00:00 UTC"),
            (951_782_400, "2000-02-29 00:00 UTC"),
            (1_790_000_000, "2026-09-21 14:13 UTC"),
            (4_107_542_399, "2100-02-28 23:59 UTC"),
        ];
        for (seconds, date) in table {
            assert_eq!(utc(seconds), date);
        }
    }

    #[test]
    fn shares_never_stand_without_their_n() {
        let report = report(&sample::session());
        for line in report.lines().filter(|line| line.contains('%')) {
            assert!(line.contains(" of "), "{line}");
        }
    }
}
