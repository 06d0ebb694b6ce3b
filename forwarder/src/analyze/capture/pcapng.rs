//! pcapng: sections of blocks, each section in its own byte order, with its own interfaces.
//!
//! Lives here: which blocks hold packets, whose interface they came in at, and what its time stamps
//! count. Framing, section headers and interface descriptions are taken apart by `pcap-parser`; a
//! packet's few fields are read here, since the parser would allocate for each packet with options. Not
//! here: reading, going on after damage.

use pcap_parser::{
    Block, InterfaceDescriptionBlock, OptionCode, UnknownBlock, parse_block_be, parse_block_le,
    parse_unknownblock_be, parse_unknownblock_le,
};

use super::pcap::MAX_PACKET;
use super::{Format, Packet, Step};

/// Type, length, and the length again: the smallest block.
const SMALLEST: usize = 12;

/// The longest block that is believed: as Wireshark.
const MAX_BLOCK: usize = 16 << 20;

/// Interfaces of a section that are kept, so that memory does not follow a file of nothing else.
const MAX_INTERFACES: usize = 4_096;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

/// The section that is being read.
#[derive(Default)]
pub(super) struct PcapNg {
    big_endian: bool,
    interfaces: Vec<Interface>,
}

/// What packets of one interface look like.
#[derive(Clone, Copy)]
struct Interface {
    link: u16,
    snap_len: u32,
    /// Units of a time stamp in a second.
    per_second: u64,
    /// Nanoseconds in a unit, where that is a whole number.
    unit_ns: Option<u64>,
    /// Seconds to add to every time stamp.
    offset_s: i64,
}

impl PcapNg {
    pub(super) fn is_magic(data: &[u8]) -> bool {
        section_order(data).is_some()
    }

    fn word(&self, data: &[u8], at: usize) -> Option<u32> {
        let bytes = *data.get(at..)?.first_chunk()?;
        Some(match self.big_endian {
            true => u32::from_be_bytes(bytes),
            false => u32::from_le_bytes(bytes),
        })
    }

    /// What a whole block holds; `None` if it contradicts itself.
    fn block<'a>(&mut self, kind: u32, whole: &'a [u8]) -> Option<Step<'a>> {
        let packet = match kind {
            ENHANCED_PACKET | OLD_PACKET => self.packet(kind, self.content(whole)?),
            SIMPLE_PACKET => self.simple(self.content(whole)?),
            SECTION | INTERFACE => {
                return self.description(whole).map(|()| Step::Skip(whole.len()));
            }
            // Names, statistics, secrets: nothing to see in them, but they must be blocks.
            _ => {
                self.content(whole)?;
                return Some(Step::Skip(whole.len()));
            }
        };
        packet.map(|p| Step::Packet(whole.len(), p))
    }

    /// What stands between a block's lengths; `None` unless they are the same.
    fn content<'a>(&self, whole: &'a [u8]) -> Option<&'a [u8]> {
        let parse = match self.big_endian {
            true => parse_unknownblock_be,
            false => parse_unknownblock_le,
        };
        let (
            _,
            UnknownBlock {
                block_len1,
                block_len2,
                data,
                ..
            },
        ) = parse(whole).ok()?;
        (block_len1 == block_len2).then_some(data)
    }

    fn description(&mut self, whole: &[u8]) -> Option<()> {
        let parse = match self.big_endian {
            true => parse_block_be,
            false => parse_block_le,
        };
        match parse(whole).ok()?.1 {
            Block::SectionHeader(_) => self.interfaces.clear(),
            Block::InterfaceDescription(block) if self.interfaces.len() < MAX_INTERFACES => {
                self.interfaces
                    .push(Interface::new(&block, self.big_endian));
            }
            _ => return None,
        }
        Some(())
    }

    /// A packet with interface and time: the same fields for both kinds of block, but that the old one
    /// has a count of drops in the upper half of its first word.
    fn packet<'a>(&self, kind: u32, content: &'a [u8]) -> Option<Packet<'a>> {
        let first = self.word(content, 0)?;
        let index = match (kind, self.big_endian) {
            (OLD_PACKET, true) => first >> 16,
            (OLD_PACKET, false) => first & 0xffff,
            _ => first,
        };
        let interface = self.interfaces.get(index as usize)?;
        let units = u64::from(self.word(content, 4)?) << 32 | u64::from(self.word(content, 8)?);
        let captured = self.word(content, 12)? as usize;
        let data = content.get(20..)?.get(..captured)?;
        (captured <= MAX_PACKET).then_some(Packet {
            time_ns: Some(interface.time_ns(units)),
            link: interface.link,
            data,
        })
    }

    /// A packet of the first interface, without a time. How much was captured of it is not said either:
    /// the block may be up to 3 bytes longer.
    fn simple<'a>(&self, content: &'a [u8]) -> Option<Packet<'a>> {
        let interface = self.interfaces.first()?;
        let original = self.word(content, 0)? as usize;
        let longest = match interface.snap_len {
            0 => original,
            snap_len => original.min(snap_len as usize),
        };
        let data = content.get(4..)?;
        Some(Packet {
            time_ns: None,
            link: interface.link,
            data: data.get(..longest).unwrap_or(data),
        })
    }
}

