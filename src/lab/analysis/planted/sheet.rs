//! The calibration sheet: verdicts on plants, and how often the claim of each rung is true.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use super::judge;
use super::plants::{Design, Plant, Size};
use super::questions::{PlantedQuestion, draw};
use crate::core::answers;
use crate::core::problem::Problem;
use crate::core::stats::Share;
use crate::core::types::Rung;
use crate::engine::model::{Cancel, Mode, ModelError};
use crate::lab::analysis::Workbench;
use crate::lab::analysis::reference;
use crate::lab::analysis::run::Ask;
use crate::lab::analysis::verdict::Budget;

/// Models drawn per plant and size; the problems are spread over them.
const MODELS: usize = 5;
/// Wrong claims of a cell that are kept verbatim.
const EXAMPLES: usize = 3;

/// The request for a sheet.
#[derive(Debug, Clone)]
pub struct Request {
    /// The plants.
    pub plants: Vec<Plant>,
    /// Problems per plant and size.
    pub problems: usize,
    /// Seed of models and problems.
    pub seed: u64,
    /// The budget of a verdict.
    pub budget: Budget,
}

/// The sheet.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalibrationSheet {
    /// Problems per plant and size.
    pub problems: usize,
    /// Models per plant and size.
    pub models: usize,
    /// Seed of models and problems.
    pub seed: u64,
    /// How often the claim of each rung is true, over all plants and sizes: USED, TRACKS, PRESENT, NOT NEEDED.
    pub rungs: Vec<RungCount>,
    /// One per plant and size.
    pub cells: Vec<CalibrationCell>,
    /// All verdicts.
    pub verdicts: Vec<CalibrationRow>,
}

/// One verdict.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalibrationRow {
    /// The model: plant, size and seed.
    pub model: String,
    /// The question.
    pub question: String,
    /// The right answer, and the model's.
    pub answers: (String, Option<String>),
    /// The rung as displayed.
    pub rung: &'static str,
    /// Whether its claim is true of the plant; `None` if it claims nothing.
    pub is_true: Option<bool>,
    /// The reason of the verdict.
    pub reason: String,
}

/// How often a rung was given and its claim was true.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RungCount {
    /// The rung.
    pub rung: Rung,
    /// The share of verdicts with this rung that are true of the plant; the interval is over problems.
    pub right: Share,
    /// Over plants whose highest true rung this is: the share of verdicts that gave it and were true.
    pub reached: Share,
}

