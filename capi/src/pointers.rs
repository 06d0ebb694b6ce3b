//! What comes from C, checked as far as it can be.
//!
//! Lives here: handles, texts and arrays as references, or the reason why not. Not here: what is done with them.
//!
//! # Safety
//! What no check finds is the caller's duty, in each function of this crate that takes pointers:
//! - a handle is null, or was returned by the function that makes its kind, and was not freed;
//! - a text is null, or ends in a zero byte; an array is null, or as long as is said;
//! - nobody writes to them during the call, and calls about one stream or sender do not overlap.

use std::ffi::{CStr, c_char};

use crate::error::Refused;

/// A handle for C.
pub(crate) fn give<T>(thing: T) -> *mut T {
    Box::into_raw(Box::new(thing))
}

/// Takes a handle back; `None` for null.
///
/// # Safety
/// As this module says, and the handle is not used again.
pub(crate) unsafe fn take<T>(handle: *mut T) -> Option<Box<T>> {
    if handle.is_null() {
        return None;
    }
    // SAFETY: `give` made it from a box of this type, and by the caller's duty nobody has taken it back or uses it again.
    Some(unsafe { Box::from_raw(handle) })
}

/// A handle that others may use at the same time.
///
/// # Safety
/// As this module says.
#[inline]
pub(crate) unsafe fn shared<'a, T: Sync>(handle: *const T, name: &str) -> Result<&'a T, Refused> {
    // SAFETY: null or, by the caller's duty, from `give` and not freed before the call returns; what it points to is made
    // for use by several threads (`Sync`), and nobody has `&mut` to it.
    unsafe { handle.as_ref() }.ok_or_else(|| null(name))
}

/// A handle with one owner.
///
/// # Safety
/// As this module says: calls about it do not overlap.
#[inline]
pub(crate) unsafe fn owned<'a, T: Send>(handle: *mut T, name: &str) -> Result<&'a mut T, Refused> {
    // SAFETY: null or, by the caller's duty, from `give`, not freed, and not in use by another call; that it may be used by
    // a thread that did not make it is `Send`.
    unsafe { handle.as_mut() }.ok_or_else(|| null(name))
}

/// # Safety
/// As this module says.
pub(crate) unsafe fn text<'a>(text: *const c_char, name: &str) -> Result<&'a str, Refused> {
    if text.is_null() {
        return Err(null(name));
    }
    // SAFETY: not null; by the caller's duty it ends in a zero byte and stays as it is during the call.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str()
        .map_err(|_| Refused::new(format!("{name} is not UTF-8")))
}

/// An array; null is an empty one.
///
/// # Safety
/// As this module says.
#[inline]
pub(crate) unsafe fn array<'a, T>(
    items: *const T,
    len: usize,
    name: &str,
) -> Result<&'a [T], Refused> {
    match (items.is_null(), len) {
        (_, 0) => Ok(&[]),
        (true, _) => Err(null(name)),
        // SAFETY: not null; by the caller's duty there are `len` of them, made by C's rules for alignment, which nobody
        // writes to during the call. C has no array longer than half of the addresses.
        (false, len) => Ok(unsafe { std::slice::from_raw_parts(items, len) }),
    }
}

#[cold]
fn null(name: &str) -> Refused {
    Refused::new(format!("{name} is NULL"))
}
