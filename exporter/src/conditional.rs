//! Who has a page already.
//!
//! Lives here: reading `If-None-Match`. Not here: tags, which are of those who make pages.

use hyper::header::{HeaderMap, IF_NONE_MATCH};

/// Whether `If-None-Match` names the tag: compared as weak ones are, or as any (RFC 9110 §13.1.2).
pub(crate) fn is_known(headers: &HeaderMap, tag: &str) -> bool {
    let fields = headers.get_all(IF_NONE_MATCH).iter();
    fields
        .filter_map(|field| field.to_str().ok())
        .flat_map(|field| field.split(','))
        .map(str::trim)
        .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}
