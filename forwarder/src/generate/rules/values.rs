//! Cases of recorded series: what each is worth, under either profile.

use media_metrics_core::catalog;
use media_metrics_core::livekit::families::catalog as livekit;

use super::alerts::series;
use super::recording;
use super::trials::{Question, Recorded, Sample};

/// `tests/recording.yaml`.
pub(super) fn trial() -> String {
    super::trials::of_recordings(vec![ours(), livekits(), both(), idle()])
}

/// That a recorded series has this value, to the sixth decimal, and no other labels than these.
fn is(name: impl AsRef<str>, labels: &str, value: f64) -> Question {
    question(name.as_ref(), &[(labels, value)])
}

fn question(name: &str, samples: &[(&str, f64)]) -> Question {
    let sample = |(labels, value): &(&str, f64)| Sample {
        labels: format!("{{instance=\"a:9464\", job=\"sfu\"{labels}}}"),
        value: *value,
    };
    Question {
        expr: format!("round({name}, 0.000001)"),
        eval_time: "30m",
        exp_samples: samples.iter().map(sample).collect(),
    }
}

/// That a recorded series does not exist.
fn none(name: String) -> Question {
    Question {
        expr: name,
        eval_time: "30m",
        exp_samples: Vec::new(),
    }
}

/// All values 20 a second, but as written; of what is good or bad, three quarters are good.
fn ours() -> Recorded {
    let group = [("direction", "incoming"), ("kind", "audio")];
    let video = [("direction", "incoming"), ("kind", "video")];
    let rated = |rating, values| {
        series(
            &catalog::PARTICIPANT_RATINGS,
            "",
            &[("rating", rating)],
            values,
        )
    };
    let latency = |le, values| series(&catalog::FORWARD_LATENCY, "_bucket", &[("le", le)], values);
    let jitter = |le, values| {
        let labels = [group[0], group[1], ("le", le)];
        series(&catalog::RTP_INTERVAL_JITTER, "_bucket", &labels, values)
    };
    let rtt = |le, values| {
        let labels = [("direction", "outgoing"), ("kind", "audio"), ("le", le)];
        series(&catalog::RTP_REMOTE_RTT, "_bucket", &labels, values)
    };
    let series = vec![
        series(&catalog::RTP_EXPECTED, "", &group, "0+600x30"),
        series(&catalog::RTP_EXPECTED, "", &video, "0+600x30"),
        series(&catalog::RTP_LOST, "", &group, "0+240x30"),
        series(&catalog::RTP_LOST, "", &video, "0+60x30"),
        latency("0.005", "0+600x30"),
        latency("0.01", "0+900x30"),
        latency("0.025", "0+1200x30"),
        latency("+Inf", "0+1200x30"),
        series(&catalog::FORWARD_LATENCY, "_count", &[], "0+1200x30"),
        rated("excellent", "0+600x30"),
        rated("good", "0+300x30"),
        rated("poor", "0+240x30"),
        rated("lost", "0+60x30"),
        jitter("0.01", "0+0x30"),
        jitter("0.02", "0+1200x30"),
        jitter("+Inf", "0+1200x30"),
        rtt("0.1", "0+600x30"),
        rtt("0.2", "0+1200x30"),
        rtt("+Inf", "0+1200x30"),
        series(&catalog::RTP_PACKETS, "", &group, "0+900x30"),
        series(
            &catalog::FORWARD_REJECTED,
            "",
            &[("reason", "version")],
            "0+300x30",
        ),
        series(&catalog::FORWARD_PACKETS, "", &[], "0+900x30"),
        series(
            &catalog::FORWARD_SEND_ERRORS,
            "",
            &[("reason", "refused")],
            "0+300x30",
        ),
        series(&catalog::BUILD_INFO, "", &[("version", "1.0.0")], "1x30"),
    ];
    let incoming = ", direction=\"incoming\"";
    let shares = [
        (", rating=\"excellent\"", 0.5),
        (", rating=\"good\"", 0.25),
        (", rating=\"lost\"", 0.05),
        (", rating=\"poor\"", 0.2),
    ];
    let rating_shares = question(&recording::rating_share(), &shares);
    let known = Question {
        expr: recording::known_jobs_name(),
        eval_time: "30m",
        exp_samples: vec![Sample {
            labels: format!("{}{{job=\"sfu\"}}", recording::known_jobs_name()),
            value: 1.0,
        }],
    };
    let questions = vec![
        is(recording::expected("5m"), incoming, 20.0),
        is(recording::expected("30m"), incoming, 20.0),
        is(recording::lost("5m"), incoming, 5.0),
        is(recording::lost("30m"), incoming, 5.0),
        is(recording::loss_ratio("5m"), incoming, 0.25),
        is(recording::loss_ratio("30m"), incoming, 0.25),
        is(recording::forwarded("5m"), "", 20.0),
        is(recording::forwarded("30m"), "", 20.0),
        is(recording::slow_ratio("5m"), "", 0.25),
        is(recording::slow_ratio("30m"), "", 0.25),
        is(recording::latency_quantile("p50"), "", 0.005),
        is(recording::latency_quantile("p95"), "", 0.022),
        is(recording::latency_quantile("p99"), "", 0.0244),
        is(recording::rated("5m"), "", 20.0),
        is(recording::rated("30m"), "", 20.0),
        is(recording::bad_ratio("5m"), "", 0.25),
        is(recording::bad_ratio("30m"), "", 0.25),
        rating_shares,
        is(
            recording::p95(&catalog::RTP_INTERVAL_JITTER),
            ", direction=\"incoming\", kind=\"audio\"",
            0.0195,
        ),
        is(
            recording::p95(&catalog::RTP_REMOTE_RTT),
            ", direction=\"outgoing\", kind=\"audio\"",
            0.19,
        ),
        is(recording::arrived(), "", 20.0),
        is(recording::rejected_ratio(), "", 0.25),
        is(recording::to_send(), "", 20.0),
        is(recording::send_error_ratio(), "", 0.25),
        known,
    ];
    Recorded {
        name: "the profile media",
        series,
        questions,
    }
}

