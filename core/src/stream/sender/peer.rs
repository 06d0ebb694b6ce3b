//! What a receiver's reports and requests do to a sent stream.
//!
//! Lives here: which of RTCP's events are about the stream, publishing what they say. Not here: reading RTCP
//! (`rtp::rtcp`), the arithmetic (`rtp::feedback`).
//!
//! All of this is rare: a few times a second and stream. What is distributed over many streams goes
//! straight into the group's histograms.

use super::SendStream;
use super::block::word;
use crate::rtp::feedback::{
    Asked, KeyFrameRequests, NackRecovery, RemoteReports, ReportVerdict, RoundTrip, SentReports,
};
use crate::rtp::rtcp::{
    Event, ReportBlock, SenderInfo, StatisticsSummary, TransportFeedback, VoipMetrics,
};
use crate::rtp::{Verdict, WINDOW};

/// What is remembered of a peer.
#[derive(Debug, Default)]
pub(super) struct Peer {
    pub(super) sent: SentReports,
    pub(super) remote: RemoteReports,
    pub(super) key_frames: KeyFrameRequests,
    /// Made by the first NACK: it is the largest.
    pub(super) nacks: Option<NackRecovery>,
    /// Numbers of the present run that the newest report is about.
    expected_of_run: u64,
}

impl Peer {
    /// Our own numbers began anew: so do the receiver's.
    pub(super) fn on_sender_restart(&mut self) {
        self.remote.on_sender_restart();
        self.expected_of_run = 0;
    }
}

impl SendStream {
    /// A sender report about this stream left. The last 16 are kept, to measure the round trip with. One
    /// about another stream changes nothing.
    pub fn on_sender_report(&mut self, info: &SenderInfo, departure_ns: u64) {
        if info.ssrc != self.ssrc() {
            return;
        }
        self.peer_mut().sent.on_sent(info.ntp, departure_ns);
        self.publish(|stream| stream.add(word::SENDER_REPORTS, 1));
    }

