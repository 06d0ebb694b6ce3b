//! Content codings.
//!
//! Lives here: compressing a page. Not here: which coding a scraper gets (`format::negotiate`), how long a
//! compressed page is kept (`encode`).

use std::io::{self, Write as _};

use crate::format::negotiate::Coding;

/// How much time a page is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// The fastest level: a page is read once, over a network that is rarely slower than we are.
    Quick,
    /// The smallest page: it is made once, and read for as long as the program runs.
    #[cfg(feature = "page")]
    Thorough,
}

/// Writes `page` in `coding` into `out`, in place of what was there; its capacity is kept.
///
/// # Errors
/// The library's; writing into memory itself can't fail.
#[cfg_attr(
    not(any(feature = "gzip", feature = "zstd")),
    expect(
        unused_variables,
        reason = "as it is, there is one way to write a page"
    )
)]
pub(crate) fn compress(
    coding: Coding,
    effort: Effort,
    page: &[u8],
    out: &mut Vec<u8>,
) -> io::Result<()> {
    out.clear();
    match coding {
        Coding::Identity => out.write_all(page),
        #[cfg(feature = "gzip")]
        Coding::Gzip => {
            let level = match effort {
                Effort::Quick => flate2::Compression::fast(),
                #[cfg(feature = "page")]
                Effort::Thorough => flate2::Compression::best(),
            };
            let mut encoder = flate2::write::GzEncoder::new(out, level);
            encoder.write_all(page)?;
            encoder.finish().map(drop)
        }
        #[cfg(feature = "zstd")]
        Coding::Zstd => {
            let level = match effort {
                Effort::Quick => 1,
                #[cfg(feature = "page")]
                Effort::Thorough => 19,
            };
            zstd::stream::copy_encode(page, out, level)
        }
    }
}
