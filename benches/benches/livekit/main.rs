//! LiveKit's pipeline: a client's batch taken in, handed to a thousand receivers, and ten thousand participants.
//!
//! `batch`: one batch against decoding it. `fan_out`: a room of a thousand, against merging for each receiver
//! as the reference does. `crowd`: what ten thousand participants take of memory and of a core.

#![expect(
    clippy::expect_used,
    reason = "a contender that can't be set up has no result: the run stops"
)]

mod batch;
mod crowd;
mod fan_out;

use std::io;

use media_metrics_benches::alloc::Counting;
use media_metrics_benches::options::Options;
use media_metrics_benches::results::Section;
use media_metrics_benches::say;
use media_metrics_core::livekit::time::ServerTime;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// When everything here begins.
const START: ServerTime = ServerTime::from_ns(1_700_000_000_000_000_000);

fn main() -> io::Result<()> {
    let options = Options::from_args().map_err(io::Error::other)?;
    say::note("livekit: about half a minute (--quick: seconds)");
    let mut section = Section::new("livekit");
    batch::run(&options, &mut section);
    fan_out::run(&options, &mut section);
    crowd::run(&options, &mut section);
    section.finish(&options)
}
