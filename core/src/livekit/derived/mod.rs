//! LiveKit's families that follow from streams: nothing is recorded twice.
//!
//! Lives here: what is derived at which merge, and for which label groups. In `totals`: counters from
//! counters. In `forward`: the forwarding time from its histogram. Elsewhere: windows of single streams
//! (`reporter::stream_windows`), families that hosts record themselves (`families`).
//!
//! | family | from |
//! |---|---|
//! | `livekit_packet_total`, `_bytes` | received: packets less duplicates; sent: the first time, and again |
//! | `livekit_nack_total`, `_pli_` | incoming: what was asked of senders; outgoing: what receivers asked |
//! | `livekit_fir_total` | outgoing only, as in the reference: what receivers asked |
//! | `livekit_packet_loss_total` | losses found, and losses that receivers report |
//! | `livekit_packet_out_of_order_total` | packets reordered; of sent streams nobody knows |
//! | `…_loss_percent`, `…_out_of_order_percent`, `jitter_us`, `rtt_ms` | one sample for each stream and window (of 5 s; see [`RegistryBuilder::quality_window`]) |
//! | `livekit_forward_latency`, `_jitter`, `_ns` | `media_forward_latency_seconds` |
//! | `livekit_quality_rating`, `_score` | participants with scored streams, every quality window |

mod forward;
mod labels;
mod totals;

use std::time::{Duration, Instant};

use self::forward::Forward;
use self::labels::StreamLabels;
use self::totals::Total;
use super::families::{NodeIdentity, catalog as families};
use crate::catalog;
use crate::clock::{uptime, uptime_at};
use crate::counter::Counter;
use crate::desc::Desc;
use crate::error::RegisterError;
use crate::gauge::Gauge;
use crate::histogram::ExactHistogram;
use crate::quality::Quality;
#[cfg(doc)]
use crate::registry::RegistryBuilder;
use crate::registry::{Registry, Shared};
use crate::reporter::stream_windows::{Measured, WindowMetrics};
use crate::rhythm::Rhythm;

/// How the reporter derives LiveKit's families. Made by [`derive_families`].
#[derive(Debug)]
pub(crate) struct Derived {
    node: NodeIdentity,
    participants: Participants,
    received: usize,
    sent: usize,
    totals: Vec<Total>,
    forward: Option<Forward>,
    windows: Rhythm,
}

/// From the next merge on, `registry` also shows LiveKit's families that follow from streams, from
/// forwarding times and from participants' quality. Once is enough: a second call changes nothing.
///
/// Labels come from the stream groups: `type` from the group label `type` or `kind`, `source` and `country` from
/// those of that name; `UNKNOWN` and nothing where there is none, or none of LiveKit's. `report_window` is
/// the time over which the gauges of the forwarding time are taken; `None` turns those families off.
///
/// - **Cost**: nothing when recording; at each merge some reads a group, every window some 100 ns a stream.
/// - **Memory**: some 130 bytes a stream.
///
/// # Errors
/// As for [`Registry::counter`].
pub fn derive_families(
    registry: &Registry,
    node: &NodeIdentity,
    report_window: Option<Duration>,
) -> Result<(), RegisterError> {
    let shared = &registry.shared;
    let mut collector = shared.collector();
    if collector.livekit().is_some() {
        return Ok(());
    }
    let forward = report_window
        .map(|window| Forward::new(shared, node, window))
        .transpose()?;
    let participants = Participants::new(shared, node)?;
    *collector.livekit() = Some(Derived {
        node: node.clone(),
        participants,
        received: 0,
        sent: 0,
        totals: Vec::new(),
        forward,
        windows: Rhythm::new(uptime()),
    });
    Ok(())
}

impl Derived {
    /// Before streams are folded: takes up new groups. Whether streams' windows end with this merge.
    pub(crate) fn begin(&mut self, shared: &Shared, now: Instant) -> bool {
        // What does not fit in went to `other`, and is counted; what fits nowhere is left out.
        let groups: Vec<_> = shared
            .groups()
            .iter()
            .skip(self.received)
            .cloned()
            .collect();
        self.received += groups.len();
        for group in groups {
            let _ = self.take_up_received(shared, &group);
        }
        let groups: Vec<_> = shared
            .sender_groups()
            .iter()
            .skip(self.sent)
            .cloned()
            .collect();
        self.sent += groups.len();
        for group in groups {
            let _ = self.take_up_sent(shared, &group);
        }
        let (length, period) = (shared.quality_window(), shared.period());
        self.windows.ends(uptime_at(now), length, period)
    }

    /// After streams were folded: what follows from the totals, and from participants' qualities, if they were judged.
    pub(crate) fn finish(&mut self, now: Instant, participants: &[Quality]) {
        self.participants.record(participants);
        self.totals.iter_mut().for_each(Total::step);
        if let Some(forward) = &mut self.forward {
            forward.step(now);
        }
    }

