//! The generated streams: one for each thing that can happen to a stream, and for each rule in which
//! tools differ.
//!
//! Lives here: what is sent, what becomes of it, and which rules of others it shows. Not here: how the
//! tools are asked.

use media_metrics_tests::disagreement::Rule::{self, *};
use media_metrics_tests::plan::Plan;
use media_metrics_tests::traffic::{EPOCH_NS, Marker, Path, Source};

/// A stream and the rules by which others read it differently.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) clock_rate: u32,
    pub(crate) path: Path,
    /// Rules of tshark.
    pub(crate) tshark: &'static [Rule],
    /// Rules of RFC 3550 Appendix A besides [`Probation`], which every stream shows.
    pub(crate) letter: &'static [Rule],
}

const MS: u64 = 1_000_000;

/// A plan that leaves the first and the last packets alone, so that all it does shows.
const fn plan(seed: u64, packets: u64, lose: u64, burst: u64, double: u64, swap: u64) -> Plan {
    Plan {
        seed,
        harmed: 10..packets - 10,
        lose,
        burst,
        double,
        swap,
    }
}

fn audio(frames: u64) -> Path {
    Path::new(Source::audio(0).send(frames, EPOCH_NS))
}

fn of(source: &Source, frames: u64) -> Path {
    Path::new(source.send(frames, EPOCH_NS))
}

/// All of them. The SSRC of a stream is its place in the list, plus 1.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = losses();
    cases.extend(order());
    cases.extend(numbers());
    cases.extend(media());
    cases.extend(timing());
    for (n, case) in cases.iter_mut().enumerate() {
        for packet in &mut case.path.packets {
            packet.set_ssrc(n as u32 + 1);
        }
    }
    cases
}

fn case(name: &'static str, path: Path, tshark: &'static [Rule], letter: &'static [Rule]) -> Case {
    Case {
        name,
        clock_rate: 8_000,
        path,
        tshark,
        letter,
    }
}

fn losses() -> Vec<Case> {
    let queued = |path: Path| path.queue(11, 15 * MS);
    vec![
        case("a clean stream", audio(500), &[], &[]),
        case("a queue", queued(audio(1_000)), &[], &[]),
        case(
            "independent losses",
            queued(audio(2_000).harm(&plan(1, 2_000, 30, 1, 0, 0))),
            &[],
            &[],
        ),
        case(
            "bursts of losses",
            queued(audio(2_000).harm(&plan(2, 2_000, 10, 8, 0, 0))),
            &[],
            &[],
        ),
        case(
            "a gap of 2,500",
            queued(audio(6_000).drop_range(1_000..3_500)),
            &[],
            &[],
        ),
        case(
            "duplicates",
            queued(audio(1_000).harm(&plan(3, 1_000, 0, 1, 40, 0))),
            &[DuplicatesStep],
            &[DuplicatesStep],
        ),
        case(
            "more duplicates than losses",
            queued(audio(1_000).harm(&plan(4, 1_000, 5, 1, 60, 0))),
            &[DuplicatesStep],
            &[DuplicatesStep],
        ),
    ]
}

fn order() -> Vec<Case> {
    vec![
        case(
            "neighbours swapped",
            audio(1_000)
                .queue(5, 5 * MS)
                .harm(&plan(5, 1_000, 0, 1, 0, 40)),
            &[LateSteps],
            &[LateSteps],
        ),
        case(
            "all harms at once",
            audio(3_000)
                .queue(6, 5 * MS)
                .harm(&plan(6, 3_000, 20, 2, 20, 20)),
            &[LateSteps, DuplicatesStep],
            &[LateSteps, DuplicatesStep],
        ),
        case(
            "the last packet is late",
            audio(300).queue(7, 5 * MS).hold_back(297, 2),
            &[LateSteps, EndsWithLast],
            &[LateSteps],
        ),
        case(
            "the lowest number comes fourth",
            audio(300).queue(8, 5 * MS).hold_back(0, 3),
            &[LateSteps, EarlyLeftOut, BeginsWithFirst],
            &[LateSteps, BeginsWithFirst],
        ),
        case(
            "300 packets late",
            audio(1_000).queue(9, 5 * MS).hold_back(200, 300),
            &[LateSteps],
            &[MisorderOf100],
        ),
        case(
            "2,000 packets late",
            audio(2_500).queue(12, 5 * MS).hold_back(200, 2_000),
            &[LateSteps, FarBehindCounts],
            &[MisorderOf100],
        ),
        case(
            "two in a row 300 packets late",
            audio(1_000)
                .queue(10, 5 * MS)
                .hold_back(200, 300)
                .hold_back(200, 300),
            &[LateSteps],
            &[
                MisorderOf100,
                OldPairRestarts,
                RestartForgets,
                RestartCompared,
            ],
        ),
        Case {
            clock_rate: 90_000,
            ..case(
                "the first frame's packets swapped",
                of(&Source::video(0), 100).hold_back(0, 2),
                &[
                    BeginsWithFirst,
                    CyclesGuessed,
                    EveryPacketSteps,
                    LateSteps,
                    MarkedLeftOut,
                ],
                &[BeginsWithFirst, EveryPacketSteps, LateSteps],
            )
        },
    ]
}

