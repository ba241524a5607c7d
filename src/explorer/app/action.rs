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

/// The heading under which help lists an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Stepping through the run.
    Step,
    /// Switching latent tokens off and on.
    Ablate,
    /// Many ablations at a time, and two runs side by side.
    Pages,
    /// Many problems in a table.
    Data,
    /// Choice of problem and model.
    Problem,
    /// Panes and scrolling.
    View,
    /// Notes, undo, export.
    Keep,
    /// Help, palette, quit.
    Program,
    /// Lists and text fields.
    Dialog,
}

impl Section {
    /// Returns the heading.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Step => "Step",
            Self::Ablate => "Switch off",
            Self::Pages => "Pages",
            Self::Data => "Data set",
            Self::Problem => "Problem",
            Self::View => "View",
            Self::Keep => "Keep",
            Self::Program => "Program",
            Self::Dialog => "Dialogs",
        }
    }
}

/// One row of the action table.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The name in the configuration.
    pub id: &'static str,
    /// The context it applies in.
    pub context: Context,
    /// Its heading in help.
    pub section: Section,
    /// Default keys, the preferred one first.
    pub keys: &'static [&'static str],
    /// Its word in the footer and its priority there (small numbers first), if it is shown there.
    pub footer: Option<(u8, &'static str)>,
    /// What it does, as help shows it.
    pub doc: &'static str,
}

