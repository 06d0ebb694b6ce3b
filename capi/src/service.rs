//! Registries, and the service that merges one and serves it; and what the library is.
//!
//! Lives here: making, freeing, serving, stopping. Not here: what is recorded (`metrics`, `streams`).

use std::ffi::{CStr, c_char};
use std::time::Duration;

use media_metrics_core::Reporter;
use media_metrics_exporter::{Server, register_build};

use crate::error::{Refused, guarded};
use crate::pointers::{give, shared, take, text};

/// Raised by 1 with each change that a program built with an older header would not survive.
pub const MM_ABI_VERSION: u32 = 1;

/// The MM_ABI_VERSION that the library was built with. A program that was built with another should not go on.
#[unsafe(no_mangle)]
pub extern "C" fn mm_abi_version() -> u32 {
    MM_ABI_VERSION
}

/// The library's version, for people: "0.1.0".
#[unsafe(no_mangle)]
pub extern "C" fn mm_version() -> *const c_char {
    const VERSION: &CStr =
        match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
            Ok(version) => version,
            Err(_) => c"",
        };
    VERSION.as_ptr()
}

/// Who exists: metrics and streams of one program, or of one part of it.
#[derive(Debug)]
pub struct Registry(pub(crate) media_metrics_core::Registry);

/// A thread that merges a registry, and a server that shows it.
#[derive(Debug)]
pub struct Service {
    reporter: Reporter,
    server: Server,
}

/// A new registry, empty; NULL if there is no memory.
#[unsafe(no_mangle)]
pub extern "C" fn mm_registry_new() -> *mut Registry {
    guarded(|| {
        let registry = media_metrics_core::Registry::new()?;
        register_build(&registry)?;
        Ok(give(Registry(registry)))
    })
    .unwrap_or_default()
}

/// Frees the registry. What was made with it goes on until it is freed itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_registry_free(registry: *mut Registry) {
    // SAFETY: the caller's duty is passed on.
    let registry = unsafe { take(registry) };
    guarded(|| {
        drop(registry);
        Ok(())
    });
}

/// Merges the registry each `interval_ms` milliseconds (1,000 is usual), and serves the result over HTTP: /metrics for
/// Prometheus, /api/v1/snapshot, /api/v1/streams, /-/healthy, /-/ready. Each registry has one service at most.
///
/// `address` is "HOST:PORT", or "unix:" and a path; port 0 is any free one: mm_service_port() tells which. NULL if the
/// address is wrong or taken.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_serve(
    registry: *const Registry,
    address: *const c_char,
    interval_ms: u32,
) -> *mut Service {
    guarded(|| {
        // SAFETY: the caller's duty is passed on.
        let registry = unsafe { shared(registry, "registry") }?;
        // SAFETY: likewise.
        let address = unsafe { text(address, "address") }?;
        let interval = Duration::from_millis(interval_ms.into());
        #[cfg(unix)]
        let _threads_begin_so = crate::signals::Blocked::new();
        let server = Server::builder(registry.0.clone()).bind(address).start()?;
        let reporter = Reporter::builder(&registry.0).interval(interval).start()?;
        Ok(give(Service { reporter, server }))
    })
    .unwrap_or_default()
}

/// The port that the service listens on; 0 for a Unix socket, and for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_service_port(service: *const Service) -> u16 {
    guarded(|| {
        // SAFETY: the caller's duty is passed on.
        let service = unsafe { shared(service, "service") }?;
        Ok(service.server.local_addr().port())
    })
    .unwrap_or_default()
}

/// Merges now: what was recorded before is in the next answer. For tests; a merge comes each interval anyway.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_service_flush(service: *const Service) -> bool {
    guarded(|| {
        // SAFETY: the caller's duty is passed on.
        let service = unsafe { shared(service, "service") }?;
        let _ = service.reporter.flush();
        Ok(())
    })
    .is_some()
}

/// Ends the service, and frees it: a last merge, and `deadline_ms` milliseconds at most for answers that are under way.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mm_service_stop(service: *mut Service, deadline_ms: u32) {
    // SAFETY: the caller's duty is passed on.
    let service = unsafe { take(service) };
    guarded(|| {
        if let Some(service) = service {
            let deadline = Duration::from_millis(deadline_ms.into());
            let Service { reporter, server } = *service;
            reporter.stop(deadline);
            server.stop(deadline);
        }
        Ok::<_, Refused>(())
    });
}
