//! RTCP: what datagrams say, compared with what Wireshark and another crate make of them.
//!
//! `vectors/rtcp-tshark.tsv` has datagrams and what tshark 4.0.17 prints for them, in its own words: the
//! first line names its fields. They come from GStreamer 1.22 (an AVPF session with 6 % loss, and one of
//! AVP), from ffmpeg 5.1, and, for what neither sends, were written by hand from the RFCs. To make such a
//! file of a capture: `tshark -r FILE -Y rtcp -T fields -E header=y -E occurrence=a -E aggregator=,`
//! with `-e FIELD` for each field of the first line.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};

use media_metrics_core::rtp::rtcp::{Event, RtcpError, parse};
use proptest::prelude::*;
use rtcp_types::prelude::*;
use rtcp_types::{
    Bye, Compound, DelaySinceLastReceiverReport, DelaySinceLastReceiverReportBlock, Fir, Nack,
    PayloadFeedback, Pli, ReceiverReferenceTime, ReceiverReport, ReportBlock, Sdes, SdesChunk,
    SdesItem, SenderReport, TransportFeedback, Twcc, TwccPacketStatus, Xr,
};

/// Values by tshark's name of the field, in the order of the datagram.
type Fields = BTreeMap<String, Vec<String>>;

struct Captured {
    bytes: Vec<u8>,
    fields: Fields,
}

fn captured() -> Vec<Captured> {
    let mut lines = include_str!("vectors/rtcp-tshark.tsv").lines();
    let names: Vec<_> = lines.next().unwrap().split('\t').collect();
    let all: Vec<_> = lines
        .map(|line| {
            let (payload, values) = line.split_once('\t').unwrap();
            let byte = |at: usize| u8::from_str_radix(&payload[at..at + 2], 16).unwrap();
            let values = values.split('\t').zip(&names[1..]);
            Captured {
                bytes: (0..payload.len()).step_by(2).map(byte).collect(),
                fields: values
                    .filter(|(all, _)| !all.is_empty())
                    .map(|(all, name)| {
                        let each = all.split(',').map(str::to_owned);
                        ((*name).to_owned(), each.collect())
                    })
                    .collect(),
            }
        })
        .collect();
    assert!(all.len() > 40, "{}", all.len());
    all
}

