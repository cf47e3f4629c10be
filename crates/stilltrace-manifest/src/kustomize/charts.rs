//! `helmCharts`: the objects that Helm renders from charts beside the kustomization.
//!
//! A chart lies in `charts/NAME` below the kustomization, or where `helmGlobals` says. Kustomize
//! fetches one that is missing; here that is refused with the command that vendors it. The values
//! of an entry are merged before Helm sees them, with the rules of a patch, and every one keeps its
//! place.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::helm::{HelmBuild, HelmFlag, HelmRequest, SecretValues, Sourced, ValuesLayer};
use crate::problem::{Problem, ProblemKind};
use crate::tree::join;
use crate::yaml::{Entry, Mark, Node, Parsed, Value, parse};

use super::directory::Directory;
use super::keys::ForeignKeys;
use super::loader::{Loader, is_minded};
use super::merge::merge;
use super::old_flags::quote_old_flags;
use super::plugins::Context;
use super::pool::{Pool, add_documents};
use super::resource::{Resource, empty_mapping};

/// The folder of charts where `chartHome` is not set.
const HOME: &str = "charts";
/// What Helm calls a release without a name.
const RELEASE: &str = "release-name";
/// What an entry of `helmChartInflationGenerator` calls the fields of one of `helmCharts`.
const OLD_NAMES: [(&str, &str); 7] = [
    ("chartName", "name"),
    ("chartVersion", "version"),
    ("chartRepoUrl", "repo"),
    ("values", "valuesFile"),
    ("valuesLocal", "valuesInline"),
    ("valuesMerge", "valuesMerge"),
    ("releaseName", "releaseName"),
];

/// One chart that a kustomization asks for.
#[derive(Debug, Clone)]
pub(super) struct Chart {
    /// What is asked for, in the fields of an entry of `helmCharts`.
    entry: Node,
    /// The folder that holds the chart's folder, relative to the kustomization.
    home: Option<Node>,
    /// The namespace of the kustomization or of one above.
    namespace: Option<Sourced>,
}

impl Chart {
    /// The chart of a `HelmChartInflationGenerator` that is an object.
    pub(super) fn of_object(root: &Node) -> Self {
        Self { entry: root.clone(), home: root.get("chartHome").cloned(), namespace: None }
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.node(field).and_then(Node::text)
    }

    /// The value of a field; an empty text counts as none.
    fn node(&self, field: &str) -> Option<&Node> {
        self.entry.get(field).filter(|node| !node.is_null() && node.text() != Some(""))
    }

    fn texts(&self, field: &str) -> Vec<&Node> {
        let items = self.entry.get(field).map_or(&[][..], Node::items);
        items.iter().filter(|item| item.text().is_some()).collect()
    }

    fn refused(&self, kind: ProblemKind, text: impl Into<String>) -> Problem {
        Problem::at(&self.entry.mark, kind, text)
    }
}

/// The charts that the fields of a kustomization list.
pub(super) fn listed(directory: &Directory, namespace: Option<&Sourced>) -> Vec<Chart> {
    let items = |field: &str| directory.field(field).map_or(&[][..], Node::items);
    let old = items("helmChartInflationGenerator");
    let home = match directory.field("helmGlobals") {
        Some(globals) => globals.get("chartHome"),
        None => old.iter().rev().find_map(|entry| entry.get("chartHome")),
    };
    let entries = items("helmCharts").iter().cloned().chain(old.iter().map(renamed));
    let chart = |entry| Chart { entry, home: home.cloned(), namespace: namespace.cloned() };
    entries.map(chart).collect()
}

/// An entry of `helmChartInflationGenerator` with the names of `helmCharts`.
fn renamed(entry: &Node) -> Node {
    let mut new = empty_mapping(&entry.mark);
    for (old, name) in OLD_NAMES {
        if let Some(found) = entry.entry(old) {
            new.set(name, &found.key_mark, found.value.clone());
        }
    }
    new
}

