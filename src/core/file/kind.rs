//! File kinds, and opening a path only if it has the right kind; no call here blocks on the other end of a pipe.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

use crate::core::error::NotRegular;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileKind {
    File,
    Folder,
    Fifo,
    Socket,
    Character,
    Block,
    Other,
}

impl FileKind {
    pub(super) fn new(metadata: &Metadata) -> Self {
        let kind = metadata.file_type();
        if kind.is_file() {
            return Self::File;
        }
        if kind.is_dir() {
            return Self::Folder;
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::FileTypeExt as _;
            let kinds = [
                (kind.is_fifo(), Self::Fifo),
                (kind.is_socket(), Self::Socket),
                (kind.is_char_device(), Self::Character),
                (kind.is_block_device(), Self::Block),
            ];
            if let Some((_, kind)) = kinds.into_iter().find(|(is_kind, _)| *is_kind) {
                return kind;
            }
        }
        Self::Other
    }

    /// Returns the error that names this kind where a regular file is needed.
    pub(super) fn refusal(self) -> io::Error {
        let (what, kind) = match self {
            Self::Folder => ("a folder", io::ErrorKind::IsADirectory),
            Self::Fifo => ("a FIFO", io::ErrorKind::InvalidInput),
            Self::Socket => ("a socket", io::ErrorKind::InvalidInput),
            Self::Character => ("a character device", io::ErrorKind::InvalidInput),
            Self::Block => ("a block device", io::ErrorKind::InvalidInput),
            Self::File | Self::Other => ("something else", io::ErrorKind::InvalidInput),
        };
        io::Error::new(kind, NotRegular { what })
    }
}

/// Opens a regular file for reading, without blocking. Nothing else is opened.
///
/// # Errors
/// A [`NotRegular`] inside the `io::Error` names any other kind.
pub fn open(path: &Path) -> io::Result<File> {
    open_as(path, OpenOptions::new().read(true), &[FileKind::File])
}

/// Opens a user-named input to be read once from start to end: a regular file, or a pipe or terminal given to this process as
/// `/dev/stdin` or `/dev/fd/N`, as shells pass `<(command)`. A named FIFO is refused, since its other end may never open.
///
/// # Errors
/// A [`NotRegular`] inside the `io::Error` names any other kind.
pub fn open_input(path: &Path) -> io::Result<File> {
    let kind = FileKind::new(&fs::metadata(path)?);
    let is_stream = matches!(
        kind,
        FileKind::Fifo | FileKind::Character | FileKind::Socket
    );
    match descriptor(path).filter(|_| is_stream) {
        Some(0) => standard(0),
        Some(_) => {
            let file = open_as(path, OpenOptions::new().read(true), &[kind])?;
            set_blocking(&file)?;
            Ok(file)
        }
        None => open(path),
    }
}

/// Opens a regular file for reading and writing, and creates it if missing; existing contents are kept.
///
/// # Errors
/// A [`NotRegular`] inside the `io::Error` names any other kind.
pub fn update(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    open_as(path, &options, &[FileKind::File])
}

/// Opens a file for appending, and creates it if missing. A character device such as `/dev/null` is accepted too.
///
/// # Errors
/// A [`NotRegular`] inside the `io::Error` names any other kind.
pub fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    open_as(path, &options, &[FileKind::File, FileKind::Character])
}

/// Opens an existing regular file for reading and appending.
///
/// # Errors
/// A [`NotRegular`] inside the `io::Error` names any other kind.
pub fn extend(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true);
    open_as(path, &options, &[FileKind::File])
}

/// Opens a path that has one of these kinds, without blocking.
pub(super) fn open_as(path: &Path, options: &OpenOptions, kinds: &[FileKind]) -> io::Result<File> {
    let check = |metadata: &Metadata| {
        let kind = FileKind::new(metadata);
        if kinds.contains(&kind) {
            return Ok(());
        }
        Err(kind.refusal())
    };
    // Checked before opening, which alone can rewind a tape or wait for a modem.
    match fs::metadata(path) {
        Ok(metadata) => check(&metadata)?,
        // The file may have to be created.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let file = nonblocking(options.clone()).open(path)?;
    // Checked again: the path may have been replaced in between.
    check(&file.metadata()?)?;
    Ok(file)
}

/// Adds the flags that make opening return at once; they have no effect on a regular file.
#[cfg(unix)]
fn nonblocking(mut options: OpenOptions) -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    options.custom_flags(flags.bits().cast_signed());
    options
}

#[cfg(not(unix))]
fn nonblocking(options: OpenOptions) -> OpenOptions {
    options
}

/// Restores blocking reads and writes.
#[cfg(unix)]
pub(super) fn set_blocking(file: &File) -> io::Result<()> {
    let flags = rustix::fs::fcntl_getfl(file)?;
    rustix::fs::fcntl_setfl(file, flags - rustix::fs::OFlags::NONBLOCK)?;
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn set_blocking(_: &File) -> io::Result<()> {
    Ok(())
}

/// Returns the descriptor of this process that a path names: `/dev/stdin`, `/dev/fd/3`, `/proc/self/fd/3`, or a link to one.
#[cfg(unix)]
pub(super) fn descriptor(path: &Path) -> Option<u32> {
    let mut path = path.to_owned();
    for _ in 0..super::write::MOST_LINKS {
        let name = path.file_name()?.to_str()?;
        let number = Some(name).filter(|name| name.bytes().all(|b| b.is_ascii_digit()));
        if let Some(number) = number.and_then(|name| name.parse().ok())
            && lists_descriptors(path.parent()?)
        {
            return Some(number);
        }
        let target = fs::read_link(&path).ok()?;
        path = path.parent()?.join(target);
    }
    None
}

#[cfg(not(unix))]
pub(super) fn descriptor(_: &Path) -> Option<u32> {
    None
}

/// Returns whether a folder lists this process's descriptors.
#[cfg(unix)]
fn lists_descriptors(folder: &Path) -> bool {
    let Ok(folder) = fs::canonicalize(folder) else {
        return false;
    };
    let own = Path::new("/proc").join(std::process::id().to_string());
    folder == Path::new("/dev/fd")
        || (folder.starts_with(&own) && folder.file_name().is_some_and(|name| name == "fd"))
}

/// Duplicates the handle of standard input, output or error.
#[cfg(unix)]
pub(super) fn standard(number: u32) -> io::Result<File> {
    use std::os::fd::AsFd as _;
    let handle = match number {
        0 => std::io::stdin().as_fd().try_clone_to_owned(),
        1 => std::io::stdout().as_fd().try_clone_to_owned(),
        _ => std::io::stderr().as_fd().try_clone_to_owned(),
    };
    Ok(File::from(handle?))
}

#[cfg(not(unix))]
pub(super) fn standard(_: u32) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}
