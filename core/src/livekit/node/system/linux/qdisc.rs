//! Asks the kernel for the counters of all queue disciplines, over rtnetlink.
//!
//! Lives here: the one request, and reading its answer. Not here: differences over time (`packets`).
//!
//! The one socket of this crate: it never leaves the machine, lives for one question, and waits at most
//! [`PATIENCE`] for a message. Layouts: `linux/rtnetlink.h` (`tcmsg`, `TCA_*`), `linux/gen_stats.h`.

use std::io;
use std::time::Duration;

use netlink_packet_core::{
    ErrorBuffer, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_DONE, NLMSG_ERROR,
    NLMSG_OVERRUN, NetlinkBuffer, NlaBuffer, NlasIterator,
};
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, connect, recv, send, socket_with,
};

use crate::livekit::node::system::{PacketCounts, Qdisc};

const PATIENCE: Duration = Duration::from_secs(1);
/// More than any kernel puts into one datagram of a dump.
const DATAGRAM: usize = 64 * 1024;
/// Queue disciplines beyond this are no machine that we know.
const MAX_QDISCS: usize = 1 << 20;
/// A dump during which the table changed is asked for again, so often.
const TRIES: usize = 3;

const RTM_NEWQDISC: u16 = 36;
const RTM_GETQDISC: u16 = 38;
const HEADER: usize = 16;
/// `tcmsg`: family and padding, then the interface's index, handle, parent, info.
const TCMSG: usize = 20;
const TCMSG_INTERFACE: usize = 4;

const TCA_STATS: u16 = 3;
const TCA_STATS2: u16 = 7;
const TCA_STATS_BASIC: u16 = 1;
const TCA_STATS_QUEUE: u16 = 3;
const TCA_STATS_PKT64: u16 = 8;

/// The counters of every queue discipline of this network namespace.
///
/// **Cost**: a handful of system calls. No privilege is needed.
///
/// # Errors
///
/// What the kernel answers; `InvalidData` if it can't be understood; `Interrupted` if the table changed during each of
/// several tries; `WouldBlock` if no answer came in a second.
pub(in crate::livekit::node::system) fn query() -> io::Result<Vec<Qdisc>> {
    let mut tries = 1;
    loop {
        match dump() {
            Err(e) if e.kind() == io::ErrorKind::Interrupted && tries < TRIES => tries += 1,
            answer => return answer,
        }
    }
}

fn dump() -> io::Result<Vec<Qdisc>> {
    let flags = SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, flags, None)?;
    set_socket_timeout(&socket, Timeout::Recv, Some(PATIENCE))?;
    // To the kernel alone, which is port 0: then nobody else can answer.
    connect(&socket, &SocketAddrNetlink::new(0, 0))?;
    send(&socket, &request(), SendFlags::empty())?;
    let mut buffer = vec![0; DATAGRAM];
    let mut qdiscs = Vec::new();
    loop {
        let (received, length) = recv(&socket, buffer.as_mut_slice(), RecvFlags::TRUNC)?;
        if length > received {
            return Err(invalid("a datagram longer than 64 KiB"));
        }
        let datagram = buffer.get(..received).unwrap_or_default();
        if read_datagram(datagram, &mut qdiscs)? == Progress::Done {
            return Ok(qdiscs);
        }
        if received == 0 || qdiscs.len() > MAX_QDISCS {
            return Err(invalid("a dump without end"));
        }
    }
}

fn request() -> [u8; HEADER + TCMSG] {
    let mut bytes = [0; HEADER + TCMSG];
    let mut packet = NetlinkBuffer::new(&mut bytes);
    packet.set_length((HEADER + TCMSG) as u32);
    packet.set_message_type(RTM_GETQDISC);
    packet.set_flags(NLM_F_REQUEST | NLM_F_DUMP);
    bytes
}

#[derive(Debug, PartialEq, Eq)]
enum Progress {
    More,
    Done,
}

/// Adds what one datagram tells, which may hold many messages.
fn read_datagram(mut bytes: &[u8], qdiscs: &mut Vec<Qdisc>) -> io::Result<Progress> {
    while !bytes.is_empty() {
        let message = NetlinkBuffer::new_checked(bytes).map_err(|_| invalid("a cut message"))?;
        if message.flags() & NLM_F_DUMP_INTR != 0 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match message.message_type() {
            NLMSG_DONE => return end_of_dump(message.payload()),
            NLMSG_ERROR => return Err(kernel_error(message.payload())),
            NLMSG_OVERRUN => return Err(invalid("an overrun")),
            RTM_NEWQDISC => qdiscs.push(read_qdisc(message.payload())?),
            _ => {}
        }
        let aligned = (message.length() as usize).next_multiple_of(4);
        bytes = bytes.get(aligned..).unwrap_or_default();
    }
    Ok(Progress::More)
}

