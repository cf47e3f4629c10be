//! Which repository and revision is being read, so that sources elsewhere can be told apart.
//!
//! Git does not store its own address in its files. Unless the caller knows it, it is the address
//! whose folders exist here most often; so is the revision.

use std::collections::BTreeMap;

use stilltrace_manifest::{Node, Object};

use super::files::{Files, folder};
use super::written::Written;

/// What is known of the repository that is being read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Own {
    /// Its address, normalised; `None` where nothing says.
    url: Option<String>,
    /// The branch or tag that most sources of it name; empty for the default branch.
    revision: Option<String>,
}

/// Where a source lies, seen from the repository that is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In this repository, at the revision that is read.
    Here,
    /// In this repository, at another revision.
    OtherRevision,
    /// In another repository.
    Elsewhere,
}

impl Own {
    /// Counts the addresses and revisions whose folders exist here. `known` wins over all of them.
    pub(crate) fn derive(files: &Files<'_>, written: &Written, known: Option<&str>) -> Self {
        let mut votes: BTreeMap<(String, String), usize> = BTreeMap::new();
        let mut vote = |url: &str, revision: &str, path: &str| {
            let inside = folder(path).filter(|folder| !folder.is_empty());
            if inside.is_some_and(|folder| files.has_folder(&folder)) && !url.contains("{{") {
                *votes.entry((normal_url(url), normal_revision(revision))).or_default() += 1;
            }
        };
        for object in &written.reconcilers {
            for (url, revision, path) in sources_of(object, written) {
                vote(url, revision, path);
            }
        }
        let mut by_url: BTreeMap<&str, usize> = BTreeMap::new();
        for ((url, _), count) in &votes {
            *by_url.entry(url).or_default() += count;
        }
        let url = match known {
            Some(known) => Some(normal_url(known)),
            None => first_of_most(by_url.into_iter()).map(str::to_owned),
        };
        let of_url = votes.iter().filter(|((voted, _), _)| Some(voted) == url.as_ref());
        let revision =
            first_of_most(of_url.map(|((_, revision), count)| (revision.as_str(), *count)));
        Self { revision: revision.map(str::to_owned), url }
    }

    /// Where a source of this address and revision lies. Without an address to compare with,
    /// everything is taken for this repository: whether the folder exists decides then.
    pub(crate) fn place(&self, url: &str, revision: &str) -> Place {
        match (&self.url, &self.revision) {
            (Some(own), _) if *own != normal_url(url) => Place::Elsewhere,
            (Some(_), Some(own)) if *own != normal_revision(revision) => Place::OtherRevision,
            _ => Place::Here,
        }
    }
}

/// The key with the highest count, the first of several.
fn first_of_most<'k>(counts: impl Iterator<Item = (&'k str, usize)>) -> Option<&'k str> {
    let mut best: Option<(&str, usize)> = None;
    for (key, count) in counts {
        if best.is_none_or(|(_, most)| count > most) {
            best = Some((key, count));
        }
    }
    best.map(|(key, _)| key)
}

/// Address, revision and folder of every Git source that a reconciler names.
fn sources_of<'o>(object: &'o Object, written: &'o Written) -> Vec<(&'o str, &'o str, &'o str)> {
    let Some(spec) = object.root.get("spec") else { return Vec::new() };
    let text = |node: &'o Node, path: &[&str]| node.at(path).and_then(Node::text).unwrap_or("");
    match object.kind() {
        "Application" => argo_sources(spec)
            .map(|s| (text(s, &["repoURL"]), text(s, &["targetRevision"]), text(s, &["path"])))
            .collect(),
        "FluxInstance" => {
            let sync = |key: &str| text(spec, &["sync", key]);
            vec![(sync("url"), sync("ref").trim_start_matches("refs/heads/"), sync("path"))]
        }
        "Kustomization" => {
            let name = text(spec, &["sourceRef", "name"]);
            let is_it =
                |source: &&Object| source.kind() == "GitRepository" && source.name() == name;
            let source = written.sources.iter().find(is_it).and_then(|s| s.root.get("spec"));
            let git = source.map(|git| (text(git, &["url"]), text(git, &["ref", "branch"])));
            git.map(|(url, branch)| (url, branch, text(spec, &["path"]))).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The sources of an Argo CD application's `spec`; of one that is rendered into a branch, the one
/// it is rendered from.
pub(crate) fn argo_sources(spec: &Node) -> impl Iterator<Item = &Node> {
    let dry = spec.at(&["sourceHydrator", "drySource"]);
    dry.into_iter().chain(written_sources(spec).filter(move |_| dry.is_none()))
}

fn written_sources(spec: &Node) -> impl Iterator<Item = &Node> {
    let several = spec.get("sources").map(Node::items).unwrap_or_default();
    let single = spec.get("source").filter(|_| several.is_empty());
    single.into_iter().chain(several)
}

/// An address without scheme, user, `.git` and the difference between `host:path` and `host/path`.
fn normal_url(url: &str) -> String {
    let url = url.trim().trim_end_matches('/');
    let url = url.strip_suffix(".git").unwrap_or(url);
    let (url, has_scheme) = match url.split_once("://") {
        Some((_, rest)) => (rest, true),
        None => (url, false),
    };
    let (host, path) = url.split_once('/').unwrap_or((url, ""));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    // `git@host:owner/name` has a path behind the colon, `https://host:443/…` a port.
    let joined = match host.split_once(':') {
        Some((host, port)) if has_scheme || port.chars().all(|c| c.is_ascii_digit()) => {
            format!("{host}/{path}")
        }
        Some((host, first)) => format!("{host}/{first}/{path}"),
        None => format!("{host}/{path}"),
    };
    joined.trim_end_matches('/').to_lowercase()
}

/// Names of the default branch count as one.
fn normal_revision(revision: &str) -> String {
    match revision.trim().trim_start_matches("refs/heads/") {
        "HEAD" | "main" | "master" => String::new(),
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_to_write_an_address_count_as_one() {
        for url in [
            "https://example.com/shop/gitops.git",
            "git@example.com:shop/gitops.git",
            "ssh://git@example.com:22/shop/gitops",
            "https://user:secret@Example.com:443/shop/gitops/",
        ] {
            assert_eq!(normal_url(url), "example.com/shop/gitops", "{url}");
        }
        assert_ne!(normal_url("https://example.com/shop/other"), "example.com/shop/gitops");
    }

    #[test]
    fn the_default_branch_has_many_names() {
        assert_eq!(normal_revision("refs/heads/main"), normal_revision("HEAD"));
        assert_ne!(normal_revision("v1"), normal_revision(""));
    }
}
