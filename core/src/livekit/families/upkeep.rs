//! Configuration files and references held: what a host tells of its own upkeep.

use std::sync::Arc;

use super::labels::text::{name, path};
use super::labels::{OTHER, Success};
use super::level::{Level, Present};
use super::open::{Open, Place};
use super::scope::Scope;
use super::{Families, catalog};
use crate::desc::Desc;
use crate::error::RegisterError;
use crate::{Counter, Gauge};

/// Most configuration files.
const MAX_FILES: usize = 32;

/// Most holders of references.
const MAX_REFERRERS: usize = 128;

/// Hashes are shown modulo this.
const HASH_MODULUS: u32 = 1_000_000;

#[derive(Debug)]
pub(super) struct Upkeep {
    reloads: Open<Counter>,
    hashes: Open<Gauge>,
    load_states: Open<Gauge>,
    references: Open<Level>,
}

impl Upkeep {
    pub(super) fn new(scope: &Scope) -> Result<Self, RegisterError> {
        Ok(Self {
            reloads: Open::new(scope, &catalog::CONFIG_RELOAD_TOTAL, 2 * MAX_FILES)?,
            hashes: Open::new(scope, &catalog::CONFIG_HASH, MAX_FILES)?,
            load_states: Open::new(scope, &catalog::CONFIG_LOAD_STATE, MAX_FILES)?,
            references: Open::new(scope, &catalog::DEBUG_REF_COUNT, MAX_REFERRERS)?,
        })
    }
}

impl Families {
    /// A configuration file was loaded again, or could not be: `livekit_config_reload_total`.
    ///
    /// `file` is its path, at most 512 bytes without control characters, as in the next two.
    pub fn config_reloaded(&self, file: &str, success: Success) {
        let Self { inner } = self;
        let values = path(file).map(|file| [file, success.as_str()]);
        let made = |place: &Place<'_>, values: [&str; 2]| {
            place.series(&catalog::CONFIG_RELOAD_TOTAL, &values)
        };
        let folded = [OTHER, success.as_str()];
        let reloads = inner.upkeep.reloads.get(&inner.scope, values, folded, made);
        self.with(reloads, |reloads| reloads.inc());
    }

    /// The CRC-32 of the configuration file in use, of which `livekit_config_hash` shows the last six digits.
    pub fn config_hash(&self, file: &str, crc32: u32) {
        let hash = f64::from(crc32 % HASH_MODULUS);
        self.set(&self.inner.upkeep.hashes, &catalog::CONFIG_HASH, file, hash);
    }

    /// Whether the last load of a configuration file failed: `livekit_config_load_state`.
    pub fn config_load_state(&self, file: &str, failed: bool) {
        let states = &self.inner.upkeep.load_states;
        let failed = f64::from(u8::from(failed));
        self.set(states, &catalog::CONFIG_LOAD_STATE, file, failed);
    }

    fn set(&self, gauges: &Open<Gauge>, desc: &Desc, file: &str, value: f64) {
        let made = |place: &Place<'_>, values: [&str; 1]| place.series(desc, &values);
        let values = path(file).map(|file| [file]);
        let gauge = gauges.get(&self.inner.scope, values, [OTHER], made);
        self.with(gauge, |gauge| gauge.set(value));
    }

    /// A reference is held for as long as the guard lives: `livekit_debug_ref_count`. `referrer` says by whom:
    /// printable ASCII, at most 128 bytes.
    ///
    /// # Errors
    /// Not even `other` found room in the registry.
    pub fn reference(&self, referrer: &str) -> Result<Present, RegisterError> {
        self.references(referrer).map(|level| self.hold(&level))
    }

    /// A reference was taken, whose end [`reference_dropped`](Self::reference_dropped) will tell.
    pub fn reference_taken(&self, referrer: &str) {
        self.with(self.references(referrer), |level| level.raise());
    }

    /// A reference is held no more. Ignored and counted if none is.
    pub fn reference_dropped(&self, referrer: &str) {
        self.with(self.references(referrer), |level| {
            self.end(&level);
        });
    }

    fn references(&self, referrer: &str) -> Result<Arc<Level>, RegisterError> {
        let Self { inner } = self;
        let values = name(referrer).map(|referrer| [referrer]);
        let made =
            |place: &Place<'_>, values: [&str; 1]| place.series(&catalog::DEBUG_REF_COUNT, &values);
        let references = &inner.upkeep.references;
        references.get(&inner.scope, values, [OTHER], made)
    }
}
