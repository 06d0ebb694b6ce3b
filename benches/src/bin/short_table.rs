//! Writes the README's table of costs anew, from `RESULTS.md`.

use std::path::Path;
use std::process::ExitCode;
use std::{fs, io};

use media_metrics_benches::{record, say};

fn main() -> ExitCode {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    match renew(&here.join("../README.md"), &here.join("RESULTS.md")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            say::note(format_args!("short_table: {why}"));
            ExitCode::FAILURE
        }
    }
}

fn renew(readme: &Path, record: &Path) -> Result<(), String> {
    let failed = |path: &Path, e: io::Error| format!("{}: {e}", path.display());
    let read = |path: &Path| fs::read_to_string(path).map_err(|e| failed(path, e));
    let renewed = record::renew(&read(readme)?, &read(record)?)
        .map_err(|why| format!("{} from {}: {why}", readme.display(), record.display()))?;
    fs::write(readme, renewed).map_err(|e| failed(readme, e))
}
