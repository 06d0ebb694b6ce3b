//! `instructions record` counts the instructions of every probe and writes `instructions.toml`;
//! `instructions check` counts again and fails when one grew. Needs valgrind and binutils.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use media_metrics_benches::baseline::{self, Baseline, Verdict};
use media_metrics_benches::results::{figure, table};
use media_metrics_benches::{callgrind, machine, probe, say};

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["record"] => record(),
        ["check"] => check(),
        _ => Err("usage: instructions record | instructions check".to_owned()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(e) => {
            say::note(format_args!("instructions: {e}"));
            ExitCode::from(2)
        }
    }
}

fn record() -> Result<bool, String> {
    let now = count(&probe::build()?)?;
    let text = Baseline::new(machine::rustc(), now).to_text();
    std::fs::write(baseline::FILE, &text)
        .map_err(|e| format!("cannot write {}: {e}", baseline::FILE))?;
    say::line(text);
    Ok(true)
}

fn check() -> Result<bool, String> {
    let text = std::fs::read_to_string(baseline::FILE).map_err(|e| {
        format!(
            "cannot read {}: {e} (run `instructions record`)",
            baseline::FILE
        )
    })?;
    let recorded = Baseline::parse(&text)?;
    let rustc = machine::rustc();
    if rustc != recorded.rustc {
        say::note(format_args!(
            "recorded with {}, counted with {rustc}",
            recorded.rustc
        ));
    }
    let now = count(&probe::build()?)?;
    let verdicts = recorded.compare(&now);
    let cell = |counts: &BTreeMap<String, f64>, name| {
        counts
            .get(name)
            .map_or_else(|| "-".to_owned(), |&c| figure(c))
    };
    let rows = verdicts.iter().map(|(name, verdict)| {
        vec![
            name.clone(),
            verdict.words().to_owned(),
            cell(&recorded.counts, name),
            cell(&now, name),
        ]
    });
    let head = ["probe", "verdict", "recorded", "now"].map(str::to_owned);
    say::line(table(&head, &rows.collect::<Vec<_>>()));
    let failed = verdicts.values().copied().any(Verdict::fails);
    if failed {
        say::line(format_args!(
            "A hot function grew by more than {} % and {} instruction(s): make it smaller, or record the new \
             count and say in the commit why it is worth it.",
            recorded.percent, recorded.slack
        ));
    }
    Ok(!failed)
}

/// Instructions per call of every probe.
fn count(program: &Path) -> Result<BTreeMap<String, f64>, String> {
    let one = |p: &probe::Probe| Ok((p.name.to_owned(), callgrind::per_call(program, p)?));
    probe::ALL.iter().map(one).collect()
}
