//! A publisher and a subscriber connect over loopback, media flows, and each packet is on the page; so is what its
//! receiver reports, and who is there.

use support::peer::Peer;
use support::{Program, eventually};

const FORWARDER: &str = env!("CARGO_BIN_EXE_str0m-forwarder");

#[test]
fn every_packet_is_forwarded_and_counted() {
    support::call::every_packet_is_forwarded_and_counted(FORWARDER);
}

#[test]
fn one_packet_is_reported_on() {
    let program = Program::start(FORWARDER, &["127.0.0.1:0"]);
    let _subscriber = Peer::watch(&program, "/whep/blue");
    let publisher = Peer::publish(&program, "/whip/blue", 1, 2);
    publisher.go();
    let reports = r#"media_rtp_remote_reports_total{direction="outgoing",kind="audio"}"#;
    eventually("the receiver of one packet has reported", || {
        (program.get("/internal/metrics").value(reports) >= Some(1.0)).then_some(())
    });
}

#[test]
fn who_is_there_is_counted() {
    let program = Program::start(FORWARDER, &["127.0.0.1:0"]);
    let _here = Peer::watch(&program, "/whep/blue");
    let _elsewhere = Peer::watch(&program, "/whep/red");
    let publisher = Peer::publish(&program, "/whip/blue", 1, 2);
    let are = |publishers: f64| {
        let what = format!("{publishers} publishers and 2 subscribers are on the page");
        eventually(&what, || {
            let page = program.get("/internal/metrics");
            let count = |role| page.value(&format!("sfu_peers{{role=\"{role}\"}}"));
            (count("subscriber") == Some(2.0) && count("publisher") == Some(publishers))
                .then_some(())
        });
    };
    are(1.0);
    assert_eq!(program.delete(&publisher.session).status, 200);
    are(0.0);
}