    /// The receiver said something by RTCP: if it is about this stream, it is recorded, each kind of event as by the
    /// method of its own below. Whether it was.
    ///
    /// So everything that comes from a receiver may be handed to each stream that is sent there. An estimate counts with
    /// all streams that it names, transport-wide feedback with the one that it names, though it is about all. A sender
    /// report is nothing that a receiver says of what it gets: see [`on_sender_report`](Self::on_sender_report).
    ///
    /// ```
    /// # use media_metrics_core::{Registry, SenderConfig, rtp::rtcp};
    /// # let registry = Registry::new()?;
    /// # let group = registry.sender_group(&["outgoing", "video"])?;
    /// # let mut stream = registry.sender(&group, SenderConfig::new(7, 90_000))?;
    /// let picture_loss = [0x81, 206, 0, 2, 0, 0, 0, 1, 0, 0, 0, 7]; // SSRC 1 about SSRC 7
    /// rtcp::parse(&picture_loss, |event| assert!(stream.on_event(&event, 5_000_000)))?;
    /// assert_eq!(stream.stats().feedback.plis, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_event(&mut self, event: &Event<'_>, arrival_ns: u64) -> bool {
        let own = self.ssrc();
        match event {
            Event::Report { block, .. } if block.ssrc == own => {
                self.on_report(block, arrival_ns);
            }
            Event::Nack(nack) if nack.media_ssrc == own => {
                self.on_nack(nack.numbers(), arrival_ns);
            }
            Event::PictureLoss(loss) if loss.media_ssrc == own => self.on_pli(arrival_ns),
            Event::FullIntraRequest(request) if request.media_ssrc == own => {
                self.on_fir(request.sequence, arrival_ns);
            }
            Event::Remb(remb) if remb.media_ssrcs().any(|ssrc| ssrc == own) => {
                self.on_remb(remb.bitrate_bps, arrival_ns);
            }
            Event::TransportFeedback(feedback) if feedback.media_ssrc == own => {
                self.on_transport_feedback(feedback);
            }
            Event::Summary { summary, .. } if summary.ssrc() == own => self.on_summary(summary),
            Event::Voip { metrics, .. } if metrics.ssrc() == own => self.on_voip_metrics(metrics),
            _ => return false,
        }
        true
    }

    /// A report block came: the round trip in nanoseconds, if it measures one (RFC 3550 §6.4.1).
    ///
    /// A block about another stream changes nothing, one about the RTX stream included; one that is older
    /// than the newest, or about numbers that were not sent, is counted as such.
    pub fn on_report(&mut self, block: &ReportBlock, arrival_ns: u64) -> Option<u64> {
        if block.ssrc != self.ssrc() {
            return None;
        }
        let numbers = self.sent_numbers();
        let span = self.sequence.span();
        let peer = self.peer_mut();
        let verdict = match numbers {
            Some((first, highest)) => peer.remote.on_report(block, first, highest),
            None => ReportVerdict::NotSent,
        };
        let refused = match verdict {
            ReportVerdict::Accepted | ReportVerdict::Restarted => None,
            ReportVerdict::Stale => Some(word::REPORTS_STALE),
            ReportVerdict::NotSent => Some(word::REPORTS_NOT_SENT),
        };
        if let Some(counted) = refused {
            self.publish(|stream| stream.add(counted, 1));
            return None;
        }
        let trip = peer
            .sent
            .on_echo(block.last_report, block.delay, arrival_ns);
        let (lost, highest) = (peer.remote.lost(), peer.remote.highest_sequence());
        // From the run's first, which may have moved back since the report before.
        let after = numbers
            .zip(highest)
            .map_or(0, |((_, sent), highest)| sent.saturating_sub(highest));
        let expected_of_run = span.saturating_sub(after);
        let before = std::mem::replace(&mut peer.expected_of_run, expected_of_run);
        let newly_expected = expected_of_run.saturating_sub(before);
        let skipped = self.skipped_upto(highest, newly_expected);
        let jitter = u64::from(block.jitter_ticks);
        self.publish(|stream| {
            stream.add(word::REPORTS, 1);
            stream.add(
                word::REMOTE_RESTARTS,
                u64::from(verdict == ReportVerdict::Restarted),
            );
            stream.set(word::LOST, lost.cast_unsigned());
            stream.set(word::FRACTION_LOST, u64::from(block.fraction_lost));
            stream.set(word::JITTER_TICKS, jitter);
            stream.set(
                word::JITTER_TICKS_MAX,
                stream.get(word::JITTER_TICKS_MAX).max(jitter),
            );
            stream.set(word::REMOTE_HIGHEST, highest.unwrap_or(0));
            stream.add(word::REMOTE_EXPECTED, newly_expected);
            stream.set(word::REMOTE_SKIPPED, skipped);
            stream.set(word::LAST_REPORT_NS, arrival_ns);
            stream.count_round_trip(trip);
        });
        let group = &self.group;
        let jitter_ns = u128::from(jitter) * 1_000_000_000 / u128::from(self.clock_rate().max(1));
        let id = self.id();
        group.remote_jitter.record_for(jitter_ns as u64, id); // below 2^62: 32 bits of seconds
        let parts_per_million = u64::from(block.fraction_lost) * 1_000_000 / 256;
        group.remote_fraction_lost.record_for(parts_per_million, id);
        if let Some(ns) = trip.ns() {
            group.remote_rtt.record_for(ns, id);
        }
        trip.ns()
    }

    /// A NACK for these numbers came (RFC 4585 §6.2.1).
    pub fn on_nack(&mut self, numbers: impl IntoIterator<Item = u16>, arrival_ns: u64) {
        let nacks = self.peer_mut().nacks.get_or_insert_default();
        let (mut asked, mut again) = (0, 0);
        for number in numbers {
            asked += 1;
            again += u64::from(nacks.on_request(number, arrival_ns) == Asked::Again);
        }
        let unanswered = nacks.unanswered();
        self.publish(|stream| {
            stream.add(word::NACKS, 1);
            stream.add(word::NACKED, asked);
            stream.add(word::NACKED_AGAIN, again);
            stream.set(word::UNANSWERED, unanswered);
        });
    }

    /// A PLI came (RFC 4585 §6.3.1).
    pub fn on_pli(&mut self, arrival_ns: u64) {
        self.peer_mut().key_frames.on_pli(arrival_ns);
        self.publish(|stream| stream.add(word::PLIS, 1));
    }

    /// An entry of a FIR came, with its sequence number: the same number again is the same request, and
    /// counted apart (RFC 5104 §4.3.1.1).
    pub fn on_fir(&mut self, sequence: u8, arrival_ns: u64) {
        let counted = match self.peer_mut().key_frames.on_fir(sequence, arrival_ns) {
            true => word::FIRS,
            false => word::FIRS_REPEATED,
        };
        self.publish(|stream| stream.add(counted, 1));
    }

    /// An estimate of the bandwidth for all streams to this receiver came, in bits per second (REMB).
    pub fn on_remb(&mut self, bitrate_bps: u64, arrival_ns: u64) {
        self.publish(|stream| {
            stream.add(word::ESTIMATES, 1);
            stream.set(word::ESTIMATE_BPS, bitrate_bps);
            stream.set(word::LAST_ESTIMATE_NS, arrival_ns);
        });
    }

    /// Transport-wide feedback came. It is about all streams of the transport: hand it to one of them.
    pub fn on_transport_feedback(&mut self, feedback: &TransportFeedback) {
        self.publish(|stream| {
            stream.add(word::TRANSPORT_REPORTS, 1);
            stream.add(word::TRANSPORT_PACKETS, u64::from(feedback.packets));
            stream.add(word::TRANSPORT_MISSING, u64::from(feedback.missing()));
        });
    }

    /// A statistics summary about this stream came (RFC 3611 §4.6).
    pub fn on_summary(&mut self, summary: &StatisticsSummary) {
        self.publish(|stream| {
            stream.add(word::SUMMARIES, 1);
            stream.set_all(word::SUMMARY, &summary.words());
        });
    }

    /// VoIP metrics about this stream came (RFC 3611 §4.7).
    pub fn on_voip_metrics(&mut self, metrics: &VoipMetrics) {
        self.publish(|stream| {
            stream.add(word::VOIPS, 1);
            stream.set_all(word::VOIP, &metrics.words());
        });
    }

    /// Numbers never given to this stream up to `highest`, which the receiver had, `newly_expected` of them
    /// since its last report: all such, less those after `highest`. Of runs that are over, those that reports
    /// about them counted: no report will be about the others.
    ///
    /// Exact while the receiver is less than a [`WINDOW`] behind. Of numbers farther back it is not known any
    /// more which were sent; but no more can be skipped than were newly expected.
    fn skipped_upto(&self, highest: Option<u64>, newly_expected: u64) -> u64 {
        let all = self
            .get(word::SKIPPED)
            .saturating_sub(self.skipped_unreported);
        let (Some(highest), Some(sent)) = (highest, self.sequence.highest()) else {
            return all;
        };
        if all == 0 {
            return 0; // nearly every stream
        }
        let known = sent.saturating_sub(u64::from(WINDOW));
        // What a copy would take for late was never sent.
        let mut sequence = self.sequence.clone();
        let unsent = |number: &u64| {
            let placed = sequence.on_packet(*number as u16, true);
            matches!(placed.verdict, Verdict::Late { .. })
        };
        // The highest first: a suspect is none any more after it.
        let after = (highest.max(known) + 1..=sent).rev();
        let skipped = all.saturating_sub(after.filter(unsent).count() as u64);
        if highest >= known {
            return skipped;
        }
        let before = self.get(word::REMOTE_SKIPPED);
        skipped.min(before.saturating_add(newly_expected))
    }

    /// The numbers began anew: what was skipped before, and no report was about, none will be about.
    pub(super) fn leave_run(&mut self) {
        let reported = self.get(word::REMOTE_SKIPPED);
        self.skipped_unreported = self.get(word::SKIPPED).saturating_sub(reported);
        if let Some(peer) = &mut self.peer {
            peer.on_sender_restart();
        }
    }

    fn peer_mut(&mut self) -> &mut Peer {
        self.peer.get_or_insert_default()
    }

    /// Writes words so that readers see all of it or nothing. By `&mut`: we are the one writer.
    fn publish(&mut self, write: impl FnOnce(&Self)) {
        self.block.sequence.write(|| write(self));
    }

    fn get(&self, at: usize) -> u64 {
        self.block.words[at].get()
    }

    fn set(&self, at: usize, value: u64) {
        self.block.words[at].set(value);
    }

    fn add(&self, at: usize, n: u64) {
        self.block.words[at].add(n);
    }

    fn set_all(&self, at: usize, values: &[u64]) {
        let cells = self.block.words.iter().skip(at);
        cells.zip(values).for_each(|(cell, value)| cell.set(*value));
    }

    /// What an echo says; between the two ends of a write.
    fn count_round_trip(&self, trip: RoundTrip) {
        let Some(ns) = trip.ns() else {
            let impossible = trip == RoundTrip::Impossible;
            return self.add(word::ROUND_TRIPS_IMPOSSIBLE, u64::from(impossible));
        };
        let (min, max) = match self.get(word::ROUND_TRIPS) {
            0 => (ns, ns),
            _ => (
                ns.min(self.get(word::ROUND_TRIP_MIN_NS)),
                ns.max(self.get(word::ROUND_TRIP_MAX_NS)),
            ),
        };
        self.add(word::ROUND_TRIPS, 1);
        self.set(word::ROUND_TRIP_NS, ns);
        self.set(word::ROUND_TRIP_MIN_NS, min);
        self.set(word::ROUND_TRIP_MAX_NS, max);
        self.add(word::ROUND_TRIP_SUM_NS, ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Registry;
    use crate::rtp::RtpHeader;
    use crate::stream::SenderConfig;

    fn send(stream: &mut SendStream, numbers: impl IntoIterator<Item = u16>) {
        for sequence in numbers {
            stream.on_rtp(&RtpHeader::numbered(7, sequence), 0);
        }
    }

    /// Expected and skipped, once the receiver has had this number.
    fn reported(stream: &mut SendStream, highest_sequence: u32) -> (u64, u64) {
        let block = ReportBlock {
            ssrc: 7,
            fraction_lost: 0,
            cumulative_lost: 0,
            highest_sequence,
            jitter_ticks: 0,
            last_report: 0,
            delay: 0,
        };
        stream.on_report(&block, 0);
        let remote = stream.stats().remote.unwrap();
        (remote.expected, remote.skipped)
    }

    fn stream() -> SendStream {
        let registry = Registry::new().unwrap();
        let group = registry.sender_group(&["outgoing", "video"]).unwrap();
        let config = SenderConfig::new(7, 90_000);
        registry.sender(&group, config).unwrap()
    }

    /// Else they would excuse losses of the next run.
    #[test]
    fn numbers_skipped_in_a_run_that_no_report_is_about_are_not_of_those_expected() {
        let mut stream = stream();
        send(&mut stream, (0..10).chain(400..410));
        send(&mut stream, 30_000..30_010); // begins anew
        assert_eq!(stream.stats().sent.skipped, 390);
        assert_eq!(reported(&mut stream, 30_009), (10, 0));
        send(&mut stream, (30_012..30_020).chain(30_100..30_110));
        assert_eq!(reported(&mut stream, 30_019), (20, 2));
        // Of the 80 after that number nobody will report.
        send(&mut stream, 50_000..50_010);
        assert_eq!(reported(&mut stream, 50_009), (30, 2));
        assert_eq!(stream.stats().sent.skipped, 472);
    }

    #[test]
    fn a_first_number_that_moves_back_was_expected() {
        let mut stream = stream();
        send(&mut stream, 2..10);
        assert_eq!(reported(&mut stream, 9), (8, 0));
        send(&mut stream, [65_530, 10]); // six before 0
        assert_eq!(reported(&mut stream, 10), (17, 7));
    }
}
