//! Small repositories and what is in effect in them, with every line.
//!
//! A case is a folder: `case.md` says what it is about, `repo/` is the repository, `expected.txt`
//! what is read from it. `UPDATE_EXPECT=1 cargo test` rewrites the last; read the difference.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
#![allow(clippy::disallowed_methods, reason = "the test reads its cases from disk")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use stilltrace_manifest::MemoryTree;
use stilltrace_model::{Origin, Platform, Setting};
use stilltrace_platform::{ParseCache, SettingChange, compare, read};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

fn tree(case: &str) -> MemoryTree {
    let root = fixtures().join(case).join("repo");
    let mut tree = MemoryTree::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
                tree.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    tree
}

fn platform(case: &str) -> Platform {
    read(&tree(case), &mut ParseCache::new())
}

/// Every setting that a line wrote, who applies and owns each workload, and all gaps.
fn print(platform: &Platform) -> String {
    let mut text = String::new();
    for workload in platform.workloads.values() {
        let kind = match (workload.is_gateway, &workload.sidecar) {
            (true, _) => "gateway",
            (false, Some(_)) => "sidecar",
            (false, None) => "no proxy",
        };
        writeln!(text, "{} {} ({kind})", workload.kind, workload.id).unwrap();
        for owner in &workload.owners {
            writeln!(text, "  owner {} @ {}", owner.name, owner.source).unwrap();
        }
        if let Some(reconciler) = &workload.reconciler {
            let path = &reconciler.path;
            writeln!(text, "  applied by {} from {path}", reconciler.object).unwrap();
        }
        print_settings(&workload.settings(), &mut text);
    }
    for edge in platform.edges.values() {
        writeln!(text, "{}, {} routes, endpoints {:?}", edge.id, edge.routes.len(), edge.endpoints)
            .unwrap();
        print_settings(&edge.settings(), &mut text);
    }
    for refusal in &platform.refused {
        writeln!(text, "refused: {} @ {} {}", refusal.object, refusal.at, refusal.field).unwrap();
        writeln!(text, "  {}", refusal.message).unwrap();
    }
    for gap in &platform.gaps {
        writeln!(text, "gap: {}\n  {}\n  {}", gap.what, gap.why, gap.remedy).unwrap();
    }
    text
}

fn print_settings(settings: &[(String, String, &Origin)], text: &mut String) {
    for (name, value, origin) in settings {
        if let Origin::Git { at, field, .. } = origin {
            writeln!(text, "  {name} = {value} @ {at} {field}").unwrap();
        }
    }
}

#[test]
fn repositories_read_as_expected() {
    let mut cases: Vec<PathBuf> =
        std::fs::read_dir(fixtures()).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.sort();
    assert!(!cases.is_empty());
    for case in cases {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        expect_file![case.join("expected.txt")].assert_eq(&print(&platform(&name)));
    }
}

fn lines<T>(setting: &Setting<T>) -> Vec<String> {
    setting.overrode.iter().map(ToString::to_string).collect()
}

#[test]
fn a_patched_value_names_the_patch_and_the_line_under_it() {
    let platform = platform("flux_overlays");
    let edge =
        platform.edges.values().find(|edge| edge.id.destination.name == "inventory").unwrap();
    let attempts = &edge.routes[0].retries.attempts;
    assert_eq!(attempts.value, 10);
    let at = attempts.origin.location().unwrap();
    assert_eq!(&*at.path, "tenants/shop/overlays/prod/retries.yaml");
    let below = lines(attempts);
    assert!(below[0].starts_with("apps/base/inventory/mesh.yaml:11:"), "{below:?}");
    assert!(below.iter().any(|line| line.starts_with("platform/istio/mesh.yaml:")), "{below:?}");
}

