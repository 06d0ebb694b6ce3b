//! The recorder: who a key belongs to, what a name means.
//!
//! Lives here: registration, descriptions, and their counts. Not here: recording (`live`), look-up (`keys`), text
//! (`names`), the end of idle series (`idle`).
//!
//! # Locks
//! `cold` is held while anything is made, swept or put back; under it the registry's table or a shard of keys,
//! one at a time. A macro call that finds its key takes that shard's lock for reading, and nothing else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use metrics::{Key, KeyName, Metadata, SharedString, Unit};

use super::error::InstallError;
use super::keys::Keys;
use super::live::{Distribution, Live, Metric, Total};
use super::names::{self, Identity};
use super::options::{Builder, Options};
use crate::catalog;
use crate::counter::Counter;
use crate::desc::{Desc, Kind};
use crate::error::RegisterError;
use crate::gauge::Gauge;
use crate::registry::registration::{other_values, own_counter};
use crate::registry::table::Purpose;
use crate::registry::{Registry, Shared};

/// Most names, described ones included: each may have an `other` series out of the registry's reserve.
const MAX_NAMES: usize = 1_024;

/// Most aliases, and the longest text of one in bytes: what is beyond is found, but slowly.
const MAX_ALIASES: usize = 65_536;
const MAX_ALIAS_BYTES: usize = 4_096;

/// A `metrics::Recorder` on a registry's shards. Cheap to clone; clones are the same recorder.
///
/// See the [module](super) for what becomes of names, labels and kinds.
///
/// ```
/// use media_metrics_core::{Registry, facade::Recorder};
/// let registry = Registry::new()?;
/// let recorder = Recorder::builder(&registry).build()?;
/// metrics::with_local_recorder(&recorder, || metrics::gauge!("queue.length").set(3));
/// assert_eq!(registry.collect().gauge("queue_length", &[]), Some(3.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Recorder {
    pub(super) facade: Arc<Facade>,
}

impl Recorder {
    /// A recorder on `registry`, with options of your own.
    pub fn builder(registry: &Registry) -> Builder {
        Builder::new(registry)
    }

    pub(super) fn new(registry: &Registry, options: Options) -> Result<Self, InstallError> {
        let shared = &registry.shared;
        let counts = Counts::new(shared)?;
        let facade = Arc::new_cyclic(|me| Facade {
            shared: Arc::clone(shared),
            options,
            counters: Keys::new(),
            gauges: Keys::new(),
            histograms: Keys::new(),
            cold: Mutex::new(Cold::default()),
            counts,
            me: Weak::clone(me),
        });
        let expiring = Arc::downgrade(&facade);
        shared.add_expiring(expiring);
        Ok(Self { facade })
    }
}