fn numbers() -> Vec<Case> {
    let source = Source::audio(0);
    let late_sequence = Source {
        sequence: 65_400,
        ..Source::audio(0)
    };
    let late_timestamp = Source {
        timestamp: u32::MAX - 30_000,
        ..Source::audio(0)
    };
    let two_wraps = Source {
        sequence: 60_000,
        payload: 20,
        ..Source::audio(0)
    };
    let before = of(&source, 400).queue(13, 5 * MS);
    let anew = Source {
        sequence: 30_000,
        timestamp: 900_000_000,
        ..source
    };
    let after = Path::new(anew.send(400, before.end_ns() + 20 * MS)).queue(14, 5 * MS);
    vec![
        case(
            "the sequence number wraps, with losses around",
            of(&late_sequence, 600).harm(&plan(15, 600, 100, 2, 0, 0)),
            &[],
            &[],
        ),
        case(
            "the timestamp wraps",
            of(&late_timestamp, 600).queue(16, 5 * MS),
            &[],
            &[],
        ),
        case(
            "two wraps",
            of(&two_wraps, 72_000).harm(&plan(17, 72_000, 10, 3, 0, 0)),
            &[],
            &[],
        ),
        case(
            "the sender begins anew",
            before.then(after),
            &[NoRestart],
            &[RestartForgets, RestartCompared],
        ),
    ]
}

fn media() -> Vec<Case> {
    let video = |case: Case| Case {
        clock_rate: 90_000,
        ..case
    };
    let marked = Source {
        marker: Marker::Always,
        ..Source::audio(0)
    };
    let dynamic = Source {
        payload_type: 96,
        ..Source::video(0)
    };
    let long_headers = Source {
        csrcs: 3,
        extension: Some(5),
        ..Source::audio(0)
    };
    let mut padding = audio(400).queue(24, 5 * MS);
    for packet in padding.packets.iter_mut().skip(50).step_by(7) {
        packet.only_padding(160);
    }
    vec![
        video(case(
            "video",
            of(&Source::video(0), 300).queue(20, 3 * MS),
            &[EveryPacketSteps, MarkedLeftOut],
            &[EveryPacketSteps],
        )),
        video(case(
            "video with losses",
            of(&Source::video(0), 300).harm(&plan(21, 660, 40, 3, 0, 0)),
            &[EveryPacketSteps, MarkedLeftOut],
            &[EveryPacketSteps],
        )),
        case(
            "every packet marked",
            of(&marked, 300).queue(22, 5 * MS),
            &[MarkedLeftOut],
            &[],
        ),
        video(case(
            "a dynamic payload type without SDP",
            of(&dynamic, 300).queue(23, 300_000),
            &[NoClockRate],
            &[EveryPacketSteps],
        )),
        case(
            "CSRCs and a header extension",
            of(&long_headers, 300).queue(25, 5 * MS),
            &[],
            &[],
        ),
        case("packets of padding alone", padding, &[], &[]),
        case(
            "telephone events",
            telephone_events().queue(26, 5 * MS),
            &[EveryPacketSteps, EventsLeftOut],
            &[EveryPacketSteps],
        ),
        case(
            "comfort noise",
            comfort_noise().queue(27, 5 * MS),
            &[NoiseLeftOut],
            &[],
        ),
        case(
            "silence",
            silence().queue(28, 5 * MS),
            &[MarkedLeftOut],
            &[],
        ),
    ]
}

/// RFC 4733: in each second, an event of ten packets with the timestamp of its beginning, the last of
/// them three times.
fn telephone_events() -> Path {
    let mut packets = Source::audio(0).send(500, EPOCH_NS);
    for event in packets.chunks_mut(50) {
        let begin = 50_000 + event[0].number as u32 * 160;
        for packet in &mut event[..10] {
            packet.set_payload_type(101);
            packet.set_timestamp(begin);
        }
    }
    Path::new(packets)
}

/// RFC 3389: each tenth packet is comfort noise.
fn comfort_noise() -> Path {
    let mut packets = Source::audio(0).send(500, EPOCH_NS);
    for packet in packets.iter_mut().skip(9).step_by(10) {
        packet.set_payload_type(13);
    }
    Path::new(packets)
}

/// Half a second of talk, a second of nothing, and the marker at the next talk spurt (RFC 3551 §4.1).
fn silence() -> Path {
    let mut packets = Source::audio(0).send(200, EPOCH_NS);
    for (n, packet) in packets.iter_mut().enumerate() {
        let pauses = n as u64 / 25;
        packet.at_ns += pauses * 1_000 * MS;
        packet.set_timestamp(50_000 + n as u32 * 160 + pauses as u32 * 8_000);
        if n % 25 == 0 {
            packet.mark();
        }
    }
    Path::new(packets)
}

fn timing() -> Vec<Case> {
    let skewed = |ppm| Source {
        skew_ppm: ppm,
        ..Source::audio(0)
    };
    let music = Source {
        payload_type: 11,
        clock_rate: 44_100,
        frame_ticks: 882,
        ..Source::audio(0)
    };
    vec![
        case(
            "a clock 300 ppm fast",
            of(&skewed(300), 1_500).queue(30, 5 * MS),
            &[],
            &[],
        ),
        case(
            "a clock 300 ppm slow",
            of(&skewed(-300), 1_500).queue(31, 5 * MS),
            &[],
            &[],
        ),
        Case {
            clock_rate: 44_100,
            ..case(
                "44,100 Hz",
                of(&music, 500).queue(32, 5 * MS),
                &[WholeKilohertz],
                &[],
            )
        },
    ]
}
