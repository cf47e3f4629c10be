//! Compares renderings with the bytes that Kustomize printed, and origins with their sources.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test that reads a corpus"
)]

mod known;
mod reasons;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::{LoadRestrictor, Refusal, RenderOptions, Rendered, Reorder, render};
use crate::corpus::{bytes, corpus, entries, tree};
use crate::yaml::{Budget, Node, ParseCache, parse};

/// How a rendering compares with Kustomize's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// The same bytes.
    SameBytes,
    /// Both refuse, for the same reason.
    BothRefuse,
    /// Both refuse, but for another reason, or because something is not supported here.
    OtherReason,
    /// Refused here, printed by Kustomize.
    RefusedHere,
    /// Printed here, refused by Kustomize.
    PrintedHere,
    /// Both print, other bytes.
    OtherBytes,
}

/// What Kustomize did.
enum Expected {
    Text(String),
    /// Length and digest of a text that is not recorded.
    Digest(usize, String),
    Error(String),
}

impl Expected {
    fn equals(&self, text: &str) -> bool {
        match self {
            Self::Text(expected) => expected == text,
            Self::Digest(length, digest) => {
                let hash = Sha256::digest(text.as_bytes());
                let hex = hash.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
                *length == text.len() && hex == *digest
            }
            Self::Error(_) => false,
        }
    }
}

fn judge(result: &Result<Rendered, Refusal>, expected: &Expected) -> (Verdict, String) {
    match (result, expected) {
        (Ok(rendered), Expected::Error(error)) => {
            (Verdict::PrintedHere, format!("{} bytes; kustomize: {error}", rendered.text.len()))
        }
        (Ok(rendered), expected) if expected.equals(&rendered.text) => {
            (Verdict::SameBytes, String::new())
        }
        (Ok(rendered), Expected::Text(text)) => {
            (Verdict::OtherBytes, first_difference(&rendered.text, text))
        }
        (Ok(rendered), Expected::Digest(length, _)) => {
            (Verdict::OtherBytes, format!("{} bytes for {length}", rendered.text.len()))
        }
        (Err(refusal), Expected::Error(error)) => {
            let same = reasons::agree(&refusal.to_string(), error);
            let verdict = if same { Verdict::BothRefuse } else { Verdict::OtherReason };
            (verdict, format!("{refusal}\n      kustomize: {error}"))
        }
        (Err(refusal), _) => (Verdict::RefusedHere, refusal.to_string()),
    }
}

/// The first line that differs, with its number.
fn first_difference(ours: &str, theirs: &str) -> String {
    let mut lines = ours.lines().zip(theirs.lines()).enumerate();
    match lines.find(|(_, (ours, theirs))| ours != theirs) {
        Some((at, (ours, theirs))) => format!("line {}: {ours:?} for {theirs:?}", at + 1),
        None => format!("{} lines for {}", ours.lines().count(), theirs.lines().count()),
    }
}

fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key).and_then(Node::text)
}

/// The options that the arguments of a recorded command amount to.
fn options(case: &Node) -> RenderOptions {
    let arguments = case.get("args").map_or(&[][..], Node::items).iter().filter_map(Node::text);
    let words: Vec<&str> = arguments.flat_map(|argument| argument.split('=')).collect();
    let follows = |a: &str, b: &str| words.windows(2).any(|pair| pair == [a, b]);
    RenderOptions {
        reorder: if follows("--reorder", "none") { Reorder::None } else { Reorder::Legacy },
        load_restrictor: if follows("--load-restrictor", "LoadRestrictionsNone") {
            LoadRestrictor::None
        } else {
            LoadRestrictor::RootOnly
        },
        enable_helm: words.contains(&"--enable-helm"),
        ..RenderOptions::default()
    }
}

fn document(path: &Path) -> Arc<Node> {
    let parsed = parse("case", &bytes(path), &Budget::default());
    Arc::clone(&parsed.documents[0].root)
}

