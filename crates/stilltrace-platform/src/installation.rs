//! What Istio is installed with: the values of its charts.
//!
//! They are read from what the charts make of them, the ConfigMap `istio-sidecar-injector`
//! (`istio-sidecar-injector-REVISION`), whose `values` is complete: what is not in it is not in
//! effect. Else from what hands them to the charts: an `IstioOperator`, a Flux `HelmRelease`, a Sail
//! `Istio`, an Argo CD `Application`. What these do not say, the charts' own values do.

use stilltrace_manifest::{Node, Tree};

use crate::embedded;
use crate::field::Field;
use crate::inventory::Inventory;
use crate::mesh_config::GENERATED;
use crate::revision::DEFAULT;
use crate::source::Source;

/// Objects that hand values to Istio's charts, and where they hold them. An `IstioOperator` has its
/// own fields around them.
pub(crate) const GENERATORS: [(&str, &str, &[&str]); 5] = [
    (OPERATOR, "IstioOperator", &["spec"]),
    ("helm.toolkit.fluxcd.io", "HelmRelease", &["spec", "values"]),
    ("sailoperator.io", "Istio", &["spec", "values"]),
    ("sailoperator.io", "IstioRevision", &["spec", "values"]),
    (ARGO, "Application", &["spec", "source", "helm", "valuesObject"]),
];

const OPERATOR: &str = "install.istio.io";
const ARGO: &str = "argoproj.io";

/// The ConfigMap that the injector reads, without its revision.
const INJECTOR: &str = "istio-sidecar-injector";

/// A document of values.
pub(crate) struct Values<'a> {
    source: &'a Source,
    node: Kept<'a>,
    path: String,
    /// The key that holds those of Istio's chart, where they are handed to a chart that wraps it.
    below: Option<&'static str>,
}

/// A document that is part of an object, or the text of one of its fields.
enum Kept<'a> {
    Part(&'a Node),
    Text(Box<Node>),
}

impl<'a> Values<'a> {
    fn part(field: &Field<'a>) -> Self {
        let (source, path) = (field.source(), field.path().to_owned());
        Self { source, node: Kept::Part(field.node()), path, below: None }
    }

    fn text(field: &Field<'a>, tree: &dyn Tree) -> Option<Self> {
        let node = Box::new(embedded::read(tree, field.node())?);
        let (source, path) = (field.source(), field.path().to_owned());
        Some(Self { source, node: Kept::Text(node), path, below: None })
    }

    /// The object that holds it.
    pub(crate) fn source(&self) -> &'a Source {
        self.source
    }

    /// The root of what is for Istio's chart. Of an `IstioOperator` that is its `spec`.
    pub(crate) fn field(&self) -> Field<'_> {
        let root = self.root();
        self.below.and_then(|key| root.get(key)).unwrap_or(root)
    }

    /// The root of all that is handed over.
    fn root(&self) -> Field<'_> {
        let node = match &self.node {
            Kept::Part(node) => *node,
            Kept::Text(node) => node,
        };
        Field::document(self.source, node, self.path.clone())
    }

    /// Where the value at a path can stand, the winner first: a chart's `global` wins over that of
    /// the charts in it (`CoalesceValues` of Helm).
    fn places(&self, path: &[&str]) -> Vec<Field<'_>> {
        let global = path.first() == Some(&"global") && self.below.is_some();
        global.then(|| self.root()).into_iter().chain(self.values()).collect()
    }

    /// The values of the charts.
    fn values(&self) -> Option<Field<'_>> {
        if self.source.group() == OPERATOR {
            self.field().get("values")
        } else {
            Some(self.field())
        }
    }

    /// The revision that they install.
    pub(crate) fn revision(&self) -> String {
        let written = self.field().get("revision");
        let written = written.as_ref().and_then(|field| field.node().text());
        written.filter(|written| !written.is_empty()).unwrap_or(DEFAULT).to_owned()
    }

    /// Whether they install this revision.
    fn is_of(&self, revision: &str) -> bool {
        self.revision() == revision
    }
}

/// Whether the object is what the injector reads, of any revision.
pub(crate) fn is_injector(source: &Source) -> bool {
    let rest = source.name().strip_prefix(INJECTOR);
    source.id.kind == "ConfigMap"
        && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// All documents of values, those for the revision first, then in the order of [`GENERATORS`].
pub(crate) fn documents<'a>(
    inventory: &Inventory<'a>,
    tree: &dyn Tree,
    revision: &str,
) -> Vec<Values<'a>> {
    let mut found = Vec::new();
    for (group, kind, path) in GENERATORS {
        for source in inventory.of(group, kind) {
            match kind {
                "Application" => found.extend(of_application(source, tree)),
                "HelmRelease" => found.extend(of_release(source, path)),
                _ => found.extend(source.field().at(path).as_ref().map(Values::part)),
            }
        }
    }
    found.sort_by_key(|document| !document.is_of(revision));
    found
}

/// Names of Istio's chart of the control plane: as it is published, and its folder in Istio's own
/// repository.
const CHARTS: [&str; 2] = ["istiod", "istio-discovery"];

