//! Bytes that stay the same, in pieces with room for numbers between them.
//!
//! Lives here: writing a piece, and walking over all of them. Not here: what a piece holds (each format's plan).

/// The pieces of one family, end to end.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Chunks {
    /// The piece that is being written, behind all that are closed.
    pub(super) const fn open(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// What was written since the last one was closed is a piece.
    pub(super) fn close(&mut self) {
        self.ends.push(self.bytes.len());
    }

    /// Gives back memory that no piece needs.
    pub(super) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// How many there are.
    pub(super) const fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes of all together.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// All of them, in order.
    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map_while(move |&end| {
            let chunk = self.bytes.get(start..end);
            start = end;
            chunk
        })
    }
}
