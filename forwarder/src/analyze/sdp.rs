//! Session descriptions that pass by (SDP, RFC 8866): in SIP, SAP or RTSP over UDP.
//!
//! Lives here: the few lines that name payload types, and which stream they are about. Read leniently,
//! since what is wrong in the rest of a description is no concern of ours. Not here: offers and answers,
//! SIP over TCP, what is done with a clock rate (`codec`).

use hashbrown::HashMap;

use super::frame::Endpoint;
use crate::payload::ClockRate;

/// Descriptions kept: of addresses and payload types. More are left out, so that a flood costs no memory.
const KEPT: usize = 65_536;

/// One `a=rtpmap` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) name: Box<str>,
    pub(crate) clock_rate: ClockRate,
}

/// What was described so far.
#[derive(Debug, Default)]
pub(crate) struct Descriptions {
    /// By where the describer wants to receive.
    by_endpoint: HashMap<(Endpoint, u8), Described>,
    /// By payload type alone; `None` once two descriptions disagreed.
    by_type: HashMap<u8, Option<Described>>,
}

impl Descriptions {
    /// What payload type `pt` from `src` to `dst` was said to be. Who receives describes best; a sender
    /// mostly sends what it would receive.
    pub(crate) fn get(&self, pt: u8, src: Endpoint, dst: Endpoint) -> Option<&Described> {
        if self.by_type.is_empty() {
            return None;
        }
        let at = |endpoint| self.by_endpoint.get(&(endpoint, pt));
        at(dst)
            .or_else(|| at(src))
            .or_else(|| self.by_type.get(&pt)?.as_ref())
    }

    /// Looks for a description in a datagram that is not RTP.
    pub(crate) fn look(&mut self, datagram: &[u8]) {
        // Text, or SAP (RFC 2974), whose header comes before text.
        let likely = datagram
            .first()
            .is_some_and(|b| b.is_ascii_alphabetic() || b >> 5 == 1);
        let Some(at) = likely.then(|| find(datagram, b"\nm=")).flatten() else {
            return;
        };
        // A session's own address comes before the first medium.
        let start = find(datagram, b"v=0").filter(|v| *v < at).unwrap_or(at);
        let text = String::from_utf8_lossy(datagram.get(start..).unwrap_or_default());
        self.read(&text);
    }

    fn read(&mut self, text: &str) {
        let (mut session, mut medium) = (None, None);
        let mut port: Option<u16> = None;
        let mut maps: Vec<(u8, Described)> = Vec::new();
        // One more `m=` at the end finishes the last medium.
        for line in text.lines().chain(["m="]) {
            if let Some(media) = line.strip_prefix("m=") {
                let addr: Option<u128> = medium.take().or(session);
                let endpoint = addr.zip(port).map(|(addr, port)| Endpoint { addr, port });
                maps.drain(..)
                    .for_each(|(pt, d)| self.keep(endpoint, pt, d));
                let said = media.split_ascii_whitespace().nth(1);
                port = said.and_then(|p| p.split('/').next()?.parse().ok());
            } else if let Some(addr) = line.strip_prefix("c=IN ").and_then(address) {
                let place = if port.is_none() {
                    &mut session
                } else {
                    &mut medium
                };
                *place = Some(addr);
            } else if let Some(map) = line.strip_prefix("a=rtpmap:").and_then(rtp_map) {
                maps.push(map);
            }
        }
    }

    fn keep(&mut self, endpoint: Option<Endpoint>, pt: u8, described: Described) {
        if let Some(endpoint) = endpoint
            && self.by_endpoint.len() < KEPT
        {
            self.by_endpoint.insert((endpoint, pt), described.clone());
        }
        self.by_type
            .entry(pt)
            .and_modify(|known| {
                known.take_if(|k| k.clock_rate != described.clock_rate);
            })
            .or_insert(Some(described));
    }
}

