//! Routes of several objects for one host of one gateway or service, as one virtual service.
//!
//! Istio's `mergeHTTPRoutes`, release 1.31: the routes of the oldest object come first, then
//! precedence sorts them all; of equal ones the older object's stays first.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Facts;
use super::route::{Draft, sort};
use crate::age::{Guess, report_undecided};
use crate::http_rule::HttpRule;
use crate::matching::Match;
use crate::source::Source;
use crate::virtual_service::VirtualService;
use crate::visibility::Visibility;
use crate::wanted::Wanted;

/// One virtual service for every key.
pub(super) fn merged<'a>(drafts: Vec<Draft<'a>>, facts: &Facts<'_, 'a>) -> Vec<VirtualService<'a>> {
    let mut by_key: BTreeMap<String, Vec<Draft<'a>>> = BTreeMap::new();
    for draft in drafts {
        by_key.entry(draft.key.clone()).or_default().push(draft);
    }
    let mut found = Vec::new();
    for (key, mut group) in by_key {
        group.sort_by(|a, b| oldest_first(facts.inventory.guess, a, b));
        report_ages(&group);
        let rules = group.iter_mut().flat_map(|draft| std::mem::take(&mut draft.rules));
        let mut rules: Vec<HttpRule> = rules.collect();
        sort(&mut rules);
        if let Some(base) = group.first() {
            let name = key.replace('/', "~");
            let made = Made { source: base.source, name, host: &base.host, gateway: &base.gateway };
            found.push(VirtualService {
                destinations: destinations(&rules),
                http: made.named(rules),
                ..made.virtual_service(facts)
            });
        }
    }
    found
}

/// A virtual service that Istio makes.
pub(super) struct Made<'m, 'a> {
    /// The object that it is made of.
    pub(super) source: &'a Source,
    /// Its name.
    pub(super) name: String,
    /// Its only host.
    pub(super) host: &'m str,
    /// Its only gateway.
    pub(super) gateway: &'m str,
}

impl<'a> Made<'_, 'a> {
    /// Without routes.
    pub(super) fn virtual_service(&self, facts: &Facts<'_, 'a>) -> VirtualService<'a> {
        let export_to = &facts.mesh.virtual_service_export_to;
        VirtualService {
            source: self.source,
            live_name: Some(self.full_name()),
            hosts: vec![self.host.to_ascii_lowercase()],
            gateways: BTreeSet::from([self.gateway.to_owned()]),
            visibility: Visibility::read(None, export_to, self.source.namespace()),
            http: Vec::new(),
            tcp: Vec::new(),
            tls: Vec::new(),
            destinations: Vec::new(),
        }
    }

    fn full_name(&self) -> Arc<str> {
        Arc::from(format!("{}/{}", self.source.namespace(), self.name))
    }

    /// The rules as routes of this virtual service.
    fn named(&self, rules: Vec<HttpRule>) -> Vec<HttpRule> {
        let name = self.full_name();
        let named = |mut rule: HttpRule| {
            rule.template.live_name = Some(Arc::clone(&name));
            rule
        };
        rules.into_iter().map(named).collect()
    }
}

fn oldest_first(guess: Guess, a: &Draft<'_>, b: &Draft<'_>) -> Ordering {
    let key = |draft: &Draft<'_>| (draft.source.created, draft.source.namespace().to_owned());
    let (a_key, b_key) = (key(a), key(b));
    guess.order(
        (a_key.0, (a_key.1.as_str(), a.label.as_str())),
        (b_key.0, (b_key.1.as_str(), b.label.as_str())),
    )
}

/// Reports objects of which Istio prefers the older where that shows: two routes of one rank that
/// a request can take both.
fn report_ages(group: &[Draft<'_>]) {
    for (index, younger) in group.iter().enumerate() {
        for older in group.iter().take(index) {
            if std::ptr::eq(older.source, younger.source) {
                continue;
            }
            if compete(&older.rules, &younger.rules) {
                let about = format!("both route {}", older.host);
                report_undecided(older.source, younger.source, &about);
            }
        }
    }
}

fn compete(older: &[HttpRule], younger: &[HttpRule]) -> bool {
    older.iter().any(|a| {
        younger.iter().any(|b| match (a.cases.first(), b.cases.first()) {
            (None, None) => true,
            (Some(a), Some(b)) => a.precedence() == b.precedence() && Match::may_meet(a, b),
            _ => false,
        })
    })
}

/// Where the routes lead, for everyone.
fn destinations(rules: &[HttpRule]) -> Vec<(String, Option<u16>, BTreeSet<String>)> {
    let sent = rules.iter().flat_map(|rule| rule.targets.iter().map(|(wanted, _)| wanted));
    let copied = rules.iter().flat_map(|rule| rule.mirrors.iter().map(|(wanted, _)| wanted));
    let unused = rules.iter().flat_map(|rule| &rule.unused);
    sent.chain(copied).chain(unused).map(destination).collect()
}

/// A target as proxies import it.
pub(super) fn destination(wanted: &Wanted) -> (String, Option<u16>, BTreeSet<String>) {
    (wanted.host.clone(), wanted.port.as_ref().map(|(port, _)| *port), BTreeSet::new())
}
