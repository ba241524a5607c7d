//! The user's view as snapshots: the grid and, below it, the style of every run of cells.

use crate::explorer::session::sample;
use crate::explorer::tests::harness::Bench;
use crate::explorer::ui::glyphs::{ASCII, UNICODE};
use crate::explorer::ui::theme::Theme;

const SIZES: [(u16, u16); 3] = [(50, 15), (80, 24), (120, 40)];

/// Compares one snapshot; its file is named by the snapshot alone.
fn picture(name: &str, drawn: &str) {
    insta::with_settings!({prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!(name, drawn);
    });
}

fn check(name: &str, bench: &mut Bench) {
    for (width, height) in SIZES {
        picture(
            &format!("{name}_{width}x{height}"),
            &bench.snapshot(width, height),
        );
    }
}

#[test]
fn a_clean_run() {
    check("clean", &mut Bench::ready());
}

#[test]
fn a_flipped_answer() {
    let mut bench = Bench::ready();
    bench.play("2 space");
    check("flipped", &mut bench);
    bench.theme = Theme::plain(&UNICODE);
    check("flipped_plain", &mut bench);
    bench.theme = Theme::plain(&ASCII);
    picture("flipped_ascii_120x40", &bench.snapshot(120, 40));
}

#[test]
fn a_stale_answer() {
    let mut bench = Bench::ready();
    bench.play("d 2 space");
    bench.keys("3 space");
    picture("stale_80x24", &bench.snapshot(80, 24));
}

#[test]
fn an_answer_from_the_lattice() {
    let mut bench = Bench::ready();
    bench.play("2 space");
    bench.keys("3 space");
    picture("from_lattice_80x24", &bench.snapshot(80, 24));
    picture("from_lattice_120x40", &bench.snapshot(120, 40));
}

#[test]
fn pages() {
    for (name, keys) in [
        ("sweep", "s right"),
        ("lattice", "S down down down"),
        ("influence", "f right right"),
        ("exits", "E down down"),
        ("compare", "2 space c"),
        ("compare_before", "] c C"),
        ("layers", "L right right right"),
    ] {
        let mut bench = Bench::ready();
        bench.play(keys);
        for (width, height) in [(80, 24), (120, 40)] {
            picture(
                &format!("page_{name}_{width}x{height}"),
                &bench.snapshot(width, height),
            );
        }
    }
    let mut bench = Bench::ready();
    bench.play("s");
    bench.keys("v");
    picture("page_sweep_stale_80x24", &bench.snapshot(80, 24));
    bench.settle();
    bench.play("G");
    picture("page_sweep_pairs_80x24", &bench.snapshot(80, 24));
    bench.theme = Theme::plain(&ASCII);
    bench.play("S");
    picture("page_lattice_ascii_80x24", &bench.snapshot(80, 24));
    let mut bench = Bench::ready();
    bench.play("S v");
    bench.keys("v");
    bench.hear(1);
    picture("page_lattice_part_120x40", &bench.snapshot(120, 40));
}

#[test]
fn a_manner_that_is_refused() {
    let mut bench = Bench::ready();
    bench.play("2 space");
    bench.keys("v v v v");
    bench.send(crate::explorer::app::Msg::Worker(
        crate::explorer::worker::protocol::Event::Failed {
            id: Some(bench.app.run.live.id),
            work: crate::explorer::worker::protocol::JobKind::Ablation,
            message: "one latent cannot be permuted".to_owned(),
            hint: "switch a second latent off, or v takes another value".to_owned(),
        },
    ));
    picture("refused_120x40", &bench.snapshot(120, 40));
}

#[test]
fn a_run_under_way() {
    let mut bench = Bench::starting();
    bench.hear(3);
    while bench.app.run.live.n_latents() < 2 {
        bench.hear(1);
    }
    picture("running_80x24", &bench.snapshot(80, 24));
}

#[test]
fn the_first_frame() {
    picture("first_frame_80x24", &Bench::starting().snapshot(80, 24));
}

#[test]
fn the_verdict_alone() {
    let mut bench = Bench::ready();
    bench.play("tab tab enter");
    picture("verdict_80x24", &bench.snapshot(80, 24));
}

#[test]
fn the_evidence() {
    let mut bench = Bench::ready();
    bench.app.run.session.verdict = sample::whole().verdict;
    bench.play("W");
    picture("page_evidence_120x40", &bench.snapshot(120, 40));
    bench.play("down down down");
    picture("page_evidence_80x24", &bench.snapshot(80, 24));
}

#[test]
fn overlays() {
    for (name, keys) in [
        ("help", "?"),
        ("palette", ": type:off"),
        ("problems", "o down"),
        ("models", "m"),
        ("values", "V"),
        ("donor", "B type:12/3"),
        ("tags", "t down enter"),
        ("note", "2 i type:reads_the_sum"),
        ("export", "x"),
    ] {
        let mut bench = Bench::ready();
        bench.play(keys);
        picture(&format!("{name}_80x24"), &bench.snapshot(80, 24));
    }
}

#[test]
fn unknown_words_are_marked() {
    let mut bench = Bench::ready();
    bench.play("n type:Tom_has_3_zorbs._How_many_zorbs_does_he_have? enter");
    picture("unknown_80x24", &bench.snapshot(80, 24));
}

#[test]
fn the_very_wide_screen() {
    let mut bench = Bench::ready();
    bench.play("2 space i type:flips_to_17 enter");
    picture("wide_200x60", &bench.snapshot(200, 60));
}
