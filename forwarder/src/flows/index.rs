//! How flows are found: their names, and indexes of those that have something in common.
//!
//! Lives here: keys, and bounded lists behind them. Not here: flows.

use std::hash::Hash;
use std::net::{IpAddr, SocketAddr};

use arrayvec::ArrayVec;
use hashbrown::HashMap;

/// Flows of one SSRC in one room that reports find: SSRCs are drawn at random, and of those who draw the
/// same one, more hear nothing of reports. So a report is never multiplied by more than this.
pub const NAMESAKES: usize = 8;

/// Whose packet it is. IPv4 addresses stand as mapped IPv6, so the key has no variants to branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FlowKey {
    host: u128,
    /// Room (16 bits), port (16 bits), SSRC (32 bits).
    rest: u64,
}

impl FlowKey {
    pub(super) const fn new(room: u16, source: SocketAddr, ssrc: u32) -> Self {
        let host = match source.ip() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
            IpAddr::V6(v6) => v6.to_bits(),
        };
        let rest = (room as u64) << 48 | (source.port() as u64) << 32 | ssrc as u64;
        Self { host, rest }
    }
}

/// A flow of this worker. Good for the batch in which it was given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FlowId(pub(super) usize);

/// Flows by something that they have in common.
#[derive(Debug)]
pub(super) struct Index<K>(HashMap<K, ArrayVec<FlowId, NAMESAKES>>);

impl<K: Eq + Hash> Index<K> {
    pub(super) fn get(&self, key: &K) -> &[FlowId] {
        self.0.get(key).map(ArrayVec::as_slice).unwrap_or_default()
    }

    pub(super) fn insert(&mut self, key: K, id: FlowId) {
        // Full: one more that is not found this way.
        let _ = self.0.entry(key).or_default().try_push(id);
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn remove(&mut self, key: &K, id: FlowId) {
        if let Some(ids) = self.0.get_mut(key) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.0.remove(key);
            }
        }
    }
}

impl<K> Default for Index<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}
