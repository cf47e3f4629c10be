//! The fields that a kind has in this cluster.

use std::cell::OnceCell;

use stilltrace_manifest::Node;
use stilltrace_manifest::schema::{Builder, Dialect, ShapeId, Table, Type, tables};

use crate::source::Source;

/// API groups whose objects are looked at.
const GROUPS: [&str; 6] = [
    "extensions.istio.io",
    "gateway.networking.k8s.io",
    "gateway.networking.x-k8s.io",
    "networking.istio.io",
    "security.istio.io",
    "telemetry.istio.io",
];

/// API groups of Argo CD and Flux. Their other kinds and versions are not looked at: which are
/// served differs from one installation to the next.
const RECONCILERS: [&str; 4] = [
    "argoproj.io",
    "helm.toolkit.fluxcd.io",
    "kustomize.toolkit.fluxcd.io",
    "source.toolkit.fluxcd.io",
];

/// API groups that Istio had until release 1.5.
const OLD_GROUPS: [&str; 3] = ["authentication.istio.io", "config.istio.io", "rbac.istio.io"];

/// Says that the repository itself defines a kind.
const OWN: &str = "the definition that the repository applies";

/// The release whose kinds the committed table of a group holds.
fn release(group: &str) -> &'static str {
    match group {
        "argoproj.io" => "Argo CD 3.6",
        "helm.toolkit.fluxcd.io" => "Flux (helm-controller 1.6)",
        "kustomize.toolkit.fluxcd.io" => "Flux (kustomize-controller 1.10)",
        "source.toolkit.fluxcd.io" => "Flux (source-controller 1.10)",
        _ if group.ends_with("k8s.io") => "the Gateway API 1.6",
        _ => ISTIO,
    }
}

/// Whether objects of this API group say what is applied, rather than how a mesh behaves.
pub(super) fn is_of_reconciler(group: &str) -> bool {
    RECONCILERS.contains(&group)
}

/// The release of Istio whose kinds and documents the committed tables hold.
pub(super) const ISTIO: &str = "Istio 1.31";

/// What defines the kind of an object.
pub(super) enum Defined<'a> {
    /// A shape of a table, and where that is from.
    Shape(&'a Table, ShapeId, &'static str),
    /// No table; the kind is not looked at.
    Elsewhere,
    /// Nothing: the table that knows the API group, if one does, has no such kind or version.
    Nowhere(Option<&'a Table>),
}

/// The definitions of kinds that the repository itself applies, each read when the first object of
/// its kind asks.
pub(super) struct Definitions<'a> {
    own: Vec<Own<'a>>,
}

/// A definition of the repository.
struct Own<'a> {
    group: &'a str,
    kind: &'a str,
    source: &'a Source,
    table: OnceCell<Table>,
}

impl<'a> Definitions<'a> {
    /// Finds the definitions among the objects of a cluster.
    pub(super) fn of(applied: &'a [Source]) -> Self {
        let mut own = Vec::new();
        for source in applied.iter().filter(|source| source.id.kind == "CustomResourceDefinition") {
            let text = |path: &[&str]| source.root.at(path).and_then(Node::text);
            let (group, kind) = (text(&["spec", "group"]), text(&["spec", "names", "kind"]));
            if let (Some(group), Some(kind)) = (group, kind)
                && (GROUPS.contains(&group) || is_of_reconciler(group))
            {
                own.push(Own { group, kind, source, table: OnceCell::new() });
            }
        }
        Self { own }
    }

    /// What defines the kind of an object.
    pub(super) fn of_kind(&self, source: &Source) -> Defined<'_> {
        let (group, version, kind) = (source.group(), &source.id.api_version, &source.id.kind);
        if OLD_GROUPS.contains(&group) {
            return Defined::Nowhere(None);
        }
        let nowhere = match is_of_reconciler(group) {
            true => |_| Defined::Elsewhere,
            false if GROUPS.contains(&group) => Defined::Nowhere,
            false => return Defined::Elsewhere,
        };
        if let Some(own) = self.own.iter().find(|own| own.group == group && own.kind == kind) {
            let table = own.table.get_or_init(|| read(own.source));
            match table.kind(version, kind) {
                Some(shape) if is_closed(table, shape) => return Defined::Shape(table, shape, OWN),
                Some(_) => {}
                None => return nowhere(Some(table)),
            }
        }
        let table = tables::of_group(group);
        match table.and_then(|table| Some((table, table.kind(version, kind)?))) {
            Some((table, shape)) => Defined::Shape(table, shape, release(group)),
            None => nowhere(table),
        }
    }
}

fn read(definition: &Source) -> Table {
    let mut builder = Builder::new(Dialect::Crd);
    builder.add_crd(&definition.root, &Type::Any);
    builder.finish()
}

/// Whether a definition says which fields there are. Those of old releases keep everything, and
/// then Istio ignores what it does not know.
fn is_closed(table: &Table, shape: ShapeId) -> bool {
    let spec = table.shape(shape).and_then(|shape| shape.field("spec"));
    spec.is_some_and(|spec| matches!(spec.of, Type::Object(_)))
}
