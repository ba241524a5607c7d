//! The rules of the repository, checked on its source: who may import whom, file size, file headers, and
//! what may not be written. Rules are data; a violation names the file, the line and the rule.

use std::fs;
use std::path::{Path, PathBuf};

/// The longest that a file may be without its tests.
const MAX_LINES: usize = 500;

/// Which modules of ours a module may use beside itself. `worker::protocol` is a module of its own.
const MAY_USE: &[(&str, &[&str])] = &[
    ("text", &[]),
    ("trace", &[]),
    ("answers", &["trace"]),
    ("stats", &["trace"]),
    ("error", &[]),
    ("problem", &[]),
    ("file", &["error"]),
    ("problem_file", &["error", "file", "problem"]),
    (
        "data",
        &["error", "file", "problem", "problem_file", "text"],
    ),
    ("paths", &["error", "text"]),
    ("logging", &["error", "file", "paths", "text"]),
    (
        "rows",
        &["answers", "error", "file", "paths", "text", "trace"],
    ),
    (
        "report",
        &["answers", "error", "file", "rows", "stats", "text", "trace"],
    ),
    ("cli", &["error", "problem", "rows", "text", "trace"]),
    ("hub", &["error", "file", "paths", "text"]),
    ("model", &["error", "file", "text", "trace"]),
    ("decode", &["error", "model", "text", "trace"]),
    ("verify", &["data", "problem", "stats", "text", "trace"]),
    (
        "analysis",
        &[
            "answers", "decode", "error", "model", "problem", "stats", "text", "trace", "verify",
        ],
    ),
    (
        "batch",
        &[
            "answers",
            "analysis",
            "data",
            "decode",
            "error",
            "model",
            "problem",
            "problem_file",
            "rows",
            "trace",
            "verify",
        ],
    ),
    ("open", &["error", "hub", "model", "paths", "text", "trace"]),
    ("selftest", &["error", "file", "model", "trace"]),
    ("worker::protocol", &["trace"]),
    (
        "worker",
        &[
            "analysis",
            "decode",
            "error",
            "file",
            "model",
            "open",
            "problem",
            "text",
            "trace",
            "verify",
            "worker::protocol",
        ],
    ),
    (
        "session",
        &["error", "file", "paths", "problem", "text", "trace"],
    ),
    (
        "keymap",
        &[
            "app",
            "problem",
            "rows",
            "session",
            "stats",
            "text",
            "trace",
            "worker::protocol",
        ],
    ),
    (
        "app",
        &[
            "keymap",
            "problem",
            "rows",
            "session",
            "stats",
            "text",
            "trace",
            "worker::protocol",
        ],
    ),
    (
        "ui",
        &[
            "answers", "app", "keymap", "problem", "rows", "session", "stats", "text", "trace",
        ],
    ),
];

/// The modules at the top, which may use everything.
const TOP: &[&str] = &["explore", "headless", "lib", "main", "term", "tests"];

const ONE_OPENER: &str =
    "files are opened by `file`, which waits for no pipe and takes no device for a file";
const BOUNDED: &str = "what is read has a bound: use `file`";

