//! What the reference says, by subject.
//!
//! Lives here: the order of the sections. In the modules: what they say of each family that the catalog does not: when
//! to worry, who says what it means, when it is there. A test holds that every family has its place, and one only.

mod clients;
mod forwarding;
mod library;
mod livekit;
mod machine;
mod quality;
mod received;
mod sent;
mod worst;

use super::note::Section;

/// All of them, in the order of the page.
pub static ALL: &[&Section] = &[
    &received::SECTION,
    &sent::SECTION,
    &quality::SECTION,
    &forwarding::SECTION,
    &worst::SECTION,
    &library::SECTION,
    &machine::SECTION,
    &clients::CLIENTS,
    &clients::PIPELINE_SECTION,
    &livekit::PACKET_SECTION,
    &livekit::ROOM_SECTION,
    &livekit::SERVICE_SECTION,
];
