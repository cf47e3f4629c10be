//! What real manifests say that nothing reads: every fault of fields in the corpora, and no other.
//!
//! The corpora lie outside the repository: `STILLTRACE_CORPORA` names their folder; without it the
//! test is skipped with a printed reason. Each line of `schema_corpora/expected.txt` was judged by
//! hand against the definition of its kind. `UPDATE_EXPECT=1` rewrites the list; read the difference.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the figures are the result")]
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
#![allow(clippy::disallowed_methods, reason = "the test reads the corpora from disk")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use stilltrace_manifest::{MemoryTree, Tree as _};
use stilltrace_platform::{Options, ParseCache, read_all};

fn corpora() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("STILLTRACE_CORPORA").map_or(default, PathBuf::from);
    root.join("gitops-repos").is_dir().then_some(root)
}

/// All folders in `folder`, sorted.
fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// The text files below `root`.
fn tree(root: &Path) -> MemoryTree {
    let mut tree = MemoryTree::new();
    let mut waiting = vec![root.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let path = entry.path();
            if entry.file_type().unwrap().is_dir() {
                waiting.push(path);
            } else if let Ok(bytes) = std::fs::read(&path) {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                tree.insert(name, bytes);
            }
        }
    }
    tree
}

/// What is said of fields that do not exist or hold what they cannot; of all clusters.
fn faults(tree: &MemoryTree) -> BTreeSet<String> {
    let clusters = read_all(tree, &mut ParseCache::new(), &Options::default());
    let gaps = clusters.iter().flat_map(|cluster| &cluster.platform.gaps);
    let ours = gaps.filter(|gap| {
        [
            "the setting has no effect",
            "no setting of it takes effect",
            "told one by one",
            "unless an older definition is installed",
        ]
        .iter()
        .any(|why| gap.why.contains(why))
    });
    let refused = clusters.iter().flat_map(|cluster| &cluster.platform.refused);
    let structure = refused.filter(|refusal| {
        let what = &refusal.message;
        what.starts_with("`spec")
            && ["is required", "must be a text", "must be a whole", "is not one of"]
                .iter()
                .any(|fault| what.contains(fault))
    });
    let structure = structure.map(|one| format!("{}: {}: {}", one.at, one.object, one.message));
    ours.map(|gap| gap.what.clone()).chain(structure).collect()
}

/// What is said of the files when each is all there is, as most are samples that nothing applies.
fn of_each_file(tree: &MemoryTree) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in tree.files().unwrap() {
        let bytes = tree.read(&name).unwrap().unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        if ["istio.io/", "gateway.networking"].iter().any(|group| text.contains(group)) {
            found.extend(faults(&MemoryTree::new().with(&name, &text)));
        }
    }
    found
}

#[test]
fn only_faults_that_were_judged_are_found_in_the_corpora() {
    let Some(corpora) = corpora() else {
        eprintln!("skipped: no gitops-repos in STILLTRACE_CORPORA");
        return;
    };
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for repository in folders(&corpora.join("gitops-repos")) {
        let name = repository.file_name().unwrap().to_string_lossy().into_owned();
        let tree = tree(&repository.join("tree"));
        found.insert(format!("{name} as it is applied"), faults(&tree));
        found.insert(format!("{name}, other files"), of_each_file(&tree));
    }
    let analyzers = tree(&corpora.join("istio-analyzers/testdata"));
    found.insert("istio-analyzers".to_owned(), of_each_file(&analyzers));
    for case in folders(&corpora.join("xds-golden")) {
        found.entry("xds-golden".to_owned()).or_default().extend(faults(&tree(&case)));
    }
    let mut text = String::new();
    for (corpus, faults) in &found {
        writeln!(text, "{corpus}: {}", faults.len()).unwrap();
        for fault in faults {
            writeln!(text, "  {fault}").unwrap();
        }
    }
    expect_file!["schema_corpora/expected.txt"].assert_eq(&text);
}
