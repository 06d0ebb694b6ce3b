//! The worst streams and groups.

use media_metrics_core::catalog as c;

use crate::generate::reference::note::Appears::Once;
use crate::generate::reference::note::{Appears, Note, Question, Section, note};

const RANKED: Appears = Once("a stream has traffic or a score, unless `insight.worst` is 0");
const SCORED: Appears = Once("a ranked stream has a score");
const ROUND_TRIP: Appears = Once(
    "a ranked stream that is sent has a round trip: its receiver reports, and its publisher sends sender reports",
);
const US: &str = "this project";

/// Slots.
pub(super) static SECTION: Section = Section {
    title: "The worst",
    about: "Ten slots (`insight.worst`) for the worst streams of the last interval, and ten for the worst groups, whatever the number of streams. \
            A slot is a rank, 0 the worst: who is in it changes from interval to interval, so join by `slot` at one moment and don't take rates.",
    questions: &[
        Question {
            asked: "Which streams are the worst now, and what do they lose?",
            answer: "{} * on (job, instance, slot) group_right () {}",
            of: &[&c::WORST_STREAM_LOSS, &c::WORST_STREAM_INFO],
        },
        Question {
            asked: "How bad is the worst stream?",
            answer: "min by (job, instance) ({})",
            of: &[&c::WORST_STREAM_SCORE],
        },
    ],
    notes: NOTES,
};

#[rustfmt::skip] // One a line.
static NOTES: &[Note] = &[
    note(&c::WORST_STREAM_INFO, "Not by itself: it says who the other families speak of. The `id` leads to `/api/v1/streams?id=`.", &[], US).appears(RANKED),
    note(&c::WORST_STREAM_SCORE, "Slot 9 is at 40 or below: ten streams are POOR at once, which is no single user's network.", &[], "ITU-T G.107, as LiveKit scores").appears(SCORED),
    note(&c::WORST_STREAM_MOS, "As the score.", &[], "ITU-T G.107 Annex B").appears(SCORED),
    note(&c::WORST_STREAM_LOSS, "Slot 9 is above 0.05.", &[], "RFC 3550 §6.4.1").appears(RANKED),
    note(&c::WORST_STREAM_JITTER, "Slot 9 is above 0.03 s.", &[], "RFC 3550 §6.4.1").appears(RANKED),
    note(&c::WORST_STREAM_RTT, "Slot 9 is above 0.3 s.", &[], "RFC 3550 §6.4.1").appears(ROUND_TRIP),
    note(&c::WORST_STREAM_BYTES, "It is near 0 while the score is low: the stream is not lossy, it is starved.", &[], US).appears(RANKED),
    note(&c::WORST_GROUP_INFO, "Not by itself: it says which group the other families speak of.", &[], US).appears(RANKED),
    note(&c::WORST_GROUP_SCORE, "It is at 60 or below: a whole kind of stream suffers.", &[], US).appears(SCORED),
    note(&c::WORST_GROUP_LOSS, "It is above 0.02.", &[], "RFC 3550 §6.4.1").appears(RANKED),
    note(&c::WORST_GROUP_JITTER, "It is above 0.03 s.", &[], "RFC 3550 §6.4.1").appears(RANKED),
    note(&c::WORST_GROUP_RTT, "It is above 0.3 s.", &[], "RFC 3550 §6.4.1").appears(ROUND_TRIP),
    note(&c::WORST_GROUP_BYTES, "It falls by half at once.", &[], US).appears(RANKED),
    note(&c::WORST_GROUP_STREAMS, "Not by itself: it says of how many streams the other figures are the mean.", &[], US).appears(RANKED),
];