/// Names that belong to some modules alone (prefixes of their paths), and why.
const ONLY_IN: &[(&str, &[&str], &str)] = &[
    (
        "candle_core",
        &["model", "decode", "analysis"],
        "tensors stay in the engine",
    ),
    (
        "candle_nn",
        &["model", "decode", "analysis"],
        "tensors stay in the engine",
    ),
    (
        "candle_transformers",
        &["model", "decode", "analysis"],
        "tensors stay in the engine",
    ),
    (
        "tokenizers::",
        &["model", "decode", "data::vocabulary"],
        "ids become text in the engine",
    ),
    (
        "ratatui",
        &["ui", "term", "headless", "explore", "tests"],
        "drawing stays in the ui",
    ),
    (
        "crossterm",
        &["term", "headless", "explore", "tests"],
        "only term speaks to the terminal",
    ),
    (
        "tokio",
        &["worker", "term", "headless", "explore", "main", "tests"],
        "only the loop is asynchronous",
    ),
    (
        "clap",
        &["cli", "headless", "main", "tests"],
        "only the command line parses arguments",
    ),
    ("ureq", &["hub"], "only the hub speaks to the network"),
    (
        "tracing_subscriber",
        &["logging"],
        "only the log chooses where events go",
    ),
    (
        "std::fs",
        &[
            "file",
            "session::store",
            "paths",
            "rows",
            "logging",
            "hub",
            "model",
            "worker",
            "term",
            "selftest",
            "rows",
            "headless",
            "explore",
            "main",
        ],
        "state and drawing touch no file",
    ),
    (
        "rows::journal",
        &["batch", "headless", "report", "term", "tests"],
        "state and drawing take items, not files of rows",
    ),
    (
        "rows::watch",
        &["term", "tests"],
        "state and drawing take items, not files of rows",
    ),
    (
        "std::env",
        &[
            "paths", "logging", "hub", "model", "term", "headless", "explore", "main",
        ],
        "settings arrive as values",
    ),
    (
        "Instant",
        &[
            "worker", "hub", "model", "analysis", "term", "headless", "explore", "main",
        ],
        "time arrives in messages",
    ),
    (
        "SystemTime",
        &["session::store", "term", "headless", "explore", "main"],
        "time arrives in messages",
    ),
    ("process::exit", &[], "destructors restore the terminal"),
    ("File::open", &["file"], ONE_OPENER),
    ("File::create", &["file"], ONE_OPENER),
    ("File::create_new", &["file"], ONE_OPENER),
    ("File::options", &["file"], ONE_OPENER),
    ("OpenOptions", &["file"], ONE_OPENER),
    ("fs::read", &["file"], ONE_OPENER),
    ("fs::read_to_string", &["file"], ONE_OPENER),
    ("fs::write", &["file"], ONE_OPENER),
    ("read_to_end", &["file"], BOUNDED),
    ("read_to_string", &["file"], BOUNDED),
    ("read_until", &["file"], BOUNDED),
    (
        "serde_json::to_string",
        JSON_FOR_PROGRAMS,
        "JSON that people see is made by text::Page, which escapes what may not be shown",
    ),
    (
        "serde_json::to_string_pretty",
        JSON_FOR_PROGRAMS,
        "JSON that people see is made by text::Page, which escapes what may not be shown",
    ),
    (
        "serde_json::to_writer",
        &[],
        "JSON that people see is made by text::Page, which escapes what may not be shown",
    ),
];

/// Where JSON is made that only programs read: keys and sums, and files whose bytes are those of a published form.
const JSON_FOR_PROGRAMS: &[&str] = &[
    "text",
    "session::store",
    "problem_file",
    "data",
    "analysis::learned",
    "analysis::reference",
    "rows::parquet",
    "worker::cache",
];

/// The files that hold a stream of the process in their hands. What they write is a `text::Page` or a `text::Clean`, whose
/// insides nothing but `text` can make, so nothing foreign gets through.
const DOORS: &[(&str, &[&str])] = &[
    (
        "stdout()",
        &[
            "headless/mod.rs",
            "explore.rs",
            "term/output.rs",
            "term/surface.rs",
            // Devices that a user names as an output may be these.
            "file/kind.rs",
        ],
    ),
    (
        "stderr()",
        &[
            "headless/mod.rs",
            "headless/meter.rs",
            "term/screen.rs",
            "file/kind.rs",
        ],
    ),
];

/// A file of the crate, parted into code and tests.
struct Source {
    /// The path below `src`.
    path: PathBuf,
    /// The path of its module, e.g. `session::store`.
    module: Vec<String>,
    /// All of it.
    text: String,
    /// Whether all of it is test code.
    is_test: bool,
}

impl Source {
    fn new(path: &Path, text: String) -> Self {
        let mut module: Vec<String> = path
            .with_extension("")
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        if module.last().is_some_and(|last| last == "mod") {
            module.pop();
        }
        // Test-only files: a `tests` file or folder, and hand-made samples for tests.
        let is_test = module.iter().any(|part| {
            part == "tests" || part == "sample" || part == "fixture" || part.ends_with("_tests")
        });
        Self {
            path: path.to_owned(),
            module,
            text,
            is_test,
        }
    }

