//! Values that check themselves: an out-of-range number is refused where it is read, so the error
//! has the file's line, and nothing after it has to check again.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Bounded<const MIN: u64, const MAX: u64>(u64);

/// Number of forwarding threads.
pub type WorkerCount = Bounded<1, 256>;
/// Number of built-in streams; 0 turns them off.
pub type StreamCount = Bounded<0, 10_000>;
/// How many times as long as usual built-in streams' frames last.
pub type Stretch = Bounded<1, 100>;
/// Limit on live streams.
pub type StreamLimit = Bounded<1, 10_000_000>;
/// Slots for the worst streams, and for the worst groups; 0 turns them off.
pub type SlotCount = Bounded<0, 100>;
/// Bytes of a socket's kernel buffer: 64 KiB to 1 GiB.
pub type BufferSize = Bounded<65_536, 1_073_741_824>;

impl<const MIN: u64, const MAX: u64> Bounded<MIN, MAX> {
    /// The nearest number in range: for defaults.
    #[must_use]
    pub const fn nearest(n: u64) -> Self {
        if n < MIN {
            Self(MIN)
        } else if n > MAX {
            Self(MAX)
        } else {
            Self(n)
        }
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0 as usize
    }
}

impl<const MIN: u64, const MAX: u64> TryFrom<u64> for Bounded<MIN, MAX> {
    type Error = String;

    fn try_from(n: u64) -> Result<Self, String> {
        if (MIN..=MAX).contains(&n) {
            return Ok(Self(n));
        }
        Err(format!(
            "{n} is out of range: give a number from {MIN} to {MAX}"
        ))
    }
}

impl<const MIN: u64, const MAX: u64> From<Bounded<MIN, MAX>> for u64 {
    fn from(n: Bounded<MIN, MAX>) -> Self {
        n.0
    }
}

impl<const MIN: u64, const MAX: u64> FromStr for Bounded<MIN, MAX> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |_| format!("{text:?} is no whole number: give one from {MIN} to {MAX}");
        Self::try_from(text.parse::<u64>().map_err(wrong)?)
    }
}

/// A span of time above zero, in seconds, at most a year.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Seconds(f64);

impl Seconds {
    const YEAR: f64 = 31_536_000.0;
    const SHORTEST: f64 = 0.001;

    /// Whole seconds; 0 is made 1.
    #[must_use]
    pub fn whole(seconds: u16) -> Self {
        Self(f64::from(seconds.max(1)))
    }

    /// As the standard library has it.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_secs_f64(self.0)
    }
}

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Self, String> {
        if (Self::SHORTEST..=Self::YEAR).contains(&seconds) {
            return Ok(Self(seconds));
        }
        Err(format!(
            "{seconds} is out of range: give seconds from 0.001 to a year, for example 1 or 0.5"
        ))
    }
}

impl From<Seconds> for f64 {
    fn from(seconds: Seconds) -> Self {
        seconds.0
    }
}

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |_| format!("{text:?} is no number of seconds: give for example 1 or 0.5");
        Self::try_from(text.parse::<f64>().map_err(wrong)?)
    }
}

/// Who may publish: a host, or one port of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Source {
    /// Any port of this address.
    Host(IpAddr),
    /// This address and port.
    Endpoint(SocketAddr),
}

impl Source {
    /// Whether a packet from `from` comes from here. An IPv4 address that a dual-stack socket shows
    /// as `::ffff:a.b.c.d` is the same address.
    #[must_use]
    pub fn allows(self, from: SocketAddr) -> bool {
        let ip = from.ip().to_canonical();
        match self {
            Self::Host(host) => host.to_canonical() == ip,
            Self::Endpoint(end) => end.ip().to_canonical() == ip && end.port() == from.port(),
        }
    }
}

impl TryFrom<String> for Source {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let host = text.parse().map(Self::Host);
        host.or_else(|_| text.parse().map(Self::Endpoint)).map_err(|_| {
            format!("{text:?} is no source: give an address, or address:port, for example 10.0.0.7 or '[::1]:5004'")
        })
    }
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.to_string()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => host.fmt(f),
            Self::Endpoint(end) => end.fmt(f),
        }
    }
}

