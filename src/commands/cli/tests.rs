//! Tests of the command line: help pages, and accepted and refused lines.

use clap::error::ErrorKind;

use super::*;

fn parse(line: &str) -> Result<Cli, ErrorKind> {
    Cli::try_parse_from(line.split_whitespace()).map_err(|error| error.kind())
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn options_ahead_of_the_command_are_its_own() {
    let taken = |line: &str| super::parse(line.split_whitespace().map(OsString::from)).is_ok();
    assert!(taken("undertone --json inspect --question a"));
    assert!(taken(
        "undertone --model mini-logic --verdict inspect --question a"
    ));
    assert!(taken("undertone --model mini-logic"));
    assert!(!taken("undertone --nothing inspect --question a"));
    assert!(!taken("undertone inspect"));
}

#[test]
fn short_help_fits_a_screen_and_documents_every_option() {
    let mut pending = vec![Cli::command()];
    while let Some(mut command) = pending.pop() {
        let help = command.render_help().to_string();
        assert!(help.lines().count() <= 40, "{help}");
        for row in help.lines() {
            assert!(row.chars().count() <= 80, "{row}");
        }
        for arg in command.get_arguments() {
            assert!(arg.get_help().is_some(), "{} {arg}", command.get_name());
        }
        pending.extend(command.get_subcommands().cloned());
    }
}

#[test]
fn help_pages_are_as_reviewed() {
    let mut command = Cli::command();
    command.build();
    insta::assert_snapshot!("help_short", command.render_help());
    insta::assert_snapshot!("help_long", command.render_long_help());
    let inspect = command.find_subcommand_mut("inspect").expect("defined");
    insta::assert_snapshot!("help_inspect", inspect.render_help());
}

#[test]
fn lines_are_taken_or_refused() {
    let table = [
        ("undertone", None),
        (
            "undertone --model mini-logic --data p --index 3 --ascii",
            None,
        ),
        (
            "undertone --index 3",
            Some(ErrorKind::MissingRequiredArgument),
        ),
        ("undertone inspect --question -", None),
        (
            "undertone inspect --data p.jsonl --index 0 --off all --value zero",
            None,
        ),
        ("undertone eval --model mini-math --n 20 --json", None),
        (
            "undertone problems generate --family math --n 5 --seed 1 --steps 1-3 --out p",
            None,
        ),
        ("undertone export s.jsonl --format md", None),
        (
            "undertone data prepare gsm8k --raw t --tokenizer a,b --tokenizer c --out d --json",
            None,
        ),
        (
            "undertone data prepare gsm8k --raw t --out d",
            Some(ErrorKind::MissingRequiredArgument),
        ),
        (
            "undertone data prepare gsm9k",
            Some(ErrorKind::InvalidSubcommand),
        ),
        ("undertone completions fish", None),
        ("undertone fetch zen-E/CODI-gpt2 --offline --json", None),
        ("undertone fetch", Some(ErrorKind::MissingRequiredArgument)),
        (
            "undertone inspect",
            Some(ErrorKind::MissingRequiredArgument),
        ),
        (
            "undertone inspect --data p.jsonl",
            Some(ErrorKind::MissingRequiredArgument),
        ),
        (
            "undertone inspect --question a --data p --index 0",
            Some(ErrorKind::ArgumentConflict),
        ),
        (
            "undertone inspect --question a --index 3",
            Some(ErrorKind::ArgumentConflict),
        ),
        (
            "undertone ablate --question a --index 3 --off 1",
            Some(ErrorKind::ArgumentConflict),
        ),
        (
            "undertone inspect --question a --json --text",
            Some(ErrorKind::ArgumentConflict),
        ),
        (
            "undertone inspect --question a --check",
            Some(ErrorKind::MissingRequiredArgument),
        ),
        (
            "undertone inspect --question a --off 0",
            Some(ErrorKind::ValueValidation),
        ),
        (
            "undertone inspect --question a --top-k 0",
            Some(ErrorKind::ValueValidation),
        ),
        (
            "undertone --ascii models",
            Some(ErrorKind::ArgumentConflict),
        ),
        ("undertone eval --n 0", Some(ErrorKind::ValueValidation)),
        ("undertone --color sometimes", Some(ErrorKind::InvalidValue)),
        ("undertone dance", Some(ErrorKind::InvalidSubcommand)),
    ];
    for (line, refused) in table {
        assert_eq!(parse(line).err(), refused, "{line}");
    }
}

#[test]
fn latents_to_switch_off() {
    let some =
        |latents: &[usize]| OffArgument::Some(latents.iter().copied().map(LatentIdx).collect());
    assert_eq!("2,4".parse(), Ok(some(&[2, 4])));
    assert_eq!("1-3,2".parse(), Ok(some(&[1, 2, 3])));
    assert_eq!("all".parse(), Ok(OffArgument::All));
    for text in ["", "0", "a", "3-1", "1,,2", "1-99999999999"] {
        assert!(text.parse::<OffArgument>().is_err(), "{text}");
    }
    assert_eq!(
        OffArgument::All.latents(2).map(|off| off.len()).ok(),
        Some(2)
    );
    let error = some(&[2, 5]).latents(4).expect_err("only 4 are run");
    assert!(error.to_string().contains("latent 5"), "{error}");
}
