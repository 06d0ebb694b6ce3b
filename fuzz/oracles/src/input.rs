//! A fuzzer's bytes as choices.
//!
//! Lives here: numbers and texts of the kinds that hurt, taken from the front of the bytes, so that a change at the end
//! of an input changes the end of what it means. Not here: what a target makes of them.

use arbitrary::{Arbitrary, Unstructured};

/// What is left of an input. When it is used up, every choice is the first one.
#[derive(Debug)]
pub(crate) struct Input<'a>(Unstructured<'a>);

impl<'a> Input<'a> {
    pub(crate) fn new(data: &'a [u8]) -> Self {
        Self(Unstructured::new(data))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Any value of a type of fixed size.
    pub(crate) fn any<T: Arbitrary<'a> + Default>(&mut self) -> T {
        self.0.arbitrary().unwrap_or_default()
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        match end {
            0 | 1 => 0,
            2..=256 => usize::from(self.any::<u8>()) % end,
            _ => self.any::<u32>() as usize % end,
        }
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 1
    }

    pub(crate) fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// So many bytes, or what is left.
    pub(crate) fn bytes(&mut self, len: usize) -> &'a [u8] {
        let len = len.min(self.0.len());
        self.0.bytes(len).unwrap_or_default()
    }

    /// A number of any size: a uniform one is almost never small.
    pub(crate) fn scaled(&mut self) -> u64 {
        let shift = self.below(65) as u32;
        self.any::<u64>().checked_shr(shift).unwrap_or(0)
    }

    /// A float, plain or odd.
    pub(crate) fn float(&mut self) -> f64 {
        match self.below(8) {
            0 => f64::from(self.any::<i16>()),
            1 => f64::from(self.any::<i16>()) / 256.0,
            2 => self.of(&[0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]),
            3 => self.of(&[f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, 1e21, 1e-7]),
            4 => self.any::<u64>() as f64,
            _ => f64::from_bits(self.any()),
        }
    }

    /// Text of pieces that escapes, quotes and separators have trouble with, or of any characters.
    pub(crate) fn text(&mut self, pieces: usize) -> String {
        const PIECES: [&str; 32] = [
            "a", "b", "x", "le", "+Inf", "_", "\\", "\"", "\n", "\r\n", "\\n", "{", "}", ",", "=",
            " ", "#", "\t", "\0", "\u{85}", "\u{2028}", "\u{FFFF}", "ü", "🎥", ".", ":", "_total",
            "_bucket", "# EOF\n", "'", "9", "__name__",
        ];
        let mut text = String::new();
        for _ in 0..self.below(pieces + 1) {
            match self.below(40) {
                at if at < PIECES.len() => text.push_str(PIECES[at]),
                _ => text.push(char::from_u32(self.any::<u32>() >> 11).unwrap_or('\u{7f}')),
            }
        }
        text
    }
}
