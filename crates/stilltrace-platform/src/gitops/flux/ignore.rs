//! Which files a Flux source leaves out (`.sourceignore`, `spec.ignore`), as `.gitignore` does.

use super::pattern::matches;

/// What source-controller leaves out unless told otherwise, as far as it can hold objects.
const USUAL: [&str; 10] = [
    ".git/",
    ".github/",
    ".circleci/",
    ".travis.yml",
    ".gitlab-ci.yml",
    "appveyor.yml",
    ".drone.yml",
    "cloudbuild.yaml",
    "codeship-services.yml",
    "codeship-steps.yml",
];
/// Hidden files that tools keep beside manifests.
const HIDDEN: [&str; 3] = [".goreleaser.yml", ".sops.yaml", ".flux.yaml"];

/// Patterns in their order; the last one that matches decides.
pub(crate) struct Ignore {
    patterns: Vec<(String, bool)>,
}

impl Ignore {
    /// The usual patterns, or those of the source in their place, and the text of `.sourceignore`.
    pub(crate) fn new(source: Option<&str>, file: Option<&str>) -> Self {
        let mut patterns = Vec::new();
        match source {
            Some(text) => patterns.extend(text.lines().filter_map(pattern)),
            None => patterns.extend(USUAL.iter().chain(&HIDDEN).map(|p| ((*p).to_owned(), true))),
        }
        patterns.extend(file.into_iter().flat_map(str::lines).filter_map(pattern));
        Self { patterns }
    }

    /// Whether the source has no such file.
    pub(crate) fn leaves_out(&self, path: &str) -> bool {
        let mut patterns = self.patterns.iter().rev();
        let last = patterns.find(|(pattern, _)| matches(pattern, path));
        last.is_some_and(|(_, out)| *out)
    }
}

/// A line as a pattern and whether it leaves files out; `!` takes them in again.
fn pattern(line: &str) -> Option<(String, bool)> {
    let line = line.trim_end_matches([' ', '\t', '\r']);
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    Some(match line.strip_prefix('!') {
        Some(rest) => (rest.to_owned(), false),
        None => (line.trim_start_matches('\\').to_owned(), true),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_match_decides() {
        let ignore = Ignore::new(Some("/*\n!/deploy/\n"), None);
        assert!(ignore.leaves_out("README.yaml"));
        assert!(ignore.leaves_out("apps/checkout/a.yaml"), "`/*` leaves out whole folders");
        assert!(!ignore.leaves_out("deploy/a.yaml"));
        let usual = Ignore::new(None, Some("tests/\n"));
        assert!(usual.leaves_out(".github/workflows/a.yaml"));
        assert!(usual.leaves_out("apps/tests/a.yaml"));
        assert!(!usual.leaves_out("apps/a.yaml"));
    }
}
