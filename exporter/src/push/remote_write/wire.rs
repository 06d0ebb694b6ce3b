//! Protobuf fields, written one after the other.
//!
//! Lives here: keys and values as they stand on the wire. Not here: which fields there are (`v1`, `v2`, `histogram`).
//!
//! Messages within messages are written into memory that is kept, and copied behind their length: the strings of a
//! million labels are never owned.

use prost::encoding::{WireType, encode_key, encode_varint};

/// A double; 0, too, so that a reader need not know defaults.
pub(super) fn double(out: &mut Vec<u8>, field: u32, value: f64) {
    encode_key(field, WireType::SixtyFourBit, out);
    out.extend_from_slice(&value.to_le_bytes());
}

/// An unsigned number.
pub(super) fn uint(out: &mut Vec<u8>, field: u32, value: u64) {
    encode_key(field, WireType::Varint, out);
    encode_varint(value, out);
}

/// An `int64`: a negative one has ten bytes.
pub(super) fn int(out: &mut Vec<u8>, field: u32, value: i64) {
    uint(out, field, value.cast_unsigned());
}

/// A `sint32` or `sint64`.
pub(super) fn sint(out: &mut Vec<u8>, field: u32, value: i64) {
    uint(out, field, zigzag(value));
}

/// Small numbers of either sign become small ones without.
pub(super) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// Bytes, text, a message.
pub(super) fn bytes(out: &mut Vec<u8>, field: u32, value: &[u8]) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

/// Packed varints.
pub(super) fn packed(
    out: &mut Vec<u8>,
    scratch: &mut Vec<u8>,
    field: u32,
    values: impl Iterator<Item = u64>,
) {
    scratch.clear();
    values.for_each(|value| encode_varint(value, scratch));
    if !scratch.is_empty() {
        bytes(out, field, scratch);
    }
}
