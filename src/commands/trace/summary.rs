//! Figures over many records, each with its n and 95 % interval, as text and JSON.

use serde::Serialize;
use serde::ser::SerializeMap;

use crate::core::stats::{Share, count, mean, mean_interval};
use crate::lab::present::document::{Cell, Table, Unit};

/// A figure.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Figure {
    /// A share, with its Wilson interval.
    Share(Share),
    /// A mean over records, with Student's t interval.
    Mean {
        /// Number of records.
        n: usize,
        /// The mean.
        mean: f64,
        /// Its interval at 95 %; `None` for one record.
        ci95: Option<(f64, f64)>,
        /// Whether it is a share of trials within each record.
        #[serde(skip)]
        is_share: bool,
    },
    /// Counts, one per record.
    Counts {
        /// Number of records.
        n: usize,
        /// The median.
        median: f64,
        /// The mean.
        mean: f64,
        /// The interval of the mean at 95 %; `None` for one record.
        ci95: Option<(f64, f64)>,
    },
}

impl Figure {
    /// Returns the share of true values.
    #[must_use]
    pub fn share(holds: impl IntoIterator<Item = bool>) -> Self {
        Self::Share(count(holds))
    }

    /// Returns the mean over records of each record's share of hits; records without trials are ignored. Trials of one record
    /// are dependent, so the interval is over records.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn mean_share(trials: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let shares = trials.into_iter().filter(|(_, n)| *n > 0);
        let shares: Vec<f64> = shares.map(|(hits, n)| hits as f64 / n as f64).collect();
        let ci95 = mean_interval(&shares);
        Self::Mean {
            n: shares.len(),
            mean: mean(&shares),
            ci95: ci95.map(|(low, high)| (low.max(0.0), high.min(1.0))),
            is_share: true,
        }
    }

    /// Returns median and mean of counts.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn counts(counts: impl IntoIterator<Item = usize>) -> Self {
        let mut counts: Vec<f64> = counts.into_iter().map(|count| count as f64).collect();
        counts.sort_by(f64::total_cmp);
        let n = counts.len();
        let median = match n {
            0 => 0.0,
            n => f64::midpoint(counts[(n - 1) / 2], counts[n / 2]),
        };
        Self::Counts {
            n,
            median,
            mean: mean(&counts),
            ci95: mean_interval(&counts),
        }
    }

    fn n(&self) -> usize {
        match self {
            Self::Share(share) => share.n,
            Self::Mean { n, .. } | Self::Counts { n, .. } => *n,
        }
    }

    /// Returns the figure, its interval and its n as cells.
    fn cells(&self) -> [Cell; 3] {
        if self.n() == 0 {
            return [Cell::None(""), Cell::figure(""), Cell::Count(0)];
        }
        let percent = |share: f64| Unit::Share.words(share);
        let between = |ends: (f64, f64)| Unit::Share.range(ends);
        let plain = |(low, high): (f64, f64)| format!("{low:.2} to {high:.2}");
        let (figure, interval) = match self {
            Self::Share(share) => (percent(share.accuracy), Some(between(share.ci95))),
            Self::Mean {
                mean,
                ci95,
                is_share: true,
                ..
            } => (percent(*mean), ci95.map(between)),
            Self::Mean { mean, ci95, .. } => (format!("{mean:.2}"), ci95.map(plain)),
            Self::Counts {
                median, mean, ci95, ..
            } => (format!("median {median}, mean {mean:.1}"), ci95.map(plain)),
        };
        let interval = Cell::figure(interval.unwrap_or_default());
        [Cell::figure(figure), interval, Cell::Count(self.n())]
    }
}

/// Named figures in order.
#[derive(Debug, Clone, Default)]
pub struct Summary(Vec<(String, String, Figure)>);

impl Summary {
    /// Adds a figure by its name in JSON and its label in text.
    pub fn add(&mut self, name: impl Into<String>, what: impl Into<String>, figure: Figure) {
        self.0.push((name.into(), what.into(), figure));
    }

    #[cfg(test)]
    fn get(&self, name: &str) -> Option<&Figure> {
        let named = self.0.iter().find(|(held, ..)| held == name);
        named.map(|(.., figure)| figure)
    }

    /// Returns the figures as a table.
    #[must_use]
    pub fn table(&self) -> Table {
        let mut table = Table::untitled("", 1, &["", "figure", "95 % interval", "n"]);
        for (_, what, figure) in &self.0 {
            let first = std::iter::once(Cell::text(what));
            table.push(first.chain(figure.cells()).collect());
        }
        table
    }
}

impl Serialize for Summary {
    fn serialize<S: serde::Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut map = out.serialize_map(Some(self.0.len()))?;
        for (name, _, figure) in &self.0 {
            map.serialize_entry(name, figure)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::present::document::Section;
    use crate::lab::present::write::text;

    #[test]
    fn figures_carry_n_and_interval() {
        let mut summary = Summary::default();
        summary.add("a", "a share", Figure::share([true, true, false, true]));
        summary.add(
            "b",
            "a mean share",
            Figure::mean_share([(1, 2), (3, 4), (9, 0)]),
        );
        summary.add("c", "counts", Figure::counts([7, 1, 4, 2]));
        summary.add("d", "nothing", Figure::share([]));
        let json = serde_json::to_value(&summary).expect("JSON");
        assert_eq!(
            (json["a"]["hits"].as_u64(), json["a"]["n"].as_u64()),
            (Some(3), Some(4))
        );
        assert_eq!(
            (json["b"]["mean"].as_f64(), json["b"]["n"].as_u64()),
            (Some(0.625), Some(2))
        );
        assert_eq!(
            (json["c"]["median"].as_f64(), json["c"]["mean"].as_f64()),
            (Some(3.0), Some(3.5))
        );
        let text = text::sections(&[Section::untitled([], [summary.table()])], true);
        assert!(
            text.contains("75.0 %") && text.contains("median 3, mean 3.5"),
            "{text}"
        );
        assert!(matches!(summary.get("d"), Some(Figure::Share(share)) if share.n == 0));
    }
}
