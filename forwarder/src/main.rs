//! The program `media-metrics`: reads the command line, runs a command, prints what people read.
//!
//! Lives here: standard output and error, signals, exit status (0: done, 1: broke while running, 2: did
//! not start). Not here: anything that a test could want to call.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use crossbeam_channel::{Receiver, bounded, select};
use media_metrics_forwarder::cli::{AnalyzeFlags, Cli, Command, ForwardFlags, GenerateFlags};
use media_metrics_forwarder::config::Settings;
use media_metrics_forwarder::dumps::DumpRequests;
use media_metrics_forwarder::forward::Forwarder;
use media_metrics_forwarder::generate;

/// How often the program looks whether merges stand still.
const LOOK: Duration = Duration::from_secs(1);

/// Exit status of everything that keeps the program from starting; clap's for wrong flags, too.
const DID_NOT_START: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let (flags, print_only) = match cli.command {
        None => (cli.flags, false),
        Some(Command::Forward(flags)) => (flags.or(cli.flags), false),
        Some(Command::Config(flags)) => (flags.or(cli.flags), true),
        Some(command @ (Command::Analyze(_) | Command::Generate(_)))
            if cli.flags != ForwardFlags::default() =>
        {
            return fail(format!(
                "flags of `forward` mean nothing to `{}`: leave them out",
                command.name()
            ));
        }
        Some(Command::Analyze(flags)) => return analyze(&flags),
        Some(Command::Generate(flags)) => return generate(&flags),
    };
    match Settings::load(cli.config.as_deref(), flags) {
        Err(error) => fail(error),
        Ok(settings) if print_only => {
            settings
                .without_secrets()
                .to_yaml()
                .map_or_else(fail, |yaml| {
                    say(yaml.trim_end());
                    ExitCode::SUCCESS
                })
        }
        Ok(settings) => forward(&settings),
    }
}

fn analyze(flags: &AnalyzeFlags) -> ExitCode {
    match flags.job().run() {
        Err(error) => fail(error),
        Ok(analysis) => {
            for warning in &analysis.warnings {
                let _ = writeln!(io::stderr(), "warning: {warning}");
            }
            say(analysis.to_text(flags.format));
            ExitCode::SUCCESS
        }
    }
}

fn generate(flags: &GenerateFlags) -> ExitCode {
    if flags.check {
        return match generate::differences(&flags.out) {
            Err(error) => fail(error),
            Ok(differences) if differences.is_empty() => ExitCode::SUCCESS,
            Ok(differences) => {
                for difference in &differences {
                    let _ = writeln!(io::stderr(), "{difference}");
                }
                let _ = writeln!(io::stderr(), "run `media-metrics generate` to mend that");
                ExitCode::FAILURE
            }
        };
    }
    match generate::write(&flags.out) {
        Err(error) => fail(error),
        Ok(changed) => {
            say(format!(
                "{} files, {} of them changed",
                generate::files().len(),
                changed.len()
            ));
            ExitCode::SUCCESS
        }
    }
}

