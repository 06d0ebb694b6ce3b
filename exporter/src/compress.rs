//! Content codings.
//!
//! Lives here: compressing a page. Not here: which coding a scraper gets (`format::negotiate`), how long a
//! compressed page is kept (`encode`).

use std::io::{self, Write as _};

use crate::format::negotiate::Coding;

/// Writes `page` in `coding` into `out`, in place of what was there; its capacity is kept.
///
/// # Errors
/// The library's; writing into memory itself can't fail.
pub(crate) fn compress(coding: Coding, page: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    out.clear();
    match coding {
        Coding::Identity => out.write_all(page),
        // The fastest level: a page is read once, over a network that is rarely slower than we are.
        #[cfg(feature = "gzip")]
        Coding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::fast());
            encoder.write_all(page)?;
            encoder.finish().map(drop)
        }
        #[cfg(feature = "zstd")]
        Coding::Zstd => zstd::stream::copy_encode(page, out, 1),
    }
}
