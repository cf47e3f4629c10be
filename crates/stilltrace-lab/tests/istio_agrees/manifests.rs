//! A revision as the cluster gets it, in files: what is applied, built and written as manifests.

use std::path::Path;

use serde_json::Value;
use stilltrace_lab::rendered;
use stilltrace_manifest::MemoryTree;

/// Builds `applied` and writes the objects to one file in `folder`.
///
/// Documents are JSON, which is YAML too. Which folders are applied is the generator's word, so
/// that a folder which our reader overlooks is a disagreement.
pub(crate) fn write(tree: &MemoryTree, applied: &[String], folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let objects = rendered::objects(tree, applied).unwrap();
    let documents: Vec<String> = objects.iter().map(Value::to_string).collect();
    std::fs::write(folder.join("repository.yaml"), documents.join("\n---\n")).unwrap();
}
