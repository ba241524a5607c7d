//! The rules of the repository, checked on its source: imports, file size, file headers, and forbidden names. Rules are data; a violation
//! names the file, the line and the rule.

use std::fs;
use std::path::{Path, PathBuf};

/// Maximum lines of a file without its tests.
const MAX_LINES: usize = 500;

/// The layers, from the bottom up; nothing imports upwards.
const FLOORS: &[&str] = &["core", "verify", "engine", "lab", "explorer", "commands"];

/// The modules each module may use besides itself. `worker::protocol` counts as a separate module.
const MAY_USE: &str = "
core::text:
core::types:
core::answers: core::types
core::stats: core::types
core::error:
core::problem:
core::file: core::error
core::problem_file: core::error core::file core::problem
core::datasets: core::error core::file core::problem core::problem_file core::text
core::paths: core::error core::text
core::logging: core::error core::file core::paths core::text
verify: core::datasets core::problem core::stats core::text core::types
engine::hub: core::error core::file core::paths core::text
engine::model: core::error core::file core::text core::types
engine::decode: core::error core::text core::types engine::model
engine::model_source: core::error core::paths core::text core::types engine::hub engine::model
lab::rows: core::answers core::error core::file core::paths core::text core::types
lab::present: core::stats core::text core::types
lab::report: core::answers core::error core::file core::stats core::text core::types lab::present lab::rows
lab::analysis: core::answers core::error core::problem core::stats core::text core::types verify engine::decode engine::model
lab::batch: core::answers core::datasets core::error core::problem core::problem_file core::types verify engine::decode engine::model lab::analysis lab::rows
lab::evaluation: core::error core::problem core::problem_file core::stats core::types engine::model lab::analysis lab::batch lab::present lab::report lab::rows
lab::reference_files: core::file engine::model lab::analysis
lab::inquiry: core::types engine::model lab::analysis
lab::parity: core::error core::file core::types engine::model
explorer::worker::protocol: core::types
explorer::worker: core::error core::file core::problem core::text core::types verify engine::decode engine::model engine::model_source lab::analysis lab::reference_files explorer::worker::protocol
explorer::session: core::error core::file core::paths core::problem core::text core::types lab::present
explorer::keymap: explorer::app
explorer::app: core::problem core::stats core::text core::types lab::present lab::rows explorer::keymap explorer::session explorer::worker::protocol
explorer::ui: core::answers core::problem core::stats core::text core::types lab::present lab::rows explorer::app explorer::keymap explorer::session
";

/// The modules at the top, which may use everything in their layer and below.
const TOP: &[&str] = &[
    "commands",
    "explorer::term",
    "explorer::tests",
    "fuzzing",
    "lib",
    "main",
];

/// Names reserved for some modules (prefixes of their paths), and why: a line of names, modules and reason each. JSON only for programs
/// is keys and checksums, and files in a published format.
const ONLY_IN: &str = "
candle_core candle_nn candle_transformers | engine::model engine::decode lab::analysis | tensors stay in the engine
tokenizers:: | engine::model engine::decode core::datasets::vocabulary | ids become text in the engine
ratatui | explorer::ui explorer::term commands commands::explore explorer::tests | drawing stays in the ui
crossterm | explorer::term commands commands::explore explorer::tests | only term speaks to the terminal
tokio | explorer::worker explorer::term commands commands::explore main explorer::tests | only the loop is asynchronous
clap | commands::cli commands main explorer::tests | only the command line parses arguments
ureq | engine::hub | only the hub speaks to the network
tracing_subscriber | core::logging | only the log chooses where events go
std::fs | core::file explorer::session::store core::paths lab::rows core::logging engine::hub engine::model explorer::worker explorer::term lab::parity lab::reference_files lab::rows commands commands::explore main | state and drawing touch no file
lab::rows::journal | lab::batch commands lab::report explorer::term explorer::tests | state and drawing take items, not files of rows
lab::rows::watch | explorer::term explorer::tests | state and drawing take items, not files of rows
std::env | core::paths core::logging engine::hub engine::model explorer::term commands commands::explore main | settings arrive as values
Instant | explorer::worker engine::hub engine::model lab::analysis lab::batch explorer::term commands commands::explore main | time arrives in messages
SystemTime | explorer::session::store explorer::term commands commands::explore main | time arrives in messages
File::open File::create File::create_new File::options OpenOptions fs::read fs::read_to_string fs::write | core::file | files are opened by `file`, which waits for no pipe and takes no device for a file
read_to_end read_to_string read_until | core::file | what is read has a bound: use `file`
serde_json::to_string serde_json::to_string_pretty | core::text explorer::session::store core::problem_file core::datasets lab::analysis::learned lab::analysis::reference lab::rows::parquet explorer::worker::cache | JSON that people see is made by text::Page, which escapes what may not be shown
serde_json::to_writer |  | JSON that people see is made by text::Page, which escapes what may not be shown
";

