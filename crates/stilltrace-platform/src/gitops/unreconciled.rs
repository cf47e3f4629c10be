//! What is applied when no reconciler says: kustomizations, or every manifest.

use std::sync::Arc;

use super::files::Files;
use super::roots::{Cluster, Root};
use super::variants::{conflicts, variants};
use super::walk::Walk;

/// Applies the kustomizations that no other kustomization refers to, each variant of an app to a
/// cluster of its own; without any, the whole tree. Says whether it was the whole tree.
pub(crate) fn apply(files: &Files<'_>, walk: &mut Walk<'_>) -> bool {
    let folders = files.roots();
    if folders.is_empty() {
        let root = vec![Root::Folder(String::new())];
        walk.cluster(&Cluster { name: String::new(), roots: root });
        return true;
    }
    files.build_ahead(&folders);
    let builds: Vec<_> = folders.iter().map(|folder| files.build(folder)).collect();
    let claims = builds.iter().enumerate().flat_map(|(position, build)| {
        build.objects.iter().map(move |object| {
            let namespace = object.namespace().unwrap_or("default");
            ((object.group(), object.kind(), namespace, object.name()), position, object)
        })
    });
    // Two folders agree on an object that is the same line for line.
    let found =
        conflicts(claims, |one, two| Arc::ptr_eq(&one.root, &two.root) || one.root == two.root);
    for variant in variants(&folders, &found) {
        let roots = variant.members.iter().filter_map(|at| folders.get(*at).cloned());
        let roots = roots.map(Root::Folder).collect();
        walk.cluster(&Cluster { name: variant.name, roots });
    }
    false
}
