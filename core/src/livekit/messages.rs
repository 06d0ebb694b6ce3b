//! The messages of `livekit_metrics.proto` and the part of `DataPacket` that carries them.
//!
//! Lives here: fields, numbers, types: the wire. Not here: what rows mean and which are allowed (`batch`).
//!
//! Unknown fields are skipped, as proto3 asks. Field numbers are held against the schema, compiled by a
//! protobuf compiler, and against LiveKit's own client packages by tests.

use std::collections::HashMap;

use prost::Message;

/// A moment: `google.protobuf.Timestamp`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Message)]
pub struct Timestamp {
    /// Whole seconds since 1970, rounded down: negative before.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds after that, 0 to 999,999,999.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// What one sender reports at once.
#[derive(Clone, PartialEq, Message)]
pub struct MetricsBatch {
    /// Moment of sending in ms, on the sender's own monotonic clock.
    #[prost(int64, tag = "1")]
    pub timestamp_ms: i64,
    /// The same moment on the server's clock.
    #[prost(message, optional, tag = "2")]
    pub normalized_timestamp: Option<Timestamp>,
    /// The string table: index `i` of a row, from 4096 on, means entry `i - 4096`.
    #[prost(string, repeated, tag = "3")]
    pub str_data: Vec<String>,
    /// Series of numbers.
    #[prost(message, repeated, tag = "4")]
    pub time_series: Vec<TimeSeriesMetric>,
    /// Things that happened.
    #[prost(message, repeated, tag = "5")]
    pub events: Vec<EventMetric>,
}

/// Samples of one metric of one participant, track and layer.
#[derive(Clone, PartialEq, Message)]
pub struct TimeSeriesMetric {
    /// Below 4096 a number of the enum `MetricLabel`, from there on an index of the string table.
    #[prost(uint32, tag = "1")]
    pub label: u32,
    /// Index of the participant's identity; 0 for none.
    #[prost(uint32, tag = "2")]
    pub participant_identity: u32,
    /// Index of the track's SID; 0 for none.
    #[prost(uint32, tag = "3")]
    pub track_sid: u32,
    /// The samples, oldest first.
    #[prost(message, repeated, tag = "4")]
    pub samples: Vec<MetricSample>,
    /// Index of the layer's RID; 0 for none.
    #[prost(uint32, tag = "5")]
    pub rid: u32,
}

/// One number at one moment.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct MetricSample {
    /// The moment in ms, on the sender's clock.
    #[prost(int64, tag = "1")]
    pub timestamp_ms: i64,
    /// The same moment on the server's clock.
    #[prost(message, optional, tag = "2")]
    pub normalized_timestamp: Option<Timestamp>,
    /// The number, in the unit of the row's label. -0 is written as 0.
    #[prost(float, tag = "3")]
    pub value: f32,
}

/// Something that happened, once or for a while.
#[derive(Clone, PartialEq, Message)]
pub struct EventMetric {
    /// As in [`TimeSeriesMetric::label`].
    #[prost(uint32, tag = "1")]
    pub label: u32,
    /// Index of the participant's identity; 0 for none.
    #[prost(uint32, tag = "2")]
    pub participant_identity: u32,
    /// Index of the track's SID; 0 for none.
    #[prost(uint32, tag = "3")]
    pub track_sid: u32,
    /// Its beginning in ms, on the sender's clock.
    #[prost(int64, tag = "4")]
    pub start_timestamp_ms: i64,
    /// Its end, if it has ended; 0 is a time like any other.
    #[prost(int64, optional, tag = "5")]
    pub end_timestamp_ms: Option<i64>,
    /// The beginning on the server's clock.
    #[prost(message, optional, tag = "6")]
    pub normalized_start_timestamp: Option<Timestamp>,
    /// The end on the server's clock.
    #[prost(message, optional, tag = "7")]
    pub normalized_end_timestamp: Option<Timestamp>,
    /// Free text.
    #[prost(string, tag = "8")]
    pub metadata: String,
    /// Index of the layer's RID; 0 for none.
    #[prost(uint32, tag = "9")]
    pub rid: u32,
}

/// What stands before a recording of batches.
#[derive(Clone, PartialEq, Message)]
pub struct MetricsRecordingHeader {
    /// The room's SID.
    #[prost(string, tag = "1")]
    pub room_id: String,
    /// How long the recording is, in ms.
    #[prost(uint64, tag = "3")]
    pub duration: u64,
    /// When it began.
    #[prost(message, optional, tag = "4")]
    pub start_time: Option<Timestamp>,
    /// The room's tags.
    #[prost(map = "string, string", tag = "5")]
    pub room_tags: HashMap<String, String>,
    /// The room's name.
    #[prost(string, tag = "6")]
    pub room_name: String,
    /// When the room began.
    #[prost(message, optional, tag = "7")]
    pub room_start_time: Option<Timestamp>,
    /// The agent job's id.
    #[prost(string, tag = "8")]
    pub job_id: String,
    /// Whether the session was a simulated one.
    #[prost(bool, tag = "9")]
    pub simulated: bool,
    /// Turns redaction on, never off.
    #[prost(bool, tag = "10")]
    pub redaction_enabled: bool,
}

/// The fields of `DataPacket` that a batch travels with; a packet's other contents are skipped.
#[derive(Clone, PartialEq, Message)]
pub struct DataPacket {
    /// Whose packet it is.
    #[prost(string, tag = "4")]
    pub participant_identity: String,
    /// The batch, if the packet carries one.
    #[prost(message, optional, tag = "8")]
    pub metrics: Option<MetricsBatch>,
    /// Number of a reliable packet.
    #[prost(uint32, tag = "16")]
    pub sequence: u32,
    /// SID of the participant whose packet it is.
    #[prost(string, tag = "17")]
    pub participant_sid: String,
}