/// The files that access a standard stream directly. They write `text::Page` or `text::Clean`, which only `text` can construct, so no
/// unsanitized text gets through. `core/file/kind.rs` opens the devices that a user names.
const DOORS: &str = "
stdout() | commands/mod.rs commands/explore.rs explorer/term/output.rs explorer/term/surface.rs core/file/kind.rs
stderr() | commands/mod.rs commands/meter.rs explorer/term/screen.rs core/file/kind.rs
";

/// The lines of a table.
fn lines(table: &str) -> impl Iterator<Item = &str> {
    table.lines().filter(|line| !line.is_empty())
}

/// The modules with rules, and the modules that each may use.
fn rules() -> impl Iterator<Item = (&'static str, &'static str)> {
    lines(MAY_USE).map(|line| {
        let end = line.find(": ").unwrap_or(line.len() - 1);
        (&line[..end], line[end + 1..].trim_start())
    })
}

/// A file of the crate, split into code and tests.
struct Source {
    /// The path below `src`.
    path: PathBuf,
    /// The path of its module, e.g. `session::store`.
    module: Vec<String>,
    /// The whole text.
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
        // Test-only files: a `tests` file or folder, hand-made samples for tests, and fuzz targets.
        let is_test = module.iter().any(|part| {
            ["tests", "sample", "fixture", "fuzzing"].contains(&part.as_str())
                || part.ends_with("_tests")
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

    /// The code lines that are not comments.
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

/// The start of a file's test module, or the end of the file if there is none.
fn start_of_tests(text: &str) -> usize {
    let opens = |start: usize| {
        // Further attributes may follow, over several lines.
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

/// The text after each whole-word occurrence of a name in a line; a name ending in `::` matches the start of a path.
fn words<'a>(line: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    line.match_indices(name).filter_map(move |(start, _)| {
        let (before, after) = (&line[..start], &line[start + name.len()..]);
        let ends = name.ends_with(':') || !after.starts_with(is_name);
        let whole = !before.ends_with(is_name) && ends;
        whole.then_some(after)
    })
}

/// Expands the path that a text begins with: `{text, types::{Run, Step}}` gives `text`, `types::Run` and `types::Step`.
fn paths_of(text: &str) -> Vec<Vec<String>> {
    let text = text.trim_start();
    let Some(group) = text.strip_prefix('{') else {
        let end = text.find(|c| !is_name(c)).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let mut paths = match rest.strip_prefix("::") {
            Some(rest) => paths_of(rest),
            None => vec![Vec::new()],
        };
        if !["", "self"].contains(&name) {
            for path in &mut paths {
                path.insert(0, name.to_owned());
            }
        }
        return paths;
    };
    let mut depth = 0;
    let mut ends = |c: char| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth < 0 || depth == 0 && c == ','
    };
    let mut paths = Vec::new();
    let mut start = 0;
    while let Some(end) = group[start..].find(&mut ends).map(|end| start + end) {
        paths.extend(paths_of(&group[start..end]));
        start = end + 1;
        if group[end..].starts_with('}') {
            break;
        }
    }
    paths
}

/// Every path of this crate that a file uses outside its tests, from the crate root, with line numbers.
fn used_paths(source: &Source) -> Vec<(usize, Vec<String>)> {
    let is_comment = |line: &str| line.trim_start().starts_with("//");
    let lines = source
        .code()
        .map(|(_, line)| if is_comment(line) { "" } else { line });
    let code = lines.collect::<Vec<_>>().join("\n");
    let mut used = Vec::new();
    let starts = code
        .match_indices("crate::")
        .chain(code.match_indices("super::"));
    for (start, marker) in starts {
        let before = &code[..start];
        if before.ends_with(is_name) || before.ends_with(['$', ':']) {
            continue;
        }
        let mut rest = &code[start..];
        let mut above: &[String] = &[];
        if marker == "crate::" {
            rest = &rest[marker.len()..];
        } else {
            above = &source.module;
            while let Some(further) = rest.strip_prefix(marker) {
                (rest, above) = (further, above.split_last().map_or(above, |(_, up)| up));
            }
        }
        let line = 1 + before.matches('\n').count();
        used.extend(
            paths_of(rest)
                .into_iter()
                .map(|path| (line, [above, &path].concat())),
        );
    }
    used
}

/// The unit that a path belongs to and that has its own rule: a module of a layer, or a layer without modules.
fn unit_of(path: &[String]) -> String {
    let parts: Vec<&str> = path.iter().map(String::as_str).collect();
    match parts[..] {
        ["explorer", "worker", "protocol", ..] => "explorer::worker::protocol".to_owned(),
        [floor @ ("verify" | "commands" | "fuzzing"), ..] | [floor] => floor.to_owned(),
        [floor, module, ..] => format!("{floor}::{module}"),
        [] => String::new(),
    }
}

/// The layer of a unit; a unit outside all layers ranks above them.
fn height(unit: &str) -> usize {
    let floor = unit.split("::").next().unwrap_or_default();
    let found = FLOORS.iter().position(|known| *known == floor);
    found.unwrap_or(FLOORS.len())
}

fn check_imports(source: &Source) -> Vec<String> {
    let own = unit_of(&source.module);
    let rule = rules().find(|(unit, _)| *unit == own);
    let is_top = TOP.contains(&own.as_str()) || FLOORS.contains(&own.as_str()) && rule.is_none();
    if rule.is_none() && !is_top {
        let what = format!("`{own}` has no rule: add it to MAY_USE in tests/tidy.rs");
        return vec![source.says(1, &what)];
    }
    let mut found = Vec::new();
    for (line, path) in used_paths(source) {
        let unit = unit_of(&path);
        // A name without a module belongs to the crate root or to the layer.
        let is_known = TOP.contains(&unit.as_str()) || rules().any(|(known, _)| known == unit);
        let above = height(&unit) > height(&own) && height(&unit) < FLOORS.len();
        let allowed =
            unit == own || rule.is_none_or(|(_, units)| units.split(' ').any(|used| used == unit));
        if above || is_known && !allowed {
            found.push(source.says(line, &format!("`{own}` may not use `{unit}`")));
        }
    }
    found
}

/// The import cycles between files, each sorted. A module and its submodules form one unit: a file may use what the files above it
/// define.
fn circles(sources: &[Source]) -> Vec<Vec<String>> {
    let place = |path: &[String]| {
        (1..=path.len()).rev().find_map(|n| {
            let file = |source: &Source| source.module == path[..n] && !source.is_test;
            sources.iter().position(file)
        })
    };
    let uses: Vec<Vec<usize>> = sources
        .iter()
        .map(|source| {
            let used = used_paths(source).into_iter();
            let files = used.filter_map(|(_, path)| place(&path));
            files
                .filter(|file| !source.module.starts_with(&sources[*file].module))
                .collect()
        })
        .collect();
    // The files that each file reaches.
    let reach: Vec<Vec<bool>> = (0..sources.len())
        .map(|from| {
            let mut seen = vec![false; sources.len()];
            let mut next = uses[from].clone();
            while let Some(file) = next.pop() {
                if !std::mem::replace(&mut seen[file], true) {
                    next.extend(&uses[file]);
                }
            }
            seen
        })
        .collect();
    let mut found: Vec<Vec<String>> = Vec::new();
    let mut taken = vec![false; sources.len()];
    for from in 0..sources.len() {
        if taken[from] || !reach[from][from] {
            continue;
        }
        let circle: Vec<usize> = (0..sources.len())
            .filter(|to| reach[from][*to] && reach[*to][from])
            .collect();
        for file in &circle {
            taken[*file] = true;
        }
        found.push(
            circle
                .iter()
                .map(|file| sources[*file].module.join("::"))
                .collect(),
        );
    }
    found
}

/// Cycles that are too large, or that cross folders.
fn check_circles(sources: &[Source]) -> Vec<String> {
    let folder = |module: &String| {
        module
            .rsplit_once("::")
            .map(|(folder, _)| folder.to_owned())
    };
    let is_wrong = |circle: &&Vec<String>| {
        circle.len() > 2
            || circle
                .iter()
                .any(|module| folder(module) != folder(&circle[0]))
    };
    let wrong = circles(sources);
    let wrong = wrong.iter().filter(is_wrong);
    wrong
        .map(|circle| format!("import one another: {}", circle.join(", ")))
        .collect()
}

fn check_names(source: &Source) -> Vec<String> {
    let rules = lines(ONLY_IN).map(|line| {
        let mut cells = line.splitn(3, " | ");
        let mut cell = || cells.next().expect("names, modules and a reason");
        (cell(), cell(), cell())
    });
    let away = rules.filter(|(_, places, _)| !places.split(' ').any(|place| source.is_in(place)));
    let away: Vec<_> = away.collect();
    let mut found = Vec::new();
    for (line, code) in source.statements() {
        for (names, _, why) in &away {
            for name in names
                .split(' ')
                .filter(|name| words(code, name).next().is_some())
            {
                found.push(source.says(line, &format!("`{name}` may not be used here: {why}")));
            }
        }
    }
    found
}

fn check_words(source: &Source) -> Vec<String> {
    let mut found = Vec::new();
    for (line, code) in source.statements() {
        for (stream, files) in lines(DOORS).filter_map(|line| line.split_once(" | ")) {
            let is_door = files.split(' ').any(|file| source.path == Path::new(file));
            if !is_door && words(code, stream).next().is_some() {
                found.push(source.says(line, &format!("{stream} is for {files}")));
            }
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

/// Checks every rule on one file.
fn check(source: &Source) -> Vec<String> {
    let checks = [check_shape, check_imports, check_names, check_words];
    checks.iter().flat_map(|check| check(source)).collect()
}

/// The Rust files below a folder, sorted by name.
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

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("UTF-8 source");
        let below = path.strip_prefix(&root).expect("listed below the root");
        Source::new(below, text)
    };
    let sources: Vec<Source> = rust_files(&root).into_iter().map(read).collect();
    assert!(
        sources.len() > 20,
        "the source was not found in {}",
        root.display()
    );
    sources
}

#[test]
fn the_source_keeps_the_rules() {
    let found: Vec<String> = sources().iter().flat_map(check).collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn files_import_one_another_in_one_direction() {
    let found = check_circles(&sources());
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
    let file =
        |path: &str, uses: &str| Source::new(Path::new(path), format!("//! x\nuse {uses};\n"));
    let wrong = |files: &[Source]| check_circles(files).concat();
    let three = [
        file("core/a.rs", "super::b::X"),
        file("core/b.rs", "crate::core::{c::X, d}"),
        file("core/c.rs", "super::a"),
    ];
    assert!(wrong(&three).contains("core::a, core::b, core::c"));
    assert!(wrong(&three[..2]).is_empty());
    let two = [file("core/a.rs", "super::b"), file("core/b.rs", "super::a")];
    assert!(wrong(&two).is_empty(), "two files of a folder may");
    let apart = [
        file("core/a.rs", "crate::lab::b"),
        file("lab/b.rs", "crate::core::a"),
    ];
    assert!(wrong(&apart).contains("core::a, lab::b"));
    let above = [
        file("core/mod.rs", "self::a::X"),
        file("core/a.rs", "super::Y"),
    ];
    assert!(wrong(&above).is_empty());
}

#[test]
fn no_rule_allows_to_import_upwards() {
    for (unit, allowed) in rules() {
        for used in allowed.split_whitespace() {
            assert!(height(used) <= height(unit), "{unit} uses {used}");
        }
    }
}

/// The rows of a table of tests, parted by bars; `\n` in a cell is a line end.
fn rows<const N: usize>(table: &str) -> impl Iterator<Item = [String; N]> {
    lines(table).map(|line| {
        let cells = line.splitn(N, " | ").map(|cell| cell.replace("\\n", "\n"));
        cells.collect::<Vec<_>>().try_into().expect("all cells")
    })
}

#[test]
fn each_rule_can_fail() {
    let table = r"
explorer/app/mod.rs | no header | must open with a //! line
explorer/app/mod.rs | LONG | 501 lines
explorer/app/helpers.rs | //! x\n | `helpers` says nothing
core/novel.rs | //! x\n | `core::novel` has no rule
explorer/app/mod.rs | //! x\nuse crate::explorer::worker::thread::X; | `explorer::app` may not use `explorer::worker`
explorer/app/mod.rs | //! x\nuse crate::{core::types, engine::model}; | `explorer::app` may not use `engine::model`
explorer/app/mod.rs | //! x\nuse crate::{\n    core::types::{A, B},\n    explorer::ui::C,\n}; | `explorer::app` may not use `explorer::ui`
explorer/app/on_key.rs | //! x\nuse super::super::ui::C; | `explorer::app` may not use `explorer::ui`
explorer/app/mod.rs | //! x\nfn f() { super::term::run() } | `explorer::app` may not use `explorer::term`
explorer/worker/protocol.rs | //! x\nuse crate::engine::model::M; | `explorer::worker::protocol` may not use `engine::model`
explorer/ui/mod.rs | //! x\nuse tokio::sync; | `tokio` may not be used here
explorer/ui/mod.rs | //! x\n#[cfg(test)]\nmod tests;\nuse tokio::sync; | `tokio` may not be used here
explorer/app/mod.rs | //! x\nuse std::time::Instant; | time arrives in messages
explorer/session/edit.rs | //! x\nuse std::fs::rename; | `std::fs` may not be used here
lab/rows/journal.rs | //! x\nfn f() { File::open(path) } | files are opened by `file`
commands/run.rs | //! x\nfn f() { fs::write(path, text) } | files are opened by `file`
commands/question.rs | //! x\nfn f() { stdin().read_to_string(&mut text) } | has a bound
commands/eval.rs | //! x\nfn f() { std::io::stdout().write_all(b) } | stdout() is for commands/mod.rs
commands/eval.rs | //! x\nfn f() { serde_json::to_string_pretty(v) } | made by text::Page
explorer/ui/mod.rs | //! x\n// TODO: later\n | TODO needs an issue number
";
    let long = format!("//! Long.\n{}", "\n".repeat(MAX_LINES));
    for [path, text, says] in rows(table) {
        let text = if text == "LONG" { &long } else { &text };
        let found = check(&Source::new(Path::new(&path), text.clone()));
        assert_eq!(found.len(), 1, "{path}: {text}: {found:?}");
        assert!(found[0].contains(&says), "{found:?} does not say {says}");
    }
}

#[test]
fn what_is_allowed_passes() {
    let tests = r"#[cfg(test)]\n#[allow(\n    dead_code\n)]\nmod tests {\n    use crate::explorer::term::X;\n    fn f() { tokio() }\n}\n";
    let table = r"
explorer/app/mod.rs | //! x\nuse crate::explorer::worker::protocol::{Event, Request};\nuse crate::{core::text, core::types::Run};\n
explorer/app/mod.rs | //! x\nuse crate::explorer::worker::{protocol::Event};\n
explorer/app/on_key.rs | //! x\nuse super::App;\n// ratatui and Instant stay outside.\n// TODO(#12): later\n
explorer/session/store.rs | //! x\nuse std::fs;\nuse std::time::SystemTime;\n
explorer/session/store/log.rs | //! x\nuse super::super::Session;\nuse std::fs;\n
verify/tests.rs | //! x\nuse crate::explorer::term::X;\nfn f() { g().unwrap() }\n
";
    for [path, text] in rows(table) {
        let text = text + &tests.replace("\\n", "\n");
        assert_eq!(check(&Source::new(Path::new(&path), text)), [""; 0]);
    }
}
