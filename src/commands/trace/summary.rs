//! Figures over many records, each with its n and 95 % interval, as text and JSON.

use serde::Serialize;
use serde::ser::SerializeMap;

use crate::commands::study::table::{Pen, Side, Table};
use crate::core::stats::{Share, mean, mean_interval};

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
        let (mut hits, mut n) = (0, 0);
        for holds in holds {
            hits += usize::from(holds);
            n += 1;
        }
        Self::Share(Share::new(hits, n))
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

    /// Formats the figure and its interval.
    fn said(&self) -> [String; 2] {
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let between = |ends: Option<(f64, f64)>| {
            let said = |(low, high)| format!("{:.1} - {:.1} %", 100.0 * low, 100.0 * high);
            ends.map_or_else(String::new, said)
        };
        match self {
            _ if self.n() == 0 => ["-".to_owned(), String::new()],
            Self::Share(share) => [percent(share.accuracy), between(Some(share.ci95))],
            Self::Mean {
                mean,
                ci95,
                is_share: true,
                ..
            } => [percent(*mean), between(*ci95)],
            Self::Mean { mean, ci95, .. } => [format!("{mean:.2}"), plain(*ci95)],
            Self::Counts {
                median, mean, ci95, ..
            } => [format!("median {median}, mean {mean:.1}"), plain(*ci95)],
        }
    }
}

fn plain(ends: Option<(f64, f64)>) -> String {
    let said = |(low, high)| format!("{low:.2} - {high:.2}");
    ends.map_or_else(String::new, said)
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
    pub fn text(&self, pen: Pen) -> String {
        let columns = [
            ("", Side::Left),
            ("figure", Side::Right),
            ("95 % interval", Side::Right),
            ("n", Side::Right),
        ];
        let mut table = Table::new(1, &columns);
        for (_, what, figure) in &self.0 {
            let [figure_text, interval] = figure.said();
            table.row([
                pen.foreign(what),
                figure_text,
                interval,
                figure.n().to_string(),
            ]);
        }
        table.into_text()
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
        let text = summary.text(Pen { ascii: true });
        assert!(
            text.contains("75.0 %") && text.contains("median 3, mean 3.5"),
            "{text}"
        );
        assert!(matches!(summary.get("d"), Some(Figure::Share(share)) if share.n == 0));
    }
}
