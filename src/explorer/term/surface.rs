//! The drawing surface: collects each frame and sends it as a whole, never reports an empty size, and leaves no parts of wide characters
//! behind.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use crossterm::queue;
use crossterm::terminal::{DisableLineWrap, EnableLineWrap};
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::{Buffer, Cell, CellDiffOption};
use ratatui::layout::{Position, Size};
use unicode_width::UnicodeWidthStr;

use super::output;

/// The assumed size of a terminal that reports none.
const USUAL: Size = Size::new(80, 24);
/// The largest page drawn; the rest of a larger terminal stays blank.
const MOST: Size = Size::new(1_000, 500);

#[derive(Debug, Clone, Default)]
struct Sheet(Rc<RefCell<Vec<u8>>>);

impl Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The backend that frames are drawn on.
#[derive(Debug, Default)]
pub(super) struct Surface {
    inner: CrosstermBackend<Sheet>,
    sheet: Sheet,
    cursor: Position,
}

impl Surface {
    pub(super) fn new() -> Self {
        let sheet = Sheet::default();
        Self {
            inner: CrosstermBackend::new(sheet.clone()),
            sheet,
            cursor: Position::ORIGIN,
        }
    }

    /// Sends everything drawn since the last call.
    pub(super) fn send(&mut self) {
        let bytes = self.sheet.0.take();
        if !bytes.is_empty() {
            output::send(&bytes);
        }
    }
}

impl Write for Surface {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.sheet.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Backend for Surface {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let content: Vec<_> = content.collect();
        if !content.iter().any(|(.., cell)| is_doubtful(cell.symbol())) {
            return self.inner.draw(content.into_iter());
        }
        // A character wider than expected would wrap into the next row.
        queue!(self.sheet, DisableLineWrap)?;
        let mut rest = content.as_slice();
        while let Some(at) = rest
            .iter()
            .position(|(.., cell)| is_doubtful(cell.symbol()))
        {
            let (before, from) = rest.split_at(at);
            self.inner.draw(before.iter().copied())?;
            let (doubtful, after) = from.split_at(1);
            if let [(x, y, cell)] = doubtful {
                // If the terminal draws it narrower, its last cell would keep old contents.
                let mut blank = Cell::new(" ");
                blank.set_style(cell.style());
                let width = u16::try_from(cell.symbol().width()).unwrap_or(1).max(1);
                self.inner.draw((*x..x + width).map(|x| (x, *y, &blank)))?;
            }
            // Drawn separately, so that the next cell sets its own position, wherever the cursor ends up.
            self.inner.draw(doubtful.iter().copied())?;
            rest = after;
        }
        self.inner.draw(rest.iter().copied())?;
        queue!(self.sheet, EnableLineWrap)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.inner.show_cursor()
    }

