//! Delegation: a virtual service that leaves a route to another one.
//!
//! The delegate's fields win and the root fills the gaps; the match conditions of both must hold.
//! Every value keeps the line that wrote it, in whichever of the two objects that is.

use std::collections::BTreeMap;

use crate::field::Field;
use crate::matching::{Match, joined_names};
use crate::source::Source;
use crate::virtual_service::HttpRoute;
use crate::visibility::Visibility;

/// The routes that take the place of the entry `root`, which names a delegate.
///
/// Empty, with a gap, when the delegate does not exist or is not exported to the root's namespace:
/// Istio then drops the route and requests fall through to the next one.
pub(crate) fn merged<'a>(
    root: &Field<'a>,
    delegate: &Field<'a>,
    parts: &BTreeMap<(&str, &str), &'a Source>,
    default_export: &[String],
) -> Vec<HttpRoute<'a>> {
    let home = root.source().namespace();
    let text = |key: &str| delegate.get(key).and_then(|value| value.text());
    let namespace = text("namespace").filter(|name| !name.is_empty()).unwrap_or(home);
    let name = text("name").unwrap_or_default();
    let found = parts.get(&(namespace, name)).and_then(|source| source.spec());
    let Some(spec) = found.filter(|spec| spec.list("hosts").is_empty()) else {
        let is_there = parts.contains_key(&(namespace, name));
        let why = if is_there { "has hosts, so it is no delegate" } else { "is not there" };
        drop_route(
            delegate,
            &format!("VirtualService {namespace}/{name} {why}"),
            "name a VirtualService without hosts, or read what holds it",
        );
        return Vec::new();
    };
    if !Visibility::read(Some(&spec), default_export, namespace).includes(home) {
        drop_route(
            delegate,
            &format!("VirtualService {namespace}/{name} is not exported to {home}"),
            &format!("add `{home}` to its exportTo"),
        );
        return Vec::new();
    }
    let root = HttpRoute::read(root);
    let leaves = spec.list("http");
    let merged = leaves.iter().filter_map(|leaf| {
        let merged = merge(&root, HttpRoute::read(leaf));
        if merged.is_none() {
            contradict(leaf, delegate);
        }
        merged
    });
    merged.collect()
}

/// Names a route that leaves to nobody.
fn drop_route(delegate: &Field<'_>, reason: &str, remedy: &str) {
    let source = delegate.source();
    source.gaps.add(
        format!("{}: {}: the route delegates, and {reason}", delegate.origin(), source.id),
        "Istio leaves the route out: its requests fall through to the next one, or get 404",
        remedy,
    );
}

/// Names a route of a delegate that no request can meet.
fn contradict(leaf: &Field<'_>, delegate: &Field<'_>) {
    let root = delegate.source();
    leaf.source().gaps.add(
        format!(
            "{}: {}: the route's match contradicts that of the route that delegates ({})",
            leaf.origin(),
            leaf.source().id,
            delegate.origin()
        ),
        format!("Istio leaves the route out under {}, and says so only in its log", root.id),
        "let the delegate's match lie within the root's",
    );
}

/// The delegate's route under the root's, or `None` when their conditions contradict.
fn merge<'a>(root: &HttpRoute<'a>, leaf: HttpRoute<'a>) -> Option<HttpRoute<'a>> {
    let matches = merge_matches(&root.matches, &leaf.matches)?;
    let either = |leaf: Option<Field<'a>>, root: &Option<Field<'a>>| leaf.or_else(|| root.clone());
    Some(HttpRoute {
        entry: leaf.entry,
        name: joined_names(&root.name, &leaf.name),
        named_at: leaf.named_at.or_else(|| root.named_at.clone()),
        matches,
        destinations: leaf.destinations,
        redirect: leaf.redirect,
        direct_response: either(leaf.direct_response, &root.direct_response),
        timeout: either(leaf.timeout, &root.timeout),
        retries: either(leaf.retries, &root.retries),
        fault: either(leaf.fault, &root.fault),
        mirror: either(leaf.mirror, &root.mirror),
        mirror_percentage: either(leaf.mirror_percentage, &root.mirror_percentage),
        mirror_percent: either(leaf.mirror_percent, &root.mirror_percent),
        mirrors: either(leaf.mirrors, &root.mirrors),
        rewrite: either(leaf.rewrite, &root.rewrite),
        headers: either(leaf.headers, &root.headers),
        cors: either(leaf.cors, &root.cors),
    })
}

/// Every alternative of the delegate must fit under at least one of the root's.
fn merge_matches(root: &[Match], leaf: &[Match]) -> Option<Vec<Match>> {
    match (root, leaf) {
        (_, []) => return Some(root.to_vec()),
        ([], _) => return Some(leaf.to_vec()),
        _ => {}
    }
    let mut all = Vec::new();
    for entry in leaf {
        let before = all.len();
        all.extend(root.iter().filter_map(|outer| outer.narrowed_by(entry)));
        if all.len() == before {
            return None;
        }
    }
    Some(all)
}
