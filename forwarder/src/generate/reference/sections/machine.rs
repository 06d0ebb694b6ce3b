//! The machine, the process, the build.

use media_metrics_core::catalog as c;

use crate::generate::reference::note::Appears::{If, MovedBy, Once};
use crate::generate::reference::note::{Appears, Note, Question, Section, note};

const LIVEKIT: Appears = If("`--profile livekit` or `both`, on Linux");
const LOAD: Appears = Once("the CPU was read twice, with `--profile livekit` or `both`, on Linux");
const CLIENTS: &str = "Prometheus' \"Writing client libraries\" (process metrics); `/proc/self/stat`, `/proc/self/fd`, `/proc/self/limits`";

/// Node, process, build and target.
pub(super) static SECTION: Section = Section {
    title: "Machine and process",
    about: "What the machine has left and what this process takes. `process_*` have the names and meanings that all of Prometheus' client libraries \
            share (`process: false` turns them off).",
    questions: &[
        Question {
            asked: "How many CPUs does the process use?",
            answer: "rate({}[1m])",
            of: &[&c::PROCESS_CPU],
        },
        Question {
            asked: "Which builds run where?",
            answer: "count by (version, revision, instance) ({})",
            of: &[&c::BUILD_INFO],
        },
        Question {
            asked: "What share of the node's memory is in use?",
            answer: "{} / {}",
            of: &[&c::NODE_MEMORY_USED, &c::NODE_MEMORY_TOTAL],
        },
    ],
    notes: NOTES,
};

#[rustfmt::skip] // One a line.
static NOTES: &[Note] = &[
    note(&c::NODE_CPUS, "It changes: a quota was set, or CPUs were taken away.", &[], "`cpu.max` or `cpu.cfs_quota_us` of control groups; `sched_getaffinity(2)`").appears(LIVEKIT),
    note(&c::NODE_CPU_LOAD, "Above 0.8 for five minutes: forwarding times rise next.", &[], "`/proc/stat`, line `cpu`; `cpu.stat` of control groups").appears(LOAD),
    note(&c::NODE_MEMORY_USED, "It is more than nine tenths of {}.", &[&c::NODE_MEMORY_TOTAL], "`memory.current` of control groups; `/proc/meminfo`").appears(LIVEKIT),
    note(&c::NODE_MEMORY_TOTAL, "Not by itself: it is what the memory in use is a share of.", &[], "`memory.max` of control groups; `/proc/meminfo`, `MemTotal`").appears(LIVEKIT),
    note(&c::NODE_LOAD1, "Above twice the CPUs.", &[], "`/proc/loadavg`, first field").appears(LIVEKIT),
    note(&c::NODE_LOAD5, "Above twice the CPUs.", &[], "`/proc/loadavg`, second field").appears(LIVEKIT),
    note(&c::NODE_LOAD15, "Above the CPUs: the machine is too small.", &[], "`/proc/loadavg`, third field").appears(LIVEKIT),
    note(&c::NODE_READ_FAILURES, "It rises all the time: that part of the node's statistics is missing, as in a container without `/proc` or netlink.", &[], "`/proc`, `/sys/fs/cgroup`, `rtnetlink(7)`").appears(LIVEKIT),
    note(&c::PROCESS_CPU, "Its rate is above 0.9 times the workers: they have no time left.", &[], CLIENTS),
    note(&c::PROCESS_RESIDENT, "It grows without end while streams and series do not.", &[], CLIENTS),
    note(&c::PROCESS_VIRTUAL, "Hardly ever: cells are reserved, and committed as they are used.", &[], CLIENTS),
    note(&c::PROCESS_VIRTUAL_MAX, "{} nears it.", &[&c::PROCESS_VIRTUAL], CLIENTS).appears(If("the process has such a limit (`ulimit -v`)")),
    note(&c::PROCESS_OPEN_FDS, "It is more than eight tenths of {}.", &[&c::PROCESS_MAX_FDS], CLIENTS),
    note(&c::PROCESS_MAX_FDS, "Not by itself: it is what the open ones are a share of.", &[], CLIENTS).appears(MovedBy("`ulimit -n`; absent without a limit")),
    note(&c::PROCESS_START, "It changes without you: the process was started anew.", &[], CLIENTS),
    note(&c::PROCESS_THREADS, "It grows without end.", &[], "Prometheus' Go and Python clients"),
    note(&c::BUILD_INFO, "There are several versions for longer than a roll-out takes.", &[], "Prometheus' \"Metric and label naming\" (`_info`)"),
    note(&c::TARGET_INFO, "Not by itself: it is joined for its labels.", &[], "OpenTelemetry's resource; OpenMetrics 1.0 (target metadata)").appears(If("`target` is not empty")),
];
