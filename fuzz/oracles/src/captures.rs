//! Captures: any bytes as a file, and the same packets in every format, in one file and in two, whole and cut.
//!
//! Lives here: what an analysis must say whatever the file is, and which packets belong to a stream. Not here: how captures are
//! written (the forwarder's tests), what a stream's packets amount to (the model of `streams`).

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;

use flate2::Compression;
use flate2::write::GzEncoder;
use media_metrics_forwarder::analyze::{Analysis, AnalyzeError, Job, Record};

use crate::input::Input;
use crate::models::captures::{
    Folder, PLAIN, Pcap, PcapNg, START, Shot, datagram, ethernet, rtp, shot,
};
use crate::streams::{Model, Sender, Sizes};

/// Most packets of a capture that is made.
const PACKETS: usize = 120;

/// From where to where streams go, in turn; the first of them has SSRC `SSRC`.
const ENDS: [(&str, &str); 3] = [
    ("10.0.0.1:4000", "10.0.0.2:5000"),
    ("10.0.0.2:5000", "10.0.0.1:4000"),
    ("[2001:db8::1]:4000", "[2001:db8::2]:5000"),
];
const STREAMS: usize = 4;
const SSRC: u32 = 3;

const ETHERNET: u16 = 1;
/// Of Ethernet, IPv4 or IPv6, and UDP.
const HEADERS: [usize; 2] = [42, 62];
const RTP_HEADER: usize = 12;

thread_local! {
    /// One for all inputs: what is in it is written anew each time.
    static FOLDER: RefCell<Folder> = RefCell::new(Folder::new());
}

/// Half of all inputs are files as they are, the others say what packets there are.
pub fn target(data: &[u8]) {
    let (&choice, rest) = data.split_first().unwrap_or((&0, &[]));
    match choice & 1 {
        0 => damaged(rest, choice >> 1),
        _ => made(&mut Input::new(rest)),
    }
}

fn analyze(files: &[&[u8]]) -> Result<Analysis, AnalyzeError> {
    let names = ["first", "second"];
    let paths = FOLDER.with_borrow(|folder| {
        let both = names.iter().zip(files);
        both.map(|(name, bytes)| folder.put(name, bytes)).collect()
    });
    let job = Job {
        files: paths,
        ..Job::default()
    };
    let found = job.run();
    if let Ok(found) = &found {
        found
            .streams
            .iter()
            .for_each(|record| plausible(record, found));
    }
    found
}

/// What holds of any stream of any file.
fn plausible(record: &Record, found: &Analysis) {
    assert!(record.packets <= found.packets, "{record:?}");
    assert!(
        record.lost <= record.expected && record.duplicates <= record.packets,
        "{record:?}"
    );
    assert!(
        record.header_bytes + record.padding_bytes <= record.bytes,
        "{record:?}"
    );
    assert!(
        record.frames <= record.packets && record.restarts <= record.packets,
        "{record:?}"
    );
    let shares = [
        record.lost_percent.map(|p| p / 100.0),
        record.burst_density,
        record.gap_density,
    ];
    assert!(
        shares
            .iter()
            .flatten()
            .all(|share| (0.0..=1.0).contains(share)),
        "{record:?}"
    );
    let scores = [record.mos, record.mos_min];
    assert!(
        scores.iter().flatten().all(|mos| (1.0..=4.5).contains(mos)),
        "{record:?}"
    );
    let times = [
        record.jitter_ms,
        record.jitter_mean_ms,
        record.jitter_max_ms,
        record.max_delta_ms,
    ];
    assert!(
        times
            .iter()
            .flatten()
            .all(|ms| ms.is_finite() && *ms >= 0.0),
        "{record:?}"
    );
    serde_json::to_string(record).unwrap();
}

/// Without what names files.
fn told(found: &Analysis) -> String {
    format!("{:?} {}", found.streams, found.packets)
}

fn warned(found: &Analysis, of: &[&str]) -> bool {
    found
        .warnings
        .iter()
        .any(|w| of.iter().any(|of| w.contains(of)))
}

/// Any bytes: no panic; gzip changes nothing; what is cut off a sound file only takes packets away from its end.
fn damaged(file: &[u8], choice: u8) {
    let Ok(found) = analyze(&[file]) else { return };
    let is_gzip = file.starts_with(&[0x1f, 0x8b]);
    if choice & 1 == 1 && !is_gzip {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(file).unwrap();
        let again = analyze(&[&gzip.finish().unwrap()]).unwrap();
        assert_eq!(told(&again), told(&found));
    }
    if choice & 2 == 2 && !warned(&found, &["damaged", "read"]) {
        let cut = file.len() * usize::from(choice >> 2) / 64;
        match analyze(&[&file[..cut]]) {
            Ok(less) => assert!(less.packets <= found.packets, "{less:?} of {found:?}"),
            // What is left may be too little to tell what it is.
            Err(AnalyzeError::NoCapture { .. } | AnalyzeError::Open { .. }) => {
                assert!(
                    cut < 64 || is_gzip,
                    "{cut} of {} bytes are no capture",
                    file.len()
                );
            }
            Err(other) => panic!("{other}"),
        }
    }
}

