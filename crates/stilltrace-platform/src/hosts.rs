//! Host names as Istio completes, compares and ranks them.
//!
//! Rules of Istio's `host.Name` and `ResolveShortnameToFQDN`, release 1.31.

use std::cmp::Ordering;
use std::net::IpAddr;

/// The domain of Kubernetes services. Istio's default; a cluster may use another.
pub(crate) const DOMAIN: &str = "cluster.local";

/// Completes a name without a dot with the namespace of the object that holds it.
///
/// `name.namespace` is *not* completed, neither are wildcards and addresses.
pub(crate) fn complete(host: &str, namespace: &str) -> String {
    let complete = host.is_empty() || host == "*" || host.contains('.');
    if complete || host.parse::<IpAddr>().is_ok() {
        return host.to_owned();
    }
    service(host, namespace)
}

/// The full name of a Kubernetes service.
pub(crate) fn service(name: &str, namespace: &str) -> String {
    format!("{name}.{namespace}.svc.{DOMAIN}")
}

/// Name and namespace of a Kubernetes service from its full name.
pub(crate) fn service_parts(host: &str) -> Option<(&str, &str)> {
    let (name, rest) = host.split_once('.')?;
    let (namespace, rest) = rest.split_once('.')?;
    (rest.strip_prefix("svc.") == Some(DOMAIN)).then_some((name, namespace))
}

/// Whether the name starts with `*`.
pub(crate) fn is_wildcard(host: &str) -> bool {
    host.starts_with('*')
}

/// Whether two names overlap, in either direction.
pub(crate) fn overlap(a: &str, b: &str) -> bool {
    match (a.strip_prefix('*'), b.strip_prefix('*')) {
        (Some(a), Some(b)) => a.ends_with(b) || b.ends_with(a),
        (Some(a), None) => b.ends_with(a),
        (None, Some(b)) => a.ends_with(b),
        (None, None) => a == b,
    }
}

/// Whether everything that `inner` names is also named by `outer`.
pub(crate) fn covers(outer: &str, inner: &str) -> bool {
    match (outer.strip_prefix('*'), inner.strip_prefix('*')) {
        (Some(outer), Some(inner)) => inner.ends_with(outer),
        (Some(outer), None) => inner.ends_with(outer),
        (None, Some(_)) => false,
        (None, None) => outer == inner,
    }
}

/// The most specific first: exact names, then longer names, then alphabetically.
pub(crate) fn specificity(a: &str, b: &str) -> Ordering {
    (is_wildcard(a), b.len(), a).cmp(&(is_wildcard(b), a.len(), b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_without_a_dot_are_completed() {
        assert_eq!(complete("web", "shop"), "web.shop.svc.cluster.local");
        assert_eq!(complete("web.shop", "pay"), "web.shop");
        assert_eq!(complete("*", "pay"), "*");
        assert_eq!(complete("::1", "pay"), "::1");
    }

    #[test]
    fn a_wildcard_covers_longer_names_but_not_the_reverse() {
        assert!(covers("*.local", "*.shop.svc.cluster.local"));
        assert!(!covers("*.shop.svc.cluster.local", "*.local"));
        assert!(overlap("*.shop.svc.cluster.local", "*.local"));
        assert!(!overlap("*.foo.com", "foo.com"));
    }

    #[test]
    fn exact_names_rank_before_longer_and_shorter_wildcards() {
        let mut names = vec!["*", "*.b.c", "*.a.c", "a", "*.long.c"];
        names.sort_by(|a, b| specificity(a, b));
        assert_eq!(names, ["a", "*.long.c", "*.a.c", "*.b.c", "*"]);
    }
}
