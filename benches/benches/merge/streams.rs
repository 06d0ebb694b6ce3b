//! Streams folded into their groups, all busy, all idle, and coming and going.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use media_metrics_benches::alloc;
use media_metrics_benches::contest::{Contest, Role, median};
use media_metrics_benches::options::Options;
use media_metrics_benches::packets::Generator;
use media_metrics_benches::results::{Section, figure};
use media_metrics_core::livekit::derive_families;
use media_metrics_core::livekit::families::{NodeIdentity, NodeType};
use media_metrics_core::quality::{Codec, Config};
use media_metrics_core::registry::Group;
use media_metrics_core::{Registry, Stream, StreamConfig, catalog};

use crate::allocations;

const BUSY: &str = "Registry::collect, a packet on each stream";
const UNRANKED: &str = "the same, the worst not looked for";

/// 64-bit words of a stream that groups are made of, the lock's included: what any merge must look at.
const WORDS: usize = 14;

pub(crate) fn run(options: &Options, streams: usize, section: &mut Section) {
    let title = format!("tick: {streams} streams");
    if !options.wants(&title) {
        return;
    }
    let mut c = Contest::new(&title, "ns per stream", streams as f64);

    let blocks: Vec<Box<[AtomicU64; WORDS]>> = (0..streams)
        .map(|_| Box::new(std::array::from_fn(|_| AtomicU64::new(0))))
        .collect();
    let mut packets = 0;
    c.enter(
        Role::Floor,
        "read the words of each stream once, add up",
        move |_, n| {
            (0..n)
                .map(|_| {
                    packets += 1;
                    blocks
                        .iter()
                        .for_each(|b| b.iter().for_each(|w| w.store(packets, Relaxed)));
                    let mut totals = [0_u64; WORDS];
                    let start = Instant::now();
                    for block in &blocks {
                        totals
                            .iter_mut()
                            .zip(&**block)
                            .for_each(|(t, w)| *t += w.load(Relaxed));
                    }
                    let time = start.elapsed();
                    assert_eq!(totals, [packets * streams as u64; WORDS]);
                    time
                })
                .sum()
        },
    );

    let mut busy = Live::new(streams, Extra::Nothing);
    let mut unranked = Live::new(streams, Extra::Unranked);
    let mut idle = Live::new(streams, Extra::Nothing);
    idle.packet_each();
    drop(idle.registry.collect());
    c.enter(Role::Ours, BUSY, move |_, n| {
        (0..n).map(|_| busy.busy_tick()).sum()
    });
    c.enter(Role::Ours, UNRANKED, move |_, n| {
        (0..n).map(|_| unranked.busy_tick()).sum()
    });
    c.enter(Role::Ours, "Registry::collect, all idle", move |_, n| {
        (0..n).map(|_| idle.tick()).sum()
    });

    let outcome = c.hold(options, &[1]);
    section.outcome(&outcome);
    section.ratio_goal(&format!("{title}, busy"), &outcome, BUSY, 0, 2.0);
    section.reason(
        format!("{title}, busy"),
        "the floor reads each word once; a tick also takes twelve differences a stream, keeps the values of the tick before, \
         which is a second stream of memory, records jitter, and looks for the worst.",
    );
    if let Some(row) = outcome.rows.iter().find(|r| r.name == BUSY) {
        let ms = row.cells[0].median * streams as f64 / 1e6;
        section.goal(&format!("{title}, busy: time"), ms, 100.0, "ms");
    }
    let mut live = Live::new(streams, Extra::Nothing);
    let registry = live.registry.clone();
    let calls = allocations(&registry, || live.packet_each());
    section.goal(&format!("{title}: allocations"), calls as f64, 0.0, "");
    section.reason(
        format!("{title}: allocations"),
        "work goes to rayon's threads through a queue that takes a block of memory for each 63 jobs.",
    );
}

/// 100,000 streams alive, 10,000 ended and as many made before each tick; then the same with every stream
/// judged, and a window's length such that about a fifth of them is due at a tick: a tick here is a second of
/// real life, and a window five.
pub(crate) fn churn(options: &Options, section: &mut Section) {
    const TITLE: &str = "churn: 100,000 streams, 10,000 ended and made a tick";
    if options.wants(TITLE) {
        for (extra, words) in [
            (Extra::Nothing, ""),
            (Extra::Judged, ", all judged"),
            (Extra::LiveKit, ", LiveKit's families derived"),
        ] {
            churn_of(&format!("{TITLE}{words}"), extra, options, section);
        }
    }
}

