//! Recorded series: what alerts and people ask for time and again, computed once.
//!
//! Lives here: their names and expressions. Not here: thresholds (`thresholds`).
//!
//! Where the profile `livekit` serves LiveKit's family in place of ours, an expression asks for ours `or` LiveKit's, so
//! that rules hold under every profile. Windows of 5 minutes need scrapes once a minute or more often.

use media_metrics_core::catalog;
use media_metrics_core::desc::Desc;
use media_metrics_core::livekit::families::catalog as livekit;

use super::model::Recording;
use super::thresholds::SLOW;
use crate::generate::query::{Scope, Series, ratio};

/// The short window of most rates: is it so still?
pub const SHORT: &str = "5m";
/// The long one: has it been so for a while?
pub const LONG: &str = "30m";
/// The short window of joins, which are rarer than packets.
pub const JOINS_SHORT: &str = "10m";
/// The long one.
pub const JOINS_LONG: &str = "1h";

/// States of LiveKit's joins that are the end of one: media flowed.
pub const JOINED: &str = "rtc_success";
/// Those that are a failure. `rtc_canceled` is a user's own choice.
pub const NOT_JOINED: &str = "signal_failed|signal_validation_failed|signal_upgrade_failed|signal_write_initial_response_failed|rtc_failure";

/// The quantiles that are recorded, by their name.
const QUANTILES: &[(&str, f64)] = &[("p50", 0.5), ("p95", 0.95), ("p99", 0.99)];

/// All of them, in an order in which each uses only those before it.
#[must_use]
pub fn all() -> Vec<Recording> {
    let windows = [SHORT, LONG];
    let mut all: Vec<Recording> = windows.into_iter().flat_map(losses).collect();
    all.extend(windows.into_iter().flat_map(latency));
    all.extend(latency_quantiles());
    all.extend(windows.into_iter().flat_map(ratings));
    all.push(rating_shares());
    all.extend([&catalog::RTP_INTERVAL_JITTER, &catalog::RTP_REMOTE_RTT].map(largest));
    all.extend([JOINS_SHORT, JOINS_LONG].into_iter().flat_map(joins));
    all.extend(rejected());
    all.extend(send_errors());
    all.push(known_jobs());
    all
}

/// A family's name as a recorded name has it: `_total` goes with the rate.
fn base(desc: &Desc) -> &str {
    desc.name().strip_suffix("_total").unwrap_or(desc.name())
}

fn of<'a>(desc: &'a Desc, range: &'static str) -> Series<'a> {
    Scope::rule(range).of(desc)
}

/// The first of these that has data, by labels.
fn first_of(expressions: &[String]) -> String {
    expressions.join("\nor\n")
}

/// Packets lost a second, and those expected, by instance and direction.
fn losses(range: &'static str) -> [Recording; 3] {
    let by = &["direction"];
    let rate = |desc| of(desc, range).rate(by);
    let lost = Recording {
        name: lost(range),
        expr: first_of(&[
            rate(&catalog::RTP_LOST),
            rate(&catalog::RTP_REMOTE_LOST),
            rate(&livekit::PACKET_LOSS_TOTAL),
        ]),
    };
    let expected = Recording {
        name: expected(range),
        expr: first_of(&[
            rate(&catalog::RTP_EXPECTED),
            rate(&catalog::RTP_SENT_PACKETS),
            of(&livekit::PACKET_TOTAL, range)
                .with("direction", "outgoing")
                .rate(by),
        ]),
    };
    let share = Recording {
        name: loss_ratio(range),
        expr: ratio(&lost.name, &expected.name),
    };
    [lost, expected, share]
}

/// The name of packets lost a second, by instance and direction.
#[must_use]
pub fn lost(range: &str) -> String {
    format!(
        "instance_direction:{}:rate{range}",
        base(&catalog::RTP_LOST)
    )
}

/// The name of packets expected a second, by instance and direction.
#[must_use]
pub fn expected(range: &str) -> String {
    format!(
        "instance_direction:{}:rate{range}",
        base(&catalog::RTP_EXPECTED)
    )
}

/// The name of the share of them that was lost.
#[must_use]
pub fn loss_ratio(range: &str) -> String {
    format!(
        "instance_direction:{}:ratio_rate{range}",
        base(&catalog::RTP_LOST)
    )
}

