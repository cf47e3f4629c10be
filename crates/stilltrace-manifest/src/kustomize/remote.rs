//! Addresses outside the tree: repositories that Kustomize would clone and files it would fetch.

use crate::problem::{Problem, ProblemKind};
use crate::tree::join;
use crate::yaml::Mark;

use super::render::Vendored;

/// Something that is not in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Remote<'a> {
    /// A directory of a repository.
    Repository {
        /// What `git clone` takes.
        clone: String,
        /// The directory, relative to the repository's root.
        directory: &'a str,
        /// The branch, tag or commit; the default branch if absent.
        revision: Option<&'a str>,
    },
    /// One file.
    File {
        /// Its address.
        address: &'a str,
    },
}

/// What `name` means if it is remote (`git/repospec.go` and `loader/fileloader.go` of Kustomize).
///
/// A file or directory of that name in the tree does not matter, as for Kustomize.
pub(super) fn remote(name: &str) -> Option<Remote<'_>> {
    let lower = name.to_ascii_lowercase();
    let over_http = lower.starts_with("http://") || lower.starts_with("https://");
    let address = name.split('?').next().unwrap_or(name);
    if over_http && [".yaml", ".yml", ".json"].iter().any(|end| address.ends_with(end)) {
        return Some(Remote::File { address: name });
    }
    repository(name).or(over_http.then_some(Remote::File { address: name }))
}

/// Whether a file is fetched instead of read: only these two schemes are, for files.
pub(super) fn is_remote_file(name: &str) -> bool {
    let lower = name.get(..8).map_or_else(String::new, str::to_ascii_lowercase);
    lower.starts_with("http://") || lower.starts_with("https://")
}

fn repository(name: &str) -> Option<Remote<'_>> {
    let (address, query) = name.split_once('?').unwrap_or((name, ""));
    let rest = strip_prefix(address, "git::").unwrap_or(address);
    let schemes = ["ssh://", "https://", "http://", "file://"];
    let scheme = schemes.into_iter().find(|scheme| strip_prefix(rest, scheme).is_some());
    let rest = scheme.and_then(|scheme| strip_prefix(rest, scheme)).unwrap_or(rest);
    let (user, rest) = match rest.split_once('@') {
        Some((user, behind)) if is_user(user) => (Some(user), behind),
        _ => (None, rest),
    };
    let github = ["github.com/", "github.com:"].iter().any(|h| strip_prefix(rest, h).is_some());
    let like_scp = scheme.is_none() && (user.is_some() || github);
    if scheme.is_none() && !like_scp {
        return None;
    }
    let slash = rest.find('/');
    let colon = rest.find(':').filter(|colon| *colon > 0 && like_scp);
    let end = match (slash, colon) {
        (Some(slash), Some(colon)) => slash.min(colon),
        (slash, colon) => slash.or(colon)?,
    };
    let (host, path) = rest.split_at(end + 1);
    let (path, directory) = split_path(path, scheme == Some("file://"))?;
    let over_ssh = scheme == Some("ssh://") || user.is_some();
    let clone = match (github, over_ssh) {
        (true, true) => format!("{}github.com:{path}", user.map(at).unwrap_or_default()),
        (true, false) => format!("https://github.com/{path}"),
        _ => format!("{}{}{host}{path}", scheme.unwrap_or(""), user.map(at).unwrap_or_default()),
    };
    let values = |key: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(name, _)| *name == key).map(|(_, value)| value).find(|v| !v.is_empty())
    };
    let revision = values("ref").or_else(|| values("version"));
    Some(Remote::Repository { clone, directory, revision })
}

fn at(user: &str) -> String {
    format!("{user}@")
}

fn is_user(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// The path of the repository and of the directory in it: split at `_git/NAME`, `//`, behind
/// `.git`, or behind the second part.
fn split_path(path: &str, whole: bool) -> Option<(&str, &str)> {
    if let Some(at) = path.find("_git/") {
        let begin = at + "_git/".len();
        let end = path[begin..].find('/').map_or(path.len(), |slash| begin + slash);
        return Some((&path[..end], path[end..].trim_start_matches('/')));
    }
    if let Some((repository, directory)) = path.split_once("//") {
        return Some((repository, directory.trim_start_matches('/')));
    }
    if let Some(at) = path.find(".git") {
        let (repository, directory) = path.split_at(at + ".git".len());
        return Some((repository, directory.trim_start_matches('/')));
    }
    if whole {
        return (!path.is_empty()).then_some((path, ""));
    }
    let first = path.find('/')?;
    match path[first + 1..].find('/') {
        Some(second) => {
            let (repository, directory) = path.split_at(first + 1 + second);
            Some((repository, directory.trim_start_matches('/')))
        }
        None => Some((path, "")),
    }
}

fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    if head.eq_ignore_ascii_case(prefix) { text.get(prefix.len()..) } else { None }
}

