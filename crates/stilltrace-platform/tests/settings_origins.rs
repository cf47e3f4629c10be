//! Every setting against the line that its origin names.
//!
//! The document of `stilltrace settings -o json` is walked over all cases of `xds-golden` and over
//! every cluster of `gitops-repos`. Each origin is of one of three kinds. A line: something begins
//! at that line and column of that file, it stands behind the key that the origin's `field` ends
//! with, in an object that the file itself holds it is that field, and what is written is the value
//! in the notation of the settings (`settings_origins/notation.rs` has every rule). A default: it
//! has a name, the software that defines it, and the Istio version that it holds for. What it overrode: lines of both kinds.
//! Every field has an origin, or holds objects that have.
//!
//! `STILLTRACE_CORPORA` names the folder of both; without it the tests are skipped with a printed
//! reason.

#![allow(clippy::print_stderr, reason = "the figures are the result")]
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
#![allow(clippy::disallowed_methods, reason = "the test reads the corpora from disk")]

mod fresh;
#[path = "settings_origins/notation.rs"]
mod notation;
#[path = "settings_origins/sources.rs"]
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use notation::Claim;
use serde_json::{Map, Value};
use sources::{Sources, Token};
use stilltrace_manifest::{MemoryTree, Node, ParseCache, Tree as _, yaml};
use stilltrace_platform::{Options, read, read_all};
use stilltrace_report::settings;

/// Whose defaults there are.
const WHOSE: &[&str] = &["Istio", "Envoy", "Kubernetes", "Gateway API", "KEDA", "operating system"];

/// Fields that hold objects with origins of their own.
const OBJECTS: &[&str] = &[
    "subsets",
    "depends_on_age",
    "routes",
    "edges",
    "inbound",
    "http",
    "tcp",
    "patched_by",
    "autoscaler",
    "disruption_budgets",
    "spread",
    "containers",
    "serves",
    "readiness",
    "liveness",
    "startup",
    "proxy",
    "owners",
    "applied_by",
];

/// The first seed of the made-up meshes.
const MADE_UP: u64 = 50_000;

/// How often origins were held against their lines, and what was wrong.
#[derive(Default)]
struct Count {
    written: usize,
    defaults: BTreeMap<String, usize>,
    overrode: usize,
    wrong: BTreeMap<String, (usize, String)>,
}

/// A document with the files that it was computed from.
struct Reading<'t> {
    name: String,
    sources: Sources<'t>,
}

impl Count {
    fn wrong(&mut self, class: &str, example: String) {
        let class = class.replace(|c: char| c.is_ascii_digit(), "");
        self.wrong.entry(class).or_insert((0, example)).0 += 1;
    }

    /// Checks all origins in and below an object of the settings.
    fn walk(&mut self, reading: &mut Reading<'_>, path: &str, value: &Value) {
        if let Value::Array(items) = value {
            for item in items {
                self.walk(reading, path, item);
            }
        }
        let Value::Object(fields) = value else { return };
        let origins = fields.get("origins").and_then(Value::as_object);
        for (name, origin) in origins.into_iter().flatten() {
            let what = format!("{} {path} {name} {origin}", reading.name);
            self.check(
                reading,
                &what,
                origin,
                Some(&Claim { name, fields, key: last_key(origin) }),
            );
            for lost in origin["overrode"].as_array().into_iter().flatten() {
                self.overrode += 1;
                self.check(reading, &what, lost, None);
            }
        }
        for refused in fields.get("invalid").and_then(Value::as_array).into_iter().flatten() {
            let what = format!("{} refused {refused}", reading.name);
            self.check(reading, &what, refused, None);
        }
        if let Some(reconciler) = fields.get("applied_by") {
            let what = format!("{} {path} applied by {reconciler}", reading.name);
            self.check(reading, &what, reconciler, None);
        }
        for owner in fields.get("owners").and_then(Value::as_array).into_iter().flatten() {
            self.owner(reading, &format!("{} {path} owner {owner}", reading.name), owner);
        }
        if let Some(origins) = origins {
            self.all_explained(&format!("{} {path}", reading.name), fields, origins);
        }
        for (key, value) in fields.iter().filter(|(key, _)| *key != "origins") {
            self.walk(reading, &format!("{path}/{key}"), value);
        }
    }

    /// Whoever answers for something is named by the line that is told.
    fn owner(&mut self, reading: &mut Reading<'_>, what: &str, owner: &Value) {
        let file = reading.sources.file(owner["path"].as_str().unwrap_or_default());
        let name = owner["name"].as_str().unwrap_or_default();
        let short = name.rsplit(['/', ':']).next().unwrap_or(name);
        if file.line(owner["line"].as_u64().unwrap_or_default()).contains(short) {
            self.written += 1;
        } else {
            self.wrong("owner: another line", what.to_owned());
        }
    }

