//! The wiring of the explorer: model worker, terminal loop, and the effects that touch files.

mod command;

use std::collections::HashMap;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::analysis::problems;
use crate::app::effect::{Export, ExportError};
use crate::app::{self, ModelChoice, Place};
use crate::cli::{CheckpointArgs, ExploreArgs, OpenArgs, ScreenArgs};
use crate::error::{Error, Result};
use crate::headless;
use crate::model;
use crate::open::Opener;
use crate::paths::{self, Paths, create_folder};
use crate::problem::{Problem, Split};
use crate::rows::calibration::Calibration;
use crate::session::store::{self, Header, SessionFile};
use crate::session::{Session, export as exports};
use crate::term::{self, Performer, RunCommand, WorkerLink};
use crate::trace::ModelInfo;
use crate::{cli, file, hub, logging, problem_file, worker};

/// How many generated problems the list offers.
const LISTED: usize = 200;

/// Opens the explorer; without a terminal, prints the report on the first problem instead.
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
        return headless::inspect::first_problem(&args.model, given.as_ref(), args.index)
            .map(|()| 0);
    }
    let opener = headless::opener(&args.model);
    let app = app::Options {
        model: args.model.model.clone(),
        mode: args.model.mode.map(Into::into),
        models: choices(&opener.hub),
        author: author(),
        data: args.data.clone(),
        run: args.run.clone(),
        calibrations: calibrations(),
        ..app::Options::default()
    };
    let placement = headless::placement(args.model.device)?;
    let files = (given, args.index, args.model.checkpoint.clone());
    screen(app, files, (placement, opener), &args.screen)
}

/// Opens a saved session: shown as recorded, and run again where its model is at hand.
///
/// # Errors
/// When the file is no session or the terminal fails.
pub fn open(args: &OpenArgs) -> Result<u8> {
    let session = read_session(&args.file)?;
    if !is_interactive() {
        headless::print(&exports::export(&session, exports::Format::Markdown))?;
        return Ok(0);
    }
    let model = session.model.as_ref().map_or_else(
        || model::bundled_names()[0].to_owned(),
        |info| info.name.clone(),
    );
    let mode = session.run.as_ref().map(|run| run.mode);
    let opener = Opener {
        hub: headless::hub_options(false),
        home: paths::home(),
        ..Opener::default()
    };
    let app = app::Options {
        model,
        mode,
        models: choices(&opener.hub),
        author: author(),
        session: Some(session),
        calibrations: calibrations(),
        ..app::Options::default()
    };
    let placement = headless::placement(args.device)?;
    let checkpoint = CheckpointArgs::of(&app.model, args.device);
    let files = (None, 0, checkpoint);
    screen(app, files, (placement, opener), &args.screen)
}

/// How often the answers of the bundled models are right at each rung.
fn calibrations() -> Vec<Calibration> {
    let read = model::calibrations().map(Calibration::parse);
    read.filter_map(std::result::Result::ok).collect()
}

/// A session from its own file or from a JSON export.
fn read_session(path: &Path) -> Result<Session> {
    let text = file::read_text(path)?;
    if text.trim_start().starts_with("{\n") {
        return exports::json::from_json(&text, path);
    }
    Ok(SessionFile::parse(&text, path)?.file.session())
}

fn screen(
    mut app: app::Options,
    (given, index, checkpoint): (Option<(String, Vec<Problem>)>, usize, CheckpointArgs),
    (placement, opener): (model::Placement, Opener),
    args: &ScreenArgs,
) -> Result<u8> {
    let paths = Paths::discover()?;
    let log_file = paths.log_file();
    logging::init(&log_file)?;
    app.log_path = Some(log_file.display().to_string());
    app.runs_folder = paths.runs();
    let link = worker::spawn(placement, opener, Some(paths.cache.clone()))
        .map_err(|error| Error::internal(format!("cannot start the model's thread: {error}")))?;
    let link = WorkerLink {
        requests: link.requests,
        events: link.events,
    };
    let options = term::Options {
        app,
        colour: wants_colour(args.color),
        ascii: args.ascii || !locale_is_utf8(),
        log: Some(logging::open(&log_file)?),
        sessions: paths.recovery(),
    };
    let mut files = Files {
        paths,
        given,
        index,
        checkpoint,
        open: HashMap::new(),
    };
    let ended = term::run(options, link, &mut files)
        .map_err(|error| Error::internal(format!("the terminal failed: {error}")))?;
    Ok(ended.exit_code())
}

