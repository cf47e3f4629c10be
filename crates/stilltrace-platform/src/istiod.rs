//! What istiod is told by variables of its environment.

use stilltrace_manifest::Node;
use stilltrace_model::Setting;

use crate::defaults;
use crate::field::Field;
use crate::installation::Installation;
use crate::inventory::Inventory;
use crate::revision::DEFAULT;
use crate::source::Source;

/// The share of requests traced where no proxy's configuration says one, in percent.
const SAMPLING: &str = "PILOT_TRACE_SAMPLING";

/// The value of a variable of an istiod that Git holds, of this revision if any is given.
pub(crate) fn variable<'a>(
    inventory: &Inventory<'a>,
    revision: Option<&str>,
    name: &str,
) -> Option<Field<'a>> {
    let is_istiod = |source: &&&'a Source| {
        let labels = source.labels();
        let own = labels.get("istio.io/rev").map_or(DEFAULT, String::as_str);
        labels.get("app").is_some_and(|app| app == "istiod")
            && revision.is_none_or(|revision| revision == own)
    };
    let mut found = inventory.of("apps", "Deployment").iter().filter(is_istiod);
    found.find_map(|source| {
        let containers = source.field().at(&["spec", "template", "spec"])?.list("containers");
        let variables = containers.iter().flat_map(|container| container.list("env"));
        // The kubelet takes the last of several of one name.
        let named = |variable: &Field<'_>| {
            variable.get("name").is_some_and(|field| field.node().text() == Some(name))
        };
        variables.rev().find(named)?.get("value")
    })
}

/// The share of requests traced where no proxy's configuration says one, in percent: of the running
/// istiod, else as its charts are told (`pilot.traceSampling`), else theirs.
pub(crate) fn sampling(
    inventory: &Inventory<'_>,
    installation: &Installation<'_>,
    revision: &str,
) -> Setting<f64> {
    let share = |field: &Field<'_>| {
        let share: f64 = field.node().text()?.parse().ok()?;
        (0.0..=100.0).contains(&share).then(|| field.setting(share))
    };
    let variable = variable(inventory, Some(revision), SAMPLING);
    let told = || {
        let paths: [&[&str]; 2] = [&["pilot", "traceSampling"], &["traceSampling"]];
        // A 0 leaves the variable out.
        let written = paths.iter().find_map(|path| share(&installation.handed(path)?));
        written.filter(|share| share.value > 0.0)
    };
    let written = variable.as_ref().and_then(share).or_else(told);
    written.unwrap_or_else(|| {
        if installation.is_demo() {
            Setting::default_of(defaults::DEMO_TRACING_PERCENT, defaults::DEMO)
        } else {
            Setting::default_of(defaults::TRACING_PERCENT, defaults::ISTIO)
        }
    })
}

/// Whether a variable of any istiod says true.
pub(crate) fn is_on(inventory: &Inventory<'_>, name: &str) -> bool {
    let value = variable(inventory, None, name);
    value.as_ref().map(Field::node).and_then(Node::text) == Some("true")
}
