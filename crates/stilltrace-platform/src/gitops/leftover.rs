//! Names what a repository holds and nothing in it applies.

use std::collections::BTreeSet;

use stilltrace_model::{Bearing, ReconcilerKind};

use super::files::{Files, is_within};
use super::reach::Reach;
use super::walk::Walk;
use super::written::Written;
use crate::gaps::Gaps;

/// How many examples a summary names.
const EXAMPLES: usize = 3;

/// Reports manifests, charts and programs that nobody applies, one gap for each sort of them;
/// `everything` says that all manifests are applied.
pub(crate) fn report(
    files: &Files<'_>,
    written: &Written,
    walk: &Walk<'_>,
    reach: &Reach<'_>,
    everything: bool,
    gaps: &Gaps,
) {
    if !everything {
        manifests(written, walk, reach, gaps);
    }
    charts(files, walk, gaps);
    encrypted(written, gaps);
    for (language, paths) in &written.languages {
        gaps.add_bearing(
            Bearing::Unapplied,
            format!("{} files of {language} are not evaluated: {}", paths.len(), some(paths)),
            "the manifests that they make are not part of the answer",
            "commit the rendered manifests",
        );
    }
}

fn manifests(written: &Written, walk: &Walk<'_>, reach: &Reach<'_>, gaps: &Gaps) {
    let mut used: BTreeSet<&str> = BTreeSet::new();
    for (folder, kind) in &walk.applied {
        let taken = reach.of(folder, *kind != Some(ReconcilerKind::ArgoCd));
        used.extend(&taken.objects);
        used.extend(&taken.others);
    }
    used.extend(walk.object_files.iter().map(|path| &**path));
    let is_idle = |path: &&String| !used.contains(path.as_str());
    let idle: Vec<&String> = written.counts.keys().filter(is_idle).collect();
    if idle.is_empty() {
        return;
    }
    let objects: usize = idle.iter().filter_map(|path| written.counts.get(*path)).sum();
    gaps.add_bearing(
        Bearing::Unapplied,
        format!(
            "{} with {} {} applied by nothing in this repository: {}",
            counted(idle.len(), "file"),
            counted(objects, "object"),
            if idle.len() == 1 { "is" } else { "are" },
            some(&idle)
        ),
        "their objects are not part of the answer",
        "read their folder on its own, or add it to what is applied",
    );
}

/// Charts that no reconciler renders, apart from charts inside of charts.
fn charts(files: &Files<'_>, walk: &Walk<'_>, gaps: &Gaps) {
    let applied = |chart: &str| walk.charts.iter().any(|known| is_within(chart, known));
    let inner = |chart: &str| {
        files.charts().any(|other| other != chart && is_within(chart, other) && !other.is_empty())
    };
    let idle: Vec<&str> = files.charts().filter(|chart| !applied(chart) && !inner(chart)).collect();
    if !idle.is_empty() {
        gaps.add_bearing(
            Bearing::Unapplied,
            format!(
                "{} rendered by nothing in this repository: {}",
                if let [_] = idle[..] {
                    "1 chart is".to_owned()
                } else {
                    format!("{} charts are", idle.len())
                },
                some(&idle)
            ),
            "their objects are not part of the answer",
            "name a chart and its values to render it",
        );
    }
}

fn encrypted(written: &Written, gaps: &Gaps) {
    if !written.encrypted.is_empty() {
        gaps.add(
            format!(
                "{} encrypted by SOPS: {}",
                if let [_] = written.encrypted[..] {
                    "1 file is".to_owned()
                } else {
                    format!("{} files are", written.encrypted.len())
                },
                some(&written.encrypted)
            ),
            "their objects exist; encrypted values are not part of the answer",
            "keep settings that are no secrets in the clear (`encrypted_regex` of SOPS)",
        );
    }
}

/// A number and what is counted.
fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// The first few names, and how many more there are.
fn some(names: &[impl AsRef<str>]) -> String {
    let shown: Vec<&str> = names.iter().take(EXAMPLES).map(AsRef::as_ref).collect();
    let more = names.len().saturating_sub(EXAMPLES);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}
