//! Every rule by which tshark or RFC 3550's own code comes to another figure than we do.
//!
//! The table is the truth of `docs/rtp-statistics.md`, where people read it: a test compares. Each
//! rule is a switch of [`crate::reading`], and each capture under comparison names the rules that it
//! shows: a rule that no capture needs, or a difference that no rule explains, is a failed test.

use crate::figures::{Figure, Figures};
use crate::reading::{Arrived, read};

/// A rule of somebody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// The first of two packets that prove a source is not counted.
    Probation,
    /// Packets 100 or more behind are not counted.
    MisorderOf100,
    /// Two such packets in sequence are a restart.
    OldPairRestarts,
    /// Packets 1,024 or more behind fill their gap.
    FarBehindCounts,
    /// A restart forgets all before it, and the packet that announced it.
    RestartForgets,
    /// The first packet after a restart is compared with the last before it.
    RestartCompared,
    /// There are no restarts: the numbers between are lost.
    NoRestart,
    /// Expected begins with the first packet to arrive.
    BeginsWithFirst,
    /// Expected ends with the last packet to arrive.
    EndsWithLast,
    /// Wraps are guessed from numbers below the first to arrive.
    CyclesGuessed,
    /// Jitter steps for every packet of a frame.
    EveryPacketSteps,
    /// Jitter steps for late packets, and the next packet is compared with them.
    LateSteps,
    /// Packets from before the first to arrive count for no jitter and no delta.
    EarlyLeftOut,
    /// Jitter steps for duplicates.
    DuplicatesStep,
    /// Marked packets count neither for mean and maximum of the jitter nor for the longest delta.
    MarkedLeftOut,
    /// The same for comfort noise and the packet after it.
    NoiseLeftOut,
    /// Jitter does not step for telephone events.
    EventsLeftOut,
    /// The clock rate is cut to whole kilohertz.
    WholeKilohertz,
    /// Without a clock rate there is no jitter.
    NoClockRate,
}

/// Who else has figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peer {
    /// `tshark -z rtp,streams`.
    Tshark,
    /// RFC 3550 Appendix A, to the letter.
    Letter,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Disagreement {
    /// The switch.
    pub rule: Rule,
    /// The figure that differs.
    pub figure: &'static str,
    /// What tshark does; empty where it does as we do.
    pub tshark: &'static str,
    /// What RFC 3550 Appendix A does to the letter; empty where it does as we do.
    pub letter: &'static str,
    /// What we do.
    pub ours: &'static str,
    /// What decides.
    pub decides: &'static str,
    /// The figure of the example.
    pub example: Figure,
}

impl Disagreement {
    /// Whose rule it is.
    #[must_use]
    pub fn peers(&self) -> Vec<Peer> {
        [(Peer::Tshark, self.tshark), (Peer::Letter, self.letter)]
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(peer, _)| peer)
            .collect()
    }
}