/// Refuses a chart where charts are not allowed.
pub(super) fn check(loader: &Loader<'_>, chart: &Chart) -> Result<(), Problem> {
    if loader.policy().refuses_charts() {
        let text = "the chart is rendered only with `--enable-helm`";
        return Err(chart.refused(ProblemKind::Invalid, text));
    }
    Ok(())
}

/// Renders one chart.
///
/// # Errors
/// Where Kustomize or Helm would stop, and where a chart would have to be fetched.
pub(super) fn inflate(
    context: &mut Context<'_, '_>,
    chart: &Chart,
) -> Result<Vec<Resource>, Problem> {
    check(context.loader, chart)?;
    context.loader.charts.push(chart.entry.mark.clone());
    if let Some(reason) = context.loader.policy().withheld() {
        let name = chart.text("name").unwrap_or_default();
        let text = format!("the chart `{name}` is not rendered: {reason}");
        return Err(chart.refused(ProblemKind::Unsupported, text));
    }
    let folder = folder(context, chart)?;
    let request = request(context, chart, &folder)?;
    let Some(build) = context.loader.chart(&request) else {
        let text = "the chart is not rendered here, so its objects are missing; commit them";
        return Err(chart.refused(ProblemKind::Unsupported, text));
    };
    if let (true, Some(problem)) = (build.text.is_empty(), build.problems.last()) {
        let text = format!("the chart `{folder}` cannot be rendered: {}", problem.message);
        return Err(chart.refused(problem.kind, text));
    }
    let parsed = located(context, chart, &folder, &build)?;
    let mut pool = Pool::default();
    if let Some(problem) = add_documents(&parsed, &mut pool).into_iter().next() {
        return Err(problem);
    }
    for resource in &mut pool.resources {
        resource.from_helm = true;
        let object = &resource.object;
        context.loader.schemas.ask_scope(object.api_version(), object.kind());
    }
    Ok(pool.resources)
}

/// The folder of the chart, which must be there.
fn folder(context: &Context<'_, '_>, chart: &Chart) -> Result<String, Problem> {
    let refuse = |text: &str| Err(chart.refused(ProblemKind::Invalid, text));
    let Some(name) = chart.text("name") else { return refuse("a chart needs a `name`") };
    if name.starts_with('-') || chart.text("releaseName").is_some_and(|n| n.starts_with('-')) {
        return refuse("the name of a chart or release must not begin with `-`");
    }
    let home = chart.home.as_ref().and_then(Node::text).filter(|home| !home.is_empty());
    let mut home = home.unwrap_or(HOME).to_owned();
    let (version, repository) = (chart.text("version"), chart.text("repo"));
    if let (Some(version), Some(_)) = (version, repository) {
        home = format!("{home}/{name}-{version}");
    }
    let Some(folder) = join(context.dir, &format!("{home}/{name}")) else {
        return refuse("the chart's folder leads out of the repository; move it inside");
    };
    if context.loader.has_folder(&folder) {
        return Ok(folder);
    }
    let parent = folder.rsplit_once('/').map_or(".", |(parent, _)| parent);
    let Some(repository) = repository else {
        let text = format!("there is no chart in `{folder}`; commit it there or set `repo`");
        return Err(chart.refused(ProblemKind::Missing, text));
    };
    let version = version.map(|version| format!(" --version {version}")).unwrap_or_default();
    let source = match repository.strip_prefix("oci://") {
        Some(_) => format!("{}/{name}", repository.trim_end_matches('/')),
        None => format!("--repo {repository} {name}"),
    };
    let text = format!(
        "the chart `{name}` of {repository} is not in `{folder}` and is not fetched; vendor it: \
         `helm pull --untar --untardir {parent} {source}{version}`, and commit it"
    );
    Err(chart.refused(ProblemKind::Unsupported, text))
}