    /// Every field has an origin, or parts that have, or is known to be computed.
    fn all_explained(
        &mut self,
        what: &str,
        fields: &Map<String, Value>,
        origins: &Map<String, Value>,
    ) {
        let explained = |name: &str| origins.contains_key(name) || OBJECTS.contains(&name);
        for (name, value) in fields.iter().filter(|(name, _)| *name != "origins") {
            let in_parts = match value {
                Value::Array(items) => {
                    (0..items.len()).all(|at| explained(&format!("{name}[{at}]")))
                }
                Value::Object(parts) => {
                    parts.keys().all(|part| explained(&format!("{name}.{part}")))
                }
                Value::Number(count) if name == "header_ops" => {
                    (0..count.as_u64().unwrap()).all(|at| explained(&format!("{name}[{at}]")))
                }
                _ => false,
            };
            if !explained(name) && !in_parts {
                self.wrong(&format!("{name}: no origin"), format!("{what} {name} {value}"));
            }
        }
    }

    fn check(
        &mut self,
        reading: &mut Reading<'_>,
        what: &str,
        origin: &Value,
        claim: Option<&Claim<'_>>,
    ) {
        let class = claim.map_or("overrode", |claim| claim.name);
        if let Some(name) = origin["default"].as_str() {
            *self.defaults.entry(name.to_owned()).or_default() += 1;
            if origin["istio"] != "1.31" || name.is_empty() {
                self.wrong(&format!("{class}: a default without a version"), what.to_owned());
            }
            if !WHOSE.contains(&origin["by"].as_str().unwrap_or_default()) {
                self.wrong(&format!("{class}: nobody's default"), format!("{what}: {name}"));
            }
            return;
        }
        let file = reading.sources.file(origin["path"].as_str().unwrap_or_default());
        let place = (origin["line"].as_u64().unwrap_or(1), origin["column"].as_u64().unwrap_or(1));
        let mut tokens = file.tokens(place);
        if tokens.is_empty() {
            self.wrong(&format!("{class}: nothing begins there"), what.to_owned());
            return;
        }
        let made = is_of_gateway(&file.documents, origin);
        let key = if made { "" } else { last_key(origin) };
        let fits = |own: &str| key.is_empty() || own == key;
        tokens.retain(|token| {
            token.key.as_deref().is_none_or(fits) || is_operation(&file.documents, key, token)
        });
        if tokens.is_empty() {
            self.wrong(&format!("{class}: another key stands there"), what.to_owned());
            return;
        }
        if let Some(false) = is_field(&file.documents, origin, &tokens) {
            self.wrong(&format!("{class}: not that field"), what.to_owned());
        }
        let Some(claim) = claim else { return };
        let claim = &Claim { key: &first_name(key), ..*claim };
        // A value that follows from a block or gateway being there at all.
        let object = origin["object"]["name"].as_str().unwrap_or_default();
        let is_there = |token: &Token| token.node.text().is_none_or(|own| object.starts_with(own));
        let implied = made && tokens.iter().any(is_there);
        let resolved = |token: &Token| {
            let alias = aliases(&file.documents).remove(token.node.text()?)?;
            Some(claim.holds(&Node::string(alias, token.node.mark.clone())))
        };
        let holds = |token: &Token| claim.holds(&token.node) || resolved(token) == Some(true);
        if implied || tokens.iter().any(holds) {
            self.written += 1;
            return;
        }
        let there = tokens[0].node.text().unwrap_or("a collection").to_owned();
        let value = Value::Object(claim.fields.clone());
        self.wrong(&format!("{class} {key}: not the value"), format!("{what}: {there} in {value}"));
    }

    /// Prints the figures and demands that nothing was wrong.
    fn settle(&self, corpus: &str) {
        let defaults: usize = self.defaults.values().sum();
        eprintln!(
            "{corpus}: {} settings are written where they say, {defaults} are named defaults, \
             {} overrode",
            self.written, self.overrode
        );
        for (name, times) in &self.defaults {
            eprintln!("  {times:7} {name}");
        }
        assert!(self.written > 0, "nothing was held against its line");
        assert!(self.wrong.is_empty(), "{:#?}", self.wrong);
    }
}

/// Whether the origin's object is a service that Istio makes for a gateway of the Gateway API, whose
/// listeners name its ports.
fn is_of_gateway(documents: &[std::sync::Arc<Node>], origin: &Value) -> bool {
    let object = &origin["object"];
    let name = object["name"].as_str().unwrap_or_default();
    let has = |kind: &str, fits: &dyn Fn(&str) -> bool| {
        let mut roots =
            documents.iter().filter(|root| root.get("kind").and_then(Node::text) == Some(kind));
        roots.any(|root| root.at(&["metadata", "name"]).and_then(Node::text).is_some_and(fits))
    };
    object["kind"] == "Service"
        && !has("Service", &|own| own == name)
        && has("Gateway", &|own| name.starts_with(own))
}