impl metrics::Recorder for Recorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.facade.describe(&key, unit, &description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.facade.describe(&key, unit, &description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.facade.describe(&key, unit, &description);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> metrics::Counter {
        let found = self.facade.find(&self.facade.counters, key);
        found.map_or_else(metrics::Counter::noop, metrics::Counter::from_arc)
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> metrics::Gauge {
        let found = self.facade.find(&self.facade.gauges, key);
        found.map_or_else(metrics::Gauge::noop, metrics::Gauge::from_arc)
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> metrics::Histogram {
        let found = self.facade.find(&self.facade.histograms, key);
        found.map_or_else(metrics::Histogram::noop, metrics::Histogram::from_arc)
    }
}

/// What the clones of a recorder share.
#[derive(Debug)]
pub(super) struct Facade {
    pub(super) shared: Arc<Shared>,
    pub(super) options: Options,
    pub(super) counters: Keys<Live<Total>>,
    pub(super) gauges: Keys<Live<Gauge>>,
    pub(super) histograms: Keys<Live<Distribution>>,
    cold: Mutex<Cold>,
    pub(super) counts: Counts,
    me: Weak<Self>,
}

/// What is behind the lock of everything that is not a look-up.
#[derive(Debug, Default)]
pub(super) struct Cold {
    names: HashMap<String, Name>,
    pub(super) aliases: usize,
    pub(super) next_sweep: Duration,
}

/// What is known of a name.
#[derive(Debug, Default)]
struct Name {
    /// The first that was given: help, and unit.
    description: Option<(String, Option<Unit>)>,
    /// Its family, once it has a series.
    desc: Option<Desc>,
}

/// What the recorder says of itself.
#[derive(Debug)]
pub(super) struct Counts {
    kind: Counter,
    pub(super) taken: Counter,
    bad_key: Counter,
    full: Counter,
    not_finite: Counter,
    pub(super) expired: Counter,
}

impl Counts {
    fn new(shared: &Shared) -> Result<Self, RegisterError> {
        let (mut table, home) = (shared.table(), &shared.home);
        let mut counter =
            |desc: &Desc, values: &[&str]| own_counter(&mut table, home, desc, values);
        let refused = &catalog::FACADE_REFUSED;
        Ok(Self {
            kind: counter(refused, &["kind"])?,
            taken: counter(refused, &["taken"])?,
            bad_key: counter(refused, &["bad_key"])?,
            full: counter(refused, &["full"])?,
            not_finite: counter(&catalog::FACADE_NOT_FINITE, &[])?,
            expired: counter(&catalog::FACADE_EXPIRED, &[])?,
        })
    }
}

impl Facade {
    pub(super) fn cold(&self) -> MutexGuard<'_, Cold> {
        // A panic elsewhere did not spoil it; see the registry's.
        self.cold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What `key` leads to, made now if there is nothing yet; `None`, counted, if it is refused.
    fn find<M: Metric>(&self, keys: &Keys<Live<M>>, key: &Key) -> Option<Arc<Live<M>>> {
        keys.get(key).or_else(|| {
            let made = self.make(keys, key);
            made.map_err(Counter::inc).ok()
        })
    }

    /// The error is what counts it.
    #[cold]
    fn make<M: Metric>(&self, keys: &Keys<Live<M>>, key: &Key) -> Result<Arc<Live<M>>, &Counter> {
        let identity = Identity::of(key, M::KIND).ok_or(&self.counts.bad_key)?;
        let own = identity.key();
        let mut cold = self.cold();
        if let Some(live) = keys.get(key) {
            return Ok(live); // somebody was quicker
        }
        if let Some(live) = keys.get(&own) {
            self.put_back(&live);
            self.alias(&mut cold, keys, key, &own, &live);
            return Ok(live);
        }
        let desc = self.desc(&mut cold, M::KIND, &identity.name)?;
        let pairs = identity.pairs();
        let live = match self.shared.handle(&desc, M::KIND, &pairs, Purpose::Host) {
            Ok(handle) => {
                let metric = M::new(handle, &desc, &self.counts.not_finite);
                let live = Arc::new(Live::new(metric, Weak::clone(&self.me)));
                keys.insert(own.clone(), Arc::clone(&live), false);
                self.alias(&mut cold, keys, key, &own, &live);
                live
            }
            Err(RegisterError::Full { .. } | RegisterError::FamilyFull { .. }) => {
                self.other(keys, &desc, &identity, &pairs)?
            }
            Err(_) => return Err(&self.counts.taken),
        };
        if let Some(name) = cold.names.get_mut(&identity.name) {
            name.desc = Some(desc);
        }
        Ok(live)
    }

    /// The series for what found no place.
    fn other<M: Metric>(
        &self,
        keys: &Keys<Live<M>>,
        desc: &Desc,
        identity: &Identity,
        pairs: &[&str],
    ) -> Result<Arc<Live<M>>, &Counter> {
        let others = other_values(desc, pairs);
        let own = identity.with_labels(&others).key();
        self.shared.count_overflow(desc);
        if let Some(live) = keys.get(&own) {
            self.put_back(&live);
            return Ok(live);
        }
        let handle = self.shared.own_handle(desc, &others);
        let handle = handle.map_err(|_| &self.counts.full)?;
        let metric = M::new(handle, desc, &self.counts.not_finite);
        let live = Arc::new(Live::new(metric, Weak::clone(&self.me)));
        keys.insert(own, Arc::clone(&live), false);
        Ok(live)
    }

    /// Enters `key` as another way to `live`, if it is another and there is room.
    fn alias<M>(
        &self,
        cold: &mut Cold,
        keys: &Keys<Live<M>>,
        key: &Key,
        own: &Key,
        live: &Arc<Live<M>>,
    ) {
        let text = |l: &metrics::Label| l.key().len() + l.value().len();
        let bytes = key.name().len() + key.labels().map(text).sum::<usize>();
        if key != own && cold.aliases < MAX_ALIASES && bytes <= MAX_ALIAS_BYTES {
            cold.aliases += 1;
            keys.insert(key.to_retained(), Arc::clone(live), true);
        }
    }

    /// The family of a name, which is new or of this kind.
    fn desc(&self, cold: &mut Cold, kind: Kind, name: &str) -> Result<Desc, &Counter> {
        let known = self.name(cold, name).ok_or(&self.counts.full)?;
        match &known.desc {
            Some(desc) if desc.kind() == kind => Ok(desc.clone()),
            Some(_) => Err(&self.counts.kind),
            None if is_reserved(name) => Err(&self.counts.taken),
            None => Ok(known.describe(self.options.desc(kind, name))),
        }
    }

    /// What is known of a name; `None` if there are too many.
    fn name<'c>(&self, cold: &'c mut Cold, name: &str) -> Option<&'c mut Name> {
        if !cold.names.contains_key(name) {
            if cold.names.len() >= MAX_NAMES {
                return None;
            }
            cold.names.insert(name.to_owned(), Name::default());
        }
        cold.names.get_mut(name)
    }

    fn describe(&self, key: &KeyName, unit: Option<Unit>, help: &str) {
        let Some(name) = names::metric_name(key.as_str()) else {
            return self.counts.bad_key.inc();
        };
        let mut cold = self.cold();
        let Some(known) = self.name(&mut cold, &name) else {
            return self.counts.full.inc();
        };
        if known.description.is_some() {
            return;
        }
        known.description = Some((help.to_owned(), unit));
        if let Some(desc) = known.desc.take() {
            let desc = known.describe(desc);
            self.shared.table().describe(&desc);
            known.desc = Some(desc);
        }
    }
}

/// Whether the name is that of a family of the library's own, or of a part of one: which may be registered only
/// later, and must not find its name taken then.
fn is_reserved(name: &str) -> bool {
    catalog::ALL.iter().any(|own| {
        let rest = name.strip_prefix(own.name());
        let part = |rest| matches!(rest, "_bucket" | "_sum" | "_count");
        rest.is_some_and(|r| r.is_empty() || (own.kind() == Kind::Histogram && part(r)))
    })
}

impl Name {
    /// `desc`, with what the name's description says.
    fn describe(&self, desc: Desc) -> Desc {
        match &self.description {
            Some((help, unit)) => {
                let unit = names::unit(desc.name(), *unit);
                desc.described(help.clone(), unit)
            }
            None => desc,
        }
    }
}
