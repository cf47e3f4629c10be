//! What an ended lab may not leave behind.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// No folder, no control group, no process of the lab in `folder`.
pub(crate) fn assert_nothing_left(folder: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    let name = format!("stilltrace-lab-{}", folder.file_name().unwrap().to_string_lossy());
    let groups = ["cpu", "cpuacct", "unified", ""]
        .map(|tree| PathBuf::from("/sys/fs/cgroup").join(tree).join(&name));
    loop {
        let left: Vec<_> = groups
            .iter()
            .chain([&folder.to_path_buf()])
            .filter(|path| path.exists())
            .cloned()
            .collect();
        let processes = processes_of(folder);
        if left.is_empty() && processes.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "left behind: {left:?} {processes:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Command lines that name the folder.
pub(crate) fn processes_of(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    let texts = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
    texts.filter(|text| text.contains(&*folder.to_string_lossy())).collect()
}
