//! Frames of every size in every state: no panic, no colour where none is allowed, no meaning by colour alone.

use ratatui::style::{Color, Modifier};

use crate::core::types::{LearnedReads, Projection, TokenRead};
use crate::explorer::app::Pane;
use crate::explorer::app::action::{Ablate, Action};
use crate::explorer::tests::harness::{Bench, grid};
use crate::explorer::ui::fit;
use crate::explorer::ui::glyphs::{ASCII, UNICODE};
use crate::explorer::ui::theme::Theme;

/// Key scripts that reach every pane and overlay.
const STATES: [&str; 22] = [
    "s down right",
    "S down",
    "f right",
    "E down",
    "c down",
    "L right",
    "V",
    "2 space c",
    "2",
    "2 space",
    "a v v v",
    "?",
    ":",
    "o",
    "m",
    "t",
    "i",
    "n",
    "e",
    "x",
    "tab tab enter",
    "home",
];

fn states() -> impl Iterator<Item = (&'static str, Bench)> {
    let played = STATES.into_iter().map(|keys| {
        let mut bench = Bench::ready();
        bench.play(keys);
        (keys, bench)
    });
    let mut running = Bench::starting();
    running.hear(3);
    running.hear(40);
    played.chain([("loading", Bench::starting()), ("running", running)])
}

#[test]
fn every_screen_survives_every_size() {
    for (name, mut bench) in states() {
        for width in 0..=40 {
            for height in 0..=16 {
                let text = bench.text(width, height);
                if height > 0 {
                    let message = format!("needs 50×12, has {width}×{height}");
                    let shown: String = message.chars().take(width.into()).collect();
                    assert_eq!(text.trim(), shown.trim(), "{name} at {width}x{height}");
                }
            }
        }
        for (width, height) in [
            (50, 12),
            (51, 13),
            (80, 24),
            (100, 12),
            (120, 40),
            (250, 80),
        ] {
            let text = bench.text(width, height);
            assert!(!text.contains("needs 50"), "{name} at {width}x{height}");
        }
    }
}

#[test]
fn a_resize_storm_changes_nothing() {
    let mut bench = Bench::ready();
    bench.play("2 space i type:note enter tab");
    let before = (
        bench.app.run.live.cursor,
        bench.app.run.session.clone(),
        bench.app.chrome.focus,
    );
    let picture = bench.text(120, 40);
    let mut seed: u32 = 7;
    for _ in 0..200 {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let width = u16::try_from(seed >> 24).unwrap_or(0);
        let height = u16::try_from((seed >> 16) & 0x3f).unwrap_or(0);
        bench.frame(width, height);
    }
    assert_eq!(bench.text(120, 40), picture);
    assert_eq!(
        (
            bench.app.run.live.cursor,
            bench.app.run.session.clone(),
            bench.app.chrome.focus
        ),
        before
    );
}

#[test]
fn the_plain_theme_has_no_colour_and_still_shows_the_selection() {
    for (name, mut bench) in states() {
        bench.theme = Theme::plain(&UNICODE);
        for (width, height) in [(50, 15), (80, 24), (120, 40)] {
            let buffer = bench.frame(width, height);
            for cell in &buffer.content {
                assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{name}");
            }
            if name != "loading" {
                let reversed = buffer
                    .content
                    .iter()
                    .any(|c| c.modifier.contains(Modifier::REVERSED));
                assert!(
                    reversed || bench.app.chrome.zoomed,
                    "{name} at {width}x{height} shows what is selected"
                );
            }
        }
    }
}

#[test]
fn the_default_theme_keeps_to_the_palette_of_the_terminal() {
    let allowed = [
        Color::Reset,
        Color::Cyan,
        Color::LightBlue,
        Color::Green,
        Color::Red,
        Color::Magenta,
    ];
    for (name, mut bench) in states() {
        for cell in &bench.frame(120, 40).content {
            assert!(allowed.contains(&cell.fg), "{name}: {:?}", cell.fg);
            assert_eq!(cell.bg, Color::Reset, "{name}");
        }
    }
}

