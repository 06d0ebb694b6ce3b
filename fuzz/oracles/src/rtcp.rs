//! RTCP compounds: what is told of them, against a reader that copies every packet and walks every number.
//!
//! Lives here: RFC 3550, 3611, 4585, 5104, REMB and transport-wide feedback, read slowly into sentences; and what
//! `rtcp-types` makes of the packets that both read. Not here: what reports amount to over time (`senders`).

use media_metrics_core::rtp::rtcp::{Event, parse};

/// Takes the bytes for a datagram.
pub fn target(data: &[u8]) {
    let mut heard = Vec::new();
    let result = parse(data, |event| heard.push(sentence(&event)));
    let wanted = told(data);
    assert_eq!(
        result.is_ok(),
        wanted.is_some(),
        "{result:?}, {heard:?} or {wanted:?}"
    );
    assert!(
        result.is_ok() || heard.is_empty(),
        "half of a compound: {heard:?}"
    );
    if let Some(wanted) = wanted {
        assert_eq!(heard, wanted);
        others_agree(data, &heard);
    }
}

/// What an event says, all of it.
pub(crate) fn sentence(event: &Event<'_>) -> String {
    match event {
        Event::SenderReport(s) => format!(
            "sr {} {} {} {} {}",
            s.ssrc, s.ntp, s.rtp_timestamp, s.packets, s.octets
        ),
        Event::Report { reporter, block: b } => format!(
            "report {reporter} {} {} {} {} {} {} {}",
            b.ssrc,
            b.fraction_lost,
            b.cumulative_lost,
            b.highest_sequence,
            b.jitter_ticks,
            b.last_report,
            b.delay
        ),
        Event::Description(d) => format!("sdes {} {:?}", d.ssrc, d.items().collect::<Vec<_>>()),
        Event::Goodbye { ssrc } => format!("bye {ssrc}"),
        Event::Nack(n) => format!(
            "nack {} {} {:?}",
            n.sender_ssrc,
            n.media_ssrc,
            n.numbers().collect::<Vec<_>>()
        ),
        Event::PictureLoss(p) => format!("pli {} {}", p.sender_ssrc, p.media_ssrc),
        Event::FullIntraRequest(f) => {
            format!("fir {} {} {}", f.sender_ssrc, f.media_ssrc, f.sequence)
        }
        Event::Remb(r) => format!(
            "remb {} {} {:?}",
            r.sender_ssrc,
            r.bitrate_bps,
            r.media_ssrcs().collect::<Vec<_>>()
        ),
        Event::TransportFeedback(t) => format!(
            "twcc {} {} {} {} {} {} {}",
            t.sender_ssrc,
            t.media_ssrc,
            t.base_sequence,
            t.packets,
            t.received,
            t.reference_time,
            t.feedback_count
        ),
        Event::ReferenceTime { reporter, ntp } => format!("time {reporter} {ntp}"),
        Event::Reply(r) => format!(
            "reply {} {} {} {}",
            r.reporter, r.ssrc, r.last_report, r.delay
        ),
        Event::Summary {
            reporter,
            summary: s,
        } => format!(
            "summary {reporter} {} {} {} {:?} {:?}",
            s.ssrc(),
            s.begin_sequence(),
            s.end_sequence(),
            s.lost(),
            s.duplicates()
        ),
        Event::Voip {
            reporter,
            metrics: m,
        } => {
            format!("voip {reporter} {} {}", m.ssrc(), m.round_trip_delay_ms())
        }
        Event::Skipped {
            packet_type,
            format,
            media_ssrc,
        } => {
            format!("skipped {packet_type} {format} {media_ssrc:?}")
        }
        other => panic!("an event that this model does not know: {other:?}"),
    }
}

/// Big-endian numbers from the front.
#[derive(Clone)]
struct Reader(Vec<u8>);

impl Reader {
    fn number(&mut self, bytes: usize) -> Option<u64> {
        let four = self.take(bytes)?;
        Some(four.iter().fold(0, |n, &b| n << 8 | u64::from(b)))
    }

    fn take(&mut self, bytes: usize) -> Option<Vec<u8>> {
        (bytes <= self.0.len()).then(|| self.0.drain(..bytes).collect())
    }
}

