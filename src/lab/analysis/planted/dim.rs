//! What the dimensions of a plant's states mean.

/// How many random directions words have.
pub(super) const NOISE: usize = 8;
/// What a state is multiplied with before it is projected, or fed as a latent.
pub(super) const FED: f32 = 8.0;

/// What a dimension means; its negative follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dim {
    Loud,
    /// Marks of the tokens with a part to play.
    Start,
    End,
    Delimiter,
    Stop,
    Number,
    /// The position of the delimiter once every latent has run.
    Place,
    /// The name and the thing at the head of the first sentence.
    Name,
    Thing,
    /// A number's value in fortieths, and a word's, which it has for no reason.
    Amount,
    Memo,
    /// A sum as it is made, the value that the latent before said, and a value that no token has, so that it is not said.
    Sum,
    Before,
    Hidden,
    /// The latent of this index, from 0.
    Latent(usize),
    /// The number of this index in the question, from 0.
    Role(usize),
    /// One for each number, which is what says it.
    Say(usize),
    Noise(usize),
}

impl Dim {
    /// The first of its two places.
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

    /// How large a mark is where it was put: states are fed louder than tokens are embedded.
    pub(super) fn size(self) -> f32 {
        match self {
            Self::Latent(_) => FED,
            _ => 1.0,
        }
    }
}
