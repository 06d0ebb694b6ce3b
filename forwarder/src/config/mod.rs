//! Configuration: the file, the flags, the defaults, and what they say together.
//!
//! `file` is the syntax, `settings` the meaning, `livekit` what LiveKit's keys mean here, `serving` how metrics are
//! served, `push` and `otlp` where they are pushed, `secret` what nobody is shown, `record` the flight recorder, `value`
//! the numbers and addresses that check themselves. Nothing here opens a port or starts a thread.

mod file;
mod livekit;
mod otlp;
mod push;
pub(crate) mod record;
mod secret;
mod serving;
mod settings;
mod value;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

pub use livekit::Profile;
pub use otlp::{Compression, OtlpTo};
pub use push::Push;
pub use record::HistoryConfig;
pub use serving::{MetricsAddress, TlsFiles, UserHash};
pub use settings::{Insight, Limits, Metrics, Room, Settings, Synthetic};
pub use value::{
    Bounded, BufferSize, Seconds, SlotCount, Source, StreamCount, StreamLimit, Stretch, Subscriber,
    WorkerCount,
};

/// Why there is no configuration to run with.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read.
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the operating system said.
        cause: io::Error,
    },
    /// The file is not YAML, or says something that has no meaning here.
    Wrong {
        /// Which file.
        path: PathBuf,
        /// Line, column and reason.
        cause: Box<serde_saphyr::Error>,
    },
    /// `rooms` beside top-level `listen`, `publishers` or `subscribers`, or the flags of that name.
    RoomsAndListen,
    /// Two rooms of one name.
    SameName(String),
    /// Two rooms on one port.
    SamePort(SocketAddr),
    /// An IPv4 port with an IPv6 subscriber.
    Families {
        /// The port.
        listen: SocketAddr,
        /// The subscriber that it can't reach.
        subscriber: SocketAddr,
    },
    /// A retransmission's payload type that repeats itself, or another retransmission's.
    RtxOfRtx(u8),
    /// An attribute of the target that can't be a label.
    BadTarget(media_metrics_exporter::BadAttribute),
    /// A key whose secret was hidden when the configuration was printed.
    Hidden(&'static str),
    /// No port to listen on, and no built-in streams.
    NothingToDo,
    /// The configuration could not be written as YAML.
    Unwritable(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, cause } => write!(
                f,
                "cannot read the configuration {}: {cause}; check the path given with --config",
                path.display()
            ),
            Self::Wrong { path, cause } => write!(
                f,
                "the configuration {} is wrong: correct it, or see `media-metrics config` for an example\n{}",
                path.display(),
                cause.render()
            ),
            Self::RoomsAndListen => f.write_str(
                "the configuration has `rooms`, so listen, publishers and subscribers (--listen, --subscriber) \
                 belong into a room: move them there, or take `rooms` out",
            ),
            Self::SameName(name) => write!(
                f,
                "two rooms are called {name:?} in the configuration's `rooms`: give each its own name"
            ),
            Self::SamePort(addr) => write!(
                f,
                "two rooms listen on {addr} in the configuration's `rooms`: give each its own port"
            ),
            Self::Families { listen, subscriber } => write!(
                f,
                "an IPv4 port ({listen}) can't send to an IPv6 subscriber ({subscriber}): listen on an IPv6 \
                 address, for example [::]:{}",
                listen.port()
            ),
            Self::RtxOfRtx(pt) => write!(
                f,
                "in the configuration's `rtx`, payload type {pt} repeats one that itself stands for retransmissions: \
                 name the type of the media that is repeated (`apt` in SDP)"
            ),
            Self::BadTarget(error) => write!(f, "in the configuration's `target`, {error}"),
            Self::Hidden(key) => write!(f, "{key} in the configuration: {}", secret::NOT_SHOWN),
            Self::NothingToDo => f.write_str(
                "nothing to forward: say where to listen (--listen ADDR, or `listen:` or `rooms:` in the \
                 configuration), or try --synthetic 4",
            ),
            Self::Unwritable(cause) => write!(f, "cannot write the configuration as YAML: {cause}"),
        }
    }
}

impl std::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { cause, .. } => Some(cause),
            Self::Wrong { cause, .. } => Some(&**cause),
            _ => None,
        }
    }
}