#[test]
fn every_written_setting_points_at_its_own_text() {
    for case in ["flux_overlays", "argo_plain", "same_host_twice"] {
        let platform = platform(case);
        let settings = platform.edges.values().flat_map(stilltrace_model::Edge::settings);
        let own = platform.workloads.values().flat_map(stilltrace_model::Workload::settings);
        for (name, value, origin) in settings.chain(own) {
            let Some(at) = origin.location() else { continue };
            let file = std::fs::read(fixtures().join(case).join("repo").join(&*at.path)).unwrap();
            let text = String::from_utf8_lossy(&file[at.start..at.end]).into_owned();
            let line =
                String::from_utf8_lossy(&file).lines().nth(at.line as usize - 1).map(str::to_owned);
            let line = line.unwrap_or_default();
            let tail: String = line.chars().skip(at.column as usize - 1).collect();
            let first = text.lines().next().unwrap_or_default();
            assert!(
                tail.starts_with(first),
                "{case} {name} = {value}: {at} reads {line:?}, not {text:?}"
            );
        }
    }
}

#[test]
fn a_changed_line_changes_exactly_its_settings() {
    let before = platform("flux_overlays");
    let mut changed = tree("flux_overlays");
    let path = "tenants/shop/overlays/prod/retries.yaml";
    let text = std::fs::read_to_string(fixtures().join("flux_overlays/repo").join(path)).unwrap();
    changed.insert(path, text.replace("attempts: 10 ", "attempts: 3 "));
    let after = read(&changed, &mut ParseCache::new());
    let found = compare(&before, &after);
    let told: Vec<String> = found
        .iter()
        .map(|change| {
            let SettingChange { entity, setting, before, after, .. } = change;
            format!("{entity} {setting}: {before} -> {after}")
        })
        .collect();
    assert_eq!(
        told,
        [
            "shop/checkout -> shop/inventory:80 retries.attempts: 10 -> 3",
            "shop/inventory -> shop/inventory:80 retries.attempts: 10 -> 3",
        ]
    );
    assert!(compare(&before, &before).is_empty());
}

#[test]
fn a_removed_line_is_a_change_back_to_the_default() {
    let before = platform("flux_overlays");
    let mut changed = tree("flux_overlays");
    let path = "apps/base/inventory/mesh.yaml";
    let text = std::fs::read_to_string(fixtures().join("flux_overlays/repo").join(path)).unwrap();
    changed.insert(path, text.replace("        idleTimeout: 30s\n", ""));
    let after = read(&changed, &mut ParseCache::new());
    let change =
        compare(&before, &after).into_iter().find(|c| c.setting == "pool.idleTimeout").unwrap();
    assert_eq!((change.before.as_str(), change.after.as_str()), ("30s", "unset"));
    assert!(change.origin_before.location().is_some());
    assert!(matches!(change.origin_after, Origin::Default { .. }));
}

/// Takes lines away, doubles them, or puts hostile text in place of their value.
#[test]
fn mutated_input_never_panics() {
    const HOSTILE: [&str; 8] =
        ["{}", "[]", "-1", "99999999999999999999", "'é*'", "~", "*x", "\"\\u0000/\""];
    let mut seen = 0;
    for case in ["flux_overlays", "argo_plain", "wrong_values", "same_host_twice"] {
        let whole = tree(case);
        for path in stilltrace_manifest::Tree::files(&whole).unwrap() {
            let bytes = stilltrace_manifest::Tree::read(&whole, &path).unwrap().unwrap();
            let text = String::from_utf8(bytes).unwrap();
            let lines: Vec<&str> = text.lines().collect();
            for (index, line) in lines.iter().enumerate() {
                let key = line.split_once(':').map_or("-", |(key, _)| key);
                let hostile = HOSTILE[(index + path.len()) % HOSTILE.len()];
                let replaced = format!("{key}: {hostile}");
                let new = match index % 3 {
                    0 => vec![],
                    1 => vec![*line, *line],
                    _ => vec![replaced.as_str()],
                };
                let mut changed = lines.clone();
                changed.splice(index..=index, new);
                let mut tree = whole.clone();
                tree.insert(path.clone(), changed.join("\n"));
                let platform = read(&tree, &mut ParseCache::new());
                assert!(compare(&platform, &platform).is_empty());
                seen += 1;
            }
        }
    }
    assert!(seen > 250, "{seen}");
}
