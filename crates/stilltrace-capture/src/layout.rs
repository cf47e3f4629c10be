//! The names of the files of a capture, and which paths are fit to be one.

pub(crate) const MANIFEST: &str = "manifest.json";
pub(crate) const EVENTS: &str = "events.jsonl";
pub(crate) const CALLS: &str = "calls.csv";
pub(crate) const CONTAINERS: &str = "containers.csv";
pub(crate) const BURSTS: &str = "bursts.csv";
pub(crate) const OBJECTS: &str = "objects.jsonl";
pub(crate) const LOGS: &str = "logs.jsonl";
/// The API server's log of changes.
pub(crate) const AUDIT: &str = "audit.jsonl";
pub(crate) const SPANS: &str = "spans.jsonl";
/// The known cause of a lab incident.
pub(crate) const TRUTH: &str = "truth.json";
/// Folder of the bare repository, with the separator.
pub(crate) const REPOSITORY: &str = "repo.git/";
/// Folder of the samples, with the separator.
pub(crate) const SAMPLES: &str = "samples/";

/// Longest path inside a capture, in bytes: what a tar header holds without extensions is 100, a
/// path in a repository may be longer.
const MAX_PATH: usize = 512;

/// Whether the path belongs to a capture. Everything else is ignored, `truth.json` included.
pub(crate) fn is_known(path: &str) -> bool {
    const FILES: &[&str] =
        &[MANIFEST, EVENTS, CALLS, CONTAINERS, BURSTS, OBJECTS, AUDIT, LOGS, SPANS];
    FILES.contains(&path)
        || is_samples(path)
        || path.strip_prefix(REPOSITORY).is_some_and(is_repository_part)
}

/// Whether the path is a file of samples.
pub(crate) fn is_samples(path: &str) -> bool {
    path.strip_prefix(SAMPLES)
        .and_then(|name| name.strip_suffix(".om"))
        .is_some_and(|stem| !stem.is_empty() && !stem.contains('/'))
}

/// Whether a file of a bare repository carries history: references and objects. Hooks,
/// configuration beyond the default and logs do not.
pub(crate) fn is_repository_part(path: &str) -> bool {
    matches!(path, "HEAD" | "config" | "packed-refs" | "shallow")
        || path.starts_with("refs/")
        || path.starts_with("objects/")
}

/// The path in the one form used here, or why it is refused. `./` at the front is dropped.
pub(crate) fn normalise(path: &str, depth: usize) -> Result<String, &'static str> {
    let path = path.strip_prefix("./").unwrap_or(path);
    if path.starts_with('/') || path.contains('\\') || path.get(1..2) == Some(":") {
        return Err("an absolute path, or one of another system");
    }
    if path.len() > MAX_PATH {
        return Err("a path longer than 512 bytes");
    }
    if path.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        return Err("a path with control characters");
    }
    let path = path.trim_end_matches('/');
    if path.is_empty() || path == "." {
        return Ok(String::new());
    }
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err("a path that leads out of the capture");
    }
    if path.split('/').count() > depth {
        return Err("folders nested too deeply");
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_out_are_refused() {
        for path in ["../a", "a/../../b", "/etc/passwd", "a//b", "C:/x", "a\\b", "a\0b", "a/./b"] {
            assert!(normalise(path, 16).is_err(), "{path:?}");
        }
        assert_eq!(normalise("./repo.git/HEAD", 16).as_deref(), Ok("repo.git/HEAD"));
        assert!(normalise("a/b/c", 2).is_err());
    }

    #[test]
    fn truth_and_strangers_do_not_belong() {
        for path in
            ["truth.json", "notes.txt", "samples/x.txt", "samples/a/b.om", "repo.git/hooks/x"]
        {
            assert!(!is_known(path), "{path}");
        }
        for path in ["manifest.json", "samples/prometheus.om", "repo.git/objects/ab/cd"] {
            assert!(is_known(path), "{path}");
        }
    }
}