/// What Helm is asked, as `helm template` gets it from Kustomize.
fn request(
    context: &mut Context<'_, '_>,
    chart: &Chart,
    folder: &str,
) -> Result<HelmRequest, Problem> {
    let sourced = |node: &Node| Sourced::at(node.text().unwrap_or(""), node.mark.clone());
    let release = chart.node("releaseName").map_or(Sourced::unmarked(RELEASE), sourced);
    let flags = [
        ("includeCRDs", HelmFlag::IncludeCrds),
        ("skipTests", HelmFlag::SkipTests),
        ("skipHooks", HelmFlag::SkipHooks),
    ];
    let is_set = |field: &str| chart.node(field).and_then(Node::as_bool).unwrap_or(false);
    let flags: BTreeSet<HelmFlag> =
        flags.into_iter().filter(|(field, _)| is_set(field)).map(|(_, flag)| flag).collect();
    let (kube_version, api_versions) = context.loader.policy().capabilities();
    let own_versions = chart.texts("apiVersions");
    let api_versions = if own_versions.is_empty() {
        api_versions.to_vec()
    } else {
        own_versions.into_iter().filter_map(Node::text).map(str::to_owned).collect()
    };
    Ok(HelmRequest {
        chart: folder.to_owned(),
        release: template_of_name(chart)?.unwrap_or(release),
        namespace: chart.node("namespace").map(sourced).or_else(|| chart.namespace.clone()),
        values: values(context, chart, folder)?,
        kube_version: chart.text("kubeVersion").or(kube_version).map(str::to_owned),
        api_versions,
        flags,
        secrets: SecretValues::Kept,
        effort: context.loader.policy().chart_effort(),
        ..HelmRequest::default()
    })
}

/// The name of a release by `nameTemplate`, which is a text as long as it has no action.
fn template_of_name(chart: &Chart) -> Result<Option<Sourced>, Problem> {
    let Some(node) = chart.node("nameTemplate") else { return Ok(None) };
    let text = node.text().unwrap_or("");
    if chart.node("releaseName").is_some() {
        let text = "`nameTemplate` and `releaseName` both name the release; remove one of them";
        return Err(Problem::at(&node.mark, ProblemKind::Invalid, text));
    }
    if text.contains("{{") {
        let text = "a `nameTemplate` with an action is not evaluated; set `releaseName`";
        return Err(Problem::at(&node.mark, ProblemKind::Unsupported, text));
    }
    Ok(Some(Sourced::at(text, node.mark.clone())))
}

/// The layers of values on top of the chart's own.
fn values(
    context: &mut Context<'_, '_>,
    chart: &Chart,
    folder: &str,
) -> Result<Vec<ValuesLayer>, Problem> {
    let mut layers = Vec::new();
    for file in chart.texts("additionalValuesFiles") {
        layers.push(ValuesLayer::File(context.loader.file_path(context.dir, file)?));
    }
    let mode = chart.node("valuesMerge");
    let inline = chart.node("valuesInline").filter(|inline| !inline.entries().is_empty());
    let first = match (inline, mode.and_then(Node::text).unwrap_or("override")) {
        (_, mode_name) if !["merge", "override", "replace"].contains(&mode_name) => {
            let mark = mode.map_or(&chart.entry.mark, |mode| &mode.mark);
            let text = "`valuesMerge` must be `merge`, `override` or `replace`";
            return Err(Problem::at(mark, ProblemKind::Invalid, text));
        }
        (None, _) => ValuesLayer::File(values_file(context, chart, folder)?),
        (Some(inline), "replace") => ValuesLayer::Inline(Arc::new(inline.clone())),
        (Some(inline), mode) => {
            let path = values_file(context, chart, folder)?;
            let parsed = context.loader.yaml(&path).unwrap_or_default();
            let Some(document) = parsed.documents.first() else {
                let text = format!("`valuesInline` is merged with `{path}`, which holds no values");
                return Err(Problem::at(&inline.mark, ProblemKind::Invalid, text));
            };
            let mut file = Node::clone(&document.root);
            // Merging reads the file by YAML 1.2 and writes it for a reader of YAML 1.1.
            quote_old_flags(&mut file);
            let (below, above) = if mode == "merge" { (inline, &file) } else { (&file, inline) };
            let merged = merge(&context.loader.schemas, below.clone(), above)?;
            ValuesLayer::Inline(Arc::new(merged.unwrap_or_else(|| empty_mapping(&inline.mark))))
        }
    };
    layers.insert(0, first);
    Ok(layers)
}

