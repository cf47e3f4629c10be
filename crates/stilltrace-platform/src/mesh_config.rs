//! The mesh configuration: defaults that apply to every proxy.
//!
//! Read from the ConfigMap `istio` (`istio-REVISION`), as Istio does, or from what generates it:
//! an `IstioOperator`, or the values of a Flux `HelmRelease`, a Sail `Istio` or an Argo CD
//! `Application` with a `meshConfig`.

use std::time::Duration;

use stilltrace_manifest::yaml::Entry;
use stilltrace_manifest::{Mark, Node, Object, Tree, Value};
use stilltrace_model::{OutboundPolicy, Setting};

use crate::defaults;
use crate::embedded;
use crate::field::Field;
use crate::gitops::{ClusterObjects, MeshFile};
use crate::installation;
use crate::inventory::Inventory;
use crate::revision::DEFAULT;
use crate::source::Source;

/// The value that becomes the mesh configuration.
pub(crate) const GENERATED: &str = "meshConfig";

/// The mesh configuration as a document, kept alive while its fields are read.
pub(crate) struct MeshDocument<'a> {
    source: &'a Source,
    node: Node,
    path: String,
}

/// What the mesh configuration says, with defaults filled in.
pub(crate) struct MeshConfig {
    /// The namespace whose objects apply to the whole mesh.
    pub(crate) root_namespace: String,
    /// Whether clients use mutual TLS on their own where servers have a proxy.
    pub(crate) auto_mtls: Setting<bool>,
    /// Time to open a connection where no rule says otherwise.
    pub(crate) connect_timeout: Setting<Duration>,
    /// What happens to requests for unknown hosts where no `Sidecar` says.
    pub(crate) outbound_policy: Setting<OutboundPolicy>,
    /// Whether HTTP/1.1 ports are spoken to in HTTP/2.
    pub(crate) upgrade_http2: Setting<bool>,
    /// `exportTo` of services without one.
    pub(crate) service_export_to: Vec<String>,
    /// `exportTo` of virtual services without one.
    pub(crate) virtual_service_export_to: Vec<String>,
    /// `exportTo` of destination rules without one.
    pub(crate) destination_rule_export_to: Vec<String>,
}

/// Puts a mesh configuration from outside in the place of those that the cluster has.
pub(crate) fn install(file: &MeshFile<'_>, root: &str, cluster: &mut ClusterObjects) {
    cluster.applied.retain(|source| !is_mesh(source));
    let mark = Mark::of_file(file.path, file.text.len());
    let text = |text: &str| Node::string(text, mark.clone());
    let object = |entries: Vec<(&str, Node)>| {
        let entry =
            |(key, value): (&str, Node)| Entry { key: key.into(), key_mark: mark.clone(), value };
        Node::new(Value::Mapping(entries.into_iter().map(entry).collect()), mark.clone())
    };
    let map = object(vec![
        ("apiVersion", text("v1")),
        ("kind", text("ConfigMap")),
        ("metadata", object(vec![("name", text("istio")), ("namespace", text(root))])),
        ("data", object(vec![("mesh", text(file.text))])),
    ]);
    if let Some(map) = Object::from_node(map) {
        cluster.applied.push(Source::new(&map, root.to_owned(), None, &cluster.gaps));
    }
}

/// Whether an object is the mesh configuration of a control plane, or installs one.
pub(crate) fn is_mesh(source: &Source) -> bool {
    match (source.group(), source.id.kind.as_str()) {
        ("", "ConfigMap") => {
            let named = source.name() == "istio" || source.name().starts_with("istio-");
            named && !installation::is_injector(source)
        }
        ("install.istio.io", "IstioOperator") => true,
        _ => false,
    }
}

