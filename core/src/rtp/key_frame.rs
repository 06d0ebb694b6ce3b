//! Whether a video packet begins a key frame, by the first bytes of its payload.
//!
//! Lives here: the payload formats of VP8 (RFC 7741), VP9 (RFC 9628), H.264 (RFC 6184), H.265 (RFC 7798)
//! and AV1 (AOM's RTP specification), as far as that question goes. Not here: which codec a stream has
//! (its host knows), nor payloads that are encrypted end to end: of those a header extension may tell (see
//! `dependency_descriptor`).

/// A video codec whose RTP payload format is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum VideoCodec {
    /// VP8, RFC 7741.
    Vp8,
    /// VP9, RFC 9628.
    Vp9,
    /// H.264, RFC 6184.
    H264,
    /// H.265, RFC 7798.
    H265,
    /// AV1, AOM's "RTP Payload Format For AV1".
    Av1,
}

/// Whether a packet with this payload (after the RTP header, without padding) begins a key frame: one from
/// which a decoder can start.
///
/// | codec | a key frame begins with |
/// |---|---|
/// | VP8 | the start of the first partition, of a frame that is no interframe (§4.2, §4.3) |
/// | VP9 | the beginning of a frame of the lowest spatial layer, not predicted from other pictures (§4.2), whose own header says key frame |
/// | H.264 | a slice of an IDR picture, or its first fragment, alone or in an aggregate (§5.2) |
/// | H.265 | the same of an IRAP picture: IDR, CRA or BLA (§4.4) |
/// | AV1 | the packet that says to be the first of a coded video sequence (N, §4.4) |
///
/// Parameter sets alone begin nothing: senders repeat them without a key frame, too.
///
/// **One for each timestamp**: a picture of several slices, and one whose layers are sent one by one, has
/// several such packets, all with its timestamp. The caller counts the first.
///
/// - **Cost**: the first byte or two, of nearly every packet; of an aggregate the type of each unit.
/// - **Errors, panics**: none. Lengths that lie, and what is cut, begin no key frame. Not understood:
///   payloads encrypted end to end (there see [`DependencyDescriptor`](super::DependencyDescriptor)); H.265
///   with `sprop-max-don-diff` above 0 in aggregates, and its PACI packets.
///
/// ```
/// use media_metrics_core::rtp::{VideoCodec, begins_key_frame};
/// assert!(begins_key_frame(VideoCodec::H264, &[0x7c, 0x85])); // FU-A, first fragment, of an IDR slice
/// assert!(!begins_key_frame(VideoCodec::H264, &[0x7c, 0x05])); // a later one
/// ```
#[must_use]
#[inline]
pub fn begins_key_frame(codec: VideoCodec, payload: &[u8]) -> bool {
    match codec {
        VideoCodec::Vp8 => vp8(payload).unwrap_or(false),
        VideoCodec::Vp9 => vp9(payload).unwrap_or(false),
        VideoCodec::H264 => h264(payload),
        VideoCodec::H265 => h265(payload),
        // Z (a continued OBU comes first) must be 0, N be 1.
        VideoCodec::Av1 => matches!(payload, [first, _, ..] if first & 0x88 == 0x08),
    }
}

/// `None`: cut.
fn vp8(payload: &[u8]) -> Option<bool> {
    let (&descriptor, mut rest) = payload.split_first()?;
    // S (start of a partition) must be 1, the partition's index 0.
    if descriptor & 0x17 != 0x10 {
        return Some(false);
    }
    // X: an extension byte says which fields follow.
    if descriptor & 0x80 != 0 {
        let (&fields, after) = rest.split_first()?;
        rest = after;
        if fields & 0x80 != 0 {
            rest = skip_picture_id(rest)?;
        }
        // L: TL0PICIDX; T or K: a byte that they share.
        let bytes = usize::from(fields & 0x40 != 0) + usize::from(fields & 0x30 != 0);
        rest = rest.get(bytes..)?;
    }
    // P of the frame's own header: 1 is an interframe.
    rest.first().map(|frame| frame & 0x01 == 0)
}

