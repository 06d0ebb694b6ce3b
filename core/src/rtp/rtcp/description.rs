//! Source descriptions (SDES, RFC 3550 §6.5).
//!
//! Lives here: chunks and items. Not here: who belongs to whom.

use super::packets::{Packet, word};
use super::{Event, RtcpError};

/// One source's items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description<'a> {
    /// Whom the items describe.
    pub ssrc: u32,
    /// Items, one after the other, each with its two bytes of type and length.
    items: &'a [u8],
}

/// Item type of the canonical name.
const CNAME: u8 = 1;

impl<'a> Description<'a> {
    /// Type (RFC 3550 §12.2) and text of each item. The text should be UTF-8, but nobody checked.
    pub fn items(&self) -> impl Iterator<Item = (u8, &'a [u8])> + use<'a> {
        let mut rest = self.items;
        std::iter::from_fn(move || {
            let (kind, text, after) = item(rest)?;
            rest = after;
            Some((kind, text))
        })
    }

    /// The canonical name: the same for all streams of one participant (RFC 3550 §6.5.1).
    #[must_use]
    pub fn cname(&self) -> Option<&'a [u8]> {
        self.items()
            .find_map(|(kind, text)| (kind == CNAME).then_some(text))
    }
}

/// The first item of `bytes`, and what follows; `None` at the end of the items.
fn item(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[kind, len], rest) = bytes.split_first_chunk::<2>()?;
    let (text, after) = rest.split_at_checked(usize::from(len))?;
    (kind != 0).then_some((kind, text, after))
}

pub(super) fn read<'a>(
    packet: &Packet<'a>,
    on_event: &mut dyn FnMut(Event<'a>),
) -> Result<(), RtcpError> {
    let mut rest = packet.body;
    for _ in 0..packet.count {
        let (description, after) = chunk(rest).ok_or(RtcpError::Description)?;
        on_event(Event::Description(description));
        rest = after;
    }
    Ok(())
}

/// The first chunk of `bytes`: an SSRC, items, and zeros up to the next word: one at least.
fn chunk(bytes: &[u8]) -> Option<(Description<'_>, &[u8])> {
    let (_, all) = bytes.split_at_checked(4)?;
    let mut rest = all;
    while let Some((_, _, after)) = item(rest) {
        rest = after;
    }
    // Here an item is cut off, or the list ends: with a zero.
    if *rest.first()? != 0 {
        return None;
    }
    let len = all.len() - rest.len();
    let (items, _) = all.split_at_checked(len)?;
    let (_, after) = all.split_at_checked((len + 1).next_multiple_of(4))?;
    let ssrc = word(bytes, 0);
    Some((Description { ssrc, items }, after))
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    /// SSRC and items of a chunk.
    type Chunk = (u32, Vec<(u8, Vec<u8>)>);

    fn chunks(count: u8, body: &[u8]) -> Result<Vec<Chunk>, RtcpError> {
        let mut datagram = vec![0x80 | count, 202, 0, (body.len() / 4) as u8];
        datagram.extend_from_slice(body);
        let mut seen = Vec::new();
        parse(&datagram, |event| {
            let Event::Description(d) = event else {
                panic!("{event:?}");
            };
            seen.push((d.ssrc, d.items().map(|(k, t)| (k, t.to_vec())).collect()));
        })?;
        Ok(seen)
    }

    #[test]
    fn chunks_end_at_a_word_and_the_next_may_begin_with_zeros() {
        // An item of 2 bytes and a zero: a word; then a chunk of SSRC 5, without items.
        let body = [0, 0, 0, 7, 1, 1, b'a', 0, 0, 0, 0, 5, 0, 0, 0, 0];
        let one = vec![(1, b"a".to_vec())];
        assert_eq!(chunks(2, &body), Ok(vec![(7, one), (5, vec![])]));
    }

    #[test]
    fn what_ends_beyond_the_packet_is_refused() {
        for (count, body) in [
            (1, &[0, 0, 0, 7][..]),               // no end of the items
            (1, &[0, 0, 0, 7, 1, 2, b'a', b'b']), // no zero
            (1, &[0, 0, 0, 7, 1, 9, b'a', b'b']), // a text too long
            (2, &[0, 0, 0, 7, 0, 0, 0, 0]),       // one chunk of two
            (1, &[]),
        ] {
            assert_eq!(chunks(count, body), Err(RtcpError::Description), "{body:?}");
        }
        assert_eq!(chunks(0, &[]), Ok(vec![]));
    }

    #[test]
    fn the_canonical_name_is_found_behind_others() {
        let items = [2, 1, b'n', 1, 2, b'c', b'n'];
        let d = Description {
            ssrc: 1,
            items: &items,
        };
        assert_eq!(d.cname(), Some(&b"cn"[..]));
        assert_eq!(
            Description {
                ssrc: 1,
                items: &items[..3]
            }
            .cname(),
            None
        );
    }
}
