//! Names of virtual hosts: which host headers lead to a service, and who has a name first.
//!
//! The rules of Istio's `generateVirtualHostDomains` and `dedupeDomains`, release 1.31.

use std::collections::BTreeSet;

use crate::hosts;

/// The names by which callers in `namespace` reach a host: itself, absolute, and its short forms.
pub(super) fn forms(host: &str, namespace: &str) -> Vec<String> {
    let mut all = vec![host.to_owned(), format!("{host}.")];
    let Some((name, place)) = hosts::service_parts(host) else { return all };
    if place == namespace {
        all.push(name.to_owned());
    }
    all.push(format!("{name}.{place}.svc"));
    all.push(format!("{name}.{place}"));
    all
}

/// The full names among these: absolute and short forms of another one are left out.
pub(super) fn full(names: &[String]) -> Vec<String> {
    let bare: BTreeSet<&str> = names
        .iter()
        .map(|name| name.strip_suffix('.').unwrap_or(name))
        .filter(|name| !name.chars().all(|c| c.is_ascii_digit() || c == '.'))
        .collect();
    let is_short = |name: &&str| {
        let start = format!("{name}.");
        bare.range::<str, _>((
            std::ops::Bound::Excluded(start.as_str()),
            std::ops::Bound::Unbounded,
        ))
        .next()
        .is_some_and(|next| next.starts_with(&start))
    };
    bare.iter().filter(|name| !is_short(name)).map(|name| (*name).to_owned()).collect()
}

/// Names that earlier virtual hosts of a port have.
#[derive(Default)]
pub(super) struct Taken(BTreeSet<String>);

impl Taken {
    /// Keeps the names that nobody has yet and takes them. A short form of one service never takes
    /// the full name of another: `is_service` tells those apart.
    pub(super) fn take(
        &mut self,
        names: Vec<String>,
        own: &[String],
        is_service: impl Fn(&str) -> bool,
    ) -> Vec<String> {
        let mut kept = Vec::new();
        for name in names {
            let lower = name.to_ascii_lowercase();
            let foreign = !own.contains(&name) && is_service(&name);
            if !foreign && self.0.insert(lower) {
                kept.push(name);
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_in_the_same_namespace_may_use_the_bare_name() {
        let host = "web.shop.svc.cluster.local";
        assert!(forms(host, "shop").contains(&"web".to_owned()));
        assert!(!forms(host, "pay").contains(&"web".to_owned()));
        assert_eq!(forms("api.test", "shop"), ["api.test", "api.test."]);
    }

    #[test]
    fn short_forms_are_not_full_names() {
        let all = forms("web.shop.svc.cluster.local", "shop");
        assert_eq!(full(&all), ["web.shop.svc.cluster.local"]);
        let two = ["a.test", "a.test.", "10.0.0.1", "b.test"].map(str::to_owned);
        assert_eq!(full(&two), ["a.test", "b.test"]);
    }

    #[test]
    fn the_first_virtual_host_keeps_a_name() {
        let mut taken = Taken::default();
        let own = |name: &str| vec![name.to_owned()];
        assert_eq!(taken.take(own("a.b"), &own("a.b"), |_| false), ["a.b"]);
        let names = forms("a.b.svc.cluster.local", "c");
        let kept = taken.take(names, &own("a.b.svc.cluster.local"), |_| false);
        assert!(!kept.contains(&"a.b".to_owned()));
        assert!(kept.contains(&"a.b.svc".to_owned()));
    }
}
