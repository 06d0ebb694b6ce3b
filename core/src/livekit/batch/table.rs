//! The string table: each string once, in the order of first use.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use prost::length_delimiter_len;

use super::label::FIRST_STRING_INDEX;

/// Encoded bytes of a field whose number is below 16 and whose content is `len` bytes long.
pub(super) fn field_len(len: usize) -> usize {
    1 + length_delimiter_len(len) + len
}

/// Interned strings. Indexes are those of the wire: the first is 4096.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    strings: Vec<String>,
    positions: HashTable<u32>,
    hasher: DefaultHashBuilder,
    text_bytes: usize,
    encoded_bytes: usize,
}

impl Table {
    /// How many strings there are.
    pub(super) fn len(&self) -> usize {
        self.strings.len()
    }

    /// Bytes of all strings.
    pub(super) fn text_bytes(&self) -> usize {
        self.text_bytes
    }

    /// Bytes of the encoded table.
    pub(super) fn encoded_bytes(&self) -> usize {
        self.encoded_bytes
    }

    /// The strings, by position.
    pub(super) fn strings(&self) -> &[String] {
        &self.strings
    }

    /// The index of `text`, a new one if it has none.
    pub(super) fn intern(&mut self, text: &str) -> u32 {
        let Self {
            strings, positions, ..
        } = self;
        let hash = self.hasher.hash_one(text);
        let entry = positions.entry(
            hash,
            |&at| strings[at as usize] == text,
            |&at| self.hasher.hash_one(strings[at as usize].as_str()),
        );
        let new = strings.len() as u32;
        let at = *entry.or_insert(new).get();
        if at == new {
            strings.push(text.to_owned());
            self.text_bytes += text.len();
            self.encoded_bytes += field_len(text.len());
        }
        FIRST_STRING_INDEX + at
    }

    /// Forgets the strings that came after the first `len`.
    pub(super) fn truncate(&mut self, len: usize) {
        while self.strings.len() > len {
            let Some(text) = self.strings.pop() else {
                return;
            };
            let at = self.strings.len() as u32;
            let hash = self.hasher.hash_one(text.as_str());
            if let Ok(entry) = self.positions.find_entry(hash, |&other| other == at) {
                entry.remove();
            }
            self.text_bytes -= text.len();
            self.encoded_bytes -= field_len(text.len());
        }
    }

    /// Empties the table; its strings go to the caller.
    pub(super) fn take(&mut self) -> Vec<String> {
        self.positions.clear();
        self.text_bytes = 0;
        self.encoded_bytes = 0;
        std::mem::take(&mut self.strings)
    }
}

/// What `index` means in a table as it came over the wire.
pub(super) fn text(strings: &[String], index: u32) -> Option<&str> {
    let at = index.checked_sub(FIRST_STRING_INDEX)?;
    strings.get(usize::try_from(at).ok()?).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_keeps_the_index_of_its_first_use() {
        let mut table = Table::default();
        assert_eq!(table.intern("a"), 4096);
        assert_eq!(table.intern("bc"), 4097);
        assert_eq!(table.intern("a"), 4096);
        assert_eq!(table.strings(), ["a", "bc"]);
        assert_eq!((table.len(), table.text_bytes()), (2, 3));
        assert_eq!(table.encoded_bytes(), 3 + 4);
    }

    #[test]
    fn what_is_taken_back_was_never_there() {
        let mut table = Table::default();
        for i in 0..100 {
            table.intern(&format!("text {i}"));
        }
        table.truncate(3);
        let bytes = (table.text_bytes(), table.encoded_bytes());
        assert_eq!(bytes, (3 * 6, 3 * 8));
        assert_eq!(table.intern("text 2"), 4098);
        assert_eq!(table.intern("text 77"), 4099);
        assert_eq!(table.intern("text 3"), 4100);
        assert_eq!(table.take().len(), 5);
        assert_eq!(table.intern("text 3"), 4096);
    }

    #[test]
    fn an_index_of_the_wire_means_something_or_nothing() {
        let strings = ["x".to_owned(), String::new()];
        assert_eq!(text(&strings, 4096), Some("x"));
        assert_eq!(text(&strings, 4097), Some(""));
        for nothing in [0, 1, 4095, 4098, u32::MAX] {
            assert_eq!(text(&strings, nothing), None);
        }
    }
}
