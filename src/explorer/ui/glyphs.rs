//! The symbols of the chrome, each with an ASCII equivalent. No emoji, no private-use characters.

#[derive(Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// A claim holds.
    pub yes: &'static str,
    /// A claim does not hold.
    pub no: &'static str,
    /// A claim holds in some cases only.
    pub mixed: &'static str,
    /// Undecided.
    pub unsure: &'static str,
    /// Not run, or no value.
    pub none: &'static str,
    /// Change from old to new.
    pub arrow: &'static str,
    /// Ascending order.
    pub rises: &'static str,
    /// Descending order.
    pub falls: &'static str,
    /// Separates short facts.
    pub dot: &'static str,
    /// Marks truncated text.
    pub ellipsis: &'static str,
    pub minus: &'static str,
    /// Multiplication sign, also for counts.
    pub times: &'static str,
    pub delta: &'static str,
    pub to: &'static str,
    /// A latent that is on, within a set.
    pub on: &'static str,
    /// A latent that is off, within a set.
    pub off: &'static str,
    /// Marks a difference between two things.
    pub differs: &'static str,
    /// The filled part of a bar.
    pub bar: &'static str,
    /// Half a cell of a bar.
    pub half_bar: &'static str,
    /// An ordinary rule.
    pub rule: &'static str,
    /// The rule of the focused pane.
    pub heavy_rule: &'static str,
    /// More columns to the left.
    pub more_left: &'static str,
    /// More columns to the right.
    pub more_right: &'static str,
    /// A latent or cell that is not computed yet.
    pub pending: &'static str,
    /// A token that consists of blanks only.
    pub blank: &'static str,
    /// The left and right cursor keys together.
    pub left_right: &'static str,
    /// The cursor keys: left, right, up, down.
    pub cursor_keys: [&'static str; 4],
    /// Box drawing: top left, top right, bottom left, bottom right, horizontal, vertical.
    pub frame: [&'static str; 6],
    pub quotes: [&'static str; 2],
}

impl Glyphs {
    /// Returns a text of `lab::present` in these symbols.
    #[must_use]
    pub fn of(&self, text: &str) -> String {
        let symbols = |of: &Self| {
            let [open, close] = of.quotes;
            [
                of.yes,
                of.no,
                of.none,
                of.arrow,
                of.dot,
                of.ellipsis,
                of.minus,
                of.times,
                of.delta,
                open,
                close,
            ]
        };
        let pairs = symbols(&UNICODE).into_iter().zip(symbols(self));
        let other = pairs.filter(|(from, to)| from != to);
        other.fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }
}

pub static UNICODE: Glyphs = Glyphs {
    yes: "✓",
    no: "✗",
    mixed: "~",
    unsure: "?",
    none: "–",
    arrow: "→",
    rises: "↑",
    falls: "↓",
    dot: "·",
    ellipsis: "…",
    minus: "−",
    times: "×",
    delta: "Δ",
    to: "…",
    on: "●",
    off: "○",
    differs: "≠",
    bar: "━",
    half_bar: "╸",
    rule: "─",
    heavy_rule: "━",
    more_left: "‹",
    more_right: "›",
    pending: "·",
    blank: "␣",
    left_right: "←→",
    cursor_keys: ["←", "→", "↑", "↓"],
    frame: ["╭", "╮", "╰", "╯", "─", "│"],
    quotes: ["“", "”"],
};

pub static ASCII: Glyphs = Glyphs {
    yes: "+",
    no: "x",
    mixed: "~",
    unsure: "?",
    none: "-",
    arrow: "->",
    rises: "^",
    falls: "v",
    dot: "|",
    ellipsis: "...",
    minus: "-",
    times: "x",
    delta: "d",
    to: "..",
    on: "#",
    off: ".",
    differs: "!=",
    bar: "=",
    half_bar: "-",
    rule: "-",
    heavy_rule: "=",
    more_left: "<",
    more_right: ">",
    pending: ".",
    blank: "_",
    left_right: "left/right",
    cursor_keys: ["left", "right", "up", "down"],
    frame: ["+", "+", "+", "+", "-", "|"],
    quotes: ["\"", "\""],
};
