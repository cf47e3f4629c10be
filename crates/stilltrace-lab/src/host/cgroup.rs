//! Control groups named as the kubelet names them, on cgroup v1, v2 or both side by side.
//!
//! A container's group is
//! `kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid>.slice/cri-containerd-<id>.scope`
//! (systemd cgroup driver, kubelet `pkg/kubelet/cm`) below one folder per lab. On v1 the quota sits
//! in the `cpu` hierarchy and the accounting in `cpuacct`; a v2 tree without controllers beside
//! them gives each container its kernel cgroup id.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// CFS period that the kubelet sets, in microseconds.
pub const PERIOD_US: u64 = 100_000;
/// Smallest quota that the kernel accepts, in microseconds.
const LEAST_QUOTA_US: u64 = 1_000;
/// v1 weight of the lab against everything else on the machine (default 1,024).
const LAB_SHARES: &str = "60000";
/// v2 weight of the lab, the highest there is.
const LAB_WEIGHT: &str = "10000";

/// The machine's hierarchies that account and limit CPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Hierarchies {
    /// Separate trees; `cpu` and `cpuacct` may be the same mount.
    V1 {
        /// Mount point of the tree with quotas.
        cpu: PathBuf,
        /// Mount point of the tree with usage.
        cpuacct: PathBuf,
        /// Mount point of a v2 tree beside them.
        unified: Option<PathBuf>,
    },
    /// One tree.
    V2 {
        /// Mount point.
        root: PathBuf,
    },
}

impl Hierarchies {
    /// Finds the mounts of this process.
    pub fn find() -> io::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo")?;
        Self::from_mountinfo(&mounts, |root| {
            fs::read_to_string(root.join("cgroup.controllers"))
                .is_ok_and(|all| all.split_ascii_whitespace().any(|one| one == "cpu"))
        })
        .ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, "no cgroup hierarchy accounts CPU here")
        })
    }

    /// Reads mounts from `/proc/self/mountinfo` (`man 5 proc`); `controls_cpu` tells whether a v2
    /// tree has the CPU controller.
    fn from_mountinfo(text: &str, controls_cpu: impl Fn(&Path) -> bool) -> Option<Self> {
        let (mut cpu, mut cpuacct, mut unified) = (None, None, None);
        for line in text.lines() {
            let Some((before, after)) = line.split_once(" - ") else { continue };
            let Some(mount) = before.split(' ').nth(4) else { continue };
            let mut after = after.split(' ');
            let (kind, options) = (after.next(), after.nth(1).unwrap_or_default());
            match kind {
                Some("cgroup2") => unified = Some(PathBuf::from(mount)),
                Some("cgroup") => {
                    if options.split(',').any(|option| option == "cpu") {
                        cpu = Some(PathBuf::from(mount));
                    }
                    if options.split(',').any(|option| option == "cpuacct") {
                        cpuacct = Some(PathBuf::from(mount));
                    }
                }
                _ => {}
            }
        }
        match (cpu, cpuacct, unified) {
            (_, _, Some(root)) if controls_cpu(&root) => Some(Self::V2 { root }),
            (Some(cpu), Some(cpuacct), unified) => Some(Self::V1 { cpu, cpuacct, unified }),
            _ => None,
        }
    }

    /// Every mount point, each once.
    fn roots(&self) -> BTreeSet<&Path> {
        match self {
            Self::V1 { cpu, cpuacct, unified } => [Some(cpu), Some(cpuacct), unified.as_ref()]
                .into_iter()
                .flatten()
                .map(PathBuf::as_path)
                .collect(),
            Self::V2 { root } => BTreeSet::from([root.as_path()]),
        }
    }
}

/// The groups of one lab.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// Where they are.
    hierarchies: Hierarchies,
    /// Folder below each mount point.
    base: String,
}

impl Tree {
    /// The tree of the lab `name`; nothing is made yet.
    pub fn new(hierarchies: Hierarchies, name: &str) -> Self {
        Self { hierarchies, base: name.to_owned() }
    }

