//! What could be the cause: hazards with the changes that touched them, and causes outside the
//! platform.

use stilltrace_mechanisms::{Surveyed, catalog};
use stilltrace_model::{
    Change, Entity, Fix, Hazard, Platform, Prediction, Question, SettingChange,
};

use crate::{innocent, reach::Reach};

/// A cause to be weighed against the evidence.
#[derive(Debug, Clone, PartialEq)]
pub struct Hypothesis {
    /// Rule name of the mechanism, or `none/…` for a cause outside the platform.
    pub mechanism: &'static str,
    /// What it is about.
    pub entity: Entity,
    /// What would have happened, as one sentence.
    pub statement: String,
    /// The state of configuration behind it; `None` for a cause outside the platform.
    pub hazard: Option<Hazard>,
    /// The change that brought it about; `None` for a state that was there before.
    pub trigger: Option<Trigger>,
    /// What must be seen if it is the cause.
    pub predictions: Vec<Prediction>,
    /// What would undo it.
    pub fix: Option<Fix>,
}

/// A commit of the window and what it did to one setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    /// Index of the change in [`Platform::changes`].
    pub change: usize,
    /// The setting that it changed.
    pub setting: SettingChange,
}

impl Trigger {
    /// The change that this trigger is part of.
    pub(crate) fn change<'a>(&self, platform: &'a Platform) -> Option<&'a Change> {
        platform.changes.get(self.change)
    }
}

impl Hypothesis {
    /// Whether it puts the cause outside the platform.
    pub fn is_innocent(&self) -> bool {
        self.hazard.is_none()
    }
}

/// Everything that could be the cause, in stable order.
///
/// Hazards count where observed calls connect them with the service. A hazard that several changes
/// touched is a hypothesis per change; one that no change touched is a standing hypothesis.
pub fn hypotheses(question: &Question, platform: &Platform) -> Vec<Hypothesis> {
    let reach = Reach::of(&question.service, platform);
    let mut all = Vec::new();
    let surveyed = Surveyed::new(platform);
    for mechanism in catalog() {
        for hazard in mechanism.hazards(&surveyed) {
            if !reach.contains(&hazard.entity) {
                continue;
            }
            let predictions = mechanism.predict(&hazard);
            if predictions.is_empty() {
                continue; // A purely static check is never a cause.
            }
            let fix = mechanism.fix(&hazard);
            let mut triggers: Vec<Option<Trigger>> =
                triggers(&hazard, platform).into_iter().map(Some).collect();
            if triggers.is_empty() {
                triggers.push(None);
            }
            all.extend(triggers.into_iter().map(|trigger| Hypothesis {
                mechanism: mechanism.name(),
                entity: hazard.entity.clone(),
                statement: hazard.message.clone(),
                hazard: Some(hazard.clone()),
                trigger,
                predictions: predictions.clone(),
                fix: fix.clone(),
            }));
        }
    }
    all.extend(innocent::hypotheses(question, platform, &reach));
    all
}

/// The changes that touched one of the hazard's settings. The most telling setting decides when a
/// change touched several.
fn triggers(hazard: &Hazard, platform: &Platform) -> Vec<Trigger> {
    let mut found = Vec::new();
    for (index, change) in platform.changes.iter().enumerate() {
        let touched = hazard.settings.iter().find_map(|name| {
            change
                .settings
                .iter()
                .find(|setting| setting.setting == *name && concerns(setting, &hazard.entity))
        });
        if let Some(setting) = touched {
            found.push(Trigger { change: index, setting: setting.clone() });
        }
    }
    found
}

/// Whether a setting's change concerns the hazard's entity; a hazard of the whole mesh is touched
/// by a change anywhere.
fn concerns(setting: &SettingChange, entity: &Entity) -> bool {
    match entity {
        Entity::Mesh => true,
        _ => setting.entity == *entity,
    }
}
