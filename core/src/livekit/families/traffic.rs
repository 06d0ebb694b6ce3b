//! What goes through a node besides RTP: messages, connections, data streams; and what is judged of participants.
//!
//! RTP itself is in these families, too: the reporter derives it from streams.

use std::sync::Arc;

use super::closed::Closed;
use super::labels::{Country, Direction, Key, Layer, MimeKind, OTHER, StreamKind};
use super::level::{Level, Present};
use super::open::{Open, Place};
use super::scope::Scope;
use super::{Families, Inner, catalog};
use crate::catalog::{LIVEKIT_MESSAGE_BYTES, LIVEKIT_MESSAGES, PARTICIPANT_RATINGS};
use crate::error::RegisterError;
use crate::histogram::ExactHistogram;
use crate::quality::Rating;
use crate::{Counter, Gauge};

/// Most countries of messages, both ways taken together.
const MAX_COUNTRIES: usize = 500;

/// The transmission of everything that is no retransmission.
const INITIAL: &str = "initial";

impl Key for Rating {
    const COUNT: usize = Self::ALL.len();

    fn all() -> Vec<Self> {
        Self::ALL.to_vec()
    }

    fn index(self) -> usize {
        self as usize
    }

    fn values(self) -> Vec<&'static str> {
        vec![match self {
            Self::Lost => "lost",
            Self::Poor => "poor",
            Self::Good => "good",
            Self::Excellent => "excellent",
        }]
    }
}

#[derive(Debug)]
pub(super) struct Traffic {
    messages: Open<Totals>,
    layer_messages: Closed<(Layer, Direction), Counter>,
    layer_bytes: Closed<(Layer, Direction), Counter>,
    connections: Closed<Direction, Level>,
    destinations: Closed<(StreamKind, MimeKind), ExactHistogram>,
    stream_bytes: Closed<(StreamKind, MimeKind), ExactHistogram>,
    quality_rating: ExactHistogram,
    quality_score: ExactHistogram,
    ratings: Closed<Rating, Counter>,
    node_packets_out: Gauge,
    node_packets_dropped: Gauge,
}

/// Packets and bytes, one way and of one country.
#[derive(Debug)]
struct Totals {
    packets: Counter,
    bytes: Counter,
}

impl Traffic {
    pub(super) fn new(scope: &Scope) -> Result<Self, RegisterError> {
        without_samples(scope)?;
        Ok(Self {
            messages: Open::new(scope, &catalog::PACKET_TOTAL, MAX_COUNTRIES)?,
            layer_messages: Closed::new(scope, &LIVEKIT_MESSAGES)?,
            layer_bytes: Closed::new(scope, &LIVEKIT_MESSAGE_BYTES)?,
            connections: Closed::new(scope, &catalog::CONNECTION_TOTAL)?,
            destinations: Closed::new(scope, &catalog::DATAPACKET_STREAM_DEST_COUNT)?,
            stream_bytes: Closed::new(scope, &catalog::DATAPACKET_STREAM_BYTES)?,
            quality_rating: scope.series(&catalog::QUALITY_RATING, &[])?,
            quality_score: scope.series(&catalog::QUALITY_SCORE, &[])?,
            ratings: Closed::new(scope, &PARTICIPANT_RATINGS)?,
            node_packets_out: scope.series(&catalog::NODE_PACKET_TOTAL, &["out"])?,
            node_packets_dropped: scope.series(&catalog::NODE_PACKET_TOTAL, &["dropped"])?,
        })
    }
}

/// Registers what streams will fill, so that it is there before the first stream: totals of packets and feedback
/// of no country at 0. (The families of the forwarding time are registered where they are derived, if they are.)
fn without_samples(scope: &Scope) -> Result<(), RegisterError> {
    let (incoming, outgoing) = (Direction::Incoming.as_str(), Direction::Outgoing.as_str());
    let counter = |desc, values: &[&str]| scope.series::<Counter>(desc, values).map(drop);
    let nowhere = Country::UNKNOWN.as_str();
    for desc in [&catalog::PACKET_TOTAL, &catalog::PACKET_BYTES] {
        counter(desc, &[incoming, INITIAL, nowhere])?;
        counter(desc, &[outgoing, INITIAL, nowhere])?;
        counter(desc, &[outgoing, "retransmit", nowhere])?;
    }
    for desc in [&catalog::NACK_TOTAL, &catalog::PLI_TOTAL] {
        counter(desc, &[incoming, nowhere])?;
        counter(desc, &[outgoing, nowhere])?;
    }
    counter(&catalog::FIR_TOTAL, &[outgoing, nowhere])?;
    Ok(())
}

/// Messages of one layer, one way, of one country.
#[derive(Clone, Debug)]
pub struct Messages {
    families: Families,
    totals: Arc<Totals>,
    of: (Layer, Direction),
}

