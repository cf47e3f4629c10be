//! Whether pods get a proxy, and which kind.
//!
//! The rules of Istio's injection webhooks and of `injectRequired`, release 1.31, with the default
//! policy that namespaces opt in. Ambient mode is not read.

use crate::labels::Labels;

/// Label of pods that Istio deploys, with what they are for.
pub(crate) const MANAGED: &str = "gateway.istio.io/managed";

/// What injection makes of pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Injected {
    /// No proxy.
    Nothing,
    /// A proxy beside the application.
    Sidecar,
    /// The pod is a proxy.
    Gateway,
}

/// What injection does with pods of these labels and annotations in a namespace.
pub(crate) fn injected(
    namespace: &Labels,
    labels: &Labels,
    annotations: &Labels,
    host_network: bool,
) -> Injected {
    const CHOICE: &str = "sidecar.istio.io/inject";
    if is_injected_by_hand(annotations) {
        return Injected::Sidecar;
    }
    match labels.get(MANAGED).map(String::as_str) {
        Some("istio.io-gateway-controller") => return Injected::Gateway,
        // Waypoints route for the services that name them, not for callers of their own.
        _ if is_waypoint(labels) => return Injected::Nothing,
        _ => {}
    }
    let chosen = labels.get(CHOICE).or_else(|| annotations.get(CHOICE)).map(String::as_str);
    let in_namespace = namespace.get("istio-injection").map(String::as_str);
    let revision = namespace.get("istio.io/rev").or_else(|| labels.get("istio.io/rev"));
    let asked = in_namespace == Some("enabled")
        || labels.get(CHOICE).map(String::as_str) == Some("true")
        || revision.is_some_and(|revision| !revision.is_empty());
    if host_network || in_namespace == Some("disabled") || chosen == Some("false") || !asked {
        return Injected::Nothing;
    }
    let templates = annotations.get("inject.istio.io/templates").map(String::as_str);
    let gateway =
        templates.is_some_and(|list| list.split(',').any(|name| name.trim() == "gateway"));
    if gateway { Injected::Gateway } else { Injected::Sidecar }
}

/// Whether the pods are a waypoint.
pub(crate) fn is_waypoint(labels: &Labels) -> bool {
    labels.get(MANAGED).is_some_and(|by| by == "istio.io-mesh-controller")
}

/// Whether the manifest holds the proxy already, as `istioctl kube-inject` writes it.
pub(crate) fn is_injected_by_hand(annotations: &Labels) -> bool {
    annotations.contains_key("sidecar.istio.io/status")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn namespace_asks_and_pod_refuses() {
        let enabled = labels(&[("istio-injection", "enabled")]);
        let refuses = labels(&[("sidecar.istio.io/inject", "false")]);
        let none = Labels::new();
        assert_eq!(injected(&enabled, &none, &none, false), Injected::Sidecar);
        assert_eq!(injected(&enabled, &refuses, &none, false), Injected::Nothing);
        assert_eq!(injected(&enabled, &none, &refuses, false), Injected::Nothing);
        assert_eq!(injected(&none, &none, &none, false), Injected::Nothing);
        assert_eq!(injected(&enabled, &none, &none, true), Injected::Nothing);
    }

    #[test]
    fn disabled_namespace_beats_the_pods_label() {
        let disabled = labels(&[("istio-injection", "disabled")]);
        let asks = labels(&[("sidecar.istio.io/inject", "true")]);
        let none = Labels::new();
        assert_eq!(injected(&disabled, &asks, &none, false), Injected::Nothing);
        assert_eq!(injected(&none, &asks, &none, false), Injected::Sidecar);
    }
}
