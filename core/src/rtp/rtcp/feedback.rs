//! Feedback on transport and payload: NACK, PLI, FIR, REMB (RFC 4585, RFC 5104).
//!
//! Lives here: formats. Not here: transport-wide feedback (`transport_cc`), what becomes of a request
//! (`rtp::feedback`).

use std::fmt;

use rtcp_types::FciParser;

use super::packets::{Packet, word};
use super::{Event, RtcpError, TransportFeedback};

/// Numbers of packets that somebody misses.
pub struct Nack<'a> {
    /// Who asks.
    pub sender_ssrc: u32,
    /// Whose packets.
    pub media_ssrc: u32,
    entries: rtcp_types::Nack<'a>,
}

impl Nack<'_> {
    /// The sequence numbers asked for, in the order of the packet: up to 17 for 4 bytes, and any of them
    /// may be there twice.
    pub fn numbers(&self) -> impl Iterator<Item = u16> + '_ {
        self.entries.entries()
    }
}

impl fmt::Debug for Nack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nack")
            .field("sender_ssrc", &self.sender_ssrc)
            .field("media_ssrc", &self.media_ssrc)
            .field("numbers", &self.numbers().collect::<Vec<_>>())
            .finish()
    }
}

/// Somebody lost a picture, and wants a key frame or a repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PictureLoss {
    /// Who asks.
    pub sender_ssrc: u32,
    /// Whose picture.
    pub media_ssrc: u32,
}

/// Somebody wants a key frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FullIntraRequest {
    /// Who asks.
    pub sender_ssrc: u32,
    /// Of whom.
    pub media_ssrc: u32,
    /// The same number is the same request, repeated (RFC 5104 §4.3.1.1).
    pub sequence: u8,
}

/// A receiver's estimate of the bandwidth for all of a sender's streams together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remb<'a> {
    /// Who estimates.
    pub sender_ssrc: u32,
    /// Bits per second.
    pub bitrate_bps: u64,
    sources: &'a [u8],
}

impl<'a> Remb<'a> {
    /// The streams that it is about.
    pub fn media_ssrcs(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.sources.chunks_exact(4).map(|four| word(four, 0))
    }
}

/// Sender, media source, and what follows them.
fn split<'a>(packet: &Packet<'a>) -> Result<(u32, u32, &'a [u8]), RtcpError> {
    let (ssrcs, control) = packet.body.split_at_checked(8).ok_or(RtcpError::Feedback)?;
    Ok((word(ssrcs, 0), word(ssrcs, 4), control))
}

/// RTPFB: generic NACK and transport-wide feedback.
pub(super) fn transport<'a>(
    packet: &Packet<'a>,
    on_event: &mut dyn FnMut(Event<'a>),
) -> Result<(), RtcpError> {
    let (sender_ssrc, media_ssrc, control) = split(packet)?;
    on_event(match packet.count {
        1 => {
            let entries = rtcp_types::Nack::parse(control).map_err(|_| RtcpError::Nack)?;
            if control.is_empty() {
                return Err(RtcpError::Nack);
            }
            Event::Nack(Nack {
                sender_ssrc,
                media_ssrc,
                entries,
            })
        }
        15 => {
            let feedback = TransportFeedback::read(sender_ssrc, media_ssrc, control);
            Event::TransportFeedback(feedback.ok_or(RtcpError::TransportFeedback)?)
        }
        _ => skipped(packet, media_ssrc, control),
    });
    Ok(())
}

/// PSFB: PLI, FIR and REMB.
pub(super) fn payload<'a>(
    packet: &Packet<'a>,
    on_event: &mut dyn FnMut(Event<'a>),
) -> Result<(), RtcpError> {
    let (sender_ssrc, media_ssrc, control) = split(packet)?;
    match packet.count {
        1 => on_event(Event::PictureLoss(PictureLoss {
            sender_ssrc,
            media_ssrc,
        })),
        4 => {
            let fir = rtcp_types::Fir::parse(control).map_err(|_| RtcpError::FullIntraRequest)?;
            for entry in fir.entries() {
                // The packet's own media SSRC is 0 (RFC 5104 §4.3.1.2); each entry names one.
                on_event(Event::FullIntraRequest(FullIntraRequest {
                    sender_ssrc,
                    media_ssrc: entry.ssrc(),
                    sequence: entry.sequence(),
                }));
            }
        }
        15 if control.starts_with(b"REMB") => {
            let remb = remb(sender_ssrc, control).ok_or(RtcpError::Remb)?;
            on_event(Event::Remb(remb));
        }
        _ => on_event(skipped(packet, media_ssrc, control)),
    }
    Ok(())
}

/// Feedback of a format that is not read.
fn skipped<'a>(packet: &Packet<'a>, media_ssrc: u32, control: &[u8]) -> Event<'a> {
    // TMMBR; TSTR, VBCM, LRR.
    let in_entries = matches!((packet.kind, packet.count), (205, 3) | (206, 5 | 7 | 10));
    let about = match media_ssrc {
        0 if in_entries => word(control, 0),
        of_packet => of_packet,
    };
    Event::Skipped {
        packet_type: packet.kind,
        format: packet.count,
        media_ssrc: Some(about).filter(|&ssrc| ssrc != 0),
    }
}

