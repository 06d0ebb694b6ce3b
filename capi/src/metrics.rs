//! Counters, gauges and histograms.
//!
//! Lives here: from C's description of a family to a handle, and recording with it. Not here: streams, whose families are the
//! catalog's (`streams`).

use std::ffi::c_char;

use media_metrics_core::desc::Kind;
use media_metrics_core::{Desc, catalog};

use crate::error::{Refused, guarded};
use crate::pointers::{array, give, shared, take, text};
use crate::service::Registry;

/// A name and a value, as in {name="value"}.
#[repr(C)]
#[derive(Debug)]
pub struct Label {
    /// Letters, digits and underscores.
    pub name: *const c_char,
    /// Any text.
    pub value: *const c_char,
}

/// A total that only grows.
#[derive(Debug)]
pub struct Counter(media_metrics_core::Counter);

/// A value that goes up and down.
#[derive(Debug)]
pub struct Gauge(media_metrics_core::Gauge);

/// A distribution, each value kept to within 1 %.
#[derive(Debug)]
pub struct Histogram(media_metrics_core::Histogram);

/// A family as C describes it, and the values of one series' labels.
struct Described<'a> {
    registry: &'a media_metrics_core::Registry,
    desc: Desc,
    values: Vec<&'a str>,
}

/// # Safety
/// As [`pointers`](crate::pointers) says; so must the labels' texts be.
unsafe fn described<'a>(
    registry: *const Registry,
    kind: Kind,
    name: *const c_char,
    help: *const c_char,
    labels: (*const Label, usize),
) -> Result<Described<'a>, Refused> {
    // SAFETY: the caller's duty is passed on.
    let registry = unsafe { shared(registry, "registry") }?;
    // SAFETY: likewise.
    let name = unsafe { text(name, "name") }?;
    // SAFETY: likewise.
    let help = unsafe { text(help, "help") }?;
    // SAFETY: likewise.
    let labels: &[Label] = unsafe { array(labels.0, labels.1, "labels") }?;
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for label in labels {
        // SAFETY: likewise.
        names.push(unsafe { text(label.name, "a label's name") }?);
        // SAFETY: likewise.
        values.push(unsafe { text(label.value, "a label's value") }?);
    }
    let desc = Desc::dynamic(kind, name.to_owned(), help.to_owned()).dynamic_labels(names);
    Ok(Described {
        registry: &registry.0,
        desc,
        values,
    })
}

/// The counter of this name and these labels (`labels` of them; NULL for none): the same one for the same. By convention
/// its name ends in "_total". Make it once and keep it: this takes a lock. NULL if a name is bad, another kind's or taken
/// with other label names, or the registry is full.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_counter_new(
    registry: *const Registry,
    name: *const c_char,
    help: *const c_char,
    label: *const Label,
    labels: usize,
) -> *mut Counter {
    guarded(|| {
        // SAFETY: the caller's duty is passed on.
        let of = unsafe { described(registry, Kind::Counter, name, help, (label, labels)) }?;
        Ok(give(Counter(of.registry.counter(&of.desc, &of.values)?)))
    })
    .unwrap_or_default()
}

/// Adds `n`: some nanoseconds, no lock. False for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_counter_add(counter: *const Counter, n: u64) -> bool {
    guarded(|| {
        // SAFETY: the caller's duty is passed on.
        unsafe { shared(counter, "counter") }?.0.add(n);
        Ok(())
    })
    .is_some()
}

/// Frees the handle; the total stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_counter_free(counter: *mut Counter) {
    // SAFETY: the caller's duty is passed on.
    let counter = unsafe { take(counter) };
    guarded(|| {
        drop(counter);
        Ok(())
    });
}

/// The gauge of this name and these labels, as mm_counter_new. Without a value until it is set or added to: not shown.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_gauge_new(
    registry: *const Registry,
    name: *const c_char,
    help: *const c_char,
    label: *const Label,
    labels: usize,
) -> *mut Gauge {
    guarded(|| {
        // SAFETY: the caller's duty is passed on.
        let of = unsafe { described(registry, Kind::Gauge, name, help, (label, labels)) }?;
        Ok(give(Gauge(of.registry.gauge(&of.desc, &of.values)?)))
    })
    .unwrap_or_default()
}

/// Sets the value. Some nanoseconds for each thread that ever recorded. False for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_gauge_set(gauge: *const Gauge, value: f64) -> bool {
    guarded(|| {
        // SAFETY: the caller's duty is passed on.
        unsafe { shared(gauge, "gauge") }?.0.set(value);
        Ok(())
    })
    .is_some()
}

/// Adds `n`, which may be negative. False for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_gauge_add(gauge: *const Gauge, n: f64) -> bool {
    guarded(|| {
        // SAFETY: the caller's duty is passed on.
        unsafe { shared(gauge, "gauge") }?.0.add(n);
        Ok(())
    })
    .is_some()
}

/// Frees the handle; the value stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_gauge_free(gauge: *mut Gauge) {
    // SAFETY: the caller's duty is passed on.
    let gauge = unsafe { take(gauge) };
    guarded(|| {
        drop(gauge);
        Ok(())
    });
}

/// The histogram of this name and these labels, as mm_counter_new. `bound` are the upper bounds of its classic buckets
/// (`bounds` of them, ascending, without infinity), in the unit that is shown; `per_unit` is how many recorded units make one
/// of those: 1e9 for nanoseconds that are shown as seconds. Values are kept up to 2^40.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_histogram_new(
    registry: *const Registry,
    name: *const c_char,
    help: *const c_char,
    label: *const Label,
    labels: usize,
    bound: *const f64,
    bounds: usize,
    per_unit: f64,
) -> *mut Histogram {
    guarded(|| {
        // SAFETY: the caller's duty is passed on.
        let of = unsafe { described(registry, Kind::Histogram, name, help, (label, labels)) }?;
        // SAFETY: likewise.
        let bounds: &[f64] = unsafe { array(bound, bounds, "bounds") }?;
        let desc = of.desc.dynamic_bounds(bounds.to_vec()).per_unit(per_unit);
        Ok(give(Histogram(of.registry.histogram(&desc, &of.values)?)))
    })
    .unwrap_or_default()
}

/// The histogram media_forward_latency_seconds, which dashboards and alerts ask for: nanoseconds from a packet's arrival
/// to the end of its last send, once for each packet that is forwarded to anybody.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_forward_latency_new(registry: *const Registry) -> *mut Histogram {
    guarded(|| {
        // SAFETY: the caller's duty is passed on.
        let registry = unsafe { shared(registry, "registry") }?;
        let latency = registry.0.histogram(&catalog::FORWARD_LATENCY, &[])?;
        Ok(give(Histogram(latency)))
    })
    .unwrap_or_default()
}

/// Records a value, in recorded units: some nanoseconds, no lock. False for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_histogram_record(histogram: *const Histogram, value: u64) -> bool {
    guarded(|| {
        // SAFETY: the caller's duty is passed on.
        unsafe { shared(histogram, "histogram") }?.0.record(value);
        Ok(())
    })
    .is_some()
}

/// Frees the handle; what was recorded stays.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_histogram_free(histogram: *mut Histogram) {
    // SAFETY: the caller's duty is passed on.
    let histogram = unsafe { take(histogram) };
    guarded(|| {
        drop(histogram);
        Ok(())
    });
}