/// `IP4 192.0.2.1/127`, without the part behind the slash.
fn address(said: &str) -> Option<u128> {
    let addr = said.split_ascii_whitespace().nth(1)?.split('/').next()?;
    let end = std::net::SocketAddr::new(addr.parse().ok()?, 0);
    Some(Endpoint::from(end).addr)
}

/// `111 opus/48000/2`.
fn rtp_map(said: &str) -> Option<(u8, Described)> {
    let (pt, encoding) = said.split_once(' ')?;
    let mut parts = encoding.trim().split('/');
    let name = parts.next().filter(|n| (1..=32).contains(&n.len()))?;
    let hertz: u32 = parts.next()?.parse().ok()?;
    let described = Described {
        name: name.into(),
        clock_rate: ClockRate::try_from(hertz).ok()?,
    };
    pt.parse()
        .ok()
        .filter(|pt| *pt < 128)
        .map(|pt| (pt, described))
}

fn find(haystack: &[u8], needle: &[u8; 3]) -> Option<usize> {
    haystack.windows(3).position(|w| w == needle)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;

    const INVITE: &str = "INVITE sip:a@b SIP/2.0\r\nContent-Type: application/sdp\r\n\r\n\
        v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
        m=audio 4000 RTP/AVP 97 101\r\na=rtpmap:97 speex/16000\r\na=rtpmap:101 telephone-event/8000\r\n\
        m=video 4002/2 RTP/AVP 98\r\nc=IN IP6 2001:db8::2\r\na=rtpmap:98 H264/90000\r\n";

    fn end(addr: &str) -> Endpoint {
        addr.parse::<SocketAddr>().unwrap().into()
    }

    fn name(d: &Descriptions, pt: u8, src: &str, dst: &str) -> Option<(String, u32)> {
        let found = d.get(pt, end(src), end(dst))?;
        Some((found.name.to_string(), found.clock_rate.hz()))
    }

    #[test]
    fn media_are_found_by_where_they_go() {
        let mut d = Descriptions::default();
        d.look(INVITE.as_bytes());
        let other = INVITE
            .replace("192.0.2.1", "192.0.2.7")
            .replace("speex/16000", "iLBC/8000");
        d.look(other.as_bytes());
        let (a, b, far) = ("192.0.2.1:4000", "192.0.2.7:4000", "10.0.0.1:9");
        assert_eq!(name(&d, 97, far, a), Some(("speex".into(), 16_000)));
        assert_eq!(name(&d, 97, far, b), Some(("iLBC".into(), 8_000)));
        assert_eq!(
            name(&d, 97, a, far),
            Some(("speex".into(), 16_000)),
            "by its source"
        );
        assert_eq!(name(&d, 97, far, far), None, "they disagree");
        assert_eq!(
            name(&d, 101, far, far),
            Some(("telephone-event".into(), 8_000))
        );
        assert_eq!(
            name(&d, 98, far, "[2001:db8::2]:4002"),
            Some(("H264".into(), 90_000))
        );
    }

    #[test]
    fn nonsense_is_left_out() {
        let mut d = Descriptions::default();
        for line in [
            "97",
            "x opus/48000",
            "97 opus",
            "97 opus/0",
            "200 opus/48000",
            "97 /8000",
            "97 opus/9e9",
        ] {
            d.look(format!("v=0\nm=audio 1 RTP/AVP 97\na=rtpmap:{line}\n").as_bytes());
        }
        d.look(b"\0\nm=audio 1 RTP/AVP 97\na=rtpmap:97 opus/48000");
        d.look(b"");
        assert!(d.by_type.is_empty(), "{d:?}");
        d.look(b"v=0\nm=audio 1 RTP/AVP 97\na=rtpmap:97 opus/48000"); // no address, no end of line
        assert_eq!(
            name(&d, 97, "10.0.0.1:1", "10.0.0.1:2"),
            Some(("opus".into(), 48_000))
        );
    }
}
