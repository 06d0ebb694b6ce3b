//! RTCP of a publisher and of its subscriber, as bytes: near the truth, far from it, or damaged.
//!
//! Lives here: writing them. Not here: what they say (`rtcp`), what they amount to (`model`).

use super::SSRC;
use crate::input::Input;

/// Whom feedback is about: the stream mostly, its repetitions, nobody.
const ABOUT: [u32; 6] = [SSRC, SSRC, SSRC, SSRC, super::RTX.0, 0];

/// A sender report, with what a publisher says of others.
pub(super) fn of_the_publisher(input: &mut Input<'_>, now_ns: u64, before: &[u64]) -> Vec<u8> {
    let ssrc = input.of(&[SSRC, SSRC, SSRC, 9]);
    let ntp = match input.below(8) {
        0 => 0,
        1 => input.any(),
        2 => before.last().copied().unwrap_or_default(),
        3 => before
            .last()
            .map_or(0, |ntp| ntp.wrapping_sub(input.scaled())),
        _ => 0xe800_0000_0000_0000 + ((u128::from(now_ns) << 32) / 1_000_000_000) as u64,
    };
    let count = |input: &mut Input<'_>| match input.below(3) {
        0 => input.any(),
        _ => input.scaled() as u32,
    };
    let mut body = vec![ssrc.to_be_bytes().to_vec(), ntp.to_be_bytes().to_vec()];
    body.extend([(); 3].map(|()| count(input).to_be_bytes().to_vec()));
    let blocks = u8::from(input.one_in(8));
    body.extend((0..blocks).map(|_| block(input, None, before)));
    let report = packet(blocks, 200, body.concat());
    damaged(report, input)
}

/// Reports, requests and estimates, up to four in one.
pub(super) fn of_the_subscriber(
    input: &mut Input<'_>,
    highest: Option<u64>,
    reported: &[u64],
) -> Vec<u8> {
    let some = 1 + input.below(4);
    let packets: Vec<Vec<u8>> = (0..some).map(|_| one(input, highest, reported)).collect();
    damaged(packets.concat(), input)
}

fn one(input: &mut Input<'_>, highest: Option<u64>, reported: &[u64]) -> Vec<u8> {
    let about = input.of(&ABOUT);
    // Who speaks, and about whom.
    let head = [3_u32.to_be_bytes(), about.to_be_bytes()].concat();
    match input.below(12) {
        0..=4 => {
            let blocks = input.of(&[0, 1, 1, 1, 2]);
            let mut body = vec![3_u32.to_be_bytes().to_vec()];
            body.extend((0..blocks).map(|_| block(input, highest, reported)));
            packet(blocks, 201, body.concat())
        }
        5..=7 => {
            let mut body = head;
            for _ in 0..=input.below(3) {
                let near = highest.unwrap_or_default() as u16;
                let number = match input.below(4) {
                    0 => input.any(),
                    1 => near.wrapping_sub(input.any::<u8>().into()),
                    _ => near.wrapping_sub(input.below(24) as u16),
                };
                let mask = input.of(&[0, 0, 1, 5, 0x8000, 0xffff]);
                body.extend([number.to_be_bytes(), u16::to_be_bytes(mask)].concat());
            }
            packet(1, 205, body)
        }
        8 => packet(1, 206, head),
        9 => {
            let mut body = head[..4].to_vec();
            body.extend([0; 4]);
            for _ in 0..=input.below(2) {
                body.extend(input.of(&ABOUT).to_be_bytes());
                body.extend([input.of(&[1, 1, 2, 255]), 0, 0, 0]);
            }
            packet(4, 206, body)
        }
        10 => {
            let sources: Vec<u32> = (0..input.below(4)).map(|_| input.of(&ABOUT)).collect();
            let mut body = [&head[..4], &[0; 4], b"REMB", &[sources.len() as u8]].concat();
            body.extend([input.of(&[0, 0x0b, 0xff]), input.any(), input.any()]);
            body.extend(sources.iter().flat_map(|ssrc| ssrc.to_be_bytes()));
            packet(15, 206, body)
        }
        _ => match input.below(3) {
            0 => {
                // A run of packets that all came, or none did.
                let (packets, came) = (input.below(20) as u8, input.below(2) as u8);
                let mut body = head;
                body.extend([0, input.any(), 0, packets, 0, 0, 1, 0]);
                body.extend([came << 5, packets]);
                body.extend(vec![4; usize::from(packets * came)]);
                packet(15, 205, body)
            }
            1 => extended(6, 36, about, input),
            _ => extended(7, 32, about, input),
        },
    }
}

/// XR with one block of so many bytes (RFC 3611).
fn extended(kind: u8, len: u8, about: u32, input: &mut Input<'_>) -> Vec<u8> {
    let mut body = vec![0, 0, 0, 3, kind, input.any(), 0, len / 4];
    body.extend(about.to_be_bytes());
    body.extend(input.bytes(usize::from(len) - 4));
    body.resize(8 + usize::from(len), 0);
    packet(0, 207, body)
}

/// A report block.
fn block(input: &mut Input<'_>, highest: Option<u64>, reported: &[u64]) -> Vec<u8> {
    let sent = highest.unwrap_or_default();
    let received = match input.below(12) {
        0 => input.any(),
        1 => sent as u32 & 0xffff,
        2 => (sent as u32).wrapping_add(1),
        3 => sent.wrapping_sub(input.any::<u16>().into()) as u32,
        4 => sent.wrapping_sub(input.below(2_200) as u64) as u32,
        _ => sent.wrapping_sub(input.below(8) as u64) as u32,
    };
    let lost = match input.below(6) {
        0 => input.any(),
        1 => u32::from(input.any::<u16>()),
        2 => input.of(&[0x7f_ffff, 0x80_0000, 0xff_ffff, 0x7f_fff0]),
        _ => input.any::<u8>().into(),
    };
    let last = match input.below(6) {
        0 => 0,
        1 => input.any(),
        _ => {
            let far = input.of(&[2, 2, 2, 20]);
            let back = 1 + input.below(far);
            let sent = reported.len().checked_sub(back).map(|at| reported[at]);
            sent.map_or(0, |ntp| (ntp >> 16) as u32)
        }
    };
    let delay = match input.below(4) {
        0 => input.any(),
        1 => u32::from(input.any::<u16>()),
        _ => input.any::<u8>().into(),
    };
    let jitter = input.scaled() as u32;
    let ssrc = input.of(&ABOUT);
    let loss = u32::from(input.any::<u8>()) << 24 | lost & 0xff_ffff;
    let words = [ssrc, loss, received, jitter, last, delay];
    words.map(u32::to_be_bytes).concat()
}

fn packet(count: u8, kind: u8, mut body: Vec<u8>) -> Vec<u8> {
    body.resize(body.len().next_multiple_of(4), 0);
    let words = (body.len() / 4) as u16;
    let [high, low] = words.to_be_bytes();
    [&[0x80 | count, kind, high, low], &body[..]].concat()
}

/// As it was, mostly.
fn damaged(mut bytes: Vec<u8>, input: &mut Input<'_>) -> Vec<u8> {
    let at = |input: &mut Input<'_>| input.below(bytes.len());
    match input.below(32) {
        1 => {
            let at = at(input);
            bytes.truncate(at);
        }
        2 => {
            let at = at(input);
            bytes[at] ^= 1 << input.below(8);
        }
        3 => {
            let at = at(input);
            bytes[at] = input.any();
        }
        4 => bytes.push(input.any()),
        _ => {}
    }
    bytes
}
