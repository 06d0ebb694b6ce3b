//! Waiting with a deadline: the only sleep of this package.

use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take that ought to take a second: generous, since a loaded machine is no
/// fault of the program.
pub const PATIENCE: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(20);

/// Asks `look` until it gives `Ok`, and returns that; after `limit` the test fails with `what` and
/// the last `Err`.
#[track_caller]
pub fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Result<T, String>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        match look() {
            Ok(found) => return found,
            Err(seen) if Instant::now() >= deadline => {
                panic!(
                    "{what}: not within {} s; last seen: {seen}",
                    limit.as_secs()
                );
            }
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_looks_until_there_is_something() {
        let mut looks = 0;
        let found = until("third look", PATIENCE, || {
            looks += 1;
            if looks == 3 {
                Ok(looks)
            } else {
                Err(looks.to_string())
            }
        });
        assert_eq!(found, 3);
    }

    #[test]
    #[should_panic(expected = "the moon: not within 0 s; last seen: clouds")]
    fn a_deadline_that_passes_tells_what_was_awaited_and_what_was_seen() {
        until("the moon", Duration::ZERO, || Err::<(), _>("clouds".into()));
    }
}