/// The sentences of a datagram; none if anything of it is wrong.
pub(crate) fn told(data: &[u8]) -> Option<Vec<String>> {
    let mut all = Reader(data.to_vec());
    let mut told = Vec::new();
    if data.len() < 4 {
        return None;
    }
    while !all.0.is_empty() {
        let first = all.number(1)?;
        let (kind, words) = (all.number(1)?, all.number(2)? as usize);
        let mut body = all.take(4 * words)?;
        if first >> 6 != 2 {
            return None;
        }
        if first & 0x20 != 0 {
            let padding = usize::from(*body.last()?);
            if padding == 0 || padding % 4 != 0 || padding > body.len() || !all.0.is_empty() {
                return None;
            }
            body.truncate(body.len() - padding);
        }
        packet(kind, first & 31, Reader(body), &mut told)?;
    }
    Some(told)
}

fn packet(kind: u64, count: u64, mut body: Reader, told: &mut Vec<String>) -> Option<()> {
    match kind {
        200 | 201 => {
            let reporter = body.number(4)?;
            if kind == 200 {
                let (ntp, time) = (body.number(8)?, body.number(4)?);
                let (packets, octets) = (body.number(4)?, body.number(4)?);
                told.push(format!("sr {reporter} {ntp} {time} {packets} {octets}"));
            }
            for _ in 0..count {
                let (ssrc, fraction, lost) =
                    (body.number(4)?, body.number(1)?, body.number(3)? as i64);
                let lost = if lost < 1 << 23 {
                    lost
                } else {
                    lost - (1 << 24)
                };
                let rest = [
                    body.number(4)?,
                    body.number(4)?,
                    body.number(4)?,
                    body.number(4)?,
                ];
                let [highest, jitter, lsr, dlsr] = rest;
                told.push(format!(
                    "report {reporter} {ssrc} {fraction} {lost} {highest} {jitter} {lsr} {dlsr}"
                ));
            }
        }
        202 => {
            for _ in 0..count {
                description(&mut body, told)?;
            }
        }
        203 => {
            for _ in 0..count {
                told.push(format!("bye {}", body.number(4)?));
            }
            if let Some(len) = body.number(1) {
                body.take(len as usize)?;
            }
        }
        205 | 206 => feedback(kind, count, body, told)?,
        207 => extended(body, told)?,
        _ => told.push(format!("skipped {kind} {count} None")),
    }
    Some(())
}

/// One chunk: items, a zero, and zeros or anything else up to the next word.
fn description(body: &mut Reader, told: &mut Vec<String>) -> Option<()> {
    let ssrc = body.number(4)?;
    let (mut items, mut len) = (Vec::new(), 0);
    loop {
        let kind = body.number(1)? as u8;
        len += 1;
        if kind == 0 {
            break;
        }
        let text_len = body.number(1)? as usize;
        items.push((kind, body.take(text_len)?));
        len += 1 + text_len;
    }
    while len % 4 != 0 {
        body.number(1)?;
        len += 1;
    }
    told.push(format!("sdes {ssrc} {items:?}"));
    Some(())
}

fn feedback(kind: u64, format: u64, mut body: Reader, told: &mut Vec<String>) -> Option<()> {
    let (sender, media) = (body.number(4)?, body.number(4)?);
    match (kind, format) {
        (205, 1) => {
            let mut numbers = Vec::new();
            while let Some(first) = body.number(2) {
                // Half an entry at the end: the crate that reads them leaves it out.
                let Some(mask) = body.number(2) else { break };
                numbers.push(first as u16);
                let more = (0..16).filter(|bit| mask >> bit & 1 == 1);
                numbers.extend(more.map(|bit| (first as u16).wrapping_add(bit + 1)));
            }
            (!numbers.is_empty()).then_some(())?;
            told.push(format!("nack {sender} {media} {numbers:?}"));
        }
        (205, 15) => told.push(transport(sender, media, body)?),
        (206, 1) => told.push(format!("pli {sender} {media}")),
        (206, 4) => {
            (body.0.len() >= 8).then_some(())?;
            while body.0.len() >= 8 {
                let (ssrc, sequence, _) = (body.number(4)?, body.number(1)?, body.number(3)?);
                told.push(format!("fir {sender} {ssrc} {sequence}"));
            }
        }
        (206, 15) if body.0.starts_with(b"REMB") => {
            body.number(4)?;
            let count = body.number(1)?;
            let packed = body.number(3)?;
            let rate = (0..packed >> 18)
                .try_fold(packed & 0x3_ffff, |rate: u64, _| rate.checked_mul(2))?;
            let mut ssrcs = Vec::new();
            for _ in 0..count {
                ssrcs.push(body.number(4)? as u32);
            }
            told.push(format!("remb {sender} {rate} {ssrcs:?}"));
        }
        _ => {
            let named_inside = [(205, 3), (206, 5), (206, 7), (206, 10)].contains(&(kind, format));
            let about = match media {
                0 if named_inside => body.number(4).unwrap_or(0),
                media => media,
            };
            let about = Some(about).filter(|&ssrc| ssrc != 0);
            told.push(format!("skipped {kind} {format} {about:?}"));
        }
    }
    Some(())
}