/// What an event says, in tshark's words.
fn in_their_words(event: &Event<'_>, out: &mut Fields) {
    let mut put = |name: &str, value: String| {
        out.entry(format!("rtcp.{name}")).or_default().push(value);
    };
    let hex = |ssrc: u32| format!("0x{ssrc:08x}");
    match event {
        Event::SenderReport(info) => {
            put("timestamp.ntp.msw", (info.ntp >> 32).to_string());
            put("timestamp.ntp.lsw", (info.ntp as u32).to_string());
            put("timestamp.rtp", info.rtp_timestamp.to_string());
            put("sender.packetcount", info.packets.to_string());
            put("sender.octetcount", info.octets.to_string());
        }
        Event::Report { block, .. } => {
            put("ssrc.identifier", hex(block.ssrc));
            put("ssrc.fraction", block.fraction_lost.to_string());
            put("ssrc.cum_nr", block.cumulative_lost.to_string());
            put("ssrc.ext_high", block.highest_sequence.to_string());
            put("ssrc.jitter", block.jitter_ticks.to_string());
            put("ssrc.lsr", block.last_report.to_string());
            put("ssrc.dlsr", block.delay.to_string());
        }
        Event::Description(description) => {
            put("ssrc.identifier", hex(description.ssrc));
            for (_, text) in description.items() {
                put("sdes.text", String::from_utf8(text.to_vec()).unwrap());
            }
        }
        Event::Goodbye { ssrc } => put("ssrc.identifier", hex(*ssrc)),
        Event::Nack(nack) => {
            put("mediassrc", hex(nack.media_ssrc));
            for number in nack.numbers() {
                put("rtpfb.nack_pid", number.to_string());
            }
        }
        Event::PictureLoss(loss) => put("mediassrc", hex(loss.media_ssrc)),
        Event::FullIntraRequest(request) => {
            put("psfb.fir.fci.ssrc", hex(request.media_ssrc));
            put("psfb.fir.fci.csn", request.sequence.to_string());
        }
        Event::Remb(remb) => {
            for ssrc in remb.media_ssrcs() {
                put("psfb.remb.fci.ssrc", hex(ssrc));
            }
            put("bitrate", remb.bitrate_bps.to_string());
        }
        Event::TransportFeedback(feedback) => {
            put("mediassrc", hex(feedback.media_ssrc));
            let field = |name| format!("rtpfb.transportcc.{name}");
            put(&field("baseseq"), feedback.base_sequence.to_string());
            put(&field("statuscount"), feedback.packets.to_string());
            put(&field("reftime"), feedback.reference_time.to_string());
            put(&field("pktcount"), feedback.feedback_count.to_string());
            put("received", feedback.received.to_string());
        }
        Event::Reply(reply) => {
            put("ssrc.identifier", hex(reply.ssrc));
            put("xr.lrr", reply.last_report.to_string());
            put("xr.dlrr", reply.delay.to_string());
        }
        Event::Summary { summary, .. } => {
            put("ssrc.identifier", hex(summary.ssrc()));
            put("xr.beginseq", summary.begin_sequence().to_string());
            put("xr.endseq", summary.end_sequence().to_string());
            put("xr.stats.lost", summary.lost().unwrap().to_string());
            put("xr.stats.dups", summary.duplicates().unwrap().to_string());
            let spreads = [("jitter", summary.jitter_ticks()), ("ttl", summary.hops())];
            for (name, spread) in spreads {
                let spread = spread.unwrap();
                put(&format!("xr.stats.min{name}"), spread.min.to_string());
                put(&format!("xr.stats.max{name}"), spread.max.to_string());
                put(&format!("xr.stats.mean{name}"), spread.mean.to_string());
                put(&format!("xr.stats.dev{name}"), spread.deviation.to_string());
            }
        }
        Event::Voip { metrics: m, .. } => {
            put("ssrc.identifier", hex(m.ssrc()));
            let share = |share: f64| (share * 256.0).to_string();
            put("ssrc.fraction", share(m.loss_rate()));
            put("ssrc.discarded", share(m.discard_rate()));
            let mut put = |name: &str, value| put(&format!("xr.voipmetrics.{name}"), value);
            put("burstdensity", share(m.burst_density()));
            put("gapdensity", share(m.gap_density()));
            put("burstduration", m.burst_duration_ms().to_string());
            put("gapduration", m.gap_duration_ms().to_string());
            put("rtdelay", m.round_trip_delay_ms().to_string());
            put("esdelay", m.end_system_delay_ms().to_string());
            put("signallevel", m.signal_level_dbm0().unwrap().to_string());
            put("noiselevel", m.noise_level_dbm0().unwrap().to_string());
            put(
                "rerl",
                m.residual_echo_return_loss_db().unwrap().to_string(),
            );
            put("gmin", m.gap_threshold().to_string());
            put("rfactor", m.r_factor().unwrap().to_string());
            // tshark prints what stands there, 127 for "not measured".
            put(
                "extrfactor",
                m.external_r_factor().unwrap_or(127).to_string(),
            );
            put("moslq", m.mos_lq().unwrap().to_string());
            put("moscq", m.mos_cq().unwrap().to_string());
            put("jbnominal", m.jitter_buffer_nominal_ms().to_string());
            put("jbmax", m.jitter_buffer_maximum_ms().to_string());
            put("jbabsmax", m.jitter_buffer_limit_ms().to_string());
        }
        Event::ReferenceTime { ntp, .. } => put("reference", ntp.to_string()),
        other => panic!("{other:?}"),
    }
}

