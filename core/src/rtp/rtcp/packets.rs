//! The packets of a datagram: their lengths and their padding (RFC 3550 §6.1, A.2; RFC 5506).
//!
//! Lives here: cutting a datagram up. Not here: what a packet says.

use super::{Event, RtcpError};

/// Bytes of the common header: version, padding, count, type, length in words less one.
const HEADER: usize = 4;

/// One packet of a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    pub(super) kind: u8,
    /// Report count, source count or feedback format: 5 bits.
    pub(super) count: u8,
    /// Header, contents and padding.
    pub(super) whole: &'a [u8],
    /// What stands between header and padding.
    pub(super) body: &'a [u8],
}

impl<'a> Packet<'a> {
    pub(super) const fn skipped(&self) -> Event<'a> {
        Event::Skipped {
            packet_type: self.kind,
            format: self.count,
            media_ssrc: None,
        }
    }
}

/// Cuts a datagram into its packets. After an error comes nothing more.
pub(super) fn packets(
    datagram: &[u8],
) -> Result<impl Iterator<Item = Result<Packet<'_>, RtcpError>>, RtcpError> {
    if datagram.len() < HEADER {
        return Err(RtcpError::TooShort);
    }
    let mut rest = datagram;
    Ok(std::iter::from_fn(move || {
        (!rest.is_empty()).then(|| {
            let cut = cut(rest);
            rest = cut.as_ref().map_or(&[], |(_, after)| after);
            cut.map(|(packet, _)| packet)
        })
    }))
}

/// The first packet of `datagram`, and what follows it.
fn cut(datagram: &[u8]) -> Result<(Packet<'_>, &[u8]), RtcpError> {
    let Some((&[first, kind, hi, lo], _)) = datagram.split_first_chunk::<HEADER>() else {
        return Err(RtcpError::Length);
    };
    if first >> 6 != 2 {
        return Err(RtcpError::Version);
    }
    let len = (usize::from(u16::from_be_bytes([hi, lo])) + 1) * HEADER;
    let (whole, after) = datagram.split_at_checked(len).ok_or(RtcpError::Length)?;
    let mut body = whole.get(HEADER..).unwrap_or_default();
    if first & 0x20 != 0 {
        // The last byte counts the padding, itself included; it is there to end the datagram.
        let padding = usize::from(*body.last().unwrap_or(&0));
        let fits = padding != 0 && padding.is_multiple_of(4) && after.is_empty();
        let kept = body.len().checked_sub(padding).filter(|_| fits);
        body = kept
            .and_then(|kept| body.get(..kept))
            .ok_or(RtcpError::Padding)?;
    }
    let packet = Packet {
        kind,
        count: first & 0x1f,
        whole,
        body,
    };
    Ok((packet, after))
}

/// The four bytes at `at` as a number; 0 beyond the end.
pub(super) fn word(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..).and_then(<[u8]>::first_chunk::<4>);
    four.map_or(0, |&four| u32::from_be_bytes(four))
}

/// The two bytes at `at` as a number; 0 beyond the end.
pub(super) fn half(bytes: &[u8], at: usize) -> u16 {
    let two = bytes.get(at..).and_then(<[u8]>::first_chunk::<2>);
    two.map_or(0, |&two| u16::from_be_bytes(two))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Body lengths of the packets, up to the first error.
    fn bodies(datagram: &[u8]) -> (Vec<usize>, Option<RtcpError>) {
        let mut lens = Vec::new();
        let cut = packets(datagram).and_then(|mut all| {
            all.try_for_each(|p| {
                lens.push(p?.body.len());
                Ok(())
            })
        });
        (lens, cut.err())
    }

    #[test]
    fn lengths_chain_to_the_end() {
        let two = [0x80, 201, 0, 1, 0, 0, 0, 7, 0x80, 203, 0, 0];
        assert_eq!(bodies(&two), (vec![4, 0], None));
        assert_eq!(bodies(&two[..11]), (vec![4], Some(RtcpError::Length)));
        assert_eq!(bodies(&two[..7]), (vec![], Some(RtcpError::Length)));
        assert_eq!(bodies(&two[..3]), (vec![], Some(RtcpError::TooShort)));
        let mut old = two;
        old[8] = 0x40;
        assert_eq!(bodies(&old), (vec![4], Some(RtcpError::Version)));
    }

    #[test]
    fn padding_ends_the_datagram_and_fits() {
        let padded = |count: u8, len: u8| {
            let mut p = vec![0xa0, 201, 0, len];
            p.resize(4 + usize::from(len) * 4, 0);
            *p.last_mut().unwrap() = count;
            bodies(&p)
        };
        assert_eq!(padded(4, 2), (vec![4], None));
        assert_eq!(padded(8, 2), (vec![0], None));
        for (count, len) in [(0, 2), (3, 2), (12, 2), (255, 1)] {
            assert_eq!(padded(count, len).1, Some(RtcpError::Padding));
        }
        assert_eq!(
            bodies(&[0xa0, 201, 0, 0]),
            (vec![], Some(RtcpError::Padding))
        );
        let not_last = [0xa0, 201, 0, 1, 0, 0, 0, 4, 0x80, 203, 0, 0];
        assert_eq!(bodies(&not_last), (vec![], Some(RtcpError::Padding)));
    }

    #[test]
    fn numbers_end_with_the_bytes() {
        assert_eq!(
            (word(&[0, 1, 2, 3, 4], 1), word(&[1, 2, 3], 0)),
            (0x0102_0304, 0)
        );
        assert_eq!((half(&[0, 1, 2], 1), half(&[1, 2], 1)), (0x0102, 0));
    }
}
