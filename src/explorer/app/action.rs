//! The action table: every action a user can perform, once. Key defaults, footer, help and palette are read from it.

/// The context in which a key is pressed; the same key may mean different things in different contexts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    /// The explorer itself.
    Main,
    /// A page in place of the run; keys it does not bind fall back to [`Context::Main`].
    Page,
    /// The data-set page; keys it does not bind fall back to [`Context::Page`].
    Data,
    /// A list that filters as you type.
    List,
    /// A text prompt.
    Text,
}

/// One row of the action table.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The name in the configuration.
    pub id: &'static str,
    /// The context it applies in.
    pub context: Context,
    /// Its heading in help.
    pub section: &'static str,
    /// Default keys, the preferred one first.
    pub keys: &'static [&'static str],
    /// Its word in the footer and its priority there (small numbers first), if it is shown there.
    pub footer: Option<(u8, &'static str)>,
    /// What it does, as help shows it.
    pub doc: &'static str,
}

macro_rules! actions {
    ($($(#[$about:meta])* $group:ident: $context:ident, $section:literal {
        $($variant:ident = $id:literal, [$($key:literal),*]
            $(, footer $place:literal $word:literal)?, $doc:literal;)*
    })*) => {
        /// An action that a user can request. Each group is handled in one place, by a match without a catch-all.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$about])* $group($group),)*
        }

        $($(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $group {
            $(#[doc = $doc] $variant,)*
        })*

        impl Action {
            /// Every action in table order.
            pub const ALL: &'static [Self] = &[$($(Self::$group($group::$variant),)*)*];

            /// Returns its row of the table.
            #[must_use]
            pub fn spec(self) -> Spec {
                match self {
                    $($(Self::$group($group::$variant) => Spec {
                        id: $id,
                        context: Context::$context,
                        section: $section,
                        keys: &[$($key),*],
                        footer: actions!(@footer $($place $word)?),
                        doc: $doc,
                    },)*)*
                }
            }
        }
    };
    (@footer) => { None };
    (@footer $place:literal $word:literal) => { Some(($place, $word)) };
}

actions! {
    /// Stepping through the run.
    Step: Main, "Step" {
        Left = "step-left", ["left", "h"], footer 1 "step", "Step one token to the left";
        Right = "step-right", ["right", "l"], footer 1 "step", "Step one token to the right";
        First = "first-token", ["home"], "Go to the first token shown";
        Last = "last-token", ["end"], "Go to the last token";
        Jump = "jump-latent", ["1", "2", "3", "4", "5", "6", "7", "8", "9"], "Go to the latent with that number";
    }
    /// Switching latent tokens off and on, and what that means.
    Ablate: Main, "Switch off" {
        Toggle = "toggle-latent", ["space"], footer 2 "off/on", "Switch the latent under the cursor off or on";
        ToggleAll = "toggle-all", ["a"], footer 4 "all", "Switch all latents off, or all on again";
        Value = "cycle-value", ["v"], footer 3 "value", "Choose what replaces a latent: the next of nine values";
        PickValue = "pick-value", ["V"], "Choose the value from a list that says what each one means";
        Site = "cycle-site", ["w"], footer 20 "site", "Choose where it goes in: input, hidden, kv";
        Propagation = "cycle-propagation", ["d"], footer 21 "propagation", "Recompute later latents (total) or hold them clean (direct)";
        Direction = "cycle-direction", ["b"], footer 22 "direction", "Ask if latents are necessary (noising) or sufficient (denoising)";
        Donor = "pick-donor", ["B"], "Choose the donor: a problem of the reference set, and a latent";
        MatchSteps = "match-steps", ["="], footer 23 "matched", "Resample only from problems with the same number of steps";
        Layers = "pick-layers", ["K"], "Choose the layers, at the site kv and for kv-block";
    }
    /// Opening a page: many ablations at a time, two runs side by side, many problems.
    Open: Main, "Pages" {
        Sweep = "open-sweep", ["s"], footer 5 "sweep", "Sweep: every latent, necessary and sufficient, by every value";
        Lattice = "open-lattice", ["S"], footer 6 "sets", "Lattice: the answer under every set of latents";
        Influence = "open-influence", ["f"], footer 17 "influence", "Influence: what each latent does to later ones and the answer";
        Exits = "open-exits", ["E"], footer 18 "exits", "Early exits: the answer after every number of latents";
        Compare = "open-compare", ["c"], footer 10 "compare", "Compare two runs side by side";
        Layers = "open-layers", ["L"], footer 19 "layers", "Layers: logit lens at every layer and position";
        Evidence = "open-evidence", ["W"], footer 7 "why", "Evidence: every edit, replaced latent and search behind the verdict";
        Data = "open-data", ["D"], footer 8 "data set", "Data set: a run over many problems as a table";
    }
    /// Many problems in a table.
    Table: Data, "Data set" {
        OpenRow = "open-row", ["enter"], footer 1 "open", "Open the problem with everything that is computed";
        Filter = "filter-rows", ["/"], footer 2 "filter", "Filter by an expression such as rung=USED correct=no steps>=3";
        SortPrevious = "sort-previous", ["left", "h", "S"], footer 3 "sort", "Sort by the column before";
        SortNext = "sort-next", ["right", "l", "s"], footer 3 "sort", "Sort by the next column";
        Reverse = "reverse-sort", ["r"], footer 4 "reverse", "Reverse the order";
        OnlyFigures = "only-figures", ["tab"], footer 5 "figures", "Show the figures alone, or the table again";
        PauseRun = "pause-run", ["p"], footer 6 "pause/resume", "Pause or resume the run";
        StartRun = "start-run", ["n"], footer 7 "new run", "Start a run of the loaded model";
        OpenRun = "open-run", ["o"], footer 8 "open a run", "Open the run of a folder";
    }
    /// Moving the cursor of a page.
    Move: Page, "Pages" {
        Left = "move-left", ["left", "h"], footer 1 "move", "Move one column to the left";
        Right = "move-right", ["right", "l"], footer 1 "move", "Move one column to the right";
        Up = "move-up", ["up", "k"], footer 1 "move", "Move one row up";
        Down = "move-down", ["down", "j"], footer 1 "move", "Move one row down";
        PageUp = "move-page-up", ["pageup"], "Move a screen up";
        PageDown = "move-page-down", ["pagedown"], "Move a screen down";
        First = "move-first", ["home", "g"], "Go to the first row";
        Last = "move-last", ["end", "G"], "Go to the last row";
    }
    /// What can be done on a page.
    Cell: Page, "Pages" {
        Enter = "enter-cell", ["enter"], footer 2 "show", "Show the run with the latents of this cell off";
        SwitchLeft = "switch-left", ["C"], footer 2 "left side", "Compare with the clean run, or with the run before";
        FollowToken = "follow-token", ["T"], footer 2 "token", "Follow the next token through the layers";
        Leave = "leave-page", ["esc"], footer 3 "back", "Stop the study under way, else go back to the run";
    }
    /// Choice of problem and model.
    Problem: Main, "Problem" {
        Pick = "open-problems", ["o"], footer 7 "open", "Pick a problem from the list";
        Next = "next-problem", ["]", "p"], "Open the next problem";
        Previous = "previous-problem", ["[", "P"], "Open the previous problem";
        Edit = "edit-question", ["e"], footer 12 "edit", "Edit the question and run it";
        New = "new-question", ["n"], "Type a new question";
        Model = "pick-model", ["m"], footer 13 "model", "Pick a model";
        Mode = "cycle-mode", ["M"], "Answer in the model's next mode: latent, direct, written";
        Rerun = "rerun", ["r"], "Run again, or retry after a failure";
    }
    /// Which pane has the focus.
    Focus: Main, "View" {
        Next = "next-pane", ["tab"], footer 8 "pane", "Go to the next pane";
        Previous = "previous-pane", ["backtab"], "Go to the previous pane";
        Zoom = "zoom-pane", ["enter", "z"], footer 14 "zoom", "Show the pane alone, whole";
    }
    /// Scrolling the pane.
    Scroll: Main, "View" {
        Up = "scroll-up", ["up", "k"], "Scroll the pane up";
        Down = "scroll-down", ["down", "j"], "Scroll the pane down";
        PageUp = "page-up", ["pageup"], "Scroll the pane one page up";
        PageDown = "page-down", ["pagedown"], "Scroll the pane one page down";
        Top = "scroll-top", ["g"], "Scroll the pane to its top";
        Bottom = "scroll-bottom", ["G"], "Scroll the pane to its end";
    }
    /// Notes, undo, export.
    Keep: Main, "Keep" {
        Note = "write-note", ["i"], footer 9 "note", "Write a note on the problem, the latent or the verdict";
        Tag = "pick-tag", ["t"], footer 15 "tag", "Tag the problem, the latent or the verdict";
        Export = "export", ["x"], footer 11 "export", "Export the annotated session";
        Copy = "copy", ["y"], footer 16 "copy", "Copy the text of the pane through the terminal";
        Undo = "undo", ["u"], footer 16 "undo", "Undo the last change";
        Redo = "redo", ["ctrl-r"], "Redo what was undone";
    }
    /// Help, palette, quit.
    Program: Main, "Program" {
        Help = "help", ["?", "f1"], footer 0 "help", "Show and search all keys";
        Palette = "palette", [":", "ctrl-p"], footer 24 "commands", "Find a command by name";
        Cancel = "cancel", ["esc"], "Stop the work under way";
        Interrupt = "interrupt", ["ctrl-c"], "Stop the work under way; twice when idle: quit";
        Suspend = "suspend", ["ctrl-z"], "Suspend to the shell";
        Redraw = "redraw", ["ctrl-l"], "Clear the screen and draw it again";
        Quit = "quit", ["q"], footer 25 "quit", "Save and quit";
    }
    /// In a list.
    List: List, "Dialogs" {
        Up = "list-up", ["up", "ctrl-p", "backtab"], "Select the entry above";
        Down = "list-down", ["down", "ctrl-n", "tab"], "Select the entry below";
        PageUp = "list-page-up", ["pageup"], "Move ten entries up";
        PageDown = "list-page-down", ["pagedown"], "Move ten entries down";
        Accept = "list-accept", ["enter"], footer 1 "choose", "Choose the entry";
        Close = "list-close", ["esc", "ctrl-c"], footer 2 "close", "Close the list";
    }
    /// In a text field.
    Text: Text, "Dialogs" {
        Accept = "text-accept", ["enter"], footer 1 "done", "Accept the text";
        Newline = "text-newline", ["alt-enter", "ctrl-j"], "Start a new line in a note";
        Switch = "text-switch", ["tab"], "Switch the export format";
        Close = "text-close", ["esc", "ctrl-c"], footer 2 "close", "Close; what was typed is kept as a draft";
    }
}

impl Action {
    /// Returns whether its keys also work in lists and text fields.
    #[must_use]
    pub fn works_everywhere(self) -> bool {
        matches!(self, Self::Program(Program::Redraw | Program::Suspend))
    }
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