/// The file that `valuesFile` names, or the chart's own.
fn values_file(
    context: &mut Context<'_, '_>,
    chart: &Chart,
    folder: &str,
) -> Result<String, Problem> {
    let (path, mark) = if let Some(file) = chart.node("valuesFile") {
        (context.loader.file_path(context.dir, file)?, &file.mark)
    } else {
        // Restricted like any other file, though nobody names it.
        let (own, mark) = (format!("{folder}/values.yaml"), &chart.entry.mark);
        (context.loader.allowed(context.dir, own.clone(), &own, mark)?, mark)
    };
    if context.loader.bytes(&path).is_none() {
        let text = format!("the values file `{path}` does not exist");
        return Err(Problem::at(mark, ProblemKind::Missing, text));
    }
    Ok(path)
}

/// The documents that Helm printed, with the places that were found for them.
fn located(
    context: &Context<'_, '_>,
    chart: &Chart,
    folder: &str,
    build: &HelmBuild,
) -> Result<Parsed, Problem> {
    let mut parsed = parse(folder, build.text.as_bytes(), context.loader.budget());
    if let Some(problem) = parsed.problems.iter().find(|one| is_minded(one, false)) {
        let text = format!("what helm prints for `{folder}` is refused: {}", problem.message);
        return Err(chart.refused(problem.kind, text));
    }
    let mut foreign = ForeignKeys::default();
    foreign.note(&parsed);
    if let Some(problem) = parsed.documents.iter().find_map(|one| foreign.first_in(&one.root)) {
        let text = format!("what helm prints for `{folder}` is refused: {}", problem.message);
        return Err(chart.refused(problem.kind, text));
    }
    let mut objects = build.objects.as_slice();
    let unknown = Mark::of_file(&format!("{folder}/Chart.yaml"), 0);
    for document in &mut parsed.documents {
        let identity = |root: &Node| {
            let text = |path: &[&str]| root.at(path).and_then(Node::text).map(str::to_owned);
            let name = [&["metadata", "name"][..], &["metadata", "namespace"]];
            (text(&["kind"]), text(&["apiVersion"]), name.map(text))
        };
        let wanted = identity(&document.root);
        let found = objects.iter().position(|one| identity(&one.object.root) == wanted);
        let root = found.and_then(|index| objects.get(index)).map(|one| &one.object.root);
        if let Some(index) = found {
            objects = objects.get(index + 1..).unwrap_or_default();
        }
        place(Arc::make_mut(&mut document.root), root.map(Arc::as_ref), &unknown);
    }
    Ok(parsed)
}

/// Gives a tree the places of another one of the same keys; depth is bounded by the parser's
/// budget.
fn place(node: &mut Node, from: Option<&Node>, unknown: &Mark) {
    let written = node.mark.range().len();
    node.mark = from.map_or(unknown, |from| &from.mark).clone();
    if let Some(from) = from {
        let elsewhere = |mark: &&Mark| **mark != from.mark;
        node.set_overrode(from.overrode().iter().filter(elsewhere).cloned().collect());
        node.set_derivation(from.derivation());
    }
    match &mut node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                let found: Option<&Entry> = from.and_then(|from| from.entry(&entry.key));
                entry.key_mark = found.map_or(unknown, |found| &found.key_mark).clone();
                place(&mut entry.value, found.map(|found| &found.value), unknown);
            }
        }
        Value::Sequence(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                place(item, from.and_then(|from| from.items().get(index)), unknown);
            }
        }
        // A null that is written and one that is not are told apart by the length of its mark.
        Value::Null => {
            node.mark.end = node.mark.start + u32::try_from(written).unwrap_or(0);
        }
        Value::Scalar(_) => {}
    }
}
