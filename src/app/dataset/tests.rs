//! The data-set view.
