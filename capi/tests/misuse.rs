//! What C does wrong is refused with a reason, and harms nothing.

#![allow(
    missing_docs,
    clippy::multiple_unsafe_ops_per_block,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::ffi::{CStr, CString, c_char};
use std::ptr::{null, null_mut};

use media_metrics::*;

fn last_error() -> String {
    // SAFETY: never NULL, ends in a zero byte, and valid until this thread's next failure.
    let text = unsafe { CStr::from_ptr(mm_last_error()) };
    text.to_str().unwrap().to_owned()
}

/// A counter without labels.
fn counter(registry: *const Registry, name: *const c_char) -> *mut Counter {
    // SAFETY: null, or a registry that lives; null, or a text; no labels.
    unsafe { mm_counter_new(registry, name, c"Help.".as_ptr(), null(), 0) }
}

#[test]
fn null_is_refused_and_may_be_freed() {
    assert_eq!(last_error(), "");
    let registry = mm_registry_new();
    assert!(counter(null(), c"a_total".as_ptr()).is_null());
    assert_eq!(last_error(), "registry is NULL");
    assert!(counter(registry, null()).is_null());
    assert_eq!(last_error(), "name is NULL");
    // SAFETY: null is what these are tried with; the registry is freed once.
    unsafe {
        assert!(mm_counter_new(registry, c"a_total".as_ptr(), c"".as_ptr(), null(), 1).is_null());
        assert_eq!(last_error(), "labels is NULL");
        assert!(!mm_counter_add(null(), 1));
        assert_eq!(last_error(), "counter is NULL");
        assert!(!mm_gauge_set(null(), 1.0) && !mm_gauge_add(null(), 1.0));
        assert!(!mm_histogram_record(null(), 1));
        assert!(!mm_stream_on_rtp(null_mut(), null(), 0, 0));
        assert!(!mm_sender_on_rtcp(null_mut(), null(), 0, 0));
        assert_eq!(last_error(), "sender is NULL");
        assert!(mm_serve(null(), c"127.0.0.1:0".as_ptr(), 1_000).is_null());
        assert_eq!(mm_service_port(null()), 0);
        assert!(!mm_service_flush(null()));
        mm_counter_free(null_mut());
        mm_gauge_free(null_mut());
        mm_histogram_free(null_mut());
        mm_stream_free(null_mut());
        mm_sender_free(null_mut());
        mm_service_stop(null_mut(), 0);
        mm_registry_free(null_mut());
        mm_registry_free(registry);
    }
}

#[test]
fn reasons_are_those_of_the_library() {
    let registry = mm_registry_new();
    assert!(counter(registry, c"7seas_total".as_ptr()).is_null());
    assert!(last_error().contains("7seas_total"), "{}", last_error());
    let not_utf8 = CString::new([0xff]).unwrap();
    assert!(counter(registry, not_utf8.as_ptr()).is_null());
    assert_eq!(last_error(), "name is not UTF-8");
    // SAFETY: the registry lives, texts end, nothing is freed twice.
    unsafe {
        assert!(mm_serve(registry, c"nowhere:at all".as_ptr(), 1_000).is_null());
        assert!(last_error().contains("nowhere"), "{}", last_error());
        let stream = mm_stream_new(registry, c"incoming".as_ptr(), c"audio".as_ptr(), 7, 48_000);
        assert!(!mm_stream_on_rtp(stream, [0x80, 0, 0].as_ptr(), 3, 0));
        assert_eq!(last_error(), "shorter than an RTP header (12 bytes)");
        assert!(!mm_stream_on_rtcp(stream, [0x80, 200, 0, 9].as_ptr(), 4, 0));
        assert!(mm_stream_new(registry, c"incoming".as_ptr(), c"audio".as_ptr(), 7, 0).is_null());
        let service = mm_serve(registry, c"127.0.0.1:0".as_ptr(), 1_000);
        assert_ne!(mm_service_port(service), 0);
        assert!(
            mm_serve(registry, c"127.0.0.1:0".as_ptr(), 1_000).is_null(),
            "a second one"
        );
        // Any order.
        mm_registry_free(registry);
        assert!(mm_service_flush(service));
        mm_service_stop(service, 1_000);
        mm_stream_free(stream);
    }
}

#[test]
fn any_thread_may_record_and_has_its_own_last_error() {
    let registry = mm_registry_new();
    let made = counter(registry, c"a_total".as_ptr());
    let address = made as usize;
    let threads: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                // SAFETY: the counter lives until all threads have ended.
                let added =
                    (0..1_000).all(|_| unsafe { mm_counter_add(address as *const Counter, 2) });
                (added, last_error())
            })
        })
        .collect();
    assert!(counter(null(), null()).is_null());
    for thread in threads {
        assert_eq!(thread.join().unwrap(), (true, String::new()));
    }
    // The same series again: what was counted is of one.
    let again = counter(registry, c"a_total".as_ptr());
    // SAFETY: both live, and are freed once; so is the registry.
    unsafe {
        assert!(mm_counter_add(again, 1));
        let service = mm_serve(registry, c"127.0.0.1:0".as_ptr(), 1_000);
        assert!(mm_service_flush(service));
        let page = page(mm_service_port(service));
        assert!(page.contains("\na_total 8001\n"), "{page}");
        mm_service_stop(service, 1_000);
        mm_counter_free(made);
        mm_counter_free(again);
        mm_registry_free(registry);
    }
}

fn page(port: u16) -> String {
    use std::io::{Read, Write};
    let mut connection = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = b"GET /metrics HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n";
    connection.write_all(request).unwrap();
    let mut page = String::new();
    connection.read_to_string(&mut page).unwrap();
    page
}

#[test]
fn the_library_says_what_it_is() {
    assert_eq!(mm_abi_version(), MM_ABI_VERSION);
    // SAFETY: never NULL, ends in a zero byte, lives for ever.
    let version = unsafe { CStr::from_ptr(mm_version()) };
    assert_eq!(version.to_str().unwrap(), env!("CARGO_PKG_VERSION"));
}