fn cases(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|case| case.join("case.json").is_file()).collect()
}

/// Prints what differs and how many; the names of those that are not known, and of those that are
/// known and agree now.
fn report(
    known: &[(&str, &[&str])],
    found: Vec<(String, Verdict, String)>,
) -> (Vec<String>, Vec<String>) {
    let verbose = std::env::var_os("STILLTRACE_VERBOSE").is_some();
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    let (mut surprises, mut healed) = (Vec::new(), Vec::new());
    for (name, verdict, detail) in found {
        *counts.entry(verdict).or_default() += 1;
        let agrees = matches!(verdict, Verdict::SameBytes | Verdict::BothRefuse);
        let is_known = known.iter().any(|(_, names)| names.contains(&name.as_str()));
        if verbose && verdict != Verdict::SameBytes {
            eprintln!("  {verdict:?} {name}: {detail}");
        }
        match (agrees, is_known) {
            (false, false) => surprises.push(format!("{name}: {verdict:?} {detail}")),
            (true, true) => healed.push(name),
            _ => {}
        }
    }
    eprintln!("{counts:?}");
    (surprises, healed)
}

#[test]
fn krusty_cases_render_to_the_same_bytes_or_are_refused() {
    let Some(folder) = corpus("kustomize-krusty") else { return };
    let mut found = Vec::new();
    for case in cases(&folder) {
        let about = document(&case.join("case.json"));
        let expected = match text(&about, "expect") {
            Some("error") => Expected::Error(text(&about, "error").unwrap_or("").to_owned()),
            _ => Expected::Text(String::from_utf8(bytes(&case.join("expected.yaml"))).unwrap()),
        };
        let (root, tree) = (text(&about, "root").unwrap_or("."), tree(&case.join("input")));
        let result = render(&tree, root, &options(&about), &ParseCache::new());
        let (verdict, detail) = judge(&result, &expected);
        found.push((case.file_name().unwrap().to_str().unwrap().to_owned(), verdict, detail));
    }
    let (surprises, healed) = report(known::KRUSTY, found);
    assert!(surprises.is_empty(), "{surprises:#?}");
    assert_eq!(healed, Vec::<String>::new(), "remove these from the known misses");
}

/// What Kustomize made of a root of a real repository; `None` where that is not recorded.
fn expected_of(repository: &Path, root: &Node) -> Option<Expected> {
    if !root.get("ok").and_then(Node::as_bool)? {
        return Some(Expected::Error(text(root, "error").unwrap_or("").to_owned()));
    }
    let Some(file) = text(root, "expected") else {
        let length = usize::try_from(root.get("bytes")?.as_i64()?).ok()?;
        return Some(Expected::Digest(length, text(root, "sha256")?.to_owned()));
    };
    let (packed, mut unpacked) = (bytes(&repository.join(file)), String::new());
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_string(&mut unpacked).unwrap();
    Some(Expected::Text(unpacked))
}

#[test]
fn real_repositories_render_to_the_same_bytes_or_are_refused() {
    let Some(folder) = corpus("gitops-repos") else { return };
    let mut found = Vec::new();
    for repository in entries(&folder).iter().filter(|path| path.join("builds.json").is_file()) {
        let about = document(&repository.join("builds.json"));
        let (tree, cache) = (tree(&repository.join("tree")), ParseCache::new());
        let name = repository.file_name().unwrap().to_str().unwrap();
        for case in about.get("roots").unwrap().items() {
            let Some(expected) = expected_of(repository, case) else { continue };
            let root = text(case, "root").unwrap();
            let result = render(&tree, root, &RenderOptions::default(), &cache);
            let (verdict, detail) = judge(&result, &expected);
            found.push((format!("{name}/{root}"), verdict, detail));
        }
    }
    let (surprises, healed) = report(known::REPOSITORIES, found);
    assert!(surprises.is_empty(), "{surprises:#?}");
    assert_eq!(healed, Vec::<String>::new(), "remove these from the known misses");
}