    /// The lines before the tests of the file, with their numbers.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let end = if self.is_test {
            0
        } else {
            start_of_tests(&self.text)
        };
        (1..).zip(self.text[..end].lines())
    }

    /// The same without lines that are comments.
    fn statements(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code()
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn is_in(&self, module: &str) -> bool {
        let own = self.module.join("::");
        own == module || own.starts_with(&format!("{module}::"))
    }

    fn says(&self, line: usize, what: &str) -> String {
        format!("src/{}:{line}: {what}", self.path.display())
    }
}

/// Where the test module of a file starts; its end if there is none.
fn start_of_tests(text: &str) -> usize {
    let opens = |start: usize| {
        // Further attributes may stand between, over several lines.
        let mut lines = text[start..].lines();
        let line = lines.find(|line| !line.starts_with(['#', ' ', ')']));
        line.is_some_and(|line| words(line, "mod").next().is_some() && line.ends_with('{'))
    };
    let mut marks = text.match_indices("\n#[cfg(test)]\n").map(|(i, _)| i + 1);
    marks.find(|start| opens(*start)).unwrap_or(text.len())
}

/// Whether the character may be part of a name.
fn is_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The places in a line where a name stands as a whole word; one that ends in `::` as the start of a path.
fn words<'a>(line: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(name).filter_map(move |(start, _)| {
        let (before, after) = (&line[..start], &line[start + name.len()..]);
        let ends = name.ends_with(':') || !after.starts_with(is_name);
        let whole = !before.ends_with(is_name) && ends;
        whole.then_some(after)
    })
}

/// The modules of ours that a path names: `trace::Run` is `trace`, `{text, worker::protocol::Event}` is both
/// `text` and `worker::protocol`.
fn modules_of(path: &str) -> Vec<String> {
    let path = path.trim_start();
    if let Some(group) = path.strip_prefix('{') {
        let mut depth = 0_usize;
        let mut found = Vec::new();
        let mut start = 0;
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' | ',' if depth == 0 => {
                    found.extend(modules_of(&group[start..i]));
                    start = i + 1;
                    if c == '}' {
                        break;
                    }
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
        return found;
    }
    let first: String = path.chars().take_while(|c| is_name(*c)).collect();
    let rest = path[first.len()..].strip_prefix("::").unwrap_or_default();
    if first == "worker" && rest.trim_start().starts_with('{') {
        let inner = modules_of(rest);
        return inner
            .iter()
            .map(|module| modules_of(&format!("worker::{module}::")).concat())
            .collect();
    }
    if first == "worker" && words(rest, "protocol").next().is_some() && rest.starts_with("protocol")
    {
        return vec!["worker::protocol".to_owned()];
    }
    if first.is_empty() {
        Vec::new()
    } else {
        vec![first]
    }
}

/// The modules of ours that a file uses outside its tests, with the lines.
fn used_modules(source: &Source) -> Vec<(usize, String)> {
    let lines: Vec<(usize, &str)> = source.statements().collect();
    let mut code = String::new();
    let mut starts = Vec::new();
    for (number, line) in &lines {
        starts.push((code.len(), *number));
        code.push_str(line);
        code.push('\n');
    }
    let line_at = |offset: usize| {
        let next = starts.partition_point(|(start, _)| *start <= offset);
        starts[next - 1].1
    };
    let mut used = Vec::new();
    for (start, marker) in code.match_indices("crate::") {
        if !code[..start].ends_with(is_name) && !code[..start].ends_with('$') {
            for module in modules_of(&code[start + marker.len()..]) {
                used.push((line_at(start), module));
            }
        }
    }
    // `super::` leads to the crate when there are as many as the module has parts.
    let up = "super::".repeat(source.module.len());
    for (start, _) in code.match_indices(&up) {
        let rest = &code[start + up.len()..];
        if !code[..start].ends_with("::")
            && !code[..start].ends_with(is_name)
            && !rest.starts_with("super::")
        {
            used.extend(
                modules_of(rest)
                    .into_iter()
                    .map(|module| (line_at(start), module)),
            );
        }
    }
    used
}

