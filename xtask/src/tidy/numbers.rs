//! House numbers: how long files and functions are, and that every file says what it is for.

use anyhow::Result;

use super::{Findings, Repository};
use crate::rust_text::functions;

/// 95 of 100 files are at most this long.
const FILE_P95: usize = 500;
/// No file is longer, but for those of [`LONG_FILES`].
const FILE_MAX: usize = 800;
/// 99 of 100 functions are at most this long.
const FUNCTION_P99: usize = 67;
/// No function is longer.
const FUNCTION_MAX: usize = 100;
/// Files that may be longer than [`FILE_MAX`], each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Prints the numbers and names what exceeds them.
pub(super) fn check(repository: &Repository<'_>, findings: &mut Findings) -> Result<()> {
    let mut files = Vec::new();
    let mut bodies = Vec::new();
    for (path, source) in repository.rust()? {
        let lines = source.lines().count();
        files.push(lines);
        if lines > FILE_MAX && !LONG_FILES.iter().any(|(long, _)| *long == path) {
            findings
                .problem(format!("{path}: {lines} lines, more than {FILE_MAX}; split it by idea"));
        }
        if !source.trim_start().starts_with("//!") {
            findings.problem(format!("{path}:1: does not begin with `//!` and what it is for"));
        }
        for function in functions(&source) {
            bodies.push(function.lines);
            if function.lines > FUNCTION_MAX {
                findings.problem(format!(
                    "{path}:{}: `{}` has {} lines, more than {FUNCTION_MAX}",
                    function.line, function.name, function.lines
                ));
            }
        }
    }
    spread("files", &mut files, (95, FILE_P95), findings);
    spread("functions", &mut bodies, (99, FUNCTION_P99), findings);
    Ok(())
}

/// Prints median, percentile and maximum, and minds the percentile's limit.
fn spread(
    what: &str,
    lines: &mut [usize],
    (percent, limit): (usize, usize),
    findings: &mut Findings,
) {
    lines.sort_unstable();
    let high = percentile(lines, percent);
    findings.note(format!(
        "{what}: {} with {} lines in all; median {}, p{percent} {high} (at most {limit}), longest {}",
        lines.len(),
        lines.iter().sum::<usize>(),
        percentile(lines, 50),
        percentile(lines, 100),
    ));
    if high > limit {
        findings.problem(format!("{what}: p{percent} is {high} lines, more than {limit}"));
    }
}

/// Nearest-rank percentile of sorted values; 0 where there are none.
fn percentile(sorted: &[usize], percent: usize) -> usize {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::percentile;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let values: Vec<usize> = (1..=200).collect();
        assert_eq!([50, 95, 99, 100].map(|p| percentile(&values, p)), [100, 190, 198, 200]);
        assert_eq!(percentile(&[], 50), 0);
    }
}
