//! The evidence of a verdict as Markdown: edits, interchanges, competing traces and the strategies tried.

use std::fmt::{self, Write};

use super::escape::{foreign, optional};
use crate::core::types::{Patch, Tracks, Try, Used, Verdict};

/// Writes the evidence for the verdict beyond the search.
pub(super) fn write_evidence(out: &mut String, verdict: &Verdict) -> fmt::Result {
    match &verdict.tracks {
        Some(tracks) => write_tracks(out, tracks)?,
        None => writeln!(out, "- TRACKS: not run")?,
    }
    match &verdict.used {
        Some(used) => write_used(out, used)?,
        None => writeln!(out, "- USED: not run")?,
    }
    if !verdict.competing.is_empty() {
        writeln!(out, "\nOther traces that reach the answer:\n")?;
        for steps in &verdict.competing {
            let steps: Vec<String> = steps.iter().map(|s| foreign(&s.text)).collect();
            writeln!(out, "- {}", steps.join("; "))?;
        }
    }
    if !verdict.tried.is_empty() {
        writeln!(out, "\nTried, in order:\n")?;
        for tried in &verdict.tried {
            write_try(out, tried)?;
        }
    }
    Ok(())
}

fn write_tracks(out: &mut String, tracks: &Tracks) -> fmt::Result {
    writeln!(
        out,
        "- TRACKS: {}; {} (test {} of a trace, so its p-values are multiplied by {})",
        tracks.standing.as_str(),
        foreign(&tracks.reason),
        tracks.tests,
        tracks.tests * (tracks.tests + 1)
    )?;
    for s in &tracks.steps {
        writeln!(
            out,
            "  - step {} at latent {}: moved as predicted in {} of {} edits, stayed in {} of {} controls, {} edits not \
             answered as predicted; by chance {:.4}, p = {:.2e}: {}",
            s.step + 1,
            s.latent,
            s.moved,
            s.edits,
            s.still,
            s.controls,
            s.ineligible,
            s.pi0,
            s.p_value,
            s.standing.as_str()
        )?;
    }
    writeln!(
        out,
        "  - {} of {} edits answered as predicted",
        tracks.answered,
        tracks.edits.len()
    )?;
    for place in &tracks.places {
        writeln!(out, "  - {}", foreign(&place.summary()))?;
    }
    for rival in &tracks.rivals {
        writeln!(
            out,
            "  - another trace, {} of {} answered as it predicts: {}",
            rival.answered,
            rival.edits,
            foreign(&rival.text())
        )?;
    }
    writeln!(
        out,
        "\n| Edit | predicted | model answer | counts | latents |\n|---|---|---|---|---|"
    )?;
    for edit in &tracks.edits {
        let reads: Vec<String> = edit
            .reads
            .iter()
            .map(|r| {
                format!(
                    "{}: {} expected{}, {} read",
                    r.latent,
                    foreign(&r.expected),
                    if r.concerns { "" } else { " (control)" },
                    optional(r.observed.as_deref())
                )
            })
            .collect();
        writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            foreign(&edit.change),
            foreign(&edit.expected),
            optional(edit.answer.as_deref()),
            if edit.eligible { "yes" } else { "no" },
            reads.join("; ")
        )?;
    }
    writeln!(out)
}

fn write_used(out: &mut String, used: &Used) -> fmt::Result {
    writeln!(
        out,
        "- USED: {}; {}; own values written back move no logit by more than {:.1e}{}",
        used.standing.as_str(),
        foreign(&used.reason),
        used.sham_max_diff,
        used.sham_path.map_or_else(String::new, |moved| format!(
            ", and patching in the question's own latent like a donor's moves the log p of the answer by {moved:.1e}"
        ))
    )?;
    for s in &used.steps {
        writeln!(
            out,
            "  - step {} at latent {}: {} of {} donors with another value moved the answer as computed (of {} with another \
             answer of their own: {} as computed, {} that answer, {} neither), {} of {} with the same value left it unchanged; by chance {:.4}, p = {:.2e}: {}",
            s.step + 1,
            s.latent,
            s.moved,
            s.different,
            s.different_discriminating.n,
            s.different_discriminating.predicted,
            s.different_discriminating.own,
            s.different_discriminating.neither,
            s.kept,
            s.same,
            s.pi0,
            s.p_value,
            s.standing.as_str()
        )?;
    }
    writeln!(
        out,
        "\n| Latent | patched value | predicted | model answer | change in log p of the clean answer | of the predicted one | donor | donor's answer |\n|---|---|---|---|---|---|---|---|"
    )?;
    for patch in &used.patches {
        writeln!(
            out,
            "| {} | {}{} | {} | {} | {:+.3} | {:+.3} | {} | {} |",
            together(patch),
            foreign(&patch.value),
            if patch.same { " (same)" } else { "" },
            foreign(&patch.expected),
            optional(patch.answer.as_deref()),
            patch.delta_clean,
            patch.delta_expected,
            foreign(&patch.donor),
            optional(patch.own.as_deref())
        )?;
    }
    writeln!(out)
}

/// Returns the replaced latents: `2`, or `2+4`.
fn together(patch: &Patch) -> String {
    let all = std::iter::once(&patch.latent).chain(&patch.also);
    all.map(ToString::to_string).collect::<Vec<_>>().join("+")
}

fn write_try(out: &mut String, tried: &Try) -> fmt::Result {
    writeln!(
        out,
        "- {}: {} candidates, {} traces{}, {} tested; null {} of {}; {} runs",
        foreign(&tried.name),
        tried.candidates,
        tried.traces,
        if tried.capped { " (cut short)" } else { "" },
        tried.tested,
        tried.null.hits,
        tried.null.n,
        tried.runs
    )
}