/// `None`: cut.
fn vp9(payload: &[u8]) -> Option<bool> {
    let (&descriptor, mut rest) = payload.split_first()?;
    // B (beginning of a frame) must be 1, P (predicted from other pictures) 0.
    if descriptor & 0x48 != 0x08 {
        return Some(false);
    }
    if descriptor & 0x80 != 0 {
        rest = skip_picture_id(rest)?;
    }
    // L: layers. Without F, TL0PICIDX follows.
    if descriptor & 0x20 != 0 {
        if rest.first()? & 0x0e != 0 {
            return Some(false); // SID: an upper spatial layer
        }
        rest = rest.get(if descriptor & 0x10 != 0 { 1 } else { 2 }..)?;
    }
    if descriptor & 0x02 != 0 {
        rest = skip_scalability_structure(rest)?;
    }
    // There are senders that never set P. The frame's own header knows: after a marker, `10`, and two bits of profile
    // (and for profile 3 another), `show_existing_frame` and `frame_type` are 0 for a key frame.
    let frame = *rest.first()?;
    let both = if frame & 0x30 == 0x30 { 0x06 } else { 0x0c };
    Some(frame & 0xc0 == 0x80 && frame & both == 0)
}

/// VP9's description of layers (§4.2.1).
fn skip_scalability_structure(rest: &[u8]) -> Option<&[u8]> {
    let (&head, mut rest) = rest.split_first()?;
    // Y: width and height of each spatial layer.
    if head & 0x10 != 0 {
        rest = rest.get(4 * (usize::from(head >> 5) + 1)..)?;
    }
    // G: pictures of a group, each with up to three references.
    if head & 0x08 != 0 {
        let (&pictures, after) = rest.split_first()?;
        rest = after;
        for _ in 0..pictures {
            let (&picture, after) = rest.split_first()?;
            rest = after.get(usize::from(picture >> 2 & 3)..)?;
        }
    }
    Some(rest)
}

/// A picture ID of 7 or of 15 bits, as VP8 and VP9 have it.
fn skip_picture_id(rest: &[u8]) -> Option<&[u8]> {
    let len = if rest.first()? & 0x80 == 0 { 1 } else { 2 };
    rest.get(len..)
}

fn h264(payload: &[u8]) -> bool {
    let is_idr = |unit: &u8| unit & 0x1f == 5;
    let Some((header, rest)) = payload.split_first() else {
        return false;
    };
    match header & 0x1f {
        24 => units(rest, 0).any(is_idr), // STAP-A
        25 => units(rest.get(2..).unwrap_or_default(), 0).any(is_idr), // STAP-B: after a DON
        26 => units(rest.get(2..).unwrap_or_default(), 3).any(is_idr), // MTAP16: DOND, 16 bits of time
        27 => units(rest.get(2..).unwrap_or_default(), 4).any(is_idr), // MTAP24: and 24
        28 | 29 => rest.first().is_some_and(|fu| fu & 0x80 != 0 && is_idr(fu)), // FU-A, FU-B: S
        _ => is_idr(header),
    }
}

fn h265(payload: &[u8]) -> bool {
    let kind = |unit: &u8| unit >> 1 & 0x3f;
    // 22 and 23 are reserved for pictures of the same kind.
    let is_irap = |kind: u8| (16..=23).contains(&kind);
    // A unit's header has two bytes.
    let Some((&[header, _], rest)) = payload.split_first_chunk() else {
        return false;
    };
    match kind(&header) {
        48 => units(rest, 0).any(|unit| is_irap(kind(unit))), // aggregation packet
        49 => rest
            .first()
            .is_some_and(|fu| fu & 0x80 != 0 && is_irap(fu & 0x3f)), // fragment: S
        single => is_irap(single),
    }
}

