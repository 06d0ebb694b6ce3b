//! Checking passwords against slow hashes, without strangers keeping everybody else waiting.
//!
//! Lives here: the queue for the one thread that computes hashes, its bounds, and remembering who was right. Not
//! here: users (`auth`), hashes (`password`).

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use subtle::Choice;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::password::Password;

/// Requests that may wait for a hash, or be what it is computed for.
const WAITING: usize = 16;

/// Those of one address.
const WAITING_FROM_ONE: usize = 8;

/// The queue.
pub(super) struct Checks {
    /// Who waits.
    waiting: Arc<Mutex<Vec<Option<IpAddr>>>>,
    turn: Arc<Semaphore>,
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            waiting: Arc::default(),
            turn: Arc::new(Semaphore::new(1)),
        }
    }
}

impl Checks {
    /// Whether `sent` is this user's password; `None` if too many wait to have theirs checked.
    ///
    /// If it is, and the user is really `known` and not a stand-in, it is remembered.
    pub(super) async fn check(
        &self,
        user: &Arc<Password>,
        sent: Vec<u8>,
        known: Choice,
        from: Option<IpAddr>,
    ) -> Option<Choice> {
        let remembered = || bool::from(is_remembered(user, &sent) & known);
        if remembered() {
            return Some(Choice::from(1));
        }
        let place = Place::take(&self.waiting, from.map(neighbourhood))?;
        let turn = Arc::clone(&self.turn).acquire_owned().await.ok()?;
        // Who waited before may have had the same password.
        if remembered() {
            return Some(Choice::from(1));
        }
        let user = Arc::clone(user);
        // It goes on to its end, and keeps its turn and its place, if the client goes away.
        let check = spawn_blocking(move || {
            let _kept = (turn, place);
            let Password::Hashed(hashed) = &*user else {
                return false;
            };
            let right = hashed.verify(&sent);
            if right && known.into() {
                hashed.remember(sent);
            }
            right
        });
        // It fails if it panicked, or if the server is gone.
        Some(Choice::from(u8::from(check.await.unwrap_or(false))))
    }
}

fn is_remembered(user: &Password, sent: &[u8]) -> Choice {
    match user {
        Password::Hashed(hashed) => hashed.is_remembered(sent),
        Password::Plain(_) => Choice::from(0),
    }
}

/// Addresses that one client may have: of IPv6 a whole network of 64 bits.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            Ipv6Addr::from(network).into()
        }
    }
}

/// A place in the queue; dropping it frees it.
struct Place {
    waiting: Arc<Mutex<Vec<Option<IpAddr>>>>,
    from: Option<IpAddr>,
}

impl Place {
    fn take(waiting: &Arc<Mutex<Vec<Option<IpAddr>>>>, from: Option<IpAddr>) -> Option<Self> {
        let mut all = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let alike = all.iter().filter(|&&other| other == from).count();
        // Clients without an address (a Unix socket's, a host's) are many behind one.
        if all.len() >= WAITING || from.is_some() && alike >= WAITING_FROM_ONE {
            return None;
        }
        all.push(from);
        Some(Self {
            waiting: Arc::clone(waiting),
            from,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut all = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = all.iter().position(|&other| other == self.from) {
            all.swap_remove(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::password::PasswordHash;
    use super::*;

    /// Of "secret", of the lowest cost.
    fn user() -> Arc<Password> {
        let hash = bcrypt::hash("secret", 4).unwrap();
        Arc::new(Password::hashed(hash.parse::<PasswordHash>().unwrap()))
    }

    fn run<F: Future>(test: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(test)
    }

    #[test]
    fn the_right_password_is_remembered_and_a_stand_ins_is_not() {
        run(async {
            let checks = Checks::default();
            let (yes, no) = (Choice::from(1), Choice::from(0));
            let user = user();
            let remembered = || bool::from(is_remembered(&user, b"secret"));
            for (sent, known, right) in [
                ("Secret", yes, false),
                ("", yes, false),
                ("secret", no, true), // whom it is right for is not who asks: `auth` refuses
            ] {
                let checked = checks.check(&user, sent.into(), known, None).await;
                assert_eq!(checked.map(bool::from), Some(right), "{sent}");
                assert!(!remembered(), "{sent}");
            }
            let checked = checks.check(&user, b"secret".to_vec(), yes, None).await;
            assert!(bool::from(checked.unwrap()) && remembered());
            assert!(!bool::from(is_remembered(&user, b"secret ")));
            let checked = checks.check(&user, b"wrong".to_vec(), yes, None).await;
            assert!(!bool::from(checked.unwrap()), "and only that one");
            assert!(remembered(), "a failure changes nothing");
        });
    }

    #[test]
    fn few_wait_and_who_is_known_does_not() {
        run(async {
            let checks = Checks::default();
            let (user, yes) = (user(), Choice::from(1));
            checks.check(&user, b"secret".to_vec(), yes, None).await;
            let turn = checks.turn.acquire().await.unwrap(); // nobody's turn comes
            let from = |last: u8| Some(IpAddr::from([10, 0, 0, last]));
            let ask = |last| {
                let mut check = Box::pin(checks.check(&user, b"wrong".to_vec(), yes, from(last)));
                let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
                let refused = check.as_mut().poll(&mut cx);
                let refused = matches!(refused, std::task::Poll::Ready(None));
                (check, refused)
            };
            let mut asked: Vec<_> = (0..9).map(|_| ask(1)).collect();
            let refused = |asked: &[(_, bool)]| asked.iter().filter(|(_, r)| *r).count();
            assert_eq!(refused(&asked), 1, "eight from one address");
            asked.extend((0..9).map(|i| ask(2 + i)));
            assert_eq!(refused(&asked), 2, "sixteen in all");
            let known = checks.check(&user, b"secret".to_vec(), yes, from(1));
            assert!(bool::from(known.await.unwrap()));
            drop(asked);
            assert!(!ask(1).1, "who goes away leaves his place");
            drop(turn);
            let wrong = checks.check(&user, b"wrong".to_vec(), yes, from(1)).await;
            assert_eq!(wrong.map(bool::from), Some(false));
        });
    }

    #[test]
    fn one_client_has_many_addresses_of_ipv6() {
        let of = |text: &str| neighbourhood(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}
