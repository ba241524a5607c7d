//! Writing: regular files are replaced whole, everything else that a user may name is written through.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use super::kind::{Kind, descriptor, open_as, standard, wait_again};
use crate::core::error::{Error, Result};

/// How many temporary names are tried before giving up; each only collides with a file left by a crash.
const NAME_ATTEMPTS: u32 = 100;
/// How many characters of the target's name go into that of the temporary file.
const NAME_START: usize = 40;
/// How many links are followed, as on Linux.
pub(super) const MOST_LINKS: usize = 40;
/// How often the reader of a FIFO is looked for, and how long is waited in between: two seconds in all, since a shell starts the
/// two ends of a pipe in any order.
const READER_ATTEMPTS: u32 = 100;
const READER_PAUSE: Duration = Duration::from_millis(20);

/// Where contents go.
enum Target {
    /// A regular file, there or not, with the metadata of the one that is there. Links are resolved.
    Replaced(PathBuf, Option<Metadata>),
    /// What is written to as it is.
    Through(File),
}

/// Replaces a file of this program by new contents: either the old file or the whole new one is there, never a part.
///
/// The contents are written to a temporary file in the same folder, synced, and renamed over the old one, whose permissions
/// stay. A symbolic link is followed, so that the link stays and its target is replaced. What is no regular file is refused.
///
/// # Errors
/// Names the file; the old file is then untouched.
pub fn write_atomic(path: &Path, contents: &[u8]) -> Result<()> {
    let target = replaced(path).map_err(|source| Error::io("write", path, source))?;
    write_to(path, target, |sink| {
        sink.write_all(contents)
            .map_err(|source| Error::io("write", path, source))
    })
}

/// Writes an output that a user named: a regular file is replaced as by [`write_atomic`], and a character device, a FIFO that
/// somebody reads, or an open file of this process such as `/dev/stdout` is written through and stays what it is.
///
/// # Errors
/// Names the file, which is then untouched if it is regular. A reader that went away is [`Error::Output`], as for standard output.
pub fn write_out(path: &Path, contents: &[u8]) -> Result<()> {
    write_streamed(path, |sink| {
        sink.write_all(contents)
            .map_err(|source| Error::io("write", path, source))
    })
}

/// The same as [`write_out`] of contents that are written piece by piece and need not fit into memory.
///
/// # Errors
/// As [`write_out`]. What the writer reports is passed on.
pub fn write_streamed(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
) -> Result<()> {
    let target = output(path).map_err(|source| Error::io("write", path, source))?;
    write_to(path, target, write)
}

/// Writes a file that must not be there yet, as in a folder that others write to as well.
///
/// # Errors
/// Names the file, also when something stands there, a link that leads nowhere included.
pub fn write_new(path: &Path, contents: &[u8]) -> Result<()> {
    let failed = |source| Error::io("write", path, source);
    let mut file = File::create_new(path).map_err(failed)?;
    let written = file.write_all(contents).and_then(|()| file.sync_all());
    written.map_err(|source| {
        // A partial file is of no use.
        let _ = fs::remove_file(path);
        failed(source)
    })
}

fn write_to(
    path: &Path,
    target: Target,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
) -> Result<()> {
    let failed = |source| Error::io("write", path, source);
    match target {
        Target::Replaced(target, old) => {
            let (temporary, file) = create_beside(&target).map_err(failed)?;
            // Before anything is written, so that a private file stays private.
            keep_permissions(&file, old.as_ref());
            let written = filled(file, write, failed).and_then(|file| {
                file.sync_all()
                    .and_then(|()| fs::rename(&temporary, &target))
                    .map_err(failed)
            });
            if let Err(error) = written {
                // The first error is the one to report; a left-over temporary file is harmless.
                let _ = fs::remove_file(&temporary);
                return Err(error);
            }
            sync_folder(&target);
            Ok(())
        }
        // A device has nothing to sync.
        Target::Through(file) => filled(file, write, failed).map(drop).map_err(quiet),
    }
}

/// Writes to a file through a buffer.
fn filled(
    file: File,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
    failed: impl Fn(io::Error) -> Error,
) -> Result<File> {
    let mut sink = BufWriter::new(file);
    let written = write(&mut sink);
    if let Err(error) = written {
        // What is left in the buffer is not tried again when it is dropped.
        drop(sink.into_parts());
        return Err(error);
    }
    sink.flush().map_err(&failed)?;
    sink.into_inner()
        .map_err(|error| failed(error.into_error()))
}

