//! File kinds are detected, reads are bounded, and writes lose nothing.

use std::fs;
use std::io::{Cursor, Write as _};
use std::path::Path;

use super::write::create_beside;
use super::*;
use crate::core::error::Error;

#[test]
fn files_are_replaced_whole() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("session.jsonl");
    write_atomic(&path, b"one").expect("first write");
    write_atomic(&path, b"two").expect("second write");
    write_out(&path, b"three").expect("third write");
    assert_eq!(read_text(&path).expect("readable"), "three");
    let left: Vec<_> = fs::read_dir(folder.path()).expect("listable").collect();
    assert_eq!(left.len(), 1, "no temporary file stays");
}

#[test]
fn no_more_than_the_limit_is_read() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("data.json");
    write_atomic(&path, b"12345").expect("written");
    for (limit, read) in [
        (5, Some(&b"12345"[..])),
        (4, None),
        (u64::MAX, Some(b"12345")),
    ] {
        assert_eq!(
            read_at_most(&path, limit).expect("readable").as_deref(),
            read
        );
    }
    assert_eq!(read_tail(&path, 2).expect("readable"), b"45");
    assert_eq!(read_tail(&path, 9).expect("readable"), b"12345");
    let error = read_text_at_most(&path, 4).expect_err("too long");
    assert!(error.to_string().contains("the limit of 4 bytes"));
    let error = read_at_most(folder.path(), 9).expect_err("a folder");
    assert!(error.hint().is_some(), "{error}");
}

#[test]
fn lines_have_a_bound() {
    let mut input = Cursor::new("ab\ncdefgh\nij");
    let mut line = Vec::new();
    let mut next = |limit| {
        let whole = read_line(&mut input, &mut line, limit).expect("memory");
        (whole, String::from_utf8(line.clone()).expect("text"))
    };
    assert_eq!(next(3), (true, "ab\n".to_owned()));
    assert_eq!(next(4), (false, "cdef".to_owned()));
    assert_eq!(next(9), (true, "gh\n".to_owned()));
    assert_eq!(next(9), (true, "ij".to_owned()));
    assert_eq!(next(9), (true, String::new()));
}

#[test]
fn values_are_counted_without_reading_them() {
    for (json, values) in [
        ("7", 1),
        (r#""a,b[\",{""#, 1),
        ("[],[],[]", 6),
        (r#"{"a":[1,2],"b":"x\\"}"#, 5),
    ] {
        assert_eq!(values_in(json.as_bytes()), values, "{json}");
    }
}

#[test]
fn a_killed_write_leaves_the_old_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("session.jsonl");
    write_atomic(&path, b"old").expect("first write");
    let (temporary, mut file) = create_beside(&path).expect("a temporary file");
    file.write_all(b"ne").expect("half a write");
    drop(file);
    assert_eq!(read_text(&path).expect("readable"), "old");
    write_atomic(&path, b"new").expect("a later write is not in the way");
    assert_eq!(read_text(&path).expect("readable"), "new");
    assert!(
        temporary.exists(),
        "somebody else's temporary file is left alone"
    );
}

#[test]
fn errors_name_the_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let missing = folder.path().join("no").join("file");
    for error in [
        read_text(&missing).expect_err("missing"),
        write_atomic(&missing, b"x").expect_err("no folder"),
        write_out(&missing, b"x").expect_err("no folder"),
        write_atomic(folder.path(), b"x").expect_err("a folder"),
        write_out(folder.path(), b"x").expect_err("a folder"),
    ] {
        assert!(
            error
                .to_string()
                .contains(&*folder.path().to_string_lossy())
        );
        assert!(error.hint().is_some(), "{error}");
    }
}

