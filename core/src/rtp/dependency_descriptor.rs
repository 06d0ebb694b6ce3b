//! The dependency descriptor, a header extension that tells frames and key frames of any codec, encrypted
//! payloads included (AOM, "RTP Payload Format For AV1", Appendix A).
//!
//! Lives here: the three bytes that each packet has, and whether a template structure follows. Not here:
//! that structure, the layers it describes; finding the extension (`extension`).

/// What the dependency descriptor of one packet says of its frame.
///
/// ```
/// use media_metrics_core::rtp::DependencyDescriptor;
/// let descriptor = DependencyDescriptor::parse(&[0x80, 0x01, 0x02, 0x80]).unwrap();
/// assert_eq!((descriptor.template_id, descriptor.frame_number), (0, 0x0102));
/// assert!(descriptor.begins_key_frame());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DependencyDescriptor {
    /// The packet is the first of its frame (of one spatial layer's, that is).
    pub start_of_frame: bool,
    /// The packet is the last of its frame.
    pub end_of_frame: bool,
    /// Which template the frame follows, 0 to 63.
    pub template_id: u8,
    /// Number of the frame, one more for each; it wraps.
    pub frame_number: u16,
    /// A template dependency structure is attached: the packet is the first of a coded video sequence
    /// (§A.4.2: it must be on that, and may not be on any other).
    pub has_structure: bool,
}

impl DependencyDescriptor {
    /// Reads the extension's bytes; `None` if there are fewer than three.
    #[must_use]
    pub fn parse(extension: &[u8]) -> Option<Self> {
        let (&[flags, n0, n1], extended) = extension.split_first_chunk()?;
        Some(Self {
            start_of_frame: flags & 0x80 != 0,
            end_of_frame: flags & 0x40 != 0,
            template_id: flags & 0x3f,
            frame_number: u16::from_be_bytes([n0, n1]),
            has_structure: extended.first().is_some_and(|flags| flags & 0x80 != 0),
        })
    }

    /// Whether the packet begins a key frame. Of one with several spatial layers only the lowest begins it.
    #[must_use]
    pub const fn begins_key_frame(&self) -> bool {
        self.start_of_frame && self.has_structure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// First bytes of descriptors that Chrome sent of three spatial layers, three temporal ones.
    #[test]
    fn only_the_lowest_layer_of_a_key_frame_begins_one() {
        let begins = |bytes: &[u8]| {
            DependencyDescriptor::parse(bytes)
                .unwrap()
                .begins_key_frame()
        };
        assert!(begins(&[0xc1, 0x01, 0x72, 0x80, 0x08, 0x14, 0x85])); // a frame of one packet
        for other in [
            &[0x86, 0x01, 0x73, 0x40, 0xfc][..], // the layer above, with active decode targets
            &[0x46, 0x01, 0x73, 0x40, 0xfc],     // its last packet
            &[0xc3, 0x01, 0x75, 0x40, 0xfc],     // the next picture
            &[0x86, 0x01, 0x73],                 // without extended fields
            &[0x46, 0x01, 0x73],
            &[0xc3, 0x01, 0x75],
        ] {
            assert!(!begins(other), "{other:02x?}");
        }
        assert!(!begins(&[0x41, 0x01, 0x72, 0x80])); // a structure, but no start of a frame
    }

    #[test]
    fn fields_are_told_apart() {
        let parsed = DependencyDescriptor::parse(&[0x7f, 0xab, 0xcd]).unwrap();
        assert!(!parsed.start_of_frame && parsed.end_of_frame && !parsed.has_structure);
        assert_eq!((parsed.template_id, parsed.frame_number), (63, 0xabcd));
        let parsed = DependencyDescriptor::parse(&[0x80, 0, 0, 0x80]).unwrap();
        assert!(parsed.start_of_frame && !parsed.end_of_frame && parsed.has_structure);
        for len in 0..3 {
            assert_eq!(DependencyDescriptor::parse(&[0xff; 3][..len]), None);
        }
    }
}
