//! The call that every forwarder must carry: one who sends, one who watches, one in another room.
//!
//! Lives here: what was sent, what must arrive, and what the page must say of it. Not here: how peers talk (`peer`).

use str0m::media::MediaKind::{Audio, Video};

use crate::peer::Peer;
use crate::{Program, Response, eventually};

const PACKETS: u64 = 500;
/// One of so many is never sent.
const SKIP: u64 = 50;
const SENT: u64 = PACKETS - PACKETS / SKIP;
/// The last of all is among the missing, and nothing tells a receiver that there was one.
const LOST: u64 = PACKETS / SKIP - 1;

fn of(page: &Response, family: &str, direction: &str, kind: &str) -> Option<u64> {
    let series = format!("{family}{{direction=\"{direction}\",kind=\"{kind}\"}}");
    page.value(&series).map(|value| value as u64)
}

/// A publisher and a subscriber connect to the forwarder at `path` over loopback, media flows, and each packet is on the
/// page.
pub fn every_packet_is_forwarded_and_counted(path: &str) {
    let mut program = Program::start(path, &["127.0.0.1:0"]);
    assert_eq!(program.post("/whip/blue", "no SDP").status, 400);
    let subscriber = Peer::watch(&program, "/whep/blue");
    let elsewhere = Peer::watch(&program, "/whep/red");
    let publisher = Peer::publish(&program, "/whip/blue", PACKETS, SKIP);
    publisher.go();
    // Again and again, as decoders do: who is asked before his first packet has come is not known yet.
    eventually("the publisher is asked for a key frame", || {
        subscriber.ask_for_key_frame();
        (publisher.seen().key_frame_requests > 0).then_some(())
    });
    let seen = eventually("all that was sent is received", || {
        let seen = subscriber.seen();
        let all = [Audio, Video]
            .iter()
            .all(|kind| seen.received.get(kind) >= Some(&SENT));
        all.then_some(seen)
    });
    assert_eq!(publisher.seen().sent, [(Audio, SENT), (Video, SENT)].into());
    assert_eq!(seen.received, [(Audio, SENT), (Video, SENT)].into());
    assert!(elsewhere.seen().received.is_empty(), "another room");

    let page = eventually(
        "losses have settled, and the subscriber has reported",
        || {
            let page = program.get("/internal/metrics");
            let settled = ["audio", "video"].iter().all(|kind| {
                of(&page, "media_rtp_packets_lost_total", "incoming", kind) == Some(LOST)
            });
            let reported =
                of(&page, "media_rtp_remote_reports_total", "outgoing", "audio") >= Some(1);
            (settled && reported).then_some(page)
        },
    );
    for kind in ["audio", "video"] {
        assert_eq!(
            of(&page, "media_rtp_packets_total", "incoming", kind),
            Some(SENT),
            "{kind}"
        );
        assert_eq!(
            of(&page, "media_rtp_sent_packets_total", "outgoing", kind),
            Some(SENT),
            "{kind}"
        );
        assert_eq!(
            of(&page, "media_rtp_streams", "incoming", kind),
            Some(1),
            "{kind}"
        );
    }
    let forwarded = page.value("media_forward_latency_seconds_count");
    assert_eq!(forwarded, Some(2.0 * SENT as f64));

    let left = program.delete(&publisher.session);
    assert_eq!(left.status, 200);
    eventually("the publisher is gone, his totals are not", || {
        let page = program.get("/internal/metrics");
        let gone = of(&page, "media_rtp_streams", "incoming", "audio") == Some(0);
        (gone && of(&page, "media_rtp_packets_total", "incoming", "audio") == Some(SENT))
            .then_some(())
    });
    assert!(program.stop().success());
    assert!(program.said("stopped"));
}