/// First bytes of the units of an aggregate, each behind its length of two bytes and `skip` bytes that the
/// length does not count. Ends at a unit that is cut.
fn units(mut rest: &[u8], skip: usize) -> impl Iterator<Item = &u8> {
    std::iter::from_fn(move || {
        let (&len, after) = rest.split_first_chunk()?;
        let (unit, next) = after
            .get(skip..)?
            .split_at_checked(u16::from_be_bytes(len).into())?;
        rest = next;
        unit.first() // a unit of nothing ends it, too
    })
}

#[cfg(test)]
mod tests {
    use super::VideoCodec::{Av1, H264, H265, Vp8, Vp9};
    use super::*;
    use proptest::prelude::*;

    /// First bytes of payloads recorded from GStreamer 1.22 (libvpx, x264, x265), ffmpeg 5.1 and the packetizer of the
    /// crate rtp 0.12 (SVT-AV1, rav1e). In whole recordings of them, one a timestamp, the count was ffprobe's; but for
    /// x264's intra refresh, where ffprobe adds recovery points, of which no decoder can start clean.
    const RECORDED: [(VideoCodec, bool, &[u8]); 31] = [
        // GStreamer, no extension: a key frame's two partitions, interframes
        (Vp8, true, &[0x10, 0x30, 0x21, 0x00, 0x9d, 0x01, 0x2a]),
        (Vp8, false, &[0x00, 0xff, 0xba, 0xff, 0xdd]),
        (Vp8, false, &[0x10, 0x11, 0x05, 0x00, 0x37]),
        // with a picture ID of 15 bits, of 7 bits (ffmpeg: 0x80 0x00 is one of 15)
        (Vp8, true, &[0x90, 0x80, 0xb3, 0xb3, 0x30, 0x21, 0x00, 0x9d]),
        (Vp8, false, &[0x80, 0x80, 0xb3, 0xb3, 0xb4, 0x7e]),
        (Vp8, false, &[0x90, 0x80, 0xb3, 0xb4, 0x11, 0x05]),
        (Vp8, true, &[0x90, 0x80, 0x80, 0x00, 0xb0, 0x5f, 0x00, 0x9d]),
        // GStreamer: with a scalability structure, its last fragment, interframes
        (
            Vp9,
            true,
            &[
                0x8a, 0xd2, 0x82, 0x18, 0x01, 0x40, 0x00, 0xf0, 0x01, 0x04, 0x01, 0x82, 0x49,
            ],
        ),
        (Vp9, false, &[0x84, 0xd2, 0x82, 0x5b, 0x4f]),
        (Vp9, false, &[0xcc, 0xd2, 0x83, 0x86, 0x00, 0x40, 0x92]),
        // ffmpeg: P is 0 in every frame
        (Vp9, true, &[0x08, 0xa2, 0x49, 0x83, 0x42]),
        (Vp9, false, &[0x0c, 0xa6, 0x00, 0x40, 0x92]),
        // AUD, SPS, PPS, SEI in fragments, IDR in fragments, another slice in fragments
        (H264, false, &[0x09, 0x10]),
        (H264, false, &[0x67, 0x42, 0xc0, 0x15]),
        (H264, false, &[0x68, 0xce, 0x3c, 0x80]),
        (H264, false, &[0x1c, 0x86, 0x05, 0xff]),
        (H264, true, &[0x7c, 0x85, 0x88, 0x84]),
        (H264, false, &[0x7c, 0x05, 0x18, 0x70]),
        (H264, false, &[0x7c, 0x45, 0xae, 0xba]),
        (H264, false, &[0x5c, 0x81, 0x9a, 0x20]),
        // VPS, SPS, PPS, SEI in fragments, IDR in fragments, another slice
        (H265, false, &[0x40, 0x01, 0x0c, 0x01]),
        (H265, false, &[0x42, 0x01, 0x01, 0x01]),
        (H265, false, &[0x44, 0x01, 0xc0, 0x73]),
        (H265, false, &[0x62, 0x01, 0xa7, 0x05]),
        (H265, true, &[0x62, 0x01, 0x94, 0xac]),
        (H265, false, &[0x62, 0x01, 0x14, 0xb5]),
        (H265, false, &[0x02, 0x01, 0xd0, 0x21]),
        // sequence header and frame, its rest, the next frame
        (Av1, true, &[0x68, 0x0c, 0x08, 0x00, 0x00]),
        (Av1, true, &[0x68, 0x0e, 0x08, 0x20, 0x00]),
        (Av1, false, &[0xd0, 0xdf, 0x7c, 0xea]),
        (Av1, false, &[0x50, 0x30, 0x29, 0x08]),
    ];