/// The same packets in all formats.
fn made(input: &mut Input<'_>) {
    let Taken {
        mut shots,
        sent,
        odd,
    } = taken(input);
    let link = input.of(&[ETHERNET, ETHERNET, 101, 113, 0, 276, 65_535]);
    // Half of the others are not what they say they are.
    let is_so = shots.len() % 2 == 0;
    let is_known = match is_so {
        true => shots.iter_mut().all(|shot| relink(shot, link)),
        false => link == ETHERNET,
    };
    let order = |big_endian| Pcap {
        big_endian,
        ..PLAIN
    };
    let files = [
        PLAIN.file(link.into(), &shots),
        order(true).file(link.into(), &shots),
        Pcap {
            nanos: true,
            ..PLAIN
        }
        .file(link.into(), &shots),
        PcapNg { big_endian: false }.file(link, &shots),
        PcapNg { big_endian: true }.file(link, &shots),
    ];
    let found = analyze(&[&files[0]]).unwrap();
    assert_eq!(found.packets, shots.len() as u64, "{found:?}");
    // Bytes that may be RTP or RTCP may say anything of any stream.
    if is_known && !odd {
        (0..STREAMS).for_each(|stream| counted(&found, &sent, stream));
    }
    for file in &files[1..] {
        assert_eq!(told(&analyze(&[file]).unwrap()), told(&found));
    }
    // Streams go on from one file to the next.
    let (before, after) = shots.split_at(input.below(shots.len() + 1));
    let first = PLAIN.file(link.into(), before);
    let second = PcapNg { big_endian: true }.file(link, after);
    assert_eq!(told(&analyze(&[&first, &second]).unwrap()), told(&found));
    cut(&files[input.below(files.len())], &shots, input);
}

/// A frame of Ethernet made one of another link type; `false`, if nobody knows that.
fn relink(shot: &mut Shot, link: u16) -> bool {
    let (ethernet, packet) = shot.frame.split_at(14);
    let (kind, is_v6) = (&ethernet[12..], ethernet[12..] == [0x86, 0xdd]);
    let header: Vec<u8> = match link {
        ETHERNET => ethernet.to_vec(),
        // Raw IP.
        101 => Vec::new(),
        // Linux cooked.
        113 => [b"\0\0\0\x01\0\x06\x02\0\0\0\0\x01\0\0", kind].concat(),
        276 => [kind, b"\0\0\0\0\0\x02\0\x01\0\x06\x02\0\0\0\0\x01\0\0"].concat(),
        // Loopback, by the numbers of macOS.
        0 => u32::to_le_bytes(if is_v6 { 30 } else { 2 }).to_vec(),
        _ => return false,
    };
    shot.wire_len = shot.wire_len - ethernet.len() + header.len();
    shot.frame = [&header, packet].concat();
    true
}

/// A file that ends early is one with fewer packets: in the middle of a record that says so, too.
fn cut(file: &[u8], shots: &[Shot], input: &mut Input<'_>) {
    let cut = 64 + input.any::<u16>() as usize % file.len();
    let Some(start) = file.get(..cut) else { return };
    let less = analyze(&[start]).unwrap();
    assert!(less.packets <= shots.len() as u64, "{less:?}");
    let read = &shots[..less.packets as usize];
    let link = u32::from_le_bytes(file[20..24].try_into().unwrap());
    if file.starts_with(&[0xd4, 0xc3, 0xb2, 0xa1]) {
        let again = analyze(&[&PLAIN.file(link, read)]).unwrap();
        assert_eq!(told(&less), told(&again));
    }
}

/// A packet of RTP whose header is there, of which stream and how long.
#[derive(Clone, Copy)]
struct Sent {
    stream: usize,
    packet: Sender,
    bytes: usize,
}

/// What is in a capture.
struct Taken {
    shots: Vec<Shot>,
    sent: Vec<Sent>,
    /// There are bytes that look like RTP or RTCP.
    odd: bool,
}

