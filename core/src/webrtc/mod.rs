//! Streams in the words of W3C webrtc-stats (<https://www.w3.org/TR/webrtc-stats/>).
//!
//! Lives here: the four dictionaries of RTP streams, with the standard's member names and units when
//! serialised, and what fills them. In `base`: what they have in common. In `incoming`: `inbound-rtp` and
//! `remote-outbound-rtp`. In `outgoing`: `outbound-rtp` and `remote-inbound-rtp`. Not here: measuring
//! (`stream`, `rtp`), sockets.
//!
//! # Which members
//! Only those whose definition our numbers meet. A browser plays what it receives and encodes what it
//! sends; a forwarder does neither: so there is nothing here about decoding, playout or encoding
//! (`framesDecoded`, `framesPerSecond`, `jitterBufferDelay`, `targetBitrate` …). What only the host can
//! know (`mid`, RTX of a stream it receives, its own reference times) is a field that is `None` until the
//! host fills it in. What is not known is left out, never 0.
//!
//! | member | comes from |
//! |---|---|
//! | `packetsReceived` | packets, duplicates and late ones included, as RFC 3550 A.3 counts; not those that A.1 takes for another stream's (`stale`, `pending`) |
//! | `packetsLost` | expected less received (RFC 3550 §6.4.1): negative, where duplicates outnumber losses |
//! | `jitter` | seconds |
//! | `bytesReceived`, `bytesSent` | payload alone (RFC 3550 §6.4.1, sender's octet count) |
//! | `headerBytesReceived`, `headerBytesSent` | headers with CSRCs and extensions, and padding |
//! | `framesReceived` | left to the host: it counts complete frames, and nothing here looks for a frame's every packet |
//! | `framesSent` | video: frames of which a packet left |
//! | `nackCount`, `pliCount`, `firCount` | packets that the stream was told of; of a sent stream, no `firCount`: repeated FIRs are not counted |
//! | `reportsSent` | sender reports that came |
//! | `fractionLost` | 0 to 1, from 1/256 of the report |
//! | `timestamp` | when the numbers were read; of what a peer reports: when its report came |

mod base;
mod incoming;
mod outgoing;

pub use base::{Clock, Kind, ReceivedRtpStreamStats, RtpStreamStats, SentRtpStreamStats};
pub use incoming::{InboundRtpStreamStats, RemoteOutboundRtpStreamStats, incoming};
pub use outgoing::{OutboundRtpStreamStats, RemoteInboundRtpStreamStats, outgoing};
