//! Files of every kind: outputs onto devices, FIFOs, inputs and existing files; inputs that are no regular files or have no end; a run
//! that is asked to stop. Runs the real binary; device nodes are private ones in a folder of the test.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{FileTypeExt as _, symlink};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::channel;
use std::thread;

use crate::binary::{command, patience, signal, wait};
use tempfile::{TempDir, tempdir};

const SESSION: &str = "sample_runs/mini-math-present.jsonl";

/// The output of a command, which is killed if it hangs.
fn finish(mut command: Command) -> Output {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    ended(child, &format!("{command:?}"))
}

fn ended(child: Child, what: &str) -> Output {
    let process = child.id();
    let (done, output) = channel();
    thread::spawn(move || done.send(child.wait_with_output()));
    output.recv_timeout(patience()).map_or_else(
        |_| {
            signal("KILL", process);
            panic!("{what} hangs");
        },
        Result::unwrap,
    )
}

/// A folder with the initial files of the commands.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            folder: tempdir().unwrap(),
        };
        fs::copy(SESSION, place.at("session.jsonl")).unwrap();
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command; words that start with `@` are paths in the folder.
    fn run(&self, words: &str) -> (i32, String) {
        let output = finish(self.command(words));
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap_or(-1), err)
    }

    fn command(&self, words: &str) -> Command {
        let words: Vec<String> = words
            .split_whitespace()
            .map(|word| match word.strip_prefix('@') {
                Some(name) => self.at(name).display().to_string(),
                None => word.to_owned(),
            })
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        command(self.folder.path(), &words)
    }

    fn fifo(&self, name: &str) {
        assert!(
            Command::new("mkfifo")
                .arg(self.at(name))
                .status()
                .unwrap()
                .success()
        );
    }

    /// Makes a private character device; returns false if this user may not.
    fn device(&self, name: &str, minor: &str) -> bool {
        let made = Command::new("mknod")
            .arg(self.at(name))
            .args(["c", "1", minor])
            .output();
        let made =
            made.is_ok_and(|made| made.status.success()) && File::open(self.at(name)).is_ok();
        if !made {
            eprintln!("skipped: device nodes cannot be made here");
        }
        made
    }

    fn is_fifo(&self, name: &str) -> bool {
        fs::symlink_metadata(self.at(name))
            .unwrap()
            .file_type()
            .is_fifo()
    }

    fn is_device(&self, name: &str) -> bool {
        let kind = fs::symlink_metadata(self.at(name)).unwrap().file_type();
        kind.is_char_device()
    }

    /// Makes a run of a few problems.
    fn made_run(&self) {
        let (code, err) = self.run("run --limit 3 --experiments accuracy --out @run");
        assert_eq!(code, 0, "{err}");
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.at(name)).unwrap()
    }
}

/// Every command that writes a named file, with `TARGET` in place of its path.
const WRITERS: [&str; 6] = [
    "export @session.jsonl --format md --out TARGET",
    "export @session.jsonl --format json --out TARGET",
    "problems generate --family math --n 2 --seed 1 --out TARGET",
    "report @run --html TARGET",
    "report @run --md TARGET",
    "report @run --calibration TARGET",
];

#[test]
fn an_output_onto_a_device_is_written_through_and_a_full_one_is_said() {
    let place = Place::new();
    place.made_run();
    if !place.device("null", "3") || !place.device("full", "7") {
        return;
    }
    symlink("null", place.at("link")).unwrap();
    for writer in WRITERS {
        for (target, expected) in [("@null", 0), ("@link", 0), ("@full", 3)] {
            let words = writer.replace("TARGET", target);
            let (code, err) = place.run(&words);
            assert_eq!(code, expected, "{words}: {err}");
            assert_eq!(
                err.contains("hint: free some space"),
                expected == 3,
                "{words}: {err}"
            );
        }
    }
    assert!(place.is_device("null") && place.is_device("full"));
    assert!(place.at("link").is_symlink());
}

