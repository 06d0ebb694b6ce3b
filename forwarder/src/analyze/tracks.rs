//! Which stream a packet belongs to.
//!
//! Lives here: the table from addresses, ports and SSRC to streams and sources on probation; when an SSRC
//! that comes back is another stream; what RTCP says about whom. Not here: when a source is believed
//! (`probation`), what a stream's packets amount to (`stream`).
//!
//! # One stream or two
//! A stream is an SSRC between two addresses and ports. It ends, and the SSRC begins another one, if
//!
//! - RTCP has said goodbye for it, and the packet then comes 5 s or more after anything else of the stream,
//!   or does not continue its sequence; or
//! - nothing came for 25 s (RFC 3550 §6.3.5: five times the shortest interval of reports), and neither
//!   sequence nor timestamp continue.
//!
//! All else that breaks a sequence is a restart within the stream, as on the live path.

use arrayvec::ArrayVec;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use media_metrics_core::rtp::RtpHeader;
use media_metrics_core::rtp::rtcp::{self, Event, RtcpError, SenderInfo};

use super::codec::Known;
use super::frame::Endpoint;
use super::meter::Meter;
use super::probation::{Held, Probation};
use super::record::Record;
use super::stream::{Reports, Stream};

/// Streams of one analysis. What begins after so many is counted, and not measured.
pub(crate) const MAX_STREAMS: usize = 250_000;

/// Sources that RTCP spoke of and that are remembered.
const MAX_NAMED: usize = 1 << 16;

/// Streams of one SSRC among which a report's is looked for.
const NAMESAKES: usize = 64;

/// What a stream is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) src: Endpoint,
    pub(crate) dst: Endpoint,
    pub(crate) ssrc: u32,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Probation(u32),
    Stream(u32),
}

/// All streams so far.
#[derive(Debug)]
pub(crate) struct Tracks {
    places: HashMap<Key, Place>,
    probation: Probation<Key>,
    streams: Vec<Stream>,
    /// The newest stream of each SSRC; each knows the one before.
    by_ssrc: HashMap<u32, u32>,
    /// What RTCP said of an SSRC from an address, whether or not its stream is known yet.
    named: HashMap<(u32, u128), Reports>,
    meter: Meter,
    /// Packets of streams beyond [`MAX_STREAMS`].
    pub(crate) refused: u64,
}

impl Tracks {
    pub(crate) fn new(meter: Meter) -> Self {
        Self {
            places: HashMap::new(),
            probation: Probation::new(),
            streams: Vec::new(),
            by_ssrc: HashMap::new(),
            named: HashMap::new(),
            meter,
            refused: 0,
        }
    }

    /// Packets that looked like RTP and belonged to no stream, and sources that gave way to others.
    pub(crate) const fn strays(&self) -> (u64, u64) {
        (self.probation.dropped, self.probation.evicted)
    }

    /// A datagram that reads as RTP.
    pub(crate) fn on_rtp(&mut self, key: Key, header: &RtpHeader, time_ns: u64, known: &Known) {
        match self.places.entry(key) {
            Entry::Occupied(mut slot) => match *slot.get() {
                Place::Stream(index) => {
                    let Some(stream) = self.streams.get_mut(index as usize) else {
                        return;
                    };
                    if stream.is_over(header, time_ns) {
                        stream.end(known, &mut self.meter);
                        let held = Held {
                            header: *header,
                            time_ns,
                        };
                        let (place, gone) = self.probation.admit(key, held);
                        *slot.get_mut() = Place::Probation(place);
                        self.forget(gone);
                        return;
                    }
                    stream.on_rtp(header, time_ns, known, &mut self.meter);
                }
                Place::Probation(place) => self.on_probation(key, place, header, time_ns, known),
            },
            Entry::Vacant(slot) => {
                let held = Held {
                    header: *header,
                    time_ns,
                };
                let (place, gone) = self.probation.admit(key, held);
                slot.insert(Place::Probation(place));
                self.forget(gone);
            }
        }
    }

    /// Whether a stream of payload type `pt` is known by `key`.
    pub(crate) fn carries(&self, key: &Key, pt: u8) -> bool {
        match self.places.get(key) {
            Some(Place::Stream(index)) => self
                .streams
                .get(*index as usize)
                .is_some_and(|s| s.carries(pt)),
            _ => false,
        }
    }

    fn forget(&mut self, gone: Option<Key>) {
        if let Some(key) = gone {
            self.places.remove(&key);
        }
    }

