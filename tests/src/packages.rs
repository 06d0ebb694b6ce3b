//! Packages of other registries, as peers and judges.
//!
//! Lives here: installing them, once for each list of versions, below the target folder. Not here: what is done
//! with them (`browser`, `grafana`, `livekit`, `otlp`, `prometheus_client`, `hlog`).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::package;
use crate::process::Process;
use crate::workspace::target;

/// How long an installation over the network may take: Grafana's components are some 500 MB.
const INSTALLING: Duration = Duration::from_secs(600);

/// Packages for Python: `requirements.txt` of a folder of this package.
///
/// What is given is what stands after `python3` to run the folder's `script`; the script's own arguments follow.
pub(crate) fn python(folder: &str, script: &str) -> Vec<String> {
    let packages = python_packages(folder);
    let run = "import runpy, sys; sys.path.insert(0, sys.argv[1]); sys.argv[:2] = []; \
               runpy.run_path(sys.argv[0], run_name='__main__')";
    let script = package().join(folder).join(script).display().to_string();
    let packages = packages.display().to_string();
    ["-c".to_owned(), run.to_owned(), packages, script].into()
}

/// A file of these packages: some bring programs along.
pub(crate) fn python_file(folder: &str, file: &str) -> PathBuf {
    python_packages(folder).join(file)
}

fn python_packages(folder: &str) -> PathBuf {
    let list = package().join(folder).join("requirements.txt");
    installed(&format!("{folder}-python"), &list, |target, list| {
        let pip =
            "-m pip install --quiet --disable-pip-version-check --no-input --upgrade --target";
        let mut arguments: Vec<String> = pip.split(' ').map(str::to_owned).collect();
        arguments.extend([
            target.display().to_string(),
            "--requirement".to_owned(),
            list.display().to_string(),
        ]);
        ("python3", arguments)
    })
}

/// Packages for Node.js: those of the manifest `list`. The folder that has the `node_modules`.
pub(crate) fn node(name: &str, list: &Path) -> PathBuf {
    installed(&format!("{name}-node"), list, |folder, list| {
        let manifest = folder.join("package.json");
        fs::copy(list, &manifest).unwrap_or_else(|e| panic!("{}: {e}", manifest.display()));
        let npm = "install --no-audit --no-fund --no-package-lock --ignore-scripts --prefix";
        let mut arguments: Vec<String> = npm.split(' ').map(str::to_owned).collect();
        arguments.push(folder.display().to_string());
        ("npm", arguments)
    })
}

/// The folder in which the packages of `list` are, after they were installed there.
///
/// Its name has the list's content in it, so that another version is another folder.
fn installed(
    name: &str,
    list: &Path,
    install: impl FnOnce(&Path, &Path) -> (&'static str, Vec<String>),
) -> PathBuf {
    // Tests run side by side, and two installations into one folder would be in each other's way.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let content = fs::read(list).unwrap_or_else(|e| panic!("{}: {e}", list.display()));
    let folder = target().join(format!("{name}-{:08x}", checksum(&content)));
    let complete = folder.join("complete");
    if complete.is_file() {
        return folder;
    }
    fs::create_dir_all(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let (program, arguments) = install(&folder, list);
    let mut process = Process::start(Path::new(program), &arguments);
    let status = process.finish(INSTALLING);
    assert!(
        status.success(),
        "can't install {}, which needs the network or a mirror of its registry: {}",
        list.display(),
        process.quoted()
    );
    fs::write(&complete, "").unwrap_or_else(|e| panic!("{}: {e}", complete.display()));
    folder
}

/// FNV-1a.
fn checksum(content: &[u8]) -> u32 {
    let step = |sum: u32, byte: &u8| (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    content.iter().fold(0x811c_9dc5, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_list_is_another_folder() {
        assert_eq!(checksum(b""), 0x811c_9dc5);
        assert_eq!(checksum(b"a"), 0xe40c_292c);
    }
}
