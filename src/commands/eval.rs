//! `undertone eval`: measures the accuracy of a model on a data set, as a table or JSON.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{GENERATED, budget, generated, gold, load, print, print_note, to_json};
use crate::commands::cli::EvalArgs;
use crate::core::error::{Error, Result};
use crate::core::problem::Problem;
use crate::core::problem_file::{self, source};
use crate::core::stats::Share;
use crate::core::text::{Page, sanitize};
use crate::engine::model::Model;
use crate::lab::evaluation::{self, Evaluation, Evidence, Modes};

/// Evaluates a model and prints the figures.
///
/// # Errors
/// When the model or the data cannot be read, the model fails, or the output cannot be written.
pub fn run(args: &EvalArgs) -> Result<()> {
    let budget = budget(&args.budget)?;
    let explorer = load(&args.model)?;
    let (origin, problems) = data(args, explorer.model())?;
    let report = evaluation::evaluate(&explorer, &origin, &problems, args.verdicts, &budget)?;
    if args.json {
        print(&to_json(&report)?)
    } else {
        print(&Page::new(table(&report)))
    }
}

fn data(args: &EvalArgs, model: &Model) -> Result<(String, Vec<Problem>)> {
    if let Some(path) = &args.data {
        let mut problems = problem_file::parse(&source::read_text(path)?, path)?;
        let dressed = problem_file::plain_golds(&mut problems);
        gold::note(model, &problems.iter().collect::<Vec<_>>(), &dressed);
        let all = problems.len();
        problems.retain(|problem| !problem.answer.trim().is_empty());
        if problems.is_empty() {
            return Err(Error::data(
                path,
                None,
                "no problem has a gold answer",
                "name the field `answer`",
            ));
        }
        if problems.len() < all {
            print_note(&sanitize(&format!(
                "{} of {all} problems have no gold answer and are left out",
                all - problems.len()
            )));
        }
        if let Some(seed) = args.seed {
            problems.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        }
        problems.truncate(args.n.unwrap_or(usize::MAX));
        let order = args
            .seed
            .map_or_else(String::new, |seed| format!(", shuffled by seed {seed}"));
        return Ok((format!("{}{order}", path.display()), problems));
    }
    let n = args.n.unwrap_or(GENERATED);
    generated(model, args.split, n, args.seed.unwrap_or(0))
}

type Column = (&'static str, fn(&Modes) -> Option<Share>);

/// The conditions, as rows of the table.
const ROWS: [Column; 8] = [
    ("all latents", |m| m.latent),
    ("no latents", |m| m.no_latents),
    ("one latent fewer than steps", |m| m.one_fewer),
    ("all off: zero", |m| m.off_zero),
    ("all off: mean", |m| m.off_mean),
    ("all off: resample", |m| m.off_resample),
    ("direct", |m| m.direct),
    ("written steps", |m| m.verbalised),
];

fn table(report: &Evaluation) -> String {
    let m = &report.model;
    let mut text = format!(
        "{} ({}, {} parameters, {} {}, sha256 {})\n{}, n = {}",
        sanitize(&m.name),
        sanitize(&m.family),
        m.parameters,
        m.dtype,
        m.device,
        &m.sha256[..12.min(m.sha256.len())],
        sanitize(&report.data),
        report.n
    );
    if report.not_runnable > 0 {
        text += &format!(
            "; {} could not be run and count as wrong",
            report.not_runnable
        );
    }
    text += "\n\nshare right                    all problems                    by steps\n";
    for (name, of) in ROWS {
        let Some(share) = of(&report.modes) else {
            continue;
        };
        text += &format!("{name:<30} {}", with_interval(&share));
        for (steps, modes) in &report.by_steps {
            if let Some(share) = of(modes) {
                text += &format!("  {steps}: {} (n {})", percent(share.accuracy), share.n);
            }
        }
        text.push('\n');
    }
    text += "\nresult of step j in the projection of latent j\n";
    for row in &report.intermediates {
        text += &format!(
            "latent {}  correct answers: top-1 {} top-5 {} top-10 {} (n {});  wrong answers: top-5 {} (n {})\n",
            row.latent,
            percent(row.top1_correct.accuracy),
            percent(row.top5_correct.accuracy),
            percent(row.top10_correct.accuracy),
            row.top1_correct.n,
            percent(row.top5_wrong.accuracy),
            row.top5_wrong.n
        );
    }
    if let Some(evidence) = &report.evidence {
        text += &verdicts(evidence);
    }
    text
}

fn verdicts(e: &Evidence) -> String {
    let mut text = format!(
        "\nverdicts on {} of the first {} problems, top-k {}\n",
        e.n,
        e.n + e.not_judged,
        e.top_k
    );
    for (side, rungs) in [("correct", &e.rungs_correct), ("wrong", &e.rungs_wrong)] {
        for (rung, share) in rungs {
            text += &format!("{side:<8} {rung:<12} {}\n", with_interval(share));
        }
    }
    for (side, shares) in [
        ("correct", &e.at_least_correct),
        ("wrong", &e.at_least_wrong),
    ] {
        for (rung, share) in shares {
            text += &format!(
                "{side:<8} {:<12} {}\n",
                format!("{rung}+"),
                with_interval(share)
            );
        }
    }
    let counted = |counts: &std::collections::BTreeMap<String, usize>| {
        let parts: Vec<String> = counts.iter().map(|(k, n)| format!("{k} {n}")).collect();
        sanitize(&parts.join(", ")).into_string()
    };
    text += &format!(
        "by edits                        {}\nby replaced latents             {}\ndecoder of the trace            {}\n",
        counted(&e.by_edits),
        counted(&e.by_replacement),
        counted(&e.decoders)
    );
    text += &format!(
        "time of a verdict               median {:.0} ms, p95 {:.0} ms\n",
        e.verdict_ms_median, e.verdict_ms_p95
    );
    text += &format!(
        "trace found, correct answers    {}\n",
        with_interval(&e.trace_correct)
    );
    text += &format!(
        "trace found, wrong answers      {}\n",
        with_interval(&e.trace_wrong)
    );
    text += &format!(
        "trace found, other latents      {}\n",
        with_interval(&e.null)
    );
    text += &format!(
        "first phrase is the gold step   {}\n",
        with_interval(&e.phrase_is_step)
    );
    text
}

fn with_interval(share: &Share) -> String {
    let (lo, hi) = share.ci95;
    format!(
        "{:>6} [{:>5}, {:>5}] n {:<6}",
        percent(share.accuracy),
        percent(lo),
        percent(hi),
        share.n
    )
}

fn percent(x: f64) -> String {
    format!("{:.1}%", 100.0 * x)
}
