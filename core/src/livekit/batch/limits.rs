//! How much a builder takes in until it is emptied.

/// Caps of one builder, each for one interval: what comes beyond is refused (adding) or cut and counted
/// (merging), what is in stays.
///
/// 0 lets nothing through; `usize::MAX` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Series and events together. Default 4,096.
    pub rows: usize,
    /// Samples of one series; the first ones stay. Default 1,024.
    pub samples_per_row: usize,
    /// Bytes of all distinct strings together. Default 128 KiB.
    pub table_bytes: usize,
    /// Bytes of one string: a longer label, identity, track or layer drops its row. Default 512.
    pub string_bytes: usize,
    /// Bytes of one event's metadata; longer ones are cut at a character's edge. Default 4,096.
    pub metadata_bytes: usize,
    /// Encoded bytes of everything together, as one message. Default 1 MiB.
    pub encoded_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            rows: 4_096,
            samples_per_row: 1_024,
            table_bytes: 128 << 10,
            string_bytes: 512,
            metadata_bytes: 4_096,
            encoded_bytes: 1 << 20,
        }
    }
}
