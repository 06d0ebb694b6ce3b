//! Where to push, and how patiently.
//!
//! Lives here: what an operator says of a receiver, its defaults and its checks. Not here: what is sent to it (the
//! protocols), one attempt (`client`).

use std::fmt;
#[cfg(feature = "tls")]
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ureq::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use ureq::http::uri::Uri;

use super::error::PushError;

/// Headers that protocols and HTTP itself set: they can't be given.
const RESERVED: [&str; 9] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "te",
    "transfer-encoding",
    "user-agent",
    "x-prometheus-remote-write-version",
];

/// As good as for ever, and short enough to be added to the time.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 86_400);

/// A receiver of pushed metrics: where it is, what it wants to know of us, and how long to wait for it.
///
/// ```
/// use std::time::Duration;
/// use media_metrics_exporter::push::Endpoint;
///
/// let endpoint = Endpoint::new("https://metrics.example/api/v1/write")
///     .header("X-Scope-OrgID", "stage")
///     .basic_auth("sfu", "secret")
///     .interval(Duration::from_secs(30));
/// assert!(!format!("{endpoint:?}").contains("secret"));
/// ```
#[derive(Clone)]
pub struct Endpoint {
    pub(super) name: String,
    pub(super) url: String,
    headers: Vec<(String, String)>,
    auth: Option<(String, String)>,
    #[cfg(feature = "tls")]
    pub(super) authorities: Option<PathBuf>,
    pub(super) interval: Duration,
    pub(super) connect_timeout: Duration,
    pub(super) timeout: Duration,
    pub(super) backoff: (Duration, Duration),
    pub(super) queue_bytes: usize,
    pub(super) stop_within: Duration,
}

impl Endpoint {
    /// A receiver at `url`: `http://HOST[:PORT]/PATH`, or `https://…` with the feature `tls`. Checked when the push
    /// starts.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            name: "default".to_owned(),
            url: url.into(),
            headers: Vec::new(),
            auth: None,
            #[cfg(feature = "tls")]
            authorities: None,
            interval: Duration::from_secs(10),
            connect_timeout: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            backoff: (Duration::from_millis(100), Duration::from_secs(10)),
            queue_bytes: 32 << 20,
            stop_within: Duration::from_secs(2),
        }
    }

    /// What this push is called in the label `push` of its own families (default `default`). Two pushes of a registry
    /// want two names.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds a header to each request. Those that HTTP and the protocols set themselves are refused when the push
    /// starts.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends a user's name and password with each request (RFC 7617).
    #[must_use]
    pub fn basic_auth(mut self, username: impl Into<String>, password: impl Into<String>) -> Self {
        self.auth = Some((username.into(), password.into()));
        self
    }

    /// Trusts a receiver whose certificate comes from one of these authorities, and no other: a PEM file, read when the
    /// push starts. Without it those count that the machine trusts.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn ca_file(mut self, certificates: impl Into<PathBuf>) -> Self {
        self.authorities = Some(certificates.into());
        self
    }

    /// Least time between two snapshots that are sent (default 10 s); 0 sends each that the reporter makes. The last
    /// one before a stop is always sent.
    #[must_use]
    pub const fn interval(mut self, interval: Duration) -> Self {
        self.interval = at_most_longest(interval);
        self
    }

    /// How long to wait for a connection (default 5 s).
    #[must_use]
    pub const fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = at_most_longest(timeout);
        self
    }

    /// How long one attempt may take in all, from the look-up of the name to the end of the answer (default 10 s).
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = at_most_longest(timeout);
        self
    }

    /// Bounds of the wait after failures in a row (default 100 ms and 10 s): after the n-th, a random time between 0 and
    /// `least * 2^n`, at most `most`. A receiver's `Retry-After` is honoured up to 5 minutes.
    #[must_use]
    pub const fn backoff(mut self, least: Duration, most: Duration) -> Self {
        self.backoff = (at_most_longest(least), at_most_longest(most));
        self
    }

    /// Memory for snapshots that wait (default 32 MiB; 8 bytes a sample). When it is full, every second one is dropped
    /// and counted, never the newest: an outage costs resolution.
    #[must_use]
    pub const fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes;
        self
    }

    /// How long a stop may take to send what is left (default 2 s). The reporter's own deadline for its sinks should
    /// not be shorter. What has no answer by then counts as given up, whatever comes of it.
    #[must_use]
    pub const fn stop_within(mut self, deadline: Duration) -> Self {
        self.stop_within = at_most_longest(deadline);
        self
    }

    /// The URL, if requests can be sent to it.
    pub(super) fn uri(&self) -> Result<Uri, PushError> {
        let bad = |reason| PushError::BadUrl { reason };
        let uri: Uri = self.url.parse().map_err(|_| bad("it is no URL"))?;
        match uri.scheme_str() {
            #[cfg(feature = "tls")]
            Some("http") if self.authorities.is_some() => {
                return Err(bad(
                    "authorities are given to trust, but it is not encrypted: it begins with http://",
                ));
            }
            Some("http") => {}
            Some("https") if cfg!(feature = "tls") => {}
            Some("https") => return Err(bad("https needs the feature `tls`")),
            _ => return Err(bad("it begins with neither http:// nor https://")),
        }
        let authority = uri.authority().filter(|a| !a.host().is_empty());
        let authority = authority.ok_or_else(|| bad("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(bad(
                "it holds a user's name or password, which belong into basic_auth",
            ));
        }
        if authority.port().is_some_and(|p| p.as_u16() == 0) {
            return Err(bad("port 0 is nobody's"));
        }
        Ok(uri)
    }

    /// The headers that each request has.
    pub(super) fn header_map(&self) -> Result<HeaderMap, PushError> {
        let mut map = HeaderMap::new();
        for (name, value) in &self.headers {
            let bad = |reason| PushError::BadHeader {
                name: name.clone(),
                reason,
            };
            let key = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| bad("its name has characters that a header's name can't have"))?;
            if RESERVED.contains(&key.as_str()) {
                return Err(bad("the protocol sets it; leave it out"));
            }
            if key == AUTHORIZATION && self.auth.is_some() {
                return Err(bad("basic_auth sets it; give only one of the two"));
            }
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| bad("its value has characters that a header can't have"))?;
            value.set_sensitive(true);
            map.append(key, value);
        }
        if let Some((username, password)) = &self.auth {
            let bad = |reason| PushError::BadHeader {
                name: AUTHORIZATION.to_string(),
                reason,
            };
            if username.contains(':') {
                return Err(bad("a user's name can't have a colon (RFC 7617)"));
            }
            let pair = format!(
                "Basic {}",
                STANDARD.encode(format!("{username}:{password}"))
            );
            let mut value = HeaderValue::from_str(&pair).map_err(|_| bad("it can't be encoded"))?;
            value.set_sensitive(true);
            map.insert(AUTHORIZATION, value);
        }
        Ok(map)
    }

    /// Times and limits.
    pub(super) fn check(&self) -> Result<(), PushError> {
        let wanted = |holds: bool, what, wanted| {
            holds
                .then_some(())
                .ok_or(PushError::BadLimit { what, wanted })
        };
        let (least, most) = self.backoff;
        wanted(!self.timeout.is_zero(), "timeout", "longer than 0")?;
        wanted(
            !self.connect_timeout.is_zero(),
            "connect_timeout",
            "longer than 0",
        )?;
        wanted(!least.is_zero(), "the least back-off", "longer than 0")?;
        wanted(
            least <= most,
            "the most back-off",
            "no shorter than the least",
        )?;
        wanted(self.queue_bytes > 0, "queue_bytes", "more than 0")
    }
}

