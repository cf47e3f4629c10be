//! What differs from seed to seed.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Expected, Happening, Move, Names, Planted, Release, Scenario};
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
    also: Option<Vec<Planted>>,
    cure: Option<Vec<Edit>>,
    happens: Option<Happening>,
    decoys: Option<Vec<Edit>>,
    expect: Option<Expected>,
    moves: Option<Vec<Move>>,
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
            change: variant.change.or(self.change),
            also: variant.also.unwrap_or(self.also),
            cure: variant.cure.unwrap_or(self.cure),
            happens: variant.happens.unwrap_or(self.happens),
            decoys: variant.decoys.unwrap_or(self.decoys),
            expect: variant.expect.unwrap_or(self.expect),
            moves: variant.moves.unwrap_or(self.moves),
            ..self
        }
    }

    /// Turns the names of services and namespaces into other ones.
    pub(super) fn rename(&mut self, renaming: &Renaming) {
        let new = |name: &mut String| *name = renaming.any(name);
        new(&mut self.victim);
        for release in &mut self.releases {
            new(&mut release.of);
        }
        for preset in &mut self.base {
            new(&mut preset.of);
            preset.name.iter_mut().for_each(new);
            preset.value = preset.value.map_text(&|text| renaming.placeholders(text));
        }
        let causes =
            self.change.iter_mut().chain(self.also.iter_mut().map(|also| &mut also.change));
        for edit in causes.chain(&mut self.decoys).chain(&mut self.cure) {
            new(&mut edit.of);
            edit.name.iter_mut().for_each(new);
            for value in [&mut edit.from, &mut edit.to].into_iter().flatten() {
                *value = value.map_text(&|text| renaming.placeholders(text));
            }
        }
        let edges = self.expect.edge.iter_mut();
        for edge in edges.chain(self.also.iter_mut().filter_map(|also| also.edge.as_mut())) {
            new(&mut edge.source);
            new(&mut edge.destination);
        }
        for moved in &mut self.moves {
            moved.of.iter_mut().for_each(new);
        }
        self.happens.rename(&new);
    }
}