impl Remote<'_> {
    /// The path of the copy in the tree, if the options name one.
    ///
    /// A copy of one revision goes before a copy that stands for all of them.
    pub(super) fn vendored(&self, copies: &[Vendored]) -> Option<String> {
        let exact = copies.iter().filter(|copy| copy.remote.contains("?ref="));
        exact.chain(copies).find_map(|copy| self.copied(copy))
    }

    /// The path in `copy`, if that is a copy of this.
    fn copied(&self, copy: &Vendored) -> Option<String> {
        match self {
            Self::Repository { clone, directory, revision } => {
                let (remote, of) = match copy.remote.split_once("?ref=") {
                    Some((remote, of)) => (remote, Some(of)),
                    None => (copy.remote.as_str(), None),
                };
                let bare = |text: &str| {
                    text.trim_end_matches('/').trim_end_matches(".git").to_ascii_lowercase()
                };
                let is_same = bare(clone) == bare(remote) && (of.is_none() || of == *revision);
                is_same.then(|| join(&copy.dir, directory))?
            }
            Self::File { address } => {
                let rest = address.split('?').next()?;
                let rest = rest.strip_prefix(copy.remote.trim_end_matches('/'))?;
                let is_whole = rest.is_empty() || rest.starts_with('/');
                join(&copy.dir, rest.trim_start_matches('/')).filter(|_| is_whole)
            }
        }
    }

    /// Says what is missing and how to have it in the tree; `dir` names it as `name` at `mark`.
    pub(super) fn problem(&self, name: &str, dir: &str, mark: &Mark) -> Problem {
        let text = match self {
            Self::File { address } => {
                let file = address.split('?').next().unwrap_or(address);
                let file = file.rsplit('/').find(|part| !part.is_empty()).unwrap_or("file.yaml");
                let dir = if dir.is_empty() { "." } else { dir };
                let folder = address.split('?').next().and_then(|all| all.rsplit_once('/'));
                let folder = folder.map_or(*address, |(folder, _)| folder);
                format!(
                    "the file `{name}` is remote and not fetched; vendor it: \
                     `curl -fsSL -o {dir}/{file} '{address}'`, then name `{file}` here, or keep the \
                     name and render with `--vendored {folder}={dir}`"
                )
            }
            Self::Repository { clone, directory, revision } => {
                let short = clone.trim_end_matches('/').trim_end_matches(".git");
                let short = short.rsplit(['/', ':']).next().unwrap_or("base");
                let is_commit =
                    |name: &&str| name.len() == 40 && name.bytes().all(|b| b.is_ascii_hexdigit());
                let (branch, checkout) = match revision {
                    Some(name) if is_commit(name) => {
                        (String::new(), format!(" && git -C vendor/{short} checkout {name}"))
                    }
                    Some(name) => (format!("--branch {name} "), String::new()),
                    None => Default::default(),
                };
                let up = "../".repeat(dir.split('/').filter(|part| !part.is_empty()).count());
                let inside = if directory.is_empty() { "" } else { "/" };
                format!(
                    "the base `{name}` is remote and not fetched (repository `{clone}`, directory \
                     `{}`, revision `{}`); vendor it: `git clone {branch}{clone} vendor/{short}{checkout}` \
                     without its `.git`, then name `{up}vendor/{short}{inside}{directory}` here, or keep the \
                     name and render with `--vendored {clone}=vendor/{short}`",
                    if directory.is_empty() { "." } else { directory },
                    revision.unwrap_or("default branch"),
                )
            }
        };
        Problem::at(mark, ProblemKind::Unsupported, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repository<'a>(clone: &str, directory: &'a str, revision: Option<&'a str>) -> Remote<'a> {
        Remote::Repository { clone: clone.to_owned(), directory, revision }
    }

    #[test]
    fn repositories_are_told_from_paths_as_kustomize_does() {
        let cases = [
            ("github.com/a/b/c/d?ref=v1", ("https://github.com/a/b", "c/d", Some("v1"))),
            (
                "https://github.com/a/b//c?ref=x&timeout=9",
                ("https://github.com/a/b", "c", Some("x")),
            ),
            ("git@github.com:a/b.git/c", ("git@github.com:a/b.git", "c", None)),
            ("git::https://h.example/a/b/c?version=2", ("https://h.example/a/b", "c", Some("2"))),
            ("ssh://git@h.example:22/a/b.git", ("ssh://git@h.example:22/a/b.git", "", None)),
            ("https://h.example/o/_git/r/p/q", ("https://h.example/o/_git/r", "p/q", None)),
        ];
        for (name, (clone, directory, revision)) in cases {
            assert_eq!(remote(name), Some(repository(clone, directory, revision)), "{name}");
        }
        for name in ["../base", "a/b", "base?ref=x", "h.example/a/b", "a@b", "file.yaml"] {
            assert_eq!(remote(name), None, "{name}");
        }
        let address = "https://h.example/crds.yaml";
        assert_eq!(remote(address), Some(Remote::File { address }));
    }

    #[test]
    fn a_copy_in_the_tree_takes_the_place_of_the_remote() {
        let copy = |remote: &str, dir: &str| Vendored { remote: remote.into(), dir: dir.into() };
        let copies =
            [copy("https://github.com/a/b.git", "vendor/b"), copy("https://h.example/r/", "v")];
        let found = |name| remote(name).and_then(|remote| remote.vendored(&copies));
        assert_eq!(found("github.com/a/b/c?ref=v1").as_deref(), Some("vendor/b/c"));
        assert_eq!(found("https://h.example/r/x/y.yaml").as_deref(), Some("v/x/y.yaml"));
        assert_eq!(found("github.com/a/c"), None);
        assert_eq!(found("https://h.example/rest/y.yaml"), None);
    }

    #[test]
    fn a_copy_of_one_revision_goes_before_a_copy_of_all() {
        let copy = |remote: &str, dir: &str| Vendored { remote: remote.into(), dir: dir.into() };
        let copies = [
            copy("https://github.com/a/b", "vendor/all"),
            copy("https://github.com/a/b?ref=v2", "vendor/two"),
        ];
        let found = |name| remote(name).and_then(|remote| remote.vendored(&copies));
        assert_eq!(found("github.com/a/b//c?ref=v2").as_deref(), Some("vendor/two/c"));
        assert_eq!(found("github.com/a/b//c?ref=v1").as_deref(), Some("vendor/all/c"));
    }
}
