//! Batches of metrics: building, merging, sharing, sending.
//!
//! | file | lives there |
//! |---|---|
//! | `label` | what a row measures: the enum, its units; custom names |
//! | `restriction` | which labels reach their own participant only |
//! | `limits`, `counts`, `error` | caps; what was kept and what was not, by reason; what an add refuses |
//! | `table` | the string table: interning in first-use order |
//! | `rows` | rows with interned strings: sizes on the wire, caps, coalescing |
//! | `builder` | rows added one by one, under restriction and caps |
//! | `resolve` | what a row of somebody else's batch means, by either set of rules |
//! | `merge` | whole batches into a builder |
//! | `shared` | a batch resolved once, for many receivers |
//! | `split`, `emit` | messages of a bounded size; rows behind a message that is encoded already |
//! | `packet` | `DataPacket` around a batch; decoding within bounds |
//!
//! May not: read a clock, know who is in a room or who subscribes to whom, map times (`timestamper`).
//!
//! Promised: everything is a pure function of its input; a source is only read; what is cut or dropped is
//! counted; an error changes nothing. By default the rules are the corrected ones: an index that leads
//! nowhere drops its row instead of making another metric of it or hiding whose it is, and a row says whose
//! it is or gets its sender's identity. [`Rules::Reference`](super::Rules::Reference) merges as the reference does, faults included.
//!
//! ```
//! use media_metrics_core::livekit::batch::{Builder, MetricLabel, Restriction, Sample, Subject};
//! use media_metrics_core::livekit::time::ServerTime;
//!
//! let now = ServerTime::from_ns(1_700_000_010_000_000_000);
//! let mut builder = Builder::new(Restriction::client_statistics("PA_1"));
//! let rtt = Subject::of(MetricLabel::PublisherRtt, "PA_1");
//! let row = builder.add_series(&rtt, &[Sample::server(now, 0.042)])?;
//! builder.add_samples(row, &[Sample::server(now, 0.05)])?;
//! builder.set_time(now, now);
//! let messages = builder.encode(60_000);
//! assert_eq!(messages.len(), 1);
//! assert!(builder.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builder;
mod counts;
mod emit;
mod error;
mod label;
mod limits;
mod merge;
mod packet;
mod resolve;
mod restriction;
mod rows;
mod shared;
mod split;
mod table;

pub use builder::{Builder, Event, Sample, Subject};
pub use counts::MergeCounts;
pub use emit::{Behind, DEFAULT_MESSAGE_BYTES, EncodedBatch};
pub use error::{AddError, AddSamplesError, Cap};
pub use label::{FIRST_STRING_INDEX, Label, MetricLabel};
pub use limits::Limits;
pub use packet::{DecodeError, DecodeLimits, data_packet, decode_batch, decode_data_packet};
pub use restriction::Restriction;
pub use shared::{EventRow, Part, Sender, SeriesRow, SharedBatch};
