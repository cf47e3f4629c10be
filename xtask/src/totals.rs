//! Reads what test binaries print: how many tests passed, failed or skipped themselves.
//!
//! The standard harness knows no way to skip at run time. Our tests print one line
//! `skipped: REASON` and return; with `--show-output` that line reaches us, and such a test counts
//! as skipped, not as passed.

use std::fmt;

/// How the tests of all binaries ended, and where in a binary's output we are.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Tests that ran and held.
    pub(crate) passed: u64,
    /// Tests that ran and did not hold.
    pub(crate) failed: u64,
    /// Tests that said why they could not run, and tests marked `#[ignore]`.
    pub(crate) skipped: u64,
    /// The part of the output that the next line belongs to.
    part: Part,
    /// Tests of this binary that skipped themselves, which the harness will count as passed.
    skipped_here: u64,
}

/// The parts of one binary's output.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Between binaries, and the list of names while tests run.
    #[default]
    Names,
    /// What tests that passed had printed.
    Successes,
    /// What tests that failed had printed.
    Failures,
}

impl Totals {
    /// Takes in one line; whether a person should see it.
    pub(crate) fn read(&mut self, line: &str) -> bool {
        if let Some(result) = line.strip_prefix("test result: ") {
            self.part = Part::Names;
            return self.add(result);
        }
        match line {
            "successes:" => self.part = Part::Successes,
            "failures:" => self.part = Part::Failures,
            _ => {}
        }
        match self.part {
            Part::Names => line.ends_with("FAILED"),
            Part::Failures => true,
            Part::Successes if line.starts_with("skipped: ") => {
                self.skipped_here += 1;
                true
            }
            Part::Successes => false,
        }
    }

    /// Adds `ok. 3 passed; 0 failed; 1 ignored; …`; whether any test ran at all.
    fn add(&mut self, result: &str) -> bool {
        let mut ran = 0;
        for count in result.split(['.', ';']) {
            let Some((number, what)) = count.trim().split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            let total = match what {
                "passed" => &mut self.passed,
                "failed" => &mut self.failed,
                "ignored" => &mut self.skipped,
                _ => continue,
            };
            *total += number;
            ran += number;
        }
        let skipped = std::mem::take(&mut self.skipped_here);
        self.skipped += skipped;
        self.passed = self.passed.saturating_sub(skipped);
        ran > 0
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::Totals;

    fn read(output: &str) -> (Totals, Vec<&str>) {
        let mut totals = Totals::default();
        let shown = output.lines().filter(|line| totals.read(line)).collect();
        (totals, shown)
    }

    #[test]
    fn totals_of_all_binaries_are_added() {
        let (totals, _) = read(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.4s\n\
             test result: FAILED. 2 passed; 5 failed; 0 ignored; 0 measured; 0 filtered out",
        );
        assert_eq!(totals.to_string(), "5 passed, 5 failed, 1 skipped");
    }

    #[test]
    fn a_test_that_skips_itself_is_not_a_test_that_passed() {
        let (totals, shown) = read(
            "test mesh_boots ... ok\n\nsuccesses:\n\n---- mesh_boots stdout ----\n\
             skipped: no Envoy here\nother words\n\nsuccesses:\n    mesh_boots\n\n\
             test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out",
        );
        assert_eq!(totals.to_string(), "1 passed, 0 failed, 1 skipped");
        assert_eq!(shown[0], "skipped: no Envoy here");
    }

    #[test]
    fn a_failure_is_shown_with_all_that_it_printed() {
        let (_, shown) =
            read("test a ... ok\ntest b ... FAILED\n\nfailures:\n\n---- b stdout ----\npanicked\n");
        assert_eq!(shown, ["test b ... FAILED", "failures:", "", "---- b stdout ----", "panicked"]);
    }
}
