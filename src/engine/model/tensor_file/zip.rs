//! The directory of a zip archive as `torch.save` writes it, with uncompressed entries.
//!
//! No zip crate: nothing is unpacked here, only positions are needed, and a hostile directory must not use more memory than
//! these bounds allow.

use std::collections::BTreeMap;

use super::Refused;
use crate::engine::model::source::ByteSource;

/// The first bytes of a zip archive.
pub(super) const MAGIC: &[u8] = b"PK\x03\x04";

const END: &[u8] = b"PK\x05\x06";
const END_64: &[u8] = b"PK\x06\x06";
const LOCATOR_64: &[u8] = b"PK\x06\x07";
const ENTRY: &[u8] = b"PK\x01\x02";

/// The maximum length of an archive's final comment.
const COMMENT: u64 = 65_535;
/// The maximum size of a directory, in bytes.
const LONGEST: u64 = 16 << 20;
/// The extra field that holds 64-bit numbers.
const EXTRA_64: u16 = 1;

/// The position of an entry's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) at: u64,
    pub(super) length: u64,
}

/// Returns the position of every entry, by name.
///
/// # Errors
/// If it is truncated or damaged, or an entry is compressed or encrypted.
pub(super) fn read(source: &ByteSource) -> Result<BTreeMap<String, Place>, Refused> {
    let directory = directory(source)?;
    let mut places = BTreeMap::new();
    let mut rest = Bytes(&directory);
    while !rest.0.is_empty() {
        let (name, header) = entry(&mut rest).ok_or_else(|| damaged("its directory"))??;
        let place = place(source, &name, header)?;
        if places.insert(name.clone(), place).is_some() {
            return Err(format!("its directory lists {name:?} twice"));
        }
    }
    Ok(places)
}

fn damaged(what: &str) -> Refused {
    format!("it is cut short or damaged: {what} cannot be read; download it again")
}

/// Returns the central directory.
fn directory(source: &ByteSource) -> Result<Vec<u8>, Refused> {
    let length = source.length();
    let tail_length = length.min(COMMENT + 22);
    let tail = read_part(source, length - tail_length, tail_length, "its end")?;
    let end = (0..=tail.len().saturating_sub(22))
        .rev()
        .find(|&i| tail[i..].starts_with(END))
        .ok_or_else(|| damaged("its directory"))?;
    let mut fields = Bytes(&tail[end + 4..]);
    let short = (|| {
        fields.skip(8)?;
        Some((u64::from(fields.u32()?), u64::from(fields.u32()?)))
    })();
    let (mut size, mut at) = short.ok_or_else(|| damaged("its end"))?;
    if size == u64::from(u32::MAX) || at == u64::from(u32::MAX) {
        (size, at) = directory_64(source, &tail, end)?;
    }
    if size > LONGEST {
        return Err(format!("its directory would be {size} bytes long"));
    }
    read_part(source, at, size, "its directory")
}

/// Returns length and position of the directory, from the 64-bit records before the end record.
fn directory_64(source: &ByteSource, tail: &[u8], end: usize) -> Result<(u64, u64), Refused> {
    let locator = end.checked_sub(20).map(|i| &tail[i..end]);
    let at = locator
        .and_then(|bytes| bytes.strip_prefix(LOCATOR_64))
        .and_then(|bytes| {
            let mut fields = Bytes(bytes);
            fields.skip(4)?;
            fields.u64()
        })
        .ok_or_else(|| damaged("its end"))?;
    let record = read_part(source, at, 56, "its end")?;
    record
        .strip_prefix(END_64)
        .and_then(|bytes| {
            let mut fields = Bytes(bytes);
            fields.skip(36)?;
            Some((fields.u64()?, fields.u64()?))
        })
        .ok_or_else(|| damaged("its end"))
}

/// Length and position of an entry's local header.
#[derive(Clone, Copy)]
struct Header {
    length: u64,
    at: u64,
}

/// Reads the next entry; `None` if the bytes are not an entry.
fn entry(rest: &mut Bytes<'_>) -> Option<Result<(String, Header), Refused>> {
    rest.0 = rest.0.strip_prefix(ENTRY)?;
    rest.skip(4)?;
    let flags = rest.u16()?;
    let method = rest.u16()?;
    rest.skip(8)?;
    let packed = rest.u32()?;
    let plain = rest.u32()?;
    let (name, extra, comment) = (rest.u16()?, rest.u16()?, rest.u16()?);
    rest.skip(8)?;
    let at = rest.u32()?;
    let name = String::from_utf8_lossy(rest.take(usize::from(name))?).into_owned();
    let mut extra = Bytes(rest.take(usize::from(extra))?);
    rest.skip(usize::from(comment))?;
    if flags & 1 != 0 {
        return Some(Err(format!("{name:?} in it is encrypted")));
    }
    if method != 0 {
        return Some(Err(format!(
            "{name:?} in it is compressed, which torch.save never does; save it again with torch.save"
        )));
    }
    let mut wide = None;
    while let (Some(kind), Some(length)) = (extra.u16(), extra.u16()) {
        let field = extra.take(usize::from(length))?;
        if kind == EXTRA_64 {
            wide = Some(Bytes(field));
        }
    }
    // Those of the three that do not fit 32 bits are in the extra field, in this order.
    let mut number = |narrow: u32| match &mut wide {
        Some(wide) if narrow == u32::MAX => wide.u64(),
        _ => Some(u64::from(narrow)),
    };
    let (plain, packed) = (number(plain)?, number(packed)?);
    let at = number(at)?;
    if plain != packed {
        return Some(Err(damaged(&format!("{name:?}"))));
    }
    Some(Ok((name, Header { length: plain, at })))
}

/// Returns the position of the bytes after a local header; inside the file.
fn place(source: &ByteSource, name: &str, header: Header) -> Result<Place, Refused> {
    let what = format!("{name:?}");
    let local = read_part(source, header.at, 30, &what)?;
    let lengths = local.strip_prefix(MAGIC).and_then(|bytes| {
        let mut fields = Bytes(bytes);
        fields.skip(22)?;
        Some(u64::from(fields.u16()?) + u64::from(fields.u16()?))
    });
    let at = header.at + 30 + lengths.ok_or_else(|| damaged(&what))?;
    if at
        .checked_add(header.length)
        .is_none_or(|end| end > source.length())
    {
        return Err(damaged(&what));
    }
    Ok(Place {
        at,
        length: header.length,
    })
}

fn read_part(source: &ByteSource, at: u64, length: u64, what: &str) -> Result<Vec<u8>, Refused> {
    let length = usize::try_from(length).map_err(|_| damaged(what))?;
    source.read(at, length).map_err(|_| damaged(what))
}

/// A reader of consecutive little-endian numbers.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(bytes)
    }

    fn skip(&mut self, n: usize) -> Option<()> {
        self.take(n).map(drop)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take(8)?.try_into().ok().map(u64::from_le_bytes)
    }
}
