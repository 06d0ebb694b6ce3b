//! Who may see the pages: HTTP's basic authentication (RFC 7617).
//!
//! Lives here: the users, and whether a request comes from one of them. Not here: what a password is compared with
//! (`password`), what a stranger is told (`answers`).
//!
//! What can be learned from how long an answer takes: nothing but the length of what was sent. Names and passwords
//! are compared whole; a name that nobody has is checked as if it were that of one of the users, always the same
//! one, and refused then.
//!
//! A hash is slow to check, and meant to be. So that strangers can't keep the others out by that:
//! - it is done on a thread of its own, one at a time, and few may wait for it, fewer still from one address;
//! - the password that a user was last admitted with is remembered, so that a scraper that is known waits for nobody.
//!   Failures are not remembered.

use std::hash::{BuildHasher as _, RandomState};
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, HeaderMap};
use subtle::{Choice, ConditionallySelectable as _};

use super::password::{Password, same};

const SCHEME: &[u8] = b"basic ";

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Admitted,
    Stranger,
    /// Too many wait to be checked.
    #[cfg_attr(
        not(feature = "bcrypt"),
        expect(dead_code, reason = "plain passwords are checked at once")
    )]
    Busy,
}

/// The users; without any, everybody is admitted.
#[derive(Default)]
pub(crate) struct Users {
    all: Vec<User>,
    /// Chooses the user that stands in for a name that nobody has: not to be foreseen from outside.
    stand_in: RandomState,
    #[cfg(feature = "bcrypt")]
    checks: super::checks::Checks,
}

struct User {
    name: Box<str>,
    password: Arc<Password>,
}

/// Name and password as they were sent.
struct Credentials {
    name: Vec<u8>,
    password: Vec<u8>,
}

impl Users {
    /// Takes a user in; one of the same name is replaced.
    pub(super) fn add(&mut self, name: &str, password: Password) {
        self.all.retain(|user| &*user.name != name);
        self.all.push(User {
            name: name.into(),
            password: Arc::new(password),
        });
    }

    /// A name that no request can carry: a colon ends it on the wire.
    pub(super) fn impossible(&self) -> Option<&str> {
        let mut names = self.all.iter().map(|user| &*user.name);
        names.find(|name| name.contains(':'))
    }

    /// Whether the request comes from a user. `from` is the client's address, if it has one.
    #[cfg_attr(
        not(feature = "bcrypt"),
        expect(clippy::unused_async, reason = "only hashes take time")
    )]
    pub(super) async fn check(&self, headers: &HeaderMap, from: Option<IpAddr>) -> Verdict {
        if self.all.is_empty() {
            return Verdict::Admitted;
        }
        let Some(sent) = credentials(headers) else {
            return Verdict::Stranger;
        };
        let Some((known, user)) = self.find(&sent.name) else {
            return Verdict::Stranger;
        };
        let right = match &*user.password {
            Password::Plain(password) => same(password, &sent.password),
            #[cfg(feature = "bcrypt")]
            Password::Hashed(_) => {
                let checked = self
                    .checks
                    .check(&user.password, sent.password, known, from);
                match checked.await {
                    Some(right) => right,
                    None => return Verdict::Busy,
                }
            }
        };
        #[cfg(not(feature = "bcrypt"))]
        let _ = from;
        if (known & right).into() {
            Verdict::Admitted
        } else {
            Verdict::Stranger
        }
    }

    /// Whether there is a user of that name, and who it is; if not, who stands in. `None` without users.
    fn find(&self, name: &[u8]) -> Option<(Choice, &User)> {
        let mut known = Choice::from(0);
        let mut at = self.stand_in.hash_one(name) % (self.all.len().max(1) as u64);
        for (i, user) in self.all.iter().enumerate() {
            let hit = same(user.name.as_bytes(), name);
            at.conditional_assign(&(i as u64), hit);
            known |= hit;
        }
        let at = usize::try_from(at).ok()?;
        Some((known, self.all.get(at)?))
    }
}

fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let (Some(header), None) = (sent.next(), sent.next()) else {
        return None; // none, or several of which nobody knows which is meant
    };
    let (scheme, rest) = header.as_bytes().split_at_checked(SCHEME.len())?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return None;
    }
    let mut name = STANDARD.decode(rest.trim_ascii()).ok()?;
    let colon = name.iter().position(|&byte| byte == b':')?;
    let password = name.split_off(colon + 1);
    name.truncate(colon);
    Some(Credentials { name, password })
}

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self.all.iter().map(|user| &user.name);
        f.debug_list().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                AUTHORIZATION,
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        headers
    }

    fn users(all: &[(&str, &str)]) -> Users {
        let mut users = Users::default();
        for (name, password) in all {
            users.add(name, Password::plain(password));
        }
        users
    }

    fn admits(users: &Users, values: &[&str]) -> bool {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.build().unwrap();
        let verdict = runtime.block_on(users.check(&headers(values), None));
        assert_ne!(verdict, Verdict::Busy);
        verdict == Verdict::Admitted
    }

    fn basic(name: &str, password: &str) -> String {
        format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
    }

    #[test]
    fn the_example_of_the_standard() {
        // RFC 7617, section 2.
        let one = users(&[("Aladdin", "open sesame")]);
        for right in [
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            "basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
            "BASIC  QWxhZGRpbjpvcGVuIHNlc2FtZQ== ",
        ] {
            assert!(admits(&one, &[right]), "{right}");
        }
        // And of section 2.1: UTF-8.
        let one = users(&[("test", "123\u{a3}")]);
        assert!(admits(&one, &["Basic dGVzdDoxMjPCow=="]));
    }

    #[test]
    fn anything_else_is_refused() {
        let one = users(&[("Aladdin", "open sesame")]);
        let right = "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
        for wrong in [
            &[][..],
            &[""],
            &["Basic"],
            &["Basic "],
            &["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ"],
            &["Basic QWxhZGRpbjpvcGVuIHNlc2FtZR=="],
            &["Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
            &["Aladdin:open sesame"],
            &["Basic Aladdin:open sesame"],
            &[right, right],
            &["Basic \u{fffd}"],
        ] {
            assert!(!admits(&one, wrong), "{wrong:?}");
        }
    }

    #[test]
    fn each_user_has_a_password_which_may_have_colons_and_be_replaced() {
        let mut all = users(&[("a", "1"), ("b", "2:3"), ("", ""), ("a", "4")]);
        for (name, password, right) in [
            ("a", "4", true),
            ("a", "1", false),
            ("a", "2:3", false),
            ("a", "", false),
            ("a", "44", false),
            ("b", "2:3", true),
            ("b", "2", false),
            ("b:2", "3", true), // the same on the wire
            ("", "", true),
            ("c", "4", false),
            ("aa", "4", false),
        ] {
            let sent = basic(name, password);
            assert_eq!(admits(&all, &[&sent]), right, "{name:?} {password:?}");
        }
        assert_eq!(all.impossible(), None);
        all.add("x:y", Password::plain("z"));
        assert_eq!(all.impossible(), Some("x:y"));
    }

    #[test]
    fn a_stand_in_is_always_the_same_and_never_admitted() {
        let all = users(&[("a", "same"), ("b", "same"), ("c", "same")]);
        let mut seen = std::collections::BTreeSet::new();
        for i in 0..100 {
            let name = format!("nobody{i}");
            let chosen = || all.find(name.as_bytes()).unwrap();
            let (known, user) = chosen();
            assert!(!bool::from(known));
            assert_eq!(user.name, chosen().1.name);
            seen.insert(user.name.clone());
            assert!(!admits(&all, &[&basic(&name, "same")]));
        }
        assert_eq!(seen.len(), 3, "all of them stand in for somebody");
    }

    #[test]
    fn passwords_are_not_shown() {
        let shown = format!("{:?}", users(&[("u", "secret")]));
        assert_eq!(shown, "[\"u\"]");
    }
}