#[test]
fn an_output_onto_a_fifo_reaches_its_reader_and_waits_for_none() {
    let place = Place::new();
    place.made_run();
    place.fifo("fifo");
    for writer in WRITERS {
        let words = writer.replace("TARGET", "@plain");
        assert_eq!(place.run(&words).0, 0, "{words}");
        let reader = {
            let path = place.at("fifo");
            thread::spawn(move || fs::read(path).unwrap())
        };
        let words = writer.replace("TARGET", "@fifo");
        let (code, err) = place.run(&words);
        assert_eq!(code, 0, "{words}: {err}");
        assert_eq!(reader.join().unwrap(), place.read("plain"), "{words}");
        fs::remove_file(place.at("plain")).unwrap();
    }
    let (code, err) = place.run("export @session.jsonl --format md --out @fifo");
    assert_eq!(code, 3, "{err}");
    assert!(
        err.contains("a FIFO that nobody reads") && err.contains("hint:"),
        "{err}"
    );
    assert!(place.is_fifo("fifo"));
}

#[test]
fn an_output_onto_standard_output_stays_what_the_shell_made_of_it() {
    let place = Place::new();
    symlink("/proc/self/fd/1", place.at("stdout")).unwrap();
    let (code, _) = place.run("export @session.jsonl --format md --out @plain");
    assert_eq!(code, 0);
    let plain = place.read("plain");
    for target in ["/dev/stdout", "@stdout", "/proc/self/fd/1", "/dev/fd/1"] {
        let words = format!("export @session.jsonl --format md --out {target}");
        let output = finish(place.command(&words));
        assert!(output.status.success(), "{words}");
        assert_eq!(output.stdout, plain, "{words}");
        // A file that the shell opened for appending keeps its contents.
        let log = place.at("log");
        fs::write(&log, "before\n").unwrap();
        let add = File::options().append(true).open(&log).unwrap();
        let status = place.command(&words).stdout(add).status().unwrap();
        assert!(status.success(), "{words}");
        assert_eq!(
            place.read("log"),
            [b"before\n", &plain[..]].concat(),
            "{words}"
        );
        // A reader that closed its end early is no failure.
        let mut child = place
            .command(&words)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = ended(child, &words);
        assert_eq!(output.status.code(), Some(0), "{words}");
        assert!(output.stderr.is_empty(), "{words}");
    }
    assert!(place.at("stdout").is_symlink());
}

#[test]
fn an_output_is_never_an_input() {
    let place = Place::new();
    place.made_run();
    symlink("session.jsonl", place.at("link")).unwrap();
    fs::hard_link(place.at("session.jsonl"), place.at("hard")).unwrap();
    symlink("run", place.at("run-link")).unwrap();
    let raw = "Q 1 2||<<1+2=3>> #### 3\n";
    fs::create_dir(place.at("data")).unwrap();
    fs::write(place.at("data/gsm_original_test.json"), raw).unwrap();
    let words: Vec<String> = ["1", "2", "3"].map(str::to_owned).into();
    let vocabulary: serde_json::Map<String, serde_json::Value> = (0..)
        .zip(&words)
        .map(|(id, word)| (word.clone(), id.into()))
        .collect();
    let tokenizer = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null, "decoder": null,
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "1"},
    });
    fs::write(place.at("tokenizer.json"), tokenizer.to_string()).unwrap();
    let before: Vec<_> = [
        "session.jsonl",
        "run/rows.jsonl",
        "data/gsm_original_test.json",
    ]
    .map(|name| (name, place.read(name)))
    .into();
    for force in ["", " --force"] {
        for words in [
            "export @session.jsonl --format md --out @session.jsonl",
            "export @session.jsonl --format md --out @link",
            "export @link --format json --out @session.jsonl",
            "export @hard --format json --out @run/../session.jsonl",
            "report @run --html @run/rows.jsonl",
            "report @run --md @run-link/rows.jsonl",
            "report @run-link --calibration @run/rows.jsonl",
            "report @run --hard @run-link --md @run-link/rows.jsonl",
            "merge @run --out @run-link",
            "data prepare gsm8k --raw @data/gsm_original_test.json --tokenizer @tokenizer.json --out @data",
        ] {
            let words = format!("{words}{force}");
            let (code, err) = place.run(&words);
            assert_eq!(code, 2, "{words}: {err}");
            assert!(err.contains("is also an input"), "{words}: {err}");
            assert!(
                err.contains("hint: choose another folder or file"),
                "{words}: {err}"
            );
        }
    }
    // A run has no `--force`: it continues only its own files.
    fs::create_dir(place.at("mine")).unwrap();
    fs::write(
        place.at("mine/rows.jsonl"),
        "{\"question\":\"1 2\",\"answer\":\"3\"}",
    )
    .unwrap();
    let (code, err) = place.run("run --data @mine/rows.jsonl --out @mine");
    assert_eq!(code, 2, "{err}");
    let (code, err) = place.run("run --limit 2 --out @mine");
    assert_eq!(code, 3, "{err}");
    assert!(
        place.read("mine/rows.jsonl").starts_with(b"{\"question\""),
        "left alone"
    );
    for (name, bytes) in before {
        assert_eq!(place.read(name), bytes, "{name}");
    }
}

