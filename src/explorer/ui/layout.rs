//! Screen layout: a pure function of the screen size and the heights the contents want.

use ratatui::layout::Rect;

/// The smallest size that is drawn.
pub const MIN_SIZE: (u16, u16) = (50, 12);
/// From this width on, panes are placed side by side.
pub const WIDE: u16 = 100;
/// From this width on, there are three columns.
pub const VERY_WIDE: u16 = 160;
/// From this height on, stacked screens have titles.
pub const TALL: u16 = 20;
/// Space between columns.
const GUTTER: u16 = 3;
/// Space at the left and right edge.
const MARGIN: u16 = 1;

/// The number of rows each pane wants, without titles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// The wrapped question.
    pub problem: u16,
    pub answer: u16,
    pub verdict: u16,
    pub notes: u16,
}

/// The areas of one screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Panes {
    /// Too small to draw.
    TooSmall {
        need: (u16, u16),
        have: (u16, u16),
    },
    Screen(Screen),
}

/// The areas of a screen that is large enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// The first line.
    pub header: Rect,
    /// The question, with its title if `titled`.
    pub problem: Rect,
    /// The run, with its title if `titled`.
    pub timeline: Rect,
    /// Whether problem and timeline have titles.
    pub titled: bool,
    pub lower: Lower,
    /// Everything between header and footer, for a pane shown alone.
    pub body: Rect,
    /// The last line.
    pub footer: Rect,
}

/// The lower part of a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lower {
    /// One pane at a time.
    Tabs {
        /// One line about the answer, always shown.
        summary: Rect,
        /// The names of the panes.
        tabs: Rect,
        pane: Rect,
    },
    /// All panes at once, each with its title.
    Columns {
        /// The token under the cursor.
        detail: Rect,
        answer: Rect,
        verdict: Rect,
        notes: Rect,
    },
}

impl Panes {
    #[must_use]
    pub fn for_area(area: Rect, wanted: Wanted) -> Self {
        let have = (area.width, area.height);
        if have.0 < MIN_SIZE.0 || have.1 < MIN_SIZE.1 {
            return Self::TooSmall {
                need: MIN_SIZE,
                have,
            };
        }
        let inner = Rect {
            x: area.x + MARGIN,
            width: area.width - 2 * MARGIN,
            ..area
        };
        let mut rest = inner;
        let header = take(&mut rest, 1);
        let footer = Rect {
            y: rest.bottom() - 1,
            height: 1,
            ..rest
        };
        rest.height -= 1;
        let body = rest;
        let titled = area.height >= TALL;
        let airy = area.width >= WIDE && area.height >= 30;
        let gap = u16::from(airy);
        take(&mut rest, gap);
        let problem_rows = wanted.problem.clamp(1, (area.height / 6).max(2));
        // Without a title the height is fixed at two rows, so that stepping never moves the screen.
        let problem = if titled {
            take(&mut rest, 1 + problem_rows)
        } else {
            take(&mut rest, 2)
        };
        take(&mut rest, gap);
        // Rows of the run: tokens, top reads, ablated run, early exits; on tall screens also the step and further ranks.
        let run_rows = match area.height {
            50.. => 8,
            30.. => 4,
            _ => 3,
        };
        let timeline = take(&mut rest, if titled { 1 + run_rows } else { 2 });
        take(&mut rest, gap);
        let lower = if area.width >= WIDE {
            columns(rest, wanted)
        } else {
            Lower::Tabs {
                summary: take(&mut rest, 1),
                tabs: take(&mut rest, 1),
                pane: rest,
            }
        };
        Self::Screen(Screen {
            header,
            problem,
            timeline,
            titled,
            lower,
            body,
            footer,
        })
    }
}

