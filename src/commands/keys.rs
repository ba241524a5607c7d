//! `undertone keys`: lists the keys of the explorer, from the action table.

use super::print;
use crate::commands::cli::KeysArgs;
use crate::core::error::Result;
use crate::core::text::Page;
use crate::explorer::app::action::Action;
use crate::explorer::keymap::Keymap;

/// Prints the keys by heading, or with `--list` one tab-separated line per action.
///
/// # Errors
/// When the output cannot be written.
pub fn run(args: &KeysArgs) -> Result<()> {
    let keymap = Keymap::default();
    let mut text = String::new();
    let mut heading = "";
    for action in Action::ALL {
        let spec = action.spec();
        let keys = keymap
            .keys_of(*action)
            .map(|key| key.to_string())
            .collect::<Vec<_>>();
        if args.list {
            text += &format!(
                "{}\t{:?}\t{}\t{}\n",
                spec.id,
                spec.context,
                keys.join(" "),
                spec.doc
            );
            continue;
        }
        if spec.section != heading {
            heading = spec.section;
            text += &format!("{}{heading}\n", if text.is_empty() { "" } else { "\n" });
        }
        text += &format!("  {:<18} {}\n", keys.join(", "), spec.doc);
    }
    print(&Page::new(text))
}