/// Where a room's packets go, and where reports about them come from: `10.0.0.9:6000`, or
/// `10.0.0.9:6000?rtcpport=6005`, as ffmpeg writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subscriber {
    address: SocketAddr,
    rtcp_port: Option<u16>,
}

impl Subscriber {
    /// Where media goes.
    #[must_use]
    pub const fn address(self) -> SocketAddr {
        self.address
    }

    /// The port that has been set apart for RTCP, both ways. Without one, RTCP goes where media goes,
    /// and comes from there or from the next higher port (RFC 3550 section 11).
    #[must_use]
    pub const fn rtcp_port(self) -> Option<u16> {
        self.rtcp_port
    }
}

impl From<SocketAddr> for Subscriber {
    fn from(address: SocketAddr) -> Self {
        Self {
            address,
            rtcp_port: None,
        }
    }
}

impl FromStr for Subscriber {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no subscriber: give an address with a port, and perhaps its RTCP port, for example \
                 10.0.0.9:6000 or '[::1]:6000?rtcpport=6001'"
            )
        };
        let (address, rtcp_port) = match text.split_once("?rtcpport=") {
            None => (text, None),
            Some((address, port)) => {
                let port = port.parse().ok().filter(|&port| port != 0);
                (address, Some(port.ok_or_else(wrong)?))
            }
        };
        Ok(Self {
            address: address.parse().map_err(|_| wrong())?,
            rtcp_port,
        })
    }
}

impl TryFrom<String> for Subscriber {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Subscriber> for String {
    fn from(subscriber: Subscriber) -> Self {
        subscriber.to_string()
    }
}

impl fmt::Display for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)?;
        match self.rtcp_port {
            Some(port) => write!(f, "?rtcpport={port}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_both_ends() {
        assert!("0".parse::<WorkerCount>().is_err());
        assert_eq!("1".parse::<WorkerCount>().map(Bounded::get), Ok(1));
        assert_eq!("256".parse::<WorkerCount>().map(Bounded::get), Ok(256));
        assert!(
            "257"
                .parse::<WorkerCount>()
                .unwrap_err()
                .contains("from 1 to 256")
        );
        assert_eq!(WorkerCount::nearest(0).get(), 1);
        assert_eq!(WorkerCount::nearest(9_999).get(), 256);
    }

    #[test]
    fn seconds_are_above_zero_and_finite() {
        for bad in ["0", "-1", "nan", "inf", "31536001", "soon"] {
            assert!(bad.parse::<Seconds>().is_err(), "{bad}");
        }
        let half = "0.5".parse::<Seconds>().map(Seconds::duration);
        assert_eq!(half, Ok(Duration::from_millis(500)));
    }

    #[test]
    fn sources_match_hosts_ports_and_mapped_addresses() {
        let source = |text: &str| Source::try_from(text.to_owned()).unwrap();
        let from = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert!(source("10.0.0.7").allows(from("10.0.0.7:1")));
        assert!(source("10.0.0.7").allows(from("[::ffff:10.0.0.7]:1")));
        assert!(!source("10.0.0.7").allows(from("10.0.0.8:1")));
        assert!(source("[::1]:5").allows(from("[::1]:5")));
        assert!(!source("[::1]:5").allows(from("[::1]:6")));
        assert!(Source::try_from("nobody".to_owned()).is_err());
        assert_eq!(String::from(source("[::1]:5")), "[::1]:5");
    }

    #[test]
    fn subscribers_are_read_as_they_are_written() {
        for text in ["10.0.0.9:6000", "[::1]:6000", "10.0.0.9:6000?rtcpport=6005"] {
            let subscriber: Subscriber = text.parse().unwrap();
            assert_eq!(subscriber.to_string(), text);
            assert_eq!(subscriber.address().port(), 6_000);
        }
        for bad in [
            "nobody",
            "10.0.0.9",
            "10.0.0.9:1?rtcpport=0",
            "10.0.0.9:1?rtcpport=x",
            "10.0.0.9:1?x=2",
        ] {
            let error = bad.parse::<Subscriber>().unwrap_err();
            assert!(error.contains(bad) && error.contains("address"), "{error}");
        }
    }
}
