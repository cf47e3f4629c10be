//! Writes a [`Hazard`] and a [`Fix`] from the settings that make them up.

use stilltrace_model::{Certainty, Edit, Entity, Fix, Hazard, Origin, Safety, Setting};

/// A hazard being written.
pub(crate) struct Draft {
    mechanism: &'static str,
    entity: Entity,
    certainty: Certainty,
    message: String,
    settings: Vec<(String, Origin)>,
    values: Vec<(&'static str, f64)>,
    related: Vec<Entity>,
}

impl Draft {
    /// A hazard of `mechanism` on `entity`; `message` says with numbers what can happen.
    pub(crate) fn new(
        mechanism: &'static str,
        entity: impl Into<Entity>,
        certainty: Certainty,
        message: String,
    ) -> Self {
        Self {
            mechanism,
            entity: entity.into(),
            certainty,
            message,
            settings: Vec::new(),
            values: Vec::new(),
            related: Vec::new(),
        }
    }

    /// Adds a setting that makes up the hazard, the most telling first.
    pub(crate) fn setting<T>(self, name: impl Into<String>, setting: &Setting<T>) -> Self {
        self.origin(name, &setting.origin)
    }

    /// Adds a setting by the place that decides it.
    pub(crate) fn origin(mut self, name: impl Into<String>, origin: &Origin) -> Self {
        self.settings.push((name.into(), origin.clone()));
        self
    }

    /// Adds a limit or threshold in SI base units, for the predictions.
    pub(crate) fn value(mut self, name: &'static str, value: f64) -> Self {
        self.values.push((name, value));
        self
    }

    /// Adds another entity on which the effect shows.
    pub(crate) fn related(mut self, entity: impl Into<Entity>) -> Self {
        let entity = entity.into();
        if entity != self.entity && !self.related.contains(&entity) {
            self.related.push(entity);
        }
        self
    }

    /// Adds other entities on which the effect shows.
    pub(crate) fn related_all<E: Into<Entity>>(self, all: impl IntoIterator<Item = E>) -> Self {
        all.into_iter().fold(self, Draft::related)
    }

    /// The hazard: lines in Git before defaults, otherwise in the order given.
    pub(crate) fn done(mut self) -> Hazard {
        self.settings.sort_by_key(|(_, origin)| matches!(origin, Origin::Default { .. }));
        let (settings, origins) = self.settings.into_iter().unzip();
        Hazard {
            mechanism: self.mechanism,
            entity: self.entity,
            message: self.message,
            origins,
            settings,
            certainty: self.certainty,
            values: self.values,
            related: self.related,
        }
    }
}

/// The line in Git that sets the hazard's setting whose name ends in `name`, if a line does.
///
/// The end is enough because later routes and subsets put their own name before it.
pub(crate) fn line_of<'a>(hazard: &'a Hazard, name: &str) -> Option<&'a Origin> {
    let named = hazard.settings.iter().zip(&hazard.origins);
    named
        .filter(|(setting, origin)| setting.ends_with(name) && origin.location().is_some())
        .map(|(_, origin)| origin)
        .next()
}

/// A fix that replaces the value at a line.
pub(crate) fn set(origin: &Origin, value: impl Into<String>, explanation: String) -> Fix {
    fix(origin, Edit::Set(value.into()), explanation)
}

/// A fix that removes the entry at a line.
pub(crate) fn remove(origin: &Origin, explanation: String) -> Fix {
    fix(origin, Edit::Remove, explanation)
}

/// Every fix starts as one to review; an entry that knows better says so.
fn fix(origin: &Origin, edit: Edit, explanation: String) -> Fix {
    Fix { origin: origin.clone(), edit, explanation, safety: Safety::Review, patch: None }
}

/// The edit of a fix as a clause.
pub(crate) fn clause(fix: &Fix) -> String {
    let field = fix.origin.field().filter(|field| !field.is_empty());
    let field = field.map_or_else(|| "the value".to_owned(), |field| format!("`{field}`"));
    let edit = match &fix.edit {
        Edit::Set(value) => format!("set {field} to {value}"),
        Edit::Remove => format!("remove {field}"),
        Edit::Restore { value, .. } => format!("put {field} back to {value}"),
    };
    format!("{edit}: {}", fix.explanation)
}