/// Makes tshark's fields say what the events say, where it says it otherwise.
fn translate(fields: &mut Fields) {
    let mut take = |name: &str| fields.remove(&format!("rtcp.{name}")).unwrap_or_default();
    let kinds = take("pt");
    // Of each packet; an event has its reporter instead.
    take("senderssrc");
    take("rtpfb.nack_blp");
    // FIR and REMB: 0 by their documents, and not told by events, which name media of their own.
    let media: Vec<_> = take("mediassrc")
        .into_iter()
        .filter(|ssrc| ssrc != "0x00000000")
        .collect();
    let numbers = take("rtpfb.nack_pid").into_iter().map(|number| {
        let number: u32 = number.parse().unwrap(); // it adds without wrapping
        (number as u16).to_string()
    });
    let numbers: Vec<_> = numbers.collect();
    let deltas = take("rtpfb.transportcc.recv_delta").len();
    let mut texts = take("sdes.text");
    // The reason of a goodbye stands among the texts; events don't tell it.
    texts.retain(|text| text != "goodbye");
    let exponent = take("psfb.remb.fci.br_exp");
    let mantissa = take("psfb.remb.fci.br_mantissa");
    let mut set = |name: &str, values: Vec<String>| {
        if !values.is_empty() {
            fields.insert(format!("rtcp.{name}"), values);
        }
    };
    set("mediassrc", media);
    set("rtpfb.nack_pid", numbers);
    set("sdes.text", texts);
    if let (Some(e), Some(m)) = (exponent.first(), mantissa.first()) {
        let bitrate = m.parse::<u64>().unwrap() << e.parse::<u32>().unwrap();
        set("bitrate", vec![bitrate.to_string()]);
    }
    if fields.contains_key("rtcp.rtpfb.transportcc.baseseq") {
        let received = vec![deltas.to_string()];
        fields.insert("rtcp.received".to_owned(), received);
    }
    if kinds.contains(&"207".to_owned()) {
        // It prints a date.
        let written = (0xE000_0001_u64 << 32 | 0x4000_0000).to_string();
        fields.insert("rtcp.reference".to_owned(), vec![written]);
    }
}

#[test]
fn datagrams_say_to_us_what_they_say_to_wireshark() {
    let mut compared = BTreeSet::new();
    for Captured { bytes, mut fields } in captured() {
        translate(&mut fields);
        let mut ours = Fields::new();
        parse(&bytes, |event| in_their_words(&event, &mut ours)).unwrap();
        assert_eq!(ours, fields, "{bytes:02x?}");
        compared.extend(fields.into_keys());
    }
    assert!(compared.len() > 55, "fields compared: {compared:?}");
}

/// All that a datagram says, one after the other.
fn told(datagram: &[u8]) -> Result<Vec<String>, RtcpError> {
    let mut seen = Vec::new();
    let done = parse(datagram, |event| seen.push(format!("{event:?}")));
    if done.is_err() {
        assert!(seen.is_empty(), "half applied: {seen:?}");
    }
    done.map(|()| seen)
}

#[test]
fn the_packets_of_a_compound_say_alone_what_they_say_together() {
    for Captured { bytes, .. } in captured() {
        let (mut alone, mut rest) = (Vec::new(), &bytes[..]);
        while !rest.is_empty() {
            let words = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
            let (packet, after) = rest.split_at(4 + words * 4);
            alone.extend(told(packet).unwrap());
            rest = after;
        }
        assert_eq!(alone, told(&bytes).unwrap());
    }
}

/// Padding is no contents, however much a packet claims to have.
#[test]
fn what_padding_stands_in_for_is_missing() {
    for (kind, contents, claimed, error) in [
        (200, 24, 24, RtcpError::SenderReport),
        (201, 4, 24, RtcpError::ReceiverReport),
        (202, 0, 8, RtcpError::Description),
        (203, 0, 4, RtcpError::Goodbye),
    ] {
        let len = contents + claimed;
        let mut datagram = vec![0x81, kind, 0, (len / 4) as u8];
        datagram.resize(4 + len, 0);
        assert!(told(&datagram).is_ok(), "{kind} without padding");
        datagram[0] |= 0x20;
        *datagram.last_mut().unwrap() = claimed as u8;
        assert_eq!(told(&datagram), Err(error));
    }
}

