//! Folders of which a reconciler applies nothing.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use stilltrace_manifest::MemoryTree;
use stilltrace_platform::{ParseCache, read};

const FLUX: &str = "\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: shop, namespace: flux-system}
spec: {path: ./shop, sourceRef: {kind: GitRepository, name: flux-system}}
";
const ARGO: &str = "\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd}
spec:
  destination: {namespace: shop, server: https://kubernetes.default.svc}
  source: {repoURL: https://example.com/me/shop, path: shop}
";
const SERVICE: &str = "\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80}]}
";

/// What is said of the folder that holds a service and this file, and how many services there are.
fn told(reconciler: &str, kustomization: Option<&str>, file: &str) -> (Vec<String>, usize) {
    let mut tree = MemoryTree::new()
        .with("apps/shop.yaml", reconciler)
        .with("shop/web.yaml", SERVICE)
        .with("shop/other.yaml", file);
    if let Some(text) = kustomization {
        tree.insert("shop/kustomization.yaml".to_owned(), text.to_owned());
    }
    let platform = read(&tree, &mut ParseCache::new());
    let gaps = platform.gaps.iter().filter(|gap| gap.what.contains("does not build"));
    (gaps.map(|gap| gap.what.clone()).collect(), platform.services.len())
}

#[test]
fn a_folder_with_a_broken_file_is_said_not_to_be_applied_and_read_all_the_same() {
    let list = "resources: [web.yaml, other.yaml]\n";
    for (reconciler, name, list) in [
        (FLUX, "Kustomization flux-system/shop", Some(list)),
        (ARGO, "Application argocd/shop", Some(list)),
        (ARGO, "Application argocd/shop", None),
    ] {
        let (gaps, services) = told(reconciler, list, "kind: {\n");
        let expected = format!(
            "{name} applies nothing of `shop`, which does not build from what was read (shop/other.yaml:"
        );
        assert!(gaps.len() == 1 && gaps[0].starts_with(&expected), "{gaps:?}");
        assert_eq!(services, 1);
        assert_eq!(told(reconciler, list, "# nothing\n").0, [""; 0]);
    }
}

#[test]
fn a_base_that_is_not_fetched_says_nothing_about_the_build() {
    let list = "resources: [web.yaml, 'https://git.example/team/base?ref=v1']\n";
    assert_eq!(told(FLUX, Some(list), "").0, [""; 0]);
}
