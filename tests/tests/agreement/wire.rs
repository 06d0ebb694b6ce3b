//! Generated streams on their way into a capture.

use std::net::SocketAddrV4;
use std::path::PathBuf;

use media_metrics_tests::figures::Id;
use media_metrics_tests::pcap::{self, Datagram};
use media_metrics_tests::traffic::Sent;

/// A capture that goes when the test ends.
pub(crate) struct Capture(tempfile::TempDir);

impl Capture {
    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("generated.pcap")
    }

    pub(crate) fn of(datagrams: &[Datagram]) -> Self {
        let capture = Self(tempfile::tempdir().unwrap());
        std::fs::write(capture.path(), pcap::write(datagrams)).unwrap();
        capture
    }
}

/// The `n`-th stream: its SSRC is its place, plus 1, and it has ports of its own.
pub(crate) fn id(n: usize) -> Id {
    let port = 30_000 + 2 * n as u16;
    Id {
        ssrc: n as u32 + 1,
        from: SocketAddrV4::new([192, 0, 2, 1].into(), port),
        to: SocketAddrV4::new([198, 51, 100, 1].into(), port),
    }
}

pub(crate) fn on_the_wire(id: Id, packets: &[Sent]) -> Vec<Datagram> {
    let datagram = |sent: &Sent| Datagram {
        at_ns: sent.at_ns,
        from: id.from,
        to: id.to,
        bytes: sent.bytes.clone(),
    };
    packets.iter().map(datagram).collect()
}

/// All streams in one capture, in order of time.
pub(crate) fn capture<'a>(streams: impl Iterator<Item = (Id, &'a [Sent])>) -> Capture {
    let mut datagrams: Vec<Datagram> = streams
        .flat_map(|(id, packets)| on_the_wire(id, packets))
        .collect();
    datagrams.sort_by_key(|d| d.at_ns); // stable: packets of one stream stay in order
    Capture::of(&datagrams)
}
