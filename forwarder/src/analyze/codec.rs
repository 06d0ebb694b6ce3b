//! What a stream carries, and how fast its RTP clock runs: where a capture tells, and where it must be
//! guessed.
//!
//! Lives here: the order in which sources are believed, the estimate, names of static payload types. Not
//! here: reading session descriptions (`sdp`), the table of rates (`crate::payload`).
//!
//! From the best to the worst:
//!
//! 1. `option`: the user said so.
//! 2. `sdp`: a session description in the capture that names the stream's destination, else its source,
//!    else one that nothing else in the capture contradicts.
//! 3. `static`: RFC 3551 fixes the payload type.
//! 4. `rtcp`: two sender reports a second or more apart tell RTP time against the sender's wall clock.
//! 5. `estimate`: RTP time against capture time over the first packets.
//! 6. `assumed`: what WebRTC stacks have settled on for the payload type.
//!
//! 4 and 5 are taken only if a rate that is in use lies within [`TOLERANCE`] of what was measured, and that
//! one is then meant.

use media_metrics_core::quality;

use super::probation::Held;
use super::sdp::Descriptions;
use crate::payload::{ClockRate, MediaKind, PayloadTypes};

/// Rates that senders use.
const IN_USE: [u32; 10] = [
    8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 90_000,
];

/// Neighbours among them are 8 % apart or more.
const TOLERANCE: f64 = 0.04;

/// Where a clock rate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RateSource {
    /// `--clock-rate`.
    Option,
    /// A session description.
    Sdp,
    /// RFC 3551.
    Static,
    /// Sender reports.
    Rtcp,
    /// Capture time.
    Estimate,
    /// Convention.
    Assumed,
}

/// What is known of a stream's media.
#[derive(Clone, Debug)]
pub(crate) struct Media {
    pub(crate) clock_rate: ClockRate,
    pub(crate) source: RateSource,
    /// Encoding name as in SDP, `PCMU` say.
    pub(crate) name: Option<Box<str>>,
}

impl Media {
    /// What a lost packet costs.
    pub(crate) fn loss_weight(&self) -> f64 {
        let name = self.name.as_deref().unwrap_or_default();
        let kind = match self.clock_rate.hz() {
            90_000 => "video",
            _ => "audio",
        };
        let codec = quality::Codec::from_mime(&format!("{kind}/{name}"));
        codec.loss_weight(codec.has_fec(""))
    }
}

/// What tells a payload type's clock without looking at the packets.
#[derive(Debug)]
pub(crate) struct Known {
    options: Vec<(u8, ClockRate)>,
    table: PayloadTypes,
    pub(crate) descriptions: Descriptions,
}

impl Known {
    /// `options`: what the user said of payload types; the last word counts.
    pub(crate) fn new(options: Vec<(u8, ClockRate)>) -> Self {
        Self {
            options,
            table: PayloadTypes::standard(),
            descriptions: Descriptions::default(),
        }
    }

    /// Whatever is known for sure of payload type `pt` on the way to `dst` from `src`.
    pub(crate) fn sure(
        &self,
        pt: u8,
        src: super::frame::Endpoint,
        dst: super::frame::Endpoint,
    ) -> Option<Media> {
        let described = self.descriptions.get(pt, src, dst);
        let fixed = static_name(pt);
        let name = described.map(|d| &*d.name).or(fixed).map(Box::from);
        let media = |clock_rate, source| Media {
            clock_rate,
            source,
            name: name.clone(),
        };
        let said = self.options.iter().rev().find(|(of, _)| *of == pt);
        said.map(|&(_, rate)| media(rate, RateSource::Option))
            .or_else(|| described.map(|d| media(d.clock_rate, RateSource::Sdp)))
            .or_else(|| fixed.map(|_| media(self.table.get(pt).clock_rate, RateSource::Static)))
    }

    /// The best guess at payload type `pt`, whose first packets are `held`; `reported` is the rate that
    /// sender reports tell, in hertz.
    pub(crate) fn guess(&self, pt: u8, held: &[Held], reported: Option<f64>) -> Media {
        let table = self.table.get(pt);
        let measured = [
            (reported, RateSource::Rtcp),
            (measured(pt, held), RateSource::Estimate),
        ];
        let found = measured.into_iter().find_map(|(hertz, source)| {
            let rate = in_use(hertz?)?;
            Some((ClockRate::try_from(rate).ok()?, source))
        });
        if found.is_none() && is_telephone_event(held) {
            return Media {
                clock_rate: self.table.get(0).clock_rate,
                source: RateSource::Assumed,
                name: Some("telephone-event".into()),
            };
        }
        let (clock_rate, source) = found.unwrap_or((table.clock_rate, RateSource::Assumed));
        // By convention 111 is Opus; if its clock says otherwise, it isn't.
        let is_opus = table.kind == MediaKind::Audio && matches!(pt, 109 | 111);
        let agrees = clock_rate == table.clock_rate;
        Media {
            clock_rate,
            source,
            name: (is_opus && agrees).then(|| "opus".into()),
        }
    }
}