/// Whether a section header in big-endian (true) or little-endian order begins here.
fn section_order(data: &[u8]) -> Option<bool> {
    let &[a, b, c, d, _, _, _, _, m0, m1, m2, m3] = data.first_chunk()?;
    let known = u32::from_le_bytes([a, b, c, d]) == SECTION;
    match u32::from_le_bytes([m0, m1, m2, m3]) {
        0x1a2b_3c4d if known => Some(false),
        0x4d3c_2b1a if known => Some(true),
        _ => None,
    }
}

impl Format for PcapNg {
    const HEADER: usize = SMALLEST;
    const ALIGN: usize = 1;

    #[inline]
    fn step<'a>(&mut self, data: &'a [u8]) -> Step<'a> {
        if data.len() < SMALLEST {
            return Step::More(SMALLEST);
        }
        if let Some(order) = section_order(data) {
            self.big_endian = order;
        }
        let (Some(kind), Some(len)) = (self.word(data, 0), self.word(data, 4)) else {
            return Step::Nonsense;
        };
        let len = len as usize;
        if !(SMALLEST..=MAX_BLOCK).contains(&len) {
            return Step::Nonsense;
        }
        let Some(whole) = data.get(..len) else {
            return Step::More(len);
        };
        match self.block(kind, whole) {
            Some(step) => step,
            None if self.word(whole, len - 4) == Some(len as u32) => Step::Malformed(len),
            None => Step::Nonsense,
        }
    }

    fn plausible(&self, data: &[u8]) -> Option<usize> {
        let order = Self {
            big_endian: section_order(data).unwrap_or(self.big_endian),
            interfaces: Vec::new(),
        };
        let known = [
            SECTION,
            INTERFACE,
            OLD_PACKET,
            SIMPLE_PACKET,
            4,
            5,
            ENHANCED_PACKET,
        ];
        let (kind, len) = (order.word(data, 0)?, order.word(data, 4)? as usize);
        let sane = known.contains(&kind) && (SMALLEST..=MAX_BLOCK).contains(&len) && len % 4 == 0;
        sane.then_some(len)
    }
}

impl Interface {
    fn new(block: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> Self {
        // The parser reads this option as little-endian always.
        let offset = block
            .options
            .iter()
            .find(|o| o.code == OptionCode::IfTsoffset);
        let offset = offset.and_then(|o| o.value.first_chunk().copied());
        let offset_s = offset.map_or(0, |bytes| match big_endian {
            true => i64::from_be_bytes(bytes),
            false => i64::from_le_bytes(bytes),
        });
        // The upper bit tells a power of 2 from one of 10.
        let exponent = u32::from(block.if_tsresol & 0x7f);
        let base: u64 = if block.if_tsresol & 0x80 == 0 { 10 } else { 2 };
        let per_second = base.checked_pow(exponent).unwrap_or(u64::MAX);
        Self {
            link: block.linktype.0 as u16,
            snap_len: block.snaplen,
            per_second,
            unit_ns: (1_000_000_000 % per_second == 0).then(|| 1_000_000_000 / per_second),
            offset_s,
        }
    }

    #[inline]
    fn time_ns(&self, units: u64) -> u64 {
        let ns = match self.unit_ns {
            Some(unit) => units.saturating_mul(unit),
            None => {
                let ns = u128::from(units) * 1_000_000_000 / u128::from(self.per_second);
                u64::try_from(ns).unwrap_or(u64::MAX)
            }
        };
        ns.saturating_add_signed(self.offset_s.saturating_mul(1_000_000_000))
    }
}
