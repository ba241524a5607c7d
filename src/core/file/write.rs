//! Writing: regular files are replaced atomically; any other output that a user names is written through.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use super::kind::{FileKind, descriptor, open_as, set_blocking, standard};
use crate::core::error::{Error, Result};

/// Number of temporary names to try; each collides only with a file left by a crash.
const NAME_ATTEMPTS: u32 = 100;
/// Number of characters of the target's name used in that of the temporary file.
const NAME_START: usize = 40;
/// The most symbolic links to follow, as on Linux.
pub(super) const MOST_LINKS: usize = 40;
/// How often and at what interval to look for a FIFO's reader: two seconds in all, since a shell may start either end first.
const READER_ATTEMPTS: u32 = 100;
const READER_PAUSE: Duration = Duration::from_millis(20);

/// The destination of a write.
enum Target {
    /// A regular file, existing or not, with the metadata of an existing one. Links are resolved.
    Replaced(PathBuf, Option<Metadata>),
    /// An open file that is written to as it is.
    Through(File),
}

/// Replaces one of this program's own files atomically: afterwards either the old or the complete new file exists.
///
/// The contents go to a temporary file in the same folder, which is synced and renamed over the old one; permissions are kept. A
/// symbolic link is followed, so the link stays and its target is replaced. Anything but a regular file is refused.
///
/// # Errors
/// Names the file; the old file is then untouched.
pub fn write_atomic(path: &Path, contents: &[u8]) -> Result<()> {
    let target = own_target(path).map_err(|source| Error::io("write", path, source))?;
    write_to(path, target, |sink| {
        sink.write_all(contents)
            .map_err(|source| Error::io("write", path, source))
    })
}

/// Writes to an output that a user named. Regular files are replaced as by [`write_atomic`]. Character devices, FIFOs with a
/// reader, and open files of this process such as `/dev/stdout` are written through.
///
/// # Errors
/// Names the file, which is then untouched if it is regular. A closed reader gives [`Error::Output`], as for standard output.
pub fn write_out(path: &Path, contents: &[u8]) -> Result<()> {
    write_streamed(path, |sink| {
        sink.write_all(contents)
            .map_err(|source| Error::io("write", path, source))
    })
}

/// Like [`write_out`], for contents that are written in pieces and need not fit into memory.
///
/// # Errors
/// As [`write_out`]; errors of the writer are passed on.
pub fn write_streamed(
    path: &Path,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
) -> Result<()> {
    let target = user_target(path).map_err(|source| Error::io("write", path, source))?;
    write_to(path, target, write)
}

/// Writes a file that must not exist yet, e.g. in a folder that other processes write to.
///
/// # Errors
/// Names the file, including when the path exists, even as a dangling link.
pub fn write_new(path: &Path, contents: &[u8]) -> Result<()> {
    let failed = |source| Error::io("write", path, source);
    let mut file = File::create_new(path).map_err(failed)?;
    let written = file.write_all(contents).and_then(|()| file.sync_all());
    written.map_err(|source| {
        // A partial file is useless.
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
            // Set before anything is written, so that a private file stays private.
            keep_permissions(&file, old.as_ref());
            let written = write_buffered(file, write, failed).and_then(|file| {
                file.sync_all()
                    .and_then(|()| fs::rename(&temporary, &target))
                    .map_err(failed)
            });
            if let Err(error) = written {
                // Only the first error is reported; a leftover temporary file is harmless.
                let _ = fs::remove_file(&temporary);
                return Err(error);
            }
            sync_folder(&target);
            Ok(())
        }
        // A device has nothing to sync.
        Target::Through(file) => write_buffered(file, write, failed).map(drop).map_err(quiet),
    }
}

/// Writes to a file through a buffer.
fn write_buffered(
    file: File,
    write: impl FnOnce(&mut (dyn Write + Send)) -> Result<()>,
    failed: impl Fn(io::Error) -> Error,
) -> Result<File> {
    let mut sink = BufWriter::new(file);
    let written = write(&mut sink);
    if let Err(error) = written {
        // Prevents a retry of the buffered bytes on drop.
        drop(sink.into_parts());
        return Err(error);
    }
    sink.flush().map_err(&failed)?;
    sink.into_inner()
        .map_err(|error| failed(error.into_error()))
}

/// Reports a closed pipe as [`Error::Output`], which is not a failure.
fn quiet(error: Error) -> Error {
    match error {
        Error::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe => {
            Error::Output { source }
        }
        error => error,
    }
}

/// Resolves the path of one of this program's own files.
fn own_target(path: &Path) -> io::Result<Target> {
    let target = resolved(path)?;
    match fs::metadata(&target) {
        Ok(metadata) => match FileKind::new(&metadata) {
            FileKind::File => Ok(Target::Replaced(target, Some(metadata))),
            kind => Err(kind.refusal()),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Target::Replaced(target, None)),
        Err(error) => Err(error),
    }
}

/// Resolves the path of an output that a user named.
fn user_target(path: &Path) -> io::Result<Target> {
    let kind = match fs::metadata(path) {
        Ok(metadata) => FileKind::new(&metadata),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return own_target(path),
        Err(error) => return Err(error),
    };
    let number = descriptor(path);
    match (kind, number) {
        (FileKind::Folder | FileKind::Block | FileKind::Other, _) | (FileKind::Socket, None) => {
            Err(kind.refusal())
        }
        (_, Some(number @ 1..=2)) => standard(number).map(Target::Through),
        (FileKind::File, None) => own_target(path),
        (FileKind::File, Some(_)) => {
            // Appends, to continue where the shell that opened the file stopped.
            let file = open_as(path, OpenOptions::new().append(true), &[FileKind::File])?;
            Ok(Target::Through(file))
        }
        (FileKind::Character | FileKind::Fifo | FileKind::Socket, _) => {
            open_through(path, kind).map(Target::Through)
        }
    }
}

/// Opens a device or a FIFO for writing.
fn open_through(path: &Path, kind: FileKind) -> io::Result<File> {
    let mut attempts = 0;
    loop {
        match open_as(path, OpenOptions::new().write(true), &[kind]) {
            Ok(file) => {
                set_blocking(&file)?;
                return Ok(file);
            }
            Err(error) if kind == FileKind::Fifo && has_no_reader(&error) => {
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

/// Resolves links, including a link whose target does not exist yet.
pub(super) fn resolved(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::canonicalize(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            resolved => return resolved,
        }
        let Ok(target) = fs::read_link(&path) else {
            return Ok(path);
        };
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Ok(path)
}

/// Gives the new file the permissions and, if allowed, the owner of the file that it replaces.
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
        // Only the superuser may change the owner; the contents matter more.
        let _ = fchown(file, Some(old.uid()), Some(old.gid()));
    }
    let mode = fs::Permissions::from_mode(old.mode() & 0o777);
    // Some file systems have no permissions to keep.
    let _ = file.set_permissions(mode);
}

#[cfg(not(unix))]
fn keep_permissions(_: &File, _: Option<&Metadata>) {}

/// Creates a new hidden file in the folder of `target`.
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

/// Makes a rename durable where the platform and file system can; the contents are already safe.
fn sync_folder(target: &Path) {
    if cfg!(unix)
        && let Some(folder) = target.parent()
        && let Ok(folder) = File::open(folder)
    {
        let _ = folder.sync_all();
    }
}
