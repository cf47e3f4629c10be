//! Where the kinds that run pods write their pod template.
//!
//! Kubernetes' own kinds hold it. A `Rollout` of Argo Rollouts holds one too, or names the workload
//! that lends its template (`spec.workloadRef`, Argo Rollouts 1.8), which then has no pods of its own
//! where `scaleDown` says so.

use crate::field::Field;
use crate::inventory::Inventory;
use crate::source::Source;

/// API group and kind of what runs pods, and the path of the template. Of two objects with one name
/// the first kind here stands for both: a `Rollout` takes over the `Deployment` that it replaces.
pub(crate) const KINDS: [(&str, &str, &[&str]); 8] = [
    (ROLLOUTS, "Rollout", &["spec", "template"]),
    ("apps", "Deployment", &["spec", "template"]),
    ("apps", "StatefulSet", &["spec", "template"]),
    ("apps", "DaemonSet", &["spec", "template"]),
    ("apps", "ReplicaSet", &["spec", "template"]),
    ("batch", "CronJob", &["spec", "jobTemplate", "spec", "template"]),
    ("batch", "Job", &["spec", "template"]),
    ("", POD, &[]),
];

/// A pod that no controller made is its own template.
const POD: &str = "Pod";

/// The API group of Argo Rollouts.
pub(crate) const ROLLOUTS: &str = "argoproj.io";

/// Objects that lend their template to a `Rollout`: API group, kind and path of the template.
const LENDERS: [(&str, &str, &[&str]); 3] = [
    ("apps", "Deployment", &["spec", "template"]),
    ("apps", "ReplicaSet", &["spec", "template"]),
    ("", "PodTemplate", &["template"]),
];

/// The pod template of an object; `None` where it has none.
pub(crate) fn of<'a>(
    source: &'a Source,
    path: &[&str],
    inventory: &Inventory<'a>,
) -> Option<Field<'a>> {
    if is_test(source) {
        return None;
    }
    let root = source.field();
    if path.is_empty() {
        let owners = root.at(&["metadata", "ownerReferences"]);
        let is_made = owners.is_some_and(|owners| !owners.items().is_empty());
        return (!is_made).then_some(root);
    }
    root.at(path).or_else(|| borrowed(&root.at(&["spec", "workloadRef"])?, inventory))
}

/// The template of the object that a `Rollout` names.
fn borrowed<'a>(reference: &Field<'a>, inventory: &Inventory<'a>) -> Option<Field<'a>> {
    let rollout = reference.source();
    let name = reference.get("name")?.text()?;
    let kind = reference.get("kind")?.text()?;
    let (group, kind, path) = LENDERS.iter().find(|(_, known, _)| *known == kind)?;
    let named =
        |source: &&&Source| source.name() == name && source.namespace() == rollout.namespace();
    let found = inventory.of(group, kind).iter().find(named);
    if found.is_none() {
        rollout.gaps.add(
            format!(
                "{}: {} takes its pods from {kind} {name}, which is not in the repository",
                reference.node().mark,
                rollout.id
            ),
            "its pods, their proxies and their calls are not part of the answer",
            format!("add the {kind}, or write spec.template"),
        );
    }
    found?.field().at(path)
}

/// The line by which a `Rollout` takes the pods of this workload away, once its own are ready.
pub(crate) fn retired<'a>(source: &Source, inventory: &Inventory<'a>) -> Option<Field<'a>> {
    let rollouts = inventory.of(ROLLOUTS, "Rollout").iter();
    let mut beside = rollouts.filter(|rollout| rollout.namespace() == source.namespace());
    beside.find_map(|rollout| {
        let reference = rollout.field().at(&["spec", "workloadRef"])?;
        let is = |key: &str, expected: &str| {
            reference.get(key).and_then(|field| field.text()) == Some(expected)
        };
        let scale_down = reference.get("scaleDown")?;
        let retires = matches!(scale_down.text()?, "onsuccess" | "progressively");
        let named = is("kind", &source.id.kind) && is("name", source.name());
        (retires && named).then_some(scale_down)
    })
}

/// Whether pods of this kind end by themselves: they call others but do not stay behind a service.
pub(crate) fn ends(source: &Source) -> bool {
    let restarts = || source.field().at(&["spec", "restartPolicy"]).and_then(|field| field.text());
    match source.id.kind.as_str() {
        POD => restarts().is_some_and(|policy| policy != "Always"),
        _ => source.group() == "batch",
    }
}

/// Whether only `helm test` applies the object.
fn is_test(source: &Source) -> bool {
    let hook = source.annotation("helm.sh/hook");
    let hooks = hook.as_ref().and_then(|field| field.node().text()).unwrap_or_default();
    let mut hooks = hooks.split(',').map(str::trim).filter(|hook| !hook.is_empty()).peekable();
    hooks.peek().is_some() && hooks.all(|hook| hook.starts_with("test"))
}