/// How LiveKit writes [`SLOW`].
const SLOW_NS: &str = "1e+07";

/// Packets forwarded a second, and the share of them that took longer than [`SLOW`].
fn latency(range: &'static str) -> [Recording; 2] {
    let ours = of(&catalog::FORWARD_LATENCY, range);
    let theirs = of(&livekit::FORWARD_LATENCY_NS, range);
    let below = theirs.clone().with("le", SLOW_NS).classic(&[]);
    let in_time = ratio(&format!("sum without (le) ({below})"), &theirs.count(&[]));
    let within = first_of(&[ours.share_up_to(SLOW, &[]), in_time]);
    [
        Recording {
            name: forwarded(range),
            expr: first_of(&[ours.count(&[]), theirs.count(&[])]),
        },
        Recording {
            name: slow_ratio(range),
            expr: format!("1 - (\n{within}\n)"),
        },
    ]
}

/// The name of packets forwarded a second, by instance.
#[must_use]
pub fn forwarded(range: &str) -> String {
    format!(
        "instance:{}_count:rate{range}",
        catalog::FORWARD_LATENCY.name()
    )
}

/// The name of the share of them that took too long.
#[must_use]
pub fn slow_ratio(range: &str) -> String {
    format!(
        "instance:{}_over_10ms:ratio_rate{range}",
        catalog::FORWARD_LATENCY.name()
    )
}

fn latency_quantiles() -> impl Iterator<Item = Recording> {
    QUANTILES.iter().map(|(name, quantile)| {
        let theirs = of(&livekit::FORWARD_LATENCY_NS, SHORT).quantile(*quantile, &[]);
        Recording {
            name: latency_quantile(name),
            expr: first_of(&[
                of(&catalog::FORWARD_LATENCY, SHORT).quantile(*quantile, &[]),
                format!("{theirs} / 1e9"),
            ]),
        }
    })
}

/// The name of a quantile of forwarding times, by instance: of `p50`, `p95` or `p99`.
#[must_use]
pub fn latency_quantile(quantile: &str) -> String {
    format!(
        "instance:{}:{quantile}_rate{SHORT}",
        catalog::FORWARD_LATENCY.name()
    )
}

/// Ratings of participants a second, and the share of them that is poor or lost.
fn ratings(range: &'static str) -> [Recording; 2] {
    let all = of(&catalog::PARTICIPANT_RATINGS, range);
    let bad = all.clone().with_any("rating", "poor|lost");
    [
        Recording {
            name: rated(range),
            expr: all.rate(&[]),
        },
        Recording {
            name: bad_ratio(range),
            expr: ratio(&bad.rate(&[]), &rated(range)),
        },
    ]
}

/// The name of ratings a second, by instance.
#[must_use]
pub fn rated(range: &str) -> String {
    format!(
        "instance:{}:rate{range}",
        base(&catalog::PARTICIPANT_RATINGS)
    )
}

/// The name of the share of them that is poor or lost.
#[must_use]
pub fn bad_ratio(range: &str) -> String {
    format!(
        "instance:{}_bad:ratio_rate{range}",
        base(&catalog::PARTICIPANT_RATINGS)
    )
}

fn rating_shares() -> Recording {
    let by_rating = of(&catalog::PARTICIPANT_RATINGS, SHORT).rate(&["rating"]);
    Recording {
        name: rating_share(),
        expr: format!(
            "{by_rating} / ignoring (rating) group_left () ({} > 0)",
            rated(SHORT)
        ),
    }
}

/// The name of the share of each rating, by instance.
#[must_use]
pub fn rating_share() -> String {
    format!(
        "instance_rating:{}:ratio_rate{SHORT}",
        base(&catalog::PARTICIPANT_RATINGS)
    )
}

/// What all but one in twenty of a histogram's values stay below.
fn largest(desc: &'static Desc) -> Recording {
    Recording {
        name: p95(desc),
        expr: of(desc, SHORT).quantile(0.95, &["direction", "kind"]),
    }
}

/// The name of a histogram's 95th percentile, by instance, direction and kind.
#[must_use]
pub fn p95(desc: &Desc) -> String {
    format!("instance_direction_kind:{}:p95_rate{SHORT}", desc.name())
}

