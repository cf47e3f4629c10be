//! Services by name, for everyone who looks one up.

use std::collections::{BTreeMap, BTreeSet};

use stilltrace_model::WorkloadId;

use crate::services::{Callee, Resolution};

/// Services by host, and their aliases.
#[derive(Default)]
pub(crate) struct Directory {
    by_host: BTreeMap<String, Vec<usize>>,
    aliases: BTreeMap<usize, Vec<usize>>,
    by_namespace: BTreeMap<String, Vec<usize>>,
    in_front_of: BTreeMap<WorkloadId, Vec<usize>>,
}

impl Directory {
    /// Sorts services; positions in the list are what is found.
    pub(crate) fn new(callees: &[Callee]) -> Self {
        let mut found = Self::default();
        for (index, callee) in callees.iter().enumerate() {
            found.by_host.entry(callee.host.clone()).or_default().push(index);
            let namespace = found.by_namespace.entry(callee.id.namespace.clone()).or_default();
            namespace.push(index);
            for workload in &callee.workloads {
                let own = found.in_front_of.entry(workload.clone()).or_default();
                own.extend((own.last() != Some(&index)).then_some(index));
            }
        }
        let mut leading: Vec<(&Callee, usize, String)> = Vec::new();
        let next: BTreeMap<&str, &str> = callees
            .iter()
            .filter_map(|callee| Some((callee.host.as_str(), callee.alias_of()?)))
            .collect();
        for (index, callee) in callees.iter().enumerate().filter(|(_, callee)| callee.is_alias()) {
            leading.extend(end_of(&callee.host, &next).map(|end| (callee, index, end.to_owned())));
        }
        leading.sort_by_key(|(callee, ..)| (&callee.id.namespace, &callee.host));
        for (_, index, end) in leading {
            for callee in found.by_host.get(&end).into_iter().flatten() {
                found.aliases.entry(*callee).or_default().push(index);
            }
        }
        found
    }

    /// Services of a host name, in the order of the list: several namespaces may have one.
    pub(crate) fn named(&self, host: &str) -> &[usize] {
        self.by_host.get(host).map(Vec::as_slice).unwrap_or_default()
    }

    /// Services of a namespace, in the order of the list.
    pub(crate) fn of_namespace(&self, namespace: &str) -> &[usize] {
        self.by_namespace.get(namespace).map(Vec::as_slice).unwrap_or_default()
    }

    /// Services that select the pods of a workload, in the order of the list.
    pub(crate) fn in_front_of(&self, workload: &WorkloadId) -> &[usize] {
        self.in_front_of.get(workload).map(Vec::as_slice).unwrap_or_default()
    }

    /// Aliases that lead to a service, sorted by namespace and name.
    pub(crate) fn aliases_of(&self, callee: usize) -> &[usize] {
        self.aliases.get(&callee).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The name at the end of the chain, where aliases lead to aliases; `None` for a circle.
fn end_of<'n>(host: &'n str, next: &BTreeMap<&str, &'n str>) -> Option<&'n str> {
    let mut seen = BTreeSet::from([host]);
    let mut at = *next.get(host)?;
    while let Some(further) = next.get(at) {
        if !seen.insert(at) {
            return None;
        }
        at = further;
    }
    Some(at)
}

impl Callee {
    /// The name that it stands for, if it is only another name.
    pub(crate) fn alias_of(&self) -> Option<&str> {
        match &self.resolution {
            Resolution::Alias(host) => Some(host),
            _ => None,
        }
    }
}