    #[cold]
    fn on_probation(
        &mut self,
        key: Key,
        place: u32,
        header: &RtpHeader,
        time_ns: u64,
        known: &Known,
    ) {
        let held = Held {
            header: *header,
            time_ns,
        };
        let named = self.named.contains_key(&(key.ssrc, key.src.addr));
        if let Some(held) = self.probation.on_packet(place, held, named) {
            match self.begin(key, &held, known) {
                Some(index) => {
                    self.places.insert(key, Place::Stream(index));
                }
                None => {
                    self.places.remove(&key);
                }
            }
        }
    }

    /// A new stream, with the packets that it was believed for; `None` if there are too many.
    fn begin(&mut self, key: Key, held: &[Held], known: &Known) -> Option<u32> {
        if self.streams.len() >= MAX_STREAMS {
            self.refused += held.len() as u64;
            return None;
        }
        let index = self.streams.len() as u32;
        let before = self.by_ssrc.insert(key.ssrc, index);
        // What was reported before belongs to it, unless it was of a stream of that name before.
        let reports = match before {
            None => self.named.get(&(key.ssrc, key.src.addr)).cloned(),
            Some(_) => None,
        };
        let mut stream = Stream::new(key, before, reports.unwrap_or_default());
        for h in held {
            stream.on_rtp(&h.header, h.time_ns, known, &mut self.meter);
        }
        self.streams.push(stream);
        Some(index)
    }

    /// A datagram that looks like RTCP.
    ///
    /// # Errors
    /// It is none, or cut, or encrypted.
    pub(crate) fn on_rtcp(
        &mut self,
        src: Endpoint,
        dst: Endpoint,
        datagram: &[u8],
    ) -> Result<(), RtcpError> {
        rtcp::parse(datagram, |event| match event {
            Event::SenderReport(info) => {
                self.name(info.ssrc, src, Some(&info));
                self.about(info.ssrc, src, dst, |s| s.reports.on_sender_report(&info));
            }
            // Reports come from where the stream goes.
            Event::Report { block, .. } => {
                self.about(block.ssrc, dst, src, |s| s.reports.on_block(&block));
            }
            Event::Description(description) => self.name(description.ssrc, src, None),
            Event::Goodbye { ssrc } => self.about(ssrc, src, dst, |s| s.on_goodbye()),
            _ => {}
        })
    }

    fn name(&mut self, ssrc: u32, src: Endpoint, report: Option<&SenderInfo>) {
        let room = self.named.len() < MAX_NAMED;
        let reports = match self.named.entry((ssrc, src.addr)) {
            Entry::Occupied(slot) => slot.into_mut(),
            Entry::Vacant(slot) if room => slot.insert(Reports::default()),
            Entry::Vacant(_) => return,
        };
        if let Some(info) = report {
            reports.on_sender_report(info);
        }
    }

    /// Calls `say` for the streams of `ssrc` that went from `from` to `to`: by ports (the same, or RTCP's
    /// one above) if any fits, else by address alone.
    fn about(&mut self, ssrc: u32, from: Endpoint, to: Endpoint, mut say: impl FnMut(&mut Stream)) {
        let is_for = |media: Endpoint, rtcp: Endpoint| {
            rtcp.port == media.port || rtcp.port == media.port.wrapping_add(1)
        };
        let mut found: ArrayVec<(bool, u32), NAMESAKES> = ArrayVec::new();
        let mut next = self.by_ssrc.get(&ssrc).copied();
        while let Some(index) = next
            && !found.is_full()
            && let Some(stream) = self.streams.get(index as usize)
        {
            let Key { src, dst, .. } = stream.key;
            if !stream.is_ended() && src.addr == from.addr && dst.addr == to.addr {
                found.push((is_for(src, from) && is_for(dst, to), index));
            }
            next = stream.before;
        }
        let by_ports = found.iter().any(|f| f.0);
        for (_, index) in found.into_iter().filter(|f| f.0 == by_ports) {
            if let Some(stream) = self.streams.get_mut(index as usize) {
                say(stream);
            }
        }
    }

    /// The end of the capture: all streams, in the order in which they began.
    pub(crate) fn finish(&mut self, known: &Known) -> Vec<Record> {
        let mut late = Vec::new();
        let named = &self.named;
        self.probation.finish(
            |key| named.contains_key(&(key.ssrc, key.src.addr)),
            |key, held| late.push((key, held)),
        );
        for (key, held) in late {
            self.begin(key, &held, known);
        }
        let streams = std::mem::take(&mut self.streams);
        let mut records: Vec<Record> = streams
            .into_iter()
            .filter_map(|stream| {
                let record = stream.finish(known, &mut self.meter);
                if record.is_none() {
                    self.refused += 1;
                }
                record
            })
            .collect();
        records.sort_by(|a, b| a.first_seen.total_cmp(&b.first_seen));
        records
    }
}