/// Finds the mesh configuration of a revision, if the repository holds one; of several that in the
/// namespace `root`.
///
/// Where none has the revision's name, the one without a name is taken: a label may hold a tag that
/// Git does not resolve.
pub(crate) fn find<'a>(
    inventory: &Inventory<'a>,
    tree: &dyn Tree,
    revision: &str,
    root: &str,
) -> Option<MeshDocument<'a>> {
    let own = if revision == DEFAULT { "istio".to_owned() } else { format!("istio-{revision}") };
    let mut maps: Vec<&'a Source> = inventory.of("", "ConfigMap").to_vec();
    maps.retain(|source| source.name() == "istio" || source.name().starts_with("istio-"));
    maps.sort_by_key(|source| {
        let home = source.namespace() != root;
        (source.name() != own, source.name() != "istio", home, source.id.clone())
    });
    for source in maps {
        let Some(text) = source.field().at(&["data", "mesh"]) else { continue };
        match embedded::read(tree, text.node()) {
            Some(node) => return Some(MeshDocument { source, node, path: text.path().to_owned() }),
            None => text.report("a mesh configuration in YAML"),
        }
    }
    for values in installation::documents(inventory, tree, revision) {
        if let Some(field) = values.field().get(GENERATED) {
            let (node, path) = (field.node().clone(), field.path().to_owned());
            return Some(MeshDocument { source: values.source(), node, path });
        }
    }
    None
}

impl MeshDocument<'_> {
    /// The document's root.
    pub(crate) fn field(&self) -> Field<'_> {
        Field::embedded(self.source, &self.node, self.path.clone(), "MeshConfig")
    }
}

impl MeshConfig {
    /// Reads the document; without one all values are defaults. `root` is the root namespace where
    /// it does not say.
    pub(crate) fn read(document: Option<&Field<'_>>, root: &str) -> Self {
        let get = |key: &str| document.and_then(|document| document.get(key));
        let list = |key: &str| {
            let written = get(key).map(|list| list.texts()).filter(|list| !list.is_empty());
            written.unwrap_or_else(|| vec!["*"]).into_iter().map(str::to_owned).collect()
        };
        let root_namespace = get("rootNamespace").and_then(|field| field.text());
        let auto_mtls = get("enableAutoMtls").and_then(|f| f.flag().map(|on| f.setting(on)));
        let connect = get("connectTimeout").and_then(|f| f.duration().map(|time| f.setting(time)));
        let outbound =
            document.and_then(|document| document.at(&["outboundTrafficPolicy", "mode"]));
        let outbound = outbound.and_then(|field| Some(field.setting(outbound_policy(&field)?)));
        let upgrade = get("h2UpgradePolicy").map(|f| f.setting(f.node().text() == Some("UPGRADE")));
        Self {
            outbound_policy: outbound
                .unwrap_or_else(|| Setting::default_of(OutboundPolicy::AllowAny, defaults::ISTIO)),
            upgrade_http2: upgrade.unwrap_or_else(|| Setting::default_of(false, defaults::ISTIO)),
            root_namespace: root_namespace.unwrap_or(root).to_owned(),
            auto_mtls: auto_mtls.unwrap_or_else(|| Setting::default_of(true, defaults::ISTIO)),
            connect_timeout: connect
                .unwrap_or_else(|| Setting::default_of(defaults::CONNECT_TIMEOUT, defaults::ISTIO)),
            service_export_to: list("defaultServiceExportTo"),
            virtual_service_export_to: list("defaultVirtualServiceExportTo"),
            destination_rule_export_to: list("defaultDestinationRuleExportTo"),
        }
    }
}

/// `outboundTrafficPolicy.mode` of the mesh or a `Sidecar`.
pub(crate) fn outbound_policy(mode: &Field<'_>) -> Option<OutboundPolicy> {
    match mode.text()? {
        "REGISTRY_ONLY" => Some(OutboundPolicy::RegistryOnly),
        // The third mode also lets everything through, and resolves names itself.
        "ALLOW_ANY" | "ALLOW_ANY_DYNAMIC_DNS" => Some(OutboundPolicy::AllowAny),
        _ => {
            mode.report("ALLOW_ANY or REGISTRY_ONLY");
            None
        }
    }
}
