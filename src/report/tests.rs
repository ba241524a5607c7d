//! Every printed figure against the rows that it was counted from.
