//! A publisher and a subscriber connect over loopback, media flows, and each packet is on the page.

#[test]
fn every_packet_is_forwarded_and_counted() {
    support::call::every_packet_is_forwarded_and_counted(env!("CARGO_BIN_EXE_webrtc-forwarder"));
}
