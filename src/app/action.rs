//! The action table: everything a user can do, once. Key defaults, footer, help and palette are all read from it.

use crate::keymap::Context;

/// The heading under which help lists an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Moving through the run.
    Step,
    /// Switching latent tokens off and on.
    Ablate,
    /// Choosing what to look at.
    Problem,
    /// Panes and scrolling.
    View,
    /// Notes, undo, export.
    Keep,
    /// Help, palette, leaving.
    Program,
    /// Lists and text fields.
    Dialog,
}

impl Section {
    /// The heading.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Step => "Step",
            Self::Ablate => "Switch off",
            Self::Problem => "Problem",
            Self::View => "View",
            Self::Keep => "Keep",
            Self::Program => "Program",
            Self::Dialog => "Dialogs",
        }
    }
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The name in the configuration.
    pub id: &'static str,
    /// Where it applies.
    pub context: Context,
    /// Its heading in help.
    pub section: Section,
    /// Default keys, the preferred one first.
    pub keys: &'static [&'static str],
    /// Its word in the footer and its place there (small numbers first), if it belongs there.
    pub footer: Option<(u8, &'static str)>,
    /// What it does.
    pub doc: &'static str,
}

macro_rules! actions {
    ($($variant:ident = $id:literal, $context:ident, $section:ident, [$($key:literal),*]
        $(, footer $place:literal $word:literal)?, $doc:literal;)*) => {
        /// What a user wants done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $(#[doc = $doc] $variant,)*
        }

        impl Action {
            /// Every action in table order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Its row of the table.
            #[must_use]
            pub fn spec(self) -> Spec {
                match self {
                    $(Self::$variant => Spec {
                        id: $id,
                        context: Context::$context,
                        section: Section::$section,
                        keys: &[$($key),*],
                        footer: actions!(@footer $($place $word)?),
                        doc: $doc,
                    },)*
                }
            }
        }
    };
    (@footer) => { None };
    (@footer $place:literal $word:literal) => { Some(($place, $word)) };
}

actions! {
    StepLeft = "step-left", Main, Step, ["left", "h"], footer 1 "step", "Step one token to the left";
    StepRight = "step-right", Main, Step, ["right", "l"], footer 1 "step", "Step one token to the right";
    FirstToken = "first-token", Main, Step, ["home"], "Go to the first token shown";
    LastToken = "last-token", Main, Step, ["end"], "Go to the last token";
    JumpLatent = "jump-latent", Main, Step, ["1", "2", "3", "4", "5", "6", "7", "8", "9"], "Go to the latent with that number";
    ToggleLatent = "toggle-latent", Main, Ablate, ["space"], footer 2 "off/on", "Switch the latent under the cursor off or on";
    ToggleAll = "toggle-all", Main, Ablate, ["a"], footer 4 "all", "Switch all latents off, or all on again";
    CycleValue = "cycle-value", Main, Ablate, ["v"], footer 3 "value", "Choose what replaces a latent: resample, mean, zero, skip";
    OpenProblems = "open-problems", Main, Problem, ["o"], footer 5 "open", "Pick a problem from the list";
    NextProblem = "next-problem", Main, Problem, ["]", "p"], "Open the next problem";
    PreviousProblem = "previous-problem", Main, Problem, ["[", "P"], "Open the previous problem";
    EditQuestion = "edit-question", Main, Problem, ["e"], footer 9 "edit", "Edit the question and run it";
    NewQuestion = "new-question", Main, Problem, ["n"], "Type a new question";
    PickModel = "pick-model", Main, Problem, ["m"], footer 10 "model", "Pick a model";
    CycleMode = "cycle-mode", Main, Problem, ["M"], "Answer in the model's next mode: latent, direct, written";
    Rerun = "rerun", Main, Problem, ["r"], "Run again, or retry after a failure";
    NextPane = "next-pane", Main, View, ["tab"], footer 6 "pane", "Go to the next pane";
    PreviousPane = "previous-pane", Main, View, ["backtab"], "Go to the previous pane";
    ZoomPane = "zoom-pane", Main, View, ["enter", "z"], footer 11 "zoom", "Show the pane alone, whole";
    ScrollUp = "scroll-up", Main, View, ["up", "k"], "Scroll the pane up";
    ScrollDown = "scroll-down", Main, View, ["down", "j"], "Scroll the pane down";
    PageUp = "page-up", Main, View, ["pageup"], "Scroll the pane one page up";
    PageDown = "page-down", Main, View, ["pagedown"], "Scroll the pane one page down";
    ScrollTop = "scroll-top", Main, View, ["g"], "Scroll the pane to its top";
    ScrollBottom = "scroll-bottom", Main, View, ["G"], "Scroll the pane to its end";
    WriteNote = "write-note", Main, Keep, ["i"], footer 7 "note", "Write a note on the problem, the latent or the verdict";
    PickTag = "pick-tag", Main, Keep, ["t"], footer 12 "tag", "Tag the problem, the latent or the verdict";
    Export = "export", Main, Keep, ["x"], footer 8 "export", "Export the annotated session";
    Copy = "copy", Main, Keep, ["y"], footer 13 "copy", "Copy the text of the pane through the terminal";
    Undo = "undo", Main, Keep, ["u"], footer 14 "undo", "Undo the last change";
    Redo = "redo", Main, Keep, ["ctrl-r"], "Redo what was undone";
    Help = "help", Main, Program, ["?", "f1"], footer 0 "help", "Show and search all keys";
    Palette = "palette", Main, Program, [":", "ctrl-p"], footer 15 "commands", "Find a command by name";
    Cancel = "cancel", Main, Program, ["esc"], "Stop the work under way";
    Interrupt = "interrupt", Main, Program, ["ctrl-c"], "Stop the work under way; twice when idle: quit";
    Suspend = "suspend", Main, Program, ["ctrl-z"], "Suspend to the shell";
    Quit = "quit", Main, Program, ["q"], footer 16 "quit", "Save and quit";
    ListUp = "list-up", List, Dialog, ["up", "ctrl-p", "backtab"], "Select the entry above";
    ListDown = "list-down", List, Dialog, ["down", "ctrl-n", "tab"], "Select the entry below";
    ListPageUp = "list-page-up", List, Dialog, ["pageup"], "Move ten entries up";
    ListPageDown = "list-page-down", List, Dialog, ["pagedown"], "Move ten entries down";
    ListAccept = "list-accept", List, Dialog, ["enter"], footer 1 "choose", "Choose the entry";
    ListClose = "list-close", List, Dialog, ["esc", "ctrl-c"], footer 2 "close", "Close the list";
    TextAccept = "text-accept", Text, Dialog, ["enter"], footer 1 "done", "Accept the text";
    TextNewline = "text-newline", Text, Dialog, ["alt-enter", "ctrl-j"], "Start a new line in a note";
    TextSwitch = "text-switch", Text, Dialog, ["tab"], "Switch the export format";
    TextClose = "text-close", Text, Dialog, ["esc", "ctrl-c"], footer 2 "close", "Close without a change";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_action_has_its_own_name_and_a_sentence() {
        let mut names = HashSet::new();
        for action in Action::ALL {
            let spec = action.spec();
            assert!(names.insert(spec.id), "{} is used twice", spec.id);
            assert!(
                !spec.doc.is_empty() && !spec.doc.ends_with('.'),
                "{}",
                spec.id
            );
            assert!(!spec.keys.is_empty(), "{} has no key", spec.id);
        }
    }
}