/// A reader that has seen enough is no failure, whatever the pipe is called.
fn quiet(error: Error) -> Error {
    match error {
        Error::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => {
            Error::Output { source }
        }
        error => error,
    }
}

/// What a path stands for as a file of this program's own.
fn replaced(path: &Path) -> io::Result<Target> {
    let target = resolved(path)?;
    match fs::metadata(&target) {
        Ok(metadata) => match Kind::of(&metadata) {
            Kind::File => Ok(Target::Replaced(target, Some(metadata))),
            kind => Err(kind.refused()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Target::Replaced(target, None)),
        Err(error) => Err(error),
    }
}

/// What a path stands for as an output that a user named.
fn output(path: &Path) -> io::Result<Target> {
    let kind = match fs::metadata(path) {
        Ok(metadata) => Kind::of(&metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return replaced(path),
        Err(error) => return Err(error),
    };
    let number = descriptor(path);
    match (kind, number) {
        (Kind::Folder | Kind::Block | Kind::Other, _) | (Kind::Socket, None) => Err(kind.refused()),
        (_, Some(number @ 1..=2)) => standard(number).map(Target::Through),
        (Kind::File, None) => replaced(path),
        (Kind::File, Some(_)) => {
            // At its end, where the shell that opened it left off.
            let file = open_as(path, OpenOptions::new().append(true), &[Kind::File])?;
            Ok(Target::Through(file))
        }
        (Kind::Character | Kind::Fifo | Kind::Socket, _) => {
            open_through(path, kind).map(Target::Through)
        }
    }
}

/// Opens a device or a FIFO to write to it.
fn open_through(path: &Path, kind: Kind) -> io::Result<File> {
    let mut attempts = 0;
    loop {
        match open_as(path, OpenOptions::new().write(true), &[kind]) {
            Ok(file) => {
                wait_again(&file)?;
                return Ok(file);
            }
            Err(error) if kind == Kind::Fifo && has_no_reader(&error) => {
                attempts += 1;
                if attempts == READER_ATTEMPTS {
                    let message = "it is a FIFO that nobody reads: start its reader first";
                    return Err(io::Error::new(io::ErrorKind::NotConnected, message));
                }
                sleep(READER_PAUSE);
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(unix)]
fn has_no_reader(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error())
}

#[cfg(not(unix))]
fn has_no_reader(_: &io::Error) -> bool {
    false
}

/// Where a path leads, through links, also through one whose target is not there yet.
pub(super) fn resolved(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::canonicalize(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
        let Ok(target) = fs::read_link(&path) else {
            return Ok(path);
        };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Ok(path)
}

/// Gives the new file the permissions, and where it is allowed the owner, of the one that it replaces.
#[cfg(unix)]
fn keep_permissions(file: &File, old: Option<&Metadata>) {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    let Some(old) = old else {
        return;
    };
    if file
        .metadata()
        .is_ok_and(|new| (new.uid(), new.gid()) != (old.uid(), old.gid()))
    {
        // Only the superuser may give files away; the contents matter more.
        let _ = fchown(file, Some(old.uid()), Some(old.gid()));
    }
    let mode = fs::Permissions::from_mode(old.mode() & 0o777);
    // Some file systems have no permissions to keep.
    let _ = file.set_permissions(mode);
}

#[cfg(not(unix))]
fn keep_permissions(_: &File, _: Option<&Metadata>) {}

/// Creates a fresh hidden file in the folder of `target`.
pub(super) fn create_beside(target: &Path) -> io::Result<(PathBuf, File)> {
    let Some(name) = target.file_name() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    // A long name would leave no room for the suffix.
    let name: String = name.to_string_lossy().chars().take(NAME_START).collect();
    let mut collision = io::Error::from(io::ErrorKind::AlreadyExists);
    for attempt in 0..NAME_ATTEMPTS {
        let mut hidden = OsString::from(".");
        hidden.push(&name);
        hidden.push(format!(".{}-{attempt}.tmp", std::process::id()));
        let temporary = target.with_file_name(hidden);
        match File::create_new(&temporary) {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => collision = error,
            Err(error) => return Err(error),
        }
    }
    Err(collision)
}

/// Makes a rename durable. Not every platform and file system can, and the contents are safe already.
fn sync_folder(target: &Path) {
    if cfg!(unix)
        && let Some(folder) = target.parent()
        && let Ok(folder) = File::open(folder)
    {
        let _ = folder.sync_all();
    }
}