    /// Makes the lab's folder and gives it its weight. Weight comes before any process: a boot
    /// without it took 33 s on a busy machine instead of 0.8 s.
    pub fn create(&self) -> io::Result<()> {
        self.make(Path::new(""))?;
        // Weights are a courtesy of the machine: without one the lab is only noisier.
        let _ = match &self.hierarchies {
            Hierarchies::V1 { cpu, .. } => {
                fs::write(cpu.join(&self.base).join("cpu.shares"), LAB_SHARES)
            }
            Hierarchies::V2 { root } => {
                fs::write(root.join(&self.base).join("cpu.weight"), LAB_WEIGHT)
            }
        };
        Ok(())
    }

    /// Makes the group of a container: `uid` is the pod's, `id` the container's 64 hex digits.
    pub fn container(&self, uid: &str, id: &str) -> io::Result<Group> {
        self.group(&kubelet_path(uid, id))
    }

    /// Makes the group `below` the lab's folder.
    fn group(&self, below: &Path) -> io::Result<Group> {
        self.make(below)?;
        let at = |root: &Path| root.join(&self.base).join(below);
        Ok(Group {
            name: format!("/{}", below.display()),
            join: self.hierarchies.roots().into_iter().map(at).collect(),
            files: match &self.hierarchies {
                Hierarchies::V1 { cpu, cpuacct, .. } => {
                    Files::V1 { cpu: at(cpu), cpuacct: at(cpuacct) }
                }
                Hierarchies::V2 { root } => Files::V2 { dir: at(root) },
            },
        })
    }

    /// Makes the group of the lab's own tools: Prometheus, exporter, clients, sampler.
    pub fn tools(&self) -> io::Result<Group> {
        self.group(Path::new("lab-tools.slice"))
    }

    /// Ids of all processes in the lab's groups.
    pub fn processes(&self) -> Vec<i32> {
        let mut found = BTreeSet::new();
        for root in self.hierarchies.roots() {
            for dir in deepest_first(&root.join(&self.base)) {
                let listed = fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
                found.extend(listed.lines().filter_map(|line| line.parse::<i32>().ok()));
            }
        }
        found.into_iter().filter(|pid| *pid > 0).collect()
    }

