//! The configuration of a proxy process: CPU, worker threads, statistics.
//!
//! Precedence of `ProxyConfig`, release 1.31: mesh `defaultConfig`, then the object of the root
//! namespace, of the namespace, then the pod's annotation, then an object that selects the pod.

use stilltrace_manifest::{Node, Tree};
use stilltrace_model::{Millicores, Origin, Setting};

use crate::defaults;
use crate::embedded;
use crate::field::Field;
use crate::inventory::Inventory;
use crate::labels::selects;
use crate::workloads::{self, Pods};

/// The documents that configure one proxy, the strongest first.
pub(crate) struct Layers<'a> {
    layers: Vec<Field<'a>>,
}

/// The annotation that holds the configuration of a pod's proxy.
pub(crate) const ANNOTATION: &str = "proxy.istio.io/config";

/// The annotation [`ANNOTATION`] of a pod as a document, kept alive while it is read.
pub(crate) fn annotation(pods: &Pods<'_>, tree: &dyn Tree) -> Option<Node> {
    let field = pods.annotation(ANNOTATION)?;
    let node = embedded::read(tree, field.node());
    if node.is_none() {
        field.report("a proxy configuration in YAML");
    }
    node
}

impl<'a> Layers<'a> {
    /// The documents that configure the proxy of these pods.
    pub(crate) fn new(
        pods: &'a Pods<'a>,
        annotation: Option<&'a Node>,
        inventory: &Inventory<'a>,
        mesh: Option<&Field<'a>>,
        root_namespace: &str,
    ) -> Self {
        let objects = inventory.of("networking.istio.io", "ProxyConfig");
        let spec_in = |namespace: &str, selecting: bool| {
            let fits = |source: &&&'a crate::source::Source| {
                let selector = source.field().at(&["spec", "selector", "matchLabels"]);
                let selected =
                    selector.as_ref().is_some_and(|s| selects(&s.labels(), &pods.labels));
                source.namespace() == namespace
                    && if selecting { selected } else { selector.is_none() }
            };
            objects.iter().find(fits).and_then(|source| source.spec())
        };
        let namespace = &pods.id.namespace;
        let written = annotation.and_then(|node| {
            let field = pods.annotation(ANNOTATION)?;
            Some(Field::embedded(pods.source, node, field.path().to_owned(), "ProxyConfig"))
        });
        let default = mesh.and_then(|mesh| mesh.get("defaultConfig"));
        let layers = [
            spec_in(namespace, true),
            written,
            spec_in(namespace, false),
            spec_in(root_namespace, false),
            default,
        ];
        Self { layers: layers.into_iter().flatten().collect() }
    }

    /// The strongest field at a path, and where weaker ones are written.
    pub(crate) fn find(&self, path: &[&str]) -> Option<(Field<'a>, Vec<Origin>)> {
        let mut found = self.layers.iter().filter_map(|layer| layer.at(path));
        let winner = found.next()?;
        Some((winner, found.map(|weaker| weaker.origin()).collect()))
    }

    /// Worker threads; 0 and absence both leave it to the CPU limit or the node.
    pub(crate) fn concurrency(&self) -> Setting<Option<u32>> {
        let written = self.find(&["concurrency"]);
        let read = written.and_then(|(field, weaker)| Some((field.count()?, field, weaker)));
        let Some((threads, field, weaker)) = read else {
            return Setting::default_of(None, defaults::ISTIO);
        };
        let mut setting = field.setting((threads > 0).then_some(threads));
        setting.overrode.extend(weaker);
        setting
    }

    /// Statistics kept beyond Istio's own list: prefixes, suffixes, expressions.
    pub(crate) fn extra_stats(&self, pods: &Pods<'_>) -> Setting<Vec<String>> {
        const LISTS: [(&str, &str); 3] = [
            ("inclusionPrefixes", "sidecar.istio.io/statsInclusionPrefixes"),
            ("inclusionSuffixes", "sidecar.istio.io/statsInclusionSuffixes"),
            ("inclusionRegexps", "sidecar.istio.io/statsInclusionRegexps"),
        ];
        let mut all = Setting::default_of(Vec::new(), defaults::ISTIO);
        for (key, annotation) in LISTS {
            if let Some(field) = pods.annotation(annotation) {
                let list = field.text().unwrap_or_default().split(',').map(str::trim);
                note(&mut all, &field, list.filter(|name| !name.is_empty()).map(str::to_owned));
            } else if let Some((field, weaker)) = self.find(&["proxyStatsMatcher", key]) {
                note(&mut all, &field, field.texts().into_iter().map(str::to_owned));
                all.overrode.extend(weaker);
            }
        }
        all
    }
}

/// Adds the entries of a list; the first list gives the origin.
fn note(all: &mut Setting<Vec<String>>, field: &Field<'_>, entries: impl Iterator<Item = String>) {
    if !all.is_written() {
        all.origin = field.key_origin();
    }
    all.value.extend(entries);
}

/// CPU limit and request of a proxy: what the user wrote on its container, else the resource
/// annotations, else the installation's.
pub(crate) fn cpu(
    pods: &Pods<'_>,
    installation: Option<&Field<'_>>,
) -> (Setting<Option<Millicores>>, Setting<Option<Millicores>>) {
    const ANNOTATIONS: [&str; 4] = ["proxyCPU", "proxyMemory", "proxyCPULimit", "proxyMemoryLimit"];
    let annotation = |name: &str| pods.annotation(&format!("sidecar.istio.io/{name}"));
    let annotated = ANNOTATIONS.iter().any(|name| annotation(name).is_some());
    let container = pods.written_proxy();
    let complete = pods.annotation("sidecar.istio.io/status").is_some();
    let amount = |kind: &str, name: &str, default: Millicores| {
        let written = container.as_ref().map(|container| workloads::cpu(container, kind));
        if let Some(setting) = written.filter(Setting::is_written) {
            return setting;
        }
        if complete {
            return Setting::default_of(None, defaults::KUBERNETES);
        }
        let installed = installation.and_then(|resources| resources.at(&[kind, "cpu"]));
        if annotated {
            let field = annotation(name);
            let read = field.and_then(|field| Some(field.setting(Some(field.cpu()?))));
            let mut setting =
                read.unwrap_or_else(|| Setting::default_of(None, defaults::ANNOTATED));
            setting.overrode.extend(installed.map(|field| field.origin()));
            return setting;
        }
        match (installed, installation) {
            (Some(field), _) => match field.cpu() {
                Some(cpu) => field.setting(Some(cpu)),
                None => Setting::default_of(Some(default), defaults::INSTALL),
            },
            (None, _) => Setting::default_of(Some(default), defaults::INSTALL),
        }
    };
    let limit = amount("limits", "proxyCPULimit", defaults::PROXY_CPU_LIMIT);
    let request = amount("requests", "proxyCPU", defaults::PROXY_CPU_REQUEST);
    let request = workloads::request_or_limit(request, &limit);
    (limit, request)
}

/// `global.proxy.resources` of what installs Istio, if the repository holds it.
pub(crate) fn installed_resources<'a>(inventory: &Inventory<'a>) -> Option<Field<'a>> {
    const PATH: [&str; 5] = ["spec", "values", "global", "proxy", "resources"];
    let kinds = [("install.istio.io", "IstioOperator"), ("helm.toolkit.fluxcd.io", "HelmRelease")];
    let sources = kinds.iter().flat_map(|(group, kind)| inventory.of(group, kind).to_vec());
    sources.into_iter().find_map(|source| source.field().at(&PATH))
}