/// All of them.
pub const TABLE: &[Disagreement] = &[
    Disagreement {
        rule: Rule::Probation,
        figure: "packets, expected, jitter",
        tshark: "",
        letter: "counts from the second of two packets in sequence",
        ours: "count from the first packet",
        decides: "A.1 asks whether a source is one, and who made the stream has answered; §6.4.1 counts \"since the beginning of reception\"",
        example: Figure::Packets,
    },
    Disagreement {
        rule: Rule::MisorderOf100,
        figure: "packets, lost",
        tshark: "",
        letter: "a packet 100 or more behind is invalid: it stays lost",
        ours: "a packet less than 1,024 behind fills its gap",
        decides: "§6.4.1: received \"includes any which are late\"; A.1 calls its limit a typical value, for 50 packets a second",
        example: Figure::CumulativeLost,
    },
    Disagreement {
        rule: Rule::OldPairRestarts,
        figure: "all",
        tshark: "",
        letter: "two packets in sequence, 100 or more behind, are a restart",
        ours: "late packets are late. Farther behind than 1,024, old timestamps tell them from a restart",
        decides: "A.1 assumes \"that the other side restarted\"; the timestamps (§5.1) say that it did not",
        example: Figure::Expected,
    },
    Disagreement {
        rule: Rule::FarBehindCounts,
        figure: "lost",
        tshark: "a packet counts, however late",
        letter: "",
        ours: "1,024 or more behind it can't be told from a duplicate: it is in `packets`, and fills no gap",
        decides: "A.1: a packet far behind is not counted at all",
        example: Figure::CumulativeLost,
    },
    Disagreement {
        rule: Rule::RestartForgets,
        figure: "packets, expected, lost",
        tshark: "",
        letter: "a restart begins all counts anew, without the packet that announced it",
        ours: "totals go on, `restarts` says how often, and both packets count",
        decides: "A.1 says \"pretend this was the first packet\", for its next report; whoever reads totals wants them never to go back",
        example: Figure::Packets,
    },
    Disagreement {
        rule: Rule::RestartCompared,
        figure: "jitter",
        tshark: "",
        letter: "the first packet after a restart is compared with the last before it",
        ours: "no comparison across a restart; the value stays",
        decides: "§6.4.1: D is the difference of spacing at sender and receiver, and the timestamps of two runs share no origin (§5.1)",
        example: Figure::JitterMax,
    },
    Disagreement {
        rule: Rule::NoRestart,
        figure: "lost, jitter",
        tshark: "knows no restart: all numbers between the runs are lost, and the runs are compared",
        letter: "",
        ours: "two packets in sequence far from the others begin a new run",
        decides: "A.1: two sequential packets, \"assume that the other side restarted\"",
        example: Figure::CumulativeLost,
    },
    Disagreement {
        rule: Rule::BeginsWithFirst,
        figure: "expected, lost",
        tshark: "expected begins with the first packet to arrive",
        letter: "the same",
        ours: "with the lowest number of the run",
        decides: "A.3 has \"the first sequence number received\", so one early packet is a loss of -1 without a duplicate; §6.4.1 wants the packets lost",
        example: Figure::CumulativeLost,
    },
    Disagreement {
        rule: Rule::EndsWithLast,
        figure: "expected, lost",
        tshark: "expected ends with the last packet to arrive, late or not",
        letter: "",
        ours: "with the highest number",
        decides: "A.3: \"the highest sequence number received\"",
        example: Figure::CumulativeLost,
    },
    Disagreement {
        rule: Rule::CyclesGuessed,
        figure: "lost",
        tshark: "a number below the first to arrive, with the first's timestamp, counts as a wrap: 65,536 too many",
        letter: "",
        ours: "a wrap is a wrap",
        decides: "A.1: a small step back is reordering, not a wrap",
        example: Figure::CumulativeLost,
    },
    Disagreement {
        rule: Rule::EveryPacketSteps,
        figure: "jitter",
        tshark: "steps for every packet of a frame",
        letter: "the same",
        ours: "once a frame, on the first packet that brings its timestamp",
        decides: "§6.4.1 says \"each data packet\", of audio true. §5.1: packets of one frame have one timestamp; RFC 5450 §1: jitter presumes that packets leave by their timestamps, and those of a burst don't",
        example: Figure::JitterMean,
    },
    Disagreement {
        rule: Rule::LateSteps,
        figure: "jitter",
        tshark: "steps for late packets, and the next packet is compared with them",
        letter: "the same",
        ours: "late packets don't step: `out_of_order` counts them",
        decides: "§6.4.1 says \"in order of arrival (not necessarily in sequence)\": here the letter is against us. A late packet's lateness would count twice, and is in `out_of_order` already",
        example: Figure::JitterMax,
    },
    Disagreement {
        rule: Rule::EarlyLeftOut,
        figure: "jitter, max_delta",
        tshark: "leaves out packets with a timestamp before the first packet's",
        letter: "",
        ours: "late packets don't step, early ones neither; the longest delta is between any two arrivals",
        decides: "§6.4.1, as above",
        example: Figure::JitterMean,
    },
    Disagreement {
        rule: Rule::DuplicatesStep,
        figure: "jitter",
        tshark: "steps for duplicates",
        letter: "the same",
        ours: "duplicates don't step",
        decides: "§6.4.1, as above: a copy tells of what copies, and `duplicates` counts it",
        example: Figure::JitterMean,
    },
    Disagreement {
        rule: Rule::MarkedLeftOut,
        figure: "jitter mean and max, max_delta",
        tshark: "leaves out marked packets, but divides the mean by all",
        letter: "",
        ours: "the marker says nothing about time",
        decides: "§5.1: what the marker means is the profile's; §6.4.1 makes no exception for it",
        example: Figure::JitterMean,
    },
    Disagreement {
        rule: Rule::NoiseLeftOut,
        figure: "jitter mean and max, max_delta",
        tshark: "leaves out comfort noise (RFC 3389) and the packet after it",
        letter: "",
        ours: "a packet is a packet",
        decides: "§6.4.1 makes no exception; RFC 3389 §4: its timestamps are of the same clock",
        example: Figure::JitterMean,
    },
    Disagreement {
        rule: Rule::EventsLeftOut,
        figure: "jitter",
        tshark: "doesn't step for telephone events, and then compares the next packet with the event's time, but with the timestamp of the packet before",
        letter: "",
        ours: "an event is a frame: its first packet steps, its updates share the timestamp",
        decides: "RFC 4733 §2.2.1: the timestamp is that of the event's beginning",
        example: Figure::JitterMax,
    },
    Disagreement {
        rule: Rule::WholeKilohertz,
        figure: "jitter",
        tshark: "cuts the clock rate to whole kilohertz: 44,100 Hz are 44,000 Hz",
        letter: "",
        ours: "44,100 Hz is 44,100 Hz",
        decides: "RFC 3551 §6, table 4: payload types 10 and 11 are of 44,100 Hz",
        example: Figure::JitterMean,
    },
    Disagreement {
        rule: Rule::NoClockRate,
        figure: "jitter",
        tshark: "prints 0 where no SDP told the clock rate of a dynamic payload type",
        letter: "",
        ours: "takes it from `--clock-rate`, SDP, sender reports, or the media itself, and says from where",
        decides: "§5.1: the clock rate is the format's; §6.4.1: a sender report tells RTP time with wall-clock time",
        example: Figure::JitterMean,
    },
];