/// What is done with streams besides folding them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extra {
    Nothing,
    /// Less, rather: no slots for the worst.
    Unranked,
    Judged,
    LiveKit,
}

fn churn_of(title: &str, extra: Extra, options: &Options, section: &mut Section) {
    const ALIVE: usize = 100_000;
    const CHANGED: usize = 10_000;
    let ticks = if options.quick { 30 } else { 120 };
    let mut live = Live::new(ALIVE, extra);
    let mut times = Vec::new();
    let mut bytes = Vec::new();
    for tick in 0..ticks {
        for i in 0..CHANGED {
            let at = (tick * CHANGED + i) % ALIVE;
            let new = live.make();
            live.replace(at, new);
        }
        times.push(live.busy_tick().as_secs_f64() * 1e3);
        bytes.push(alloc::live_bytes() as f64);
    }
    // The first lap fills what is reused from then on.
    let settled = bytes.split_off(ALIVE / CHANGED);
    let (first, last) = settled.split_at(settled.len() / 2);
    let growth = median(last.to_vec()) / median(first.to_vec()) - 1.0;
    let worst = times.iter().copied().fold(0.0, f64::max);
    let row = vec![
        title.to_owned(),
        "**ours**".to_owned(),
        figure(median(times)),
        figure(worst),
        figure(median(last.to_vec()) / ALIVE as f64),
        figure(growth * 100.0),
    ];
    let head = [
        "",
        "",
        "ms a tick",
        "worst",
        "heap bytes a stream",
        "growth, %",
    ]
    .map(str::to_owned);
    section.table(&head, &[row]);
    section.goal(&format!("{title}: worst tick"), worst, 100.0, "ms");
    section.goal(
        &format!("{title}: growth of memory"),
        growth * 100.0,
        1.0,
        "%",
    );
}

/// About as long as five ticks of 100,000 judged streams take, with the packets and the streams made between.
const FIVE_TICKS: Duration = Duration::from_millis(300);

/// A registry with streams in one group.
struct Live {
    registry: Registry,
    group: Group,
    streams: Vec<(Stream, u64)>,
    source: Generator,
    /// Packets that the group must show.
    sent: u64,
    extra: Extra,
}

impl Live {
    fn new(streams: usize, extra: Extra) -> Self {
        let limit = streams + streams / 5;
        let registry = Registry::builder()
            .max_streams(limit)
            .quality_window(FIVE_TICKS)
            .worst(if extra == Extra::Unranked { 0 } else { 10 })
            .build()
            .expect("a registry");
        let group = registry.group(&["incoming", "audio"]).expect("a group");
        if extra == Extra::LiveKit {
            let node = NodeIdentity::new("ND_bench", NodeType::Server);
            derive_families(&registry, &node, None).expect("families");
        }
        let source = Generator::audio(1);
        let mut live = Self {
            registry,
            group,
            streams: Vec::new(),
            source,
            sent: 0,
            extra,
        };
        live.streams = (0..streams).map(|_| live.make()).collect();
        live
    }

    fn make(&self) -> (Stream, u64) {
        let config = StreamConfig::new(1, self.source.clock_rate());
        let stream = self.registry.stream(&self.group, config).expect("a stream");
        if self.extra == Extra::Judged {
            let opus = Config::inbound(Codec::Opus.loss_weight(false));
            drop(self.registry.judge(&stream, opus, None).expect("a judge"));
        }
        (stream, 0)
    }

    fn replace(&mut self, at: usize, new: (Stream, u64)) {
        if let Some(old) = self.streams.get_mut(at) {
            *old = new;
        }
    }

    fn packet_each(&mut self) {
        for (stream, next) in &mut self.streams {
            let (header, arrival) = self.source.header(*next);
            stream.on_rtp(&header, arrival);
            *next += 1;
        }
        self.sent += self.streams.len() as u64;
    }

    fn busy_tick(&mut self) -> Duration {
        self.packet_each();
        self.tick()
    }

    fn tick(&self) -> Duration {
        let start = Instant::now();
        let snapshot = self.registry.collect();
        let time = start.elapsed();
        let name = catalog::RTP_PACKETS.name();
        assert_eq!(
            snapshot.counter(name, &["incoming", "audio"]),
            Some(self.sent)
        );
        time
    }
}
