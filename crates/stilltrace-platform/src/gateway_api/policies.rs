//! Policies of backends: `BackendTLSPolicy`, and `XBackendTrafficPolicy` where Istio reads it.
//!
//! Istio's `DestinationRuleCollection`, release 1.31: the policies of one service become one
//! destination rule, the oldest first for each block. It has no age of its own and so comes before
//! every other rule for the host, but fills in only the blocks that those lack. The rule is made here as Istio makes it, every value at its line of
//! the policy.

use std::collections::BTreeMap;
use std::sync::Arc;

use stilltrace_manifest::{Mark, Node, Object, Value};

use super::GROUP;
use super::listener::MADE;
use crate::age::{self, Guess};
use crate::hosts;
use crate::inventory::Inventory;
use crate::istiod;
use crate::made::Maker;
use crate::source::Source;

/// The group of what the Gateway API only tries out.
const TRIED: &str = "gateway.networking.x-k8s.io";
/// Switches what is only tried out on in istiod.
const SWITCH: &str = "PILOT_ENABLE_ALPHA_GATEWAY_API";
/// Annotation by which a policy is not for Istio.
const IGNORED: &str = "istio.io/ignore-policy-attachment";

/// Kind, namespace and name of a target, and one of its hosts.
type Target = (String, String, String, String);

/// The destination rules that Istio makes of all policies.
pub(crate) fn made(applied: &[Source], guess: Guess) -> Vec<Source> {
    let is_policy = |source: &Source| {
        matches!(source.id.kind.as_str(), "BackendTLSPolicy" | "XBackendTrafficPolicy")
    };
    if !applied.iter().any(is_policy) {
        return Vec::new();
    }
    let inventory = Inventory::new(applied, guess);
    let mut by_target: BTreeMap<Target, Vec<Policy<'_>>> = BTreeMap::new();
    let mut add = |source, block: Block| {
        for (target, section) in targets(source, &inventory) {
            let policy = Policy { source, section, block: block.clone() };
            by_target.entry(target).or_default().push(policy);
        }
    };
    for source in inventory.of(GROUP, "BackendTLSPolicy") {
        if !is_ignored(source) {
            add(source, Block::Tls(tls(source)));
        }
    }
    for source in inventory.of(TRIED, "XBackendTrafficPolicy") {
        if !istiod::is_on(&inventory, SWITCH) {
            source.field().report(&format!(
                "read by Istio, which it is only with {SWITCH}=true in istiod's environment"
            ));
        } else if !is_ignored(source) {
            add(source, Block::Budget(budget(source)));
        }
    }
    by_target
        .iter_mut()
        .filter_map(|(target, policies)| {
            policies.sort_by(|a, b| {
                let rank = |policy: &Policy<'_>| policy.source.created;
                let name = |policy: &'_ Policy<'_>| policy.source.name().to_owned();
                guess.order((rank(a), name(a).as_str()), (rank(b), name(b).as_str()))
            });
            rule(target, policies, &inventory)
        })
        .collect()
}

/// One policy for one target.
struct Policy<'p> {
    source: &'p Source,
    /// The only port, by its name.
    section: Option<String>,
    block: Block,
}

impl Policy<'_> {
    /// Whether only one of both has an effect.
    fn competes_with(&self, other: &Self) -> bool {
        let kinds = (&self.block, &other.block);
        let same = matches!(
            kinds,
            (Block::Tls(_), Block::Tls(_)) | (Block::Budget(Some(_)), Block::Budget(Some(_)))
        );
        same && self.section == other.section
    }
}

/// What a policy sets.
#[derive(Clone)]
enum Block {
    Tls(Node),
    Budget(Option<Node>),
}

fn is_ignored(source: &Source) -> bool {
    let written = source.annotation(IGNORED).and_then(|field| field.text());
    written.is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

/// The services that a policy is for, with the name of the only port where there is one.
fn targets(source: &Source, inventory: &Inventory<'_>) -> Vec<(Target, Option<String>)> {
    let Some(spec) = source.spec() else { return Vec::new() };
    let mut found = Vec::new();
    for reference in spec.list("targetRefs") {
        let text = |key: &str| reference.get(key).and_then(|field| field.text());
        let (kind, name) = (text("kind").unwrap_or_default(), text("name").unwrap_or_default());
        let section = text("sectionName").filter(|section| !section.is_empty());
        let object = object(kind, source.namespace(), name, inventory);
        let Some(object) = object.filter(|_| kind == "Service" || source.group() == GROUP) else {
            reference.report("a Service of the policy's namespace that Git holds");
            continue;
        };
        if section.is_some_and(|section| number(object, section).is_none()) {
            reference.report("a port of the service by its name");
            continue;
        }
        for host in hosts_of(object) {
            let place = (source.namespace().to_owned(), name.to_owned());
            let target = (kind.to_owned(), place.0, place.1, host);
            found.push((target, section.map(str::to_owned)));
        }
    }
    found
}

fn object<'a>(
    kind: &str,
    namespace: &str,
    name: &str,
    inventory: &Inventory<'a>,
) -> Option<&'a Source> {
    let all = match kind {
        "Service" => inventory.of("", "Service"),
        "ServiceEntry" => inventory.of("networking.istio.io", "ServiceEntry"),
        _ => return None,
    };
    all.iter().find(|source| (source.namespace(), source.name()) == (namespace, name)).copied()
}

fn hosts_of(object: &Source) -> Vec<String> {
    if object.id.kind == "Service" {
        return vec![hosts::service(object.name(), object.namespace())];
    }
    let listed = object.spec().and_then(|spec| spec.get("hosts")).map(|list| list.texts());
    listed.unwrap_or_default().into_iter().map(str::to_owned).collect()
}

