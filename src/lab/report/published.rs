//! The values that Dilgren and Wiegreffe (arXiv 2604.04902) published for the model and data of a run. Section numbers are
//! those of docs/methods.md. Values that the paper does not give as numbers are omitted.

use crate::core::types::Task;
use crate::lab::rows::RowsHeader;

/// A published figure, in percent or tokens as printed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PublishedFigure {
    /// A value for this model.
    Value(f64),
    /// A range published for several models together, including this one.
    Range(f64, f64),
}

impl PublishedFigure {
    /// Formats the figure as printed in the paper.
    #[must_use]
    pub fn words(self) -> String {
        match self {
            Self::Value(value) => format!("{value:.1}"),
            Self::Range(low, high) => format!("{low} to {high}"),
        }
    }
}

/// A model and data set of the paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paper {
    base: Base,
    method: Method,
    set: Set,
    /// The split, inferred from the file's name.
    split: Split,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Base {
    Gpt2,
    Llama,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    NoCot,
    Cot,
    Coconut,
    Codi,
    MultimodeCoconut,
    MultimodeCodi,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Set {
    Gsm8kAug,
    PrOntoQa,
    ProsQa,
}

/// The test sets of GSM8k-Aug (M3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Split {
    /// (a), 1319 rows: accuracy.
    Original,
    /// (b), 1194 rows: early stopping and backtracking.
    ValidTrace,
    /// (c), 460 rows: forward chaining.
    Friendly,
    /// The test set of a logic task.
    Logic,
    /// Any other rows of GSM8k-Aug.
    Other,
}

impl Paper {
    /// Returns the paper's model and data set that match a run, if any. The base is recognised by architecture, layers and
    /// width, the data by task and file name; a control run or another number of latents does not match.
    #[must_use]
    pub fn of(header: &RowsHeader) -> Option<Self> {
        let model = &header.model;
        let base = match (model.arch.as_str(), model.layers, model.width) {
            ("gpt2", 12, 768) => Base::Gpt2,
            ("llama", 16, 2048) => Base::Llama,
            _ => return None,
        };
        let method = match model.family.as_str() {
            "no-cot" => Method::NoCot,
            "cot" => Method::Cot,
            "coconut" => Method::Coconut,
            "codi" => Method::Codi,
            "multimode-coconut" => Method::MultimodeCoconut,
            "multimode-codi" => Method::MultimodeCodi,
            _ => return None,
        };
        let is_latent = !matches!(method, Method::NoCot | Method::Cot);
        if header.control.is_some() || (is_latent && header.settings.latents != 6) {
            return None;
        }
        let origin = header.data.origin.to_lowercase();
        let file = origin.rsplit(['/', '\\']).next().unwrap_or_default();
        let has = |word: &str| file.contains(word);
        if has("generated") {
            return None;
        }
        let (set, split) = match header.data.task {
            Task::Math if has("gsm_original") => (Set::Gsm8kAug, Split::Original),
            Task::Math if has("valid-gold-reasoning-trace") => (Set::Gsm8kAug, Split::ValidTrace),
            Task::Math if has("vocab-projection-friendly") => (Set::Gsm8kAug, Split::Friendly),
            Task::Math if has("gsm") => (Set::Gsm8kAug, Split::Other),
            Task::Logic if has("prontoqa") => (Set::PrOntoQa, Split::Logic),
            Task::Logic if has("prosqa") => (Set::ProsQa, Split::Logic),
            _ => return None,
        };
        Some(Self {
            base,
            method,
            set,
            split,
        })
    }

    /// Returns whether accuracy was published on these problems.
    #[must_use]
    pub fn is_accuracy_set(self) -> bool {
        matches!(self.split, Split::Original | Split::Logic)
    }

    /// Returns whether early stopping and backtracking were published on these problems.
    #[must_use]
    pub fn is_trace_set(self) -> bool {
        matches!(self.split, Split::ValidTrace | Split::Logic)
    }