/// A stream's record is what a set of all its numbers says.
fn counted(found: &Analysis, sent: &[Sent], stream: usize) {
    let sent: Vec<&Sent> = sent.iter().filter(|sent| sent.stream == stream).collect();
    // After such a silence it may be another stream.
    let silence = |pair: &[&Sent]| pair[1].packet.arrival_ns - pair[0].packet.arrival_ns;
    if sent.windows(2).any(|pair| silence(pair) >= 25_000_000_000) {
        return;
    }
    let src: SocketAddr = ENDS[stream % ENDS.len()].0.parse().unwrap();
    let ssrc = SSRC + stream as u32;
    let of = |record: &&Record| record.ssrc == ssrc && record.src == src;
    let records: Vec<&Record> = found.streams.iter().filter(of).collect();
    let believed = believed(&sent);
    let [record] = records[..] else {
        return assert!(believed.is_empty() && records.is_empty(), "{records:?}");
    };
    let mut model = Model::new(record.clock_rate);
    for sent in believed {
        let sizes = Sizes {
            bytes: sent.bytes as u64,
            header: RTP_HEADER as u64,
            padding: 0,
            only_padding: false,
        };
        model.on_packet(&sent.packet, &sizes);
    }
    model.compare_record(record);
}

/// The packets of a source from the first that counts on; none if it is not believed.
fn believed<'a>(sent: &'a [&'a Sent]) -> &'a [&'a Sent] {
    const HELD: usize = 8;
    let apart = |a: u64, b: u64, all: u64| a.abs_diff(b).min(all - a.abs_diff(b));
    let near = |a: &Sent, b: &Sent| {
        let (a, b) = (&a.packet, &b.packet);
        apart(a.sequence.into(), b.sequence.into(), 1 << 16) <= 100
            && apart(a.timestamp.into(), b.timestamp.into(), 1 << 32) <= 60 * 90_000
    };
    // The third number of those that follow one another.
    for end in 1..=sent.len() {
        let from = end.saturating_sub(HELD);
        let mut breaks = (from + 1..end).filter(|&at| !near(sent[at - 1], sent[at]));
        let run = breaks.next_back().unwrap_or(from);
        let numbers = sent[run..end].iter().map(|sent| sent.packet.sequence);
        if numbers.collect::<BTreeSet<u16>>().len() >= 3 {
            return &sent[from..];
        }
    }
    // At the end of the capture two neighbours will do.
    let held = &sent[sent.len().saturating_sub(HELD)..];
    let neighbours = |pair: &[&Sent]| {
        let (a, b) = (pair[0].packet.sequence, pair[1].packet.sequence);
        near(pair[0], pair[1]) && b == a.wrapping_add(1)
    };
    match held.windows(2).any(neighbours) {
        true => held,
        false => &[],
    }
}

/// Streams that begin, lose, double and reorder packets, among others that are none.
fn taken(input: &mut Input<'_>) -> Taken {
    let mut taken = Taken {
        shots: Vec::new(),
        sent: Vec::new(),
        odd: false,
    };
    let mut last = None;
    let mut time_ns = START;
    let mut numbers = [0_u16; STREAMS];
    while !input.is_empty() && taken.shots.len() < PACKETS {
        let what: u8 = input.any();
        let stream = usize::from(what & 3);
        let (src, dst) = ENDS[stream % ENDS.len()];
        let repeat = if what & 0x80 != 0 {
            1 + input.below(12)
        } else {
            1
        };
        for _ in 0..repeat {
            let number = numbers[stream];
            numbers[stream] = number.wrapping_add(1);
            // Whole microseconds, which every format can tell.
            time_ns += 1_000 * u64::from(5_000 + u32::from(what));
            let kind = [0, 8, 96, 111][usize::from(what >> 2 & 3)];
            let len = usize::from(what >> 4 & 7) * 8;
            let packet = Sender {
                sequence: number,
                timestamp: u32::from(number) * 160,
                arrival_ns: time_ns,
            };
            let ssrc = SSRC + stream as u32;
            let is_rtp = what >> 4 & 7 != 7;
            let payload = match is_rtp {
                true => rtp(kind, number, packet.timestamp, ssrc, len),
                false => input.bytes(40).to_vec(),
            };
            taken.odd |= !is_rtp && payload.first().is_some_and(|first| first >> 6 == 2);
            let mut frame = ethernet(&[], &datagram(src, dst, &payload));
            let wire_len = frame.len();
            if what & 0x70 == 0x60 {
                frame.truncate(14 + input.below(wire_len));
            }
            let headers = HEADERS[usize::from(src.starts_with('['))];
            let is_whole = frame.len() >= headers + RTP_HEADER;
            last = (is_rtp && is_whole).then_some(Sent {
                stream,
                packet,
                bytes: payload.len(),
            });
            taken.sent.extend(last);
            taken.shots.push(Shot {
                wire_len,
                ..shot(time_ns, frame)
            });
        }
        match input.below(12) {
            1 => numbers[stream] = numbers[stream].wrapping_add(input.any::<u8>().into()),
            2 => numbers[stream] = numbers[stream].wrapping_sub(3),
            3 => numbers[stream] = input.any(),
            4 => time_ns += 1_000 * u64::from(input.any::<u32>()),
            5 => {
                taken.shots.extend(taken.shots.last().cloned());
                taken.sent.extend(last);
            }
            _ => {}
        }
    }
    taken
}