fn check_imports(source: &Source) -> Vec<String> {
    let Some(top) = source.module.first() else {
        return Vec::new();
    };
    if TOP.contains(&top.as_str()) {
        return Vec::new();
    }
    let rule = |name: &str| MAY_USE.iter().find(|(module, _)| *module == name);
    let own = if source.is_in("worker::protocol") {
        "worker::protocol"
    } else {
        top
    };
    let Some((_, allowed)) = rule(own) else {
        let what = format!("`{own}` has no rule: add it to MAY_USE in tests/tidy.rs");
        return vec![source.says(1, &what)];
    };
    used_modules(source)
        .into_iter()
        .filter(|(_, module)| module != own && !allowed.contains(&module.as_str()))
        .map(|(line, module)| source.says(line, &format!("`{own}` may not use `{module}`")))
        .collect()
}

fn check_names(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (line, code) in source.statements() {
        for (name, places, why) in ONLY_IN {
            if words(code, name).next().is_some() && !places.iter().any(|place| source.is_in(place))
            {
                found.push(source.says(line, &format!("`{name}` may not be used here: {why}")));
            }
        }
    }
    found
}

fn check_words(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    let prints = source.is_in("main") || source.is_in("headless");
    for (line, code) in source.statements() {
        if words(code, "unwrap").any(|after| after.starts_with("()")) {
            found.push(source.says(line, "unwrap: return an error, or expect with the reason"));
        }
        for name in ["print", "println", "eprint", "eprintln"] {
            if !prints && words(code, name).any(|after| after.starts_with('!')) {
                found.push(source.says(line, "printing is for main and headless"));
            }
        }
        for (stream, files) in DOORS {
            let is_door = files.iter().any(|file| source.path == Path::new(file));
            if !is_door && words(code, stream).next().is_some() {
                found.push(source.says(line, &format!("{stream} is for {}", files.join(", "))));
            }
        }
        if words(code, "dbg").any(|after| after.starts_with('!')) {
            found.push(source.says(line, "dbg! is not for commits"));
        }
    }
    for (line, text) in (1..).zip(source.text.lines()) {
        for word in ["TODO", "FIXME", "XXX"] {
            let numbered = |after: &str| {
                let number = after
                    .strip_prefix("(#")
                    .and_then(|rest| rest.split_once(')'));
                number.is_some_and(|(n, _)| n.parse::<u32>().is_ok())
            };
            if words(text, word).any(|after| !numbered(after)) {
                found
                    .push(source.says(line, &format!("{word} needs an issue number: {word}(#12)")));
            }
        }
    }
    found
}

fn check_shape(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    if !source.text.starts_with("//! ") {
        found.push(source.says(
            1,
            "the file must open with a //! line that says what it is for",
        ));
    }
    let lines = source.code().count();
    if lines > MAX_LINES {
        let what = format!("{lines} lines without tests, at most {MAX_LINES} are allowed");
        found.push(source.says(lines, &what));
    }
    for part in &source.module {
        if [
            "utils", "util", "helpers", "helper", "common", "manager", "misc",
        ]
        .contains(&part.as_str())
        {
            found.push(source.says(1, &format!("`{part}` says nothing: name what it is")));
        }
    }
    found
}

/// Every rule on one file.
fn check(source: &Source) -> Vec<String> {
    let checks = [check_shape, check_imports, check_names, check_words];
    checks.iter().flat_map(|check| check(source)).collect()
}

/// The Rust files below a folder, in order of name.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let entries = fs::read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    for entry in entries {
        let path = entry.expect("a folder that can be listed").path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

