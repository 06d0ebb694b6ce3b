//! A received stream, packet by packet, against sets of numbers and rational arithmetic.
//!
//! Lives here: the packets that a stream is fed: wraps, restarts, late and double ones, clocks that step, padding, and
//! headers of every length. In `model`: what `Stream` must count of them. Not here: where a single number belongs (the
//! model of core's own tests).

mod model;

use media_metrics_core::rtp::{MAX_DROPOUT, MAX_MISORDER, RtpHeader, WINDOW};
use media_metrics_core::stream::StreamStats;
use media_metrics_core::{Registry, Stream, StreamConfig};

use crate::input::Input;
pub(crate) use model::{Model, Sizes};

/// Most packets of one input: what matters shows within a few windows.
const PACKETS: usize = 600;

const RATES: [u32; 8] = [8_000, 48_000, 90_000, 1, 3, 44_100, 1_000_000, u32::MAX];

const GROUP: [&str; 2] = ["incoming", "audio"];

/// Feeds a stream what the bytes say, and holds all that it tells against the model.
pub fn target(data: &[u8]) {
    let mut input = Input::new(data);
    let rate = input.of(&RATES);
    let registry = Registry::new().unwrap();
    let group = registry.group(&GROUP).unwrap();
    let mut stream = registry.stream(&group, StreamConfig::new(7, rate)).unwrap();
    let mut sender = Sender {
        sequence: input.any(),
        timestamp: input.any(),
        arrival_ns: input.any(),
    };
    let mut model = Model::new(rate);
    for packet in 0..PACKETS {
        if input.is_empty() {
            break;
        }
        for _ in 0..sender.step(&mut input) {
            feed(&mut stream, &mut model, &sender, &mut input);
            sender.next();
        }
        if packet % 64 == 0 {
            model.compare(&stream.stats());
            registry.collect();
        }
    }
    let stats = stream.stats();
    model.compare(&stats);
    drop(stream);
    totals_stay(&registry, &stats);
}

/// What a stream's group tells is what the stream told last, and stays so when the stream is gone.
fn totals_stay(registry: &Registry, stats: &StreamStats) {
    for _ in 0..2 {
        let snapshot = registry.collect();
        let of = |name| snapshot.counter(name, &GROUP).unwrap_or_default();
        assert_eq!(of("media_rtp_packets_total"), stats.packets);
        assert_eq!(of("media_rtp_bytes_total"), stats.bytes);
        assert_eq!(of("media_rtp_packets_expected_total"), stats.expected);
        assert_eq!(of("media_rtp_packets_duplicate_total"), stats.duplicates);
    }
}

/// One packet, as bytes: read by the header's parser, then counted.
fn feed(stream: &mut Stream, model: &mut Model, sender: &Sender, input: &mut Input<'_>) {
    let shape: u8 = if input.one_in(8) { input.any() } else { 0 };
    let csrcs = usize::from(shape & 3);
    let extension = (shape & 4 != 0).then(|| usize::from(shape >> 3 & 3));
    let padding = if shape & 0x20 != 0 {
        1 + (shape >> 6)
    } else {
        0
    };
    let payload = usize::from(shape & 0x18 != 0x18) * 20;
    let mut packet = vec![0x80 | csrcs as u8, 96];
    packet[0] |= if extension.is_some() { 0x10 } else { 0 };
    packet[0] |= if padding > 0 { 0x20 } else { 0 };
    packet.extend(sender.sequence.to_be_bytes());
    packet.extend(sender.timestamp.to_be_bytes());
    packet.extend([0, 0, 0, 7]);
    packet.extend(vec![1; 4 * csrcs]);
    if let Some(words) = extension {
        packet.extend([0xbe, 0xde, 0, words as u8]);
        packet.extend(vec![0; 4 * words]);
    }
    let header_len = packet.len() as u64;
    packet.extend(vec![2; payload]);
    packet.extend(vec![0; usize::from(padding)]);
    if padding > 0 {
        *packet.last_mut().unwrap() = padding;
    }
    let header = RtpHeader::parse(&packet).unwrap();
    let sizes = Sizes {
        bytes: packet.len() as u64,
        header: header_len,
        padding: u64::from(padding),
        only_padding: payload == 0 && padding > 0,
    };
    let verdict = stream.on_rtp(&header, sender.arrival_ns);
    let wanted = model.on_packet(sender, &sizes);
    assert_eq!(verdict, wanted, "number {}", sender.sequence);
}

/// Where the sender, the path and the receiver's clock are.
#[derive(Clone, Copy)]
pub(crate) struct Sender {
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) arrival_ns: u64,
}

impl Sender {
    /// Something happens; how many packets then come in order.
    fn step(&mut self, input: &mut Input<'_>) -> usize {
        const EDGES: [u32; 5] = [WINDOW, MAX_DROPOUT as u32, MAX_MISORDER as u32, 64, 32_768];
        let near =
            |input: &mut Input<'_>| input.of(&EDGES) as u16 + u16::from(input.any::<u8>() % 8) - 4;
        match input.below(16) {
            0..=5 => {}
            6 => {
                self.sequence = self
                    .sequence
                    .wrapping_add_signed(i16::from(input.any::<i8>() / 16));
            }
            7 => self.sequence = self.sequence.wrapping_add(near(input)),
            8 => self.sequence = self.sequence.wrapping_sub(near(input)),
            9 => self.sequence = input.any(),
            10 => self.timestamp = input.any(),
            11 => self.timestamp = self.timestamp.wrapping_sub(u32::from(input.any::<u16>())),
            12 => self.timestamp = self.timestamp.wrapping_sub(160),
            13 => self.arrival_ns = self.arrival_ns.wrapping_sub(u64::from(input.any::<u32>())),
            // Up to 13 days: wraps of the timestamp, and more.
            14 => self.arrival_ns = self.arrival_ns.wrapping_add(input.scaled() >> 14),
            _ => return 1 + input.below(80),
        }
        1
    }

    fn next(&mut self) {
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(160);
        self.arrival_ns = self.arrival_ns.wrapping_add(20_000_000);
    }
}
