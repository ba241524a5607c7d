//! Text that tries to break the screen, wherever foreign text can appear.

use crate::core::problem::Problem;
use crate::core::types::{Ablation, LatentIdx, Phrase, Study};
use crate::explorer::app::Msg;
use crate::explorer::session::{Note, Target};
use crate::explorer::tests::fixture::studies;
use crate::explorer::tests::harness::Bench;
use crate::explorer::worker::protocol::Event;

const HOSTILE: [&str; 11] = [
    "\u{1b}[31mred\u{1b}[2J",
    "\u{1b}]52;c;aGk=\u{7}",
    "\u{1b}]8;;http://x\u{1b}\\link",
    "\u{9b}31m\u{85}",
    "nul\0cr\rlf\n",
    "tab\there",
    "\u{202e}reversed\u{2066}",
    "👩‍👩‍👧‍👦 family",
    "한글 한국",
    "日本語のとても長い文字列",
    "\u{301}\u{301}combining",
];

fn long() -> String {
    "x".repeat(10_000)
}

/// Creates an explorer with a text in every place.
fn infected(text: &str) -> Bench {
    let mut bench = Bench::ready();
    let app = &mut bench.app;
    app.model.name = text.to_owned();
    app.run.session.origin = text.to_owned();
    app.run.session.problem = Some(Problem {
        question: text.to_owned(),
        steps: vec![text.to_owned()],
        answer: text.to_owned(),
    });
    app.library.problems = app.run.session.problem.iter().cloned().collect();
    if let Some(run) = &mut app.run.session.run {
        run.unknown_words = vec![text.to_owned()];
        run.answer.value = Some(text.to_owned());
    }
    if let Some(verdict) = &mut app.run.session.verdict {
        verdict.reason = text.to_owned();
        verdict.steps[0].text = text.to_owned();
        verdict.steps[0].result.text = text.to_owned();
        verdict.necessity.answer_without_latents = Some(text.to_owned());
    }
    for position in &mut app.run.live.positions {
        position.text = text.to_owned();
        if let Some(read) = position.projection.as_mut().and_then(|p| p.top.first_mut()) {
            read.text = text.to_owned();
        }
    }
    app.run.session.phrases = vec![(
        LatentIdx(1),
        vec![Phrase {
            text: text.to_owned(),
            ids: Vec::new(),
            logprob: -1.0,
            lift: None,
            filler: false,
        }],
    )];
    app.run.session.notes = vec![Note {
        target: Target::Problem,
        tag: None,
        text: text.to_owned(),
        author: text.to_owned(),
        written_at: 0,
    }];
    app.run.session.early_exit[1].value = Some(text.to_owned());
    app.run.other = Some(Box::new(app.run.session.clone()));
    for study in infected_studies(text) {
        let id = bench.app.run.live.id;
        let study = Box::new(study);
        bench.send(Msg::Worker(Event::Study { id, study }));
    }
    bench
}

/// Studies with a text in every place.
fn infected_studies(text: &str) -> [Study; 4] {
    let manner = Ablation::default();
    let foreign = Some(text.to_owned());
    let mut lattice = studies::lattice(&manner);
    lattice.clean_answer.clone_from(&foreign);
    for cell in &mut lattice.cells {
        cell.answer.clone_from(&foreign);
    }
    let mut sweep = studies::sweep(&manner);
    sweep.clean_answer.clone_from(&foreign);
    for cell in &mut sweep.cells {
        match &mut cell.cell {
            Some(cell) => cell.answer.clone_from(&foreign),
            None => cell.refused.clone_from(&foreign),
        }
    }
    let mut influence = studies::influence(&manner);
    for answer in &mut influence.answers {
        answer.total.answer.clone_from(&foreign);
    }
    let mut lens = studies::layers(None);
    text.clone_into(&mut lens.text);
    for column in &mut lens.columns {
        text.clone_into(column);
    }
    let reads = lens.rows.iter_mut().flat_map(|row| &mut row.cells);
    for cell in reads {
        text.clone_into(&mut cell.top.text);
    }
    for read in lens.inputs.iter_mut().flat_map(|input| &mut input.nearest) {
        text.clone_into(&mut read.text);
    }
    [
        Study::Lattice(lattice),
        Study::Sweep(sweep),
        Study::Influence(influence),
        Study::Layers(lens),
    ]
}

#[test]
fn no_foreign_text_reaches_the_terminal_as_it_is() {
    let long = long();
    for text in HOSTILE.into_iter().chain([long.as_str()]) {
        for keys in [
            "",
            "o",
            "i",
            "e",
            "x",
            "tab enter",
            "s",
            "s G",
            "S",
            "f end right",
            "E",
            "c",
            "c C",
            "L",
            "L G",
        ] {
            let mut bench = infected(text);
            bench.keys(keys);
            if keys == "i" {
                bench.send(Msg::Paste(text.to_owned()));
            }
            for (width, height) in [(50, 15), (80, 24), (120, 40), (200, 60)] {
                let buffer = bench.frame(width, height);
                for y in 0..height {
                    let mut used = 0;
                    let mut x = 0;
                    while x < width {
                        let symbol = buffer[(x, y)].symbol();
                        assert!(
                            !symbol.chars().any(|c| c.is_control()
                                || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')),
                            "{symbol:?} at {x},{y} of {text:.20?} {keys}"
                        );
                        let cells = u16::try_from(crate::core::text::width(symbol))
                            .unwrap_or(1)
                            .max(1);
                        used += cells;
                        x += cells;
                    }
                    assert_eq!(used, width, "row {y} of {text:.20?} {keys} at {width}");
                }
            }
        }
    }
}