#[test]
fn the_source_keeps_the_rules() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = rust_files(&root);
    assert!(
        files.len() > 20,
        "the source was not found in {}",
        root.display()
    );
    let mut found = Vec::new();
    for path in files {
        let text = fs::read_to_string(&path).expect("UTF-8 source");
        let below = path.strip_prefix(&root).expect("listed below the root");
        found.extend(check(&Source::new(below, text)));
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn each_rule_can_fail() {
    let long = format!("//! Long.\n{}", "\n".repeat(MAX_LINES));
    let table: &[(&str, &str, &str)] = &[
        ("app/mod.rs", "no header", "must open with a //! line"),
        ("app/mod.rs", &long, "501 lines"),
        ("app/helpers.rs", "//! x\n", "`helpers` says nothing"),
        ("novel.rs", "//! x\n", "`novel` has no rule"),
        (
            "app/mod.rs",
            "//! x\nuse crate::worker::thread::X;",
            "`app` may not use `worker`",
        ),
        (
            "app/mod.rs",
            "//! x\nuse crate::{trace, model};",
            "`app` may not use `model`",
        ),
        (
            "app/mod.rs",
            "//! x\nuse crate::{\n    trace::{A, B},\n    ui::C,\n};",
            "`app` may not use `ui`",
        ),
        (
            "app/on_key.rs",
            "//! x\nuse super::super::ui::C;",
            "`app` may not use `ui`",
        ),
        (
            "app/mod.rs",
            "//! x\nfn f() { super::term::run() }",
            "`app` may not use `term`",
        ),
        (
            "worker/protocol.rs",
            "//! x\nuse crate::model::M;",
            "`worker::protocol` may not use `model`",
        ),
        (
            "ui/mod.rs",
            "//! x\nuse tokio::sync;",
            "`tokio` may not be used here",
        ),
        (
            "app/mod.rs",
            "//! x\nuse std::time::Instant;",
            "time arrives in messages",
        ),
        (
            "session/edit.rs",
            "//! x\nuse std::fs::rename;",
            "`std::fs` may not be used here",
        ),
        (
            "rows/journal.rs",
            "//! x\nfn f() { File::open(path) }",
            "files are opened by `file`",
        ),
        (
            "headless/run.rs",
            "//! x\nfn f() { fs::write(path, text) }",
            "files are opened by `file`",
        ),
        (
            "headless/question.rs",
            "//! x\nfn f() { stdin().read_to_string(&mut text) }",
            "has a bound",
        ),
        (
            "term/run.rs",
            "//! x\nfn f() { std::process::exit(1) }",
            "destructors",
        ),
        ("ui/mod.rs", "//! x\nfn f() { g().unwrap() }", "unwrap"),
        (
            "ui/mod.rs",
            "//! x\n#[cfg(test)]\nmod tests;\nfn f() { println!() }",
            "printing",
        ),
        (
            "headless/eval.rs",
            "//! x\nfn f() { std::io::stdout().write_all(b) }",
            "stdout() is for headless/mod.rs",
        ),
        (
            "headless/eval.rs",
            "//! x\nfn f() { serde_json::to_string_pretty(v) }",
            "made by text::Page",
        ),
        (
            "ui/mod.rs",
            "//! x\n// TODO: later\n",
            "TODO needs an issue number",
        ),
    ];
    for (path, text, says) in table {
        let found = check(&Source::new(Path::new(path), (*text).to_owned()));
        assert_eq!(found.len(), 1, "{path}: {text}: {found:?}");
        assert!(found[0].contains(says), "{found:?} does not say {says}");
    }
}

#[test]
fn what_is_allowed_passes() {
    let tests = "#[cfg(test)]\n#[allow(\n    dead_code\n)]\nmod tests {\n    use crate::term::X;\n    fn f() { g().unwrap() }\n}\n";
    let table = [
        (
            "app/mod.rs",
            "//! x\nuse crate::worker::protocol::{Event, Request};\nuse crate::{text, trace::Run};\n",
        ),
        (
            "app/mod.rs",
            "//! x\nuse crate::worker::{protocol::Event};\n",
        ),
        (
            "app/on_key.rs",
            "//! x\nuse super::App;\n// ratatui and Instant stay outside.\n// TODO(#12): later\n",
        ),
        (
            "session/store.rs",
            "//! x\nuse std::fs;\nuse std::time::SystemTime;\n",
        ),
        (
            "session/store/log.rs",
            "//! x\nuse super::super::Session;\nuse std::fs;\n",
        ),
        ("headless/eval.rs", "//! x\nfn f() { println!() }\n"),
        (
            "ui/mod.rs",
            "//! x\nfn f(x: Option<u8>) { x.unwrap_or_default(); writeln!(o) }\n",
        ),
        (
            "verify/tests.rs",
            "//! x\nuse crate::term::X;\nfn f() { g().unwrap() }\n",
        ),
    ];
    for (path, text) in table {
        let text = format!("{text}{tests}");
        assert_eq!(check(&Source::new(Path::new(path), text)), [""; 0]);
    }
}
