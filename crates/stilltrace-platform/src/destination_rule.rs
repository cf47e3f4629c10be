//! Which destination rule applies to a client's calls to a service, after merging.
//!
//! Istio looks in the client's namespace, then in the service's, then in the root namespace; the
//! first namespace with a matching host ends the search. Rules of one namespace for one host are
//! merged where their `exportTo` allows. Semantics of `destination_rule.go` and `push_context.go`,
//! release 1.31, including that of several unmerged rules the newest wins.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::age::{self, report_undecided};
use crate::field::Field;
use crate::hosts;
use crate::inventory::Inventory;
use crate::labels::{Labels, selects};
use crate::mesh_config::MeshConfig;
use crate::services::Callee;
use crate::source::Source;

/// One or more rules of one namespace for one host, merged.
#[derive(Clone)]
pub(crate) struct Rule<'a> {
    /// Identifies the rule among all of a read.
    pub(crate) id: usize,
    /// The objects it is merged from, the oldest first.
    pub(crate) from: Vec<&'a Source>,
    /// The top-level policy: of the oldest rule that has one.
    pub(crate) policy: Option<Field<'a>>,
    /// The policy that Istio makes of backend policies of the Gateway API; it fills in the blocks
    /// that the top-level policy lacks.
    pub(crate) backend: Option<Field<'a>>,
    /// Subsets by name, the first of each name.
    pub(crate) subsets: Vec<(&'a str, Field<'a>)>,
    export_to: BTreeSet<String>,
    selector: Option<Labels>,
}

/// Rules of one namespace by host.
type ByHost<'a> = BTreeMap<String, Vec<Rule<'a>>>;

/// All rules, as clients in different places see them.
pub(crate) struct Rules<'a> {
    local: BTreeMap<&'a str, ByHost<'a>>,
    exported: BTreeMap<&'a str, ByHost<'a>>,
    root_local: ByHost<'a>,
    root_namespace: String,
}

impl<'a> Rules<'a> {
    /// Reads and merges all destination rules.
    pub(crate) fn read(inventory: &Inventory<'a>, mesh: &MeshConfig) -> Self {
        let mut sources = inventory.of("networking.istio.io", "DestinationRule").to_vec();
        sources.sort_by(|a, b| selective_first(a, b));
        let mut rules = Self {
            local: BTreeMap::new(),
            exported: BTreeMap::new(),
            root_local: ByHost::new(),
            root_namespace: mesh.root_namespace.clone(),
        };
        let private_by_default = mesh.destination_rule_export_to.iter().any(|entry| entry == ".");
        for (id, source) in sources.iter().enumerate() {
            rules.add(id, source, private_by_default);
        }
        rules
    }

    fn add(&mut self, id: usize, source: &'a Source, private_by_default: bool) {
        let Some((host, rule)) = Rule::read(id, source) else { return };
        let own = source.namespace();
        let named = |entry: &str| rule.export_to.contains(entry);
        let anywhere = rule.export_to.is_empty();
        if anywhere || named("*") || named(".") || named(own) {
            merge(self.local.entry(own).or_default(), &host, rule.clone());
        }
        let only_own = rule.export_to.len() == 1 && (named(".") || named(own));
        if !(only_own || anywhere && private_by_default) {
            merge(self.exported.entry(own).or_default(), &host, rule);
        } else if own == self.root_namespace {
            merge(&mut self.root_local, &host, rule);
        }
    }

    /// Whether any rule that clients of a namespace may take is for some of its pods only.
    pub(crate) fn look_at_labels(&self, client: &str) -> bool {
        let rules = self
            .local
            .get(client)
            .into_iter()
            .chain((client == self.root_namespace).then_some(&self.root_local));
        rules.flat_map(BTreeMap::values).flatten().any(|rule| rule.selector.is_some())
    }

    /// The rule for calls of a proxy to a service.
    pub(crate) fn find(&self, client: &str, labels: &Labels, callee: &Callee) -> Option<&Rule<'a>> {
        choose(&self.candidates(client, callee), client, labels)
    }

    /// The rules of the first namespace that knows the host, even if they are for other pods.
    fn candidates(&self, client: &str, callee: &Callee) -> Vec<&Rule<'a>> {
        let own = if client == self.root_namespace {
            most_specific(&self.root_local, &callee.host)
        } else {
            self.local.get(client).and_then(|rules| most_specific(rules, &callee.host))
        };
        if let Some(rules) = own {
            return rules.iter().collect();
        }
        let exported = self.exported_from(&callee.id.namespace, client, &callee.host);
        if exported.is_empty() {
            self.exported_from(&self.root_namespace, client, &callee.host)
        } else {
            exported
        }
    }

    /// The rule for a server's own proxy towards its application: rules for some pods do not count.
    pub(crate) fn find_for_server(&self, server: &str, callee: &Callee) -> Option<&Rule<'a>> {
        let candidates = self.candidates(server, callee);
        candidates.into_iter().rev().find(|rule| rule.selector.is_none())
    }

    /// Rules of a namespace for the host's most specific pattern that are exported to the client.
    fn exported_from(&self, namespace: &str, client: &str, host: &str) -> Vec<&Rule<'a>> {
        let found = self.exported.get(namespace).and_then(|rules| most_specific(rules, host));
        let visible = |rule: &&Rule<'a>| {
            let list = &rule.export_to;
            list.is_empty() || list.contains("*") || list.contains(client)
        };
        found.unwrap_or_default().iter().filter(visible).collect()
    }
}

