//! Completion scripts: what clap makes of the command line, and the bundled models beside files after `--model`.

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
    /// Returns the completion script, which offers these models by name.
    #[must_use]
    pub fn script(&self, models: &[&str]) -> String {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "undertone", &mut script);
        let script = String::from_utf8_lossy(&script).into_owned();
        with_models(script, self.shell, &models.join(" "))
    }
}

/// A model may be a name or a path, which clap has no hint for; the shells that most people use are told by hand.
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
            // The door of standard output changes nothing in it.
            assert_eq!(&*Page::of(script.clone()), script, "{shell}");
        }
    }

    /// The help of a value stands in double quotes in the scripts of fish and zsh, where not all of these are escaped.
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
                // Names of values stand between colons.
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
