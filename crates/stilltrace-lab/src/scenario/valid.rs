//! What a scenario must be beyond its form: fields that need each other, names that exist.

use crate::profile::Profile;
use crate::topology::Topology;

use super::form::INNOCENT;
use super::{Scenario, Signal};

/// A field path and what is wrong with it.
type Fault = (String, String);

impl Scenario {
    /// Checks what the file alone can tell; what is wrong is told as `line: message`.
    pub(super) fn check(&self, text: &str) -> Result<(), String> {
        self.consistent().map_err(|(field, message)| crate::form::at(text, &field, &message))
    }

    fn consistent(&self) -> Result<(), Fault> {
        let expect = &self.expect;
        let platform = !expect.mechanism.starts_with("none/");
        if platform != (expect.verdict == "cause") {
            let allowed =
                if platform { "`verdict: cause`".to_owned() } else { "another verdict".to_owned() };
            let message = format!(
                "`mechanism: {}` goes with {allowed}; without a cause: {}",
                expect.mechanism,
                INNOCENT.join(", ")
            );
            return Err(("expect.mechanism".into(), message));
        }
        let without_cause = self.change.is_none() && self.variants.is_empty();
        if expect.verdict == "cause" && without_cause {
            let message = "`verdict: cause` needs a `change`; allowed without: not-the-platform, \
                           no-anomaly";
            return Err(("expect.verdict".into(), message.into()));
        }
        if self.bystanders > 0 && self.runs_in(Profile::Static) {
            let message = "`bystanders` exist under Istio's control plane only; allowed with them: \
                           `profiles` without static";
            return Err(("bystanders".into(), message.into()));
        }
        if self.runs_in(Profile::Cluster) {
            let live = self.causes().iter().any(|cause| cause.change.live);
            let field = if live { "change.live" } else { "bystanders" };
            if live || self.bystanders > 0 {
                let message = "profile cluster has no such thing: its engines would undo an edit by \
                               hand, and it has no room for bystanders; allowed with it: `profiles` \
                               without cluster";
                return Err((field.into(), message.into()));
            }
        }
        if self.churn_every_s.is_some() && self.bystanders == 0 {
            let message = "`churn_every_s` needs `bystanders`; allowed: a whole number from 1";
            return Err(("churn_every_s".into(), message.into()));
        }
        for (index, moved) in self.moves.iter().enumerate() {
            let needs = match moved.signal {
                Signal::Flagged if moved.flag.is_none() => "flag",
                Signal::Counter if moved.metric.is_none() => "metric",
                _ => continue,
            };
            let message = format!("`moves[{index}].{needs}` is missing; allowed: text");
            return Err((format!("moves[{index}]"), message));
        }
        for (index, edit) in self.decoys.iter().chain(&self.change).enumerate() {
            if edit.from.is_none() && edit.to.is_none() && !edit.field.is_empty() {
                let field = if index < self.decoys.len() {
                    format!("decoys[{index}]")
                } else {
                    "change".to_owned()
                };
                let message = "needs `from`, `to` or both; allowed: any value";
                return Err((field, message.into()));
            }
        }
        Ok(())
    }

    /// Checks the names against the topology.
    pub(super) fn fits(&self, topology: &Topology) -> Result<(), Fault> {
        let mut known: Vec<_> = topology
            .services
            .iter()
            .flat_map(|service| {
                let workloads = service.workloads().into_iter().map(|workload| workload.name);
                workloads.chain([service.name.clone()]).collect::<Vec<_>>()
            })
            .collect();
        known.sort();
        known.dedup();
        let service = |field: &str, name: &str, more: &[&str]| {
            if more.contains(&name) || known.iter().any(|known| known == name) {
                return Ok(());
            }
            let more: Vec<_> = more.iter().map(|name| (*name).to_owned()).collect();
            let all = [known.as_slice(), more.as_slice()].concat().join(", ");
            Err((field.to_owned(), format!("`{field}` is `{name}`; allowed: {all}")))
        };
        service("victim", &self.victim, &[])?;
        for name in self.behaviour.keys() {
            service(&format!("behaviour.{name}"), name, &[])?;
        }
        for name in self.happens.behaviour.keys() {
            service(&format!("happens.behaviour.{name}"), name, &[])?;
        }
        for (index, release) in self.releases.iter().enumerate() {
            service(&format!("releases[{index}].of"), &release.of, &[])?;
        }
        for (index, moved) in self.moves.iter().enumerate() {
            if let Some(of) = &moved.of {
                service(&format!("moves[{index}].of"), of, &["gateway"])?;
            }
        }
        if let Some(edge) = &self.expect.edge {
            service("expect.edge.source", &edge.source, &["gateway"])?;
            service("expect.edge.destination", &edge.destination, &[])?;
        }
        let namespaces: Vec<_> = topology.services.iter().map(|s| s.namespace.as_str()).collect();
        let places = [namespaces.as_slice(), &["gateway", "mesh"]].concat();
        for (index, preset) in self.base.iter().enumerate() {
            service(&format!("base[{index}].of"), &preset.of, &places)?;
        }
        for (index, edit) in self.decoys.iter().enumerate() {
            service(&format!("decoys[{index}].of"), &edit.of, &places)?;
        }
        for (index, edit) in self.cure.iter().enumerate() {
            service(&format!("cure[{index}].of"), &edit.of, &places)?;
        }
        self.change.iter().try_for_each(|edit| service("change.of", &edit.of, &places))
    }
}
