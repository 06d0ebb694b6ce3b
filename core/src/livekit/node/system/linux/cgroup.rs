//! Which control groups bind this process.
//!
//! Lives here: the process' place in the hierarchy of one controller, versions 1 and 2. Not here: limits and usage.
//!
//! A group's limits bind all below it, so a reader walks from the process' own group to the highest that can be seen.
//! In a container that is the container's own group, most often; without a container it is the root of all.

use std::io;
use std::path::{Component, Path, PathBuf};

use procfs_core::process::MountInfo;
use procfs_core::{FromRead, ProcessCGroup, ProcessCGroups};

use super::files::{invalid, optional};

/// Versions of control groups: their files differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

/// The groups of one controller that this process is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Groups {
    pub(super) version: Version,
    /// The highest group that can be seen.
    mount: PathBuf,
    /// The process' own group, below that.
    own: PathBuf,
}

impl Groups {
    /// The groups of `controller` that the process of `root/proc/self` is in; `None` if it is in none.
    pub(super) fn find(root: &Path, controller: &str) -> io::Result<Option<Self>> {
        let process = root.join("proc/self");
        let (Some(groups), Some(mounts)) = (
            optional(&process.join("cgroup"))?,
            optional(&process.join("mountinfo"))?,
        ) else {
            return Ok(None);
        };
        let groups = ProcessCGroups::from_read(groups.as_bytes())
            .map_err(|_| invalid("/proc/self/cgroup"))?;
        let Some((version, group)) = membership(&groups, controller) else {
            return Ok(None);
        };
        let mut hidden = None;
        for line in mounts.lines().filter(|line| line.contains(" - cgroup")) {
            let mount = MountInfo::from_line(line).map_err(|_| invalid("/proc/self/mountinfo"))?;
            if !carries(&mount, version, controller) {
                continue;
            }
            let point = &mount.mount_point;
            let place = |own| Self {
                version,
                mount: root.join(point.strip_prefix("/").unwrap_or(point)),
                own,
            };
            match below_mount(&group.pathname, &mount.root) {
                Some(own) => return Ok(Some(place(own))),
                // What is mounted is all that can be read, unless another mount shows the group.
                None => hidden = hidden.or_else(|| Some(place(PathBuf::new()))),
            }
        }
        Ok(hidden)
    }

    /// Paths of the groups below [`Groups::dir`], the process' own first, the highest last.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.own.ancestors()
    }

    /// The directory of the group of this path.
    pub(super) fn dir(&self, path: &Path) -> PathBuf {
        self.mount.join(path)
    }
}

/// A place looked up earlier. That it could not be is an error each time anew.
pub(super) fn found(groups: &io::Result<Option<Groups>>) -> io::Result<Option<&Groups>> {
    match groups {
        Ok(groups) => Ok(groups.as_ref()),
        Err(e) => Err(e.kind().into()),
    }
}

/// Version 1 has a line for each controller; what is in none of them is version 2's, whose line names none.
fn membership<'a>(
    groups: &'a ProcessCGroups,
    controller: &str,
) -> Option<(Version, &'a ProcessCGroup)> {
    let has = |group: &&ProcessCGroup| group.controllers.iter().any(|c| c == controller);
    let unified = |group: &&ProcessCGroup| group.hierarchy == 0 && group.controllers.is_empty();
    let v1 = groups.0.iter().find(has).map(|g| (Version::V1, g));
    v1.or_else(|| groups.0.iter().find(unified).map(|g| (Version::V2, g)))
}

fn carries(mount: &MountInfo, version: Version, controller: &str) -> bool {
    match version {
        Version::V1 => mount.fs_type == "cgroup" && mount.super_options.contains_key(controller),
        Version::V2 => mount.fs_type == "cgroup2",
    }
}

/// The group's path below the mount; `None` if the mount doesn't show the group (another namespace, or a part of the
/// hierarchy that the group isn't in).
fn below_mount(group: &str, mount_root: &str) -> Option<PathBuf> {
    let below = Path::new(group).strip_prefix(mount_root).ok()?;
    let plain = below
        .components()
        .all(|c| matches!(c, Component::Normal(_)));
    plain.then(|| below.to_path_buf())
}