/// The number of a port by its name.
fn number<'a>(object: &'a Source, name: &str) -> Option<&'a Node> {
    let ports = object.root.at(&["spec", "ports"]).map(Node::items).unwrap_or_default();
    let named = ports.iter().find(|port| port.get("name").and_then(Node::text) == Some(name))?;
    named.get("port").or_else(|| named.get("number"))
}

/// `tls` of a traffic policy.
fn tls(source: &Source) -> Node {
    let validation = source.root.at(&["spec", "validation"]);
    let mark = validation.map_or_else(|| source.root.mark.clone(), |node| node.mark.clone());
    let mut entries = vec![("mode", Node::string("SIMPLE", mark.clone()))];
    let at = |path: &[&str]| validation.and_then(|node| node.at(path));
    entries.extend(at(&["hostname"]).map(|host| ("sni", host.clone())));
    let authority = at(&["caCertificateRefs"]).and_then(|list| list.items().first());
    if let Some((name, reference)) = authority.and_then(|one| Some((one.get("name")?, one))) {
        if reference.get("kind").and_then(Node::text) == Some("ConfigMap") {
            let place = source.namespace();
            let text = format!("configmap://{place}/{}", name.text().unwrap_or_default());
            entries.push(("credentialName", Node::string(text, name.mark.clone())));
        } else {
            source.field().report("with certificates of a ConfigMap; Istio reads no other kind");
        }
    }
    map(&mark, entries)
}

/// `retryBudget` of a traffic policy.
fn budget(source: &Source) -> Option<Node> {
    let block = source.root.at(&["spec", "retryConstraint"])?;
    if source.root.at(&["spec", "sessionPersistence"]).is_some() {
        source.field().report("without sessionPersistence, which Istio does not read");
    }
    let mut entries = Vec::new();
    entries.extend(block.at(&["budget", "percent"]).map(|node| ("percent", node.clone())));
    let least = block.at(&["minRetryRate", "count"]).cloned();
    // The schema's default.
    let least = least.unwrap_or_else(|| super::deployment::number(10, &block.mark));
    entries.push(("minRetryConcurrency", least));
    Some(map(&block.mark, entries))
}

/// The destination rule of a target: of several policies the oldest has a block.
fn rule(target: &Target, policies: &[Policy<'_>], inventory: &Inventory<'_>) -> Option<Source> {
    let (kind, namespace, name, host) = target;
    let first = policies.first()?;
    let mark = &first.source.root.mark;
    for (index, younger) in policies.iter().enumerate() {
        for older in policies.iter().take(index).filter(|older| older.competes_with(younger)) {
            age::report_undecided(older.source, younger.source, &format!("both are for {host}"));
        }
    }
    let policy = traffic_policy(target, policies, mark, inventory)?;
    let made = if kind == "Service" {
        format!("{name}~{MADE}")
    } else {
        format!("{name}~{}~{MADE}", host.replace('.', "-"))
    };
    let text = |text: &str| Node::string(text, mark.clone());
    let metadata = map(mark, vec![("name", text(&made)), ("namespace", text(namespace))]);
    let spec = map(mark, vec![("host", text(host)), ("trafficPolicy", map(mark, policy))]);
    let root = map(
        mark,
        vec![
            ("apiVersion", text("networking.istio.io/v1")),
            ("kind", text("DestinationRule")),
            ("metadata", metadata),
            ("spec", spec),
        ],
    );
    let object = Object::from_node(Arc::new(root))?;
    let source = first.source;
    let made = Source::new(&object, namespace.clone(), source.reconciler.clone(), &source.gaps);
    let maker = |policy: &Policy<'_>| Maker {
        id: Arc::clone(&policy.source.id),
        root: Arc::clone(&policy.source.root),
    };
    let made_of = policies.iter().map(maker).collect();
    Some(Source { created: Some(age::FIRST), made_of, ..made })
}

/// `trafficPolicy` of a target.
fn traffic_policy(
    (kind, namespace, name, _): &Target,
    policies: &[Policy<'_>],
    mark: &Mark,
    inventory: &Inventory<'_>,
) -> Option<Vec<(&'static str, Node)>> {
    let mut blocks: BTreeMap<&'static str, Node> = BTreeMap::new();
    let mut ports: BTreeMap<&str, Node> = BTreeMap::new();
    for one in policies {
        match (&one.block, &one.section) {
            (Block::Tls(block), None) => {
                blocks.entry("tls").or_insert_with(|| block.clone());
            }
            (Block::Tls(block), Some(section)) => {
                let object = object(kind, namespace, name, inventory)?;
                let port = map(mark, vec![("number", number(object, section)?.clone())]);
                let entry = map(mark, vec![("port", port), ("tls", block.clone())]);
                ports.entry(section).or_insert(entry);
            }
            (Block::Budget(block), _) => {
                if let Some(block) = block {
                    blocks.entry("retryBudget").or_insert_with(|| block.clone());
                }
                blocks.entry("loadBalancer").or_insert_with(|| map(mark, Vec::new()));
            }
        }
    }
    if !ports.is_empty() {
        let entries = Value::Sequence(ports.into_values().collect());
        blocks.insert("portLevelSettings", Node::new(entries, mark.clone()));
    }
    Some(blocks.into_iter().collect())
}

fn map(mark: &Mark, entries: Vec<(&str, Node)>) -> Node {
    let mut node = Node::new(Value::Mapping(Vec::new()), mark.clone());
    for (key, value) in entries {
        let place = value.mark.clone();
        node.set(key, &place, value);
    }
    node
}
