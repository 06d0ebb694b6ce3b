//! Finding a header extension element (RFC 8285) in a packet.
//!
//! Lives here: the one-byte and the two-byte form. Not here: what an element means
//! (`dependency_descriptor`), which id it has: that is negotiated, or configured.

/// The header extension element `id` of an RTP packet (RFC 8285 §4.2 and §4.3); of several, the first.
///
/// `None` without such an element or without extensions, for id 0, and if a length on the way lies. An element of the
/// two-byte form may be empty. The packet need not be valid otherwise: only bytes before the payload are looked at.
///
/// ```
/// use media_metrics_core::rtp::header_extension;
/// let packet = [0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1, 0x31, 7, 8, 0];
/// assert_eq!(header_extension(&packet, 3), Some(&[7, 8][..]));
/// assert_eq!(header_extension(&packet, 4), None);
/// ```
#[must_use]
pub fn header_extension(packet: &[u8], id: u8) -> Option<&[u8]> {
    let first = *packet.first()?;
    if first & 0x10 == 0 {
        return None;
    }
    let after_csrcs = packet.get(12 + usize::from(first & 0x0f) * 4..)?;
    let (&[p0, p1, w0, w1], rest) = after_csrcs.split_first_chunk()?;
    let mut rest = rest.get(..usize::from(u16::from_be_bytes([w0, w1])) * 4)?;
    let two_byte = match u16::from_be_bytes([p0, p1]) {
        0xbede => false,
        profile if profile >> 4 == 0x100 => true, // the other bits are the application's
        _ => return None,
    };
    loop {
        let (&head, after) = rest.split_first()?;
        if head == 0 {
            rest = after; // padding
            continue;
        }
        let (found, len, data) = if two_byte {
            let (&len, data) = after.split_first()?;
            (head, usize::from(len), data)
        } else {
            (head >> 4, usize::from(head & 0x0f) + 1, after)
        };
        if !two_byte && (found == 0 || found == 15) {
            return None; // §4.2: nothing from there on is read
        }
        let (element, next) = data.split_at_checked(len)?;
        if found == id {
            return Some(element);
        }
        rest = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A packet of one CSRC with these extension bytes, and payload behind.
    fn packet(profile: u16, bytes: &[u8]) -> Vec<u8> {
        let mut p = vec![
            0x91, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0x12, 0x34, 0x56, 0x78,
        ];
        p.extend(profile.to_be_bytes());
        p.extend((bytes.len().div_ceil(4) as u16).to_be_bytes());
        p.extend(bytes);
        p.resize(p.len().next_multiple_of(4), 0);
        p.extend([0x10, 0xff, 0x21, 1, 2]); // payload that looks like elements
        p
    }

    #[test]
    fn both_forms_are_found() {
        let one = packet(0xbede, &[0x10, 0xaa, 0, 0, 0x32, 1, 2, 3, 0x10, 0xbb]);
        assert_eq!(header_extension(&one, 1), Some(&[0xaa][..])); // the first
        assert_eq!(header_extension(&one, 3), Some(&[1, 2, 3][..])); // after padding
        assert_eq!(header_extension(&one, 2), None); // that is payload
        for profile in [0x1000, 0x100f] {
            let two = packet(profile, &[7, 0, 0, 200, 2, 5, 6, 15, 1, 9]);
            assert_eq!(header_extension(&two, 7), Some(&[][..]));
            assert_eq!(header_extension(&two, 200), Some(&[5, 6][..]));
            assert_eq!(header_extension(&two, 15), Some(&[9][..])); // 15 is an ordinary id here
        }
    }

    #[test]
    fn what_is_no_element_is_not_found() {
        assert_eq!(header_extension(&packet(0xbede, &[0, 0, 0, 0]), 0), None);
        assert_eq!(
            header_extension(&packet(0xbede, &[0xf0, 1, 0x10, 2]), 1),
            None
        ); // 15 ends it
        assert_eq!(
            header_extension(&packet(0xbede, &[0xf0, 1, 0x10, 2]), 15),
            None
        );
        let zero = packet(0xbede, &[0x20, 7, 0x00, 0x01, 8, 9, 0x10, 2]); // padding, then 0 with a length
        assert_eq!(header_extension(&zero, 2), Some(&[7][..]));
        assert_eq!(header_extension(&zero, 0), None);
        assert_eq!(header_extension(&zero, 1), None);
        assert_eq!(header_extension(&packet(0xabcd, &[0x10, 1]), 1), None); // another profile
        assert_eq!(header_extension(&packet(0x1010, &[1, 1, 1]), 1), None);
        let mut without = packet(0xbede, &[0x10, 1]);
        without[0] &= !0x10;
        assert_eq!(header_extension(&without, 1), None);
        assert_eq!(header_extension(&[], 1), None);
    }

    #[test]
    fn lengths_that_lie_find_nothing() {
        assert_eq!(header_extension(&packet(0xbede, &[0x13, 1, 2, 3]), 1), None); // into the payload
        assert_eq!(header_extension(&packet(0x1000, &[1, 3, 2, 3]), 1), None);
        assert_eq!(header_extension(&packet(0x1000, &[2, 0, 0, 1]), 1), None); // no length byte
        let whole = packet(0xbede, &[0x12, 1, 2, 3]);
        let end = 16 + 4 + 4;
        for len in 0..whole.len() {
            assert_eq!(
                header_extension(&whole[..len], 1).is_some(),
                len >= end,
                "{len}"
            );
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

        /// Whatever is packed is found, and nothing else.
        #[test]
        fn what_is_packed_is_found(
            elements in prop::collection::vec((1_u8..15, prop::collection::vec(any::<u8>(), 1..=16), 0_usize..3), 0..8),
            two_byte in any::<bool>(),
        ) {
            let mut bytes = Vec::new();
            for (id, data, padding) in &elements {
                if two_byte {
                    bytes.extend([*id, data.len() as u8]);
                } else {
                    bytes.push(id << 4 | (data.len() - 1) as u8);
                }
                bytes.extend(data);
                bytes.extend(vec![0; *padding]);
            }
            let packet = packet(if two_byte { 0x1000 } else { 0xbede }, &bytes);
            for id in 0..=if cfg!(miri) { 16 } else { 255 } {
                let packed = elements.iter().find(|e| e.0 == id).map(|e| e.1.as_slice());
                prop_assert_eq!(header_extension(&packet, id), packed);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..80), id in any::<u8>(), two_byte in any::<bool>()) {
            if let [first, _, _, _, _, _, _, _, _, _, _, _, p0, p1, w0, w1, ..] = &mut bytes[..] {
                *first = 0x90;
                [*p0, *p1] = if two_byte { [0x10, 0] } else { [0xbe, 0xde] };
                [*w0, *w1] = [0, *w1 % 20];
            }
            if let Some(element) = header_extension(&bytes, id) {
                prop_assert!(bytes.as_ptr_range().contains(&element.as_ptr()) || element.is_empty());
            }
        }
    }
}