/// The bytes of padding before the last are anything (RFC 3550 §6.4.1), and no reason for leaving.
#[test]
fn a_goodbye_is_read_up_to_its_padding() {
    let padded = [0xa1, 203, 0, 2, 0, 0, 0, 7, 4, 4, 4, 4];
    assert_eq!(told(&padded).unwrap(), ["Goodbye { ssrc: 7 }"]);
    let reason = [0xa1, 203, 0, 3, 0, 0, 0, 7, 3, b'b', b'y', b'e', 9, 9, 9, 4];
    assert_eq!(told(&reason).unwrap(), ["Goodbye { ssrc: 7 }"]);
    let mut long = reason;
    long[8] = 4; // into the padding
    assert_eq!(told(&long), Err(RtcpError::Goodbye));
    assert_eq!(told(&[0x81, 203, 0, 0]), Err(RtcpError::Goodbye));
}

#[test]
fn a_cut_datagram_says_nothing() {
    for Captured { bytes, .. } in captured() {
        let mut boundaries = vec![0];
        while boundaries.last() < Some(&bytes.len()) {
            let at = *boundaries.last().unwrap();
            let words = usize::from(u16::from_be_bytes([bytes[at + 2], bytes[at + 3]]));
            boundaries.push(at + 4 + words * 4);
        }
        for cut in (0..bytes.len()).filter(|cut| !boundaries[1..].contains(cut)) {
            let short = if cut < 4 {
                RtcpError::TooShort
            } else {
                RtcpError::Length
            };
            assert_eq!(told(&bytes[..cut]), Err(short), "{cut} of {bytes:02x?}");
        }
    }
}

/// A datagram as the other crate writes it.
fn written(packet: &impl RtcpPacketWriter) -> Vec<u8> {
    let mut bytes = vec![0; packet.calculate_size().unwrap()];
    packet.write_into(&mut bytes).unwrap();
    bytes
}