/// Whether a JSON patch writes the key here: below `value`, beside the `path` that ends with it.
fn is_operation(documents: &[std::sync::Arc<Node>], key: &str, token: &Token) -> bool {
    let mut operations = documents.iter().flat_map(|list| list.items());
    operations.any(|operation| {
        let path = operation.get("path").and_then(Node::text).unwrap_or_default();
        let last = path.rsplit('/').next().unwrap_or_default().replace("~1", "/");
        last == key && operation.get("value") == Some(&token.node)
    })
}

/// The first of the names of a key: the mesh configuration knows fields by `outlier_detection` too.
fn first_name(key: &str) -> String {
    let mut upper = false;
    let letters = key.chars().filter_map(|letter| {
        let was = std::mem::replace(&mut upper, letter == '_');
        (letter != '_').then(|| if was { letter.to_ascii_uppercase() } else { letter })
    });
    letters.collect()
}

/// The key that the field of an origin ends with; empty for an item of a list and for an object.
fn last_key(origin: &Value) -> &str {
    let field = origin["field"].as_str().unwrap_or_default();
    match yaml::steps(field).unwrap_or_default().last() {
        Some(yaml::Step::Key(key)) => &field[field.rfind(key.as_str()).unwrap()..][..key.len()],
        _ => "",
    }
}

/// Hosts that are only other names (`ExternalName`), with the name at the end of the chain.
fn aliases(documents: &[std::sync::Arc<Node>]) -> BTreeMap<String, String> {
    let text = |node: &Node, path: &[&str]| node.at(path).and_then(Node::text).map(str::to_owned);
    let named = documents.iter().filter_map(|root| {
        let place = format!("{}.svc.cluster.local", text(root, &["metadata", "namespace"])?);
        let host = format!("{}.{place}", text(root, &["metadata", "name"])?);
        Some((host, text(root, &["spec", "externalName"])?))
    });
    let mut ends: BTreeMap<String, String> = named.collect();
    for _ in 0..ends.len() {
        let further = ends.clone();
        for end in ends.values_mut() {
            if let Some(next) = further.get(end) {
                end.clone_from(next);
            }
        }
    }
    ends
}

/// Whether one of the tokens is the field that an origin names; `None` where the file does not hold
/// the object as it is applied.
fn is_field(documents: &[std::sync::Arc<Node>], origin: &Value, tokens: &[Token]) -> Option<bool> {
    let text =
        |node: &Node, path: &[&str]| node.at(path).and_then(Node::text).unwrap_or("").to_owned();
    let object = &origin["object"];
    let mut roots = documents.iter().filter(|root| {
        object["kind"] == text(root, &["kind"])
            && object["name"] == text(root, &["metadata", "name"])
            && [&object["namespace"], &Value::from("")]
                .contains(&&Value::from(text(root, &["metadata", "namespace"])))
    });
    let field = origin["field"].as_str().unwrap_or_default();
    let inner = field.strip_prefix("data.mesh.").filter(|_| object["kind"] == "ConfigMap");
    let is = |root: &std::sync::Arc<Node>| {
        let Some(inner) = inner else {
            let found = root.pointer(field);
            return tokens.iter().any(|token| found == Some(&token.node));
        };
        let mesh = text(root, &["data", "mesh"]);
        let parsed = yaml::parse("mesh", mesh.as_bytes(), &yaml::Budget::default());
        let found = parsed.documents.first().and_then(|document| document.root.pointer(inner));
        let text = found.and_then(Node::text);
        found.is_some()
            && text.is_none_or(|own| tokens.iter().any(|token| token.node.text() == Some(own)))
    };
    let first = roots.next()?;
    Some(is(first) || roots.any(is))
}

fn corpus(name: &str) -> Option<Vec<PathBuf>> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let root = std::env::var_os("STILLTRACE_CORPORA").map_or(default, PathBuf::from);
    let Ok(entries) = std::fs::read_dir(root.join(name)) else {
        eprintln!("skipped: no {name} in STILLTRACE_CORPORA");
        return None;
    };
    let mut folders: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    folders.retain(|path| path.is_dir());
    folders.sort();
    Some(folders)
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn every_setting_of_the_small_meshes_is_where_its_origin_says() {
    let Some(cases) = corpus("xds-golden") else { return };
    every_setting_of("xds-golden", &cases);
}

#[test]
fn every_setting_of_the_recorded_cases_is_where_its_origin_says() {
    for name in ["gateway_api", "service_names"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
        let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        every_setting_of(name, &entries.collect::<Vec<_>>());
    }
}