/// The verdicts on one plant of one size.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalibrationCell {
    /// The plant.
    pub plant: &'static str,
    /// The ground truth of the plant.
    pub truth: &'static str,
    /// `small` or `large`.
    pub size: &'static str,
    /// The highest rung that is true of it; `None` if no trace is.
    pub highest: Option<Rung>,
    /// The number of problems.
    pub n: usize,
    /// The number of problems that the plant answers correctly.
    pub answered: usize,
    /// Verdicts by rung, in the order of [`WORDS`], PRESENT? separate.
    pub given: Vec<(&'static str, usize)>,
    /// Verdicts by rung whose claim is not true.
    pub wrong: Vec<(&'static str, usize)>,
    /// Verdicts that gave the highest true rung and were true; if no trace is true, verdicts that claim nothing.
    pub reached: Share,
    /// Examples of wrong claims: question and reason.
    pub examples: Vec<(String, String)>,
}

/// The rungs as displayed, from the highest.
pub const WORDS: [&str; 8] = [
    "USED",
    "TRACKS",
    "PRESENT",
    "PRESENT?",
    "NOT NEEDED",
    "NONE FOUND",
    "CONTRADICTED",
    "ABSTAIN",
];

/// The rungs that make a claim about a plant.
const CLAIMS: [Rung; 4] = [Rung::Used, Rung::Tracks, Rung::Present, Rung::NotNeeded];

/// One verdict on a plant.
struct Judged {
    row: CalibrationRow,
    rung: Rung,
    answered: bool,
}

/// Builds the models, judges the problems, and counts. `on_model` receives the models done and their total.
///
/// # Errors
/// When a model fails or the work is cancelled.
pub fn sheet(
    request: &Request,
    on_model: &(dyn Fn(usize, usize) + Sync),
    cancel: &Cancel,
) -> Result<CalibrationSheet, ModelError> {
    let jobs = jobs(request);
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let judged: Vec<OnceLock<Result<Vec<Judged>, ModelError>>> =
        jobs.iter().map(|_| OnceLock::new()).collect();
    let work = || {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some((plant, size, model, n)) = jobs.get(at) else {
                return;
            };
            let grown = Grown::new(*plant, *size, request.seed, *model);
            let verdicts = grown.verdicts(*n, &request.budget, cancel);
            if judged[at].set(verdicts).is_ok() {
                on_model(1 + done.fetch_add(1, Ordering::Relaxed), jobs.len());
            }
        }
    };
    // Separate threads: on the shared pool a waiting pass would start another model.
    std::thread::scope(|scope| {
        for _ in 0..rayon::current_num_threads().min(jobs.len()) {
            scope.spawn(
                || match rayon::ThreadPoolBuilder::new().num_threads(1).build() {
                    Ok(pool) => pool.install(work),
                    Err(_) => work(),
                },
            );
        }
    });
    let judged = judged.into_iter().filter_map(OnceLock::into_inner);
    let judged: Vec<Vec<Judged>> = judged.collect::<Result<_, ModelError>>()?;
    let mut cells = Vec::new();
    let mut chunks = judged.chunks(models(request));
    for plant in &request.plants {
        for size in Size::ALL {
            let all: Vec<&Judged> = chunks.next().into_iter().flatten().flatten().collect();
            cells.push(cell(*plant, size, &all));
        }
    }
    let all: Vec<&Judged> = judged.iter().flatten().collect();
    Ok(CalibrationSheet {
        problems: request.problems,
        models: models(request),
        seed: request.seed,
        rungs: CLAIMS.map(|rung| count(rung, &all, &cells)).to_vec(),
        cells,
        verdicts: judged
            .into_iter()
            .flatten()
            .map(|judged| judged.row)
            .collect(),
    })
}

/// The files of a checkpoint.
pub const FILES: [&str; 3] = ["config.json", "tokenizer.json", "model.safetensors"];

/// Returns the names of the models.
pub fn names(request: &Request) -> impl Iterator<Item = String> {
    let seed = request.seed;
    let jobs = jobs(request).into_iter();
    jobs.map(move |(plant, size, model, _)| Grown::new(plant, size, seed, model).name)
}

/// Returns the contents of [`FILES`] and the problems of each model in turn, built lazily.
pub fn files(request: &Request) -> impl Iterator<Item = ([Vec<u8>; 3], Vec<Problem>)> {
    let seed = request.seed;
    jobs(request)
        .into_iter()
        .map(move |(plant, size, model, n)| {
            let grown = Grown::new(plant, size, seed, model);
            let (_, samples) = grown.samples(n);
            let problems = samples.into_iter().map(|sample| sample.problem).collect();
            let files = grown.design.circuit().files();
            (files.map(|(_, bytes)| bytes), problems)
        })
}

/// Every model with its number of problems; a remainder goes to the first models.
fn jobs(request: &Request) -> Vec<(Plant, Size, usize, usize)> {
    let models = models(request);
    let share = |model| request.problems / models + usize::from(model < request.problems % models);
    let mut jobs = Vec::new();
    for plant in &request.plants {
        for size in Size::ALL {
            jobs.extend((0..models).map(|model| (*plant, size, model, share(model))));
        }
    }
    jobs
}

fn models(request: &Request) -> usize {
    MODELS.min(request.problems.max(1))
}

/// A drawn model.
pub(crate) struct Grown {
    plant: Plant,
    design: Design,
    name: String,
}

impl Grown {
    pub(crate) fn new(plant: Plant, size: Size, seed: u64, model: usize) -> Self {
        let seed = seed * MODELS as u64 + model as u64;
        Self {
            plant,
            design: Design::new(plant, size, seed),
            name: format!("{}-{}-{seed}", plant.name(), size.name()),
        }
    }

    /// Draws problems for its reference set, and those that it is judged on.
    fn samples(&self, n: usize) -> (Vec<Problem>, Vec<PlantedQuestion>) {
        let mut dice = ChaCha8Rng::seed_from_u64(self.design.seed() ^ 0xa5ced);
        let mut draw = |suits| draw(self.plant, &self.design, &mut dice, suits);
        let others = (0..reference::SIZE).map(|_| draw(false).problem).collect();
        (others, (0..n).map(|_| draw(true)).collect())
    }

