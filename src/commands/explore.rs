//! Sets up the explorer: model worker, terminal loop, and effects on files.

mod command;
mod files;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use crate::commands;
use crate::commands::cli::{self, CheckpointArgs, ExploreArgs, OpenArgs, ScreenArgs};
use crate::commands::explore::files::Files;
use crate::core::error::{Error, FailureKind, Result};
use crate::core::logging;
use crate::core::paths::{self, Paths};
use crate::core::problem::Problem;
use crate::core::problem_file;
use crate::engine::hub;
use crate::engine::model;
use crate::engine::model_source::Opener;
use crate::explorer::app::{self, ModelChoice, ModelPlace};
use crate::explorer::session::store::{self, Loaded, SessionFile};
use crate::explorer::session::{Session, export as exports};
use crate::explorer::term;
use crate::explorer::worker;
use crate::lab::rows::calibration::Calibration;

/// The origin and the problems of a `--data` file.
type Given = (String, Vec<Problem>);
type Opened = (PathBuf, SessionFile);

/// Number of generated problems in the list.
const LISTED: usize = 200;

/// Opens the explorer; without a terminal, prints the report on one problem instead.
///
/// # Errors
/// When the data file cannot be read, the terminal fails, or the report cannot be made.
pub fn run(args: &ExploreArgs) -> Result<u8> {
    let given = args
        .data
        .as_deref()
        .map(|path| Ok::<_, Error>((path.display().to_string(), problem_file::read(path)?)));
    let given = given.transpose()?;
    if !is_interactive() {
        return commands::inspect::first_problem(&args.model, given.as_ref(), args.index)
            .map(|()| 0);
    }
    let n = given
        .as_ref()
        .map_or(LISTED, |(_, problems)| problems.len());
    if args.index >= n {
        let list = given.as_ref().map_or("the list", |(origin, _)| origin);
        return Err(commands::question::no_problem(list, args.index, n));
    }
    let opener = commands::opener(&args.model);
    let app = app::StartOptions {
        model: args.model.model.clone(),
        mode: args.model.mode,
        models: choices(&opener.hub),
        author: author(),
        data: args.data.clone(),
        run: args.run.clone(),
        calibrations: calibrations(),
        index: args.index,
        ..app::StartOptions::default()
    };
    let placement = commands::placement(args.model.device)?;
    let files = (given, None, args.model.checkpoint.clone());
    screen(app, files, (placement, opener), &args.screen)
}

/// Opens a saved session, shown as recorded and run again if its model is available. Without a terminal, prints it as Markdown.
///
/// # Errors
/// When the file is not a session or the terminal fails.
pub fn open(args: &OpenArgs) -> Result<u8> {
    let (session, loaded) = read_session(&args.file)?;
    let unread = loaded.as_ref().map_or(&[][..], |loaded| &loaded.unread);
    if !is_interactive() {
        commands::report_unread(&args.file, unread);
        commands::print(&exports::export(&session, exports::Format::Markdown))?;
        return Ok(0);
    }
    let model = session.model.as_ref().map_or_else(
        || model::bundled_names()[0].to_owned(),
        |info| info.name.clone(),
    );
    let mode = session.run.as_ref().map(|run| run.mode);
    let opener = Opener {
        hub: commands::hub_options(false),
        home: paths::home(),
        ..Opener::default()
    };
    let app = app::StartOptions {
        model,
        mode,
        models: choices(&opener.hub),
        author: author(),
        warning: store::summary(unread),
        session: Some(session),
        calibrations: calibrations(),
        ..app::StartOptions::default()
    };
    let placement = commands::placement(args.device)?;
    let checkpoint = CheckpointArgs::of(&app.model, args.device);
    let opened = loaded.map(|loaded| (args.file.clone(), loaded.file));
    let files = (None, opened, checkpoint);
    screen(app, files, (placement, opener), &args.screen)
}

fn calibrations() -> Vec<Calibration> {
    let read = model::calibrations().map(Calibration::parse);
    read.filter_map(std::result::Result::ok).collect()
}

/// Reads a session from a JSON export, or from a session file, which is returned too.
fn read_session(path: &Path) -> Result<(Session, Option<Loaded>)> {
    let bytes = store::read_bytes(path)?;
    let text = String::from_utf8_lossy(&bytes);
    if text.trim_start().starts_with("{\n") {
        return Ok((exports::json::from_json(&text, path)?, None));
    }
    let loaded = SessionFile::read(&bytes, path)?;
    Ok((loaded.file.session(), Some(loaded)))
}

