//! Completion scripts: clap's own, extended with the bundled models after `--model`.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{Cli, model::MODEL_VALUE};

/// Options of `completions`.
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

impl CompletionsArgs {
    /// Returns the completion script, which offers `models` by name.
    #[must_use]
    pub fn script(&self, models: &[&str]) -> String {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "undertone", &mut script);
        let script = String::from_utf8_lossy(&script).into_owned();
        with_models(script, self.shell, &models.join(" "))
    }
}

/// Adds model names to the scripts of common shells. clap has no value hint for a name or a path.
fn with_models(script: String, shell: Shell, models: &str) -> String {
    match shell {
        Shell::Bash => script.replace(
            "--model)\n                    COMPREPLY=($(compgen -f \"${cur}\"))",
            &format!(
                "--model)\n                    COMPREPLY=($(compgen -f -W \"{models}\" -- \"${{cur}}\"))"
            ),
        ),
        Shell::Zsh => script
            .replace(
                &format!(":{MODEL_VALUE}:_default"),
                &format!(":{MODEL_VALUE}:_undertone_models"),
            )
            .replacen(
                "\n_undertone() {",
                &format!("\n_undertone_models() {{\n    compadd -- {models}\n    _files\n}}\n\n_undertone() {{"),
                1,
            ),
        Shell::Fish => script + &format!("complete -c undertone -l model -r -F -a \"{models}\"\n"),
        _ => script,
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;
    use crate::core::text::Page;

    #[test]
    fn every_shell_has_a_script() {
        for shell in Shell::value_variants() {
            let script = CompletionsArgs { shell: *shell }.script(&["one", "two"]);
            assert!(script.contains("extra-facts"), "{shell}");
            let is_told = matches!(shell, Shell::Bash | Shell::Zsh | Shell::Fish);
            assert_eq!(script.contains("one two"), is_told, "{shell}");
            // Sanitising for standard output leaves it unchanged.
            assert_eq!(&*Page::new(script.clone()), script, "{shell}");
        }
    }

    /// Scripts of fish and zsh put a value's help in double quotes without escaping all of these characters.
    #[test]
    fn no_help_of_a_value_breaks_a_script() {
        let mut root = Cli::command();
        root.build();
        let mut pending = vec![root];
        let mut n = 0;
        while let Some(command) = pending.pop() {
            for arg in command.get_arguments() {
                let values = arg.get_possible_values();
                for help in values.iter().filter_map(|value| value.get_help()) {
                    let help = help.to_string();
                    assert!(
                        !help.contains(['"', '$', '\\', '\n']),
                        "{} {arg}: {help}",
                        command.get_name()
                    );
                    n += 1;
                }
                // Value names are between colons.
                for name in arg.get_value_names().unwrap_or_default() {
                    assert!(
                        !name.contains([':', '\'', '"']),
                        "{} {arg}: {name}",
                        command.get_name()
                    );
                }
            }
            pending.extend(command.get_subcommands().cloned());
        }
        assert!(n > 20, "the values were found");
    }
}
