//! Connection quality: a score from 0 to 100 per stream, its MOS, its rating, and the reason.
//!
//! Lives here: what a window of measurements is worth. In `parts`: the formulas. In `rate`: the usual
//! packet rate. In `expect`: what was expected of the window. In `hold`: mute, layer mute, pause. In
//! `reports`: the age of receiver reports. In `codec`: what a lost packet costs. In `verdict`: what
//! comes out. Not here: clocks (every time is an argument), measuring, threads, atomics, names of
//! families. A scorer owns no heap memory and never panics, whatever it is fed.
//!
//! # The score
//! A [`Window`] has three parts, each from 0 to 100, see [`Parts`]; the worst of them is the raw score.
//! The smoothed score falls fast and rises slowly:
//!
//! ```text
//! score' = max(30, f raw + (1 - f) score)      f = 0.8 if raw < score, else 0.4
//! ```
//!
//! A window without any packet sets the score without smoothing: to 40 (POOR), or to 20 (LOST) if the
//! peer's RTCP is older than the window, too. [`mos`] and [`Rating`] follow from the score.
//!
//! # Times
//! A time is a [`Duration`](std::time::Duration) since an origin of the caller's choice, on a clock that
//! does not go back. If it does, the window is skipped and scoring goes on from the new time.
//!
//! # Rules that are stricter here than in the scorer this one is compatible with
//! | rule | here |
//! |---|---|
//! | usual packet rate | the most frequent one, by count; all times are the windows' own |
//! | history of rates | halves every 10 minutes ([`Config::rate_half_life`]) |
//! | LOST | is a state, not a number; only a window with media ends it, no event does |
//! | events | repeating one changes nothing; mute, layer mute and pause may begin in any order |
//! | unknown codecs | losses weigh 8, not 0 ([`Codec::loss_weight`]) |
//! | late packets | take off a loss only if they were one ([`Window::recovered`]) |
//! | windows of no time | are skipped, and say so ([`Skip`]) |
//! | delay, bitrate | are configured, and all parts are reported ([`Quality::parts`]) |
//! | silent subscribers | are POOR after 30 s without a receiver report, LOST after 60 s ([`ReportAge`]) |
//! | expectations | are not truncated; refused values are counted ([`LayeredScorer::refused`]) |
//! | MOS | never below 1 |
//! | simulcast | one usual rate per layer ([`LayeredScorer`]) |
//! | reason | comes with every score ([`Quality::reason`]) |
//!
//! All published vectors hold with these rules (`tests/quality.rs`). Two rules are stricter than a vector
//! and yet need no switch, since they are about what goes in: who wants losses of unknown codecs not to
//! count puts 0 into [`Config::loss_weight`], and who wants every packet out of order to take off a loss
//! hands them all in as [`Window::recovered`]. What remains a matter of opinion is a switch:
//! [`Config::ignore_silence`], [`Config::rate_half_life`], [`Config::bitrate_score`].
//!
//! ```
//! use std::time::Duration;
//! use media_metrics_core::quality::{Codec, Config, Outcome, Rating, Reason, Scorer, Window};
//!
//! let opus = Config::inbound(Codec::Opus.loss_weight(false));
//! let mut scorer = Scorer::new(opus, Duration::ZERO);
//! let window = Window {
//!     duration: Duration::from_secs(5),
//!     packets: 250,
//!     lost: 5,
//!     rtt: Duration::from_millis(400),
//!     jitter: Duration::from_millis(30),
//!     ..Window::default()
//! };
//! let Outcome::Scored(quality) = scorer.update(Duration::from_secs(5), &window) else {
//!     unreachable!("nothing is muted")
//! };
//! assert_eq!(quality.score, 76.0); // 0.8 * 70 + 0.2 * 100
//! assert_eq!(quality.rating, Rating::Good);
//! assert_eq!(quality.reason, Some(Reason::Packet));
//! assert!((quality.mos - 3.8643).abs() < 1e-4);
//! ```

mod codec;
mod config;
mod expect;
mod hold;
mod parts;
mod rate;
mod reports;
mod scorer;
mod verdict;
mod window;

pub use codec::{Codec, DEFAULT_LOSS_WEIGHT};
pub use config::{Config, ReportAge};
pub use expect::{Layer, MAX_LAYER_DISTANCE, layer_distance};
pub use parts::Parts;
pub use rate::{RATE_BINS, RateHistogram};
pub use scorer::{LayeredScorer, Scorer};
pub use verdict::{Outcome, Quality, Rating, Reason, Skip, mos, worst};
pub use window::Window;