impl Messages {
    /// A message of so many bytes.
    ///
    /// - **Cost**: four counters, some nanoseconds.
    pub fn record(&self, bytes: u64) {
        self.totals.packets.inc();
        self.totals.bytes.add(bytes);
        let traffic = &self.families.inner.traffic;
        traffic.layer_messages.get(self.of).inc();
        traffic.layer_bytes.get(self.of).add(bytes);
    }
}

impl Families {
    /// A handle for messages that are no RTP: in `livekit_packet_total` and `livekit_packet_bytes` (transmission
    /// `initial`), and by layer in `media_livekit_messages_total` and `media_livekit_message_bytes_total`.
    ///
    /// # Errors
    /// Not even `other` found room in the registry.
    pub fn messages(
        &self,
        layer: Layer,
        direction: Direction,
        country: Country,
    ) -> Result<Messages, RegisterError> {
        let values = [direction.as_str(), INITIAL, country.as_str()];
        let folded = [direction.as_str(), INITIAL, OTHER];
        let made = |place: &Place<'_>, values: [&str; 3]| {
            Ok(Totals {
                packets: place.series(&catalog::PACKET_TOTAL, &values)?,
                bytes: place.series(&catalog::PACKET_BYTES, &values)?,
            })
        };
        let inner = &self.inner;
        let known = &inner.traffic.messages;
        Ok(Messages {
            totals: known.get(&inner.scope, Some(values), folded, made)?,
            families: self.clone(),
            of: (layer, direction),
        })
    }

    /// A message on a data channel; see [`messages`](Self::messages), whose handle is cheaper.
    pub fn data_channel_packet(&self, direction: Direction, country: Country, bytes: u64) {
        let messages = self.messages(Layer::DataChannel, direction, country);
        self.with(messages, |messages| messages.record(bytes));
    }

    /// A signalling message; see [`messages`](Self::messages), whose handle is cheaper.
    pub fn signal_message(&self, direction: Direction, country: Country, bytes: u64) {
        let messages = self.messages(Layer::Signal, direction, country);
        self.with(messages, |messages| messages.record(bytes));
    }

    /// A read or write of a TURN node, of no country; see [`messages`](Self::messages), whose handle is cheaper.
    pub fn turn_packet(&self, direction: Direction, bytes: u64) {
        let messages = self.messages(Layer::Turn, direction, Country::UNKNOWN);
        self.with(messages, |messages| messages.record(bytes));
    }

    /// A connection of a TURN node is open for as long as the guard lives: `livekit_connection_total`.
    /// `Incoming` was accepted, `Outgoing` allocated.
    pub fn connection(&self, direction: Direction) -> Present {
        self.hold(self.inner.traffic.connections.get(direction))
    }

    /// A connection was opened, whose end [`connection_closed`](Self::connection_closed) will tell.
    pub fn connection_opened(&self, direction: Direction) {
        self.inner.traffic.connections.get(direction).raise();
    }

    /// A connection was closed. Ignored and counted if none of the kind is open; one that is closed twice while
    /// others are open can't be told from two, so prefer [`connection`](Self::connection).
    pub fn connection_closed(&self, direction: Direction) {
        self.end(self.inner.traffic.connections.get(direction));
    }

    /// The header of a data stream was received: how many destinations it names (0 for everybody), and the
    /// total length in bytes, if declared. `livekit_datapacket_stream_dest_count` and
    /// `livekit_datapacket_stream_bytes`.
    pub fn data_stream(
        &self,
        kind: StreamKind,
        mime: MimeKind,
        destinations: usize,
        declared_bytes: Option<u64>,
    ) {
        let traffic = &self.inner.traffic;
        let destinations = destinations as f64;
        traffic.destinations.get((kind, mime)).record(destinations);
        if let Some(bytes) = declared_bytes {
            traffic.stream_bytes.get((kind, mime)).record(bytes as f64);
        }
    }

    /// A participant's quality was judged: `livekit_quality_rating` by LiveKit's number of the rating,
    /// `livekit_quality_score` by the mean opinion score, and `media_participant_ratings_total` by the rating's
    /// name. A host whose streams are judged by this library leaves it to the reporter.
    ///
    /// LOST is 3, so it is in no finite bucket of the rating: count it by name. A score below 1 or above 5, the
    /// ends of the scale, counts as that end; with one that is no finite number nothing is recorded, and that is
    /// counted in `media_livekit_events_dropped_total{reason="invalid"}`.
    pub fn participant_quality(&self, rating: Rating, mos: f64) {
        let Inner { scope, traffic, .. } = &*self.inner;
        if !mos.is_finite() {
            scope.invalid.inc();
            return;
        }
        traffic
            .quality_rating
            .record(f64::from(rating.wire_number()));
        traffic.quality_score.record(mos.clamp(1.0, 5.0));
        traffic.ratings.get(rating).inc();
    }

    /// Packets that the operating system sent and dropped since the node started: `livekit_node_packet_total`.
    pub fn node_packets(&self, out: u64, dropped: u64) {
        let traffic = &self.inner.traffic;
        traffic.node_packets_out.set(out as f64);
        traffic.node_packets_dropped.set(dropped as f64);
    }
}
