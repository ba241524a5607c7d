//! Words that count as numbers, in the order in which the published preparation tries them.

pub(crate) const DIVISORS: [(&str, u64); 3] = [("half", 2), ("third", 3), ("quarter", 4)];

pub(crate) const MULTIPLIERS: [(&str, u64); 3] = [("twice", 2), ("double", 2), ("triple", 3)];

/// Fractions in words: numerator and denominator.
pub(crate) const COMPOUND_FRACTIONS: [(&str, [u64; 2]); 10] = [
    ("one-half", [1, 2]),
    ("two-thirds", [2, 3]),
    ("three-quarters", [3, 4]),
    ("three-fourths", [3, 4]),
    ("three-fifths", [3, 5]),
    ("four-fifths", [4, 5]),
    ("one-third", [1, 3]),
    ("one-fourth", [1, 4]),
    ("one-fifth", [1, 5]),
    ("two-fifths", [2, 5]),
];

pub(crate) const NUMBER_WORDS: [(&str, u64); 31] = [
    ("zero", 0),
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("thirteen", 13),
    ("fourteen", 14),
    ("fifteen", 15),
    ("sixteen", 16),
    ("seventeen", 17),
    ("eighteen", 18),
    ("nineteen", 19),
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("seventy", 70),
    ("eighty", 80),
    ("ninety", 90),
    ("hundred", 100),
    ("thousand", 1_000),
    ("million", 1_000_000),
];
