//! The disk for dumps is full: no dump, nothing left behind, and nobody waits.
//!
//! The disk is a small one in memory, mounted where only the program sees it.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use media_metrics_tests::program::Program;
use rustix::process::Signal;

use crate::by_both_signals;
use crate::private;
use crate::scene::{Scene, Setting, number};
use crate::scrapers::Page;

/// Mounts it at the first argument and becomes the rest.
const MOUNT: &str = "mount -t tmpfs -o size=1m chaos \"$0\" && exec \"$@\"";

/// A disk that only the program sees.
pub(crate) struct Disk {
    mounted: PathBuf,
}

impl Disk {
    /// What stands before the program so that it sees the disk at `folder`.
    pub(crate) fn line(folder: &str) -> Vec<&str> {
        let mut line = private::line(&["--mount", "--propagation", "private"]);
        line.extend(["sh", "-c", MOUNT, folder]);
        line
    }

    /// The disk, as the program sees it.
    pub(crate) fn of(program: &Program, folder: &Path) -> Self {
        let process = program.id().as_raw_nonzero();
        let folder = folder.strip_prefix("/").unwrap();
        Self {
            mounted: Path::new("/proc")
                .join(format!("{process}/root"))
                .join(folder),
        }
    }

    /// Takes all room that is left.
    #[track_caller]
    pub(crate) fn fill(&self) {
        let mut ballast = fs::File::create(self.mounted.join("ballast")).unwrap();
        let full = std::iter::repeat_with(|| ballast.write_all(&[7; 4_096]))
            .take(1_000)
            .find_map(Result::err);
        assert_eq!(full.map(|e| e.kind()), Some(ErrorKind::StorageFull));
    }

    /// Gives it back.
    pub(crate) fn clear(&self) {
        fs::remove_file(self.mounted.join("ballast")).unwrap();
    }

    /// Names of the files, but for the ballast.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.mounted).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "ballast").collect()
    }
}

/// The configuration that dumps into `folder`.
pub(crate) fn dumps_into(folder: &str) -> String {
    format!("history: {{minutes: 1, dump_dir: '{folder}'}}\n")
}

fn scene(signal: Signal) {
    const DUMPS: &str = "media_metrics_history_dumps_total";
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().to_str().unwrap();
    let mut scene = Scene::start(&Setting {
        behind: Disk::line(at),
        // Dumps are made in memory.
        growth: 12 << 20,
        yaml: dumps_into(at),
        ..Setting::default()
    });
    let page = Page::Tcp(scene.program.metrics());
    let disk = Disk::of(&scene.program, folder.path());

    disk.fill();
    scene.program.signal(Signal::USR1);
    scene.prints("No space left on device");
    assert_eq!(
        disk.files(),
        [""; 0],
        "nothing is left of a dump that failed"
    );
    let failed = format!("{DUMPS}{{result=\"failed\"}}");
    let seen = page.metrics_when("a dump that failed, on the page", |page| {
        number(page, &failed) == 1
    });
    scene.saw(&seen);
    scene.flows();

    disk.clear();
    scene.program.signal(Signal::USR1);
    scene.prints("dump: ");
    let dumps = disk.files();
    assert!(dumps.len() == 1 && dumps[0].ends_with(".hlog"), "{dumps:?}");

    disk.fill();
    for _ in 0..20 {
        scene.program.signal(Signal::USR1);
    }
    let ending = scene.end(signal);
    ending.nothing_is_lost();
}

#[test]
fn a_full_disk_costs_a_dump_and_nothing_else() {
    by_both_signals(scene);
}