    /// Removes the lab's groups; they must be empty of processes.
    pub fn remove(&self) -> io::Result<()> {
        for root in self.hierarchies.roots() {
            for dir in deepest_first(&root.join(&self.base)) {
                match fs::remove_dir(&dir) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(io::Error::new(
                            error.kind(),
                            format!("{}: {error}", dir.display()),
                        ));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Makes `below` in every hierarchy; on v2 the CPU controller is passed down on the way.
    fn make(&self, below: &Path) -> io::Result<()> {
        for root in self.hierarchies.roots() {
            let mut dir = root.to_path_buf();
            for part in Path::new(&self.base).join(below).components() {
                if matches!(self.hierarchies, Hierarchies::V2 { .. }) {
                    pass_cpu_down(&dir)?;
                }
                dir.push(part);
                match fs::create_dir(&dir) {
                    Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                        return Err(io::Error::new(
                            error.kind(),
                            format!("{}: {error}", dir.display()),
                        ));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// Lets the children of a v2 folder have the CPU controller.
fn pass_cpu_down(dir: &Path) -> io::Result<()> {
    let control = dir.join("cgroup.subtree_control");
    let passed = fs::read_to_string(&control).unwrap_or_default();
    if passed.split_ascii_whitespace().any(|one| one == "cpu") {
        return Ok(());
    }
    fs::write(&control, "+cpu").map_err(|error| {
        io::Error::new(
            error.kind(),
            format!("{}: {error}; the CPU controller must be delegated here", control.display()),
        )
    })
}

/// Folders of a tree, children before parents. Groups nest five deep, so the depth is bounded.
fn deepest_first(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![(root.to_path_buf(), 0)];
    while let Some((dir, depth)) = open.pop() {
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        if depth < 8 {
            let children =
                entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            open.extend(children.map(|entry| (entry.path(), depth + 1)));
        }
        found.push(dir);
    }
    found.reverse();
    found
}

/// The kubelet's path of a container's group; systemd turns the hyphens of a uid to underscores.
fn kubelet_path(uid: &str, id: &str) -> PathBuf {
    let pod = format!("kubepods-burstable-pod{}.slice", uid.replace('-', "_"));
    ["kubepods.slice", "kubepods-burstable.slice", &pod, &format!("cri-containerd-{id}.scope")]
        .iter()
        .collect()
}

/// The control group of one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Path below the lab's folder, as cAdvisor prints it in `id`.
    pub name: String,
    /// Folders that a process joins.
    join: Vec<PathBuf>,
    /// Where quota and usage are.
    files: Files,
}

/// Files of a group by version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Files {
    /// Separate folders.
    V1 {
        /// Folder with the quota and the throttling counters.
        cpu: PathBuf,
        /// Folder with the usage.
        cpuacct: PathBuf,
    },
    /// One folder.
    V2 {
        /// The folder.
        dir: PathBuf,
    },
}

impl Group {
    /// Folders whose `cgroup.procs` a process writes itself into.
    pub fn folders(&self) -> &[PathBuf] {
        &self.join
    }

    /// Folders for a process with real-time priority. The kernel refuses that priority in a group
    /// of the `cpu` controller without a share of it (`CONFIG_RT_GROUP_SCHED`), so such a process is
    /// accounted here, where that is a tree of its own, but not scheduled here.
    pub fn accounting_folders(&self) -> Vec<PathBuf> {
        match &self.files {
            Files::V1 { cpu, .. } => {
                self.join.iter().filter(|folder| *folder != cpu).cloned().collect()
            }
            Files::V2 { .. } => Vec::new(),
        }
    }

    /// Limits the group to `millicores` of CPU time, or lifts the limit.
    pub fn limit(&self, millicores: Option<u32>) -> io::Result<()> {
        let quota = millicores
            .map(|millicores| (u64::from(millicores) * PERIOD_US / 1_000).max(LEAST_QUOTA_US));
        match &self.files {
            Files::V1 { cpu, .. } => {
                fs::write(cpu.join("cpu.cfs_period_us"), PERIOD_US.to_string())?;
                let quota = quota.map_or_else(|| "-1".to_owned(), |quota| quota.to_string());
                fs::write(cpu.join("cpu.cfs_quota_us"), quota)
            }
            Files::V2 { dir } => {
                let quota = quota.map_or_else(|| "max".to_owned(), |quota| quota.to_string());
                fs::write(dir.join("cpu.max"), format!("{quota} {PERIOD_US}"))
            }
        }
    }

    /// The group's quota per period in microseconds; `None` is no limit.
    pub fn quota_us(&self) -> io::Result<Option<u64>> {
        let text = match &self.files {
            Files::V1 { cpu, .. } => fs::read_to_string(cpu.join("cpu.cfs_quota_us"))?,
            Files::V2 { dir } => fs::read_to_string(dir.join("cpu.max"))?,
        };
        // "-1" on v1 and "max 100000" on v2 are no limit, and neither is a number here.
        Ok(text.split_ascii_whitespace().next().and_then(|quota| quota.parse().ok()))
    }

    /// Opens the files that hold the counters, for a reader that asks often.
    pub fn meter(&self) -> io::Result<Meter> {
        Ok(match &self.files {
            Files::V1 { cpu, cpuacct } => Meter {
                usage: Some(fs::File::open(cpuacct.join("cpuacct.usage"))?),
                stat: fs::File::open(cpu.join("cpu.stat"))?,
            },
            Files::V2 { dir } => Meter { usage: None, stat: fs::File::open(dir.join("cpu.stat"))? },
        })
    }
}

/// Open files of a group's CPU counters.
#[derive(Debug)]
pub struct Meter {
    /// `cpuacct.usage` on v1.
    usage: Option<fs::File>,
    /// `cpu.stat`.
    stat: fs::File,
}

/// CPU counters of a group since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// CPU time used, in nanoseconds.
    pub usage_ns: u64,
    /// Enforcement periods that had passed while the group was active.
    pub periods: u64,
    /// Periods in which the group was throttled.
    pub throttled_periods: u64,
    /// Time throttled, in nanoseconds.
    pub throttled_ns: u64,
}

impl Meter {
    /// Reads the counters.
    pub fn read(&self) -> io::Result<Reading> {
        let mut buffer = [0u8; 1024];
        let mut reading = parse_stat(read_start(&self.stat, &mut buffer)?);
        if let Some(usage) = &self.usage {
            reading.usage_ns = read_start(usage, &mut buffer)?.trim().parse().unwrap_or(0);
        }
        Ok(reading)
    }
}

/// The first kilobyte of a file; the counters of interest come first.
fn read_start<'a>(file: &fs::File, buffer: &'a mut [u8]) -> io::Result<&'a str> {
    use std::os::unix::fs::FileExt;
    let length = file.read_at(buffer, 0)?;
    std::str::from_utf8(&buffer[..length]).map_err(io::Error::other)
}

/// Reads `cpu.stat` of either version (kernel `Documentation/scheduler/sched-bwc.rst` and
/// `Documentation/admin-guide/cgroup-v2.rst`).
fn parse_stat(text: &str) -> Reading {
    let mut reading = Reading::default();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(' ') else { continue };
        let Ok(value) = value.trim().parse::<u64>() else { continue };
        match key {
            "usage_usec" => reading.usage_ns = value.saturating_mul(1_000),
            "nr_periods" => reading.periods = value,
            "nr_throttled" => reading.throttled_periods = value,
            "throttled_time" => reading.throttled_ns = value,
            "throttled_usec" => reading.throttled_ns = value.saturating_mul(1_000),
            _ => {}
        }
    }
    reading
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDE_BY_SIDE: &str = "\
30 25 0:26 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
31 25 0:27 / /sys/fs/cgroup/cpuacct rw - cgroup cgroup rw,cpuacct\n\
32 25 0:28 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n\
33 25 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

    #[test]
    fn version_one_wins_where_version_two_has_no_controller() {
        let found = Hierarchies::from_mountinfo(SIDE_BY_SIDE, |_| false);
        let expected = Hierarchies::V1 {
            cpu: "/sys/fs/cgroup/cpu".into(),
            cpuacct: "/sys/fs/cgroup/cpuacct".into(),
            unified: Some("/sys/fs/cgroup/unified".into()),
        };
        assert_eq!(found, Some(expected));
    }

    #[test]
    fn version_two_wins_where_it_controls_cpu() {
        let text = "40 25 0:28 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
        let found = Hierarchies::from_mountinfo(text, |_| true);
        assert_eq!(found, Some(Hierarchies::V2 { root: "/sys/fs/cgroup".into() }));
    }

    #[test]
    fn both_versions_of_cpu_stat_give_nanoseconds() {
        let v1 = parse_stat("nr_periods 10\nnr_throttled 4\nthrottled_time 5000\nnr_bursts 0\n");
        let v2 = parse_stat(
            "usage_usec 7\nuser_usec 7\nnr_periods 10\nnr_throttled 4\nthrottled_usec 5\n",
        );
        assert_eq!((v1.throttled_ns, v2.throttled_ns), (5_000, 5_000));
        assert_eq!((v2.usage_ns, v2.periods, v2.throttled_periods), (7_000, 10, 4));
    }

    #[test]
    fn groups_are_named_as_the_kubelet_names_them() {
        let path = kubelet_path("0a1b-2c3d", "ff00");
        let expected = "kubepods.slice/kubepods-burstable.slice/\
            kubepods-burstable-pod0a1b_2c3d.slice/cri-containerd-ff00.scope";
        assert_eq!(path, PathBuf::from(expected));
    }
}