#[test]
fn a_file_that_is_there_is_overwritten_only_when_asked() {
    let place = Place::new();
    place.made_run();
    for writer in WRITERS {
        fs::write(place.at("precious"), "precious").unwrap();
        let words = writer.replace("TARGET", "@precious");
        let (code, err) = place.run(&words);
        assert_eq!(code, 2, "{words}: {err}");
        assert!(
            err.contains("already exists") && err.contains("--force"),
            "{words}: {err}"
        );
        assert_eq!(place.read("precious"), b"precious", "{words}");
        let (code, err) = place.run(&format!("{words} --force"));
        assert_eq!(code, 0, "{words}: {err}");
        assert_ne!(place.read("precious"), b"precious", "{words}");
    }
    let with_parquet = ["merge @run --parquet --out @parquet"];
    let always = ["report @run --csv @csv", "merge @run --out @merged"];
    let parquet = if cfg!(feature = "parquet") {
        &with_parquet[..]
    } else {
        &[]
    };
    for words in always.iter().chain(parquet) {
        assert_eq!(place.run(words).0, 0, "{words}");
        let (code, err) = place.run(words);
        assert_eq!(code, 2, "{words}: {err}");
        let (code, err) = place.run(&format!("{words} --force"));
        assert_eq!(code, 0, "{words}: {err}");
    }
    if cfg!(feature = "parquet") {
        // Only the tables exist: nothing is written before the refusal.
        fs::remove_file(place.at("parquet/rows.jsonl")).unwrap();
    }
    let (code, err) = place.run(with_parquet[0]);
    assert_eq!(code, 2, "{err}");
    assert!(
        cfg!(feature = "parquet") || err.contains("--features parquet"),
        "{err}"
    );
    assert!(!place.at("parquet/rows.jsonl").exists());
    let (code, err) = place.run("report @run --html @page --md @page");
    assert_eq!(code, 2, "{err}");
    assert!(
        err.contains("two outputs") && !place.at("page").exists(),
        "{err}"
    );
    // A run is continued as usual.
    place.made_run();
}

#[test]
fn what_is_no_file_is_refused_by_its_kind_and_never_waited_for() {
    let place = Place::new();
    place.fifo("fifo");
    fs::create_dir(place.at("folder")).unwrap();
    fs::create_dir(place.at("dir")).unwrap();
    place.fifo("dir/rows.jsonl");
    fs::write(place.at("good"), "Q||<<1+2=3>> #### 3\n").unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(place.at("socket")).unwrap();
    let mut kinds = vec![
        ("fifo", "a FIFO"),
        ("folder", "a folder"),
        ("socket", "a socket"),
    ];
    if place.device("zero", "5") {
        kinds.push(("zero", "a character device"));
    }
    for (name, what) in kinds {
        for words in [
            "export @WHAT --format md",
            "open @WHAT",
            "inspect --data @WHAT --index 0",
            "eval --data @WHAT",
            "run --data @WHAT --out @out",
            "trace --latents @WHAT",
            "lens fit --data @WHAT --out @out",
            "data prepare gsm8k --raw @WHAT --tokenizer @good --out @out",
            "data prepare gsm8k --raw @good --multichain @WHAT --tokenizer @good --out @out",
            "inspect --model @WHAT --question 1",
        ] {
            let of_model = words.contains("--model");
            let words = words.replace("WHAT", name);
            let (code, err) = place.run(&words);
            assert!(
                code == 3 || (code == 2 && of_model),
                "{words}: {code} {err}"
            );
            assert!(err.contains(what) || of_model, "{words}: {err}");
            assert!(err.contains("hint: "), "{words}: {err}");
        }
    }
    for words in [
        "report @dir",
        "merge @dir --out @out",
        "run --limit 2 --out @dir",
        "data prepare gsm8k --raw @good --tokenizer @fifo --out @out",
    ] {
        let (code, err) = place.run(words);
        assert_eq!(code, 3, "{words}: {err}");
        assert!(err.contains("a FIFO, not a regular file"), "{words}: {err}");
    }
    assert!(place.is_fifo("fifo") && place.is_fifo("dir/rows.jsonl"));
}

