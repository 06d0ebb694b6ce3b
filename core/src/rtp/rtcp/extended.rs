//! Extended reports (XR, RFC 3611): reference times and statistics summary.
//!
//! Lives here: blocks as they stand on the wire. Not here: the words of VoIP metrics (`voip`); run-length
//! and receipt-time blocks, which are skipped; RTT (`rtp::feedback`).
//!
//! Summary and metrics are kept as their bytes, and read when asked: so they can be published and read
//! back as a few words, and say what the peer said.

use std::fmt;

use super::packets::{Packet, half, word};
use super::{Event, RtcpError, VoipMetrics};

/// One sub-block of a DLRR: what a receiver needs to compute its RTT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// Who answers.
    pub reporter: u32,
    /// Whom it answers.
    pub ssrc: u32,
    /// The middle 32 bits of the NTP time of the last reference time received; 0 for none (LRR).
    pub last_report: u32,
    /// Time from that to this reply, in 1/65,536 s (DLRR).
    pub delay: u32,
}

/// Least, largest, mean and standard deviation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spread {
    /// Least.
    pub min: u32,
    /// Largest.
    pub max: u32,
    /// Mean.
    pub mean: u32,
    /// Standard deviation.
    pub deviation: u32,
}

/// What a receiver says of an interval of sequence numbers (RFC 3611 §4.6).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StatisticsSummary {
    /// Flags, 3 bytes of nothing, then the block from its SSRC on.
    bytes: [u8; 40],
}

impl StatisticsSummary {
    pub(crate) const WORDS: usize = 5;

    /// About whom.
    #[must_use]
    pub fn ssrc(&self) -> u32 {
        word(&self.bytes, 4)
    }

    /// First number of the interval.
    #[must_use]
    pub fn begin_sequence(&self) -> u16 {
        half(&self.bytes, 8)
    }

    /// The number after the interval's last.
    #[must_use]
    pub fn end_sequence(&self) -> u16 {
        half(&self.bytes, 10)
    }

    /// Packets lost in the interval, if the peer counted them.
    #[must_use]
    pub fn lost(&self) -> Option<u32> {
        self.flag(0x80).then(|| word(&self.bytes, 12))
    }

    /// Duplicate packets in the interval, if the peer counted them.
    #[must_use]
    pub fn duplicates(&self) -> Option<u32> {
        self.flag(0x40).then(|| word(&self.bytes, 16))
    }

    /// Differences of relative transit times in the interval, RTP ticks, if the peer measured them.
    #[must_use]
    pub fn jitter_ticks(&self) -> Option<Spread> {
        let [min, max, mean, deviation] = [20, 24, 28, 32].map(|at| word(&self.bytes, at));
        self.flag(0x20).then_some(Spread {
            min,
            max,
            mean,
            deviation,
        })
    }

    /// Time to live (IPv4) or hop limit (IPv6) of the packets in the interval, if the peer looked.
    #[must_use]
    pub fn hops(&self) -> Option<Spread> {
        let [min, max, mean, deviation] = word(&self.bytes, 36).to_be_bytes().map(u32::from);
        self.flag(0x18).then_some(Spread {
            min,
            max,
            mean,
            deviation,
        })
    }

    fn flag(&self, mask: u8) -> bool {
        self.bytes.first().is_some_and(|flags| flags & mask != 0)
    }

    /// The block as words, to publish.
    pub(crate) fn words(&self) -> [u64; Self::WORDS] {
        to_words(&self.bytes)
    }

    pub(crate) fn from_words(words: [u64; Self::WORDS]) -> Self {
        let mut bytes = [0; 40];
        from_words(&words, &mut bytes);
        Self { bytes }
    }
}

impl fmt::Debug for StatisticsSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatisticsSummary")
            .field("ssrc", &self.ssrc())
            .field("begin_sequence", &self.begin_sequence())
            .field("end_sequence", &self.end_sequence())
            .field("lost", &self.lost())
            .field("duplicates", &self.duplicates())
            .field("jitter_ticks", &self.jitter_ticks())
            .field("hops", &self.hops())
            .finish()
    }
}

