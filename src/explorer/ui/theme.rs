//! Semantic styles. They use only the terminal's own sixteen colours, never black, white or yellow as a foreground, and
//! no meaning depends on colour alone: the plain theme conveys the same with bold, dim, underline and reverse.

use ratatui::style::{Color, Modifier, Style};

use crate::explorer::ui::glyphs::Glyphs;
use crate::lab::present::document::Tone;

/// The look of the screen: styles by meaning, and the glyph set.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    pub glyphs: &'static Glyphs,
    pub text: Style,
    /// Less important text.
    pub dim: Style,
    /// More important text.
    pub strong: Style,
    pub title: Style,
    pub focus: Style,
    /// The selection; it replaces other colours, so that it is one uniform block.
    pub selected: Style,
    /// A number in the question.
    pub number: Style,
    /// A word that relates numbers or nouns.
    pub relation: Style,
    /// The sentence that asks the question.
    pub ask: Style,
    /// A word missing from the vocabulary.
    pub unknown: Style,
    pub bar: Style,
    /// Something holds or is right.
    pub good: Style,
    /// Something failed, flipped or is wrong.
    pub bad: Style,
    /// A latent that is switched off, or a warning.
    pub off: Style,
    /// A key in a hint.
    pub key: Style,
}

impl Theme {
    /// Returns the style of a finding.
    #[must_use]
    pub fn tone(&self, tone: Tone) -> Style {
        match tone {
            Tone::Good => self.good,
            Tone::Bad => self.bad,
            Tone::Warn => self.off,
            Tone::Plain => self.text,
            Tone::Dim => self.dim,
        }
    }

    /// Uses the terminal's palette, light or dark.
    #[must_use]
    pub fn palette(glyphs: &'static Glyphs) -> Self {
        let text = Style::new();
        let bold = text.add_modifier(Modifier::BOLD);
        Self {
            glyphs,
            text,
            dim: text.add_modifier(Modifier::DIM),
            strong: bold,
            title: bold,
            focus: bold.fg(Color::Cyan),
            selected: text.add_modifier(Modifier::REVERSED),
            number: bold.fg(Color::Cyan),
            relation: text.fg(Color::LightBlue),
            ask: bold,
            unknown: text.fg(Color::Red).add_modifier(Modifier::UNDERLINED),
            bar: text.fg(Color::Cyan),
            good: text.fg(Color::Green),
            bad: bold.fg(Color::Red),
            off: bold.fg(Color::Magenta),
            key: text.fg(Color::Cyan),
        }
    }

    #[must_use]
    pub fn plain(glyphs: &'static Glyphs) -> Self {
        let text = Style::new();
        let bold = text.add_modifier(Modifier::BOLD);
        let underlined = text.add_modifier(Modifier::UNDERLINED);
        Self {
            glyphs,
            text,
            dim: text.add_modifier(Modifier::DIM),
            strong: bold,
            title: bold,
            focus: bold.add_modifier(Modifier::UNDERLINED),
            selected: text.add_modifier(Modifier::REVERSED),
            number: bold,
            relation: text,
            ask: bold,
            unknown: underlined,
            bar: text,
            good: text,
            bad: bold,
            off: bold,
            key: bold,
        }
    }
}