#[test]
fn an_output_is_no_input_and_needs_force_to_replace_a_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = |name: &str| folder.path().join(name);
    write_atomic(&at("in"), b"in").expect("written");
    write_atomic(&at("there"), b"there").expect("written");
    fs::hard_link(at("in"), at("hard")).expect("a second name");
    fs::create_dir(at("sub")).expect("a folder");
    let round = folder.path().join("sub/../in");
    for force in [false, true] {
        let mut outputs = Outputs::new(force);
        outputs.reads(&at("in"));
        for name in [&at("in"), &round, &at("hard")] {
            let error = outputs.writes(name).expect_err("an input");
            assert!(error.to_string().contains("is also an input"));
            assert_eq!(error.exit_code(), 2);
            assert!(outputs.spares(name).is_err());
        }
        outputs.spares(&at("there")).expect("no input");
        assert_eq!(outputs.writes(&at("there")).is_ok(), force);
        outputs.writes(&at("new")).expect("free");
        let error = outputs.writes(&at("sub/../new")).expect_err("twice");
        assert!(error.to_string().contains("two outputs"), "{error}");
        assert_eq!(
            outputs
                .writes(&at("sub"))
                .expect_err("a folder")
                .exit_code(),
            3
        );
    }
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};
    use std::os::unix::net::UnixListener;
    use std::path::PathBuf;
    use std::process::Command;
    use std::thread;

    use super::*;

    fn fifo(path: &Path) {
        let made = Command::new("mkfifo").arg(path).status();
        assert!(made.expect("mkfifo").success());
    }

    /// Creates a private copy of a device; `None` if this user may not.
    fn device(path: &Path, minor: &str) -> Option<PathBuf> {
        let made = Command::new("mknod")
            .arg(path)
            .args(["c", "1", minor])
            .output();
        if made.is_ok_and(|made| made.status.success()) && fs::File::open(path).is_ok() {
            return Some(path.to_owned());
        }
        let note = b"skipped: device nodes cannot be made here\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), note);
        None
    }

    #[test]
    fn links_are_followed_even_to_missing_targets() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        symlink("real", &link).expect("link");
        write_out(&link, b"first").expect("write");
        assert!(link.is_symlink());
        assert_eq!(read_text(&real).expect("readable"), "first");
        write_atomic(&link, b"new").expect("write");
        assert!(link.is_symlink());
        assert_eq!(read_text(&real).expect("readable"), "new");
        let mut outputs = Outputs::new(true);
        outputs.reads(&link);
        assert!(outputs.writes(&real).is_err());
        let circle = folder.path().join("circle");
        symlink("circle", &circle).expect("link");
        assert!(write_out(&circle, b"x").is_err() && circle.is_symlink());
    }

    #[test]
    fn permissions_stay() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("secret");
        write_out(&path, b"old").expect("write");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("own file");
        write_out(&path, b"new").expect("write");
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn other_kinds_of_files_are_refused_without_waiting() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let at = |name: &str| folder.path().join(name);
        fifo(&at("fifo"));
        symlink("fifo", at("link")).expect("link");
        let _socket = UnixListener::bind(at("socket")).expect("a socket");
        for (name, what) in [
            ("fifo", "it is a FIFO, not a regular file"),
            ("link", "it is a FIFO"),
            ("socket", "it is a socket"),
        ] {
            let path = at(name);
            for error in [
                read_text(&path).expect_err("no file"),
                read_tail(&path, 9).expect_err("no file"),
                write_atomic(&path, b"x").expect_err("no file"),
                Error::io("read", &path, open(&path).expect_err("no file")),
                Error::io("open", &path, update(&path).expect_err("no file")),
                Error::io("write", &path, append(&path).expect_err("no file")),
            ] {
                assert!(error.to_string().contains(what), "{error}");
                assert!(error.hint().is_some(), "{error}");
                assert_eq!(error.exit_code(), 3);
            }
        }
        let error = write_out(&at("socket"), b"x").expect_err("no output");
        assert!(error.to_string().contains("it is a socket"), "{error}");
        assert!(
            fs::metadata(at("fifo"))
                .expect("there")
                .file_type()
                .is_fifo()
        );
    }

    #[test]
    fn a_fifo_is_written_through_while_somebody_reads_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("fifo");
        fifo(&path);
        let error = write_out(&path, b"x").expect_err("nobody reads");
        assert!(error.to_string().contains("nobody reads"), "{error}");
        let (name, long) = (path.clone(), vec![b'x'; 300_000]);
        let reader = thread::spawn(move || fs::read(name));
        write_out(&path, &long).expect("somebody reads");
        assert_eq!(reader.join().expect("no panic").expect("read"), long);
        assert!(fs::metadata(&path).expect("there").file_type().is_fifo());

        let name = path.clone();
        let reader = thread::spawn(move || fs::File::open(name).map(drop));
        let error = write_out(&path, &long).expect_err("it went away");
        reader.join().expect("no panic").expect("opened");
        assert_eq!(error.exit_code(), 0, "as `head` on standard output");
    }

    #[test]
    fn devices_are_written_through_and_stay() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let Some(null) = device(&folder.path().join("null"), "3") else {
            return;
        };
        let link = folder.path().join("link");
        symlink(&null, &link).expect("link");
        write_out(&link, b"x").expect("swallowed");
        append(&null).expect("a log may go nowhere");
        assert!(link.is_symlink());
        assert!(
            fs::metadata(&null)
                .expect("there")
                .file_type()
                .is_char_device()
        );
        assert!(write_atomic(&null, b"x").is_err());
        if let Some(full) = device(&folder.path().join("full"), "7") {
            let error = write_out(&full, b"x").expect_err("full");
            assert_eq!(error.exit_code(), 3);
            assert!(error.hint().is_some_and(|hint| hint.contains("space")));
            assert!(
                fs::metadata(&full)
                    .expect("there")
                    .file_type()
                    .is_char_device()
            );
        }
        if let Some(zero) = device(&folder.path().join("zero"), "5") {
            let error = read_at_most(&zero, 1000).expect_err("no file");
            assert!(error.to_string().contains("a character device"), "{error}");
        }
    }
}