    /// The last position set: querying the terminal would swallow keys.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.cursor)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.cursor = position.into();
        self.inner.set_cursor_position(self.cursor)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.inner.clear()
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.inner.clear_region(clear_type)
    }

    fn size(&self) -> io::Result<Size> {
        Ok(usable(stated()))
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize {
            columns_rows: self.size()?,
            pixels: Size::ZERO,
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The size that the terminal reports; zero if none.
fn stated() -> Size {
    #[cfg(unix)]
    let size = rustix::termios::tcgetwinsize(rustix::stdio::stdout())
        .map_or(Size::ZERO, |size| Size::new(size.ws_col, size.ws_row));
    #[cfg(not(unix))]
    let size =
        crossterm::terminal::size().map_or(Size::ZERO, |(width, height)| Size::new(width, height));
    size
}

/// Bounds the size: a buffer of 65535 by 65535 cells does not fit in memory.
fn usable(stated: Size) -> Size {
    let or = |n: u16, usual: u16, most: u16| if n == 0 { usual } else { n.min(most) };
    Size::new(
        or(stated.width, USUAL.width, MOST.width),
        or(stated.height, USUAL.height, MOST.height),
    )
}

/// Whether terminals disagree on the width of a character: a sequence of several code points, or a recent emoji.
fn is_doubtful(symbol: &str) -> bool {
    const PICTURES: char = '\u{1f000}';
    !symbol.is_ascii() && (symbol.chars().nth(1).is_some() || symbol.starts_with(|c| c >= PICTURES))
}

/// Marks every row with a doubtful character to be drawn in full: a terminal that draws it wider covers its neighbours, which must be
/// redrawn even if unchanged. The next frame then differs in this row and redraws it once more.
pub(super) fn draw_doubtful_rows_whole(buffer: &mut Buffer) {
    let area = buffer.area;
    for y in area.top()..area.bottom() {
        if (area.left()..area.right()).any(|x| is_doubtful(buffer[(x, y)].symbol())) {
            for x in area.left()..area.right() {
                buffer[(x, y)].set_diff_option(CellDiffOption::AlwaysUpdate);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    const WIDE: [&str; 6] = ["⚠️", "🖥️", "👨‍👩‍👧", "🇩🇪", "1️⃣", "👍🏽"];

    #[test]
    fn a_terminal_without_a_size_gets_the_usual_one() {
        assert_eq!(usable(Size::new(0, 0)), USUAL);
        assert_eq!(usable(Size::new(0, 50)), Size::new(80, 50));
        assert_eq!(usable(Size::new(132, 43)), Size::new(132, 43));
    }

    #[test]
    fn what_terminals_count_differently_is_doubtful() {
        for symbol in WIDE {
            assert!(is_doubtful(symbol), "{symbol}");
        }
        for symbol in ["a", " ", "é", "日", "─", "…"] {
            assert!(!is_doubtful(symbol), "{symbol}");
        }
        assert!(is_doubtful("e\u{301}"));
    }

    #[test]
    fn a_row_with_such_a_character_is_drawn_whole_then_and_once_more() {
        for symbol in WIDE {
            let area = Rect::new(0, 0, 8, 2);
            let plain = || {
                let mut buffer = Buffer::empty(area);
                buffer.set_string(0, 1, "row", Style::new());
                buffer
            };
            let mut with = plain();
            with.set_string(1, 0, symbol, Style::new());
            draw_doubtful_rows_whole(&mut with);
            let drawn = |before: &Buffer, after: &Buffer| -> Vec<(u16, u16)> {
                before
                    .diff(after)
                    .iter()
                    .map(|(x, y, _)| (*x, *y))
                    .collect()
            };
            // A wide character owns its second cell.
            let all_but = |hidden: &[u16]| -> Vec<(u16, u16)> {
                (0..8)
                    .filter(|x| !hidden.contains(x))
                    .map(|x| (x, 0))
                    .collect()
            };
            assert_eq!(drawn(&plain(), &with), all_but(&[2]), "{symbol}");
            let mut without = plain();
            draw_doubtful_rows_whole(&mut without);
            assert_eq!(drawn(&with, &without), all_but(&[]), "{symbol}");
            let mut still = plain();
            draw_doubtful_rows_whole(&mut still);
            assert_eq!(drawn(&without, &still), [], "{symbol}");
        }
    }

    /// A terminal that counts code points instead of graphemes, like vt100, keeps nothing of a family emoji.
    #[test]
    fn a_terminal_that_counts_otherwise_keeps_no_part_of_it() {
        for symbol in WIDE {
            let area = Rect::new(0, 0, 12, 2);
            let mut surface = Surface::new();
            let mut before = Buffer::empty(area);
            let mut terminal = vt100::Parser::new(
                2.try_into().expect("not nothing"),
                12.try_into().expect("not nothing"),
                0,
            );
            for (x, text) in [(3, symbol), (0, "")] {
                let mut after = Buffer::empty(area);
                after.set_string(0, 0, "ab", Style::new());
                after.set_string(0, 1, "below", Style::new());
                after.set_string(x, 0, text, Style::new());
                draw_doubtful_rows_whole(&mut after);
                let updates = before.diff(&after);
                surface.draw(updates.into_iter()).expect("drawn");
                let bytes = surface.sheet.0.take();
                // Nothing spills into the next row (vt100 does not know the mode).
                let has_mode = bytes.starts_with(b"\x1b[?7l") && bytes.ends_with(b"\x1b[?7h");
                assert_eq!(has_mode, !text.is_empty(), "{symbol}");
                terminal.process(&bytes);
                let below = terminal.screen().contents_between(1, 0, 1, 11);
                assert_eq!(below.trim_end(), "below", "{symbol} at {x}");
                before = after;
            }
            let row = terminal.screen().contents_between(0, 0, 0, 11);
            assert_eq!(row.trim_end(), "ab", "{symbol}");
        }
    }
}
