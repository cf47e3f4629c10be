//! Whether servers take mutual TLS: the policies of the mesh, the namespace, the workload, the port.
//!
//! Rules of Istio's `AuthenticationPolicies` and `ComposePeerAuthentication`, release 1.31. The
//! oldest policy of each class applies; `UNSET` inherits from the broader class. A policy with a
//! selector in the root namespace selects nothing outside it, and inside it counts as none.

use std::collections::BTreeMap;

use stilltrace_model::{MutualTls, Origin, Setting};

use crate::age::report_undecided;
use crate::defaults;
use crate::field::Field;
use crate::inventory::Inventory;
use crate::labels::{Labels, selects};
use crate::source::Source;

/// All `PeerAuthentication` objects by namespace, oldest first.
pub(crate) struct PeerPolicies<'a> {
    by_namespace: BTreeMap<&'a str, Vec<Policy<'a>>>,
    root_namespace: String,
}

struct Policy<'a> {
    source: &'a Source,
    /// Empty for a policy of the whole namespace.
    selector: Labels,
    /// `mtls.mode`, unless it inherits.
    mode: Option<Setting<MutualTls>>,
    /// `portLevelMtls` by port; `None` inherits.
    ports: BTreeMap<u16, Option<Setting<MutualTls>>>,
}

/// What applies to one workload.
pub(crate) struct Effective {
    /// For every port that is not listed.
    pub(crate) mode: Setting<MutualTls>,
    /// For ports that a policy lists.
    pub(crate) ports: BTreeMap<u16, Setting<MutualTls>>,
}

impl Effective {
    /// What applies to one port.
    pub(crate) fn of_port(&self, port: u16) -> &Setting<MutualTls> {
        self.ports.get(&port).unwrap_or(&self.mode)
    }
}

impl<'a> PeerPolicies<'a> {
    /// Reads all policies.
    pub(crate) fn read(inventory: &Inventory<'a>, root_namespace: &str) -> Self {
        let mut by_namespace: BTreeMap<&str, Vec<Policy<'a>>> = BTreeMap::new();
        for source in inventory.of("security.istio.io", "PeerAuthentication") {
            by_namespace.entry(source.namespace()).or_default().push(Policy::read(source));
        }
        Self { by_namespace, root_namespace: root_namespace.to_owned() }
    }

    /// The mode of a namespace, as clients' clusters look at it: `None` where no policy of the
    /// namespace or the mesh exists.
    pub(crate) fn of_namespace(&self, namespace: &str) -> Option<Setting<MutualTls>> {
        let mesh = self.broad(&self.root_namespace).map(|applied| {
            applied.mode().unwrap_or_else(|| permissive(Some(applied.policy.source.origin())))
        });
        if namespace == self.root_namespace {
            return mesh;
        }
        let Some(own) = self.broad(namespace) else { return mesh };
        Some(match (own.mode(), mesh) {
            (Some(mode), Some(mesh)) => over(&mode, &mesh),
            (Some(mode), None) => mode,
            (None, mesh) => mesh.unwrap_or_else(|| permissive(None)),
        })
    }

    /// What applies to a workload with these labels.
    pub(crate) fn of_workload(&self, namespace: &str, labels: &Labels) -> Effective {
        let mut mode = permissive(None);
        let mut adopt = |applied: Option<&Applied<'_, 'a>>| {
            if let Some(own) = applied.and_then(Applied::mode) {
                mode = over(&own, &mode);
            }
        };
        adopt(self.broad(&self.root_namespace).as_ref());
        let in_root = namespace == self.root_namespace;
        let specific = if in_root { None } else { self.specific(namespace, labels) };
        if !in_root {
            adopt(self.broad(namespace).as_ref());
            adopt(specific.as_ref());
        }
        let listed = specific.iter().flat_map(|applied| {
            applied.policy.ports.keys().map(|port| (*port, applied.of_port(*port)))
        });
        let ports = listed
            .map(|(port, own)| (port, own.map_or_else(|| mode.clone(), |own| over(&own, &mode))))
            .collect();
        Effective { mode, ports }
    }

