//! Which crate may use which: the arrows of ARCHITECTURE.md, and no I/O library below the sources.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{Findings, Repository};
use crate::workspace;

/// One crate of ours.
struct Rule {
    /// Its name.
    name: &'static str,
    /// Crates of ours that it may use.
    uses: &'static [&'static str],
    /// Further ones that only its tests may use.
    tests_use: &'static [&'static str],
    /// Whether it computes only: no async runtime and no HTTP, however far down.
    pure: bool,
}

/// Every crate of the workspace, in reading order.
const RULES: &[Rule] = &[
    Rule { name: "stilltrace-model", uses: &[], tests_use: &[], pure: true },
    Rule { name: "stilltrace-manifest", uses: &["model"], tests_use: &[], pure: true },
    Rule {
        name: "stilltrace-platform",
        uses: &["model", "manifest"],
        tests_use: &["report"],
        pure: true,
    },
    Rule {
        name: "stilltrace-mechanisms",
        uses: &["model"],
        tests_use: &["manifest", "platform"],
        pure: true,
    },
    Rule { name: "stilltrace-engine", uses: &["model", "mechanisms"], tests_use: &[], pure: true },
    Rule { name: "stilltrace-report", uses: &["model"], tests_use: &[], pure: true },
    Rule { name: "stilltrace-capture", uses: &["model"], tests_use: &[], pure: true },
    Rule {
        name: "stilltrace-sources",
        uses: &["model", "manifest", "platform", "capture"],
        tests_use: &[],
        pure: false,
    },
    Rule {
        name: "stilltrace",
        uses: &[
            "model",
            "manifest",
            "platform",
            "mechanisms",
            "engine",
            "report",
            "capture",
            "sources",
        ],
        tests_use: &[],
        pure: false,
    },
    Rule {
        name: "stilltrace-lab",
        uses: &["model", "manifest", "platform", "capture"],
        tests_use: &[],
        pure: false,
    },
    Rule { name: "xtask", uses: &[], tests_use: &[], pure: false },
];

/// Libraries that wait for the world.
const RUNTIMES_AND_CLIENTS: &[&str] = &[
    "async-std",
    "axum",
    "curl",
    "h2",
    "hyper",
    "isahc",
    "mio",
    "reqwest",
    "smol",
    "tokio",
    "tonic",
    "ureq",
];

/// Checks declared and resolved dependencies.
pub(super) fn check(repository: &Repository<'_>, findings: &mut Findings) -> Result<()> {
    let metadata = workspace::metadata(repository.root)?;
    let members = members(&metadata)?;
    for (name, package) in &members {
        let Some(rule) = RULES.iter().find(|rule| rule.name == name) else {
            findings.problem(format!(
                "crates/{name}: unknown to tidy; say in ARCHITECTURE.md and tidy/crates.rs what it may use"
            ));
            continue;
        };
        for (used, tests_only) in declared(package, &members) {
            let short = used.strip_prefix("stilltrace-").unwrap_or(&used);
            let allowed =
                rule.uses.contains(&short) || tests_only && rule.tests_use.contains(&short);
            if !allowed {
                findings.problem(format!("crates/{name}/Cargo.toml: must not use {used}"));
            }
        }
        lints(repository, name, findings)?;
    }
    let graph = Graph::of(&metadata)?;
    for rule in RULES.iter().filter(|rule| rule.pure && members.contains_key(rule.name)) {
        for reached in graph.reached_from(rule.name) {
            if RUNTIMES_AND_CLIENTS.contains(&reached) {
                findings
                    .problem(format!("crates/{}: reaches {reached}, but computes only", rule.name));
            }
        }
    }
    findings.note(format!("crates: {} of ours, {} in all", members.len(), graph.names.len()));
    Ok(())
}

/// Every crate takes the lints of the workspace, which forbid `unsafe` among others.
fn lints(repository: &Repository<'_>, name: &str, findings: &mut Findings) -> Result<()> {
    let folder = if name == "xtask" { name.to_owned() } else { format!("crates/{name}") };
    let path = format!("{folder}/Cargo.toml");
    let manifest = workspace::source(repository.root, &path)?.unwrap_or_default();
    if !manifest.contains("[lints]\nworkspace = true") {
        findings.problem(format!("{path}: does not take the lints of the workspace"));
    }
    Ok(())
}

/// Packages of the workspace by name.
fn members(metadata: &Value) -> Result<BTreeMap<String, &Value>> {
    let ids: BTreeSet<&str> =
        list(metadata, "workspace_members")?.iter().filter_map(Value::as_str).collect();
    let packages = list(metadata, "packages")?;
    let ours =
        packages.iter().filter(|package| package["id"].as_str().is_some_and(|id| ids.contains(id)));
    Ok(ours.filter_map(|package| Some((package["name"].as_str()?.to_owned(), package))).collect())
}

/// Crates of ours that a package declares, and whether only for its tests.
fn declared(package: &Value, members: &BTreeMap<String, &Value>) -> BTreeSet<(String, bool)> {
    let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
    dependencies
        .iter()
        .filter_map(|used| Some((used["name"].as_str()?.to_owned(), used["kind"] == "dev")))
        .filter(|(used, _)| members.contains_key(used))
        .collect()
}

/// A field that holds a list.
fn list<'v>(value: &'v Value, field: &str) -> Result<&'v Vec<Value>> {
    value[field].as_array().with_context(|| format!("`cargo metadata` has no `{field}`"))
}

/// The resolved dependencies, tests' own left out.
struct Graph<'v> {
    /// Name of a package by its id.
    names: BTreeMap<&'v str, &'v str>,
    /// What a package uses.
    edges: BTreeMap<&'v str, Vec<&'v str>>,
}

impl<'v> Graph<'v> {
    /// Reads the graph from what cargo resolved.
    fn of(metadata: &'v Value) -> Result<Self> {
        let packages = list(metadata, "packages")?;
        let names = packages.iter().filter_map(|p| Some((p["id"].as_str()?, p["name"].as_str()?)));
        let mut edges = BTreeMap::new();
        for node in list(&metadata["resolve"], "nodes")? {
            let uses = list(node, "deps")?.iter().filter(|used| {
                let kinds = used["dep_kinds"].as_array().map(Vec::as_slice).unwrap_or_default();
                kinds.iter().any(|kind| kind["kind"].is_null())
            });
            let uses = uses.filter_map(|used| used["pkg"].as_str()).collect();
            edges.insert(node["id"].as_str().unwrap_or_default(), uses);
        }
        Ok(Self { names: names.collect(), edges })
    }

    /// Names of everything that the package of that name is linked with, itself left out.
    fn reached_from(&self, name: &str) -> BTreeSet<&'v str> {
        let start = self.names.iter().find(|(_, found)| **found == name).map(|(id, _)| *id);
        let mut seen = BTreeSet::new();
        let mut open: Vec<&str> = start.into_iter().collect();
        while let Some(id) = open.pop() {
            for used in self.edges.get(id).into_iter().flatten() {
                if seen.insert(*used) {
                    open.push(used);
                }
            }
        }
        seen.iter().filter_map(|id| self.names.get(id).copied()).collect()
    }
}
