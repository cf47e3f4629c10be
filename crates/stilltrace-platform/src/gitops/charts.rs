//! From a chart that a reconciler applies to its objects.

use std::collections::BTreeSet;
use std::sync::Arc;

use stilltrace_manifest::helm::{
    self, HelmFlag, HelmRequest, MissingDependencies, Parameter as HelmParameter, SettingKind,
    Sourced, ValuesLayer,
};
use stilltrace_manifest::{Node, Object, Problem, ProblemKind, Value, kustomize};

use super::amend::amend;
use super::claim::{Chart, From, Layer, Named, Parameter, Reason, Refusal};
use super::files::Files;
use super::render::Rendered;

/// Renders a chart. `find` hands out objects of the cluster that values are taken from.
pub(crate) fn render(
    chart: &Chart,
    files: &Files<'_>,
    find: &dyn Fn(&From) -> Option<Object>,
) -> Rendered {
    let refuse = |reason, what| Refusal { reason, at: chart.named_at.clone(), what };
    let Some(helm) = files.means().helm else {
        let what = format!("its chart `{}` is not rendered", chart.folder);
        return Rendered { refused: vec![refuse(Reason::NoHelm, what)], ..Rendered::default() };
    };
    let mut problems = Vec::new();
    let request = request(chart, files, find, &mut problems);
    let build = helm::render(helm, files.tree(), &request, files.cache());
    let failed = build.objects.is_empty() && !build.problems.is_empty();
    problems.extend(build.problems);
    let mut objects: Vec<Object> = build.objects.into_iter().map(|found| found.object).collect();
    if !chart.changes.is_empty() && !objects.is_empty() {
        let mut root = Node::new(Value::Mapping(Vec::new()), chart.named_at.clone());
        amend(&mut root, &chart.changes);
        let (tree, cache) = (files.tree(), files.cache());
        let build = kustomize::build_from(tree, "", Arc::new(root), objects, files.means(), cache);
        problems.extend(build.problems);
        objects = build.objects;
    }
    let what = format!("its chart `{}` cannot be rendered", chart.folder);
    let refused = failed.then(|| refuse(Reason::NoHelm, what)).into_iter().collect();
    Rendered { objects, problems, refused, ..Rendered::default() }
}

fn request(
    chart: &Chart,
    files: &Files<'_>,
    find: &dyn Fn(&From) -> Option<Object>,
    problems: &mut Vec<Problem>,
) -> HelmRequest {
    let mut flags = BTreeSet::from([HelmFlag::SkipTests]);
    if !chart.skip_crds {
        flags.insert(HelmFlag::IncludeCrds);
    }
    let mut request = HelmRequest {
        chart: chart.folder.clone(),
        release: sourced(&chart.release),
        namespace: Some(sourced(&chart.namespace)),
        flags,
        missing: MissingDependencies::LeaveOut,
        ..HelmRequest::default()
    };
    for layer in &chart.layers {
        match layer {
            Layer::File(path) => request.values.push(ValuesLayer::File(path.clone())),
            Layer::Inline(node) => {
                request.values.push(ValuesLayer::Inline(Arc::new(node.clone())));
            }
            Layer::Text(node) => {
                request.values.push(ValuesLayer::Text(Arc::new(node.clone())));
            }
            Layer::Referred(from, key, path) => {
                let value = find(from).and_then(|map| map.root.at(&["data", key]).cloned());
                match (value, path) {
                    (Some(value), None) => request.values.push(ValuesLayer::Text(Arc::new(value))),
                    (Some(value), Some(path)) => request.parameters.push(HelmParameter {
                        name: path.clone(),
                        value: value.text().unwrap_or_default().to_owned(),
                        kind: SettingKind::Plain,
                        mark: Some(value.mark.clone()),
                    }),
                    (None, _) if from.optional => {}
                    (None, _) => problems.push(hidden(from)),
                }
            }
        }
    }
    request.parameters.extend(chart.parameters.iter().map(|one| parameter(one, files, problems)));
    request
}

fn sourced(named: &Named) -> Sourced {
    Sourced { text: named.text.clone(), mark: named.mark.clone() }
}

fn hidden(from: &From) -> Problem {
    let From { kind, namespace, name, .. } = from;
    let text = format!("values of {kind} {namespace}/{name} are not in Git and left out");
    Problem::at(&from.at, ProblemKind::Unsupported, text)
}

fn parameter(one: &Parameter, files: &Files<'_>, problems: &mut Vec<Problem>) -> HelmParameter {
    let written = one.value.text().unwrap_or_default();
    let mark = Some(one.value.mark.clone());
    let name = one.name.clone();
    if !one.is_file {
        let kind = if one.force_string { SettingKind::Text } else { SettingKind::Plain };
        return HelmParameter { name, value: written.to_owned(), kind, mark };
    }
    let bytes = files.tree().read(written).ok().flatten();
    if bytes.is_none() {
        let text = format!("the file `{written}` is not in this repository; taken for empty");
        problems.push(Problem::at(&one.value.mark, ProblemKind::Missing, text));
    }
    let value = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
    HelmParameter { name, value, kind: SettingKind::File, mark }
}
