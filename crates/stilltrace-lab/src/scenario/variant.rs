//! What differs from seed to seed.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Expected, Names, Release, Scenario};
use crate::gitops::{Edit, LayoutWish, Preset, Renaming};
use crate::topology::{Behaviour, Traffic};

/// The fields of a scenario that a seed may have of its own. All are optional.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Variant {
    topology: Option<String>,
    victim: Option<String>,
    traffic: Option<Traffic>,
    behaviour: Option<BTreeMap<String, Behaviour>>,
    releases: Option<Vec<Release>>,
    layout: Option<LayoutWish>,
    names: Option<Names>,
    base: Option<Vec<Preset>>,
    change: Option<Edit>,
    decoys: Option<Vec<Edit>>,
    expect: Option<Expected>,
}

impl Scenario {
    /// The scenario with the variant of a seed in place.
    #[must_use]
    pub fn for_seed(mut self, seed: u64) -> Self {
        let variants = std::mem::take(&mut self.variants);
        let count = u64::try_from(variants.len()).unwrap_or(1).max(1);
        let index = usize::try_from(seed.saturating_sub(1) % count).unwrap_or(0);
        let Some(variant) = variants.into_iter().nth(index) else { return self };
        Self {
            topology: variant.topology.unwrap_or(self.topology),
            victim: variant.victim.unwrap_or(self.victim),
            traffic: variant.traffic.or(self.traffic),
            behaviour: variant.behaviour.unwrap_or(self.behaviour),
            releases: variant.releases.unwrap_or(self.releases),
            layout: variant.layout.unwrap_or(self.layout),
            names: variant.names.unwrap_or(self.names),
            base: variant.base.unwrap_or(self.base),
            change: variant.change.unwrap_or(self.change),
            decoys: variant.decoys.unwrap_or(self.decoys),
            expect: variant.expect.unwrap_or(self.expect),
            ..self
        }
    }

    /// Turns the names of services into other ones.
    pub(super) fn rename(&mut self, renaming: &Renaming) {
        let new = |name: &mut String| *name = renaming.service_or_workload(name);
        new(&mut self.victim);
        for release in &mut self.releases {
            new(&mut release.of);
        }
        for preset in &mut self.base {
            new(&mut preset.of);
        }
        for edit in std::iter::once(&mut self.change).chain(&mut self.decoys) {
            new(&mut edit.of);
        }
        if let Some(edge) = &mut self.expect.edge {
            new(&mut edge.source);
            new(&mut edge.destination);
        }
    }
}
