//! The command line: which commands there are, and their flags.
//!
//! Lives here: what is typed, as types. Not here: defaults (`config`), so that a flag that was not
//! given never hides a value from the configuration file.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::analyze::{Format, Job};
use crate::config::{MetricsAddress, Profile, Seconds, StreamCount, Subscriber, WorkerCount};
use crate::payload::ClockRate;

/// Instrumented RTP forwarder: every packet is forwarded, and every packet is measured.
#[derive(Debug, Parser)]
#[command(name = "media-metrics", version, max_term_width = 100)]
pub struct Cli {
    /// Configuration file (YAML); flags win over it.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Without a command, these are `forward`'s.
    #[command(flatten)]
    pub flags: ForwardFlags,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Forward RTP and RTCP between UDP ports and serve metrics (the default).
    Forward(ForwardFlags),
    /// Print the effective configuration as YAML: file, flags and defaults together.
    Config(ForwardFlags),
    /// Read captures and print statistics of every RTP stream in them.
    ///
    /// Captures are pcap or pcapng, plain or gzip. RTP is found by what it looks like: a source (an SSRC
    /// between two addresses and UDP ports) counts with three packets whose sequence numbers and timestamps
    /// follow one another, with two if RTCP names it, or with two neighbours if there are no more. A stream
    /// ends with RTCP's goodbye, or with 25 s of silence if what comes then has nothing to do with it.
    ///
    /// What can't be read of a damaged capture is told on standard error; the status is 0 then, and 2 for a
    /// file that is no capture.
    Analyze(AnalyzeFlags),
    /// Write dashboards, rules, runbooks, provisioning and the metric reference.
    Generate(GenerateFlags),
}

/// Flags of `generate`.
#[derive(Clone, Debug, PartialEq, Args)]
pub struct GenerateFlags {
    /// The folder to write to: grafana/ and docs/ come to stand in it.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,
    /// Write nothing; name the files that are not what would be written, with status 1 if there are any.
    #[arg(long)]
    pub check: bool,
}

impl Command {
    /// What is typed for it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Forward(_) => "forward",
            Self::Config(_) => "config",
            Self::Analyze(_) => "analyze",
            Self::Generate(_) => "generate",
        }
    }
}

/// Flags of `analyze`.
#[derive(Clone, Debug, PartialEq, Args)]
pub struct AnalyzeFlags {
    /// Captures, in the order in which they were made: streams go on from one to the next. `-` is standard
    /// input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How to print what was found.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// The RTP clock rate of a payload type, `96=90000` say; may be given several times. [default: what
    /// session descriptions in the capture say, RFC 3551, sender reports, or an estimate]
    #[arg(long = "clock-rate", value_name = "PT=HZ", value_parser = clock_rate)]
    pub clock_rates: Vec<(u8, ClockRate)>,
}

impl AnalyzeFlags {
    /// What to analyse.
    #[must_use]
    pub fn job(&self) -> Job {
        Job {
            files: self.files.clone(),
            clock_rates: self.clock_rates.clone(),
        }
    }
}

fn clock_rate(said: &str) -> Result<(u8, ClockRate), String> {
    let no_type = "write it as PT=HZ, a payload type from 0 to 127 and its rate: 96=90000";
    let (pt, hz) = said.split_once('=').ok_or(no_type)?;
    let pt = pt.parse().ok().filter(|pt| *pt < 128).ok_or(no_type)?;
    let hz: u32 = hz.parse().map_err(|_| no_type)?;
    Ok((pt, ClockRate::try_from(hz)?))
}

/// Flags of `forward`.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[command(next_help_heading = "Forwarding")]
pub struct ForwardFlags {
    /// Receive RTP and RTCP on this address.
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Forward every packet to this address; may be given several times.
    #[arg(long = "subscriber", value_name = "ADDR")]
    pub subscribers: Vec<Subscriber>,
    /// Send N built-in streams through the forwarder's own port.
    #[arg(long, value_name = "N")]
    pub synthetic: Option<StreamCount>,
    /// Serve metrics on this address, or on a Unix socket (unix:PATH) [default: 127.0.0.1:9464].
    #[arg(long, value_name = "ADDR")]
    pub metrics: Option<MetricsAddress>,
    /// Which families to serve: ours (media_...), LiveKit's (livekit_...), or both [default: media].
    #[arg(long, value_enum, value_name = "PROFILE")]
    pub profile: Option<Profile>,
    /// End after this many seconds [default: at Ctrl-C].
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub duration: Option<Seconds>,
    /// Forwarding threads [default: one for each processor].
    #[arg(long, value_name = "N")]
    pub workers: Option<WorkerCount>,
    /// Forward without measuring anything: the baseline for benchmarks.
    #[arg(long)]
    pub no_metrics: bool,
}

impl ForwardFlags {
    /// These flags, completed by those that stood before the command's name.
    #[must_use]
    pub fn or(self, before: Self) -> Self {
        Self {
            listen: self.listen.or(before.listen),
            subscribers: [before.subscribers, self.subscribers].concat(),
            synthetic: self.synthetic.or(before.synthetic),
            metrics: self.metrics.or(before.metrics),
            profile: self.profile.or(before.profile),
            duration: self.duration.or(before.duration),
            workers: self.workers.or(before.workers),
            no_metrics: self.no_metrics || before.no_metrics,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn parse(line: &str) -> Result<Cli, clap::Error> {
        Cli::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn forward_is_the_default_and_flags_stand_on_either_side() {
        let bare = parse("media-metrics --synthetic 4 --duration 5").unwrap();
        assert!(bare.command.is_none());
        let named =
            parse("media-metrics --config f.yaml --synthetic 4 forward --duration 5").unwrap();
        assert_eq!(named.config.as_deref(), Some("f.yaml".as_ref()));
        let Some(Command::Forward(flags)) = named.command else {
            panic!("forward was named");
        };
        assert_eq!(flags.or(named.flags), bare.flags);
    }

    #[test]
    fn subscribers_add_up_in_order() {
        let cli = parse("media-metrics --subscriber 127.0.0.1:1 forward --subscriber [::1]:2 --subscriber 127.0.0.1:3").unwrap();
        let Some(Command::Forward(flags)) = cli.command else {
            panic!("forward was named");
        };
        let all: Vec<String> = flags
            .or(cli.flags)
            .subscribers
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(all, ["127.0.0.1:1", "[::1]:2", "127.0.0.1:3"]);
    }

    #[test]
    fn bad_flags_are_usage_errors_that_name_the_flag() {
        for line in [
            "media-metrics --synthetic many",
            "media-metrics --workers 0",
            "media-metrics --duration -1",
            "media-metrics --duration 0",
            "media-metrics --listen localhost",
            "media-metrics --profile all",
            "media-metrics --nonsense",
            "media-metrics nonsense",
            "media-metrics analyze",
        ] {
            let error = parse(line).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
            let flag = line.split_whitespace().nth(1).unwrap();
            assert!(error.to_string().contains(flag), "{line}: {error}");
        }
    }
}
