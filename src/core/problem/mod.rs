//! Problems: the data type, families and splits, and a seeded generator of problems without repeats. Equal requests give equal bytes.

pub mod gold;
mod logic;
mod math;
mod math_words;
pub mod numbers;
mod prontoqa;
mod prosqa;
mod ratio;
mod split;

use std::collections::HashSet;
use std::fmt;
use std::ops::RangeInclusive;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

pub use ratio::Ratio;
pub use split::{Family, Split};

/// Consecutive rejected draws (wrong split or a repeat) before the generator gives up: about a thousand times the rarer split's average.
const MAX_REJECTED: usize = 10_000;
/// The largest number of extra facts: more could run out of nouns.
const MAX_EXTRA_FACTS: usize = 16;

/// One problem in the format of the Coconut data: a question, its worked steps, an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Problem {
    /// The text of the question.
    pub question: String,
    /// The worked steps, in order.
    pub steps: Vec<String>,
    /// The final answer.
    pub answer: String,
}

/// Returns the result of a gold step: the number after `=`, or the last word of a sentence.
#[must_use]
pub fn step_result(step: &str) -> Option<&str> {
    if let Some(equation) = step.strip_prefix("<<").and_then(|s| s.strip_suffix(">>")) {
        return equation.rsplit_once('=').map(|(_, result)| result.trim());
    }
    step.trim_end_matches('.').split_whitespace().next_back()
}

/// A request to the generator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The kind of problem.
    pub family: Family,
    /// The split the problems belong to.
    pub split: Split,
    /// Number of worked steps (uniform in the range); the split's default range if `None`.
    pub steps: Option<RangeInclusive<usize>>,
    /// Number of facts beyond the chain (logic only); the family's default if `None`.
    pub extra_facts: Option<RangeInclusive<usize>>,
}

impl Spec {
    /// Creates a request with the defaults of a family's split.
    #[must_use]
    pub fn new(family: Family, split: Split) -> Self {
        Self {
            family,
            split,
            steps: None,
            extra_facts: None,
        }
    }
}

/// The reason why problems could not be generated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GenerateError {
    /// An unknown family or split name.
    UnknownName(String),
    /// The requested steps are outside the split's range.
    Steps {
        /// The range the split allows.
        allowed: RangeInclusive<usize>,
    },
    /// The requested extra facts are too many or an empty range, or the family has none.
    ExtraFacts,
    /// No new problem was found within the limit on draws.
    Exhausted {
        /// Number of problems generated before.
        made: usize,
    },
}

impl fmt::Display for GenerateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownName(name) => write!(f, "unknown problem family or split: {name}"),
            Self::Steps { allowed } => write!(
                f,
                "steps must lie within {}-{} for this family and split",
                allowed.start(),
                allowed.end()
            ),
            Self::ExtraFacts => write!(
                f,
                "extra facts are for logic problems only, and at most {MAX_EXTRA_FACTS}"
            ),
            Self::Exhausted { made } => write!(
                f,
                "found no new problem in {MAX_REJECTED} draws after the first {made}"
            ),
        }
    }
}

impl std::error::Error for GenerateError {}

/// A stream of distinct problems, created by [`problems`].
#[derive(Debug)]
pub struct Problems {
    family: Family,
    split: Split,
    steps: RangeInclusive<usize>,
    extra_facts: RangeInclusive<usize>,
    rng: ChaCha8Rng,
    seen: HashSet<u64>,
    n: usize,
    failed: bool,
}

impl Iterator for Problems {
    type Item = Result<Problem, GenerateError>;

    fn next(&mut self) -> Option<Self::Item> {
        let made = self.seen.len();
        if self.failed || made == self.n {
            return None;
        }
        // The step count is fixed before any draw is rejected, so that it stays uniform.
        let steps = self.rng.random_range(self.steps.clone());
        for _ in 0..MAX_REJECTED {
            let rng = &mut self.rng;
            let extra = rng.random_range(self.extra_facts.clone());
            let problem = match self.family {
                Family::Math => math::draw(rng, steps, self.split),
                Family::Prosqa => prosqa::draw(rng, steps, extra, self.split),
                Family::Prontoqa => prontoqa::draw(rng, steps, extra, self.split),
            };
            if let Some(problem) = problem
                && self.seen.insert(split::stable_hash(&problem.question))
            {
                return Some(Ok(problem));
            }
        }
        self.failed = true;
        Some(Err(GenerateError::Exhausted { made }))
    }
}