/// "REMB", number of SSRCs (8 bits), exponent (6), mantissa (18), SSRCs.
fn remb(sender_ssrc: u32, control: &[u8]) -> Option<Remb<'_>> {
    let (head, sources) = control.split_at_checked(8)?;
    let packed = word(head, 4);
    let (count, exponent) = (packed >> 24, packed >> 18 & 0x3f);
    let wide = u128::from(packed & 0x3_ffff) << exponent;
    Some(Remb {
        sender_ssrc,
        bitrate_bps: u64::try_from(wide).ok()?,
        sources: sources.get(..count as usize * 4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    /// What one packet of this type and format says.
    fn told(kind: u8, format: u8, control: &[u8]) -> Result<Vec<String>, RtcpError> {
        let words = 2 + control.len() / 4;
        let mut datagram = vec![0x80 | format, kind, 0, words as u8, 0, 0, 0, 1, 0, 0, 0, 2];
        datagram.extend_from_slice(control);
        let mut seen = Vec::new();
        parse(&datagram, |event| seen.push(format!("{event:?}")))?;
        Ok(seen)
    }

    #[test]
    fn a_nack_lists_its_numbers_across_the_wrap() {
        let seen = told(205, 1, &[0xff, 0xff, 0x80, 0x01, 0, 9, 0, 0]).unwrap();
        assert_eq!(
            seen,
            ["Nack(Nack { sender_ssrc: 1, media_ssrc: 2, numbers: [65535, 0, 15, 9] })"]
        );
        assert_eq!(told(205, 1, &[]), Err(RtcpError::Nack));
    }

    #[test]
    fn each_entry_of_a_fir_is_a_request_of_its_own() {
        let two = [0, 0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 9, 4, 0, 0, 0];
        let seen = told(206, 4, &two).unwrap();
        assert_eq!(seen.len(), 2);
        assert!(seen[1].contains("media_ssrc: 9, sequence: 4"), "{seen:?}");
        assert_eq!(told(206, 4, &two[..4]), Err(RtcpError::FullIntraRequest));
        assert_eq!(told(206, 1, &[]).unwrap().len(), 1);
    }

    #[test]
    fn an_estimate_is_a_mantissa_and_an_exponent() {
        let remb = |count: u8, exponent: u8, mantissa: u32, sources: usize| {
            let packed = u32::from(count) << 24 | u32::from(exponent) << 18 | mantissa;
            let mut control = b"REMB".to_vec();
            control.extend_from_slice(&packed.to_be_bytes());
            control.resize(8 + sources * 4, 7);
            told(206, 15, &control)
        };
        let seen = remb(2, 3, 0x3_ffff, 2).unwrap();
        assert!(seen[0].contains("bitrate_bps: 2097144"), "{seen:?}");
        assert!(remb(0, 46, 0x3_ffff, 0).is_ok());
        assert_eq!(remb(0, 47, 0x3_ffff, 0), Err(RtcpError::Remb), "65 bits");
        assert_eq!(remb(3, 0, 1, 2), Err(RtcpError::Remb));
        assert_eq!(told(206, 15, b"REMB"), Err(RtcpError::Remb));
    }

    #[test]
    fn other_formats_are_skipped_not_refused() {
        for (kind, format) in [(205, 3), (206, 2), (206, 15)] {
            let seen = told(kind, format, b"goog").unwrap();
            let wanted =
                format!("Skipped {{ packet_type: {kind}, format: {format}, media_ssrc: Some(2) }}");
            assert_eq!(seen, [wanted]);
        }
        // Whom a request is about that names nobody in its head: its first entry tells, where there are entries.
        for (kind, format, control, about) in [
            (
                205,
                3,
                &[0, 0, 0, 9, 1, 2, 3, 4, 0, 0, 0, 8, 1, 2, 3, 4][..],
                Some(9),
            ),
            (206, 5, &[0, 0, 0, 9, 1, 0, 0, 2], Some(9)),
            (206, 5, &[], None),
            (206, 15, b"goog", None),
            (205, 4, &[0, 0, 0, 9, 1, 2, 3, 4], None), // TMMBN: who is bounded by it
        ] {
            let words = 2 + control.len() / 4;
            let mut datagram = vec![0x80 | format, kind, 0, words as u8, 0, 0, 0, 1, 0, 0, 0, 0];
            datagram.extend_from_slice(control);
            let mut seen = Vec::new();
            parse(&datagram, |event| match event {
                Event::Skipped { media_ssrc, .. } => seen.push(media_ssrc),
                other => panic!("{other:?}"),
            })
            .unwrap();
            assert_eq!(seen, [about], "{kind}, {format}");
        }
        let short = [0x81, 205, 0, 1, 0, 0, 0, 1];
        assert_eq!(parse(&short, |_| {}), Err(RtcpError::Feedback));
    }
}
