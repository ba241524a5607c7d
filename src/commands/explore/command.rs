//! The command line of a run that is started from the explorer: the same program, with the model as the explorer opens it.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::commands::cli::{self, CheckpointArgs, Command};
use crate::core::paths;
use crate::explorer::term::RunCommand;

/// The command for a model with these options, looked at before it is run.
///
/// # Errors
/// Says in one line what is wrong with the options.
pub(super) fn command(
    program: PathBuf,
    checkpoint: &CheckpointArgs,
    model: &str,
    options: &str,
) -> Result<RunCommand, String> {
    let words = words(options)?;
    let mut given = checkpoint.arguments(model);
    // What is said in the options goes before what the explorer was told.
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

/// An argument with `~` for the home folder, as a shell reads it: alone, or after the name of an option.
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

/// Splits options at blanks; double quotes keep blanks, a backslash keeps what follows it in them.
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
