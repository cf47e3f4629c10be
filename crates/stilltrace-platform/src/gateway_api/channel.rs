//! Fields that only the experimental channel of the Gateway API has.
//!
//! A cluster has the definitions of one channel, and its API server drops fields that they lack
//! without a word. Of what Istio 1.31 reads, that is `retry` of a rule of an `HTTPRoute` (Gateway
//! API 1.6).

use crate::field::Field;
use crate::inventory::Inventory;
use crate::source::Source;

/// What is known of the definition of `HTTPRoute`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// The repository applies a definition that has the field.
    Kept,
    /// The repository applies a definition without it.
    Dropped,
    /// The definition comes from elsewhere.
    Unknown,
}

impl Retry {
    /// Looks at the definition that the repository applies.
    pub(super) fn of(inventory: &Inventory<'_>) -> Self {
        let definitions = inventory.of("apiextensions.k8s.io", "CustomResourceDefinition").iter();
        let mut routes =
            definitions.filter(|one| one.name() == "httproutes.gateway.networking.k8s.io");
        let Some(definition) = routes.next() else { return Self::Unknown };
        let Some(spec) = definition.spec() else { return Self::Unknown };
        let keeps = |version: &Field<'_>| {
            let rules = ["schema", "openAPIV3Schema", "properties", "spec", "properties", "rules"];
            let fields = version.at(&rules).and_then(|rules| rules.at(&["items", "properties"]));
            fields.is_some_and(|fields| fields.get("retry").is_some())
        };
        if spec.list("versions").iter().any(keeps) { Self::Kept } else { Self::Dropped }
    }

    /// The `retry` of a rule, where the cluster keeps it.
    pub(super) fn block<'a>(self, rule: &Field<'a>) -> Option<Field<'a>> {
        rule.block("retry").filter(|_| self != Self::Dropped)
    }

    /// Names the field of a route where nobody knows whether the cluster keeps it.
    pub(super) fn report(self, route: &Source) {
        let rules = route.spec().map(|spec| spec.list("rules")).unwrap_or_default();
        let written = rules.iter().find_map(|rule| rule.block("retry"));
        let Some(block) = written.filter(|_| self == Self::Unknown) else { return };
        route.gaps.add(
            format!(
                "{}: `retry` of {} is a field of the experimental channel of the Gateway API, and \
                 the repository does not say which channel the cluster has",
                block.node().mark,
                route.id
            ),
            "it is taken as in effect; where the standard channel is installed the API server drops \
             it, and Istio's default retries are in effect",
            "keep the CustomResourceDefinition of HTTPRoute in the repository, or ask the cluster: \
             kubectl explain httproute.spec.rules.retry",
        );
    }
}
