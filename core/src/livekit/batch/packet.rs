//! `DataPacket` around a batch, and decoding of what clients send within bounds.

use std::fmt;

use prost::Message;
use prost::encoding::{self, DecodeContext, WireType};

use crate::livekit::messages::{
    DataPacket, EventMetric, MetricSample, MetricsBatch, TimeSeriesMetric,
};

/// What a client may send at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeLimits {
    /// Bytes of the encoded message. Default 64 KiB.
    pub message_bytes: usize,
    /// Bytes that the decoded batch may take up in memory: an empty row is 2 bytes on the wire and over a
    /// hundred in memory. Default 1 MiB, 16 times `message_bytes`; what clients send needs 3 to 10 times.
    pub memory_bytes: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self {
            message_bytes: 64 << 10,
            memory_bytes: 1 << 20,
        }
    }
}

/// Why bytes are no batch.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Longer than [`DecodeLimits::message_bytes`]: nothing of it was read.
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Would take up more than [`DecodeLimits::memory_bytes`]: nothing of it was decoded.
    TooLarge {
        /// What it would take up at least.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Not a message of this type.
    Malformed(prost::DecodeError),
    /// A packet with something else in it.
    NoMetrics,
}

impl DecodeError {
    /// The value that a `reason` label has for it.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "too_long",
            Self::TooLarge { .. } => "too_large",
            Self::Malformed(_) => "malformed",
            Self::NoMetrics => "no_metrics",
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes, limit } => write!(
                f,
                "a message of {bytes} bytes is longer than {limit}: send metrics more often, or raise message_bytes"
            ),
            Self::TooLarge { bytes, limit } => write!(
                f,
                "the batch would take up {bytes} bytes of memory, more than {limit}: it is mostly empty elements; raise memory_bytes if it is meant"
            ),
            Self::Malformed(e) => write!(f, "not a protobuf message of this type: {e}"),
            Self::NoMetrics => f.write_str("the packet carries no metrics"),
        }
    }
}

impl std::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Malformed(e) => Some(e),
            _ => None,
        }
    }
}

impl From<prost::DecodeError> for DecodeError {
    fn from(e: prost::DecodeError) -> Self {
        Self::Malformed(e)
    }
}

/// A `DataPacket` with an encoded batch in it, which is not decoded; `parts` are put one behind the other.
///
/// An empty identity is not written, as for participants that are hidden.
#[must_use]
pub fn data_packet(identity: &str, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut packet = Vec::with_capacity(identity.len() + len + 16);
    if !identity.is_empty() {
        encoding::string::encode(4, &identity.to_owned(), &mut packet);
    }
    encoding::encode_key(8, WireType::LengthDelimited, &mut packet);
    encoding::encode_varint(len as u64, &mut packet);
    for part in parts {
        packet.extend_from_slice(part);
    }
    packet
}

/// A batch as it came over the wire.
///
/// # Errors
/// Too long, too large in memory, or no such message.
pub fn decode_batch(bytes: &[u8], limits: &DecodeLimits) -> Result<MetricsBatch, DecodeError> {
    check_len(bytes, limits)?;
    if may_be_too_large(bytes, limits) {
        let mut memory = Memory::default();
        memory.batch(bytes)?;
        memory.check(limits)?;
    }
    Ok(MetricsBatch::decode(bytes)?)
}

/// The batch in a `DataPacket`. The packet's other fields are not told: what a client says of its identity
/// there, the server overrules.
///
/// # Errors
/// Those of [`decode_batch`], or the packet carries no batch.
pub fn decode_data_packet(
    bytes: &[u8],
    limits: &DecodeLimits,
) -> Result<MetricsBatch, DecodeError> {
    check_len(bytes, limits)?;
    if may_be_too_large(bytes, limits) {
        let mut memory = Memory::default();
        each_field(bytes, |field, content| match field {
            8 => memory.batch(content),
            _ => Ok(()),
        })?;
        memory.check(limits)?;
    }
    let packet = DataPacket::decode(bytes)?;
    packet.metrics.ok_or(DecodeError::NoMetrics)
}

