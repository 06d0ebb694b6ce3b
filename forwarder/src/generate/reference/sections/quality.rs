//! Quality of streams and participants.

use media_metrics_core::catalog as c;

use crate::generate::reference::note::Appears::Once;
use crate::generate::reference::note::{Appears, Note, Question, Section, note};

const JUDGED: Appears =
    Once("the first window of a judged stream ends (5 s after its first packet)");
const E_MODEL: &str = "ITU-T G.107 (E-model), as LiveKit scores";

/// What windows of streams are worth.
pub(super) static SECTION: Section = Section {
    title: "Quality",
    about: "Each judged stream is scored once in each window of 5 s, from loss, delay, jitter, bitrate and layers. A participant is worth what the \
            worst of their streams is. Scores are from 20 (lost) to 100; the mean opinion score is the same on the scale of people, 1 to 4.5.",
    questions: &[
        Question {
            asked: "What share of the windows is poor (score of 40 or less)?",
            answer: "sum by (job, instance, kind) (rate({}_bucket{le=\"40.0\"}[5m]) or rate({}_bucket{le=\"40\"}[5m])) / sum by (job, instance, kind) (rate({}_count[5m]))",
            of: &[
                &c::RTP_QUALITY_SCORE,
                &c::RTP_QUALITY_SCORE,
                &c::RTP_QUALITY_SCORE,
            ],
        },
        Question {
            asked: "What are scores owed to?",
            answer: "sum by (job, instance, reason) (rate({}[5m]))",
            of: &[&c::RTP_QUALITY_REASONS],
        },
        Question {
            asked: "How many participants are badly off now?",
            answer: "sum by (job, instance) ({}{rating=~\"poor|lost\"})",
            of: &[&c::PARTICIPANTS_RATED],
        },
    ],
    notes: NOTES,
};

#[rustfmt::skip] // One a line.
static NOTES: &[Note] = &[
    note(&c::RTP_QUALITY_SCORE, "Its 5th percentile is at 40 or below for five minutes: one window in twenty is POOR.", &[], E_MODEL).appears(JUDGED),
    note(&c::RTP_QUALITY_MOS, "Its mean is below 3.6: many users are dissatisfied (G.107 Annex B, table B.1).", &[], "ITU-T G.107 Annex B, P.800.1").appears(JUDGED),
    note(&c::RTP_QUALITY_REASONS, "The share of `packet` or `bitrate` rises: networks. Of `dry` or `rtcp`: whatever speaks is gone, or its reports are filtered.", &[], "this project").appears(JUDGED),
    note(&c::PARTICIPANT_QUALITY_SCORE, "Its 5th percentile is at 40 or below for five minutes.", &[], E_MODEL).appears(JUDGED),
    note(&c::PARTICIPANT_QUALITY_MOS, "Its mean is below 3.6.", &[], "ITU-T G.107 Annex B; LiveKit `pkg/telemetry/prometheus/quality.go`").appears(JUDGED),
    note(&c::PARTICIPANTS_RATED, "`poor` and `lost` together are more than 20 % of all for five minutes.", &[], "LiveKit's `ConnectionQuality`").appears(JUDGED),
    note(&c::PARTICIPANT_RATINGS, "`poor` and `lost` together are more than 20 % of all over half an hour, and still: as above, but nothing between two scrapes is missed.", &[], "LiveKit's `ConnectionQuality`").appears(JUDGED),
];
