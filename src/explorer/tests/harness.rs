//! Plays key scripts with the reducer, the scripted worker, a test backend and a clock set by the test.

use std::collections::VecDeque;
use std::fmt::Write as _;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use crate::explorer::app::effect::Effect;
use crate::explorer::app::{App, Clock, Msg, StartOptions, update};
use crate::explorer::session::Session;
use crate::explorer::tests::fixture::{Script, dataset, library, models};
use crate::explorer::ui::glyphs::UNICODE;
use crate::explorer::ui::theme::Theme;
use crate::explorer::ui::{draw, fit};
use crate::explorer::worker::protocol::{Event, Request};

pub(super) struct Bench {
    pub app: App,
    pub theme: Theme,
    /// The screen of the last frame.
    pub screen: Rect,
    /// Every effect since the start or the last `take_effects`.
    pub effects: Vec<Effect>,
    /// The result of saves.
    pub disk: Result<String, String>,
    script: Script,
    pub pending: VecDeque<Event>,
}

impl Bench {
    /// Creates an explorer that has requested its model but has no answer yet.
    pub fn starting() -> Self {
        Self::start(StartOptions::default())
    }

    /// Creates an explorer that opens a saved session.
    pub fn opening(session: Session) -> Self {
        Self::start(StartOptions {
            session: Some(session),
            ..StartOptions::default()
        })
    }

    fn start(options: StartOptions) -> Self {
        let mut bench = Self {
            app: App::new(StartOptions {
                model: "mini-math".to_owned(),
                models: models(),
                author: "ada".to_owned(),
                ..options
            }),
            theme: Theme::palette(&UNICODE),
            screen: Rect::new(0, 0, 80, 24),
            effects: Vec::new(),
            disk: Ok("here.jsonl".to_owned()),
            script: Script::default(),
            pending: VecDeque::new(),
        };
        bench.tick(1_000_000);
        let effects = bench.app.start();
        bench.take_in(effects);
        bench
    }

    /// Creates a `ready` explorer with a run of `of` problems open, of which `n` are done.
    pub fn with_run(n: usize, of: usize) -> Self {
        let mut bench = Self::ready();
        let folder = dataset::FOLDER.to_owned();
        bench.keys("D o ctrl-u");
        bench.send(Msg::Paste(folder));
        bench.keys("enter");
        for msg in dataset::heard(&bench.app, &bench.effects, n, of) {
            bench.send(msg);
        }
        bench.effects.clear();
        bench
    }

    /// Creates an explorer with the first problem run and everything about it known.
    pub fn ready() -> Self {
        let mut bench = Self::starting();
        bench.settle();
        bench.effects.clear();
        bench
    }

    pub fn tick(&mut self, now_ms: u64) {
        let unix_s = now_ms / 1_000;
        self.send(Msg::Tick(Clock { now_ms, unix_s }));
    }

    pub fn send(&mut self, msg: Msg) {
        let effects = update(&mut self.app, msg);
        self.take_in(effects);
    }

    /// Presses keys by name, separated by blanks; text after `type:` is typed letter by letter.
    pub fn keys(&mut self, script: &str) {
        for name in script.split_whitespace() {
            match name.strip_prefix("type:") {
                Some(text) => {
                    for c in text.chars() {
                        let c = if c == '_' { ' ' } else { c };
                        let name = if c == ' ' {
                            "space".to_owned()
                        } else {
                            c.to_string()
                        };
                        self.send(Msg::Key(name.parse().expect("a valid key name")));
                    }
                }
                None => self.send(Msg::Key(name.parse().expect("a valid key name"))),
            }
        }
    }

    /// Presses keys and lets the worker answer after each.
    pub fn play(&mut self, script: &str) {
        for name in script.split_whitespace() {
            self.keys(name);
            self.settle();
        }
    }

    /// Delivers the worker's next `n` events.
    pub fn hear(&mut self, n: usize) {
        for _ in 0..n {
            if let Some(event) = self.pending.pop_front() {
                self.send(Msg::Worker(event));
            }
        }
    }

    /// Delivers all of the worker's events.
    pub fn settle(&mut self) {
        while let Some(event) = self.pending.pop_front() {
            self.send(Msg::Worker(event));
        }
    }

    /// Discards the worker's pending events.
    pub fn drop_pending(&mut self) {
        self.pending.clear();
    }

    /// The effects since the last call.
    pub fn take_effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// The requests since the last call.
    pub fn take_requests(&mut self) -> Vec<Request> {
        self.take_effects()
            .into_iter()
            .filter_map(|effect| match effect {
                Effect::Send(request) => Some(request),
                _ => None,
            })
            .collect()
    }

    fn take_in(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            if let Effect::Measure(movement) = effect {
                let fit = fit(&self.app, &self.theme, self.screen);
                self.send(Msg::Measured { movement, fit });
                continue;
            }
            self.effects.push(effect.clone());
            match effect {
                Effect::Send(request) => self.pending.extend(self.script.answer(request)),
                Effect::Save(save) => {
                    let result = self.disk.clone();
                    self.send(Msg::Saved { save, result });
                }
                Effect::LoadProblems(_) => {
                    self.send(Msg::Problems(Ok(library())));
                }
                _ => {}
            }
        }
    }

    /// The notice on screen, or an empty string.
    pub fn notice(&self) -> &str {
        let notice = self.app.chrome.notice.as_ref();
        notice.map_or("", |notice| &notice.text)
    }

    /// Draws one frame and returns it; later movements go by its size.
    pub fn frame(&mut self, width: u16, height: u16) -> Buffer {
        let mut terminal =
            Terminal::new(TestBackend::new(width, height)).expect("a test backend cannot fail");
        self.screen = Rect::new(0, 0, width, height);
        let (app, theme) = (&self.app, &self.theme);
        terminal
            .draw(|frame| draw(app, theme, frame))
            .expect("a test backend cannot fail");
        terminal.backend().buffer().clone()
    }

    /// Draws one frame as text.
    pub fn text(&mut self, width: u16, height: u16) -> String {
        grid(&self.frame(width, height))
    }

    /// Draws one frame as text, followed by its styles.
    pub fn snapshot(&mut self, width: u16, height: u16) -> String {
        let buffer = self.frame(width, height);
        format!("{}\n{}", grid(&buffer), style_runs(&buffer))
    }
}

/// The symbols, one line per row, without trailing blanks.
pub(super) fn grid(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut row = String::new();
        let mut skip = 0;
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            if skip == 0 {
                row.push_str(symbol);
                skip = crate::core::text::width(symbol).max(1);
            }
            skip -= 1;
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// One line per run of styled cells: `row:from..to fg=... MODIFIERS`.
fn style_runs(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let style = buffer[(x, y)].style();
            let from = x;
            while x < buffer.area.width && buffer[(x, y)].style() == style {
                x += 1;
            }
            let words = style_words(style);
            if !words.is_empty() {
                let _ = writeln!(text, "{y}:{from}..{x}{words}");
            }
        }
    }
    text
}

fn style_words(style: Style) -> String {
    let mut words = String::new();
    for (name, colour) in [("fg", style.fg), ("bg", style.bg)] {
        if let Some(colour) = colour.filter(|colour| *colour != Color::Reset) {
            let _ = write!(words, " {name}={colour}");
        }
    }
    for (name, _) in Modifier::all().iter_names() {
        let flag = Modifier::from_name(name).unwrap_or_default();
        if style.add_modifier.contains(flag) {
            let _ = write!(words, " {name}");
        }
    }
    words
}
