//! Copying through the terminal (OSC 52). Whether the terminal takes the text cannot be known, so nobody claims it.

use std::io::Write;

use crossterm::clipboard::CopyToClipboard;
use crossterm::queue;

/// Longer texts are refused by many terminals, silently.
const MAX_BYTES: usize = 74_000;

/// Sends text to the terminal's clipboard.
///
/// # Errors
/// Says why nothing was sent.
pub(super) fn copy(out: &mut impl Write, text: &str) -> Result<usize, String> {
    if text.len() > MAX_BYTES {
        return Err(format!(
            "{} bytes are too many for the clipboard, x exports them",
            text.len()
        ));
    }
    queue!(out, CopyToClipboard::to_clipboard_from(text))
        .and_then(|()| out.flush())
        .map_err(|error| format!("not sent: {error}"))?;
    Ok(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_one_escape_sequence() {
        let mut out = Vec::new();
        assert_eq!(copy(&mut out, "39"), Ok(2));
        assert_eq!(out, b"\x1b]52;c;Mzk=\x1b\\");
    }

    #[test]
    fn a_long_text_is_refused_and_nothing_is_sent() {
        let mut out = Vec::new();
        assert!(copy(&mut out, &"x".repeat(MAX_BYTES + 1)).is_err());
        assert!(out.is_empty());
    }
}
