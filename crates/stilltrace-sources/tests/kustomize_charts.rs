//! Charts of kustomizations, rendered as the real kustomize v5.8.2 renders them with `--enable-helm`
//! and `--load-restrictor LoadRestrictionsNone`.
//!
//! A case is a folder of `fixtures/kustomize-charts/cases`: what the real program printed is its
//! `expected.yaml`; a case that it refuses has our reason in `refused.txt`, which `UPDATE_EXPECT=1`
//! writes anew. Skipped, with the reason, where there is no `helm`.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "tests say why they skip")]

use std::fs;
use std::path::{Path, PathBuf};

use stilltrace_manifest::helm::Effort;
use stilltrace_manifest::kustomize::{
    LoadRestrictor, Means, Refusal, RenderOptions, Rendered, build_by, render, render_with,
};
use stilltrace_manifest::{ParseCache, kustomize};
use stilltrace_sources::HelmProgram;
use stilltrace_sources::files::FolderTree;

fn helm() -> Option<HelmProgram> {
    HelmProgram::find().inspect_err(|refusal| eprintln!("skipped: {refusal}")).ok()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/kustomize-charts")
}

fn cases() -> Vec<PathBuf> {
    let entries = fs::read_dir(fixtures().join("cases")).unwrap();
    let mut cases: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    cases
}

fn options(renders: usize) -> RenderOptions {
    RenderOptions {
        enable_helm: true,
        load_restrictor: LoadRestrictor::None,
        chart_effort: Effort { renders },
        ..RenderOptions::default()
    }
}

fn rendered(helm: &HelmProgram, case: &Path, renders: usize) -> Result<Rendered, Refusal> {
    let tree = FolderTree::open(&fixtures()).unwrap();
    let dir = format!("cases/{}", case.file_name().unwrap().to_str().unwrap());
    render_with(&tree, &dir, &options(renders), helm, &ParseCache::new())
}

#[test]
fn charts_render_to_the_same_bytes_or_are_refused() {
    let Some(helm) = helm() else { return };
    for case in cases() {
        match rendered(&helm, &case, 1) {
            Ok(rendered) => {
                let expected = fs::read_to_string(case.join("expected.yaml")).unwrap();
                assert_eq!(rendered.text, expected, "{}", case.display());
            }
            Err(refusal) => {
                let (said, file) = (format!("{refusal}\n"), case.join("refused.txt"));
                if std::env::var_os("UPDATE_EXPECT").is_some() {
                    fs::write(&file, &said).unwrap();
                }
                let expected = fs::read_to_string(&file).unwrap_or_default();
                assert_eq!(said, expected, "{}", case.display());
            }
        }
    }
}

#[test]
fn looking_for_places_changes_no_byte() {
    let Some(helm) = helm() else { return };
    for case in cases().iter().filter(|case| case.join("expected.yaml").is_file()) {
        let (quick, thorough) = (rendered(&helm, case, 1), rendered(&helm, case, 24));
        assert_eq!(quick.unwrap().text, thorough.unwrap().text, "{}", case.display());
    }
}

#[test]
fn a_value_in_the_kustomization_is_the_origin_and_overrode_that_of_the_chart() {
    let Some(helm) = helm() else { return };
    let case = fixtures().join("cases/values_in_place_override_the_file");
    let rendered = rendered(&helm, &case, 24).unwrap();
    let deployment = rendered.objects.iter().find(|object| object.kind() == "Deployment").unwrap();
    let place = |field: &str| {
        let node = deployment.root.pointer(field).unwrap();
        let overrode: Vec<_> =
            node.overrode().iter().map(|mark| (mark.path.to_string(), mark.line)).collect();
        ((node.mark.path.to_string(), node.mark.line), overrode)
    };
    let kustomization = "cases/values_in_place_override_the_file/kustomization.yaml".to_owned();
    let values = "charts/web/values.yaml".to_owned();
    assert_eq!(place("spec.replicas"), ((kustomization, 10), vec![(values.clone(), 1)]));
    assert_eq!(place("metadata.labels.team"), ((values, 10), Vec::new()));
    let template = "charts/web/templates/all.yaml".to_owned();
    assert_eq!(place("kind"), ((template, 2), Vec::new()));
}

#[test]
fn charts_need_to_be_allowed_and_a_helm() {
    let tree = FolderTree::open(&fixtures()).unwrap();
    let (dir, cache) = ("cases/without_a_name", ParseCache::new());
    let refused = |options: &RenderOptions| render(&tree, dir, options, &cache).unwrap_err();
    let not_allowed = refused(&RenderOptions::default());
    assert!(not_allowed.to_string().ends_with("only with `--enable-helm`"), "{not_allowed}");
    assert!(!not_allowed.is_gap());
    let without = refused(&options(1));
    assert!(without.is_gap() && without.to_string().contains("install helm"), "{without}");
}

#[test]
fn a_report_holds_the_charts_objects_without_values_of_secrets() {
    let Some(helm) = helm() else { return };
    let tree = FolderTree::open(&fixtures()).unwrap();
    let dir = "cases/without_a_name";
    let build =
        build_by(&tree, dir, Means { helm: Some(&helm), ..Means::default() }, &ParseCache::new());
    assert_eq!(build.problems, []);
    let secret = build.objects.iter().find(|object| object.kind() == "Secret").unwrap();
    assert!(secret.root.pointer("stringData.p").unwrap().is_null());
    let without = kustomize::build(&tree, dir);
    assert!(without.objects.is_empty() && without.problems.len() == 1, "{:?}", without.problems);
}