const fn at_most_longest(time: Duration) -> Duration {
    if time.as_secs() < LONGEST.as_secs() {
        time
    } else {
        LONGEST
    }
}

impl fmt::Debug for Endpoint {
    /// Without what may be secret: headers' values, passwords, the URL's query.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.headers.iter().map(|(name, _)| name);
        let url = self.uri().map_or_else(
            |_| "(not a URL)".to_owned(),
            |uri| {
                format!(
                    "{}{}",
                    uri.authority().map_or("", |a| a.as_str()),
                    uri.path()
                )
            },
        );
        f.debug_struct("Endpoint")
            .field("name", &self.name)
            .field("url", &url)
            .field("headers", &names.collect::<Vec<_>>())
            .field("basic_auth", &self.auth.is_some())
            .field("interval", &self.interval)
            .field("timeout", &self.timeout)
            .field("queue_bytes", &self.queue_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_sent_is_told_before_the_start() {
        for (url, says) in [
            ("", "no URL"),
            ("localhost:9090", "neither"),
            ("/api/v1/write", "neither"),
            ("ftp://a/b", "neither"),
            ("http://user:secret@a/b", "basic_auth"),
            ("http://a:0/b", "port 0"),
            ("http://a b/", "no URL"),
        ] {
            let error = Endpoint::new(url).uri().unwrap_err().to_string();
            assert!(
                error.contains(says) && !error.contains("secret"),
                "{url:?}: {error}"
            );
        }
        for (name, value, says) in [
            ("Content-Type", "x", "protocol"),
            ("HOST", "x", "protocol"),
            ("X-Prometheus-Remote-Write-Version", "3", "protocol"),
            ("a b", "x", "characters"),
            ("", "x", "characters"),
            ("X-Tenant", "secret\nX-Other: y", "characters"),
            ("authorization", "Bearer secret", "one of the two"),
        ] {
            let endpoint = Endpoint::new("http://a/")
                .basic_auth("u", "p")
                .header(name, value);
            let error = endpoint.header_map().unwrap_err().to_string();
            assert!(
                error.contains(says) && !error.contains("secret"),
                "{name:?}: {error}"
            );
        }
        let zero = Endpoint::new("http://a/").timeout(Duration::ZERO);
        assert!(zero.check().unwrap_err().to_string().contains("timeout"));
        assert!(
            Endpoint::new("http://a/")
                .basic_auth("a:b", "c")
                .header_map()
                .is_err()
        );
        assert!(Endpoint::new("http://[::1]:9/w?x=1").uri().is_ok());
    }

    #[test]
    fn secrets_are_sent_and_not_shown() {
        let endpoint = Endpoint::new("http://a/w?token=secret1")
            .header("X-Token", "secret2")
            .basic_auth("Aladdin", "open sesame");
        let headers = endpoint.header_map().unwrap();
        // The example of RFC 7617, section 2.
        assert_eq!(headers[AUTHORIZATION], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let shown = format!("{endpoint:?} {headers:?}");
        for secret in ["secret", "sesame", "QWxh"] {
            assert!(!shown.contains(secret), "{shown}");
        }
        let unreadable = Endpoint::new("http://u:secret@a/");
        assert!(!format!("{unreadable:?}").contains("secret"));
    }
}
