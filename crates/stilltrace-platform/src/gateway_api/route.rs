//! From the rules of a route to one virtual service for every host of everything it attaches to.
//!
//! Istio's `HTTPRouteCollection` and `GRPCRouteCollection`, release 1.31.

use std::cell::Cell;

use super::channel::Retry;
use super::grants::Grants;
use super::listener::MADE;
use super::parent::{self, Parent};
use super::{Facts, GROUP};
use crate::field::Field;
use crate::http_rule::HttpRule;
use crate::matching::Match;
use crate::source::Source;

/// How many rules all hosts of all routes may come to together.
const MAX_RULES: usize = 100_000;

/// What routes are read against.
pub(super) struct Context<'c, 'a> {
    /// Everything there is.
    pub(super) facts: &'c Facts<'c, 'a>,
    /// Which references to other namespaces are granted.
    pub(super) grants: &'c Grants,
    /// Whether the cluster keeps the retries of an `HTTPRoute`.
    pub(super) retry: Retry,
    /// How many more rules there is room for.
    pub(super) room: Cell<usize>,
}

impl<'c, 'a> Context<'c, 'a> {
    /// With room for as many rules as a read may have.
    pub(super) fn new(facts: &'c Facts<'c, 'a>, grants: &'c Grants) -> Self {
        Self { facts, grants, retry: Retry::of(facts.inventory), room: Cell::new(MAX_RULES) }
    }

    /// Takes room for the rules of one host of `route`; without room, the host is a gap.
    pub(super) fn has_room(&self, route: &Source, rules: usize) -> bool {
        let Some(left) = self.room.get().checked_sub(rules.max(1)) else {
            route.gaps.add(
                format!("routes of {} are not all computed: more than {MAX_RULES} rules", route.id),
                "what gateways and callers do with its other hosts is not part of the answer",
                "name fewer hosts and parents, or read a part of the repository",
            );
            return false;
        };
        self.room.set(left);
        true
    }
}

/// The routes of one host of one attachment, before those of other objects are added.
pub(super) struct Draft<'a> {
    /// The object.
    pub(super) source: &'a Source,
    /// What Istio orders drafts of one age and namespace by.
    pub(super) label: String,
    /// What drafts share whose routes are merged.
    pub(super) key: String,
    /// The only host.
    pub(super) host: String,
    /// `mesh` or `namespace/name` of the gateway that Istio makes of a listener.
    pub(super) gateway: String,
    /// The routes, in order of precedence.
    pub(super) rules: Vec<HttpRule>,
}

/// Reads the rules of one object as if it were for gateways (`true`) or for the mesh; `None` where
/// Istio drops them all.
pub(super) type ReadRules<'r, 'a> =
    &'r dyn Fn(&Context<'_, 'a>, &'a Source, bool) -> Option<Vec<HttpRule>>;

/// The drafts of all routes of a kind.
pub(super) fn drafts<'a>(
    context: &Context<'_, 'a>,
    kind: &'static str,
    rules: ReadRules<'_, 'a>,
) -> Vec<Draft<'a>> {
    let mut found = Vec::new();
    for source in context.facts.inventory.of(GROUP, kind) {
        let names = hostnames(source);
        let parents = parent::read(source, &names, context.facts);
        let read = |guarded| {
            let wanted = parents.iter().any(|parent| parent.is_mesh() != guarded);
            let mut rules = wanted.then(|| rules(context, source, guarded)).flatten();
            if let Some(rules) = &mut rules {
                sort(rules);
            }
            rules.unwrap_or_default()
        };
        let (in_mesh, at_gateways) = (read(false), read(true));
        let mut count = 0_usize;
        for parent in &parents {
            let (key, hosts, rules) = match parent {
                Parent::Mesh { hosts, port: None } => {
                    (source.namespace().to_owned(), hosts, in_mesh.clone())
                }
                Parent::Mesh { hosts, port: Some(port) } => {
                    (format!("{}/{port}", source.namespace()), hosts, at_port(&in_mesh, *port))
                }
                Parent::Listener { .. } => (parent.gateway(), &names, at_gateways.clone()),
            };
            for host in hosts.iter().filter(|host| !rules.is_empty() && parent.owns(host)) {
                if !context.has_room(source, rules.len()) {
                    return found;
                }
                found.push(Draft {
                    source,
                    label: format!("{}~{count}~{MADE}", source.name()),
                    key: format!("{key}/{host}"),
                    host: host.clone(),
                    gateway: parent.gateway(),
                    rules: rules.clone(),
                });
                count += 1;
            }
        }
    }
    found
}

/// Sorts rules by precedence; those without a condition come last.
pub(super) fn sort(rules: &mut [HttpRule]) {
    rules.sort_by(|a, b| {
        let rank = |rule: &HttpRule| rule.cases.first().map(Match::precedence);
        rank(b).cmp(&rank(a))
    });
}

/// `spec.hostnames`; without any, every host.
pub(super) fn hostnames(route: &Source) -> Vec<String> {
    let written = route.spec().and_then(|spec| spec.get("hostnames")).map(|list| list.texts());
    let names: Vec<String> = written.unwrap_or_default().into_iter().map(str::to_owned).collect();
    if names.is_empty() { vec!["*".to_owned()] } else { names }
}

/// The rules for callers of one port.
fn at_port(rules: &[HttpRule], port: u16) -> Vec<HttpRule> {
    let limited = |rule: &HttpRule| {
        let case = rule.cases.first().cloned().unwrap_or_default();
        HttpRule { cases: vec![case.at_port(port)], ..rule.clone() }
    };
    rules.iter().map(limited).collect()
}

/// Name of a rule: its own, else made of the object's and its position.
pub(super) fn name(rule: &Field<'_>, position: usize) -> String {
    let source = rule.source();
    let written = rule.get("name").and_then(|name| name.text());
    written.map_or_else(
        || format!("{}.{}.{position}", source.namespace(), source.name()),
        str::to_owned,
    )
}
