//! Compares builds with the recorded output of Kustomize's own test cases.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test that reads a corpus"
)]

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use super::Build;
use super::accumulate::build;
use super::resource::SecretValues;
use crate::corpus::{bytes, corpus, entries, tree};
use crate::object::Object;
use crate::problem::ProblemKind;
use crate::tree::Tree;
use crate::yaml::{Budget, Entry, Node, ParseCache, Parsed, Style, Value, parse};

/// How one case came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// The same objects, or a problem where an error is expected.
    Agrees,
    /// The same objects, but with problems where Kustomize has none to report.
    Complains,
    /// Uses a field that is reported as not evaluated.
    NotEvaluated,
    /// Other objects without a word about it.
    Differs,
}

/// Whether two trees hold the same values, apart from line feeds in folded texts.
///
/// Kustomize prints a folded text with more indented lines so that it reads back with an additional
/// line feed; the value here is the one that was written.
fn same(ours: &Node, theirs: &Node) -> bool {
    match (&ours.value, &theirs.value) {
        (Value::Mapping(a), Value::Mapping(b)) => {
            let found = |e: &Entry| theirs.get(&e.key).is_some_and(|other| same(&e.value, other));
            a.len() == b.len() && a.iter().all(found)
        }
        (Value::Sequence(a), Value::Sequence(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Scalar(a), Value::Scalar(b)) if a.style == Style::Folded => {
            a.text.replace('\n', "") == b.text.replace('\n', "")
        }
        _ => ours.same_value(theirs),
    }
}

/// Objects that are not among the expected documents, and documents no object equals.
fn difference(built: &Build, expected: &Parsed) -> (Vec<String>, Vec<String>) {
    let mut wanted: Vec<&Node> = expected.documents.iter().map(|d| &*d.root).collect();
    wanted.retain(|node| !node.is_null());
    let mut extra = Vec::new();
    for object in &built.objects {
        match wanted.iter().position(|node| same(&object.root, node)) {
            Some(position) => drop(wanted.swap_remove(position)),
            None => extra.push(format!("{}{}", object.key(), first_difference(&wanted, object))),
        }
    }
    let name = |node: &&Node| Some(node.at(&["metadata", "name"])?.text()?.to_owned());
    (extra, wanted.iter().filter_map(name).collect())
}

/// The first leaf that differs from the expected object of the same kind and name.
fn first_difference(wanted: &[&Node], object: &Object) -> String {
    let named = |node: &&&Node| {
        let text = |path: &[&str]| node.at(path).and_then(Node::text).unwrap_or("").to_owned();
        text(&["kind"]) == object.kind() && text(&["metadata", "name"]) == object.name()
    };
    let Some(other) = wanted.iter().find(named) else { return String::new() };
    let leaves = object.root.leaves();
    let found = leaves
        .iter()
        .find(|(path, leaf)| !other.pointer(path).is_some_and(|other| other.same_value(leaf)));
    let Some((path, ours)) = found else { return " lacks a value".to_owned() };
    let (ours, theirs) = (ours.text().unwrap_or("null"), other.pointer(path).and_then(Node::text));
    let theirs = theirs.unwrap_or("null");
    let same = ours.chars().zip(theirs.chars()).take_while(|(a, b)| a == b).count();
    let part = |text: &str| text.chars().skip(same.saturating_sub(10)).take(40).collect::<String>();
    format!(" at {path}: {:?} for {:?}", part(ours), part(theirs))
}

fn judge(case: &Path) -> (Verdict, String) {
    let text = bytes(&case.join("case.json"));
    let about = parse("case.json", &text, &Budget::default()).documents.remove(0).root;
    let root = about.get("root").and_then(Node::text).unwrap_or(".").to_owned();
    let tree = tree(&case.join("input"));
    let built = build(&tree, &root, &ParseCache::new(), SecretValues::Kept);
    let problems: Vec<String> = built.problems.iter().map(ToString::to_string).collect();
    let unsupported = built.problems.iter().any(|p| p.kind == ProblemKind::Unsupported);
    if about.get("expect").and_then(Node::text) == Some("error") {
        let verdict = match (unsupported, problems.is_empty()) {
            (true, _) => Verdict::NotEvaluated,
            (false, true) => Verdict::Differs,
            (false, false) => Verdict::Agrees,
        };
        return (verdict, "an error is expected".to_owned());
    }
    let expected = bytes(&case.join("expected.yaml"));
    let expected = parse("expected.yaml", &expected, &Budget::default());
    let (extra, missing) = difference(&built, &expected);
    let same = extra.is_empty() && missing.is_empty();
    let verdict = match (same, unsupported, problems.is_empty()) {
        (true, _, true) => Verdict::Agrees,
        (true, false, false) => Verdict::Complains,
        (_, true, _) => Verdict::NotEvaluated,
        _ => Verdict::Differs,
    };
    (verdict, format!("unexpected {extra:?} missing {missing:?} problems {problems:?}"))
}

/// Cases that come out otherwise, with the reason.
const KNOWN: &[&str] = &[
    // Kustomize refuses files beside the kustomization's directory; they are read here, because
    // Flux and other controllers lift that restriction.
    "baseandoverlaysmall-SharedPatchDisAllowed",
    "diamondcomposition-Issue1251-Patches-ProdVsDev-Failure",
];

#[test]
fn builds_equal_kustomize_where_its_fields_are_evaluated() {
    let Some(folder) = corpus("kustomize-krusty") else { return };
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    let cases = entries(&folder);
    let mut differing = Vec::new();
    for case in cases.iter().filter(|case| case.join("case.json").is_file()) {
        let (verdict, detail) = judge(case);
        *counts.entry(verdict).or_default() += 1;
        if verdict == Verdict::Differs {
            let name = case.file_name().unwrap().to_str().unwrap().to_owned();
            eprintln!("{name}: {detail}");
            differing.push(name);
        }
    }
    eprintln!("{counts:?}");
    assert_eq!(differing, KNOWN);
}

/// How a root of a real repository came out.
enum Comparison {
    /// The same objects.
    Equal,
    /// Others, and the build says what it lacks.
    Reported,
    /// Others, without a word.
    Differs(String),
}

/// What the recorded output of a root of a real repository has that the build has not, and the
/// reverse; `None` when a field is not evaluated or the output is not recorded.
fn compare_root(
    repository: &Path,
    tree: &dyn Tree,
    case: &Node,
    cache: &ParseCache,
) -> Option<Comparison> {
    let root = case.get("root").and_then(Node::text)?;
    case.get("ok").and_then(Node::as_bool).filter(|ok| *ok)?;
    let packed = bytes(&repository.join(case.get("expected").and_then(Node::text)?));
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(packed.as_slice()).read_to_end(&mut text).unwrap();
    let built = build(tree, root, cache, SecretValues::Kept);
    if built.problems.iter().any(|problem| problem.kind == ProblemKind::Unsupported) {
        return None;
    }
    let (extra, missing) = difference(&built, &parse("expected.yaml", &text, &Budget::default()));
    if extra.is_empty() && missing.is_empty() {
        return Some(Comparison::Equal);
    }
    if !built.problems.is_empty() {
        return Some(Comparison::Reported);
    }
    Some(Comparison::Differs(format!("{root}: unexpected {extra:?} missing {missing:?}")))
}

/// Roots that cannot be complete here: the corpus leaves a file out, or holds a symbolic link to a
/// directory as a file. Each is reported by the build.
const INCOMPLETE_ROOTS: usize = 4;

#[test]
fn real_repositories_build_like_kustomize() {
    let Some(folder) = corpus("gitops-repos") else { return };
    let (mut equal, mut skipped, mut incomplete, mut differing) = (0, 0, 0, Vec::new());
    for repository in entries(&folder).iter().filter(|path| path.join("builds.json").is_file()) {
        let builds = bytes(&repository.join("builds.json"));
        let about = parse("builds.json", &builds, &Budget::default());
        let (tree, cache) = (tree(&repository.join("tree")), ParseCache::new());
        for case in about.documents[0].root.get("roots").unwrap().items() {
            match compare_root(repository, &tree, case, &cache) {
                None => skipped += 1,
                Some(Comparison::Equal) => equal += 1,
                Some(Comparison::Reported) => incomplete += 1,
                Some(Comparison::Differs(detail)) => differing.push(detail),
            }
        }
    }
    eprintln!("{equal} roots equal, {incomplete} reported as incomplete, {skipped} not compared");
    assert_eq!(differing, Vec::<String>::new());
    assert!(incomplete <= INCOMPLETE_ROOTS);
}

/// Whether the source token at a leaf's mark is where its value comes from.
fn is_true(tree: &dyn Tree, object: &Object, path: &str, leaf: &Node) -> bool {
    let bytes = tree.read(&leaf.mark.path).unwrap().unwrap_or_default();
    let source = String::from_utf8_lossy(&bytes).into_owned();
    let line = source.lines().nth(leaf.mark.line as usize - 1).unwrap_or("");
    let Some(token) = source.get(leaf.mark.start..leaf.mark.end) else { return false };
    let starts = line.chars().skip(leaf.mark.column as usize - 1).collect::<String>();
    if !starts.starts_with(token.lines().next().unwrap_or("")) {
        return false;
    }
    let read = parse("t", token.as_bytes(), &Budget::default());
    let written = read.documents.first().and_then(|d| d.root.text()).unwrap_or("");
    let value = leaf.text().unwrap_or("");
    let folded = token.split_whitespace().collect::<Vec<_>>().join(" ");
    // Generators and derived names: the place is the generator's, or holds the part that was added.
    let generated = matches!(object.kind(), "ConfigMap" | "Secret")
        && (path.starts_with("data")
            || path.starts_with("binaryData")
            || object.mark().path.ends_with("kustomization.yaml"));
    let empty = token.is_empty() || token == "[]" || token == "{}";
    value.contains(written) || value.contains(&folded) || generated || empty || leaf.is_null()
}

#[test]
fn every_value_names_the_line_it_comes_from() {
    let Some(folder) = corpus("kustomize-krusty") else { return };
    let (mut checked, mut wrong) = (0, Vec::new());
    for case in entries(&folder).iter().filter(|case| case.join("case.json").is_file()) {
        let about = parse("case.json", &bytes(&case.join("case.json")), &Budget::default());
        let root =
            about.documents[0].root.get("root").and_then(Node::text).unwrap_or(".").to_owned();
        let tree = tree(&case.join("input"));
        let built = build(&tree, &root, &ParseCache::new(), SecretValues::Kept);
        for object in &built.objects {
            for (path, leaf) in object.root.leaves() {
                checked += 1;
                if !is_true(&tree, object, &path, leaf) {
                    let text = leaf.text().unwrap_or("null");
                    wrong.push(format!(
                        "{} {} {path}={text} {}",
                        case.display(),
                        object.key(),
                        leaf.mark
                    ));
                }
            }
        }
    }
    eprintln!("{checked} values, {} without a true place", wrong.len());
    assert!(wrong.is_empty(), "{wrong:#?}");
}