    fn take_up_received(
        &mut self,
        shared: &Shared,
        group: &crate::registry::GroupMetrics,
    ) -> Result<(), RegisterError> {
        let labels = StreamLabels::of("incoming", shared.group_labels(), &group.values);
        let make = Maker {
            shared,
            node: &self.node,
        };
        let [direction, _, _, country] = labels.all();
        for (desc, values, plus, minus) in [
            (
                &families::PACKET_TOTAL,
                &[direction, "initial", country][..],
                &group.packets,
                Some(&group.duplicates),
            ),
            (
                &families::PACKET_BYTES,
                &[direction, "initial", country],
                &group.bytes,
                Some(&group.duplicate_bytes),
            ),
            (
                &families::NACK_TOTAL,
                &[direction, country],
                &group.nacked_sent,
                None,
            ),
            (
                &families::PLI_TOTAL,
                &[direction, country],
                &group.plis_sent,
                None,
            ),
            (
                &families::PACKET_LOSS_TOTAL,
                &labels.all(),
                &group.lost,
                None,
            ),
            (
                &families::PACKET_OUT_OF_ORDER_TOTAL,
                &labels.all(),
                &group.reordered,
                None,
            ),
        ] {
            self.totals
                .push(Total::new(make.counter(desc, values)?, plus, minus));
        }
        let _ = group.windows.set(make.windows(&labels, false)?); // nobody else sets it
        Ok(())
    }

    fn take_up_sent(
        &mut self,
        shared: &Shared,
        group: &crate::registry::SenderGroupMetrics,
    ) -> Result<(), RegisterError> {
        let labels = StreamLabels::of("outgoing", shared.group_labels(), &group.values);
        let make = Maker {
            shared,
            node: &self.node,
        };
        let [direction, _, _, country] = labels.all();
        let (again, bytes_again) = (&group.retransmitted_packets, &group.retransmitted_bytes);
        for (desc, values, plus, minus) in [
            (
                &families::PACKET_TOTAL,
                &[direction, "initial", country][..],
                &group.packets,
                Some(again),
            ),
            (
                &families::PACKET_TOTAL,
                &[direction, "retransmit", country],
                again,
                None,
            ),
            (
                &families::PACKET_BYTES,
                &[direction, "initial", country],
                &group.bytes,
                Some(bytes_again),
            ),
            (
                &families::PACKET_BYTES,
                &[direction, "retransmit", country],
                bytes_again,
                None,
            ),
            (
                &families::NACK_TOTAL,
                &[direction, country],
                &group.nacked_packets,
                None,
            ),
            (
                &families::PLI_TOTAL,
                &[direction, country],
                &group.plis,
                None,
            ),
            (
                &families::FIR_TOTAL,
                &[direction, country],
                &group.firs,
                None,
            ),
            (
                &families::PACKET_LOSS_TOTAL,
                &labels.all(),
                &group.remote_lost,
                None,
            ),
        ] {
            self.totals
                .push(Total::new(make.counter(desc, values)?, plus, minus));
        }
        let _ = group.windows.set(make.windows(&labels, true)?); // nobody else sets it
        Ok(())
    }
}

/// Makes handles with the node's labels behind the family's own.
struct Maker<'a> {
    shared: &'a Shared,
    node: &'a NodeIdentity,
}

impl<'a> Maker<'a> {
    fn labels(&self, values: &[&'a str]) -> Vec<&'a str> {
        let node = [&*self.node.node_id, self.node.node_type.as_str()];
        values.iter().copied().chain(node).collect()
    }

    fn counter(&self, desc: &Desc, values: &[&str]) -> Result<Counter, RegisterError> {
        let values = self.labels(values);
        self.shared
            .own_handle_or_other(desc, &values)
            .map(Counter::new)
    }

    fn gauge(&self, desc: &Desc, values: &[&str]) -> Result<Gauge, RegisterError> {
        let values = self.labels(values);
        self.shared
            .own_handle_or_other(desc, &values)
            .map(Gauge::new)
    }

    fn histogram(&self, desc: &Desc, values: &[&str]) -> Result<ExactHistogram, RegisterError> {
        let values = self.labels(values);
        let handle = self.shared.own_handle_or_other(desc, &values)?;
        Ok(ExactHistogram::new(handle, desc))
    }

    /// What streams' windows are recorded into; of received ones nobody measures a round trip, of sent ones
    /// nobody sees the order of arrival.
    fn windows(&self, labels: &StreamLabels, sent: bool) -> Result<WindowMetrics, RegisterError> {
        let values = &labels.all();
        let measured = |desc, figure| {
            let [direction, ..] = labels.all();
            let unmeasured = &catalog::STREAM_WINDOWS_UNMEASURED;
            let handle = self
                .shared
                .own_handle_or_other(unmeasured, &[direction, figure])?;
            Ok::<_, RegisterError>(Measured {
                figures: self.histogram(desc, values)?,
                unmeasured: Counter::new(handle),
            })
        };
        let late = || self.histogram(&families::PACKET_OUT_OF_ORDER_PERCENT, values);
        Ok(WindowMetrics {
            loss: self.histogram(&families::PACKET_LOSS_PERCENT, values)?,
            out_of_order: (!sent).then(late).transpose()?,
            jitter: measured(&families::JITTER_US, "jitter")?,
            rtt: sent
                .then(|| measured(&families::RTT_MS, "rtt"))
                .transpose()?,
        })
    }
}

/// LiveKit's families of participants' quality.
#[derive(Debug)]
struct Participants {
    rating: ExactHistogram,
    score: ExactHistogram,
}

impl Participants {
    fn new(shared: &Shared, node: &NodeIdentity) -> Result<Self, RegisterError> {
        let make = Maker { shared, node };
        Ok(Self {
            rating: make.histogram(&families::QUALITY_RATING, &[])?,
            score: make.histogram(&families::QUALITY_SCORE, &[])?,
        })
    }

    /// The quality of each participant.
    fn record(&self, all: &[Quality]) {
        for quality in all {
            self.rating.record(f64::from(quality.rating.wire_number()));
            self.score.record(f64::from(quality.mos));
        }
    }
}
