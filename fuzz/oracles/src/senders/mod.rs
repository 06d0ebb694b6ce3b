//! A sent stream with the RTCP around it, as a forwarder has them, against sets of numbers and lists of all that was said.
//!
//! Lives here: what the publisher sends, goes on to a subscriber, is sent again and is repeated by RTX; and how what both say by
//! RTCP is handed on. In `datagrams`: their RTCP, as bytes. In `model`: what is said of the stream. In `publisher`, `totals`: what
//! is said of those around it. Not here: what bytes say (`rtcp`), what arrived (`streams`).

mod datagrams;
mod model;
mod publisher;
mod totals;

use media_metrics_core::registry::SenderGroup;
use media_metrics_core::rtp::rtcp::{Event, parse};
use media_metrics_core::rtp::{MAX_DROPOUT, RtpHeader, WINDOW};
use media_metrics_core::stream::SenderConfig;
use media_metrics_core::{Registry, SendStream, Stream, StreamConfig};

use crate::input::Input;
use crate::models::captures::rtp;
use crate::rtcp::told;
use model::{Kind, Packet, Way};
use publisher::Publisher;
use totals::Totals;

/// Most steps of one input: a cycle of numbers, and a few receivers.
const STEPS: usize = 400;

/// The stream, and who repeats it (RFC 4588).
const SSRC: u32 = 7;
const RTX: (u32, u8) = (8, 97);

const INCOMING: [&str; 2] = ["incoming", "video"];
const OUTGOING: [&str; 2] = ["outgoing", "video"];

const RATES: [u32; 5] = [90_000, 48_000, 8_000, 1, u32::MAX];

/// Forwards and reports what the bytes say, and holds all that is told of it against the models.
pub fn target(data: &[u8]) {
    let mut input = Input::new(data);
    let mut room = Room::new(&mut input);
    for _ in 0..STEPS {
        if input.is_empty() {
            break;
        }
        room.step(&mut input);
        room.compare();
    }
    room.collect();
    room.leave();
    room.collect();
}

/// A publisher, the subscriber of the moment, and what is known of both.
struct Room {
    registry: Registry,
    group: SenderGroup,
    config: SenderConfig,
    stream: Stream,
    sender: SendStream,
    publisher: Publisher,
    way: Way,
    totals: Totals,
    /// The publisher's next number, with its cycles, and the timestamp of number 0.
    next: u64,
    timestamp: u32,
    /// Of the packets that repeat others.
    next_rtx: u16,
    now_ns: u64,
    /// Times of the sender reports that went on.
    reported: Vec<u64>,
}