/// The end carries what stopped the dump: 0, or less if it failed half-way.
fn end_of_dump(payload: &[u8]) -> io::Result<Progress> {
    match u32_at(payload, 0).map(u32::cast_signed) {
        Ok(code) if code < 0 => Err(io::Error::from_raw_os_error(code.saturating_abs())),
        _ => Ok(Progress::Done),
    }
}

fn kernel_error(payload: &[u8]) -> io::Error {
    let code = ErrorBuffer::new_checked(payload)
        .ok()
        .and_then(|error| error.code());
    match code {
        Some(code) => io::Error::from_raw_os_error(code.get().saturating_abs()),
        None => invalid("an error without a number"),
    }
}

fn read_qdisc(payload: &[u8]) -> io::Result<Qdisc> {
    let interface = u32_at(payload, TCMSG_INTERFACE)?;
    let attributes = payload.get(TCMSG..).ok_or_else(cut)?;
    let (mut old, mut new) = (None, None);
    for attribute in NlasIterator::new(attributes) {
        let attribute = attribute.map_err(|_| cut())?;
        match attribute.kind() {
            TCA_STATS => old = Some(read_stats(attribute.value())?),
            TCA_STATS2 => new = Some(read_stats2(attribute)?),
            _ => {}
        }
    }
    Ok(Qdisc {
        interface,
        counts: new.or(old).unwrap_or_default(),
    })
}

/// `tc_stats`: bytes (64 bit), packets, drops, …; the only statistics of kernels of long ago.
fn read_stats(value: &[u8]) -> io::Result<PacketCounts> {
    Ok(PacketCounts {
        out: u32_at(value, 8)?.into(),
        dropped: u32_at(value, 12)?.into(),
    })
}

/// Statistics by kind. The kernel adds the 64-bit number of packets when 32 bits don't hold it.
fn read_stats2(attribute: NlaBuffer<&[u8]>) -> io::Result<PacketCounts> {
    let mut counts = PacketCounts::default();
    let mut all_packets = None;
    for nested in NlasIterator::new(attribute.value()) {
        let nested = nested.map_err(|_| cut())?;
        let value = nested.value();
        match nested.kind() {
            TCA_STATS_BASIC => counts.out = u32_at(value, 8)?.into(), // after bytes (64 bit)
            TCA_STATS_QUEUE => counts.dropped = u32_at(value, 8)?.into(), // after qlen, backlog
            TCA_STATS_PKT64 => all_packets = Some(u64_at(value, 0)?),
            _ => {}
        }
    }
    counts.out = all_packets.unwrap_or(counts.out);
    Ok(counts)
}

fn u32_at(bytes: &[u8], at: usize) -> io::Result<u32> {
    let four = bytes.get(at..).and_then(<[u8]>::first_chunk);
    four.map(|b| u32::from_ne_bytes(*b)).ok_or_else(cut)
}

fn u64_at(bytes: &[u8], at: usize) -> io::Result<u64> {
    let eight = bytes.get(at..).and_then(<[u8]>::first_chunk);
    eight.map(|b| u64::from_ne_bytes(*b)).ok_or_else(cut)
}

fn cut() -> io::Error {
    invalid("a cut attribute")
}

