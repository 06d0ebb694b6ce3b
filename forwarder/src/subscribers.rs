//! A room's subscribers: where media and reports go, and which reports are whose.
//!
//! Lives here: the subscribers' addresses as a worker's socket has to name them. Not here: sending, what
//! a report says.

use std::net::SocketAddr;

use rustix::net::SocketAddrAny;

use crate::config::Subscriber;

/// One room's subscribers, in the order of the configuration; a subscriber is called by its position.
#[derive(Debug)]
pub(crate) struct Subscribers(Vec<Named>);

#[derive(Debug)]
struct Named {
    media: SocketAddr,
    rtcp: SocketAddr,
    /// Where RTCP may come from as well: the next higher port, unless a port has been set apart.
    next: Option<SocketAddr>,
    /// `media` and `rtcp` for the system call.
    media_name: SocketAddrAny,
    rtcp_name: SocketAddrAny,
}

impl Subscribers {
    /// As a socket has to name them: one of IPv6 knows IPv4 by mapped addresses.
    #[must_use]
    pub(crate) fn new(subscribers: &[Subscriber], socket_is_v6: bool) -> Self {
        let name = |to: SocketAddr| match to {
            SocketAddr::V4(v4) if socket_is_v6 => {
                SocketAddr::from((v4.ip().to_ipv6_mapped(), v4.port()))
            }
            other => other,
        };
        let at = |mut addr: SocketAddr, port| {
            addr.set_port(port);
            addr
        };
        let named = |subscriber: &Subscriber| {
            let media = name(subscriber.address());
            let rtcp = subscriber.rtcp_port().map(|port| at(media, port));
            let next = media.port().checked_add(1).map(|port| at(media, port));
            Named {
                media,
                rtcp: rtcp.unwrap_or(media),
                next: next.filter(|_| rtcp.is_none()),
                media_name: media.into(),
                rtcp_name: rtcp.unwrap_or(media).into(),
            }
        };
        Self(subscribers.iter().map(named).collect())
    }

    /// How many there are.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Their media addresses, in order.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.0.iter().map(|s| s.media)
    }

    /// Those that get media from `source`: all but itself, for a subscriber may be a publisher, too.
    #[inline]
    pub(crate) fn others(&self, source: SocketAddr) -> impl Iterator<Item = usize> {
        let all = self.0.iter().enumerate();
        all.filter(move |(_, s)| s.media != source).map(|(i, _)| i)
    }

    /// Whose RTCP comes from `source`: of a subscriber's address, of the port set apart for its RTCP, or,
    /// if there is none, of the next higher port. An address that is a subscriber's own is nobody's next.
    #[must_use]
    pub(crate) fn reporter(&self, source: SocketAddr) -> Option<usize> {
        let own = |s: &Named| s.media == source || s.rtcp == source;
        let next = || self.0.iter().position(|s| s.next == Some(source));
        self.0.iter().position(own).or_else(next)
    }

    /// Where a subscriber's media goes.
    #[inline]
    #[must_use]
    pub(crate) fn media(&self, subscriber: usize) -> Option<&SocketAddrAny> {
        self.0.get(subscriber).map(|s| &s.media_name)
    }

    /// Where a subscriber's RTCP goes.
    #[must_use]
    pub(crate) fn rtcp(&self, subscriber: usize) -> Option<&SocketAddrAny> {
        self.0.get(subscriber).map(|s| &s.rtcp_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn subscribers(texts: &[&str], v6: bool) -> Subscribers {
        let read: Vec<Subscriber> = texts.iter().map(|t| t.parse().unwrap()).collect();
        Subscribers::new(&read, v6)
    }

    #[test]
    fn reports_are_told_by_address_rtcp_port_and_next_port() {
        let room = [
            "10.0.0.1:6000",
            "10.0.0.1:6001",
            "10.0.0.2:6000?rtcpport=7000",
        ];
        let room = subscribers(&room, false);
        for (from, whose) in [
            ("10.0.0.1:6000", Some(0)),
            ("10.0.0.1:6001", Some(1)), // its own, though the first one's next
            ("10.0.0.1:6002", Some(1)),
            ("10.0.0.1:6003", None),
            ("10.0.0.2:6000", Some(2)),
            ("10.0.0.2:7000", Some(2)),
            ("10.0.0.2:6001", None), // it has said where its RTCP comes from
            ("10.0.0.3:6000", None),
        ] {
            assert_eq!(room.reporter(addr(from)), whose, "{from}");
        }
        assert_eq!(room.rtcp(1), Some(&addr("10.0.0.1:6001").into()));
        assert_eq!(room.rtcp(2), Some(&addr("10.0.0.2:7000").into()));
        assert_eq!(room.media(2), Some(&addr("10.0.0.2:6000").into()));
        assert_eq!(room.media(3), None);
    }

    #[test]
    fn nobody_gets_its_own_media() {
        let room = subscribers(&["10.0.0.1:6000", "10.0.0.2:6000"], false);
        assert!(room.others(addr("10.0.0.1:6000")).eq([1]));
        assert!(room.others(addr("10.0.0.1:6001")).eq([0, 1]));
    }

    #[test]
    fn a_dual_stack_socket_names_ipv4_by_mapped_addresses() {
        let room = subscribers(&["10.0.0.1:65535", "[::1]:1"], true);
        assert_eq!(room.reporter(addr("[::ffff:10.0.0.1]:65535")), Some(0));
        assert_eq!(room.reporter(addr("[::1]:2")), Some(1));
        assert_eq!(
            room.reporter(addr("[::ffff:10.0.0.1]:0")),
            None,
            "no port above the highest"
        );
    }
}
