//! Detection, by leading bytes, of files that users pass by mistake.

/// A file of the wrong format, and how to proceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Foreign {
    /// Its description: "it is compressed (gzip)".
    pub(crate) what: &'static str,
    /// The remedy: "unpack it with gunzip first".
    pub(crate) way_out: &'static str,
}

const BEGINNINGS: &[(&[u8], &str, &str)] = &[
    (
        b"\x1f\x8b",
        "it is compressed (gzip)",
        "unpack it with gunzip first",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "it is compressed (zstd)",
        "unpack it with unzstd first",
    ),
    (
        b"\xfd7zXZ",
        "it is compressed (xz)",
        "unpack it with unxz first",
    ),
    (
        b"BZh",
        "it is compressed (bzip2)",
        "unpack it with bunzip2 first",
    ),
    (
        b"7z\xbc\xaf\x27\x1c",
        "it is a 7z archive",
        "unpack it first",
    ),
    (
        b"version https://git-lfs",
        "it is a Git LFS pointer, not the file",
        "fetch the file itself: git lfs pull",
    ),
    (b"<!doctype", WEB_PAGE, DOWNLOAD),
    (b"<html", WEB_PAGE, DOWNLOAD),
    (
        b"<?xml",
        "it is an XML document",
        "if it is a server's error message, download the file again; otherwise write its rows as JSON Lines",
    ),
];

const WEB_PAGE: &str = "it is a web page, saved in place of the file";
const DOWNLOAD: &str = "download the file itself";

/// Detects a file of a format that is never accepted, by its first bytes. White space and a byte order mark before text are skipped.
pub(crate) fn foreign(start: &[u8]) -> Option<Foreign> {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let text = text.trim_ascii_start();
    let mut formats = BEGINNINGS.iter();
    let (_, what, way_out) = formats.find(|(begin, ..)| {
        let begins = |bytes: &[u8]| {
            let bytes = bytes.get(..begin.len());
            bytes.is_some_and(|bytes| bytes.eq_ignore_ascii_case(begin))
        };
        begins(start) || begins(text)
    })?;
    Some(Foreign { what, way_out })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_formats_are_detected_by_their_first_bytes() {
        for (start, expected) in [
            (&b"\x1f\x8b\x08"[..], Some("gzip")),
            (b"\x28\xb5\x2f\xfd", Some("zstd")),
            (b"\xef\xbb\xbf\n <!DOCTYPE html>", Some("web page")),
            (b"version https://git-lfs.github.com/spec/v1\n", Some("LFS")),
            (b"version", None),
            (b"{\"question\":", None),
            (b"PK\x03\x04", None),
            (b"", None),
        ] {
            let what = foreign(start).map(|foreign| foreign.what);
            assert_eq!(what.is_some(), expected.is_some(), "{what:?}");
            assert!(
                what.unwrap_or_default()
                    .contains(expected.unwrap_or_default())
            );
        }
    }
}
