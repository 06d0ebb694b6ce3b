//! What an RTCP datagram is to a forwarder: whom it is about, and which way it goes.
//!
//! Lives here: the way of a datagram, by what is in it. Not here: parsing (the core's `rtp::rtcp`), what
//! reports do to streams (`flows`).
//!
//! The forwarder is a translator as in RFC 3550 section 7: each datagram goes on as it came, in one or
//! both directions.
//!
//! | from | with | goes |
//! |---|---|---|
//! | anybody but a subscriber | anything | down, to the subscribers |
//! | a subscriber | reports, requests, feedback about somebody's media | up, to the publishers of that media |
//! | a subscriber | a sender report, or a goodbye for a stream of its own: it publishes, too | down, to the others |
//! | a subscriber | neither, from an address that publishes what it speaks for | down, to the others |
//! | a subscriber | neither: an empty report, a name | nowhere |

use media_metrics_core::rtp::rtcp::{Event, RtcpError, parse};

/// What is in a datagram, as far as its way is concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Who speaks: the SSRC of its first packet.
    pub speaker: u32,
    /// It has a sender report.
    pub sends: bool,
    /// It says something about media of somebody.
    pub about_media: bool,
}

/// Looks through a datagram, and calls `on_bye` for every goodbye.
///
/// # Errors
/// It is malformed: then nothing was called.
pub(crate) fn contents(
    datagram: &[u8],
    mut on_bye: impl FnMut(u32),
) -> Result<Contents, RtcpError> {
    // The second word of any packet that there is today: who sent it.
    let speaker = datagram.get(4..8).and_then(|word| word.first_chunk());
    let mut contents = Contents {
        speaker: speaker.map_or(0, |word| u32::from_be_bytes(*word)),
        ..Contents::default()
    };
    parse(datagram, |event| match event {
        Event::SenderReport(_) => contents.sends = true,
        Event::Goodbye { ssrc } => on_bye(ssrc),
        event => each_medium(&event, |_| contents.about_media = true),
    })?;
    Ok(contents)
}

/// Calls `on_ssrc` for every stream that a report, request or estimate is about.
pub(crate) fn each_medium(event: &Event<'_>, mut on_ssrc: impl FnMut(u32)) {
    match event {
        Event::Report { block, .. } => on_ssrc(block.ssrc),
        Event::Nack(nack) => on_ssrc(nack.media_ssrc),
        Event::PictureLoss(loss) => on_ssrc(loss.media_ssrc),
        Event::FullIntraRequest(request) => on_ssrc(request.media_ssrc),
        Event::Remb(remb) => remb.media_ssrcs().for_each(on_ssrc),
        Event::TransportFeedback(feedback) => on_ssrc(feedback.media_ssrc),
        Event::Summary { summary, .. } => on_ssrc(summary.ssrc()),
        Event::Voip { metrics, .. } => on_ssrc(metrics.ssrc()),
        Event::Skipped {
            media_ssrc: Some(ssrc),
            ..
        } => on_ssrc(*ssrc),
        _ => {}
    }
}