macro_rules! actions {
    ($($variant:ident = $id:literal, $context:ident, $section:ident, [$($key:literal),*]
        $(, footer $place:literal $word:literal)?, $doc:literal;)*) => {
        /// An action that a user can request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Action {
            $(#[doc = $doc] $variant,)*
        }

        impl Action {
            /// Every action in table order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns its row of the table.
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
    CycleValue = "cycle-value", Main, Ablate, ["v"], footer 3 "value", "Choose what replaces a latent: the next of nine values";
    PickValue = "pick-value", Main, Ablate, ["V"], "Choose the value from a list that says what each one means";
    CycleSite = "cycle-site", Main, Ablate, ["w"], footer 20 "site", "Choose where it goes in: input, hidden, kv";
    CyclePropagation = "cycle-propagation", Main, Ablate, ["d"], footer 21 "propagation", "Recompute later latents (total) or hold them clean (direct)";
    CycleDirection = "cycle-direction", Main, Ablate, ["b"], footer 22 "direction", "Ask if latents are necessary (noising) or sufficient (denoising)";
    PickDonor = "pick-donor", Main, Ablate, ["B"], "Choose the donor: a problem of the reference set, and a latent";
    MatchSteps = "match-steps", Main, Ablate, ["="], footer 23 "matched", "Resample only from problems with the same number of steps";
    PickLayers = "pick-layers", Main, Ablate, ["K"], "Choose the layers, at the site kv and for kv-block";
    OpenSweep = "open-sweep", Main, Pages, ["s"], footer 5 "sweep", "Sweep: every latent, necessary and sufficient, by every value";
    OpenLattice = "open-lattice", Main, Pages, ["S"], footer 6 "sets", "Lattice: the answer under every set of latents";
    OpenInfluence = "open-influence", Main, Pages, ["f"], footer 17 "influence", "Influence: what each latent does to later ones and the answer";
    OpenExits = "open-exits", Main, Pages, ["E"], footer 18 "exits", "Early exits: the answer after every number of latents";
    OpenCompare = "open-compare", Main, Pages, ["c"], footer 10 "compare", "Compare two runs side by side";
    OpenLayers = "open-layers", Main, Pages, ["L"], footer 19 "layers", "Layers: logit lens at every layer and position";
    OpenEvidence = "open-evidence", Main, Pages, ["W"], footer 7 "why", "Evidence: every edit, replaced latent and search behind the verdict";
    OpenData = "open-data", Main, Pages, ["D"], footer 8 "data set", "Data set: a run over many problems as a table";
    OpenRow = "open-row", Data, Data, ["enter"], footer 1 "open", "Open the problem with everything that is computed";
    FilterRows = "filter-rows", Data, Data, ["/"], footer 2 "filter", "Filter by an expression such as rung=USED correct=no steps>=3";
    SortPrevious = "sort-previous", Data, Data, ["left", "h", "S"], footer 3 "sort", "Sort by the column before";
    SortNext = "sort-next", Data, Data, ["right", "l", "s"], footer 3 "sort", "Sort by the next column";
    ReverseSort = "reverse-sort", Data, Data, ["r"], footer 4 "reverse", "Reverse the order";
    OnlyFigures = "only-figures", Data, Data, ["tab"], footer 5 "figures", "Show the figures alone, or the table again";
    PauseRun = "pause-run", Data, Data, ["p"], footer 6 "pause/resume", "Pause or resume the run";
    StartRun = "start-run", Data, Data, ["n"], footer 7 "new run", "Start a run of the loaded model";
    OpenRun = "open-run", Data, Data, ["o"], footer 8 "open a run", "Open the run of a folder";
    MoveLeft = "move-left", Page, Pages, ["left", "h"], footer 1 "move", "Move one column to the left";
    MoveRight = "move-right", Page, Pages, ["right", "l"], footer 1 "move", "Move one column to the right";
    MoveUp = "move-up", Page, Pages, ["up", "k"], footer 1 "move", "Move one row up";
    MoveDown = "move-down", Page, Pages, ["down", "j"], footer 1 "move", "Move one row down";
    MovePageUp = "move-page-up", Page, Pages, ["pageup"], "Move a screen up";
    MovePageDown = "move-page-down", Page, Pages, ["pagedown"], "Move a screen down";
    MoveFirst = "move-first", Page, Pages, ["home", "g"], "Go to the first row";
    MoveLast = "move-last", Page, Pages, ["end", "G"], "Go to the last row";
    EnterCell = "enter-cell", Page, Pages, ["enter"], footer 2 "show", "Show the run with the latents of this cell off";
    SwitchLeft = "switch-left", Page, Pages, ["C"], footer 2 "left side", "Compare with the clean run, or with the run before";
    FollowToken = "follow-token", Page, Pages, ["T"], footer 2 "token", "Follow the next token through the layers";
    LeavePage = "leave-page", Page, Pages, ["esc"], footer 3 "back", "Stop the study under way, else go back to the run";
    OpenProblems = "open-problems", Main, Problem, ["o"], footer 7 "open", "Pick a problem from the list";
    NextProblem = "next-problem", Main, Problem, ["]", "p"], "Open the next problem";
    PreviousProblem = "previous-problem", Main, Problem, ["[", "P"], "Open the previous problem";
    EditQuestion = "edit-question", Main, Problem, ["e"], footer 12 "edit", "Edit the question and run it";
    NewQuestion = "new-question", Main, Problem, ["n"], "Type a new question";
    PickModel = "pick-model", Main, Problem, ["m"], footer 13 "model", "Pick a model";
    CycleMode = "cycle-mode", Main, Problem, ["M"], "Answer in the model's next mode: latent, direct, written";
    Rerun = "rerun", Main, Problem, ["r"], "Run again, or retry after a failure";
    NextPane = "next-pane", Main, View, ["tab"], footer 8 "pane", "Go to the next pane";
    PreviousPane = "previous-pane", Main, View, ["backtab"], "Go to the previous pane";
    ZoomPane = "zoom-pane", Main, View, ["enter", "z"], footer 14 "zoom", "Show the pane alone, whole";
    ScrollUp = "scroll-up", Main, View, ["up", "k"], "Scroll the pane up";
    ScrollDown = "scroll-down", Main, View, ["down", "j"], "Scroll the pane down";
    PageUp = "page-up", Main, View, ["pageup"], "Scroll the pane one page up";
    PageDown = "page-down", Main, View, ["pagedown"], "Scroll the pane one page down";
    ScrollTop = "scroll-top", Main, View, ["g"], "Scroll the pane to its top";
    ScrollBottom = "scroll-bottom", Main, View, ["G"], "Scroll the pane to its end";
    WriteNote = "write-note", Main, Keep, ["i"], footer 9 "note", "Write a note on the problem, the latent or the verdict";
    PickTag = "pick-tag", Main, Keep, ["t"], footer 15 "tag", "Tag the problem, the latent or the verdict";
    Export = "export", Main, Keep, ["x"], footer 11 "export", "Export the annotated session";
    Copy = "copy", Main, Keep, ["y"], footer 16 "copy", "Copy the text of the pane through the terminal";
    Undo = "undo", Main, Keep, ["u"], footer 16 "undo", "Undo the last change";
    Redo = "redo", Main, Keep, ["ctrl-r"], "Redo what was undone";
    Help = "help", Main, Program, ["?", "f1"], footer 0 "help", "Show and search all keys";
    Palette = "palette", Main, Program, [":", "ctrl-p"], footer 24 "commands", "Find a command by name";
    Cancel = "cancel", Main, Program, ["esc"], "Stop the work under way";
    Interrupt = "interrupt", Main, Program, ["ctrl-c"], "Stop the work under way; twice when idle: quit";
    Suspend = "suspend", Main, Program, ["ctrl-z"], "Suspend to the shell";
    Redraw = "redraw", Main, Program, ["ctrl-l"], "Clear the screen and draw it again";
    Quit = "quit", Main, Program, ["q"], footer 25 "quit", "Save and quit";
    ListUp = "list-up", List, Dialog, ["up", "ctrl-p", "backtab"], "Select the entry above";
    ListDown = "list-down", List, Dialog, ["down", "ctrl-n", "tab"], "Select the entry below";
    ListPageUp = "list-page-up", List, Dialog, ["pageup"], "Move ten entries up";
    ListPageDown = "list-page-down", List, Dialog, ["pagedown"], "Move ten entries down";
    ListAccept = "list-accept", List, Dialog, ["enter"], footer 1 "choose", "Choose the entry";
    ListClose = "list-close", List, Dialog, ["esc", "ctrl-c"], footer 2 "close", "Close the list";
    TextAccept = "text-accept", Text, Dialog, ["enter"], footer 1 "done", "Accept the text";
    TextNewline = "text-newline", Text, Dialog, ["alt-enter", "ctrl-j"], "Start a new line in a note";
    TextSwitch = "text-switch", Text, Dialog, ["tab"], "Switch the export format";
    TextClose = "text-close", Text, Dialog, ["esc", "ctrl-c"], footer 2 "close", "Close; what was typed is kept as a draft";
}

impl Action {
    /// Returns whether its keys also work in lists and text fields.
    #[must_use]
    pub fn works_everywhere(self) -> bool {
        matches!(self, Self::Redraw | Self::Suspend)
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
