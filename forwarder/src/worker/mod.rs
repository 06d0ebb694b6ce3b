//! The forwarding loop: wait, receive a batch, look at each packet, send the batch, take in what reports
//! say, measure.
//!
//! Lives here: starting, waiting, ending. In `batch`: what is done with a batch. In `transit`: what is known
//! of each datagram of it. In `reports`: what becomes of RTCP. Not here: system calls (`net`), streams (`flows`), what
//! is counted where (`meter`).
//!
//! Once warm, a media packet costs no allocation and no lock: the arena, the outbox and the headers are
//! used again, and everything that is measured belongs to this thread. A report costs neither, unless it
//! has to be handed to other workers (`inbox`).

mod batch;
mod reports;
mod transit;

use std::io;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

use crate::config::{Source, Subscriber};
use crate::flows::{FlowConfig, FlowSummary};
use crate::inbox::Mailbox;
use crate::meter::Instruments;
use batch::{DRAIN, Worker};

/// An idle worker looks this often (in milliseconds) whether it should stop or a stream is idle.
const LOOK_MS: u8 = 100;
/// What the event queue says for letters from other workers; rooms have their index.
const BELL: u64 = u64::MAX;

/// One room's port, as a worker gets it.
#[derive(Debug)]
pub struct PortConfig {
    /// This worker's socket of the port's group.
    pub socket: UdpSocket,
    /// Who may send; empty: anybody.
    pub publishers: Vec<Source>,
    /// Where packets go, and where reports come from.
    pub subscribers: Vec<Subscriber>,
}

/// What a worker did, for those who asked for no metrics too.
#[derive(Debug, Default)]
pub struct WorkerReport {
    /// Datagrams received.
    pub received: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Its busiest streams.
    pub flows: Vec<FlowSummary>,
    /// Its sockets, which nobody reads any more. To be kept until all workers have ended: of a port that closes the kernel
    /// gives the streams to the others, where they would begin anew, after a gap.
    pub sockets: Vec<UdpSocket>,
}

/// A worker that can start: everything that may fail has been done.
#[derive(Debug)]
pub struct Prepared {
    ports: Vec<PortConfig>,
    stamps: bool,
    flows: FlowConfig,
    mailbox: Mailbox,
    epoll: Epoll,
}

impl Prepared {
    /// One worker for these ports; `stamps` if their sockets have kernel receive stamps. `mailbox` is one of
    /// an [exchange](Mailbox::exchange) that all workers of the same ports have together.
    ///
    /// # Errors
    /// The kernel gives no event queue.
    pub fn new(
        ports: Vec<PortConfig>,
        stamps: bool,
        flows: FlowConfig,
        mailbox: Mailbox,
    ) -> io::Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        for (room, port) in ports.iter().enumerate() {
            let event = EpollEvent::new(EpollFlags::EPOLLIN, room as u64);
            epoll.add(&port.socket, event)?;
        }
        epoll.add(mailbox.bell(), EpollEvent::new(EpollFlags::EPOLLIN, BELL))?;
        Ok(Self {
            ports,
            stamps,
            flows,
            mailbox,
            epoll,
        })
    }

    /// Forwards until `stop` is set, then what still waits on the sockets.
    ///
    /// # Errors
    /// The event queue broke: this worker has stopped, and its ports are closed.
    pub fn run(
        self,
        instruments: Option<&Instruments>,
        stop: &AtomicBool,
    ) -> io::Result<WorkerReport> {
        let Self {
            ports,
            stamps,
            flows,
            mailbox,
            epoll,
        } = self;
        let mut worker = Worker::new(ports, stamps, flows, mailbox, instruments);
        let mut events = [EpollEvent::empty(); 16];
        // Relaxed: the flag carries no data, only the wish.
        while !stop.load(Ordering::Relaxed) {
            let ready = match epoll.wait(&mut events, EpollTimeout::from(LOOK_MS)) {
                Ok(n) => n,
                Err(Errno::EINTR) => 0,
                Err(error) => return Err(error.into()),
            };
            for event in events.iter().take(ready) {
                match event.data() {
                    BELL => worker.read_letters(),
                    room => worker.serve(room as usize),
                }
            }
            worker.sweep();
        }
        worker.drain(DRAIN);
        Ok(worker.finish())
    }
}