impl<'a> Rule<'a> {
    fn read(id: usize, source: &'a Source) -> Option<(String, Self)> {
        let spec = source.spec()?;
        let host = hosts::complete(spec.get("host")?.text()?, source.namespace());
        let selector = spec.get("workloadSelector").map(|selector| {
            selector.get("matchLabels").map(|labels| labels.labels()).unwrap_or_default()
        });
        let export_to = if selector.is_some() {
            // A rule for some pods only is never exported.
            BTreeSet::from([".".to_owned()])
        } else {
            let list = spec.get("exportTo").map(|list| list.texts()).unwrap_or_default();
            list.into_iter().map(str::to_owned).collect()
        };
        let mut subsets: Vec<(&str, Field<'a>)> = Vec::new();
        for subset in spec.list("subsets") {
            let Some(name) = subset.get("name").and_then(|name| name.text()) else { continue };
            if subsets.iter().all(|(other, _)| *other != name) {
                subsets.push((name, subset));
            }
        }
        let written = spec.block("trafficPolicy");
        let made = source.created == Some(age::FIRST);
        let (policy, backend) = if made { (None, written) } else { (written, None) };
        let rule = Self { id, from: vec![source], policy, backend, subsets, export_to, selector };
        Some((host, rule))
    }

    /// Whether it is for some pods only.
    pub(crate) fn is_selective(&self) -> bool {
        self.selector.is_some()
    }

    /// Adds a younger rule: its new subsets, and its policy where this one has none.
    fn absorb(&mut self, younger: &Self) {
        self.from.extend(younger.from.iter());
        for (name, subset) in &younger.subsets {
            if self.subsets.iter().all(|(other, _)| other != name) {
                self.subsets.push((name, subset.clone()));
            }
        }
        if self.policy.is_none() {
            self.policy.clone_from(&younger.policy);
        }
        if self.backend.is_none() {
            self.backend.clone_from(&younger.backend);
        }
    }
}

/// Rules with a selector come before rules without.
fn selective_first(a: &Source, b: &Source) -> Ordering {
    let open = |source: &Source| source.root.at(&["spec", "workloadSelector"]).is_none();
    open(a).cmp(&open(b))
}

/// Adds `rule` to the rules of its host, merged where it can be.
fn merge<'a>(rules: &mut ByHost<'a>, host: &str, rule: Rule<'a>) {
    let list = rules.entry(host.to_owned()).or_default();
    for existing in list.iter() {
        let mut written = existing.from.iter().filter(|source| source.created != Some(age::FIRST));
        if let (Some(older), Some(younger)) = (written.next(), rule.from.first()) {
            report_undecided(older, younger, "both are for one host");
        }
    }
    let mut separate = true;
    for existing in list.iter_mut() {
        if rule.export_to == existing.export_to {
            separate = false;
        } else if !existing.export_to.is_empty() && rule.export_to.is_superset(&existing.export_to)
        {
            separate = true;
        } else {
            separate = true;
            continue;
        }
        match (&existing.selector, &rule.selector) {
            (Some(a), Some(b)) if a != b => {
                separate = true;
                continue;
            }
            (None, None) | (Some(_), Some(_)) => separate = false,
            _ => {}
        }
        existing.absorb(&rule);
    }
    if separate {
        list.push(rule);
    }
}

/// The rules of the most specific pattern that covers a host.
fn most_specific<'m, 'a>(rules: &'m ByHost<'a>, host: &str) -> Option<&'m [Rule<'a>]> {
    if let Some(exact) = rules.get(host) {
        return Some(exact);
    }
    let wild = |pattern: &&String| hosts::is_wildcard(pattern) && hosts::covers(pattern, host);
    let best = rules.keys().filter(wild).min_by(|a, b| hosts::specificity(a, b))?;
    rules.get(best).map(Vec::as_slice)
}

/// The first rule whose selector matches the proxy, else the last without a selector.
fn choose<'r, 'a>(
    candidates: &[&'r Rule<'a>],
    client: &str,
    labels: &Labels,
) -> Option<&'r Rule<'a>> {
    let mut open = None;
    for rule in candidates {
        match &rule.selector {
            None => open = Some(*rule),
            Some(selector) => {
                let here = rule.from.first().is_some_and(|source| source.namespace() == client);
                if here && selects(selector, labels) {
                    return Some(rule);
                }
            }
        }
    }
    open
}
