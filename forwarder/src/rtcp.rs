//! What the forwarder needs to know of an RTCP packet: is it whole, and who says goodbye.
//!
//! Lives here: the walk over a compound packet. Not here: telling RTCP from RTP (the core's
//! `rtp::is_rtcp`), what a goodbye does to a stream (`flows`).
//!
//! Reports and feedback are forwarded as they are; only BYE packets are looked into, so an exotic
//! block that the parser does not know never stops one.

use rtcp_types::{Bye, Compound, RtcpPacket, RtcpPacketParser};

/// Bytes of the common RTCP header: version, count, type, length in words less one.
const HEADER: usize = 4;

/// Not a compound of whole RTCP packets: cut off, wrong version, or lengths that lead outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

/// Calls `on_bye` for every SSRC that the compound packet says goodbye for.
///
/// Allocates nothing. Reduced-size RTCP (RFC 5506) is accepted: a compound may be a single packet.
///
/// # Errors
/// [`Malformed`]: then nothing was called, and the packet should not be forwarded.
pub fn goodbyes(datagram: &[u8], mut on_bye: impl FnMut(u32)) -> Result<(), Malformed> {
    // Checks the chain of lengths up front, so that the walk below always gets whole packets.
    Compound::parse(datagram).map_err(|_| Malformed)?;
    if packets(datagram).any(|p| is_bye(p) && Bye::parse(p).is_err()) {
        return Err(Malformed);
    }
    for bye in packets(datagram)
        .filter(|p| is_bye(p))
        .filter_map(|p| Bye::parse(p).ok())
    {
        bye.ssrcs().for_each(&mut on_bye);
    }
    Ok(())
}

fn is_bye(packet: &[u8]) -> bool {
    packet.get(1) == Some(&Bye::PACKET_TYPE)
}

/// The packets of a compound, one after the other.
fn packets(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let &[_, _, hi, lo] = rest.first_chunk::<HEADER>()?;
        let len = (usize::from(u16::from_be_bytes([hi, lo])) + 1) * HEADER;
        let (packet, after) = rest.split_at_checked(len)?;
        rest = after;
        Some(packet)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtcp_types::{RtcpPacketWriter, RtcpPacketWriterExt, SenderReport};

    fn written(packet: &impl RtcpPacketWriter) -> Vec<u8> {
        let mut bytes = vec![0; packet.calculate_size().unwrap()];
        packet.write_into(&mut bytes).unwrap();
        bytes
    }

    fn heard(datagram: &[u8]) -> Result<Vec<u32>, Malformed> {
        let mut seen = Vec::new();
        goodbyes(datagram, |ssrc| seen.push(ssrc)).map(|()| seen)
    }

    #[test]
    fn finds_the_goodbye_behind_a_report() {
        let compound = Compound::builder()
            .add_packet(SenderReport::builder(7))
            .add_packet(Bye::builder().add_source(7).add_source(8).reason("done"));
        assert_eq!(heard(&written(&compound)), Ok(vec![7, 8]));
        assert_eq!(
            heard(&written(
                &Compound::builder().add_packet(SenderReport::builder(7))
            )),
            Ok(vec![])
        );
    }

    #[test]
    fn hostile_lengths_are_malformed_and_call_nothing() {
        let bye = written(&Bye::builder().add_source(7));
        let whole = bye.len();
        for cut in 0..whole {
            assert_eq!(heard(&bye[..cut]), Err(Malformed), "cut to {cut}");
        }
        let mut long = bye.clone();
        long[3] = 200; // says 804 bytes
        assert_eq!(heard(&long), Err(Malformed));
        let mut many = bye.clone();
        many[0] = 0x80 | 31; // 31 sources, room for one
        assert_eq!(heard(&many), Err(Malformed));
        let mut old = bye;
        old[0] = 0x41; // version 1
        assert_eq!(heard(&old), Err(Malformed));
    }

    #[test]
    fn garbage_never_panics() {
        let mut rng = fastrand::Rng::with_seed(5);
        let mut seen = [0_u32; 2];
        for _ in 0..50_000 {
            let mut bytes: Vec<u8> = (0..rng.usize(0..64)).map(|_| rng.u8(..)).collect();
            if let Some(first) = bytes.first_mut() {
                *first = 0x80 | (*first & 0x3f); // as far in as possible
            }
            if let Some(pt) = bytes.get_mut(1) {
                *pt = 200 + (*pt & 7);
            }
            if let Some(len) = bytes.get_mut(2) {
                *len = 0;
            }
            if let Some(len) = bytes.get_mut(3) {
                *len &= 7;
            }
            seen[usize::from(heard(&bytes).is_ok())] += 1;
        }
        assert!(
            seen.iter().all(|&n| n > 100),
            "both ways were taken: {seen:?}"
        );
    }
}
