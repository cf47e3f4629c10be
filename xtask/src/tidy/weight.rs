//! How heavy the repository may become: single files, fixtures, captures.

use std::collections::BTreeMap;

use anyhow::Result;

use super::{Findings, Repository};

/// Bytes of one file.
const FILE: u64 = 3_000_000;
/// Bytes of one fixture case, a folder `fixtures/NAME/CASE`.
const CASE: u64 = 200 * 1024;
/// Bytes of one packed capture.
const CAPTURE: u64 = 2_000_000;
/// How a packed capture's name ends.
const CAPTURE_EXTENSION: &str = ".stilltrace";

/// Weighs every file and every case.
pub(super) fn check(repository: &Repository<'_>, findings: &mut Findings) -> Result<()> {
    let mut cases: BTreeMap<String, u64> = BTreeMap::new();
    let mut total = 0;
    for path in &repository.files {
        let bytes = repository.root.join(path).symlink_metadata()?.len();
        total += bytes;
        if bytes > FILE {
            findings.problem(format!("{path}: {bytes} bytes, more than {FILE}"));
        }
        if path.ends_with(CAPTURE_EXTENSION) && bytes > CAPTURE {
            findings.problem(format!("{path}: a capture of {bytes} bytes, more than {CAPTURE}"));
        }
        if let Some(case) = case(path) {
            *cases.entry(case).or_default() += bytes;
        }
    }
    for (case, bytes) in cases.iter().filter(|(_, bytes)| **bytes > CASE) {
        findings.problem(format!("{case}: a fixture case of {bytes} bytes, more than {CASE}"));
    }
    let heaviest = cases.values().max().copied().unwrap_or(0);
    findings.note(format!(
        "weight: {} files of {} KiB in all; {} fixture cases, heaviest {} KiB",
        repository.files.len(),
        total / 1024,
        cases.len(),
        heaviest / 1024,
    ));
    Ok(())
}

/// The folder `…/fixtures/NAME/CASE` that a file lies in; captures have a limit of their own.
fn case(path: &str) -> Option<String> {
    if path.ends_with(CAPTURE_EXTENSION) {
        return None;
    }
    let (before, inside) = path.split_once("fixtures/")?;
    let mut parts = inside.split('/');
    let (name, case) = (parts.next()?, parts.next()?);
    parts.next()?;
    Some(format!("{before}fixtures/{name}/{case}"))
}

#[cfg(test)]
mod tests {
    use super::case;

    #[test]
    fn a_case_is_a_folder_two_below_the_fixtures() {
        let inside = "crates/a/fixtures/slow_pool/not_small/repo/x.yaml";
        assert_eq!(case(inside).as_deref(), Some("crates/a/fixtures/slow_pool/not_small"));
        assert_eq!(case("crates/a/fixtures/slow_pool/note.md"), None);
        assert_eq!(case("crates/a/fixtures/x/packed/retry.stilltrace"), None);
    }
}