    /// Returns whether forward chaining was published on these problems.
    #[must_use]
    pub fn is_chain_set(self) -> bool {
        self.split == Split::Friendly
    }

    /// Returns the accuracy in percent and the mean output tokens (M11.1, Table 1).
    #[must_use]
    pub fn accuracy(self) -> Option<(f64, f64)> {
        use Base::{Gpt2, Llama};
        use Method::{Coconut, Codi, Cot, NoCot};
        let [gsm, prontoqa, prosqa] = match (self.base, self.method) {
            (Gpt2, NoCot) => [(16.8, 3.2), (87.9, 3.0), (76.0, 9.5)],
            (Gpt2, Cot) => [(41.6, 31.0), (99.3, 92.7), (74.2, 51.6)],
            (Gpt2, Coconut) => [(33.1, 9.2), (99.0, 9.0), (98.0, 15.5)],
            (Gpt2, Codi) => [(42.2, 12.3), (95.1, 12.0), (81.6, 18.2)],
            (Llama, NoCot) => [(30.1, 4.2), (99.8, 3.0), (87.8, 8.6)],
            (Llama, Cot) => [(59.4, 29.7), (99.6, 85.6), (95.2, 42.6)],
            (Llama, Coconut) => [(35.7, 10.2), (98.8, 9.0), (97.6, 14.7)],
            (Llama, Codi) => [(56.0, 13.2), (93.6, 12.0), (99.0, 17.7)],
            _ => return None,
        };
        Some(self.pick(gsm, prontoqa, prosqa))
    }

    /// Returns the accuracy in direct and in written mode minus that in latent mode, in points (M11.2, Table 2).
    #[must_use]
    pub fn differences(self) -> Option<(f64, f64)> {
        let [direct, written] = match (self.method, self.base) {
            (Method::MultimodeCoconut, Base::Gpt2) => [[0.3, 0.0, 0.0], [19.2, 0.0, -6.0]],
            (Method::MultimodeCoconut, Base::Llama) => [[-0.9, 0.0, 0.0], [29.3, -0.3, -1.4]],
            (Method::MultimodeCodi, Base::Gpt2) => [[-5.9, -0.3, -0.2], [3.5, -0.4, -7.4]],
            (Method::MultimodeCodi, Base::Llama) => [[2.4, 0.0, 0.4], [19.9, 6.2, -1.6]],
            _ => return None,
        };
        let of = |[gsm, prontoqa, prosqa]: [f64; 3]| self.pick(gsm, prontoqa, prosqa);
        Some((of(direct), of(written)))
    }

    /// Returns first and stable match in percent of the reasoning (M11.3, Figure 2: GPT-2 only, read off the bars by a third party).
    #[must_use]
    pub fn early_stopping(self) -> Option<(f64, f64)> {
        if self.base != Base::Gpt2 {
            return None;
        }
        let [gsm, prontoqa, prosqa] = match self.method {
            Method::Cot => [(98.0, 99.0), (46.0, 47.0), (92.0, 98.0)],
            Method::Coconut => [(54.0, 69.0), (0.0, 0.0), (0.0, 0.0)],
            Method::Codi => [(44.0, 54.0), (0.0, 0.0), (2.0, 4.0)],
            _ => return None,
        };
        Some(self.pick(gsm, prontoqa, prosqa))
    }

