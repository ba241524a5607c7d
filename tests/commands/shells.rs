//! Completion scripts in their shells, where installed: sourcing is silent, and the completions work.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use crate::binary::said;
use tempfile::tempdir;

/// Runs a shell script whose first argument is the completion script's path; returns `None` if the shell is not installed.
fn ask(shell: &str, flags: &[&str], script: &str) -> Option<Output> {
    let folder = tempdir().unwrap();
    // zsh calls the function that a file is named after.
    let file = folder.path().join("_undertone");
    fs::write(&file, said(&["completions", shell])).unwrap();
    let mut command = Command::new(shell);
    command.args(flags).arg("-c").arg(script);
    // The script's name (`$0`) for sh-like shells; fish has none.
    if shell != "fish" {
        command.arg(shell);
    }
    let output = command
        .arg(&file)
        .env("HOME", folder.path())
        .env("XDG_CONFIG_HOME", folder.path())
        .env("XDG_DATA_HOME", folder.path())
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .output();
    match output {
        Err(why) if why.kind() == std::io::ErrorKind::NotFound => {
            let line = format!("{shell} is not installed: its completions were not tried\n");
            _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
            None
        }
        output => Some(output.unwrap()),
    }
}

fn offers(shell: &str, output: &Output, words: &[&str]) {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success() && err.is_empty(),
        "{shell}: {out}{err}"
    );
    for word in words {
        assert!(
            out.lines()
                .any(|line| line.split('\t').next() == Some(*word)),
            "{shell} does not offer {word}: {out}"
        );
    }
}

#[test]
fn bash_sources_the_script_and_completes() {
    let script = r#"
        source "$1"
        try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _undertone undertone "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"; printf '%s\n' "${COMPREPLY[@]}"; }
        try undertone trace --shape ''
        try undertone inspect --model mini-m
        try undertone --model Cargo.to
        try undertone comp
    "#;
    if let Some(output) = ask("bash", &["--norc"], script) {
        offers(
            "bash",
            &output,
            &[
                "codi",
                "coconut",
                "mini-math",
                "mini-math-sim",
                "Cargo.toml",
                "completions",
            ],
        );
    }
}

#[test]
fn fish_sources_the_script_and_completes() {
    let script = r"
        source $argv[1]
        complete -C 'undertone trace --shape '
        complete -C 'undertone inspect --model mini-m'
        complete -C 'undertone --model Cargo.to'
        complete -C 'undertone comp'
    ";
    if let Some(output) = ask("fish", &["--no-config"], script) {
        offers(
            "fish",
            &output,
            &[
                "codi",
                "coconut",
                "mini-math",
                "mini-math-sim",
                "Cargo.toml",
                "completions",
            ],
        );
    }
}

#[test]
fn zsh_sources_the_script_and_completes() {
    // Completion needs a line editor, so a second zsh runs in a pseudo-terminal of the first. It runs one command at a time and its
    // prompt shows when it accepts keys; commands are echoed, so the prompt is written differently from how it prints.
    let script = r#"
        source_it() { fpath=(${1:h} $fpath); autoload -Uz compinit && compinit -u -D && source $1 }
        source_it $1 || exit 1
        [[ ${_comps[undertone]} == _undertone ]] || { print -u2 "not registered"; exit 1 }
        zmodload zsh/zpty
        zpty inner zsh -f -i
        zpty -w inner "fpath=(${1:h} \$fpath); autoload -Uz compinit; compinit -u -D; LISTMAX=10000; PS1=\$'\\x47OON> '"
        zpty -r -m inner chunk '*GOON> *'
        for line in 'undertone trace --shape c' 'undertone inspect --model mini-m'; do
            zpty -w -n inner "$line"$'\t\t\x15'
            zpty -w inner "print DO''NE"
            zpty -r -m inner chunk '*DONE*GOON> *' && print -rn -- "$chunk"
        done
        zpty -d inner
    "#;
    if let Some(output) = ask("zsh", &["-f"], script) {
        offers("zsh", &output, &[]);
        let out = String::from_utf8_lossy(&output.stdout);
        // Descriptions and escape sequences surround the words.
        for word in ["codi ", "coconut ", "mini-math-sim"] {
            assert!(out.contains(word), "zsh does not offer {word}: {out}");
        }
        assert!(
            !out.contains("bad pattern") && !out.contains("_undertone:"),
            "{out}"
        );
    }
}
