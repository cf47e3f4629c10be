//! The catalog: every known way a platform change makes a service slow or breaks it.
//!
//! A mechanism is one file under `catalog/GROUP/` and one folder under `fixtures/`. It reads the
//! settings in effect, never telemetry, files or another mechanism: where a setting is harmful
//! only against a measured latency or rate, the threshold is a [`Prediction`], not part of the
//! [`Hazard`]. No other crate knows a mechanism by name.
//!
//! The doc comment of a mechanism is what users read: `docs/mechanisms/` is generated from it.

mod catalog;
mod draft;
mod in_use;
mod no_cluster;
mod observed;
mod retrying;
mod shares;
mod wording;

pub use in_use::Surveyed;
use stilltrace_model::{Fix, Hazard, Prediction};

/// How a state of configuration makes a service slow or breaks it.
pub trait Mechanism: Sync {
    /// Unique name in kebab case, the same everywhere: command line, reports, file stem.
    fn name(&self) -> &'static str;

    /// The group, which is the folder that holds the file.
    fn group(&self) -> &'static str;

    /// Codes of other programs for the same check, such as `IST0101` or `KIA1107`.
    fn aliases(&self) -> &'static [&'static str] {
        &[]
    }

    /// Where the settings in effect can cause this harm, ordered by entity.
    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard>;

    /// What is seen if one of these hazards is at work; empty for a static check, which is never
    /// offered as the cause of a symptom.
    fn predict(&self, hazard: &Hazard) -> Vec<Prediction>;

    /// The smallest edit that undoes the hazard; `None` where no edit of one line does.
    fn fix(&self, hazard: &Hazard) -> Option<Fix>;

    /// What to do about the hazard, in one clause that starts with a verb: the edit of
    /// [`Mechanism::fix`], or in words where no edit of one line is proposed.
    fn remedy(&self, hazard: &Hazard) -> Option<String> {
        self.fix(hazard).map(|fix| draft::clause(&fix))
    }
}

/// All mechanisms, sorted by name.
pub fn catalog() -> &'static [&'static dyn Mechanism] {
    catalog::ENTRIES
}

/// The mechanism of that name or alias.
///
/// An alias may stand for several mechanisms; the first by name is returned.
pub fn find(name: &str) -> Option<&'static dyn Mechanism> {
    let by_name = catalog().iter().find(|entry| entry.name() == name);
    by_name.or_else(|| catalog().iter().find(|entry| entry.aliases().contains(&name))).copied()
}