    /// Returns a backtracking figure (7.4).
    #[must_use]
    pub fn backtracking(self, what: BacktrackingFigure) -> Option<PublishedFigure> {
        if self.set != Set::Gsm8kAug || !matches!(self.method, Method::Coconut | Method::Codi) {
            return None;
        }
        let is_coconut_gpt2 = (self.base, self.method) == (Base::Gpt2, Method::Coconut);
        Some(match what {
            BacktrackingFigure::Primary if is_coconut_gpt2 => PublishedFigure::Value(54.0),
            BacktrackingFigure::Primary => return None,
            BacktrackingFigure::Any if is_coconut_gpt2 => PublishedFigure::Value(65.0),
            BacktrackingFigure::Any => PublishedFigure::Range(8.0, 17.0),
            BacktrackingFigure::AnyWithNumbers if is_coconut_gpt2 => PublishedFigure::Value(93.0),
            BacktrackingFigure::AnyWithNumbers => PublishedFigure::Range(65.0, 71.0),
            BacktrackingFigure::BestOfFive => PublishedFigure::Range(2.0, 8.0),
            BacktrackingFigure::AnyWithNumbersIncorrect => PublishedFigure::Range(24.0, 36.0),
            BacktrackingFigure::GoldInTopTen => PublishedFigure::Range(46.5, 56.0),
        })
    }

    /// Returns the percentage of correct answers with a verified trace, requiring 1, 2 or 3 of three edits (M11.5, Figure 5).
    #[must_use]
    pub fn verified(self, required: usize) -> Option<PublishedFigure> {
        if (self.base, self.method, self.set) != (Base::Gpt2, Method::Coconut, Set::Gsm8kAug) {
            return None;
        }
        [93.0, 84.0, 67.0]
            .get(required.checked_sub(1)?)
            .map(|value| PublishedFigure::Value(*value))
    }

    fn pick<T>(self, gsm: T, prontoqa: T, prosqa: T) -> T {
        match self.set {
            Set::Gsm8kAug => gsm,
            Set::PrOntoQa => prontoqa,
            Set::ProsQa => prosqa,
        }
    }
}

/// The figures of backtracking (7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BacktrackingFigure {
    /// The primary gold trace, no question numbers, correct answers.
    Primary,
    /// Any gold trace, no question numbers, correct answers.
    Any,
    /// Any gold trace, with question numbers, correct answers.
    AnyWithNumbers,
    /// The best of five others' traces, with question numbers.
    BestOfFive,
    /// Any gold trace, with question numbers, wrong answers.
    AnyWithNumbersIncorrect,
    /// The gold answer in the answer's top ten, wrong answers (Table 14).
    GoldInTopTen,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::rows::made;

    fn header(origin: &str, task: Task) -> RowsHeader {
        let mut header = made::header(4, crate::lab::rows::Shard::default());
        header.model.layers = 12;
        header.model.width = 768;
        header.settings.latents = 6;
        origin.clone_into(&mut header.data.origin);
        header.data.task = task;
        header
    }

    #[test]
    fn a_model_of_the_paper_is_told_by_family_base_and_data() {
        let gsm = header("gsm_original_test.json", Task::Math);
        let paper = Paper::of(&gsm).expect("Coconut GPT-2 on GSM8k-Aug");
        assert_eq!(paper.accuracy(), Some((33.1, 9.2)));
        assert!(paper.is_accuracy_set() && !paper.is_trace_set());
        let prosqa = Paper::of(&header("sets/prosqa_test.json", Task::Logic)).expect("ProsQA");
        assert_eq!(prosqa.accuracy(), Some((98.0, 15.5)));
        assert_eq!(prosqa.backtracking(BacktrackingFigure::Any), None);
        assert_eq!(paper.verified(3), Some(PublishedFigure::Value(67.0)));
        assert_eq!(paper.verified(4), None);
    }

    #[test]
    fn another_model_has_no_published_value() {
        let generated = header("generated gsm problems, seed 0", Task::Math);
        let mut small = header("gsm_original_test.json", Task::Math);
        small.model.layers = 2;
        let mut short = header("gsm_original_test.json", Task::Math);
        short.settings.latents = 3;
        let mut control = header("gsm_original_test.json", Task::Math);
        control.control = Some("random-weights".to_owned());
        for header in [generated, small, short, control] {
            assert_eq!(Paper::of(&header), None, "{header:?}");
        }
    }
}
