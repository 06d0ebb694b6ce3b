//! `NodeStats` and `NodeStatsRate` of `livekit_internal.proto`.
//!
//! Lives here: fields, numbers, types: the wire. Not here: how the numbers come about (`rates`, `monitor`).
//!
//! The deprecated `…_per_sec` fields are left out: readers take `rates`. Numbers that do not fit a field are its
//! largest, so that nothing wraps.

use prost::Message;

/// A node at one moment.
#[derive(Clone, PartialEq, Message)]
pub struct NodeStats {
    /// When the node started, in seconds since 1970.
    #[prost(int64, tag = "1")]
    pub started_at: i64,
    /// The moment of this message, in seconds since 1970.
    #[prost(int64, tag = "2")]
    pub updated_at: i64,
    /// Rooms open now.
    #[prost(int32, tag = "3")]
    pub num_rooms: i32,
    /// Participants connected now.
    #[prost(int32, tag = "4")]
    pub num_clients: i32,
    /// Tracks published now.
    #[prost(int32, tag = "5")]
    pub num_tracks_in: i32,
    /// Tracks subscribed to now.
    #[prost(int32, tag = "6")]
    pub num_tracks_out: i32,
    /// Bytes received since the start.
    #[prost(uint64, tag = "7")]
    pub bytes_in: u64,
    /// Bytes sent since the start.
    #[prost(uint64, tag = "8")]
    pub bytes_out: u64,
    /// Packets received since the start.
    #[prost(uint64, tag = "9")]
    pub packets_in: u64,
    /// Packets sent since the start.
    #[prost(uint64, tag = "10")]
    pub packets_out: u64,
    /// Packets asked for again since the start, in both directions.
    #[prost(uint64, tag = "11")]
    pub nack_total: u64,
    /// CPUs that the node may use, cut to a whole number: half a CPU is 0.
    #[prost(uint32, tag = "17")]
    pub num_cpus: u32,
    /// Load average of the last minute.
    #[prost(float, tag = "18")]
    pub load_avg_last1min: f32,
    /// Load average of the last 5 minutes.
    #[prost(float, tag = "19")]
    pub load_avg_last5min: f32,
    /// Load average of the last 15 minutes.
    #[prost(float, tag = "20")]
    pub load_avg_last15min: f32,
    /// Share of the CPUs in use, 0 to 1; 0 if unknown, too.
    #[prost(float, tag = "21")]
    pub cpu_load: f32,
    /// Bytes sent again since the start.
    #[prost(uint64, tag = "22")]
    pub retransmit_bytes_out: u64,
    /// Packets sent again since the start.
    #[prost(uint64, tag = "23")]
    pub retransmit_packets_out: u64,
    /// Joins whose signalling connection came up, since the start.
    #[prost(uint64, tag = "26")]
    pub participant_signal_connected: u64,
    /// Packets that the operating system's queue disciplines sent; 4,294,967,295 means that or more.
    #[prost(uint32, tag = "28")]
    pub sys_packets_out: u32,
    /// Packets that they dropped; 4,294,967,295 means that or more.
    #[prost(uint32, tag = "29")]
    pub sys_packets_dropped: u32,
    /// Memory that the node may use, in bytes; 0 if unknown.
    #[prost(uint64, tag = "34")]
    pub memory_total: u64,
    /// Memory in use, in bytes.
    #[prost(uint64, tag = "35")]
    pub memory_used: u64,
    /// Attempts to publish a track since the start.
    #[prost(int32, tag = "36")]
    pub num_track_publish_attempts: i32,
    /// Those that succeeded.
    #[prost(int32, tag = "38")]
    pub num_track_publish_success: i32,
    /// Attempts to subscribe to a track since the start.
    #[prost(int32, tag = "40")]
    pub num_track_subscribe_attempts: i32,
    /// Those that succeeded.
    #[prost(int32, tag = "42")]
    pub num_track_subscribe_success: i32,
    /// Participants that joined a room, since the start.
    #[prost(uint64, tag = "44")]
    pub participant_rtc_connected: u64,
    /// Session starts that reached the media node, since the start.
    #[prost(uint64, tag = "46")]
    pub participant_rtc_init: u64,
    /// Mean time that a packet spent in the node, in ns; 0 if there was no packet, too.
    #[prost(uint32, tag = "48")]
    pub forward_latency: u32,
    /// Standard deviation of that, in ns.
    #[prost(uint32, tag = "49")]
    pub forward_jitter: u32,
    /// Rates, one for each interval that is long enough ago.
    #[prost(message, repeated, tag = "50")]
    pub rates: Vec<NodeStatsRate>,
    /// Attempts to publish that were cancelled.
    #[prost(int32, tag = "51")]
    pub num_track_publish_cancels: i32,
    /// Attempts to subscribe that were cancelled.
    #[prost(int32, tag = "52")]
    pub num_track_subscribe_cancels: i32,
    /// Sessions given up before they were connected, since the start.
    #[prost(uint64, tag = "53")]
    pub participant_rtc_canceled: u64,
    /// Participants that became active, since the start.
    #[prost(uint64, tag = "54")]
    pub participant_rtc_active: u64,
    /// Joins for which no session could be started, since the start. The reference never fills it.
    #[prost(uint64, tag = "55")]
    pub participant_signal_failed: u64,
    /// Join requests that were rejected, since the start. The reference never fills it.
    #[prost(uint64, tag = "56")]
    pub participant_signal_validation_failed: u64,
}

