//! What happens outside Git while the fault lasts: more traffic, impatient clients, a slower
//! dependency, a busy neighbour.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Incident, Phases};
use crate::topology::{Behaviour, Later, Retries, Surge};

/// What happens outside Git, from `from_s` after the start of the fault phase to the end of the
/// recording.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Happening {
    /// Seconds after the start of the fault phase; before it if negative.
    pub from_s: f64,
    /// Multiple of the traffic's rate.
    pub traffic_factor: Option<f64>,
    /// What clients do when an answer takes long.
    pub client_retries: Option<ClientRetries>,
    /// Behaviour of services meanwhile; what is left out is as before.
    pub behaviour: BTreeMap<String, Behaviour>,
}

/// Clients that ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientRetries {
    /// How often they ask at most.
    pub attempts: u32,
    /// How long they wait for one answer, in milliseconds.
    pub timeout_ms: u64,
}

impl Happening {
    /// Turns the names of services into other ones.
    pub(super) fn rename(&mut self, new: &dyn Fn(&mut String)) {
        let old = std::mem::take(&mut self.behaviour);
        self.behaviour = old
            .into_iter()
            .map(|(mut name, behaviour)| {
                new(&mut name);
                (name, behaviour)
            })
            .collect();
    }
}

impl Incident {
    /// Puts what happens outside Git into traffic and behaviours, now that the length of the
    /// phases is known. Times of behaviours count from the boot of the mesh, which precedes the
    /// traffic by about a second.
    pub(crate) fn stage(&mut self, phases: Phases) {
        let happens = &self.scenario.happens;
        let change_s = f64::from(phases.warm_s + phases.quiet_s);
        let from_s = (change_s + happens.from_s).max(0.0);
        let to_s = change_s + f64::from(phases.fault_s);
        let traffic = &mut self.topology.traffic;
        if let Some(factor) = happens.traffic_factor {
            traffic.surge = Some(Surge { from_s, to_s, factor });
        }
        if let Some(ClientRetries { attempts, timeout_ms }) = happens.client_retries {
            traffic.retries = Some(Retries { from_s, to_s, attempts, timeout_ms });
        }
        let (after_ms, until_ms) = ((from_s * 1e3) as u64, (to_s * 1e3) as u64);
        for service in &mut self.topology.services {
            if let Some(behaviour) = happens.behaviour.get(&service.name) {
                let behaviour = Box::new(behaviour.clone());
                service.behaviour.later = Some(Later { after_ms, until_ms, behaviour });
            }
        }
    }
}
