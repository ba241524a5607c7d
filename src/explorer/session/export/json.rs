//! The JSON export: everything in the session at full precision; reads back as the same session.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::core::error::{Error, Result};
use crate::core::problem::Problem;
use crate::core::text::Page;
use crate::core::types::{EarlyExit, LatentIdx, ModelInfo, Outcome, Phrase, Run, Verdict};
use crate::explorer::session::{Note, Session};

/// The schema name and version written in every export.
pub const SCHEMA: &str = "undertone.export/1";

/// The export as an object, with fields in file order.
#[derive(Debug, Serialize, Deserialize)]
struct Export {
    schema: String,
    tool: Tool,
    origin: String,
    problem: Option<Problem>,
    model: Option<ModelInfo>,
    run: Option<Run>,
    phrases: Vec<LatentPhrases>,
    early_exit: Vec<EarlyExit>,
    ablations: Vec<Outcome>,
    verdict: Option<Verdict>,
    notes: Vec<Note>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Tool {
    name: String,
    version: String,
}

#[derive(Debug, Serialize, Deserialize)]
struct LatentPhrases {
    latent: LatentIdx,
    phrases: Vec<Phrase>,
}

/// The fields that identify a file.
#[derive(Deserialize)]
struct Schema {
    schema: String,
}

/// Returns the session as one indented JSON object.
#[must_use]
pub fn to_json(session: &Session) -> Page {
    let session = session.clone();
    let export = Export {
        schema: SCHEMA.to_owned(),
        tool: Tool {
            name: "undertone".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        },
        origin: session.origin,
        problem: session.problem,
        model: session.model,
        run: session.run,
        phrases: session
            .phrases
            .into_iter()
            .map(|(latent, phrases)| LatentPhrases { latent, phrases })
            .collect(),
        early_exit: session.early_exit,
        ablations: session.outcomes,
        verdict: session.verdict,
        notes: session.notes,
    };
    let json = Page::json(&export).expect("plain data with text keys always serialises");
    json.ended()
}

/// Reads an export back; `path` is used in errors only.
///
/// # Errors
/// The file, and the line that cannot be parsed.
pub fn from_json(text: &str, path: &Path) -> Result<Session> {
    const HINT: &str = "open a file that undertone exported as JSON";
    let failed = |why: serde_json::Error| {
        Error::data(
            path,
            Some(why.line()),
            format!("not an export: {why}"),
            HINT,
        )
    };
    let Schema { schema } = serde_json::from_str(text).map_err(failed)?;
    if schema != SCHEMA {
        let message = format!("the file has schema {schema:?}, this version reads {SCHEMA:?}");
        return Err(Error::data(path, None, message, HINT));
    }
    let export: Export = serde_json::from_str(text).map_err(failed)?;
    Ok(Session {
        problem: export.problem,
        origin: export.origin,
        model: export.model,
        run: export.run,
        outcomes: export.ablations,
        phrases: export
            .phrases
            .into_iter()
            .map(|of| (of.latent, of.phrases))
            .collect(),
        early_exit: export.early_exit,
        verdict: export.verdict,
        notes: export.notes,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explorer::session::sample;

    #[test]
    fn an_export_reads_back_the_same() {
        for session in [sample::session(), Session::default()] {
            let json = to_json(&session);
            let read = from_json(&json, Path::new("x.json")).expect("readable");
            assert_eq!(read, session);
            assert_eq!(to_json(&read), json);
        }
    }

    #[test]
    fn the_machine_values_are_there() {
        let value: serde_json::Value =
            serde_json::from_str(&to_json(&sample::session())).expect("JSON");
        assert_eq!(value["schema"], SCHEMA);
        assert_eq!(value["run"]["answer"]["logprob"], -0.012_345_678_901_234_5);
        assert_eq!(value["ablations"][0]["effect"]["donors"]["flips"], 15);
        assert_eq!(value["phrases"][0]["latent"], 1);
        assert_eq!(value["verdict"]["null"]["n"], 100);
        assert_eq!(value["notes"][0]["tag"], "interesting");
    }

    #[test]
    fn other_files_are_refused_with_the_line() {
        let json = to_json(&sample::session());
        let newer = json.replace("export/1", "export/9");
        let broken = json.replacen("\"origin\"", "\"origin", 1);
        for (text, says) in [
            ("[]", "line 1"),
            (newer.as_str(), "export/9"),
            (broken.as_str(), "line 7"),
        ] {
            let error = from_json(text, Path::new("x.json")).expect_err("refused");
            assert!(error.to_string().contains(says), "{error}");
        }
    }
}