/// Bytes of a block as words, to publish them.
pub(super) fn to_words<const N: usize>(bytes: &[u8]) -> [u64; N] {
    let mut words = [0; N];
    for (word, eight) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_be_bytes(*eight);
    }
    words
}

pub(super) fn from_words(words: &[u64], bytes: &mut [u8]) {
    for (word, eight) in words.iter().zip(bytes.as_chunks_mut::<8>().0) {
        *eight = word.to_be_bytes();
    }
}

pub(super) fn read<'a>(
    packet: &Packet<'a>,
    on_event: &mut dyn FnMut(Event<'a>),
) -> Result<(), RtcpError> {
    const BAD: RtcpError = RtcpError::ExtendedReport;
    let (reporter, mut rest) = packet.body.split_at_checked(4).ok_or(BAD)?;
    let reporter = word(reporter, 0);
    while !rest.is_empty() {
        let (&[kind, flags, hi, lo], blocks) = rest.split_first_chunk::<4>().ok_or(BAD)?;
        let words = usize::from(u16::from_be_bytes([hi, lo]));
        let (block, after) = blocks.split_at_checked(words * 4).ok_or(BAD)?;
        rest = after;
        match kind {
            4 if words == 2 => on_event(Event::ReferenceTime {
                reporter,
                ntp: u64::from(word(block, 0)) << 32 | u64::from(word(block, 4)),
            }),
            5 if words % 3 == 0 => block.chunks_exact(12).for_each(|sub| {
                on_event(Event::Reply(Reply {
                    reporter,
                    ssrc: word(sub, 0),
                    last_report: word(sub, 4),
                    delay: word(sub, 8),
                }));
            }),
            6 => {
                let contents: &[u8; 36] = block.try_into().map_err(|_| BAD)?;
                let mut bytes = [0; 40];
                let [first, _, _, _, kept @ ..] = &mut bytes;
                (*first, *kept) = (flags, *contents);
                let summary = StatisticsSummary { bytes };
                on_event(Event::Summary { reporter, summary });
            }
            7 => {
                let bytes = block.try_into().map_err(|_| BAD)?;
                let metrics = VoipMetrics::new(bytes);
                on_event(Event::Voip { reporter, metrics });
            }
            4 | 5 => return Err(BAD),
            _ => on_event(Event::Skipped {
                packet_type: packet.kind,
                format: kind,
                media_ssrc: None,
            }),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    /// What an XR of SSRC 1 with these blocks says.
    fn told(blocks: &[u8], see: impl FnMut(Event<'_>)) -> Result<(), RtcpError> {
        let words = 1 + blocks.len() / 4;
        let mut datagram = vec![0x80, 207, 0, words as u8, 0, 0, 0, 1];
        datagram.extend_from_slice(blocks);
        parse(&datagram, see)
    }

    fn block(kind: u8, flags: u8, contents: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind, flags, 0, (contents.len() / 4) as u8];
        bytes.extend_from_slice(contents);
        bytes
    }

    #[test]
    fn a_reply_may_have_any_number_of_sub_blocks() {
        for n in 0..4 {
            let mut seen = Vec::new();
            let sub = [0, 0, 0, 2, 0, 0, 0, 3, 0, 1, 0, 0];
            told(&block(5, 0, &sub.repeat(n)), |e| {
                seen.push(format!("{e:?}"));
            })
            .unwrap();
            let wanted = "Reply(Reply { reporter: 1, ssrc: 2, last_report: 3, delay: 65536 })";
            assert_eq!(seen, vec![wanted; n]);
        }
    }

    #[test]
    fn a_summary_tells_only_what_was_measured() {
        let mut contents = vec![0, 0, 0, 2, 0, 10, 0, 20];
        (1..=6_u32).for_each(|n| contents.extend_from_slice(&n.to_be_bytes()));
        contents.extend_from_slice(&[61, 64, 63, 1]);
        let mut seen = Vec::new();
        for flags in [0xf8, 0] {
            told(&block(6, flags, &contents), |e| match e {
                Event::Summary {
                    reporter: 1,
                    summary,
                } => seen.push(summary),
                other => panic!("{other:?}"),
            })
            .unwrap();
        }
        let spread = |min, max, mean, deviation| {
            Some(Spread {
                min,
                max,
                mean,
                deviation,
            })
        };
        let [all, none] = seen[..] else {
            panic!("{seen:?}")
        };
        assert_eq!(
            (all.ssrc(), all.begin_sequence(), all.end_sequence()),
            (2, 10, 20)
        );
        assert_eq!((all.lost(), all.duplicates()), (Some(1), Some(2)));
        assert_eq!(all.jitter_ticks(), spread(3, 4, 5, 6));
        assert_eq!(all.hops(), spread(61, 64, 63, 1));
        assert_eq!((none.lost(), none.duplicates()), (None, None));
        assert_eq!((none.jitter_ticks(), none.hops()), (None, None));
        assert_eq!(StatisticsSummary::from_words(all.words()), all);
    }

    #[test]
    fn metrics_are_shares_times_and_what_was_measured() {
        let contents: [u8; 32] = [
            0, 0, 0, 2, 128, 64, 255, 0, 0, 100, 1, 0, 0, 50, 0, 20, 0xec, 127, 30, 16, 93, 127,
            43, 127, 0xb0, 0, 0, 40, 0, 60, 0, 200,
        ];
        let mut seen = Vec::new();
        told(&block(7, 0, &contents), |e| match e {
            Event::Voip {
                reporter: 1,
                metrics,
            } => seen.push(metrics),
            other => panic!("{other:?}"),
        })
        .unwrap();
        let [m] = seen[..] else { panic!("{seen:?}") };
        assert_eq!((m.loss_rate(), m.discard_rate()), (0.5, 0.25));
        assert_eq!((m.burst_density(), m.gap_density()), (255.0 / 256.0, 0.0));
        assert_eq!((m.burst_duration_ms(), m.gap_duration_ms()), (100, 256));
        assert_eq!((m.round_trip_delay_ms(), m.end_system_delay_ms()), (50, 20));
        assert_eq!(
            (m.signal_level_dbm0(), m.noise_level_dbm0()),
            (Some(-20), None)
        );
        assert_eq!(
            (m.residual_echo_return_loss_db(), m.gap_threshold()),
            (Some(30), 16)
        );
        assert_eq!((m.r_factor(), m.external_r_factor()), (Some(93), None));
        assert_eq!((m.mos_lq(), m.mos_cq()), (Some(4.3), None));
        assert_eq!(m.receiver_configuration(), 0xb0);
        assert_eq!(m.jitter_buffer_nominal_ms(), 40);
        assert_eq!(
            (m.jitter_buffer_maximum_ms(), m.jitter_buffer_limit_ms()),
            (60, 200)
        );
        assert_eq!((m.ssrc(), VoipMetrics::from_words(m.words())), (2, m));
    }

    #[test]
    fn blocks_of_another_length_are_refused_and_unknown_ones_skipped() {
        for (kind, len) in [(4, 4), (4, 12), (5, 8), (6, 32), (6, 40), (7, 28)] {
            let bad = block(kind, 0, &vec![0; len]);
            assert_eq!(
                told(&bad, |_| {}),
                Err(RtcpError::ExtendedReport),
                "{kind} of {len}"
            );
        }
        assert_eq!(told(&[9, 0, 0, 1], |_| {}), Err(RtcpError::ExtendedReport));
        let mut seen = Vec::new();
        let unknown = [block(9, 0, &[1; 4]), block(4, 0, &[1; 8])].concat();
        told(&unknown, |e| seen.push(format!("{e:?}"))).unwrap();
        assert_eq!(
            seen[0],
            "Skipped { packet_type: 207, format: 9, media_ssrc: None }"
        );
        assert_eq!(
            seen[1],
            "ReferenceTime { reporter: 1, ntp: 72340172838076673 }"
        );
    }
}
