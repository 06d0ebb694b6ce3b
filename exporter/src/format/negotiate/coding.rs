//! `Accept-Encoding`: how a page is compressed.
//!
//! Lives here: the codings that there are, and the choice between them. Not here: compressing (`compress`).

use super::weight;

/// A content coding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Coding {
    /// None.
    #[default]
    Identity,
    /// RFC 1952.
    #[cfg(feature = "gzip")]
    Gzip,
    /// RFC 8878.
    #[cfg(feature = "zstd")]
    Zstd,
}

impl Coding {
    /// All, the one to take first of equals first.
    pub(crate) const ALL: &[Self] = &[
        #[cfg(feature = "zstd")]
        Self::Zstd,
        #[cfg(feature = "gzip")]
        Self::Gzip,
        Self::Identity,
    ];

    /// Its name in headers.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            #[cfg(feature = "gzip")]
            Self::Gzip => "gzip",
            #[cfg(feature = "zstd")]
            Self::Zstd => "zstd",
        }
    }

    /// The coding that these `Accept-Encoding` fields like best.
    ///
    /// Of equal weights the smallest page wins. No field, or none that can be had: uncompressed.
    pub(crate) fn accepted<'a>(fields: impl Iterator<Item = &'a str> + Clone) -> Self {
        let items = fields.flat_map(|field| field.split(',')).map(item);
        let weight_of = |wanted: &str| {
            let named = |(name, weight): (&str, u16)| {
                // RFC 9110 §8.4.1.3: `x-gzip` is to be taken for `gzip`.
                let name = if name.eq_ignore_ascii_case("x-gzip") {
                    "gzip"
                } else {
                    name
                };
                name.eq_ignore_ascii_case(wanted).then_some(weight)
            };
            items.clone().find_map(named)
        };
        let liked = |coding: Self| {
            let named = weight_of(coding.name());
            let weight = named.or_else(|| weight_of("*")).unwrap_or(0);
            (weight > 0).then_some((coding, weight))
        };
        // Of equals the last is the largest.
        Self::ALL
            .iter()
            .rev()
            .filter_map(|&coding| liked(coding))
            .max_by_key(|&(_, weight)| weight)
            .map_or(Self::Identity, |(coding, _)| coding)
    }
}

/// `gzip;q=0.5`: name and weight.
fn item(text: &str) -> (&str, u16) {
    let (name, parameters) = text.split_once(';').unwrap_or((text, ""));
    let q = parameters
        .split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(key, _)| key.trim().eq_ignore_ascii_case("q"));
    (
        name.trim(),
        weight(q.map_or("1", |(_, value)| value.trim())),
    )
}

#[cfg(all(test, feature = "gzip"))]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_that_there_is() {
        use Coding::{Gzip, Identity};
        for (header, wanted) in [
            ("gzip", Gzip),
            ("GZIP", Gzip),
            ("x-gzip", Gzip),
            ("gzip;q=0.001", Gzip),
            ("gzip;q=0", Identity),
            ("deflate, br", Identity),
            ("deflate, gzip;q=1.0, *;q=0.5", Gzip),
            ("identity;q=0.5, gzip;q=0.4", Identity),
            ("identity;q=0.5, gzip ; q=0.6", Gzip),
            ("identity, gzip", Gzip),
            ("*;q=0, gzip", Gzip),
            (
                "gzip;q=0, *",
                if cfg!(feature = "zstd") {
                    Coding::ALL[0]
                } else {
                    Identity
                },
            ),
            ("*", Coding::ALL[0]),
            ("identity;q=0", Identity),
            ("*;q=0", Identity),
            ("", Identity),
            (";;=,,=;q,gzip;q", Gzip),
        ] {
            assert_eq!(Coding::accepted([header].into_iter()), wanted, "{header}");
        }
        assert_eq!(Coding::accepted([].into_iter()), Identity);
        assert_eq!(Coding::accepted(["br", "gzip"].into_iter()), Gzip);
    }

    #[cfg(feature = "zstd")]
    #[test]
    fn zstd_before_gzip_unless_it_is_liked_less() {
        for (header, wanted) in [
            ("gzip, zstd", Coding::Zstd),
            ("zstd;q=0.9, gzip", Coding::Gzip),
            ("gzip, deflate, br, zstd", Coding::Zstd),
        ] {
            assert_eq!(Coding::accepted([header].into_iter()), wanted, "{header}");
        }
    }
}
