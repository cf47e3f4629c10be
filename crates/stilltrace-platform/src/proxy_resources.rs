//! CPU and memory of a proxy's container.
//!
//! Rules of the injection templates of release 1.31 (`injection-template.yaml`,
//! `gateway-injection-template.yaml`, `kube-gateway.yaml`): what the user wrote on a container
//! `istio-proxy` wins. Else a sidecar has what the pod's annotations say, of which a single one
//! replaces everything that the installation says. An injected gateway gets nothing from its template.

use stilltrace_model::Setting;

use crate::defaults;
use crate::injection::Injected;
use crate::installation::{Installation, Said};
use crate::kubernetes::Filler;
use crate::resources::{Amount, Share};
use crate::workloads::Pods;

/// Annotations of a pod about its proxy.
const ANNOTATIONS: [&str; 4] = [
    "sidecar.istio.io/proxyCPU",
    "sidecar.istio.io/proxyMemory",
    "sidecar.istio.io/proxyCPULimit",
    "sidecar.istio.io/proxyMemoryLimit",
];

/// What is kept for a container, in its resources.
const REQUESTS: &str = "requests";

/// The share of one resource that the proxy of these pods has.
pub(crate) fn share<T: Amount>(
    pods: &Pods<'_>,
    installation: &Installation<'_>,
    filler: &Filler<'_>,
) -> Share<T> {
    let container = pods.written_proxy();
    // The API server has completed a written container before the webhook sees it.
    let written = container.as_ref().map(|container| Share::written(container).admitted(filler));
    if pods.is_injected_by_hand() {
        return written.unwrap_or_else(Share::unset);
    }
    let template = template(pods, installation);
    let merged = match written {
        Some(written) => written.over(template),
        None => template,
    };
    merged.admitted(filler)
}

/// What the template gives.
fn template<T: Amount>(pods: &Pods<'_>, installation: &Installation<'_>) -> Share<T> {
    let (limit, request) = T::OF_PROXY;
    let installed = || Share {
        limit: installed(installation, "limits", limit),
        request: installed(installation, REQUESTS, request),
    };
    if pods.injected == Injected::Gateway {
        return if pods.is_deployed_by_istio() { installed() } else { Share::unset() };
    }
    if ANNOTATIONS.iter().all(|name| pods.annotation(name).is_none()) {
        return installed();
    }
    let annotated = |name: &str, lost: Setting<Option<T>>| {
        let key = ANNOTATIONS.iter().find(|key| key.ends_with(name));
        let field = key.and_then(|key| pods.annotation(key));
        let read = field.and_then(|field| Some(field.setting(Some(T::read(&field)?))));
        let mut setting = read.unwrap_or_else(|| Setting::default_of(None, defaults::ANNOTATED));
        setting.overrode.extend(lost.is_written().then_some(lost.origin));
        setting
    };
    let lost = installed();
    let name = if T::KEY == "cpu" { "CPU" } else { "Memory" };
    Share {
        limit: annotated(&format!("proxy{name}Limit"), lost.limit),
        request: annotated(&format!("proxy{name}"), lost.request),
    }
}

/// An amount of the installation; a null takes the charts' own away.
fn installed<T: Amount>(
    installation: &Installation<'_>,
    kind: &str,
    default: T,
) -> Setting<Option<T>> {
    match installation.at(&["global", "proxy", "resources", kind, T::KEY]) {
        Said::Here(field) if field.node().is_null() => Setting::new(None, field.key_origin()),
        Said::Here(field) => match T::read(&field) {
            Some(amount) => field.setting(Some(amount)),
            None => Setting::default_of(Some(default), defaults::INSTALL),
        },
        Said::Absent(field) => Setting::new(None, field.key_origin()),
        Said::Nothing if kind == REQUESTS && installation.is_demo() => {
            Setting::default_of(Some(T::OF_DEMO_REQUEST), defaults::DEMO)
        }
        Said::Nothing => Setting::default_of(Some(default), defaults::INSTALL),
    }
}
