//! Which format a scraper gets, in which content coding.
//!
//! Lives here: reading `Accept` (`accept`) and `Accept-Encoding` (`coding`), and the `Content-Type` that says
//! what was chosen. Pure: header texts in, a choice out. Not here: encoding, compressing, HTTP's machinery.
//!
//! The rules are those of HTTP (RFC 9110 §12.4 and §12.5) and of Prometheus' content negotiation. There is no
//! wrong answer: a scraper that asks for what we don't have, or in a way that nobody can read, gets Prometheus
//! text 0.0.4, uncompressed, which every one of them reads.

mod accept;
mod coding;

use accept::weight;

pub use accept::Escaping;
pub(crate) use accept::{Format, Media};
pub(crate) use coding::Coding;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    /// Pieces of which headers are made, and worse.
    fn hostile() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            "text|plain|application|openmetrics-text|vnd.google.protobuf|gzip|zstd|identity",
            "version|q|proto|encoding|escaping|1.0.0|0.0.4|allow-utf-8|delimited",
            "[/;,=\\*\"\\\\ \t]",
            "[0-9.eE+-]{1,4}",
            "\\PC",
            any::<char>().prop_map(String::from),
            Just("a".repeat(300)), // longer than a type may be
        ];
        vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    const OURS: [(&str, Media); 6] = [
        ("text/plain;version=0.0.4", Media::Text004),
        ("text/plain;version=1.0.0", Media::Text100),
        (
            "application/openmetrics-text;version=0.0.1",
            Media::OpenMetrics001,
        ),
        (
            "application/openmetrics-text;version=1.0.0",
            Media::OpenMetrics100,
        ),
        (
            "application/openmetrics-text;version=2.0.0",
            Media::OpenMetrics200,
        ),
        (
            "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited",
            Media::Protobuf,
        ),
    ];

    proptest! {
        #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(7), cases: 4_000, ..ProptestConfig::default() })]

        /// There is always an answer, and it can stand in a header.
        #[test]
        fn no_header_is_too_hostile(fields in vec(hostile(), 0..4)) {
            let fields = || fields.iter().map(String::as_str);
            let told = Format::accepted(fields(), true).to_string();
            prop_assert!(told.bytes().all(|b| b.is_ascii_graphic() || b == b' '), "{told:?}");
            prop_assert!(["gzip", "zstd", "identity"].contains(&Coding::accepted(fields()).name()));
        }

        /// Among formats that are named, the heaviest wins, of equals the first; whatever is between them.
        #[test]
        fn the_heaviest_is_chosen(
            asked in vec((0_usize..6, 0_u16..=1_000, "[a-z]{1,5}/[a-z]{1,5}(;q=0\\.[0-9])?"), 1..6),
        ) {
            let header: Vec<String> = asked
                .iter()
                .map(|&(at, q, ref noise)| {
                    format!("{noise} , {};q={}.{:03}", OURS[at].0, q / 1_000, q % 1_000)
                })
                .collect();
            let header = header.join(",");
            // Of a format that is named twice the heavier counts.
            let mut best: Option<(u16, Media)> = None;
            for &(at, q, _) in &asked {
                if q > best.map_or(0, |(weight, _)| weight) {
                    best = Some((q, OURS[at].1));
                }
            }
            let chosen = Format::accepted([header.as_str()].into_iter(), true).media;
            prop_assert_eq!(chosen, best.map_or(Media::Text004, |(_, media)| media), "{}", header);
        }
    }
}
