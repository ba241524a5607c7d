//! Drafts of closed boxes are restored; and keys that mean the same everywhere, or nothing at all.

use crate::explorer::app::effect::{Effect, ExportError};
use crate::explorer::app::overlay::PromptKind;
use crate::explorer::app::{Msg, Overlay};
use crate::explorer::tests::harness::Bench;

/// The text of the open box.
fn text(bench: &Bench) -> Option<&str> {
    match &bench.app.chrome.overlay {
        Some(Overlay::Prompt(prompt)) => Some(prompt.field.text()),
        _ => None,
    }
}

#[test]
fn a_closed_box_keeps_its_draft_until_it_is_taken() {
    for (open, close) in [("2 i", "esc"), ("n", "esc"), ("e", "ctrl-c")] {
        let mut bench = Bench::ready();
        bench.play(open);
        bench.play("type:_and_more");
        let draft = text(&bench).expect("a box").to_owned();
        bench.play(close);
        assert_eq!(text(&bench), None);
        assert!(bench.notice().starts_with("the draft is kept"), "{open}");
        bench.play(open);
        assert_eq!(text(&bench), Some(draft.as_str()), "{open}");
        assert_eq!(bench.notice(), "your draft is back, ctrl-u clears it");
        bench.play("enter");
        bench.app.chrome.notice = None;
        bench.play(open);
        assert_eq!(bench.notice(), "", "{open}: it was taken");
    }
}

#[test]
fn a_draft_belongs_to_what_it_was_written_for() {
    let mut bench = Bench::ready();
    bench.play("2 i type:on_the_second esc 3 i");
    assert_eq!(text(&bench), Some(""));
    bench.play("type:on_the_third esc 2 i");
    assert_eq!(text(&bench), Some("on the second"));
    bench.play("esc ] 2 i");
    assert_eq!(text(&bench), Some(""), "another problem");
    bench.play("esc [ 2 i");
    assert_eq!(text(&bench), Some("on the second"));
}

#[test]
fn an_emptied_box_has_no_draft_and_an_unchanged_one_says_nothing() {
    let mut bench = Bench::ready();
    bench.play("2 i type:kept enter i");
    bench.app.chrome.notice = None;
    bench.play("esc");
    assert_eq!(bench.notice(), "");
    bench.play("i type:_not esc i ctrl-u esc i");
    assert_eq!(text(&bench), Some("kept"));
}

#[test]
fn a_text_that_is_refused_stays_in_its_box() {
    let mut bench = Bench::ready();
    bench.play("B ctrl-u type:twelve enter");
    assert_eq!(text(&bench), Some("twelve"));
    assert!(bench.notice().starts_with("a donor is"));
    let mut bench = Bench::ready();
    bench.play("n type:How_many?");
    bench.send(Msg::WorkerLost);
    bench.play("enter");
    assert_eq!(text(&bench), Some("How many?"));
}

#[test]
fn a_path_whose_file_stays_is_kept() {
    let mut bench = Bench::ready();
    bench.play("x ctrl-u type:mine.md enter");
    let path = "mine.md".to_owned();
    bench.send(Msg::Exported(Err(ExportError::Exists { path })));
    assert!(matches!(
        &bench.app.chrome.overlay,
        Some(Overlay::Prompt(prompt)) if matches!(prompt.kind, PromptKind::Overwrite { .. })
    ));
    bench.play("type:no enter");
    assert_eq!(bench.notice(), "not exported, the file is unchanged");
    bench.play("x");
    assert_eq!(text(&bench), Some("mine.md"));
}

#[test]
fn a_paste_does_not_replace_the_draft_of_a_question() {
    let mut bench = Bench::ready();
    bench.play("n type:mine esc");
    bench.send(Msg::Paste(" pasted\n".to_owned()));
    assert_eq!(text(&bench), Some("mine pasted"));
}

#[test]
fn redrawing_and_suspending_work_whatever_is_open() {
    for open in ["", "i", "o", "?", "D", "s", "x", "t"] {
        let mut bench = Bench::ready();
        bench.play(open);
        let overlay = bench.app.chrome.overlay.clone();
        bench.take_effects();
        bench.keys("ctrl-l ctrl-z");
        let effects = bench.take_effects();
        assert_eq!(effects, [Effect::Redraw, Effect::Suspend], "{open}");
        assert_eq!(bench.app.chrome.overlay, overlay, "{open}");
    }
}

#[test]
fn a_letter_of_another_layout_is_answered_with_a_hint() {
    let mut bench = Bench::ready();
    bench.play("я");
    assert_eq!(
        bench.notice(),
        "no key я here, is another keyboard layout on?"
    );
    bench.app.chrome.notice = None;
    bench.play("ctrl-x é");
    assert_eq!(
        bench.notice(),
        "no key é here, is another keyboard layout on?"
    );
    bench.app.chrome.notice = None;
    bench.play("Y");
    assert_eq!(bench.notice(), "");
    bench.play("i я");
    assert_eq!((text(&bench), bench.notice()), (Some("я"), ""));
}