/// What LiveKit's families say in place of ours.
fn livekits() -> Recorded {
    let packets = |direction, values| {
        let labels = [("direction", direction), ("transmission", "initial")];
        series(&livekit::PACKET_TOTAL, "", &labels, values)
    };
    let lost = |direction, values| {
        series(
            &livekit::PACKET_LOSS_TOTAL,
            "",
            &[("direction", direction)],
            values,
        )
    };
    let latency = |le, values| {
        series(
            &livekit::FORWARD_LATENCY_NS,
            "_bucket",
            &[("le", le)],
            values,
        )
    };
    let joins = |state, values| {
        series(
            &livekit::PARTICIPANT_JOIN_TOTAL,
            "",
            &[("state", state)],
            values,
        )
    };
    let series = vec![
        packets("incoming", "0+900x60"),
        packets("outgoing", "0+900x60"),
        lost("outgoing", "0+225x60"),
        latency("5e+06", "0+600x60"),
        latency("1e+07", "0+900x60"),
        latency("2e+07", "0+1200x60"),
        latency("+Inf", "0+1200x60"),
        series(&livekit::FORWARD_LATENCY_NS, "_count", &[], "0+1200x60"),
        series(
            &catalog::FORWARD_REJECTED,
            "",
            &[("reason", "version")],
            "0+300x60",
        ),
        series(
            &catalog::FORWARD_SEND_ERRORS,
            "",
            &[("reason", "refused")],
            "0+300x60",
        ),
        joins("rtc_init", "0+1200x60"),
        joins("rtc_success", "0+900x60"),
        joins("rtc_failure", "0+240x60"),
        joins("signal_failed", "0+60x60"),
        joins("rtc_canceled", "0+500x60"),
    ];
    let outgoing = ", direction=\"outgoing\"";
    let questions = vec![
        is(recording::expected("5m"), outgoing, 15.0),
        is(recording::loss_ratio("5m"), outgoing, 0.25),
        is(recording::forwarded("5m"), "", 20.0),
        is(recording::slow_ratio("5m"), "", 0.25),
        is(recording::latency_quantile("p50"), "", 0.005),
        is(recording::latency_quantile("p95"), "", 0.018),
        is(recording::arrived(), "", 20.0),
        is(recording::rejected_ratio(), "", 0.25),
        is(recording::to_send(), "", 20.0),
        is(recording::send_error_ratio(), "", 0.25),
        is(recording::joins_ended("10m"), "", 20.0),
        is(recording::joins_ended("1h"), "", 20.0),
        is(recording::joins_failed_ratio("10m"), "", 0.25),
        is(recording::joins_failed_ratio("1h"), "", 0.25),
    ];
    // Joins are looked at over an hour.
    let later = |mut question: Question| {
        question.eval_time = "60m";
        question
    };
    Recorded {
        name: "the profile livekit",
        series,
        questions: questions.into_iter().map(later).collect(),
    }
}