impl Room {
    fn new(input: &mut Input<'_>) -> Self {
        let rate = input.of(&RATES);
        let registry = Registry::new().unwrap();
        let incoming = registry.group(&INCOMING).unwrap();
        let group = registry.sender_group(&OUTGOING).unwrap();
        let config = SenderConfig::new(SSRC, rate).rtx(RTX.0, RTX.1);
        Self {
            stream: registry
                .stream(&incoming, StreamConfig::new(SSRC, rate))
                .unwrap(),
            sender: registry.sender(&group, config).unwrap(),
            publisher: Publisher::default(),
            way: Way::new(rate),
            totals: Totals::default(),
            next: input.any::<u16>().into(),
            timestamp: input.any(),
            next_rtx: input.any(),
            now_ns: input.any::<u32>().into(),
            reported: Vec::new(),
            registry,
            group,
            config,
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        const SKIPPED: [u64; 8] = [1, 2, 16, 63, 64, 200, WINDOW as u64, MAX_DROPOUT as u64];
        self.now_ns += 1_000_000 * u64::from(input.any::<u8>());
        match input.below(24) {
            0..=3 => {}
            4 => self.go_on(60, input),
            5 => self.go_on(300, input),
            6 => self.next += input.of(&SKIPPED) + input.below(4) as u64 - 1,
            7 | 8 => return self.send_again(input),
            9 | 10 => return self.repeat(input),
            11 => self.next = input.any::<u16>().into(),
            12 => self.now_ns += input.scaled() >> 20,
            13 => self.now_ns -= self.now_ns.min(input.any::<u32>().into()),
            14 => {
                let took = self.sender.on_key_frame(self.now_ns);
                return assert_eq!(took, self.way.on_key_frame(self.now_ns));
            }
            15..=17 => return self.publisher_reports(input),
            18 if input.one_in(4) => self.leave(),
            18 => return self.collect(),
            _ => return self.subscriber_reports(input),
        }
        self.go_on(1, input);
    }

    /// Up to so many packets in order.
    fn go_on(&mut self, most: usize, input: &mut Input<'_>) {
        for _ in 0..=input.below(most) {
            self.send(self.next, input);
            self.next += 1;
        }
    }

    /// Packets that were sent before, or are late.
    fn send_again(&mut self, input: &mut Input<'_>) {
        let far = input.of(&[8, 100, 300, 1_100, 6_000]);
        let back = 1 + input.below(far) as u64;
        let some = input.of(&[1, 1, 2, 17]);
        let from = self.next.saturating_sub(back);
        (from..from + some).for_each(|number| self.send(number, input));
    }

    /// Three packets are a frame.
    fn send(&mut self, number: u64, input: &mut Input<'_>) {
        let timestamp = (number / 3 * 3_000) as u32;
        let timestamp = self.timestamp.wrapping_add(timestamp);
        let padding = if input.one_in(16) {
            input.of(&[1, 4, 200])
        } else {
            0
        };
        let packet = Packet {
            number: number as u16,
            timestamp,
            payload: input.of(&[20, 20, 20, 0]),
            padding,
            kind: Kind::Media,
        };
        let bytes = rtp(96, packet.number, timestamp, SSRC, packet.payload);
        self.forward(&packet, bytes, input);
    }

    /// Known by SSRC, payload type or both; with a payload too short for the number of another, too.
    fn repeat(&mut self, input: &mut Input<'_>) {
        let (ssrc, payload_type) = input.of(&[RTX, RTX, (RTX.0, 96), (99, RTX.1)]);
        let original = self.next.saturating_sub(input.below(300) as u64) as u16;
        let payload = input.of(&[20, 20, 20, 2, 1, 0]);
        let packet = Packet {
            number: self.next_rtx,
            timestamp: input.any(),
            payload,
            padding: input.of(&[0, 0, 1, 200]),
            kind: Kind::Repeats((payload >= 2).then_some(original)),
        };
        self.next_rtx = self.next_rtx.wrapping_add(1);
        let mut bytes = rtp(payload_type, packet.number, packet.timestamp, ssrc, payload);
        let two = original.to_be_bytes();
        bytes.iter_mut().skip(12).zip(two).for_each(|(b, n)| *b = n);
        self.forward(&packet, bytes, input);
    }

    /// Whole, or header and payload apart.
    fn forward(&mut self, packet: &Packet, mut bytes: Vec<u8>, input: &mut Input<'_>) {
        if packet.padding > 0 {
            bytes[0] |= 0x20;
            bytes.resize(bytes.len() + usize::from(packet.padding), 0);
            *bytes.last_mut().unwrap() = packet.padding;
        }
        let header = RtpHeader::parse(&bytes).unwrap();
        match input.one_in(8) {
            true => self.sender.on_payload(&header, &bytes[12..], self.now_ns),
            false => self.sender.on_packet(&header, &bytes, self.now_ns),
        }
        self.way.on_packet(packet, self.now_ns);
        self.now_ns += 1_000_000;
    }

    /// Its report goes on to the subscriber, a little later, or to nobody.
    fn publisher_reports(&mut self, input: &mut Input<'_>) {
        let datagram = datagrams::of_the_publisher(input, self.now_ns, &self.reported);
        let arrival = self.now_ns;
        self.now_ns += u64::from(input.any::<u16>());
        let departure = Some(self.now_ns).filter(|_| !input.one_in(8));
        let result = parse(&datagram, |event| {
            let Event::SenderReport(info) = event else {
                return;
            };
            if info.ssrc == SSRC {
                self.stream.on_sender_report(&info, arrival);
            }
            if let Some(departure) = departure {
                self.sender.on_sender_report(&info, departure);
                self.reported.push(info.ntp);
            }
        });
        let told = told(&datagram);
        assert_eq!(result.is_ok(), told.is_some(), "{result:?}, {told:?}");
        for sentence in told.iter().flatten() {
            self.publisher.hear(sentence, arrival);
            if let Some(departure) = departure {
                self.way.on_report_of_the_publisher(sentence, departure);
            }
        }
    }

    fn subscriber_reports(&mut self, input: &mut Input<'_>) {
        let datagram = datagrams::of_the_subscriber(input, self.way.highest(), &self.reported);
        let result = parse(&datagram, |event| {
            hand_on(&mut self.stream, &mut self.sender, &event, self.now_ns);
        });
        let told = told(&datagram);
        assert_eq!(result.is_ok(), told.is_some(), "{result:?}, {told:?}");
        for sentence in told.iter().flatten() {
            self.publisher.asked(sentence);
            self.way.hear(sentence, self.now_ns);
        }
    }

    /// The subscriber leaves, and another comes: what the old one knew is no longer known.
    fn leave(&mut self) {
        self.sender = self.registry.sender(&self.group, self.config).unwrap();
        let new = Way::new(self.config.clock_rate);
        self.totals.end(&std::mem::replace(&mut self.way, new));
    }

    fn compare(&self) {
        self.way.compare(&self.sender.stats());
        self.publisher.compare(&self.stream.stats());
    }

    /// What groups and readers are told is what streams told.
    fn collect(&mut self) {
        let snapshot = self.registry.collect();
        self.totals.compare(&self.way, &snapshot, &OUTGOING);
        self.publisher.compare_group(&snapshot, &INCOMING);
        let [shown] = &self.registry.senders()[..] else {
            panic!("one subscriber at a time");
        };
        assert_eq!(shown.stats, self.sender.stats());
    }
}

/// As the forwarder does it: what a receiver asks for is asked of the publisher.
fn hand_on(stream: &mut Stream, sender: &mut SendStream, event: &Event<'_>, now_ns: u64) {
    match event {
        Event::Nack(nack) if nack.media_ssrc == SSRC => {
            stream.on_nack_sent(nack.numbers().count() as u64);
        }
        Event::PictureLoss(loss) if loss.media_ssrc == SSRC => stream.on_pli_sent(),
        Event::FullIntraRequest(request) if request.media_ssrc == SSRC => stream.on_fir_sent(),
        _ => {}
    }
    // Whom an event is about it looks for itself.
    sender.on_event(event, now_ns);
}