/// Performs the effects that touch files.
struct Files {
    paths: Paths,
    given: Option<(String, Vec<Problem>)>,
    index: usize,
    /// The model as the user asked for it, for runs over data sets.
    checkpoint: CheckpointArgs,
    /// Autosaved sessions of this process by origin.
    open: HashMap<String, (PathBuf, SessionFile)>,
}

impl Performer for Files {
    fn load_problems(
        &mut self,
        model: &ModelInfo,
    ) -> std::result::Result<(String, Vec<Problem>), String> {
        if let Some((origin, problems)) = &self.given {
            // The asked-for problem comes first in the list, so that it is the one that opens.
            let mut problems = problems.clone();
            let index = self.index.min(problems.len().saturating_sub(1));
            problems.rotate_left(index);
            return Ok((origin.clone(), problems));
        }
        let problems = problems::for_task(model.task, Split::Test, LISTED, problems::LIST_SEED)
            .map_err(|e| e.to_string())?;
        Ok((
            format!("{} test problems, seed {}", model.name, problems::LIST_SEED),
            problems,
        ))
    }

    fn save(&mut self, session: &Session) -> std::result::Result<String, String> {
        let key = format!(
            "{}\n{}",
            session.origin,
            session.run.as_ref().map_or("", |run| &run.question)
        );
        let serial = self.open.len() as u64;
        let (path, file) = self.open.entry(key).or_insert_with(|| {
            let header = Header::new(env!("CARGO_PKG_VERSION"), now(), serde_json::Map::new());
            let path = store::autosave_path(
                &self.paths.recovery(),
                &session.origin,
                std::process::id(),
                serial,
            );
            (path, SessionFile::new(header, session))
        });
        file.update(session);
        if let Some(folder) = path.parent() {
            create_folder(folder).map_err(|error| error.to_string())?;
        }
        store::save(file, path).map_err(|error| error.to_string())?;
        Ok(path.display().to_string())
    }

    fn export(&mut self, export: &Export) -> std::result::Result<String, ExportError> {
        let target = Path::new(&export.path);
        if target.exists() && !export.overwrite {
            return Err(ExportError::Exists {
                path: export.path.clone(),
            });
        }
        let text = exports::export(&export.session, export.format);
        file::write_atomic(target, text.as_bytes())
            .map_err(|error| ExportError::Failed(error.to_string()))?;
        Ok(export.path.clone())
    }

    fn run_command(
        &mut self,
        model: &str,
        options: &str,
    ) -> std::result::Result<RunCommand, String> {
        let program = std::env::current_exe()
            .map_err(|why| format!("this program cannot be found again: {why}"))?;
        command::command(program, &self.checkpoint, model, options)
    }
}

/// The bundled models, the published ones on this machine, and those to download.
fn choices(hub: &hub::Options) -> Vec<ModelChoice> {
    let bundled = model::bundled_names().into_iter().map(|name| ModelChoice {
        name: name.to_owned(),
        about: model::about(name).to_owned(),
        place: Place::Bundled,
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
                place: if is_here { Place::Cached } else { Place::Hub },
            }
        })
        .collect();
    published.sort_by_key(|choice| choice.place == Place::Hub);
    bundled.chain(published).collect()
}

fn author() -> String {
    ["UNDERTONE_AUTHOR", "USER", "USERNAME"]
        .iter()
        .find_map(|v| std::env::var(v).ok())
        .unwrap_or_else(|| "analyst".to_owned())
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}

/// Colour is on unless switched off; `NO_COLOR` counts when it is not empty.
fn wants_colour(choice: cli::ColorChoice) -> bool {
    match choice {
        cli::ColorChoice::Always => true,
        cli::ColorChoice::Never => false,
        cli::ColorChoice::Auto => std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    }
}

/// A terminal on both ends that can draw.
fn is_interactive() -> bool {
    std::io::stdout().is_terminal()
        && std::io::stdin().is_terminal()
        && std::env::var("TERM").as_deref() != Ok("dumb")
}

/// Whether the locale says UTF-8; an unset locale counts as not.
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
    use crate::analysis::verdict::{Budget, Strategy, TOP_K};
    use crate::model::{Checkpoint, Device, LoadOptions, Model};

    /// A calibration is worth nothing for another model, and for a verdict that may cost more or less: after a change of either
    /// it is made anew (assets/training/README.md).
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