/// Which way a datagram of a subscriber goes, as `(down, up)`. `own` says that its address publishes the
/// stream it speaks for, `left` that it said goodbye for one of those.
#[must_use]
pub(crate) const fn ways(contents: &Contents, own: bool, left: bool) -> (bool, bool) {
    let up = contents.about_media;
    (contents.sends || left || (own && !up), up)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtcp_types::{
        App, Bye, Compound, Fir, Nack, PayloadFeedback, Pli, ReceiverReport, ReportBlock,
        RtcpPacketWriter, RtcpPacketWriterExt, Sdes, SdesChunk, SdesItem, SenderReport,
        TransportFeedback,
    };

    fn written(packet: &impl RtcpPacketWriter) -> Vec<u8> {
        let mut bytes = vec![0; packet.calculate_size().unwrap()];
        packet.write_into(&mut bytes).unwrap();
        bytes
    }

    fn found(packet: &impl RtcpPacketWriter) -> (Contents, Vec<u32>) {
        let mut left = Vec::new();
        let contents = contents(&written(packet), |ssrc| left.push(ssrc)).unwrap();
        (contents, left)
    }

    /// Streams that a datagram is about.
    fn about(packet: &impl RtcpPacketWriter) -> Vec<u32> {
        let mut media = Vec::new();
        parse(&written(packet), |event| {
            each_medium(&event, |ssrc| media.push(ssrc));
        })
        .unwrap();
        assert_eq!(found(packet).0.about_media, !media.is_empty());
        media
    }

    #[test]
    fn every_kind_of_feedback_names_its_media() {
        let block = |ssrc| ReportBlock::builder(ssrc);
        let report = ReceiverReport::builder(1)
            .add_report_block(block(7))
            .add_report_block(block(8));
        assert_eq!(about(&report), [7, 8]);
        assert_eq!(
            about(&SenderReport::builder(1).add_report_block(block(7))),
            [7]
        );
        let nack = Nack::builder().add_rtp_sequence(5);
        assert_eq!(
            about(
                &TransportFeedback::builder(&nack)
                    .sender_ssrc(1)
                    .media_ssrc(7)
            ),
            [7]
        );
        let pli = Pli::builder();
        assert_eq!(
            about(&PayloadFeedback::builder(&pli).sender_ssrc(1).media_ssrc(7)),
            [7]
        );
        let fir = Fir::builder().add_ssrc(7, 1).add_ssrc(8, 1);
        let mut asked = about(&PayloadFeedback::builder(&fir).sender_ssrc(1).media_ssrc(0));
        asked.sort_unstable();
        assert_eq!(asked, [7, 8]);
        let remb = [
            0x8f, 206, 0, 5, 0, 0, 0, 1, 0, 0, 0, 0, b'R', b'E', b'M', b'B', 1, 4, 0, 9, 0, 0, 0, 7,
        ];
        let mut media = Vec::new();
        parse(&remb, |event| each_medium(&event, |ssrc| media.push(ssrc))).unwrap();
        assert_eq!(media, [7]);
        assert!(about(&App::builder(1, "none")).is_empty());
        // Formats that are not read, in datagrams of their own (RFC 5506): SLI, TMMBR.
        let slice = [0x82, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 7, 0, 8, 0, 1];
        let tmmbr = [
            0x83, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7, 0x18, 0x1e, 0x84, 0x28,
        ];
        for datagram in [&slice[..], &tmmbr] {
            let mut media = Vec::new();
            parse(datagram, |event| {
                each_medium(&event, |ssrc| media.push(ssrc));
            })
            .unwrap();
            assert_eq!(media, [7]);
            let contents = contents(datagram, |_| {}).unwrap();
            assert_eq!(ways(&contents, false, false), (false, true));
        }
    }

    #[test]
    fn the_way_of_a_subscriber_s_datagram_follows_what_is_in_it() {
        let name = SdesItem::builder(SdesItem::CNAME, "a");
        let sdes = Sdes::builder().add_chunk(SdesChunk::builder(1).add_item(name));
        let about = || ReportBlock::builder(7);
        let empty = ReceiverReport::builder(1);
        let full = ReceiverReport::builder(1).add_report_block(about());
        let sends = SenderReport::builder(1);
        let both = SenderReport::builder(1).add_report_block(about());
        let (nowhere, up, down) = ((false, false), (false, true), (true, false));
        for (datagram, own, way) in [
            (written(&empty), false, nowhere),
            (written(&empty), true, down),
            (
                written(&Compound::builder().add_packet(empty).add_packet(sdes)),
                false,
                nowhere,
            ),
            (written(&full), false, up),
            (written(&full), true, up),
            (written(&sends), false, down),
            (written(&both), true, (true, true)),
        ] {
            let contents = contents(&datagram, |_| {}).unwrap();
            assert_eq!(contents.speaker, 1);
            assert_eq!(ways(&contents, own, false), way, "{contents:?}");
        }
        let bye = Compound::builder()
            .add_packet(ReceiverReport::builder(1))
            .add_packet(Bye::builder().add_source(1).add_source(2));
        let (contents, left) = found(&bye);
        assert_eq!(left, [1, 2]);
        assert_eq!(ways(&contents, false, true), down);
        assert_eq!(
            ways(&contents, false, false),
            nowhere,
            "a goodbye of no stream here"
        );
    }

    #[test]
    fn nothing_is_done_for_what_is_malformed() {
        let mut bytes = written(&Bye::builder().add_source(7));
        bytes.extend([0x80, 201, 0, 9, 0, 0, 0, 1]); // says 40 bytes
        let told = contents(&bytes, |_| panic!("half of it was done"));
        assert_eq!(told, Err(RtcpError::Length));
    }
}
