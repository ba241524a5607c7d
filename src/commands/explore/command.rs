//! The command line of a run started from the explorer: the same program with the explorer's model options.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::commands::cli::{self, CheckpointArgs, Command};
use crate::core::paths;
use crate::explorer::term::RunCommand;

/// Returns the command for a model with the given options, which are parsed first.
///
/// # Errors
/// Explains in one line what is wrong with the options.
pub(super) fn command(
    program: PathBuf,
    checkpoint: &CheckpointArgs,
    model: &str,
    options: &str,
) -> Result<RunCommand, String> {
    let words = words(options)?;
    let mut given = checkpoint.arguments(model);
    // The typed `--latents` overrides the explorer's.
    if let Some(at) = given.iter().position(|argument| argument == "--latents")
        && words.iter().any(|word| word.starts_with("--latents"))
    {
        given.drain(at..at + 2);
    }
    let mut arguments = vec![OsString::from("run")];
    arguments.extend(given);
    arguments.extend(words.iter().map(|word| at_home(word)));
    let line = [OsString::from("undertone")].into_iter();
    let cli = cli::parse(line.chain(arguments.iter().cloned())).map_err(|said| {
        let mut lines = said.text.lines().filter(|line| !line.trim().is_empty());
        lines.next().unwrap_or("these are no options").to_owned()
    })?;
    match cli.command {
        Some(Command::Run(args)) => Ok(RunCommand {
            program,
            arguments,
            folder: args.out,
        }),
        _ => Err("these are no options of run".to_owned()),
    }
}

/// Expands `~` to the home folder as a shell does, at the start of an argument or of an option's value.
fn at_home(word: &str) -> OsString {
    match word.split_once('=') {
        Some((option, value)) if option.starts_with("--") && value.starts_with('~') => {
            let mut word = OsString::from(format!("{option}="));
            word.push(paths::typed(value));
            word
        }
        _ => paths::typed(word).into(),
    }
}

/// Splits options at blanks outside double quotes; a backslash in quotes escapes the next character.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let (mut quoted, mut chars) = (false, text.chars());
    while let Some(c) = chars.next() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' if quoted => word.get_or_insert_default().extend(chars.next()),
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    if quoted {
        return Err("a quotation mark is not closed".to_owned());
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_split_at_blanks_outside_of_quotes() {
        for (text, expected) in [
            ("", &[][..]),
            ("  --limit 3\t--out a ", &["--limit", "3", "--out", "a"]),
            (
                "--out \"my runs/a \\\"b\\\"\" \"\"",
                &["--out", "my runs/a \"b\"", ""],
            ),
            ("--out=x\"y z\"", &["--out=xy z"]),
        ] {
            assert_eq!(words(text).expect(text), expected, "{text}");
        }
        assert!(words("--out \"a").is_err());
    }

    #[test]
    fn a_command_is_checked_before_it_is_run() {
        let checkpoint = match cli::parse(["undertone"].map(OsString::from)) {
            Ok(cli) => cli.explore.model.checkpoint,
            Err(said) => panic!("{said:?}"),
        };
        let command = |options: &str| command("/bin/x".into(), &checkpoint, "mini-logic", options);
        let good = command("--limit 3 --out \"a b\"").expect("well");
        assert_eq!(good.folder, PathBuf::from("a b"));
        assert_eq!(good.arguments[0], "run");
        assert!(good.arguments.contains(&"mini-logic".into()));
        for (options, says) in [
            ("--limit 3", "required"),
            ("--out a --limit none", "none"),
            ("--out a --model mini-math", "--model"),
            ("--out a --out \"b", "quotation"),
        ] {
            let why = command(options).expect_err(options);
            assert!(why.contains(says), "{options}: {why}");
            assert!(!why.contains('\n'));
        }
    }
}
