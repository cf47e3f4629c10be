//! Why a name that was typed is not there: it may be in another cluster, or in what was not read.

use stilltrace_model::{Bearing, Gap, Platform};

use super::{Arguments, named, read};
use crate::output::Lines;

/// Gaps that are told beside an error.
const GAPS: usize = 3;

/// Adds to an error where the names would be found, or else what could not be read.
pub(super) fn explain(
    error: anyhow::Error,
    platform: &Platform,
    arguments: &Arguments,
    names: &named::Names<'_>,
) -> anyhow::Error {
    if let Some(cluster) = other_cluster(arguments, names) {
        return anyhow::anyhow!(
            "{}: it is in the cluster `{cluster}`; add --cluster {cluster}",
            names.typed()
        );
    }
    // Only where objects are missing one of them may be it.
    let lacks = |gap: &&Gap| matches!(gap.bearing, Bearing::Objects | Bearing::Unapplied);
    let mut missing: Vec<&Gap> = platform.gaps.iter().filter(lacks).collect();
    if missing.is_empty() {
        return error;
    }
    missing.sort_by_key(|gap| !names.words().any(|word| gap.what.contains(word)));
    let mut lines = vec!["what was not read may hold it:".to_owned()];
    let told = missing.iter().take(GAPS);
    lines.extend(told.map(|gap| format!("  {}; {}", gap.what, gap.remedy)));
    if missing.len() > GAPS {
        lines.push(format!("  and {} more", missing.len() - GAPS));
    }
    Lines { first: error.to_string(), more: lines }.into()
}

/// The first other cluster in which the names mean something.
fn other_cluster(arguments: &Arguments, names: &named::Names<'_>) -> Option<String> {
    if arguments.cluster.is_some() {
        return None;
    }
    let clusters = read::clusters(arguments).ok()?;
    clusters.into_iter().find_map(|mut cluster| {
        named::narrow(&mut cluster.platform, names).is_ok().then_some(cluster.name)
    })
}
