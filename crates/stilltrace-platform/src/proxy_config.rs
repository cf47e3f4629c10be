//! The configuration of a proxy process: worker threads, statistics.
//!
//! Precedence of `ProxyConfig`, release 1.31: mesh `defaultConfig`, then the object of the root
//! namespace, of the namespace, an object that selects the pod, then the pod's annotation; of several
//! objects the oldest. Injection puts a selecting object over the annotation
//! (`EffectiveProxyConfig`), but the agent then reads the annotation once more, over all that it was
//! injected with (`getMeshConfig` of `pilot-agent`).

use stilltrace_manifest::{Node, Tree};
use stilltrace_model::{Millicores, Origin, Setting};

use crate::age::report_undecided;
use crate::defaults;
use crate::embedded;
use crate::field::Field;
use crate::inventory::Inventory;
use crate::labels::selects;
use crate::source::Source;
use crate::workloads::Pods;

/// The documents that configure one proxy, the strongest first.
pub(crate) struct Layers<'a> {
    layers: Vec<Layer<'a>>,
}

/// One document.
struct Layer<'a> {
    field: Field<'a>,
    /// A `ProxyConfig`, of which Istio takes worker threads, image and variables only.
    object: bool,
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
        let namespace = pods.id.namespace.as_str();
        let annotation = annotation.and_then(|node| {
            let field = pods.annotation(ANNOTATION)?;
            Some(Field::embedded(pods.source, node, field.path().to_owned(), "ProxyConfig"))
        });
        let selecting = |spec: &Field<'_>| {
            let labels = spec.at(&["selector", "matchLabels"]).map(|labels| labels.labels());
            labels.is_some_and(|labels| !labels.is_empty() && selects(&labels, &pods.labels))
        };
        // A selector without labels selects nothing.
        let open = |spec: &Field<'_>| spec.get("selector").is_none();
        let object = |field| Layer { field, object: true };
        let document = |field| Layer { field, object: false };
        let of_namespace = (namespace != root_namespace).then(|| oldest(objects, namespace, open));
        let layers = [
            annotation.map(document),
            oldest(objects, namespace, selecting).map(object),
            of_namespace.flatten().map(object),
            oldest(objects, root_namespace, open).map(object),
            mesh.and_then(|mesh| mesh.get("defaultConfig")).map(document),
        ];
        Self { layers: layers.into_iter().flatten().collect() }
    }

    /// The strongest field of a name, and where weaker ones are written.
    fn find(&self, name: &str) -> Option<(Field<'a>, Vec<Origin>)> {
        let mut found = self.layers.iter().filter_map(|layer| layer.field.get(name));
        let winner = found.next()?;
        Some((winner, found.map(|weaker| weaker.origin()).collect()))
    }

    /// The strongest block of a name, and where weaker ones are written. A block takes the place of
    /// weaker ones as a whole (`MergeProxyConfig`), and objects have none.
    pub(crate) fn block(&self, name: &str) -> Option<(Field<'a>, Vec<Origin>)> {
        let documents = self.layers.iter().filter(|layer| !layer.object);
        let mut found = documents.filter_map(|layer| layer.field.get(name));
        let winner = found.next()?;
        Some((winner, found.map(|weaker| weaker.key_origin()).collect()))
    }

    /// Worker threads. A written 0 asks for one per core of the node; where nothing is written, the
    /// agent takes the CPU limit, rounded up (`ConstructProxyConfig`, `ISTIO_CPU_LIMIT`), which is
    /// all of the node where there is no limit.
    pub(crate) fn concurrency(&self, limit: &Setting<Option<Millicores>>) -> Setting<Option<u32>> {
        let written = self.find("concurrency");
        let read = written.and_then(|(field, weaker)| Some((field.count()?, field, weaker)));
        if let Some((threads, field, weaker)) = read {
            let mut setting = field.setting((threads > 0).then_some(threads));
            setting.overrode.extend(weaker);
            return setting;
        }
        let Some(cores) = limit.value else {
            return Setting::default_of(None, defaults::NODE_CORES);
        };
        let threads = Some(cores.0.div_ceil(1_000)).filter(|threads| *threads > 0);
        if limit.is_written() {
            return Setting::new(threads, limit.origin.clone());
        }
        Setting::default_of(threads, defaults::LIMIT_CORES)
    }

    /// Statistics kept beyond Istio's own list: prefixes, suffixes, expressions.
    pub(crate) fn extra_stats(&self, pods: &Pods<'_>) -> Setting<Vec<String>> {
        const LISTS: [(&str, &str); 3] = [
            ("inclusionPrefixes", "sidecar.istio.io/statsInclusionPrefixes"),
            ("inclusionSuffixes", "sidecar.istio.io/statsInclusionSuffixes"),
            ("inclusionRegexps", "sidecar.istio.io/statsInclusionRegexps"),
        ];
        let mut all = Setting::default_of(Vec::new(), defaults::ISTIO);
        let matcher = self.block("proxyStatsMatcher");
        for (key, annotation) in LISTS {
            if let Some(field) = pods.annotation(annotation) {
                let list = field.text().unwrap_or_default().split(',').map(str::trim);
                note(&mut all, &field, list.filter(|name| !name.is_empty()).map(str::to_owned));
            } else if let Some((block, weaker)) = &matcher
                && let Some(field) = block.get(key)
            {
                note(&mut all, &field, field.texts().into_iter().map(str::to_owned));
                let weaker = weaker.iter().filter(|origin| !all.overrode.contains(origin));
                let weaker: Vec<Origin> = weaker.cloned().collect();
                all.overrode.extend(weaker);
            }
        }
        all
    }
}

/// The oldest object of a namespace that fits.
fn oldest<'a>(
    objects: &[&'a Source],
    namespace: &str,
    fits: impl Fn(&Field<'_>) -> bool,
) -> Option<Field<'a>> {
    let here = objects.iter().filter(|source| source.namespace() == namespace);
    let specs = here.filter_map(|source| Some((*source, source.spec()?)));
    let mut fitting = specs.filter(|(_, spec)| fits(spec));
    let (first, own) = fitting.next()?;
    for (other, spec) in fitting {
        // The answer shows nothing else of the object.
        if own.get("concurrency").is_some() || spec.get("concurrency").is_some() {
            report_undecided(first, other, "only one ProxyConfig applies");
        }
    }
    Some(own)
}

/// Adds the entries of a list; the first list gives the origin.
fn note(all: &mut Setting<Vec<String>>, field: &Field<'_>, entries: impl Iterator<Item = String>) {
    if !all.is_written() {
        all.origin = field.key_origin();
    }
    all.value.extend(entries);
}