fn check_len(bytes: &[u8], limits: &DecodeLimits) -> Result<(), DecodeError> {
    let (bytes, limit) = (bytes.len(), limits.message_bytes);
    if bytes > limit {
        return Err(DecodeError::TooLong { bytes, limit });
    }
    Ok(())
}

/// The most that a byte on the wire can become: an empty event has two, and a vector that has just grown is
/// half empty.
const MOST_PER_BYTE: usize = size_of::<EventMetric>();

/// Whether a message has to be looked through before it is decoded; short ones can't be too large.
fn may_be_too_large(bytes: &[u8], limits: &DecodeLimits) -> bool {
    // A vector's first element makes room for four.
    let first =
        4 * (size_of::<EventMetric>() + size_of::<TimeSeriesMetric>() + size_of::<String>());
    bytes
        .len()
        .saturating_mul(MOST_PER_BYTE)
        .saturating_add(first)
        > limits.memory_bytes
}

/// What a batch will take up, counted on the wire.
#[derive(Default)]
struct Memory {
    strings: usize,
    series: usize,
    events: usize,
    /// Of samples and texts.
    bytes: usize,
}

impl Memory {
    fn batch(&mut self, batch: &[u8]) -> Result<(), prost::DecodeError> {
        each_field(batch, |field, content| {
            match field {
                3 => {
                    self.strings += 1;
                    self.bytes += content.len();
                }
                4 => {
                    self.series += 1;
                    let mut samples = 0;
                    each_field(content, |field, _| {
                        samples += usize::from(field == 4);
                        Ok(())
                    })?;
                    self.bytes += grown::<MetricSample>(samples);
                }
                5 => {
                    self.events += 1;
                    self.bytes += content.len();
                }
                _ => {}
            }
            Ok(())
        })
    }

    fn total(&self) -> usize {
        self.bytes
            + grown::<String>(self.strings)
            + grown::<TimeSeriesMetric>(self.series)
            + grown::<EventMetric>(self.events)
    }

    fn check(&self, limits: &DecodeLimits) -> Result<(), DecodeError> {
        let bytes = self.total();
        let limit = limits.memory_bytes;
        if bytes > limit {
            return Err(DecodeError::TooLarge { bytes, limit });
        }
        Ok(())
    }
}

/// Bytes of a vector to which `len` elements were pushed one by one.
fn grown<T>(len: usize) -> usize {
    match len {
        0 => 0,
        len => len.next_power_of_two().max(4) * size_of::<T>(),
    }
}

/// Shows each field of a message whose content has a length; others are skipped.
fn each_field(
    mut rest: &[u8],
    mut show: impl FnMut(u32, &[u8]) -> Result<(), prost::DecodeError>,
) -> Result<(), prost::DecodeError> {
    while !rest.is_empty() {
        let (field, wire_type) = encoding::decode_key(&mut rest)?;
        let before = rest;
        encoding::skip_field(wire_type, field, &mut rest, DecodeContext::default())?;
        if wire_type == WireType::LengthDelimited {
            let mut content = &before[..before.len() - rest.len()];
            encoding::decode_varint(&mut content)?;
            show(field, content)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever is not looked through is small, however dense it is.
    #[test]
    #[cfg_attr(miri, ignore = "plain arithmetic on many bytes")]
    fn a_byte_becomes_no_more_than_is_said() {
        for element in [
            &[0x1a, 0][..],
            &[0x22, 0],
            &[0x22, 2, 0x22, 0],
            &[0x22, 10, 0x22, 0, 0x22, 0, 0x22, 0, 0x22, 0, 0x22, 0],
            &[0x2a, 0],
            &[0x2a, 3, 0x42, 1, b'x'],
            &[0x1a, 0, 0x22, 2, 0x22, 0, 0x2a, 0],
        ] {
            for times in (0..200).chain([1_025, 4_097]) {
                let bytes = element.repeat(times);
                let mut memory = Memory::default();
                memory.batch(&bytes).unwrap();
                let memory_bytes = memory.total();
                let limits = DecodeLimits {
                    message_bytes: bytes.len(),
                    memory_bytes: memory_bytes.saturating_sub(1),
                };
                assert!(memory_bytes == 0 || may_be_too_large(&bytes, &limits));
            }
        }
    }
}