    /// Builds the model with its reference set, and `n` problems to judge it on.
    pub(crate) fn explorer(
        &self,
        n: usize,
        cancel: &Cancel,
    ) -> Result<(Workbench, Vec<PlantedQuestion>), ModelError> {
        let mut explorer = Workbench::bare(self.design.circuit().model(&self.name)?);
        let (others, samples) = self.samples(n);
        explorer.use_reference(&format!("problems of {}", self.name), &others, cancel)?;
        Ok((explorer, samples))
    }

    fn verdicts(
        &self,
        n: usize,
        budget: &Budget,
        cancel: &Cancel,
    ) -> Result<Vec<Judged>, ModelError> {
        let (explorer, samples) = self.explorer(n, cancel)?;
        samples
            .iter()
            .map(|sample| judge_one(&explorer, self, sample, budget, cancel))
            .collect()
    }
}

fn judge_one(
    explorer: &Workbench,
    grown: &Grown,
    sample: &PlantedQuestion,
    budget: &Budget,
    cancel: &Cancel,
) -> Result<Judged, ModelError> {
    let Problem {
        question, answer, ..
    } = &sample.problem;
    let ask = Ask {
        question,
        gold: None,
        steps: None,
        mode: Mode::Latent,
        n_latents: grown.design.latents(),
        top_k: 10,
        most_tokens: None,
    };
    let clean = explorer.run(&ask, cancel, &mut |_| ())?;
    let exits = explorer.early_exits(&clean, cancel)?;
    let verdict = explorer.verdict(&clean, &exits, budget, &mut |_| (), cancel)?;
    let output = clean.run.answer.value.as_deref();
    Ok(Judged {
        row: CalibrationRow {
            model: grown.name.clone(),
            question: question.clone(),
            answers: (answer.clone(), output.map(str::to_owned)),
            rung: verdict.word(),
            is_true: judge::is_true(&verdict, &grown.design, sample),
            reason: verdict.reason.clone(),
        },
        rung: verdict.rung,
        answered: answers::is_correct(output, answer),
    })
}

fn cell(plant: Plant, size: Size, all: &[&Judged]) -> CalibrationCell {
    let by_rung = |holds: &dyn Fn(&Judged) -> bool| -> Vec<(&'static str, usize)> {
        let at = |word: &str| {
            all.iter()
                .filter(|j| j.row.rung == word && holds(j))
                .count()
        };
        WORDS.map(|word| (word, at(word))).to_vec()
    };
    let reached = all.iter().filter(|judged| match plant.highest() {
        Some(rung) => judged.rung == rung && judged.row.is_true == Some(true),
        None => judged.row.is_true.is_none(),
    });
    let wrong = all
        .iter()
        .filter(|judged| judged.row.is_true == Some(false));
    CalibrationCell {
        plant: plant.name(),
        truth: plant.truth(),
        size: size.name(),
        highest: plant.highest(),
        n: all.len(),
        answered: all.iter().filter(|judged| judged.answered).count(),
        given: by_rung(&|_| true),
        wrong: by_rung(&|judged| judged.row.is_true == Some(false)),
        reached: Share::new(reached.count(), all.len()),
        examples: wrong
            .take(EXAMPLES)
            .map(|j| (j.row.question.clone(), j.row.reason.clone()))
            .collect(),
    }
}

fn count(rung: Rung, all: &[&Judged], cells: &[CalibrationCell]) -> RungCount {
    let claims: Vec<bool> = all
        .iter()
        .filter(|judged| judged.rung == rung)
        .filter_map(|judged| judged.row.is_true)
        .collect();
    let cells = cells.iter().filter(|cell| cell.highest == Some(rung));
    let (reached, n) = cells.fold((0, 0), |(reached, n), cell| {
        (reached + cell.reached.hits, n + cell.n)
    });
    RungCount {
        rung,
        right: Share::new(claims.iter().filter(|is| **is).count(), claims.len()),
        reached: Share::new(reached, n),
    }
}