/// Key presses (RFC 4733): four bytes each, and one timestamp for the whole press. Nearly always on the clock
/// of G.711.
fn is_telephone_event(held: &[Held]) -> bool {
    let stays = |pair: &[Held]| matches!(pair, [a, b] if a.header.timestamp == b.header.timestamp);
    held.iter().all(|h| h.header.payload_len() == 4) && held.windows(2).any(stays)
}

/// The rate in use that was meant by a measured one.
fn in_use(hertz: f64) -> Option<u32> {
    IN_USE
        .into_iter()
        .min_by(|a, b| {
            (hertz - f64::from(*a))
                .abs()
                .total_cmp(&(hertz - f64::from(*b)).abs())
        })
        .filter(|rate| (hertz / f64::from(*rate) - 1.0).abs() <= TOLERANCE)
}

/// Ticks in a second of capture time: the slope of the line of least squares through the first packets of
/// each timestamp; `None` of fewer than 4 timestamps or a tenth of a second.
fn measured(pt: u8, held: &[Held]) -> Option<f64> {
    let own = |h: &&Held| h.header.payload_type == pt;
    let first = held.iter().find(own)?;
    let mut newest = None;
    let points: Vec<(f64, f64)> = held
        .iter()
        .filter(own)
        .filter_map(|h| {
            let ticks = h.header.timestamp.wrapping_sub(first.header.timestamp) as i32;
            // Late ones, and the rest of a frame, say nothing of the clock.
            let is_new = newest.is_none_or(|n| ticks > n);
            newest = newest.max(Some(ticks));
            let seconds = h.time_ns.wrapping_sub(first.time_ns) as i64 as f64 / 1e9;
            is_new.then_some((seconds, f64::from(ticks)))
        })
        .collect();
    let span = points.last()?.0;
    if points.len() < 4 || span < 0.1 {
        return None;
    }
    let n = points.len() as f64;
    let mean_x = points.iter().map(|p| p.0).sum::<f64>() / n;
    let mean_y = points.iter().map(|p| p.1).sum::<f64>() / n;
    let cov: f64 = points.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum();
    let var: f64 = points.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
    (var > 0.0).then(|| cov / var)
}

/// The encoding names of RFC 3551 (tables 4 and 5).
fn static_name(pt: u8) -> Option<&'static str> {
    Some(match pt {
        0 => "PCMU",
        3 => "GSM",
        4 => "G723",
        5 | 6 | 16 | 17 => "DVI4",
        7 => "LPC",
        8 => "PCMA",
        9 => "G722",
        10 | 11 => "L16",
        12 => "QCELP",
        13 => "CN",
        14 => "MPA",
        15 => "G728",
        18 => "G729",
        25 => "CelB",
        26 => "JPEG",
        28 => "nv",
        31 => "H261",
        32 => "MPV",
        33 => "MP2T",
        34 => "H263",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use media_metrics_core::rtp::RtpHeader;

    /// Frames of `ticks` each `ms`, with arrivals up to `late_ms` late.
    fn frames(pt: u8, n: u32, ticks: u32, ms: f64, late_ms: f64) -> Vec<Held> {
        let mut rng = fastrand::Rng::with_seed(9);
        (0..n)
            .map(|i| {
                let [t0, t1, t2, t3] = (u32::MAX - 500).wrapping_add(i * ticks).to_be_bytes();
                let bytes = [0x80, pt, 0, i as u8, t0, t1, t2, t3, 0, 0, 0, 7];
                let ms = f64::from(i) * ms + rng.f64() * late_ms;
                Held {
                    header: RtpHeader::parse(&bytes).unwrap(),
                    time_ns: 5_000_000_000 + (ms * 1e6) as u64,
                }
            })
            .collect()
    }

    fn guessed(pt: u8, held: &[Held], reported: Option<f64>) -> (u32, RateSource) {
        let media = Known::new(Vec::new()).guess(pt, held, reported);
        (media.clock_rate.hz(), media.source)
    }

    #[test]
    fn every_rate_in_use_is_found_through_jitter() {
        for rate in IN_USE {
            let held = frames(96, 50, rate / 50, 20.0, 15.0);
            assert_eq!(guessed(96, &held, None), (rate, RateSource::Estimate));
            assert_eq!(
                guessed(96, &[], Some(f64::from(rate) * 1.01)),
                (rate, RateSource::Rtcp)
            );
        }
    }

    #[test]
    fn what_is_no_rate_is_assumed() {
        let odd = frames(97, 50, 1_400, 20.0, 0.0); // 70 kHz
        assert_eq!(
            guessed(97, &odd, Some(60_000.0)),
            (90_000, RateSource::Assumed)
        );
        let short = frames(111, 3, 960, 20.0, 0.0);
        assert_eq!(guessed(111, &short, None), (48_000, RateSource::Assumed));
        let still = frames(96, 50, 0, 20.0, 0.0);
        assert_eq!(guessed(96, &still, None), (90_000, RateSource::Assumed));
    }

    #[test]
    fn rates_in_use_are_told_apart() {
        for pair in IN_USE.windows(2) {
            let [low, high] = pair else { unreachable!() };
            let (low, high) = (f64::from(*low), f64::from(*high));
            assert!(
                low * (1.0 + TOLERANCE) < high * (1.0 - TOLERANCE),
                "{low} {high}"
            );
        }
    }
}
