//! Builders of styled lines. Foreign text always passes through `text::sanitize` before it becomes a span.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::core::text::{sanitize, truncate, width, wrap};
use crate::explorer::ui::theme::Theme;

/// A line built from left to right, with a known width.
#[derive(Debug, Default, Clone)]
pub struct LineBuilder {
    spans: Vec<Span<'static>>,
    width: usize,
}

impl LineBuilder {
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends our own text, which needs no sanitizing.
    #[must_use]
    pub fn push(mut self, text: impl Into<String>, style: Style) -> Self {
        let text = text.into();
        self.width += width(&text);
        self.spans.push(Span::styled(text, style));
        self
    }

    /// Appends foreign text, sanitized.
    #[must_use]
    pub fn foreign(self, text: &str, style: Style) -> Self {
        self.push(sanitize(text).into_string(), style)
    }

    #[must_use]
    pub fn join(mut self, other: Self) -> Self {
        self.width += other.width;
        self.spans.extend(other.spans);
        self
    }

    /// Pads with blanks up to a column.
    #[must_use]
    pub fn to(self, column: usize) -> Self {
        let gap = column.saturating_sub(self.width);
        self.push(" ".repeat(gap), Style::new())
    }

    /// Appends text that ends at a column.
    #[must_use]
    pub fn right(self, text: impl Into<String>, column: usize, style: Style) -> Self {
        let text = text.into();
        let start = column.saturating_sub(width(&text));
        self.to(start).push(text, style)
    }

    /// Like [`Self::right`], but does nothing for `None`.
    #[must_use]
    pub fn right_if(self, text: Option<String>, column: usize, style: Style) -> Self {
        match text {
            Some(text) => self.right(text, column, style),
            None => self,
        }
    }

    /// Appends foreign text from a column on, wrapped; its further lines are blank before the column.
    #[must_use]
    pub fn hanging(
        self,
        text: &str,
        column: usize,
        max_width: usize,
        style: Style,
    ) -> Vec<Line<'static>> {
        let mut lead = Some(self);
        wrap(&sanitize(text), max_width.saturating_sub(column))
            .into_iter()
            .map(|part| {
                lead.take()
                    .unwrap_or_default()
                    .to(column)
                    .push(part, style)
                    .line()
            })
            .collect()
    }

    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    #[must_use]
    pub fn line(self) -> Line<'static> {
        Line::from(self.spans)
    }
}

impl From<LineBuilder> for Line<'static> {
    fn from(row: LineBuilder) -> Self {
        row.line()
    }
}

/// Cuts text to a width, with the ellipsis of the glyph set.
#[must_use]
pub fn cut(text: &str, max_width: usize, theme: &Theme) -> String {
    if width(text) <= max_width {
        return text.to_owned();
    }
    let mark = theme.glyphs.ellipsis;
    if mark == "…" {
        return truncate(text, max_width);
    }
    let kept = truncate(text, (max_width + 1).saturating_sub(width(mark)));
    format!("{}{mark}", kept.trim_end_matches('…'))
        .chars()
        .take(max_width.max(1))
        .collect()
}

/// A token without surrounding blanks, cut to a width. Tokens of blanks only are shown as a mark.
#[must_use]
pub fn token(text: &str, max_width: usize, theme: &Theme) -> String {
    let clean = sanitize(text.trim());
    if clean.is_empty() {
        theme.glyphs.blank.to_owned()
    } else {
        cut(&clean, max_width, theme)
    }
}

/// Sanitizes foreign text and cuts it to a width.
#[must_use]
pub fn cut_foreign(text: &str, max_width: usize, theme: &Theme) -> String {
    cut(&sanitize(text), max_width, theme)
}

/// Wraps foreign text in one style, indented.
#[must_use]
pub fn paragraph(text: &str, max_width: usize, indent: usize, style: Style) -> Vec<Line<'static>> {
    LineBuilder::new().hanging(text, indent, max_width, style)
}

#[must_use]
pub fn bar(prob: f32, max_width: usize, theme: &Theme) -> String {
    let max_width = u16::try_from(max_width).unwrap_or(u16::MAX);
    let halves = (prob.clamp(0.0, 1.0) * f32::from(max_width) * 2.0).round();
    let full = theme.glyphs.bar;
    let mut text = String::new();
    for step in 1..=max_width {
        if f32::from(step) * 2.0 <= halves {
            text.push_str(full);
        } else if f32::from(step).mul_add(2.0, -1.0) <= halves {
            text.push_str(theme.glyphs.half_bar);
        }
    }
    text
}

/// A heading inside a pane.
#[must_use]
pub fn heading(text: impl Into<String>, theme: &Theme) -> LineBuilder {
    LineBuilder::new().push(text, theme.title)
}