    #[test]
    fn recorded_payloads_are_told_apart() {
        for (codec, key, payload) in RECORDED {
            assert_eq!(
                begins_key_frame(codec, payload),
                key,
                "{codec:?} {payload:02x?}"
            );
        }
    }

    /// However they are cut, no interframe becomes a key frame; a key frame stays one once its deciding byte is there.
    #[test]
    fn cut_payloads_begin_nothing_that_the_whole_does_not() {
        for (codec, key, payload) in RECORDED {
            let told: Vec<bool> = (0..=payload.len())
                .map(|len| begins_key_frame(codec, &payload[..len]))
                .collect();
            assert!(told.is_sorted(), "{codec:?} {payload:02x?}: {told:?}");
            assert!(!told[0] && told[payload.len()] == key);
        }
    }

    #[test]
    fn vp8_fields_are_skipped() {
        let key = |payload: &[u8]| begins_key_frame(Vp8, payload);
        // picture ID of 7 bits; TL0PICIDX; TID alone; KEYIDX alone; all of them
        assert!(key(&[0x90, 0x80, 0x7f, 0x10]) && !key(&[0x90, 0x80, 0x7f, 0x11]));
        assert!(key(&[0x90, 0x40, 0xff, 0x10]) && !key(&[0x90, 0x40, 0xff, 0x11]));
        assert!(key(&[0x90, 0x20, 0xff, 0x10]) && !key(&[0x90, 0x20, 0xff, 0x11]));
        assert!(key(&[0x90, 0x10, 0xff, 0x10]) && !key(&[0x90, 0x10, 0xff, 0x11]));
        assert!(key(&[0x90, 0xf0, 0xff, 0xff, 0xff, 0xff, 0x10]));
        assert!(!key(&[0x90, 0xf0, 0xff, 0xff, 0xff, 0xff, 0x11]));
        assert!(key(&[0x90, 0x00, 0x10]) && !key(&[0x90, 0x00, 0x11])); // X, and no field
        assert!(!key(&[0x11, 0x10])); // start of the second partition
        assert!(key(&[0x30, 0x10])); // N says nothing of key frames
    }

    #[test]
    fn vp9_layers_are_skipped_or_decide() {
        let key = |payload: &[u8]| begins_key_frame(Vp9, payload);
        // L: the lowest spatial layer in flexible mode (F), and with TL0PICIDX
        assert!(key(&[0xb8, 0x05, 0x00, 0x82]) && !key(&[0xb8, 0x05, 0x00, 0x86]));
        assert!(key(&[0xa8, 0x05, 0x00, 0xff, 0x82]) && !key(&[0xa8, 0x05, 0x00, 0xff, 0x86]));
        assert!(!key(&[0xa8, 0x05, 0x02, 0xff, 0x82])); // SID 1
        assert!(!key(&[0xe8, 0x05, 0x00, 0xff, 0x82])); // P
        assert!(!key(&[0xa0, 0x05, 0x00, 0xff, 0x82])); // not B
        // V: three spatial layers with sizes; two pictures with three references and none
        let sizes = [0x0a, 0x50, 0, 1, 0, 1, 0, 2, 0, 2, 0, 4, 0, 4];
        assert!(key(&[&sizes[..], &[0x82]].concat()) && !key(&[&sizes[..], &[0x86]].concat()));
        let group = [0x0a, 0x08, 2, 0x0c, 1, 2, 3, 0x10];
        assert!(key(&[&group[..], &[0x82]].concat()) && !key(&[&group[..], &[0x86]].concat()));
        // a group that promises more than there is
        assert!(!key(&[0x0a, 0x08, 255, 0x0c, 1, 2]));
        // an existing frame shown again; profile 3, which has a bit more; no marker
        assert!(!key(&[0x08, 0x88]));
        assert!(key(&[0x08, 0xb0]) && !key(&[0x08, 0xb2]) && !key(&[0x08, 0xb4]));
        assert!(!key(&[0x08, 0x02]));
    }