fn statuses() -> impl Strategy<Value = Vec<TwccPacketStatus>> {
    let status = prop_oneof![
        Just(TwccPacketStatus::NotReceived),
        any::<i16>().prop_map(|delta| TwccPacketStatus::Received { delta }),
        (0_i16..256).prop_map(|delta| TwccPacketStatus::Received { delta }),
    ];
    // Runs of one status as well as changes.
    prop::collection::vec((status, 1_usize..20), 1..20)
        .prop_map(|runs| runs.into_iter().flat_map(|(s, n)| vec![s; n]).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

    #[test]
    fn what_another_crate_wrote_is_read(
        ssrc in any::<u32>(),
        peer in any::<u32>(),
        ntp in any::<u64>(),
        words in any::<[u32; 4]>(),
        fraction in any::<u8>(),
        lost in 0_u32..1 << 24,
        numbers in prop::collection::btree_set(any::<u16>(), 1..60),
        command in any::<u8>(),
        statuses in statuses(),
        padding in 0_u8..3,
    ) {
        let [a, b, c, d] = words;
        let block = ReportBlock::builder(peer)
            .fraction_lost(fraction)
            .cumulative_lost(lost)
            .extended_sequence_number(a)
            .interarrival_jitter(b)
            .last_sender_report_timestamp(c)
            .delay_since_last_sender_report_timestamp(d);
        let again = ReportBlock::builder(peer).cumulative_lost(lost);
        let mut nack = Nack::builder();
        for &number in &numbers {
            nack = nack.add_rtp_sequence(number);
        }
        let twcc = Twcc::builder(7, a >> 8, command, &statuses, None);
        let received = statuses.iter().filter(|s| **s != TwccPacketStatus::NotReceived).count();
        let dlrr = DelaySinceLastReceiverReportBlock::builder()
            .ssrc(peer)
            .last_receiver_report(c)
            .delay_since_last_receiver_report_timestamp(d);
        let compound = Compound::builder()
            .add_packet(SenderReport::builder(ssrc).ntp_timestamp(ntp).rtp_timestamp(a).packet_count(b).octet_count(c).add_report_block(block))
            .add_packet(Sdes::builder().add_chunk(SdesChunk::builder(ssrc).add_item(SdesItem::builder(SdesItem::CNAME, "them"))))
            .add_packet(TransportFeedback::builder_owned(nack).sender_ssrc(ssrc).media_ssrc(peer))
            .add_packet(PayloadFeedback::builder_owned(Pli::builder()).sender_ssrc(ssrc).media_ssrc(peer))
            .add_packet(PayloadFeedback::builder_owned(Fir::builder().add_ssrc(peer, command)).sender_ssrc(ssrc))
            .add_packet(TransportFeedback::builder_owned(twcc).sender_ssrc(ssrc).media_ssrc(peer))
            .add_packet(Xr::builder().sender_ssrc(ssrc)
                .add_block(ReceiverReferenceTime::builder().ntp_timestamp(ntp))
                .add_block(DelaySinceLastReceiverReport::builder().add_block(dlrr)))
            .add_packet(Bye::builder().add_source(ssrc).reason("enough"))
            // (That crate's writer of goodbyes puts padding behind a reason where it does not belong.)
            .add_packet(ReceiverReport::builder(ssrc).add_report_block(again).padding(padding * 4));

        let mut nacked = BTreeSet::new();
        let mut kinds = Vec::new();
        let signed = (lost << 8) as i32 >> 8;
        parse(&written(&compound), |event| {
            kinds.push(match event {
                Event::SenderReport(i) => {
                    assert_eq!((i.ssrc, i.ntp, i.rtp_timestamp, i.packets, i.octets), (ssrc, ntp, a, b, c));
                    assert_eq!(i.middle(), (ntp >> 16) as u32);
                    "sr"
                }
                Event::Report { reporter, block } if kinds.len() < 2 => {
                    assert_eq!((reporter, block.ssrc, block.fraction_lost), (ssrc, peer, fraction));
                    assert_eq!((block.cumulative_lost, block.highest_sequence), (signed, a));
                    assert_eq!((block.jitter_ticks, block.last_report, block.delay), (b, c, d));
                    "block"
                }
                Event::Report { reporter, block } => {
                    assert_eq!((reporter, block.cumulative_lost, block.fraction_lost), (ssrc, signed, 0));
                    "block"
                }
                Event::Description(of) => {
                    assert_eq!((of.ssrc, of.cname()), (ssrc, Some(&b"them"[..])));
                    "sdes"
                }
                Event::Nack(n) => {
                    assert_eq!((n.sender_ssrc, n.media_ssrc), (ssrc, peer));
                    nacked.extend(n.numbers());
                    "nack"
                }
                Event::PictureLoss(p) => {
                    assert_eq!((p.sender_ssrc, p.media_ssrc), (ssrc, peer));
                    "pli"
                }
                Event::FullIntraRequest(f) => {
                    assert_eq!((f.sender_ssrc, f.media_ssrc, f.sequence), (ssrc, peer, command));
                    "fir"
                }
                Event::TransportFeedback(t) => {
                    assert_eq!((t.base_sequence, t.reference_time, t.feedback_count), (7, a >> 8, command));
                    assert_eq!((usize::from(t.packets), usize::from(t.received)), (statuses.len(), received));
                    "transport"
                }
                Event::ReferenceTime { reporter, ntp: time } => {
                    assert_eq!((reporter, time), (ssrc, ntp));
                    "time"
                }
                Event::Reply(r) => {
                    assert_eq!((r.reporter, r.ssrc, r.last_report, r.delay), (ssrc, peer, c, d));
                    "reply"
                }
                Event::Goodbye { ssrc: gone } => {
                    assert_eq!(gone, ssrc);
                    "bye"
                }
                other => panic!("{other:?}"),
            });
        }).unwrap();
        prop_assert_eq!(nacked, numbers);
        let all = ["sr", "block", "sdes", "nack", "pli", "fir", "transport", "time", "reply", "bye", "block"];
        prop_assert_eq!(kinds, all);
    }
}

/// A plain generator: the same bytes on every run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (self.0 >> 33) as usize % below
    }
}

