//! Who may see the pages: HTTP's basic authentication (RFC 7617).
//!
//! Lives here: one name and password, and whether a request has them. Not here: pages.
//!
//! A password in every request is no secret on the network unless that is encrypted: between machines put
//! something with TLS in front.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, HeaderMap};
use subtle::{Choice, ConstantTimeEq};

/// What clients are told when they are asked who they are.
pub(super) const CHALLENGE: &str = "Basic realm=\"metrics\", charset=\"UTF-8\"";

const SCHEME: &[u8] = b"basic ";

/// The name and password that every request must carry.
pub(crate) struct BasicAuth {
    /// As they stand in the header, after the scheme.
    credentials: Box<[u8]>,
}

impl BasicAuth {
    pub(super) fn new(username: &str, password: &str) -> Self {
        let credentials = STANDARD.encode(format!("{username}:{password}"));
        Self {
            credentials: credentials.into_bytes().into(),
        }
    }

    /// Whether the request has the right name and password.
    ///
    /// The time it takes depends on the length of what was sent, and on nothing else.
    pub(super) fn admits(&self, headers: &HeaderMap) -> bool {
        let mut sent = headers.get_all(AUTHORIZATION).iter();
        let (Some(header), None) = (sent.next(), sent.next()) else {
            return false; // none, or several of which nobody knows which is meant
        };
        let Some((scheme, rest)) = header.as_bytes().split_at_checked(SCHEME.len()) else {
            return false;
        };
        let credentials = rest.trim_ascii();
        let right: Choice = self.credentials.ct_eq(credentials);
        scheme.eq_ignore_ascii_case(SCHEME) && right.into()
    }
}

impl fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BasicAuth(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                AUTHORIZATION,
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        headers
    }

    #[test]
    fn the_example_of_the_standard() {
        // RFC 7617, section 2.
        let auth = BasicAuth::new("Aladdin", "open sesame");
        for right in [
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            "basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            "BASIC  QWxhZGRpbjpvcGVuIHNlc2FtZQ== ",
        ] {
            assert!(auth.admits(&headers(&[right])), "{right}");
        }
        // And of section 2.1: UTF-8.
        let auth = BasicAuth::new("test", "123\u{a3}");
        assert!(auth.admits(&headers(&["Basic dGVzdDoxMjPCow=="])));
    }

    #[test]
    fn anything_else_is_refused() {
        let auth = BasicAuth::new("Aladdin", "open sesame");
        let right = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
        for wrong in [
            &[][..],
            &[""],
            &["Basic"],
            &["Basic "],
            &["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ"],
            &["Basic QWxhZGRpbjpvcGVuIHNlc2FtZR=="],
            &["Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
            &["Aladdin:open sesame"],
            &["Basic Aladdin:open sesame"],
            &[right, right],
            &["Basic \u{fffd}"],
        ] {
            assert!(!auth.admits(&headers(wrong)), "{wrong:?}");
        }
    }

    #[test]
    fn the_password_is_not_shown() {
        let auth = BasicAuth::new("u", "secret");
        assert_eq!(format!("{auth:?}"), "BasicAuth(…)");
    }
}
