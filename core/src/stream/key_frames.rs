//! Which packets of a received stream begin a key frame.
//!
//! Lives here: what the stream was told of its format, and the newest key frame. Not here: formats (`rtp`),
//! counting (`owner`).

use std::num::NonZeroU8;

use super::StreamConfig;
use crate::rtp::{
    DependencyDescriptor, RtpHeader, Verdict, VideoCodec, begins_key_frame, header_extension,
};

/// What a host has of a packet besides its header.
#[derive(Clone, Copy, Debug)]
pub(super) enum Parts<'a> {
    /// All of it.
    Packet(&'a [u8]),
    /// What follows the header.
    Payload(&'a [u8]),
}

/// Tells key frames of one stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyFrames {
    codec: Option<VideoCodec>,
    descriptor: Option<NonZeroU8>,
    /// Timestamp of the newest one.
    newest: Option<u32>,
}

impl KeyFrames {
    pub(super) const fn new(config: &StreamConfig) -> Self {
        Self {
            codec: config.video_codec,
            descriptor: config.dependency_descriptor,
            newest: None,
        }
    }

    /// Whether a packet with this header and verdict is the first to come of a key frame. The frame's other
    /// packets are not one more, nor are copies, nor those of an older key frame that come late, nor one that
    /// may be of another stream.
    #[inline]
    pub(super) fn begins(
        &mut self,
        header: &RtpHeader,
        parts: Parts<'_>,
        verdict: Verdict,
    ) -> bool {
        if self.codec.is_none() && self.descriptor.is_none() {
            return false;
        }
        match verdict {
            Verdict::Duplicate | Verdict::Stale | Verdict::Suspect => return false,
            Verdict::Restart | Verdict::Resync => self.newest = None,
            _ => {}
        }
        let is_newer = |last| (header.timestamp.wrapping_sub(last) as i32) > 0;
        if !self.is_of_a_key_frame(header, parts) || !self.newest.is_none_or(is_newer) {
            return false;
        }
        self.newest = Some(header.timestamp);
        true
    }

    /// By the dependency descriptor, if the packet has one, since it is in the clear whatever the payload
    /// is; else by the payload.
    fn is_of_a_key_frame(&self, header: &RtpHeader, parts: Parts<'_>) -> bool {
        let (extension, payload) = match parts {
            Parts::Packet(packet) => {
                let extension = |id: NonZeroU8| header_extension(packet, id.get());
                let payload = packet.get(header.header_len as usize..);
                (
                    self.descriptor.and_then(extension),
                    payload.unwrap_or_default(),
                )
            }
            Parts::Payload(payload) => (None, payload),
        };
        if let Some(descriptor) = extension.and_then(DependencyDescriptor::parse) {
            return descriptor.begins_key_frame();
        }
        self.codec
            .is_some_and(|codec| begins_key_frame(codec, payload))
    }
}
