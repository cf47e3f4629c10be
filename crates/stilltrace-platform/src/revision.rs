//! Which istiod serves which pods, where a cluster has several (`istio.io/rev`).
//!
//! Every revision has a mesh configuration of its own, and reads only objects without the label
//! `istio.io/rev` or with its own name in it (`config.ObjectInRevision`). Pods are served by the
//! revision whose webhook injects them: `istio-injection` of the namespace means the default one,
//! then the namespace's label counts, then the pods'. A label may also hold a tag, which a webhook
//! object resolves (`istioctl tag`).

use std::collections::BTreeMap;

use stilltrace_model::Setting;

use crate::defaults;
use crate::field::Field;
use crate::injection::Injected;
use crate::inventory::Inventory;
use crate::source::Source;
use crate::workloads::Pods;

/// The label that names a revision or a tag.
pub(crate) const LABEL: &str = "istio.io/rev";
/// The revision that an installation without a name has, and the tag of `istio-injection`.
pub(crate) const DEFAULT: &str = "default";

/// API groups whose objects istiod reads by revision.
const GROUPS: [&str; 5] = [
    "networking.istio.io",
    "security.istio.io",
    "telemetry.istio.io",
    "extensions.istio.io",
    "gateway.networking.k8s.io",
];

/// The tags of a cluster.
pub(crate) struct Revisions {
    tags: BTreeMap<String, String>,
}

impl Revisions {
    /// Reads the webhooks that stand for tags.
    pub(crate) fn read(inventory: &Inventory<'_>) -> Self {
        let webhooks = inventory.of("admissionregistration.k8s.io", "MutatingWebhookConfiguration");
        let tag = |source: &&Source| {
            let mut labels = source.labels();
            Some((labels.remove("istio.io/tag")?, labels.remove(LABEL)?))
        };
        Self { tags: webhooks.iter().filter_map(tag).collect() }
    }

    /// The revision that serves these pods, with the label that says so.
    pub(crate) fn of(&self, pods: &Pods<'_>, inventory: &Inventory<'_>) -> Setting<String> {
        let namespace = inventory.namespace(&pods.id.namespace).map(Source::field);
        let in_namespace = |label: &str| namespace.as_ref()?.at(&["metadata", "labels", label]);
        let default = || {
            let revision = self.resolve(DEFAULT);
            Setting::default_of(revision.to_owned(), defaults::ISTIO)
        };
        if in_namespace("istio-injection").is_some() {
            return default();
        }
        let written = in_namespace(LABEL)
            .filter(is_named)
            .or_else(|| pods.template.at(&["metadata", "labels", LABEL]).filter(is_named));
        match written.as_ref().and_then(|field| Some((field, field.node().text()?))) {
            Some((field, label)) => field.setting(self.resolve(label).to_owned()),
            None => default(),
        }
    }

    /// The revisions that serve any pods, sorted; the default one where none does.
    pub(crate) fn used(&self, pods: &[Pods<'_>], inventory: &Inventory<'_>) -> Vec<String> {
        let served = pods.iter().filter(|pods| pods.injected != Injected::Nothing);
        let mut used: Vec<String> = served.map(|pods| self.of(pods, inventory).value).collect();
        used.sort();
        used.dedup();
        if used.is_empty() {
            used.push(self.resolve(DEFAULT).to_owned());
        }
        used
    }

    fn resolve<'s>(&'s self, label: &'s str) -> &'s str {
        self.tags.get(label).map_or(label, String::as_str)
    }
}

fn is_named(field: &Field<'_>) -> bool {
    field.node().text().is_some_and(|text| !text.is_empty())
}

/// Whether the object tells istiod what to do.
pub(crate) fn is_configuration(source: &Source) -> bool {
    GROUPS.contains(&source.group())
}

/// Whether the istiod of a revision reads the object.
pub(crate) fn reads(revision: &str, source: &Source) -> bool {
    if !is_configuration(source) {
        return true;
    }
    let label = source.root.at(&["metadata", "labels", LABEL]);
    label.and_then(|label| label.text()).is_none_or(|label| label == revision)
}