fn forward(settings: &Settings) -> ExitCode {
    // Before the first thread: all others keep the signal away from themselves as this one does.
    let dumps = match DumpRequests::hold() {
        Ok(dumps) => dumps,
        Err(error) => return fail(format!("cannot listen for SIGUSR1: {error}")),
    };
    // Before anything else: a Ctrl-C during the start must end the program in good order, too.
    let stop = match signals() {
        Ok(stop) => stop,
        Err(error) => return fail(format!("cannot listen for Ctrl-C: {error}")),
    };
    let forwarder = match Forwarder::start(settings) {
        Ok(forwarder) => forwarder,
        Err(error) => return fail(error),
    };
    if let Err(error) = dumps.answer(settings, &forwarder) {
        let _ = writeln!(io::stderr(), "warning: no dumps at SIGUSR1: {error}");
    }
    announce(settings, &forwarder);
    // However the wait ends (signal or time), what follows is the same.
    let ends = settings
        .duration
        .and_then(|seconds| Instant::now().checked_add(seconds.duration()));
    wait(&stop, forwarder.worker_ended(), ends, || {
        forwarder.stuck_for()
    });
    let report = forwarder.stop();
    say(report.to_string().trim_end());
    if report.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Waits for the signal or the end, or for a worker that breaks, which it tells; warns once each time that merges stand
/// still.
fn wait(
    stop: &Receiver<()>,
    worker_ended: &Receiver<()>,
    ends: Option<Instant>,
    stuck_for: impl Fn() -> Option<Duration>,
) {
    let mut warned = false;
    loop {
        let left = ends.map(|ends| ends.saturating_duration_since(Instant::now()));
        let step = left.map_or(LOOK, |left| left.min(LOOK));
        select! {
            // A signal, or nobody left who could send one: over.
            recv(stop) -> _ => return,
            recv(worker_ended) -> _ => {
                let _ = writeln!(
                    io::stderr(),
                    "error: a worker broke, so not everything is forwarded any more: closing the rest"
                );
                return;
            }
            default(step) => {}
        }
        if left == Some(step) {
            return;
        }
        let stuck = stuck_for();
        if let Some(delay) = stuck.filter(|_| !warned) {
            let _ = writeln!(
                io::stderr(),
                "warning: metrics have stood still for {delay:.0?}, longer than node_stats.stats_max_delay: is the \
                 machine overloaded?"
            );
        }
        warned = stuck.is_some();
    }
}

/// Gets something on the first Ctrl-C, SIGTERM or SIGHUP.
fn signals() -> Result<Receiver<()>, ctrlc::Error> {
    let (tell, told) = bounded(1);
    ctrlc::set_handler(move || {
        // Full means that the first signal has not been taken yet: one is enough.
        let _ = tell.try_send(());
    })?;
    Ok(told)
}

fn announce(settings: &Settings, forwarder: &Forwarder) {
    let workers = settings.workers.get();
    for room in forwarder.rooms() {
        let to: Vec<String> = room.subscribers.iter().map(ToString::to_string).collect();
        let to = match to.is_empty() {
            true => "nobody (packets are measured and go nowhere)".to_owned(),
            false => to.join(", "),
        };
        say(format!(
            "room {}: RTP and RTCP on {}, {workers} workers, to {to}",
            room.name, room.listen
        ));
    }
    if let Some(synthetic) = settings.synthetic {
        let streams = synthetic.streams.get();
        say(format!(
            "built-in publishers: {streams} streams, seed {}",
            synthetic.seed
        ));
    }
    if let Some(addr) = forwarder.sink_addr() {
        say(format!("built-in subscriber: {addr}"));
    }
    match forwarder.metrics_url() {
        Some(url) => say(format!("metrics: {url}")),
        None => say("metrics: off"),
    }
    if let Some(url) = forwarder.page_url() {
        say(format!("live page: {url}"));
    }
    match settings.duration {
        Some(seconds) => say(format!("ends after {} s, or at Ctrl-C", f64::from(seconds))),
        None => say("ends at Ctrl-C"),
    }
}

/// Prints a line at once. A reader that went away is no reason to stop forwarding.
fn say(text: impl Display) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn fail(error: impl Display) -> ExitCode {
    let _ = writeln!(io::stderr(), "error: {error}");
    ExitCode::from(DID_NOT_START)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_time_and_a_broken_worker_end_the_wait() {
        let soon = Some(Instant::now() + Duration::from_millis(10));
        let (nobody, silent) = bounded(1);
        let (tell, told) = bounded(1);
        tell.send(()).unwrap();
        // That each returns is the assertion.
        wait(&silent, &silent, soon, || None);
        wait(&told, &silent, None, || None);
        tell.send(()).unwrap();
        wait(&silent, &told, None, || None);
        drop(nobody);
    }
}