#[test]
fn ascii_chrome_is_ascii() {
    for (name, mut bench) in states() {
        bench.theme = Theme::palette(&ASCII);
        for (width, height) in [(50, 15), (80, 24), (120, 40), (200, 60)] {
            let text = bench.text(width, height);
            let foreign: String = text.chars().filter(|c| !c.is_ascii()).collect();
            assert_eq!(foreign, "", "{name} at {width}x{height}");
        }
    }
}

#[test]
fn meaning_survives_without_any_style() {
    for (width, height) in [(50, 15), (80, 24), (120, 40), (200, 60)] {
        let mut bench = Bench::ready();
        // A different manner than the computed sets, so that nothing is known in advance.
        bench.play("d 2");
        let clean = bench.text(width, height);
        bench.keys("space");
        let stale = bench.text(width, height);
        bench.settle();
        let changed = bench.text(width, height);
        assert!(!clean.contains("[2]") && stale.contains("[2]") && changed.contains("[2]"));
        assert!(
            stale.contains("stale") && !clean.contains("stale") && !changed.contains("stale"),
            "{stale}"
        );
        assert!(
            changed.contains("✗ flipped") && !clean.contains("flipped"),
            "{changed}"
        );
        assert!(clean.contains("✓ PRESENT"), "{clean}");
    }
}

#[test]
fn the_footer_always_offers_help() {
    for (name, mut bench) in states() {
        for width in [50, 64, 80, 100, 120, 200] {
            let text = bench.text(width, 24);
            let footer = text.lines().last().unwrap_or_default();
            assert!(footer.contains("? help"), "{name} at {width}: {footer}");
        }
    }
}

#[test]
fn a_remapped_key_shows_up_everywhere() {
    let mut bench = Bench::ready();
    let key = "ctrl-t".parse().expect("valid");
    let action = Action::Ablate(Ablate::Toggle);
    bench.app.keymap.rebind(action, key);
    bench.play("2");
    assert!(bench.text(120, 40).contains("ctrl-t off/on"));
    for overlay in ["?", ":"] {
        bench.play(overlay);
        bench.play("type:switch_the_latent");
        assert!(bench.text(120, 40).contains("ctrl-t"), "{overlay}");
        bench.play("esc");
    }
    bench.play("ctrl-t");
    assert!(!bench.app.run.ablation.is_clean());
}

#[test]
fn every_pane_can_be_read_to_its_end() {
    for width in [50, 66, 80, 120] {
        let mut bench = Bench::ready();
        bench.play("2 space");
        for pane in Pane::TABS {
            while bench.app.chrome.focus != pane {
                bench.play("tab");
            }
            bench.frame(width, 13);
            bench.play("G");
            let text = grid(&bench.frame(width, 13));
            let fit = fit(&bench.app, &bench.theme, bench.screen);
            let end = fit.rows.saturating_sub(fit.height);
            assert_eq!(bench.app.chrome.scroll.get(&pane), Some(&end));
            let column = usize::from(width);
            let lines =
                crate::explorer::ui::panes::lines(&bench.app, pane, column - 2, &bench.theme);
            let last = lines.last().map(ToString::to_string).unwrap_or_default();
            if width < 100 {
                assert!(
                    text.contains(last.trim()),
                    "{pane:?} at {width}: {last:?}\n{text}"
                );
            }
        }
    }
}

#[test]
fn what_the_learned_lens_reads_stands_with_its_latent() {
    let mut bench = Bench::ready();
    bench.play("2");
    assert!(!bench.text(200, 60).contains("Learned lens"), "without one");
    let run = bench.app.run.session.run.as_mut().expect("a run");
    let read = |id, text: &str, prob| TokenRead {
        id,
        text: text.to_owned(),
        logit: 1.0,
        prob,
    };
    let top = vec![read(4, "19\u{1b}[2J", 0.75), read(5, " ", 0.125)];
    run.learned = Some(LearnedReads {
        lens: "made".to_owned(),
        latents: vec![None, Some(Projection { top, entropy: 0.5 }), None, None],
    });
    let text = bench.text(200, 60);
    assert!(text.contains("Learned lens"), "{text}");
    assert!(
        text.contains("19␛[2J 0.750") && text.contains("0.125"),
        "{text}"
    );
    bench.play("1");
    assert!(
        !bench.text(200, 60).contains("Learned lens"),
        "not fitted there"
    );
}