fn columns(area: Rect, wanted: Wanted) -> Lower {
    let three = area.width + 2 * MARGIN >= VERY_WIDE;
    let n = if three { 3 } else { 2 };
    let width = (area.width - (n - 1) * GUTTER) / n;
    let column = |i: u16| Rect {
        x: area.x + i * (width + GUTTER),
        // The last column takes the remainder of the division.
        width: if i + 1 == n {
            area.width - i * (width + GUTTER)
        } else {
            width
        },
        ..area
    };
    let notes_rows = (1 + wanted.notes.max(1)).min(area.height / 3);
    if three {
        let (mut middle, right) = (column(1), column(2));
        let answer = take(
            &mut middle,
            (1 + wanted.answer).min(area.height.saturating_sub(notes_rows + 1)),
        );
        take(&mut middle, 1);
        let notes = middle;
        return Lower::Columns {
            detail: column(0),
            answer,
            verdict: right,
            notes,
        };
    }
    let (mut left, mut right) = (column(0), column(1));
    let notes = split_bottom(&mut left, notes_rows);
    // The answer gets the rows it wants unless that leaves the verdict less than half.
    let verdict_rows = (1 + wanted.verdict).min(area.height / 2);
    let answer_rows = (1 + wanted.answer).min(area.height.saturating_sub(verdict_rows + 1));
    let answer = take(&mut right, answer_rows);
    take(&mut right, 1);
    Lower::Columns {
        detail: left,
        answer,
        verdict: right,
        notes,
    }
}

/// Takes rows from the top.
fn take(rest: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(rest.height);
    let top = Rect {
        height: rows,
        ..*rest
    };
    rest.y += rows;
    rest.height -= rows;
    top
}

/// Takes rows from the bottom, leaving one blank row above them.
fn split_bottom(rest: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(rest.height);
    let bottom = Rect {
        y: rest.bottom() - rows,
        height: rows,
        ..*rest
    };
    rest.height = rest.height.saturating_sub(rows + 1);
    bottom
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panes(width: u16, height: u16) -> Panes {
        let wanted = Wanted {
            problem: 3,
            answer: 10,
            verdict: 14,
            notes: 2,
        };
        Panes::for_area(Rect::new(0, 0, width, height), wanted)
    }

    #[test]
    fn breakpoints() {
        for (width, height, expected) in [
            (49, 40, "small"),
            (120, 11, "small"),
            (50, 12, "tabs"),
            (99, 60, "tabs"),
            (100, 12, "columns"),
            (250, 80, "columns"),
        ] {
            let found = match panes(width, height) {
                Panes::TooSmall { need, have } => {
                    assert_eq!((need, have), ((50, 12), (width, height)));
                    "small"
                }
                Panes::Screen(screen) => match screen.lower {
                    Lower::Tabs { .. } => "tabs",
                    Lower::Columns { .. } => "columns",
                },
            };
            assert_eq!(found, expected, "{width}x{height}");
        }
    }

    #[test]
    fn nothing_leaves_the_screen_or_overlaps() {
        for width in 50..260 {
            for height in 12..90 {
                let Panes::Screen(screen) = panes(width, height) else {
                    panic!("{width}x{height} is large enough");
                };
                let mut areas = vec![
                    screen.header,
                    screen.problem,
                    screen.timeline,
                    screen.footer,
                ];
                match screen.lower {
                    Lower::Tabs {
                        summary,
                        tabs,
                        pane,
                    } => areas.extend([summary, tabs, pane]),
                    Lower::Columns {
                        detail,
                        answer,
                        verdict,
                        notes,
                    } => areas.extend([detail, answer, verdict, notes]),
                }
                let all = Rect::new(0, 0, width, height);
                for (i, a) in areas.iter().enumerate() {
                    assert_eq!(a.intersection(all), *a, "{width}x{height} {a}");
                    for b in &areas[i + 1..] {
                        assert!(!a.intersects(*b), "{width}x{height}: {a} and {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_smallest_screen_keeps_three_rows_for_the_pane() {
        let Panes::Screen(Screen {
            lower: Lower::Tabs { pane, .. },
            ..
        }) = panes(50, 12)
        else {
            panic!("50x12 is stacked");
        };
        assert!(pane.height >= 3, "{pane}");
    }
}