    #[test]
    fn aggregates_are_searched() {
        // SPS, PPS, and a slice of an IDR picture or of another
        let stap = |first: &[u8], skip: usize, last: u8| {
            let mut p = first.to_vec();
            for unit in [&[0x67, 0x42, 0xc0][..], &[0x68, 0xce], &[last, 0x88, 0x84]] {
                p.extend((unit.len() as u16).to_be_bytes());
                p.extend(vec![0x65; skip]); // what isn't a unit's first byte is no unit
                p.extend(unit);
            }
            p
        };
        for (first, skip) in [
            (&[0x78][..], 0),
            (&[0x79, 0x65, 0x65], 0),
            (&[0x7a, 0x65, 0x65], 3),
            (&[0x7b, 0x65, 0x65], 4),
        ] {
            let (idr, other) = (stap(first, skip, 0x65), stap(first, skip, 0x41));
            assert!(
                begins_key_frame(H264, &idr) && !begins_key_frame(H264, &other),
                "{first:x?}"
            );
            assert!(!begins_key_frame(H264, &idr[..idr.len() - 1]), "{first:x?}"); // cut
        }
        assert!(begins_key_frame(H264, &[0x7d, 0x85, 0, 0])); // FU-B
        assert!(!begins_key_frame(H264, &[0x78, 0, 0, 0, 1, 0x65])); // a unit of nothing
        assert!(!begins_key_frame(H264, &[0x78, 0xff, 0xff, 0x65]));
        // parameter sets and a picture
        let ap = |kind: u8| {
            [
                0x60,
                1,
                0,
                3,
                0x40,
                1,
                9,
                0,
                2,
                0x44,
                1,
                0,
                3,
                kind << 1,
                1,
                9,
            ]
        };
        for kind in 0..64 {
            let irap = [16, 17, 18, 19, 20, 21, 22, 23].contains(&kind);
            assert_eq!(begins_key_frame(H265, &ap(kind)), irap, "{kind}");
            assert_eq!(
                begins_key_frame(H265, &[0x62, 1, 0x80 | kind]),
                irap,
                "{kind}"
            );
            assert!(!begins_key_frame(H265, &[0x62, 1, 0x40 | kind]));
            assert_eq!(begins_key_frame(H265, &[kind << 1, 1]), irap, "{kind}");
            assert_eq!(
                begins_key_frame(H264, &[0x60 | kind & 0x1f]),
                kind & 0x1f == 5
            );
        }
    }

    #[test]
    fn av1_needs_both_bits() {
        let key = |payload: &[u8]| begins_key_frame(Av1, payload);
        assert!(key(&[0x08, 0x0a]));
        assert!(!key(&[0x88, 0x0a]) && !key(&[0x80, 0x0a]) && !key(&[0x00, 0x0a]));
        assert!(!key(&[0x08])); // a header and no OBU
    }

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: proptest::test_runner::RngSeed::Fixed(7), ..ProptestConfig::default() })]

        /// Whatever the bytes: no panic, and what a payload of many units says depends on its whole units alone.
        #[test]
        fn no_bytes_make_it_panic(head in any::<[u8; 2]>(), tail in prop::collection::vec(0_u8..8, 0..if cfg!(miri) { 12 } else { 60 })) {
            for codec in [Vp8, Vp9, H264, H265, Av1] {
                for first in [head[0], 0x78, 0x7a, 0x60, 0x0a, 0x8a, 0x90] {
                    let payload = [&[first, head[1]], &tail[..]].concat();
                    let told = (0..=payload.len()).map(|len| begins_key_frame(codec, &payload[..len]));
                    prop_assert!(told.is_sorted(), "{:?} {:?}", codec, payload);
                }
            }
        }
    }
}
