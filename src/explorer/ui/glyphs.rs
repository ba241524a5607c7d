//! The short list of symbols in the chrome, each with an ASCII twin. No emoji, no private-use symbols.

/// One set of symbols.
#[derive(Debug, PartialEq, Eq)]
pub struct Glyphs {
    /// Something holds.
    pub yes: &'static str,
    /// Something does not hold.
    pub no: &'static str,
    /// It holds for some and not for others.
    pub mixed: &'static str,
    /// It cannot be said.
    pub unsure: &'static str,
    /// It was not run.
    pub none: &'static str,
    /// From old to new.
    pub arrow: &'static str,
    /// An order from low to high.
    pub rises: &'static str,
    /// An order from high to low.
    pub falls: &'static str,
    /// Between small facts.
    pub dot: &'static str,
    /// What was cut.
    pub ellipsis: &'static str,
    /// A minus sign.
    pub minus: &'static str,
    /// Multiplication, and counts.
    pub times: &'static str,
    /// A difference.
    pub delta: &'static str,
    /// A range.
    pub to: &'static str,
    /// A latent that is on, in a set.
    pub on: &'static str,
    /// A latent that is off, in a set.
    pub off: &'static str,
    /// Two things differ.
    pub differs: &'static str,
    /// The filled part of a bar.
    pub bar: &'static str,
    /// Half a step of a bar.
    pub half_bar: &'static str,
    /// A quiet rule.
    pub rule: &'static str,
    /// The rule of the focused pane.
    pub heavy_rule: &'static str,
    /// More to the left.
    pub more_left: &'static str,
    /// More to the right.
    pub more_right: &'static str,
    /// A latent that is still to come.
    pub pending: &'static str,
    /// A token that is only blanks.
    pub blank: &'static str,
    /// The cursor keys left and right.
    pub left_right: &'static str,
    /// The cursor keys, each: left, right, up, down.
    pub cursor_keys: [&'static str; 4],
    /// Corners and sides of a box: top left, top right, bottom left, bottom right, horizontal, vertical.
    pub frame: [&'static str; 6],
    /// Left and right quotation marks.
    pub quotes: [&'static str; 2],
}

/// For UTF-8 terminals.
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

/// For everything else.
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
