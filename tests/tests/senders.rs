//! The senders and receivers that the end-to-end tests trust, without the program in between: if
//! these are red, the fault is in the tools, not in media-metrics.

use media_metrics_tests::gst::{self, Media};
use media_metrics_tests::plan::Plan;
use media_metrics_tests::relay::Relay;
use media_metrics_tests::wait::PATIENCE;
use media_metrics_tests::{Traffic, ffmpeg, ports};

/// The sender's own books, the relay's, and the receiver's are three, and agree.
fn agree(media: Media, buffers: u32) -> Traffic {
    let at = ports::free();
    let receiver = gst::Receiver::start(media, at);
    let relay = Relay::start(at, Plan::clean());
    let sent = gst::Sender::start(media, 0x1234, buffers, relay.address()).finish(PATIENCE);
    let record = relay.finish();
    assert_eq!(record.received, sent, "sender and relay");
    assert_eq!(
        record.truth().expected,
        sent.packets,
        "no gaps of the sender's own"
    );
    assert!(record.sent.iter().all(|p| p.ssrc == 0x1234));
    receiver.wait_for(sent + record.rtcp);
    assert!(receiver.decoded() > 0, "media that can be played");
    sent
}

#[test]
fn gstreamer_opus_is_counted_alike_by_all() {
    let sent = agree(Media::Opus, 50);
    assert!(
        (50..=52).contains(&sent.packets),
        "{sent:?}: one packet a block, and the encoder's tail"
    );
}

#[test]
fn gstreamer_vp8_is_counted_alike_by_all() {
    let sent = agree(Media::Vp8, 15);
    assert!(sent.packets > 15, "{sent:?}: several packets a frame");
}

#[test]
fn ffmpeg_sends_one_unbroken_stream() {
    let relay = Relay::start(ports::free(), Plan::clean());
    ffmpeg::Sender::start(0x5678, 15, relay.address()).finish(PATIENCE);
    let record = relay.finish();
    let truth = record.truth();
    assert_eq!((truth.lost, truth.reordered, truth.duplicates), (0, 0, 0));
    assert_eq!(truth.frames, 15);
    assert!(
        record
            .sent
            .iter()
            .all(|p| p.ssrc == 0x5678 && p.payload_type == 96)
    );
    assert!(record.rtcp.packets > 0, "sender reports share the port");
}