#[test]
fn damage_is_told_by_reason_and_never_panics() {
    let whole = captured();
    let mut random = Random(3);
    let mut seen = BTreeMap::new();
    let rounds = if cfg!(miri) { 100 } else { 100_000 };
    for _ in 0..rounds {
        // A few packets of real datagrams, one after the other, and some bytes of them wrong.
        let mut bytes = whole[random.next(whole.len())].bytes.clone();
        for _ in 0..random.next(4) {
            let at = random.next(bytes.len());
            // More often than not in a header, where lengths and types are.
            let at = if random.next(2) == 0 { at % 16 } else { at };
            bytes[at.min(whole[0].bytes.len() - 1)] ^= 1 << random.next(8);
        }
        if random.next(20) == 0 {
            bytes.truncate(random.next(bytes.len()));
        }
        match told(&bytes) {
            Ok(events) => {
                assert!(
                    events.len() <= bytes.len() / 4,
                    "{} of {}",
                    events.len(),
                    bytes.len()
                );
                *seen.entry("fine").or_insert(0) += 1;
            }
            Err(e) => *seen.entry(e.reason()).or_insert(0) += 1,
        }
    }
    if !cfg!(miri) {
        let reasons: BTreeSet<_> = RtcpError::ALL.iter().map(|e| e.reason()).collect();
        assert_eq!(reasons.len(), RtcpError::ALL.len(), "no two alike");
        let missed: Vec<_> = reasons.iter().filter(|r| !seen.contains_key(*r)).collect();
        assert!(missed.is_empty(), "never seen: {missed:?} in {seen:?}");
        assert!(seen["fine"] > 1_000, "{seen:?}");
    }
}

#[test]
fn garbage_never_panics() {
    let mut random = Random(5);
    let rounds = if cfg!(miri) { 200 } else { 200_000 };
    let mut fine = 0;
    for _ in 0..rounds {
        let len = random.next(64);
        let mut bytes: Vec<u8> = (0..len).map(|_| random.next(256) as u8).collect();
        // As far in as possible: version 2, a type that is read, a length that can be.
        for (at, (keep, set)) in [(0x3f, 0x80), (7, 200), (0, 0), (7, 0)]
            .into_iter()
            .enumerate()
        {
            if let Some(byte) = bytes.get_mut(at) {
                *byte = (*byte & keep) | set;
            }
        }
        fine += u32::from(told(&bytes).is_ok());
    }
    assert!(cfg!(miri) || fine > 100, "both ways were taken: {fine}");
}

#[test]
fn reading_allocates_nothing() {
    let all = captured();
    let bytes: Vec<&[u8]> = all.iter().map(|c| &c.bytes[..]).collect();
    let mut numbers = 0_u64;
    let used = allocation_counter::measure(|| {
        for datagram in bytes {
            parse(datagram, |event| match event {
                Event::Nack(nack) => numbers += nack.numbers().count() as u64,
                Event::Description(of) => numbers += of.items().count() as u64,
                Event::Remb(remb) => numbers += remb.media_ssrcs().count() as u64,
                _ => numbers += 1,
            })
            .unwrap();
        }
    });
    assert_eq!(used.count_total, 0);
    assert!(numbers > 100, "{numbers}");
}
