//! What a commit did to the settings in effect.

use crate::{CommitInfo, Entity, Origin, Timestamp};

/// One commit and the effective settings it changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The commit.
    pub commit: CommitInfo,
    /// When it took effect: the end of the sync that carried it, if an event says so.
    pub synced: Option<Timestamp>,
    /// Who synced it, such as `Flux Kustomization flux-system/apps`.
    pub synced_by: Option<String>,
    /// Whether the sync record is a stand-in that no controller produced.
    pub synthetic: bool,
    /// Files that the commit touched, sorted.
    pub paths: Vec<String>,
    /// Settings whose value in effect differs before and after; empty for a commit without effect.
    pub settings: Vec<SettingChange>,
}

impl Change {
    /// The earliest time at which the change can have had an effect.
    pub fn in_effect(&self) -> Timestamp {
        self.synced.unwrap_or(self.commit.time)
    }
}

/// One setting before and after a commit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SettingChange {
    /// What the setting belongs to.
    pub entity: Entity,
    /// Name of the setting, such as `retries.attempts`, as in [`crate::Edge::settings`].
    pub setting: String,
    /// Value before, as people write it; `unset` where there was none.
    pub before: String,
    /// Value after.
    pub after: String,
    /// What set the value before.
    pub origin_before: Origin,
    /// What sets it after.
    pub origin_after: Origin,
}
