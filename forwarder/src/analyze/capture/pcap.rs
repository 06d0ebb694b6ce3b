//! pcap, the older format: a file header, then records.
//!
//! Lives here: both byte orders, micro- and nanoseconds, and the bounds within which a record is
//! believed. The bytes are taken apart by `pcap-parser`. Not here: reading, going on after damage.

use pcap_parser::nom::{self, Needed};
use pcap_parser::{LegacyPcapBlock, PcapError};
use pcap_parser::{
    parse_pcap_frame, parse_pcap_frame_be, parse_pcap_frame_modified, parse_pcap_header,
};

use super::{Format, Packet, Step};

/// Bytes of the file header.
pub(super) const FILE_HEADER: usize = 24;

/// Bytes before a record's packet.
const HEADER: usize = 16;

/// The longest packet that is believed: what libpcap and Wireshark take at most, too.
pub(super) const MAX_PACKET: usize = 256 << 10;

/// After damage, a record is believed to be one if it is at most so far from the last one before.
const MAX_LEAP_S: u32 = 7 * 86_400;

type ParseFrame = fn(&[u8]) -> nom::IResult<&[u8], LegacyPcapBlock<'_>, PcapError<&[u8]>>;

/// What the file header told, and the last record.
pub(super) struct Pcap {
    parse: ParseFrame,
    big_endian: bool,
    link: u16,
    /// Nanoseconds in a unit of a time stamp's fraction.
    unit_ns: u32,
    /// Bytes between the fields of a record and its packet: 8 in a Linux variant of long ago.
    extra: usize,
    last_s: Option<u32>,
}

impl Pcap {
    pub(super) fn is_magic(data: &[u8]) -> bool {
        let magic = data.first_chunk().map(|m| u32::from_le_bytes(*m));
        matches!(
            magic,
            Some(0xa1b2_c3d4 | 0xa1b2_3c4d | 0xa1b2_cd34 | 0xd4c3_b2a1 | 0x4d3c_b2a1)
        )
    }

    /// `None` if the header is cut short.
    pub(super) fn begin(data: &[u8]) -> Option<Self> {
        let (_, header) = parse_pcap_header(data).ok()?;
        let (modified, big_endian) = (header.is_modified_format(), header.is_bigendian());
        Some(Self {
            parse: match (modified, big_endian) {
                (true, _) => parse_pcap_frame_modified,
                (false, true) => parse_pcap_frame_be,
                (false, false) => parse_pcap_frame,
            },
            big_endian,
            // The upper half holds the length of frame check sequences, and flags.
            link: header.network.0 as u16,
            unit_ns: if header.is_nanosecond_precision() {
                1
            } else {
                1_000
            },
            extra: if modified { 8 } else { 0 },
            last_s: None,
        })
    }

    /// Whether a time stamp is one, and the lengths agree, for a record after one of second `last_s`.
    fn is_sane(&self, f: Fields, last_s: Option<u32>) -> bool {
        last_s.is_none_or(|last| f.second.abs_diff(last) <= MAX_LEAP_S)
            && u64::from(f.fraction) * u64::from(self.unit_ns) < 1_000_000_000
            && f.original > 0
            && f.captured <= f.original
            && f.original as usize <= MAX_PACKET
    }

    fn fields(&self, data: &[u8]) -> Option<Fields> {
        let (words, _) = data.first_chunk::<HEADER>()?.as_chunks::<4>();
        let word = match self.big_endian {
            true => u32::from_be_bytes,
            false => u32::from_le_bytes,
        };
        let &[second, fraction, captured, original] = words else {
            return None;
        };
        Some(Fields {
            second: word(second),
            fraction: word(fraction),
            captured: word(captured),
            original: word(original),
        })
    }
}

/// The fields of a record.
#[derive(Clone, Copy)]
struct Fields {
    second: u32,
    fraction: u32,
    captured: u32,
    original: u32,
}

impl Format for Pcap {
    const HEADER: usize = HEADER;
    const ALIGN: usize = 1;

    #[inline]
    fn step<'a>(&mut self, data: &'a [u8]) -> Step<'a> {
        let (rest, record) = match (self.parse)(data) {
            Ok((rest, record)) if record.data.len() <= MAX_PACKET => (rest, record),
            Err(nom::Err::Incomplete(Needed::Size(n))) => {
                return match data.len().saturating_add(n.get()) {
                    len if len <= MAX_PACKET + HEADER + self.extra => Step::More(len),
                    _ => Step::Nonsense,
                };
            }
            _ => return Step::Nonsense,
        };
        let fields = Fields {
            second: record.ts_sec,
            fraction: record.ts_usec,
            captured: record.caplen,
            original: record.origlen,
        };
        // Odd records are in sound files, too. But not with another odd one right behind.
        if !self.is_sane(fields, self.last_s)
            && let Some(next) = self.fields(rest)
            && !self.is_sane(next, Some(fields.second))
        {
            return Step::Nonsense;
        }
        self.last_s = Some(record.ts_sec);
        let packet = Packet {
            time_ns: Some(
                u64::from(record.ts_sec) * 1_000_000_000
                    + u64::from(record.ts_usec) * u64::from(self.unit_ns),
            ),
            link: self.link,
            data: record.data,
        };
        Step::Packet(data.len() - rest.len(), packet)
    }

    fn plausible(&self, data: &[u8]) -> Option<usize> {
        let fields = self.fields(data)?;
        let sane = fields.captured > 0 && self.is_sane(fields, self.last_s);
        sane.then_some(HEADER + self.extra + fields.captured as usize)
    }
}