/// Joins that ended one way or the other a second, and the share of them that failed.
fn joins(range: &'static str) -> [Recording; 2] {
    let all = of(&livekit::PARTICIPANT_JOIN_TOTAL, range);
    let failed = all.clone().with_any("state", NOT_JOINED);
    let ended = all.with_any("state", &format!("{JOINED}|{NOT_JOINED}"));
    [
        Recording {
            name: joins_ended(range),
            expr: ended.rate(&[]),
        },
        Recording {
            name: joins_failed_ratio(range),
            expr: ratio(&failed.rate(&[]), &joins_ended(range)),
        },
    ]
}

/// The name of joins a second that ended, by instance.
#[must_use]
pub fn joins_ended(range: &str) -> String {
    format!(
        "instance:{}:rate{range}",
        base(&livekit::PARTICIPANT_JOIN_TOTAL)
    )
}

/// The name of the share of them that failed.
#[must_use]
pub fn joins_failed_ratio(range: &str) -> String {
    format!(
        "instance:{}_failed:ratio_rate{range}",
        base(&livekit::PARTICIPANT_JOIN_TOTAL)
    )
}

/// Datagrams a second, and the share of them that was turned away.
fn rejected() -> [Recording; 2] {
    let rejected = of(&catalog::FORWARD_REJECTED, SHORT).rate(&[]);
    let taken = first_of(&[
        of(&catalog::RTP_PACKETS, SHORT).rate(&[]),
        of(&livekit::PACKET_TOTAL, SHORT)
            .with("direction", "incoming")
            .rate(&[]),
    ]);
    [
        Recording {
            name: arrived(),
            expr: format!("{rejected} + (\n{taken}\n)"),
        },
        Recording {
            name: rejected_ratio(),
            expr: ratio(&rejected, &arrived()),
        },
    ]
}

/// The name of RTP packets and of datagrams turned away a second, by instance.
#[must_use]
pub fn arrived() -> String {
    format!(
        "instance:{}_or_received:rate{SHORT}",
        base(&catalog::FORWARD_REJECTED)
    )
}

/// The name of the share that was turned away.
#[must_use]
pub fn rejected_ratio() -> String {
    format!(
        "instance:{}:ratio_rate{SHORT}",
        base(&catalog::FORWARD_REJECTED)
    )
}

/// Sends a second, and the share of them that failed.
fn send_errors() -> [Recording; 2] {
    let errors = of(&catalog::FORWARD_SEND_ERRORS, SHORT).rate(&[]);
    let sent = first_of(&[
        of(&catalog::FORWARD_PACKETS, SHORT).rate(&[]),
        of(&livekit::PACKET_TOTAL, SHORT)
            .with("direction", "outgoing")
            .rate(&[]),
    ]);
    [
        Recording {
            name: to_send(),
            expr: format!("{errors} + (\n{sent}\n)"),
        },
        Recording {
            name: send_error_ratio(),
            expr: ratio(&errors, &to_send()),
        },
    ]
}

/// The name of packets sent and packets that could not be sent a second, by instance.
#[must_use]
pub fn to_send() -> String {
    format!(
        "instance:{}_or_sent:rate{SHORT}",
        base(&catalog::FORWARD_SEND_ERRORS)
    )
}

/// The name of the share that could not.
#[must_use]
pub fn send_error_ratio() -> String {
    format!(
        "instance:{}:ratio_rate{SHORT}",
        base(&catalog::FORWARD_SEND_ERRORS)
    )
}

/// Jobs that have served our build's version, remembered for as long as discovery lists a target of theirs: so a job
/// that does not answer is known for ours, and one that was scaled to nothing is forgotten.
fn known_jobs() -> Recording {
    let (build, known) = (catalog::BUILD_INFO.name(), known_jobs_name());
    Recording {
        expr: format!(
            "group by (job) ({build})\nor\n(last_over_time({known}[1h]) and on (job) group by (job) (up))"
        ),
        name: known,
    }
}

/// The name of that.
#[must_use]
pub fn known_jobs_name() -> String {
    format!("job:{}:group", catalog::BUILD_INFO.name())
}