#[test]
fn a_fifo_in_the_cache_is_no_reason_to_wait() {
    let place = Place::new();
    assert_eq!(place.run("inspect --question 1 --off 1").0, 0);
    let mut replaced = 0;
    let mut folders = vec![place.at("undertone")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                fs::remove_file(&path).unwrap();
                place.fifo(
                    path.strip_prefix(place.folder.path())
                        .unwrap()
                        .to_str()
                        .unwrap(),
                );
                replaced += 1;
            }
        }
    }
    assert!(replaced > 0, "the reference set is kept");
    let (code, err) = place.run("inspect --question 1 --off 1");
    assert_eq!(code, 0, "{err}");
}

#[test]
fn a_pipe_that_the_command_was_given_is_read_as_data() {
    let place = Place::new();
    let data = "\u{feff}{\"question\":\"Tom has 12 apples. Tom buys 7 more apples. How many apples does Tom have now?\"}\n\n";
    let records = format!(
        "\u{feff}\n{}",
        fs::read_to_string("tests/trace/records.jsonl").unwrap()
    );
    let session = fs::read_to_string(SESSION).unwrap();
    for (words, input) in [
        ("inspect --data /dev/stdin --index 0", data),
        ("inspect --question -", "\u{feff}1 2\n"),
        ("trace --latents /dev/stdin", records.as_str()),
        ("export /dev/stdin --format md", session.as_str()),
    ] {
        let mut child = place
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        let text = input.to_owned();
        let writer = thread::spawn(move || pipe.write_all(text.as_bytes()));
        let output = ended(child, words);
        writer.join().unwrap().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && !output.stdout.is_empty(),
            "{words}: {err}"
        );
    }
    // As bash passes `<(command)`; skipped in shells without it.
    let file = place.at("problems");
    fs::write(&file, data).unwrap();
    let bash = Command::new("bash")
        .arg("-c")
        .arg("exec \"$0\" inspect --data <(cat \"$1\") --index 0")
        .args([Path::new(env!("CARGO_BIN_EXE_undertone")), &file])
        .env("HOME", place.folder.path())
        .output();
    if let Ok(output) = bash {
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    // Without an end.
    for words in [
        "inspect --question -",
        "inspect --data /dev/stdin --index 0",
    ] {
        let endless = File::open("/dev/zero").unwrap();
        let mut command = place.command(words);
        command.stdin(endless);
        let output = finish(command);
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{words}: {err}");
        assert!(err.contains("exceeds the limit"), "{words}: {err}");
    }
}

