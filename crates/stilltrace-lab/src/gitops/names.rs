//! Other names for the same topology: services and namespaces drawn from word lists.

use std::collections::BTreeMap;

use super::draw::Draw;
use crate::topology::{Call, Topology};

const SERVICES: &[&str] = &[
    "abacus", "almanac", "anchor", "atlas", "beacon", "bistro", "compass", "copper", "dispatch",
    "ember", "fathom", "gallery", "harbor", "inkwell", "juniper", "kiosk", "lantern", "marble",
    "needle", "orchard", "paddock", "quarry", "rudder", "saddle", "tiller", "umbra", "velvet",
    "willow", "yarrow", "zephyr",
];
const NAMESPACES: &[&str] = &[
    "alder", "basalt", "cedar", "dune", "estuary", "fjord", "grove", "heath", "islet", "jetty",
    "knoll", "lagoon",
];

/// What every name of a topology was turned into.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Renaming {
    services: BTreeMap<String, String>,
    namespaces: BTreeMap<String, String>,
}

impl Renaming {
    /// New names for all services and namespaces of a topology but the gateway's.
    pub(crate) fn draw(topology: &Topology, seed: u64) -> Self {
        let mut draw = Draw::new(seed, "names");
        let (mut services, mut namespaces) = (SERVICES.to_vec(), NAMESPACES.to_vec());
        draw.shuffle(&mut services);
        draw.shuffle(&mut namespaces);
        let mut renaming = Self::default();
        for service in &topology.services {
            if !renaming.services.contains_key(&service.name) {
                let word = services.pop().unwrap_or("spare").to_owned();
                renaming.services.insert(service.name.clone(), word);
            }
            if !renaming.namespaces.contains_key(&service.namespace) {
                let word = namespaces.pop().unwrap_or("spare").to_owned();
                renaming.namespaces.insert(service.namespace.clone(), word);
            }
        }
        renaming
    }

    /// The new name of a service; the old one if it has none.
    fn service<'a>(&'a self, name: &'a str) -> &'a str {
        self.services.get(name).map_or(name, String::as_str)
    }

    /// The new name of a service, or of a workload whose name starts with a service's (`-v2`).
    pub(crate) fn service_or_workload(&self, name: &str) -> String {
        let longest = self
            .services
            .keys()
            .filter(|old| {
                name.strip_prefix(old.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            })
            .max_by_key(|old| old.len());
        longest.map_or_else(|| name.to_owned(), |old| self.workload(name, old))
    }

    /// The new name of a service, a workload or a namespace.
    pub(crate) fn any(&self, name: &str) -> String {
        let service = self.service_or_workload(name);
        if service == name { self.namespace(name).to_owned() } else { service }
    }

    /// A text with the names inside `${host:NAME}` and its like turned into the new ones.
    pub(crate) fn placeholders(&self, text: &str) -> String {
        self.services.iter().fold(text.to_owned(), |text, (old, new)| {
            text.replace(&format!(":{old}}}"), &format!(":{new}}}"))
        })
    }

    fn namespace<'a>(&'a self, name: &'a str) -> &'a str {
        self.namespaces.get(name).map_or(name, String::as_str)
    }

    /// The topology under its new names.
    pub(crate) fn apply(&self, topology: &Topology) -> Topology {
        let mut renamed = topology.clone();
        for call in &mut renamed.gateway.calls {
            self.call(call);
        }
        for service in &mut renamed.services {
            for call in &mut service.calls {
                self.call(call);
            }
            let new = self.service(&service.name).to_owned();
            for workload in &mut service.workloads {
                workload.name = self.workload(&workload.name, &service.name);
            }
            service.releases = std::mem::take(&mut service.releases)
                .into_iter()
                .map(|(image, behaviour)| {
                    (self.image(&image, &service.namespace, &service.name), behaviour)
                })
                .collect();
            service.namespace = self.namespace(&service.namespace).to_owned();
            service.name = new;
        }
        renamed
    }

    fn call(&self, call: &mut Call) {
        call.service = self.service(&call.service).to_owned();
        if let Some(namespace) = &mut call.namespace {
            *namespace = self.namespace(namespace).to_owned();
        }
    }

    /// A workload keeps what its name has beyond the service's (`-v2`).
    fn workload(&self, workload: &str, service: &str) -> String {
        match workload.strip_prefix(service) {
            Some(rest) => format!("{}{rest}", self.service(service)),
            None => workload.to_owned(),
        }
    }

    fn image(&self, image: &str, namespace: &str, service: &str) -> String {
        let (old, new) = (
            format!("/{namespace}/{service}:"),
            format!("/{}/{}:", self.namespace(namespace), self.service(service)),
        );
        image.replace(&old, &new)
    }
}
