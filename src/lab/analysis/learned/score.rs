//! Scores of readings of held-out latents: cross-entropy, top-k hits, and the distance from the logit lens.

use crate::engine::decode::lens;
use crate::engine::model::log_sum_exp;

/// Depth of the hits.
const DEPTH: usize = 5;

/// The score of one way of reading.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Reads {
    pub n: usize,
    pub top1: usize,
    pub top5: usize,
    cross_entropy: f64,
}

impl Reads {
    /// Adds a latent by its logits and the ids of its label; returns whether such an id is the top token.
    pub fn row(&mut self, logits: &[f32], label: &[u32]) -> bool {
        let said = |id: &usize| label.iter().any(|own| *own as usize == *id);
        let top = lens::top_ids(logits, DEPTH);
        let first = top.first().is_some_and(said);
        self.n += 1;
        self.top1 += usize::from(first);
        self.top5 += usize::from(top.iter().any(said));
        let own: Vec<f32> = label.iter().map(|id| logits[*id as usize]).collect();
        self.cross_entropy += log_sum_exp(logits) - log_sum_exp(&own);
        first
    }

    /// In nats; 0 if there are no latents.
    pub fn mean_cross_entropy(&self) -> f64 {
        mean(self.cross_entropy, self.n)
    }

    fn add(&mut self, other: &Self) {
        self.n += other.n;
        self.top1 += other.top1;
        self.top5 += other.top5;
        self.cross_entropy += other.cross_entropy;
    }
}

/// The scores of all ways of reading on the same latents.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LensScores {
    pub learned: Reads,
    pub plain: Reads,
    pub shuffled: Reads,
    pub renamed: Reads,
    pub only_learned: usize,
    pub only_plain: usize,
    kl: f64,
}

impl LensScores {
    /// Adds a latent read by the logit lens and by the tuned lens.
    pub fn pair(&mut self, plain: &[f32], learned: &[f32], label: &[u32]) {
        let by_plain = self.plain.row(plain, label);
        let by_lens = self.learned.row(learned, label);
        self.only_plain += usize::from(by_plain && !by_lens);
        self.only_learned += usize::from(by_lens && !by_plain);
        self.kl += lens::kl_divergence(plain, learned);
    }

    pub fn add(&mut self, other: &Self) {
        self.learned.add(&other.learned);
        self.plain.add(&other.plain);
        self.shuffled.add(&other.shuffled);
        self.renamed.add(&other.renamed);
        self.only_learned += other.only_learned;
        self.only_plain += other.only_plain;
        self.kl += other.kl;
    }

    /// In nats; 0 if there are no latents.
    pub fn mean_kl(&self) -> f64 {
        mean(self.kl, self.learned.n)
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn mean(sum: f64, n: usize) -> f64 {
    if n == 0 { 0.0 } else { sum / n as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_label_counts() {
        let mut reads = Reads::default();
        // Probabilities 1/10, 2/10, 3/10, 4/10.
        let logits = [1f32, 2.0, 3.0, 4.0].map(f32::ln);
        assert!(reads.row(&logits, &[1, 3]));
        assert!(!reads.row(&logits, &[0]));
        assert_eq!((reads.n, reads.top1, reads.top5), (2, 1, 2));
        let want = -(0.6f64.ln() + 0.1f64.ln()) / 2.0;
        assert!((reads.mean_cross_entropy() - want).abs() < 1e-6);
        let far: Vec<f32> = (0..9u8).map(f32::from).collect();
        assert!(!reads.row(&far, &[3]), "the sixth of nine");
        assert_eq!(reads.top5, 2);
    }

    #[test]
    fn pairs_count_who_alone_was_right() {
        let mut tally = LensScores::default();
        let (a, b) = ([1.0, 0.0], [0.0, 1.0]);
        tally.pair(&a, &b, &[0]);
        tally.pair(&a, &b, &[1]);
        tally.pair(&a, &a, &[0]);
        assert_eq!((tally.only_plain, tally.only_learned), (1, 1));
        assert_eq!((tally.plain.top1, tally.learned.top1), (2, 2));
        assert!(tally.mean_kl() > 0.0);
        let mut twice = tally;
        twice.add(&tally);
        assert_eq!(twice.learned.n, 6);
        assert!((twice.mean_kl() - tally.mean_kl()).abs() < 1e-12);
    }
}