/// Streams `n` distinct problems; with the same seed, a larger `n` only appends.
///
/// # Errors
/// If the request does not fit the family or split. The stream itself ends with [`GenerateError::Exhausted`] if no new problem is found.
pub fn problems(spec: &Spec, n: usize, seed: u64) -> Result<Problems, GenerateError> {
    let (family, split) = (spec.family, spec.split);
    let allowed = split.allowed_steps(family);
    let steps = match &spec.steps {
        None => split.default_steps(family),
        Some(s) if !s.is_empty() && allowed.contains(s.start()) && allowed.contains(s.end()) => {
            s.clone()
        }
        Some(_) => return Err(GenerateError::Steps { allowed }),
    };
    let extra_facts = match &spec.extra_facts {
        None => family.default_extra_facts(split),
        Some(e) if family != Family::Math && !e.is_empty() && *e.end() <= MAX_EXTRA_FACTS => {
            e.clone()
        }
        Some(_) => return Err(GenerateError::ExtraFacts),
    };
    Ok(Problems {
        family,
        split,
        steps,
        extra_facts,
        rng: ChaCha8Rng::seed_from_u64(seed),
        seen: HashSet::new(),
        n,
        failed: false,
    })
}

/// Generates `n` distinct problems at once.
///
/// # Errors
/// As [`problems`], and if the problem space is exhausted before `n` are found.
pub fn generate(spec: &Spec, n: usize, seed: u64) -> Result<Vec<Problem>, GenerateError> {
    problems(spec, n, seed)?.collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_result_of_a_step_is_its_last_value() {
        assert_eq!(step_result("<<12+7=19>>"), Some("19"));
        assert_eq!(step_result("Every gorpus is a bompus."), Some("bompus"));
        assert_eq!(step_result("Every gorpus is not happy."), Some("happy"));
        assert_eq!(step_result("<<12>>"), None);
        assert_eq!(step_result(""), None);
    }

    fn skeleton(family: Family, problem: &Problem) -> String {
        match family {
            Family::Math => problem.steps.concat(),
            _ => logic::check::parse(&problem.question).skeleton(),
        }
    }

    #[test]
    fn the_same_request_gives_the_same_distinct_problems() {
        for family in Family::ALL {
            let spec = Spec::new(family, Split::Train);
            let many = generate(&spec, 3000, 4).unwrap();
            assert_eq!(generate(&spec, 1000, 4).unwrap(), many[..1000]);
            assert_ne!(generate(&spec, 1000, 5).unwrap(), many[..1000]);
            let questions: HashSet<&str> = many.iter().map(|p| p.question.as_str()).collect();
            assert_eq!(questions.len(), many.len());
            for (steps, count) in count_steps(&many) {
                let kinds = Split::Train.allowed_steps(family).count();
                assert!(
                    count * kinds * 10 > many.len() * 9,
                    "{family} {steps}: {count}"
                );
            }
        }
    }

    fn count_steps(problems: &[Problem]) -> std::collections::BTreeMap<usize, usize> {
        problems
            .iter()
            .fold(std::collections::BTreeMap::new(), |mut counts, problem| {
                *counts.entry(problem.steps.len()).or_default() += 1;
                counts
            })
    }

    #[test]
    fn splits_share_no_problem_whatever_the_seed() {
        for family in Family::ALL {
            let all = |split| -> HashSet<String> {
                (0..4)
                    .flat_map(|seed| generate(&Spec::new(family, split), 1500, seed).unwrap())
                    .map(|problem| skeleton(family, &problem))
                    .collect()
            };
            let (train, test, hard) = (all(Split::Train), all(Split::Test), all(Split::Hard));
            assert!(
                train.is_disjoint(&test) && train.is_disjoint(&hard),
                "{family}"
            );
            assert!(test.is_disjoint(&hard), "{family}");
        }
    }

    #[test]
    fn an_exhausted_space_is_an_error() {
        let mut tiny = Spec::new(Family::Prontoqa, Split::Test);
        (tiny.steps, tiny.extra_facts) = (Some(2..=2), Some(0..=0));
        let error = generate(&tiny, 10_000, 0).unwrap_err();
        assert!(
            matches!(error, GenerateError::Exhausted { made } if made > 2000),
            "{error}"
        );
    }

    #[test]
    fn requests_that_do_not_fit_are_refused() {
        let mut request = Spec::new(Family::Prosqa, Split::Train);
        request.steps = Some(4..=5);
        assert_eq!(
            generate(&request, 1, 0),
            Err(GenerateError::Steps { allowed: 2..=4 })
        );
        let mut request = Spec::new(Family::Math, Split::Train);
        request.extra_facts = Some(1..=2);
        assert_eq!(generate(&request, 1, 0), Err(GenerateError::ExtraFacts));
        assert!("Math".parse::<Family>().is_err());
    }

    #[test]
    fn problems_read_back_and_extra_fields_are_ignored() {
        let text = r#"{"id":3,"question":"Q?","steps":["<<1+2=3>>"],"answer":"3"}"#;
        let problem: Problem = serde_json::from_str(text).unwrap();
        assert_eq!(
            (problem.question.as_str(), problem.answer.as_str()),
            ("Q?", "3")
        );
        let written = serde_json::to_string(&problem).unwrap();
        assert_eq!(
            written,
            r#"{"question":"Q?","steps":["<<1+2=3>>"],"answer":"3"}"#
        );
    }
}