/// What a node did over an interval: counters per second, levels as means over time.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct NodeStatsRate {
    /// `updated_at` of the earlier end.
    #[prost(int64, tag = "1")]
    pub started_at: i64,
    /// `updated_at` of the later end.
    #[prost(int64, tag = "2")]
    pub ended_at: i64,
    /// Time between the two in seconds, rounded. If the wall clock stepped, that is not the difference of the two.
    #[prost(int64, tag = "3")]
    pub duration: i64,
    /// Attempts to publish a track, per second.
    #[prost(float, tag = "4")]
    pub track_publish_attempts: f32,
    /// Tracks published, per second.
    #[prost(float, tag = "5")]
    pub track_publish_success: f32,
    /// Attempts to subscribe to a track, per second.
    #[prost(float, tag = "6")]
    pub track_subscribe_attempts: f32,
    /// Tracks subscribed to, per second.
    #[prost(float, tag = "7")]
    pub track_subscribe_success: f32,
    /// Bytes received per second.
    #[prost(float, tag = "8")]
    pub bytes_in: f32,
    /// Bytes sent per second.
    #[prost(float, tag = "9")]
    pub bytes_out: f32,
    /// Packets received per second.
    #[prost(float, tag = "10")]
    pub packets_in: f32,
    /// Packets sent per second.
    #[prost(float, tag = "11")]
    pub packets_out: f32,
    /// Packets asked for again, per second.
    #[prost(float, tag = "12")]
    pub nack_total: f32,
    /// Packets that the queue disciplines sent, per second.
    #[prost(float, tag = "13")]
    pub sys_packets_out: f32,
    /// Packets that they dropped, per second.
    #[prost(float, tag = "14")]
    pub sys_packets_dropped: f32,
    /// Bytes sent again, per second.
    #[prost(float, tag = "15")]
    pub retransmit_bytes_out: f32,
    /// Packets sent again, per second.
    #[prost(float, tag = "16")]
    pub retransmit_packets_out: f32,
    /// Signalling connections that came up, per second.
    #[prost(float, tag = "17")]
    pub participant_signal_connected: f32,
    /// Participants that joined a room, per second.
    #[prost(float, tag = "18")]
    pub participant_rtc_connected: f32,
    /// Session starts, per second.
    #[prost(float, tag = "19")]
    pub participant_rtc_init: f32,
    /// Mean share of the CPUs in use, 0 to 1.
    #[prost(float, tag = "20")]
    pub cpu_load: f32,
    /// Mean share of the memory in use, 0 to 1.
    #[prost(float, tag = "21")]
    pub memory_load: f32,
    /// Mean memory in use, in bytes.
    #[prost(float, tag = "22")]
    pub memory_used: f32,
    /// Mean memory that the node might use, in bytes.
    #[prost(float, tag = "23")]
    pub memory_total: f32,
    /// Attempts to publish that were cancelled, per second.
    #[prost(float, tag = "24")]
    pub track_publish_cancels: f32,
    /// Attempts to subscribe that were cancelled, per second.
    #[prost(float, tag = "25")]
    pub track_subscribe_cancels: f32,
    /// Sessions given up, per second.
    #[prost(float, tag = "26")]
    pub participant_rtc_canceled: f32,
    /// Participants that became active, per second.
    #[prost(float, tag = "27")]
    pub participant_rtc_active: f32,
    /// Joins without a session, per second.
    #[prost(float, tag = "28")]
    pub participant_signal_failed: f32,
    /// Join requests rejected, per second.
    #[prost(float, tag = "29")]
    pub participant_signal_validation_failed: f32,
}