/// Where both are served nothing counts twice: ours are taken.
fn both() -> Recorded {
    let theirs = [("direction", "outgoing"), ("transmission", "initial")];
    let series = vec![
        series(
            &catalog::RTP_SENT_PACKETS,
            "",
            &[("direction", "outgoing"), ("kind", "audio")],
            "0+1200x30",
        ),
        series(
            &catalog::RTP_REMOTE_LOST,
            "",
            &[("direction", "outgoing"), ("kind", "audio")],
            "0+300x30",
        ),
        series(&livekit::PACKET_TOTAL, "", &theirs, "0+1500x30"),
        series(
            &livekit::PACKET_LOSS_TOTAL,
            "",
            &[("direction", "outgoing")],
            "0+300x30",
        ),
        series(&catalog::FORWARD_PACKETS, "", &[], "0+900x30"),
        series(
            &catalog::FORWARD_SEND_ERRORS,
            "",
            &[("reason", "refused")],
            "0+300x30",
        ),
    ];
    let questions = vec![
        is(recording::expected("5m"), ", direction=\"outgoing\"", 20.0),
        is(
            recording::loss_ratio("5m"),
            ", direction=\"outgoing\"",
            0.25,
        ),
        is(recording::to_send(), "", 20.0),
        is(recording::send_error_ratio(), "", 0.25),
    ];
    Recorded {
        name: "the profile both",
        series,
        questions,
    }
}

/// Shares of nothing do not exist, rather than being no number.
fn idle() -> Recorded {
    let group = [("direction", "incoming"), ("kind", "audio")];
    let series = vec![
        series(&catalog::RTP_EXPECTED, "", &group, "5x60"),
        series(&catalog::RTP_LOST, "", &group, "1x60"),
        series(
            &catalog::FORWARD_LATENCY,
            "_bucket",
            &[("le", "0.01")],
            "5x60",
        ),
        series(&catalog::FORWARD_LATENCY, "_count", &[], "5x60"),
        series(
            &catalog::PARTICIPANT_RATINGS,
            "",
            &[("rating", "poor")],
            "5x60",
        ),
        series(&catalog::RTP_PACKETS, "", &group, "5x60"),
        series(
            &catalog::FORWARD_REJECTED,
            "",
            &[("reason", "version")],
            "5x60",
        ),
        series(
            &livekit::PARTICIPANT_JOIN_TOTAL,
            "",
            &[("state", "rtc_success")],
            "5x60",
        ),
    ];
    let questions = vec![
        is(recording::expected("5m"), ", direction=\"incoming\"", 0.0),
        none(recording::loss_ratio("5m")),
        none(recording::slow_ratio("5m")),
        none(recording::bad_ratio("5m")),
        none(recording::rejected_ratio()),
        none(recording::joins_failed_ratio("10m")),
    ];
    Recorded {
        name: "idle",
        series,
        questions,
    }
}
