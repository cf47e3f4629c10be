//! The charts of public GitOps repositories, and whether a located scalar is found at its place.

use std::path::{Path, PathBuf};

use stilltrace_manifest::helm::{
    HelmFlag, HelmRequest, Located, MissingDependencies, Sourced, ValuesLayer,
};
use stilltrace_manifest::yaml::{Budget, Derivation, parse};
use stilltrace_manifest::{MemoryTree, Node, Tree};

/// The folder of the corpus, or `None` with a printed reason.
pub(crate) fn corpus() -> Option<PathBuf> {
    let root = std::env::var_os("STILLTRACE_CORPORA").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let folder = root.join("gitops-repos");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no folder gitops-repos in STILLTRACE_CORPORA");
    None
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The trees of the corpus that hold charts; each argument `--only=NAME` chooses one.
pub(crate) fn trees(corpus: &Path) -> impl Iterator<Item = MemoryTree> {
    let words: Vec<String> = std::env::args().collect();
    let only: Vec<&str> = words.iter().filter_map(|word| word.strip_prefix("--only=")).collect();
    let mut folders = entries(corpus);
    folders.retain(|folder| only.is_empty() || only.iter().any(|name| folder.ends_with(name)));
    let folders = folders.into_iter().map(|folder| folder.join("tree"));
    folders.filter(|folder| folder.is_dir()).map(|folder| tree(&folder))
}

fn tree(folder: &Path) -> MemoryTree {
    let mut tree = MemoryTree::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(next) = open.pop() {
        for path in entries(&next) {
            if path.is_symlink() {
            } else if path.is_dir() {
                open.push(path);
            } else if let Some(name) = path.strip_prefix(folder).unwrap().to_str() {
                tree.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    tree
}

/// Each chart of a tree as it is, and with each `values-*.yaml` that lies beside its own values.
pub(crate) fn requests(tree: &MemoryTree) -> Vec<HelmRequest> {
    let files = tree.files().unwrap();
    let mut requests = Vec::new();
    for file in files.iter().filter(|file| file.ends_with("/Chart.yaml")) {
        let chart = file.trim_end_matches("/Chart.yaml").to_owned();
        let base = HelmRequest {
            release: Sourced::unmarked("till"),
            namespace: Some(Sourced::unmarked("market")),
            missing: MissingDependencies::LeaveOut,
            flags: [HelmFlag::IncludeCrds].into(),
            chart: chart.clone(),
            ..HelmRequest::default()
        };
        let beside = files.iter().filter(|other| {
            let name = other.strip_prefix(&format!("{chart}/")).unwrap_or("/");
            name.starts_with("values-")
                && name.strip_suffix(".yaml").is_some()
                && !name.contains('/')
        });
        let values = beside.map(|file| vec![ValuesLayer::File(file.clone())]);
        for values in std::iter::once(Vec::new()).chain(values) {
            requests.push(HelmRequest { values, ..base.clone() });
        }
    }
    requests
}

/// Whether the file at the node's mark holds what the node's location claims.
pub(crate) fn holds(tree: &MemoryTree, node: &Node, located: Located) -> bool {
    let text = node.text().unwrap_or("");
    let Some(source) = tree.read(&node.mark.path).unwrap() else { return false };
    let source = String::from_utf8(source).unwrap();
    let Some(there) = source.get(node.mark.range()) else { return false };
    let line = source[..node.mark.start as usize].matches('\n').count() + 1;
    if line != node.mark.line as usize && located != Located::File {
        return false;
    }
    let is_action = there.starts_with("{{") && there.ends_with("}}");
    let value = scalar(there);
    match (located, node.derivation()) {
        (Located::Value | Located::Literal, Derivation::Written) => {
            same(&value, text) || same(&unquoted(there), text)
        }
        (Located::Value | Located::Release, Derivation::Embedded) => {
            text.to_lowercase().contains(&value.to_lowercase())
        }
        (Located::Value, Derivation::Excerpt) => value.contains(text) || text.starts_with(there),
        (Located::Template | Located::Changing | Located::Release, Derivation::Templated) => {
            is_action
        }
        // Text with actions between its lines: the mark is the nearest text of the template.
        (Located::File, Derivation::Templated) => true,
        _ => false,
    }
}

/// The scalar in a piece of YAML; a block scalar comes with its header but without its indentation.
fn scalar(there: &str) -> String {
    let parsed = parse("", format!("value: {there}\n").as_bytes(), &Budget::default());
    let root = parsed.documents.first().map(|document| &document.root);
    root.and_then(|root| root.get("value")).and_then(Node::text).unwrap_or("").to_owned()
}

fn unquoted(there: &str) -> String {
    there.trim_matches(['"', '`']).to_owned()
}

/// Equal, apart from white space (indentation of blocks) and the spelling of numbers.
fn same(there: &str, text: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    words(there) == words(text) || (number(text).is_some() && number(there) == number(text))
}