fn invalid(what: &str) -> io::Error {
    let text = format!("the kernel's answer about queue disciplines is {what}");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use netlink_packet_core::{NLM_F_MULTIPART, NLMSG_NOOP};
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = (value.len() + 4) as u16;
        let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn words(words: &[u32]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_ne_bytes()).collect()
    }

    fn message(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; HEADER];
        let mut header = NetlinkBuffer::new(&mut bytes);
        header.set_length((HEADER + payload.len()) as u32);
        header.set_message_type(kind);
        header.set_flags(flags);
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn qdisc(interface: u32, attributes: &[Vec<u8>]) -> Vec<u8> {
        let header = words(&[0, interface, 0x8001_0000, u32::MAX, 2]);
        let payload = [header, attributes.concat()].concat();
        message(RTM_NEWQDISC, NLM_F_MULTIPART, &payload)
    }

    /// `gnet_stats_basic`: bytes, packets; `gnet_stats_queue`: qlen, backlog, drops, requeues, overlimits.
    fn stats2(packets: u32, drops: u32, more: &[Vec<u8>]) -> Vec<u8> {
        let basic = attribute(TCA_STATS_BASIC, &words(&[99, 99, packets]));
        let queue = attribute(TCA_STATS_QUEUE, &words(&[1, 2, drops, 3, 4]));
        attribute(TCA_STATS2, &[basic, queue, more.concat()].concat())
    }

    /// `tc_stats`: bytes, packets, drops, overlimits, bps, pps, qlen, backlog.
    fn stats(packets: u32, drops: u32) -> Vec<u8> {
        let value = words(&[99, 99, packets, drops, 5, 6, 7, 8, 9]);
        attribute(TCA_STATS, &value)
    }

    fn read(datagram: &[u8]) -> io::Result<Vec<(u32, u64, u64)>> {
        let mut qdiscs = Vec::new();
        read_datagram(datagram, &mut qdiscs)?;
        let plain = |q: &Qdisc| (q.interface, q.counts.out, q.counts.dropped);
        Ok(qdiscs.iter().map(plain).collect())
    }

    #[test]
    fn each_form_of_the_statistics_is_read() {
        let kind = attribute(1, b"fq_codel\0");
        let pkt64 = attribute(TCA_STATS_PKT64, &(u64::from(u32::MAX) + 8).to_ne_bytes());
        let datagram = [
            message(NLMSG_NOOP, 0, &[]),
            qdisc(1, &[kind.clone(), stats2(10, 1, &[]), stats(11, 2)]),
            qdisc(2, &[kind.clone(), stats(20, 2)]),
            qdisc(3, &[stats2(7, 3, &[pkt64]), kind.clone()]),
            qdisc(4, &[kind]),
        ];
        let expected = [
            (1, 10, 1),
            (2, 20, 2),
            (3, u64::from(u32::MAX) + 8, 3),
            (4, 0, 0),
        ];
        assert_eq!(read(&datagram.concat()).unwrap(), expected);
    }

    #[test]
    fn a_dump_ends_well_or_says_why() {
        let mut qdiscs = Vec::new();
        let done = message(NLMSG_DONE, NLM_F_MULTIPART, &words(&[0]));
        assert_eq!(read_datagram(&done, &mut qdiscs).unwrap(), Progress::Done);
        let short = message(NLMSG_DONE, NLM_F_MULTIPART, &[]);
        assert_eq!(read_datagram(&short, &mut qdiscs).unwrap(), Progress::Done);
        let one = qdisc(1, &[stats(1, 0)]);
        assert_eq!(read_datagram(&one, &mut qdiscs).unwrap(), Progress::More);
        assert_eq!(qdiscs.len(), 1);
        let failed = |datagram: &[u8]| read(datagram).unwrap_err();
        let code = |n: i32| words(&[n.cast_unsigned(), 0, 0, 0, 0]);
        let denied = failed(&message(NLMSG_ERROR, 0, &code(-1)));
        assert_eq!(denied.kind(), io::ErrorKind::PermissionDenied);
        let half = failed(&message(NLMSG_DONE, 0, &code(-1)));
        assert_eq!(half.kind(), io::ErrorKind::PermissionDenied);
        let invalid = io::ErrorKind::InvalidData;
        assert_eq!(failed(&message(NLMSG_ERROR, 0, &code(0))).kind(), invalid);
        assert_eq!(failed(&message(NLMSG_OVERRUN, 0, &[])).kind(), invalid);
        let changed = message(RTM_NEWQDISC, NLM_F_DUMP_INTR, &[]);
        assert_eq!(failed(&changed).kind(), io::ErrorKind::Interrupted);
    }

    #[test]
    fn a_cut_answer_is_an_error() {
        let whole = [qdisc(1, &[stats2(10, 1, &[])]), qdisc(2, &[stats(20, 2)])].concat();
        let first = qdisc(1, &[stats2(10, 1, &[])]).len();
        let step = if cfg!(miri) { 9 } else { 1 };
        for length in (1..whole.len()).step_by(step).chain([first]) {
            let result = read(&whole[..length]);
            assert_eq!(result.is_ok(), length == first, "{length}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(5), ..ProptestConfig::default() })]

        #[test]
        #[cfg_attr(miri, ignore = "plain arithmetic, a hundred times too slow")]
        fn no_answer_panics(
            noise in vec(any::<u8>(), 0..200),
            broken in vec((0..200usize, any::<u8>()), 0..6),
        ) {
            let _ = read(&noise);
            let mut bytes = [qdisc(1, &[stats2(10, 1, &[])]), qdisc(2, &[stats(20, 2)])].concat();
            for (at, byte) in broken {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            let _ = read(&bytes);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "asks the kernel")]
    fn the_kernel_answers() {
        // Each interface has a queue discipline; a namespace without any interface has none.
        assert!(query().unwrap().iter().all(|qdisc| qdisc.interface > 0));
    }
}