/// Transport-wide feedback, status by status.
fn transport(sender: u64, media: u64, mut body: Reader) -> Option<String> {
    let (base, packets) = (body.number(2)?, body.number(2)? as usize);
    let (time, count) = (body.number(3)?, body.number(1)?);
    let mut statuses: Vec<u64> = Vec::new();
    while statuses.len() < packets {
        let chunk = body.number(2)?;
        match chunk >> 14 {
            0 | 1 => statuses.extend(vec![chunk >> 13 & 3; (chunk & 0x1fff) as usize]),
            2 => statuses.extend((0..14).rev().map(|bit| chunk >> bit & 1)),
            _ => statuses.extend((0..7).rev().map(|pair| chunk >> (2 * pair) & 3)),
        }
    }
    statuses.truncate(packets);
    let deltas: u64 = statuses.iter().sum();
    (!statuses.contains(&3) && deltas as usize <= body.0.len()).then_some(())?;
    let received = statuses.iter().filter(|&&s| s > 0).count();
    Some(format!(
        "twcc {sender} {media} {base} {packets} {received} {time} {count}"
    ))
}

fn extended(mut body: Reader, told: &mut Vec<String>) -> Option<()> {
    let reporter = body.number(4)?;
    while !body.0.is_empty() {
        let (kind, flags, words) = (body.number(1)?, body.number(1)?, body.number(2)? as usize);
        let mut block = Reader(body.take(4 * words)?);
        match kind {
            4 => {
                (words == 2).then_some(())?;
                told.push(format!("time {reporter} {}", block.number(8)?));
            }
            5 => {
                (words % 3 == 0).then_some(())?;
                while !block.0.is_empty() {
                    let (ssrc, lrr, dlrr) = (block.number(4)?, block.number(4)?, block.number(4)?);
                    told.push(format!("reply {reporter} {ssrc} {lrr} {dlrr}"));
                }
            }
            6 => {
                (words == 9).then_some(())?;
                let (ssrc, begin, end) = (block.number(4)?, block.number(2)?, block.number(2)?);
                let (lost, doubles) = (block.number(4)?, block.number(4)?);
                let lost = Some(lost).filter(|_| flags & 0x80 != 0);
                let doubles = Some(doubles).filter(|_| flags & 0x40 != 0);
                told.push(format!(
                    "summary {reporter} {ssrc} {begin} {end} {lost:?} {doubles:?}"
                ));
            }
            7 => {
                (words == 8).then_some(())?;
                let ssrc = block.number(4)?;
                block.take(8)?;
                told.push(format!("voip {reporter} {ssrc} {}", block.number(2)?));
            }
            _ => told.push(format!("skipped 207 {kind} None")),
        }
    }
    Some(())
}

/// The reports and feedback that `rtcp-types` reads, too, it reads as we do.
fn others_agree(data: &[u8], told: &[String]) {
    use rtcp_types::{Compound, Packet};
    let Ok(compound) = Compound::parse(data) else {
        return;
    };
    for packet in compound.flatten() {
        let sentence = match packet {
            Packet::Sr(sr) => format!(
                "sr {} {} {} {} {}",
                sr.ssrc(),
                sr.ntp_timestamp(),
                sr.rtp_timestamp(),
                sr.packet_count(),
                sr.octet_count()
            ),
            Packet::Rr(rr) => match rr.report_blocks().next() {
                Some(block) => format!(
                    "report {} {} {} ",
                    rr.ssrc(),
                    block.ssrc(),
                    block.fraction_lost()
                ),
                None => continue,
            },
            _ => continue,
        };
        assert!(
            told.iter().any(|t| t.starts_with(&sentence)),
            "{sentence:?} is not in {told:?}"
        );
    }
}