/// Walks cases of one `input.yaml` each.
fn every_setting_of(corpus: &str, cases: &[PathBuf]) {
    let mut count = Count::default();
    for folder in cases {
        let mut tree = MemoryTree::new();
        tree.insert("input.yaml", std::fs::read(folder.join("input.yaml")).unwrap());
        let document = settings::document(&read(&tree, &mut ParseCache::new()));
        let mut reading = Reading { name: name_of(folder), sources: Sources::new(&tree) };
        count.walk(&mut reading, "", &document);
    }
    count.settle(corpus);
}

#[test]
fn every_setting_of_made_up_meshes_is_where_its_origin_says() {
    let seeds = MADE_UP..MADE_UP + 12;
    let plain = seeds.clone().map(|seed| (format!("plain-{seed}"), fresh::manifests(seed)));
    let routed = seeds.clone().map(|seed| (format!("routes-{seed}"), fresh::routed(seed)));
    let gateways = seeds.map(|seed| (format!("gateways-{seed}"), fresh::of_gateway_api(seed)));
    let mut count = Count::default();
    for (name, text) in plain.chain(routed).chain(gateways) {
        let mut tree = MemoryTree::new();
        tree.insert("input.yaml", text.into_bytes());
        let document = settings::document(&read(&tree, &mut ParseCache::new()));
        count.walk(&mut Reading { name, sources: Sources::new(&tree) }, "", &document);
    }
    count.settle("made-up meshes");
}

/// The files of a folder that a repository would have.
fn tree_of(folder: &Path) -> MemoryTree {
    let mut tree = MemoryTree::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                tree.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    tree
}

/// The folders of a repository that hold objects of Istio, each as a repository of its own. Most
/// publish no namespaces, so those without are there with injection switched on.
fn folders_with_rules(tree: &MemoryTree) -> Vec<(String, MemoryTree)> {
    let mut folders: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let files: Vec<(String, String)> = tree
        .files()
        .unwrap()
        .into_iter()
        .filter(|path| {
            Path::new(path).extension().is_some_and(|kind| kind == "yaml" || kind == "yml")
        })
        .map(|path| {
            (String::from_utf8_lossy(&tree.read(&path).unwrap().unwrap()).into_owned(), path)
        })
        .map(|(text, path)| (path, text))
        .collect();
    for (path, text) in &files {
        if text.contains("networking.istio.io/") {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            folders.entry(folder.to_owned()).or_default();
        }
    }
    let below =
        |path: &str, folder: &str| folder.is_empty() || path.starts_with(&format!("{folder}/"));
    let mut parts = Vec::new();
    for (folder, mut namespaces) in folders {
        let mut part = MemoryTree::new();
        let mut written = BTreeSet::new();
        for (path, text) in files.iter().filter(|(path, _)| below(path, &folder)) {
            part.insert(path.clone(), text.clone().into_bytes());
            for document in yaml::parse(path, text.as_bytes(), &yaml::Budget::default()).documents {
                let text = |keys: &[&str]| {
                    document.root.at(keys).and_then(Node::text).map(ToOwned::to_owned)
                };
                namespaces.extend(text(&["metadata", "namespace"]));
                if text(&["kind"]).as_deref() == Some("Namespace") {
                    written.extend(text(&["metadata", "name"]));
                }
            }
        }
        namespaces.insert("default".to_owned());
        let added = namespaces.difference(&written).map(|name| {
            format!("kind: Namespace\napiVersion: v1\nmetadata:\n  name: {name}\n  labels: {{istio-injection: enabled}}\n---\n")
        });
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        part.insert(
            format!("{prefix}injected-namespaces.yaml"),
            added.collect::<String>().into_bytes(),
        );
        parts.push((folder, part));
    }
    parts
}

#[test]
fn every_setting_of_real_repositories_is_where_its_origin_says() {
    let Some(repositories) = corpus("gitops-repos") else { return };
    let mut count = Count::default();
    let mut told = 0;
    for folder in &repositories {
        let tree = tree_of(&folder.join("tree"));
        for cluster in read_all(&tree, &mut ParseCache::new(), &Options::default()) {
            let name = format!("{} {}", name_of(folder), cluster.name);
            let mut reading = Reading { name, sources: Sources::new(&tree) };
            count.walk(&mut reading, "", &settings::document(&cluster.platform));
        }
        for (below, part) in folders_with_rules(&tree) {
            let document = settings::document(&read(&part, &mut ParseCache::new()));
            told += usize::from(document["workloads"] != serde_json::json!({}));
            let name = format!("{} {below}", name_of(folder));
            count.walk(&mut Reading { name, sources: Sources::new(&part) }, "", &document);
        }
    }
    eprintln!("{told} folders with rules have workloads");
    count.settle("gitops-repos");
}
