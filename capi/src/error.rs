//! Why a call failed, and that it never unwinds.
//!
//! Lives here: the text of a thread's last failure; the guard around each function. Not here: what can fail.

use std::cell::RefCell;
use std::ffi::{CString, c_char};
use std::fmt::Display;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// Why a call is refused, in a sentence.
pub(crate) struct Refused(String);

impl Refused {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }
}

/// What core and exporter say is passed on as it is.
impl<E: Display> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

/// Runs what a function does, and keeps the reason if it fails: `None` then.
///
/// What it works on is whole even if it unwinds: handles are made at the end, recording does not panic.
#[inline]
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, Refused>) -> Option<T> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(done)) => Some(done),
        Ok(Err(refused)) => {
            keep(refused.0);
            None
        }
        Err(_) => {
            keep("media-metrics panicked, which is a bug: please report it".to_owned());
            None
        }
    }
}

#[cold]
fn keep(mut text: String) {
    text.retain(|c| c != '\0');
    // A thread that ends has no last error any more.
    let _ = LAST.try_with(|last| {
        if let (Ok(mut last), Ok(text)) = (last.try_borrow_mut(), CString::new(text)) {
            *last = text;
        }
    });
}

/// Why the last call on this thread that failed did: a sentence; empty before the first. Never NULL; valid until the
/// next call on this thread that fails.
#[unsafe(no_mangle)]
pub extern "C" fn mm_last_error() -> *const c_char {
    let last = LAST.try_with(|last| last.try_borrow().map(|last| last.as_ptr()));
    last.ok().and_then(Result::ok).unwrap_or(c"".as_ptr())
}