/// The values if they are for Istio's chart: the chart is called so, or a chart of another name that
/// copies or wraps it gets what only Istio's has, or holds the values of Istio's below its name.
fn for_istio<'a>(chart: Option<&Field<'_>>, mut values: Values<'a>) -> Option<Values<'a>> {
    let named = chart.and_then(|chart| chart.node().text());
    let last = named.and_then(|path| path.trim_end_matches('/').rsplit('/').next());
    if last.is_some_and(|name| CHARTS.contains(&name)) || values.field().get(GENERATED).is_some() {
        return Some(values);
    }
    let root = values.root();
    let wrapped = |key: &&str| root.get(key).is_some_and(|below| !below.entries().is_empty());
    let below = CHARTS.into_iter().find(wrapped)?;
    values.below = Some(below);
    Some(values)
}

/// The values of a Flux release, if it is one of Istio's.
fn of_release<'a>(source: &'a Source, path: &[&str]) -> Option<Values<'a>> {
    let values = Values::part(&source.field().at(path)?);
    let spec = source.spec()?;
    let chart = spec.at(&["chart", "spec", "chart"]).or_else(|| spec.at(&["chartRef", "name"]));
    for_istio(chart.as_ref(), values)
}

/// The values of an `Application`'s sources that are for Istio's chart. The object wins over the text
/// (`ValuesObject` of Argo CD's `ApplicationSourceHelm`).
fn of_application<'a>(source: &'a Source, tree: &dyn Tree) -> Vec<Values<'a>> {
    let Some(spec) = source.spec() else { return Vec::new() };
    let sources = spec.get("source").into_iter().chain(spec.list("sources"));
    let values = sources.filter_map(|source| {
        let helm = source.get("helm")?;
        let text = || Values::text(&helm.get("values")?, tree);
        let values = helm.get("valuesObject").as_ref().map(Values::part).or_else(text)?;
        let chart = source.get("chart").or_else(|| source.get("path"));
        for_istio(chart.as_ref(), values)
    });
    values.collect()
}

/// What the repository says about the installation of one revision.
pub(crate) struct Installation<'a> {
    injector: Option<Values<'a>>,
    documents: Vec<Values<'a>>,
}

/// What is said about one value.
pub(crate) enum Said<'i> {
    /// It is written here; a null takes the charts' own away.
    Here(Field<'i>),
    /// The complete values end here without it.
    Absent(Field<'i>),
    /// Nothing: the charts' own value is in effect.
    Nothing,
}

impl<'a> Installation<'a> {
    /// Finds the values; `root` is the namespace of the control plane.
    pub(crate) fn find(
        inventory: &Inventory<'a>,
        tree: &dyn Tree,
        revision: &str,
        root: &str,
    ) -> Self {
        let mut maps = inventory.of("", "ConfigMap").to_vec();
        let own = if revision == DEFAULT {
            INJECTOR.to_owned()
        } else {
            format!("{INJECTOR}-{revision}")
        };
        maps.retain(|map| is_injector(map));
        maps.sort_by_key(|map| {
            let home = map.namespace() != root;
            (map.name() != own, map.name() != INJECTOR, home, map.id.clone())
        });
        let mut texts = maps.iter().filter_map(|map| map.field().at(&["data", "values"]));
        let injector = texts.find_map(|text| {
            let values = Values::text(&text, tree);
            if values.is_none() {
                text.report("the values of Istio's charts");
            }
            values
        });
        let documents = documents(inventory, tree, revision);
        Self { injector, documents }
    }

    /// What is said about the value at a path.
    pub(crate) fn at(&self, path: &[&str]) -> Said<'_> {
        if let Some(injector) = &self.injector {
            let (field, complete) = deepest(injector.field(), path);
            return if complete { Said::Here(field) } else { Said::Absent(field) };
        }
        let mut places = self.documents.iter().flat_map(|document| document.places(path));
        let found = places.find_map(|values| {
            let (field, complete) = deepest(values, path);
            complete.then_some(field)
        });
        found.map_or(Said::Nothing, Said::Here)
    }

    /// The value at a path of what is handed to the charts.
    pub(crate) fn handed(&self, path: &[&str]) -> Option<Field<'_>> {
        let mut places = self.documents.iter().flat_map(|document| document.places(path));
        places.find_map(|values| values.at(path))
    }

    /// Whether the profile `demo` is installed, whose values are between the charts' own and the
    /// user's (`manifests/zzz_profile.yaml`).
    pub(crate) fn is_demo(&self) -> bool {
        let paths: [&[&str]; 3] = [&["profile"], &["values", "profile"], &["global", "profile"]];
        let said = |document: &Values<'_>| {
            let root = document.field();
            paths.iter().find_map(|path| Some(root.at(path)?.node().text()? == "demo"))
        };
        self.injector.is_none() && self.documents.iter().find_map(said) == Some(true)
    }
}

/// The field at the path or a null on the way to it, or the last one towards it that there is; and
/// whether it is the field.
fn deepest<'f>(root: Field<'f>, path: &[&str]) -> (Field<'f>, bool) {
    let mut field = root;
    for key in path {
        let Some(next) = field.written(key) else { return (field, false) };
        let removed = next.node().is_null();
        field = next;
        if removed {
            break;
        }
    }
    (field, true)
}
