//! Verdicts on models, bundled and built by hand.
