//! The meaning of the dimensions of a plant's states.

/// Number of random directions of words.
pub(super) const NOISE: usize = 8;
/// Factor of a state before it is projected, or fed as a latent.
pub(super) const FED: f32 = 8.0;

/// The meaning of a dimension; its negative follows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dim {
    Loud,
    /// Marks of special tokens.
    Start,
    End,
    Delimiter,
    Stop,
    Number,
    /// The position of the delimiter after all latents.
    Place,
    /// The name and the thing at the start of the first sentence.
    Name,
    Thing,
    /// A number's value in fortieths, and a word's arbitrary value.
    Amount,
    Memo,
    /// A new sum, the previous latent's output, and a value that no token has, so that it is never output.
    Sum,
    Before,
    Hidden,
    /// The latent of this index, from 0.
    Latent(usize),
    /// The number of this index in the question, from 0.
    Role(usize),
    /// One for each number, whose token it makes the output.
    Say(usize),
    Noise(usize),
}

impl Dim {
    /// The first of its two indices.
    pub(super) fn at(self) -> usize {
        let single = |n| 2 * n;
        match self {
            Self::Loud => single(0),
            Self::Start => single(1),
            Self::End => single(2),
            Self::Delimiter => single(3),
            Self::Stop => single(4),
            Self::Number => single(5),
            Self::Place => single(6),
            Self::Name => single(7),
            Self::Thing => single(8),
            Self::Amount => single(9),
            Self::Memo => single(10),
            Self::Sum => single(11),
            Self::Before => single(12),
            Self::Hidden => single(13),
            Self::Latent(n) => single(14 + n),
            Self::Role(n) => single(18 + n),
            Self::Noise(n) => single(24 + n),
            Self::Say(n) => single(24 + NOISE + n),
        }
    }

    /// The size of a mark: states are fed louder than tokens are embedded.
    pub(super) fn size(self) -> f32 {
        match self {
            Self::Latent(_) => FED,
            _ => 1.0,
        }
    }
}
