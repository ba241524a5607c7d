//! `undertone data prepare gsm8k`: reads the published files and writes the test sets with their manifest.

use std::path::Path;

use super::{print, print_warning, to_json};
use crate::commands::cli::Gsm8kArgs;
use crate::core::datasets::gsm8k::{self, Joined, Stopped};
use crate::core::datasets::manifest::{self, Input, Manifest};
use crate::core::datasets::multichain::{self, MultiChainRow};
use crate::core::datasets::vocabulary::Vocabularies;
use crate::core::error::{Error, Result};
use crate::core::file;
use crate::core::file::Outputs;
use crate::core::paths;
use crate::core::problem_file::{self, source};
use crate::core::text::Page;

/// Number of rows that a warning names.
const NAMED: usize = 5;

/// Prepares and writes the sets, and prints counts of their rows.
///
/// The manifest is written last: if it exists, the files beside it are complete.
///
/// # Errors
/// When an input cannot be read, the alternative solutions do not cover all rows, a set would replace its input or exists
/// already, or a file cannot be written.
pub fn prepare_gsm8k(args: &Gsm8kArgs) -> Result<()> {
    let mut files = Outputs::new(args.force);
    files.reads(&args.raw);
    for path in args.multichain.iter().chain(&args.tokenizer) {
        files.reads(path);
    }
    files.writes(&args.out.join(manifest::FILE))?;
    let raw = source::read_text(&args.raw)?;
    let problems = problem_file::parse(&raw, &args.raw)?;
    let chains = args.multichain.as_deref().map(read_chains).transpose()?;
    if let Some((path, _, chains)) = &chains
        && chains.len() < problems.len()
    {
        let message = format!(
            "there are {} rows, but the raw set has {}",
            chains.len(),
            problems.len()
        );
        let hint = "the two are joined row by row: pass the same split, whole and in its order";
        return Err(Error::data(path, None, message, hint));
    }
    let mut tokenizers = Vocabularies::open(&args.tokenizer)?;
    let rows = chains.as_ref().map(|(_, _, chains)| chains.as_slice());
    let prepared = gsm8k::prepare(problems, rows, &mut |number| tokenizers.is_single(number))?;
    if let (Some(joined), Some((path, ..))) = (&prepared.joined, &chains) {
        warn(joined, prepared.original.len(), path);
    }

    let outputs = manifest::outputs(&prepared).map_err(|why| Error::internal(why.to_string()))?;
    let manifest = Manifest::new(
        &prepared,
        &outputs,
        Input::new(&args.raw, raw.as_bytes()),
        chains.map(|(path, sha256, _)| Input::hashed(path, sha256)),
        &tokenizers,
    );
    let written = to_json(&manifest)?;
    for output in &outputs {
        files.writes(&args.out.join(output.file))?;
    }
    paths::create_folder(&args.out)?;
    remove(&args.out.join(manifest::FILE))?;
    for output in &outputs {
        file::write_out(&args.out.join(output.file), output.text.as_bytes())?;
    }
    file::write_out(
        &args.out.join(manifest::FILE),
        written.clone().ended().as_bytes(),
    )?;
    print(&if args.json {
        written
    } else {
        Page::new(summary(&manifest))
    })
}

/// Reads the alternative solutions; returns them with their file and its hash.
fn read_chains(path: &Path) -> Result<(&Path, String, Vec<MultiChainRow>)> {
    let text = source::read_text(path)?;
    let chains = multichain::parse(&text, path)?;
    Ok((path, manifest::sha256(text.as_bytes()), chains))
}

/// Warns of suspicious rows in the join, which goes by row number alone (docs/methods.md Q19).
fn warn(joined: &Joined, rows: usize, path: &Path) {
    let others = &joined.other_question;
    if !others.is_empty() {
        let first: Vec<String> = others.iter().take(NAMED).map(usize::to_string).collect();
        print_warning(&format!(
            "{path:?}: {} of {rows} rows have another question than the same row of the raw set (counted from 0: {}{}); \
             they are joined by row all the same, as published",
            others.len(),
            first.join(", "),
            if others.len() > NAMED { ", ..." } else { "" }
        ));
    }
    if joined.rows > rows {
        print_warning(&format!(
            "{path:?}: the last {} of {} rows have no row in the raw set and are not used",
            joined.rows - rows,
            joined.rows
        ));
    }
}

/// Removes the manifest of an earlier run, which is wrong while its files are being replaced. A link or a device is kept and
/// written to later.
fn remove(path: &Path) -> Result<()> {
    let is_file = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
    if is_file {
        std::fs::remove_file(path).map_err(|source| Error::io("replace", path, source))?;
    }
    Ok(())
}

fn summary(manifest: &Manifest) -> String {
    let mut text = String::new();
    let mut set = |name: &str, rows: usize, file: &str| {
        text += &format!("{name:<28}{rows:>6} rows  {file}\n");
    };
    let (valid, friendly) = (
        &manifest.valid_gold_reasoning_trace,
        &manifest.vocab_projection_friendly,
    );
    set("original", manifest.original.rows, manifest.original.file);
    set("valid-gold-reasoning-trace", valid.rows, valid.file);
    set("vocab-projection-friendly", friendly.rows, friendly.file);
    set(
        "templates",
        manifest.templates.rows,
        manifest.templates.file,
    );

    let mut rule = |name: &str, stopped: Stopped| {
        text += &format!(
            "  {name:<50}{:>6} rows, {:>6} of them for no earlier reason\n",
            stopped.rows, stopped.first
        );
    };
    let (v, f) = (&valid.rules, &friendly.rules);
    rule("without steps", v.blank_steps);
    rule("last step does not come to the answer", v.other_result);
    rule(
        "a number of a step is more than one token",
        f.long_number_in_steps,
    );
    rule(
        "a number of the question is more than one token",
        f.long_number_in_question,
    );
    rule("a value occurs twice", f.repeated_value);
    if manifest.multichain.is_some() {
        let s = &v.gen_solutions;
        text += &format!(
            "alternative solutions: {} of {} kept ({} other result, {} with letters, {} duplicates, {} but for order), \
             on {} rows; {} of {} in the last set\n",
            s.kept,
            s.given,
            s.other_result,
            s.with_letters,
            s.duplicates,
            s.reordered_duplicates,
            v.rows_with_gen_solutions,
            f.gen_solutions_kept,
            f.gen_solutions_given
        );
    }
    text
}