fn screen(
    mut app: app::StartOptions,
    (given, opened, checkpoint): (Option<Given>, Option<Opened>, CheckpointArgs),
    (placement, opener): (model::Placement, Opener),
    args: &ScreenArgs,
) -> Result<u8> {
    let paths = Paths::discover()?;
    let log_file = paths.log_file();
    // The explorer works without a log.
    let log = logging::init(&log_file).and_then(|()| logging::open(&log_file));
    let log = match log {
        Ok(log) => {
            app.log_path = Some(log_file.display().to_string());
            Some(log)
        }
        Err(error) if error.kind() == FailureKind::Config => return Err(error),
        Err(error) => {
            let warning = format!("there is no log, and saving notes may fail: {error}");
            app.warning = Some(warning);
            None
        }
    };
    app.runs_folder = paths.runs();
    let link = worker::spawn(placement, opener, Some(paths.cache.clone()))
        .map_err(|error| Error::internal(format!("cannot start the model's thread: {error}")))?;
    let data = app.data.clone();
    let options = term::LoopOptions {
        app,
        colour: wants_colour(args.color),
        ascii: args.ascii || !locale_is_utf8(),
        log,
        sessions: paths.recovery(),
    };
    let mut files = Files::new(paths.recovery(), (given, data), checkpoint, opened);
    let ending = term::run(options, link, &mut files)
        .map_err(|error| Error::internal(format!("the terminal failed: {error}")))?;
    let code = files::part(&files, &ending);
    match ending.why {
        Ok(_) => Ok(code),
        Err(error) => Err(Error::internal(format!("the terminal failed: {error}"))),
    }
}

/// Returns the bundled models, the published ones on this machine, and those to download.
fn choices(hub: &hub::HubOptions) -> Vec<ModelChoice> {
    let bundled = model::bundled_names().into_iter().map(|name| ModelChoice {
        name: name.to_owned(),
        about: model::about(name).to_owned(),
        place: ModelPlace::Bundled,
    });
    let mut published: Vec<ModelChoice> = hub::KNOWN
        .iter()
        .map(|known| {
            let mut about = format!("{}, {}, {}", known.family, known.base, known.data_set);
            if let Some(accuracy) = known.accuracy {
                about += &format!(", {:.1} %", accuracy.percent);
            }
            let is_here = hub::cached(known.id, hub).is_some();
            ModelChoice {
                name: known.id.to_owned(),
                about,
                place: if is_here {
                    ModelPlace::Cached
                } else {
                    ModelPlace::Hub
                },
            }
        })
        .collect();
    published.sort_by_key(|choice| choice.place == ModelPlace::Hub);
    bundled.chain(published).collect()
}

fn author() -> String {
    ["UNDERTONE_AUTHOR", "USER", "USERNAME"]
        .iter()
        .find_map(|v| std::env::var(v).ok())
        .unwrap_or_else(|| "analyst".to_owned())
}

/// Returns whether to use colour; automatic means unless `NO_COLOR` is non-empty.
fn wants_colour(choice: cli::ColorChoice) -> bool {
    match choice {
        cli::ColorChoice::Always => true,
        cli::ColorChoice::Never => false,
        cli::ColorChoice::Auto => std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

/// Returns whether input and output are a capable terminal.
fn is_interactive() -> bool {
    std::io::stdout().is_terminal()
        && std::io::stdin().is_terminal()
        && std::env::var("TERM").as_deref() != Ok("dumb")
}

/// Returns whether the locale is UTF-8; false if unset.
fn locale_is_utf8() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|v| std::env::var(v).ok().filter(|s| !s.is_empty()));
    set.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::model::{Checkpoint, Device, LoadOptions, Model};
    use crate::lab::analysis::verdict::{Budget, Strategy, TOP_K};

    /// A calibration is valid only for its model and budget. It must be redone after a change of either
    /// (assets/training/README.md).
    #[test]
    fn every_bundled_model_has_the_calibration_of_its_weights_and_of_the_usual_budget() {
        let all = calibrations();
        let names = model::bundled_names();
        assert_eq!(all.len(), names.len());
        let budget = Budget::default();
        for (name, of) in names.iter().zip(all) {
            let checkpoint = Checkpoint::open(name).expect(name);
            let options = LoadOptions::default();
            let model = Model::load(&checkpoint, &options, &Device::Cpu, &mut |_| ()).expect(name);
            let info = model.info();
            assert_eq!(of.model.sha256, info.sha256, "{name}");
            assert_eq!(of.model.n_latents, info.n_latents, "{name}");
            let asked: Vec<String> = budget.strategies.iter().map(Strategy::asked_as).collect();
            assert_eq!(of.verdict.strategies, asked, "{name}");
            let counts = [
                of.verdict.edits,
                of.verdict.more_edits,
                of.verdict.donors,
                of.verdict.traces,
            ];
            let usual = [
                budget.edits,
                budget.more_edits,
                budget.donors,
                budget.traces,
            ];
            assert_eq!((counts, of.top_k), (usual, TOP_K), "{name}");
            let n: usize = of.rungs.iter().map(|at| at.n).sum();
            assert_eq!((n, of.verdicts().count()), (of.data.n, n), "{name}");
        }
    }
}
