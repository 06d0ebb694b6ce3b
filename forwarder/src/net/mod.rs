//! Sockets and batched system calls.
//!
//! Lives here: `socket` (binding SO_REUSEPORT groups), `receive` (recvmmsg with kernel stamps),
//! `send` (sendmmsg). Not here: what a datagram means, what is counted.
//!
//! Two crates talk to the kernel. `nix` has recvmmsg with receive stamps, but its result iterator
//! reads the address of every message, which a *send* never writes; `rustix` has a sendmmsg without
//! that hazard and no recvmmsg. So each does what it does soundly. One question (`socket::dropped`) neither
//! knows: it is the only `unsafe` here.

mod receive;
mod send;
mod socket;

pub use receive::{Arena, BATCH, Datagram, MAX_DATAGRAM, Receiver};
pub use send::{SendFailure, send_batch};
pub(crate) use socket::set_receive_queue;
pub use socket::{BindError, bind_group};