    /// The oldest policy of a namespace for all its pods.
    fn broad(&self, namespace: &str) -> Option<Applied<'_, 'a>> {
        let policies = self.by_namespace.get(namespace)?;
        oldest(policies.iter().filter(|policy| policy.selector.is_empty()))
    }

    /// The oldest policy of a namespace that selects these labels.
    fn specific(&self, namespace: &str, labels: &Labels) -> Option<Applied<'_, 'a>> {
        let policies = self.by_namespace.get(namespace)?;
        let fitting = policies
            .iter()
            .filter(|policy| !policy.selector.is_empty() && selects(&policy.selector, labels));
        oldest(fitting)
    }
}

/// The one policy of a class that applies, and those of the class that do not.
struct Applied<'p, 'a> {
    policy: &'p Policy<'a>,
    others: Vec<&'p Policy<'a>>,
}

impl Applied<'_, '_> {
    /// Its mode, over those of the others.
    fn mode(&self) -> Option<Setting<MutualTls>> {
        self.winning(|policy| policy.mode.as_ref())
    }

    /// Its mode for a port, over those of the others.
    fn of_port(&self, port: u16) -> Option<Setting<MutualTls>> {
        self.winning(|policy| policy.ports.get(&port)?.as_ref())
    }

    fn winning<'s>(
        &'s self,
        of: impl Fn(&'s Policy<'s>) -> Option<&'s Setting<MutualTls>>,
    ) -> Option<Setting<MutualTls>> {
        let mut winner = of(self.policy)?.clone();
        let others = self.others.iter().filter_map(|other| of(other));
        winner.overrode.extend(others.map(|other| other.origin.clone()));
        Some(winner)
    }
}

fn oldest<'p, 'a>(mut policies: impl Iterator<Item = &'p Policy<'a>>) -> Option<Applied<'p, 'a>> {
    let policy = policies.next()?;
    let others: Vec<&Policy<'a>> = policies.collect();
    for other in &others {
        report_undecided(policy.source, other.source, "only one PeerAuthentication applies");
    }
    Some(Applied { policy, others })
}

impl<'a> Policy<'a> {
    fn read(source: &'a Source) -> Self {
        let spec = source.spec();
        let at = |path: &[&str]| spec.as_ref().and_then(|spec| spec.at(path));
        let selector = at(&["selector", "matchLabels"]).map(|labels| labels.labels());
        let listed = at(&["portLevelMtls"]).map(|ports| ports.entries()).unwrap_or_default();
        let ports = listed.iter().filter_map(|(port, block)| {
            Some((port.parse().ok()?, block.get("mode").and_then(|mode| read_mode(&mode))))
        });
        Self {
            source,
            selector: selector.unwrap_or_default(),
            mode: at(&["mtls", "mode"]).and_then(|mode| read_mode(&mode)),
            ports: ports.collect(),
        }
    }
}

/// A mode that is written; `UNSET` inherits.
fn read_mode(field: &Field<'_>) -> Option<Setting<MutualTls>> {
    match field.text()? {
        "STRICT" => Some(field.setting(MutualTls::Strict)),
        "PERMISSIVE" => Some(field.setting(MutualTls::Permissive)),
        "DISABLE" => Some(field.setting(MutualTls::Disable)),
        "UNSET" => None,
        _ => {
            field.report("STRICT, PERMISSIVE, DISABLE or UNSET");
            None
        }
    }
}

/// The default; a policy that leaves it unset says so itself.
fn permissive(by: Option<Origin>) -> Setting<MutualTls> {
    match by {
        Some(origin) => Setting::new(MutualTls::Permissive, origin),
        None => Setting::default_of(MutualTls::Permissive, defaults::ISTIO),
    }
}

/// The narrower setting, which wins over the broader one.
fn over(own: &Setting<MutualTls>, broader: &Setting<MutualTls>) -> Setting<MutualTls> {
    let mut setting = own.clone();
    if !matches!(broader.origin, Origin::Default { .. }) {
        setting.overrode.push(broader.origin.clone());
    }
    setting.overrode.extend(broader.overrode.iter().cloned());
    setting
}