/// A difference that nothing explains, in a sentence.
pub type Surprise = String;

/// Holds `theirs` against the packets: they must be what `rules` make of them.
#[must_use]
pub fn explain(
    arrived: &[Arrived],
    clock_rate: u32,
    rules: &[Rule],
    theirs: &Figures,
    tolerance_ms: f64,
) -> Vec<Surprise> {
    let explained = read(arrived, clock_rate, rules);
    differences(&explained, theirs, tolerance_ms)
}

/// The rules without which all of `theirs` are explained as well.
#[must_use]
pub fn idle(
    arrived: &[Arrived],
    clock_rate: u32,
    rules: &[Rule],
    theirs: &Figures,
    tolerance_ms: f64,
) -> Vec<Surprise> {
    let explained_without = |rule: &&Rule| {
        let others: Vec<Rule> = rules.iter().copied().filter(|r| r != *rule).collect();
        explain(arrived, clock_rate, &others, theirs, tolerance_ms).is_empty()
    };
    rules
        .iter()
        .filter(explained_without)
        .map(|rule| format!("{rule:?} explains nothing: they agree without it"))
        .collect()
}

/// The figures of `theirs` that are not those of `ours`.
#[must_use]
pub fn differences(ours: &Figures, theirs: &Figures, tolerance_ms: f64) -> Vec<Surprise> {
    let mut found = Vec::new();
    for (figure, theirs) in theirs {
        let Some(ours) = ours.get(figure) else {
            found.push(format!("{figure:?}: {theirs}, which nobody computes here"));
            continue;
        };
        let apart = (ours - theirs).abs();
        let allowed = if figure.is_time() { tolerance_ms } else { 0.0 };
        if apart > allowed {
            found.push(format!(
                "{figure:?}: {theirs}, where the packets say {ours}"
            ));
        }
    }
    found
}
