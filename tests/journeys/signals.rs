//! Signals and a closed terminal, in every phase: the work is kept, the terminal restored, the exit code right.