#[test]
fn what_is_read_has_a_bound() {
    let place = Place::new();
    fs::create_dir(place.at("dir")).unwrap();
    for name in ["huge", "dir/rows.jsonl"] {
        // A sparse file: it takes no disk space.
        File::create(place.at(name))
            .unwrap()
            .set_len(4 << 30)
            .unwrap();
    }
    let many = File::create(place.at("many")).unwrap();
    let mut many = std::io::BufWriter::new(many);
    let header = fs::read_to_string(SESSION).unwrap();
    let first = header.lines().next().unwrap();
    write!(many, "{first}\n{{\"event\":\"later\",\"id\":2,\"x\":[").unwrap();
    for _ in 0..40 << 20 {
        many.write_all(b"[],").unwrap();
    }
    many.write_all(b"0]}\n").unwrap();
    many.into_inner().unwrap();
    for words in [
        "export @huge --format md",
        "open @huge",
        "inspect --data @huge --index 0",
        "trace --latents @huge",
        "data prepare gsm8k --raw @huge --tokenizer @huge --out @out",
        "report @dir",
        "merge @dir --out @out",
        "run --limit 2 --out @dir",
        "export @many --format md",
        "open @many",
    ] {
        let mut command = place.command(words);
        // An address space too small for the file.
        let program = command.get_program().to_owned();
        let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        let mut limited = Command::new("sh");
        limited
            .args(["-c", "ulimit -v 1500000; exec \"$0\" \"$@\""])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::null())
            .env("HOME", place.folder.path())
            .env("RAYON_NUM_THREADS", "1");
        command = limited;
        let output = finish(command);
        let err = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{words}: {err}");
        assert!(
            ["exceeds the limit", "too many values"]
                .iter()
                .any(|says| err.contains(says)),
            "{words}: {err}"
        );
        assert!(err.contains("hint: "), "{words}: {err}");
    }
    assert_eq!(
        fs::metadata(place.at("dir/rows.jsonl")).unwrap().len(),
        4 << 30
    );
}

#[test]
fn rows_that_were_cut_are_said() {
    let place = Place::new();
    place.made_run();
    let whole = place.read("run/rows.jsonl");
    fs::write(place.at("run/rows.jsonl"), &whole[..whole.len() - 9]).unwrap();
    let (code, err) = place.run("report @run --md @page");
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("the last row of") && err.contains("was cut short"),
        "{err}"
    );
    let (code, err) = place.run("merge @run --out @merged");
    assert_eq!(code, 2, "{err}");
    assert!(err.contains("its last line was cut short"), "{err}");
    fs::write(
        place.at("run/rows.jsonl"),
        [&whole[..], b"{\"index\":"].concat(),
    )
    .unwrap();
    let (code, err) = place.run("merge @run --out @merged");
    assert_eq!(code, 0, "{err}");
    assert!(
        err.contains("warning:") && err.contains("cut short"),
        "{err}"
    );
    assert_eq!(place.read("merged/rows.jsonl"), whole);
}

/// Whether this process ignores hang-ups, which its children inherit.
fn ignores_a_hang_up() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

#[test]
fn a_run_ends_as_its_signal_says_and_goes_on_from_there() {
    let place = Place::new();
    let words = "run --limit 40 --experiments accuracy,ablation,verdict --jobs 1 --out @run";
    let rows = |place: &Place| {
        let there = fs::read(place.at("run/rows.jsonl")).unwrap_or_default();
        there.split(|byte| *byte == b'\n').count() - 1
    };
    for (signals, codes) in [
        (&["INT"][..], &[130][..]),
        (&["TERM"], &[143]),
        (&["HUP"], &[129]),
        // The first signal may end it before the second arrives.
        (&["HUP", "TERM"], &[129, 143]),
        (&["INT", "INT"], &[130]),
    ] {
        // Under nohup a hang-up is ignored, in these tests too.
        if signals.contains(&"HUP") && ignores_a_hang_up() {
            eprintln!("skipped: {signals:?}, as these tests run under nohup");
            continue;
        }
        let before = rows(&place);
        let mut command = place.command(words);
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait("rows", || rows(&place) > before.max(1));
        for name in signals {
            signal(name, child.id());
        }
        let output = ended(child, words);
        let err = String::from_utf8_lossy(&output.stderr);
        let out = String::from_utf8_lossy(&output.stdout);
        let code = output.status.code();
        assert!(
            code.is_some_and(|code| codes.contains(&code)),
            "{signals:?} {code:?} {:?}: {err}",
            output.status.signal()
        );
        assert!(out.contains("the same command resumes from here"), "{out}");
    }
    let there = place.read("run/rows.jsonl");
    assert_eq!(there.last(), Some(&b'\n'), "no row was cut");
    // Under nohup a hang-up is ignored.
    let mut command = Command::new("nohup");
    let asked = place.command("run --limit 6 --experiments accuracy,verdict --jobs 1 --out @other");
    command
        .arg(asked.get_program())
        .args(asked.get_args())
        .env("HOME", place.folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    wait("rows", || place.at("other/rows.jsonl").exists());
    signal("HUP", child.id());
    let output = ended(child, "nohup");
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
