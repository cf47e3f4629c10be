//! Which fields the changes of a kustomization reach.
//!
//! Kustomize has a list of fields for each kind of change, such as the places of image names, and a
//! list of the fields that name other objects. `configurations` and `crds` add to them; a base's
//! additions also hold for the directories above it.

mod crds;
mod defaults;
mod names;
mod order;
mod read;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use crate::problem::{Problem, ProblemKind};
use crate::yaml::Mark;

use super::fields::{FieldSpec, Gvk};

pub(super) use crds::read as read_crds;
pub(super) use read::{check_items, read, read_specs};

/// A list of fields, named as in a configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum List {
    NamePrefix,
    NameSuffix,
    Namespace,
    CommonLabels,
    Labels,
    TemplateLabels,
    VolumeClaimTemplateLabels,
    CommonAnnotations,
    VarReference,
    Images,
    Replicas,
}

impl List {
    const ALL: &[(&str, List)] = &[
        ("namePrefix", List::NamePrefix),
        ("nameSuffix", List::NameSuffix),
        ("namespace", List::Namespace),
        ("commonLabels", List::CommonLabels),
        ("labels", List::Labels),
        ("templateLabels", List::TemplateLabels),
        ("volumeClaimTemplateLabels", List::VolumeClaimTemplateLabels),
        ("commonAnnotations", List::CommonAnnotations),
        ("varReference", List::VarReference),
        ("images", List::Images),
        ("replicas", List::Replicas),
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, list)| *list)
    }

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, list)| *list == self).map_or("", |(name, _)| name)
    }
}

/// The fields that name objects of some kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct References {
    /// The objects that are named.
    pub(super) target: Gvk,
    /// The fields that name them.
    pub(super) referrers: Vec<FieldSpec>,
}

/// All lists of one directory and the directories below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Config {
    lists: BTreeMap<List, Vec<FieldSpec>>,
    references: Vec<References>,
}

/// Two lists name the same field, but only one creates it where it is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conflict {
    list: &'static str,
    path: String,
}

impl std::fmt::Display for Conflict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` of `{}` is also listed with another `create`", self.path, self.list)
    }
}

impl Conflict {
    /// The problem of the file or field at `mark` that brought the second list.
    pub(super) fn at(&self, mark: &Mark) -> Problem {
        Problem::at(mark, ProblemKind::Invalid, self.to_string())
    }
}

impl Config {
    /// What Kustomize does without any configuration.
    pub(super) fn standard() -> Arc<Self> {
        static STANDARD: LazyLock<Arc<Config>> = LazyLock::new(|| {
            let mut config = defaults::config();
            config.sort();
            Arc::new(config)
        });
        Arc::clone(&STANDARD)
    }

    pub(super) fn fields(&self, list: List) -> &[FieldSpec] {
        self.lists.get(&list).map_or(&[], Vec::as_slice)
    }

    pub(super) fn references(&self) -> &[References] {
        &self.references
    }

    /// Whether nothing is listed at all.
    pub(super) fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.references.is_empty()
    }

    /// Adds the fields of `other` that are not listed yet, and sorts.
    pub(super) fn merge(&mut self, other: &Self) -> Result<(), Conflict> {
        for (list, specs) in &other.lists {
            let own = self.lists.entry(*list).or_default();
            extend(own, specs, list.name())?;
        }
        other.references.iter().try_for_each(|references| self.refer(references))?;
        self.sort();
        Ok(())
    }

    fn sort(&mut self) {
        for specs in self.lists.values_mut() {
            specs.sort_by_cached_key(|spec| order::key(&spec.of));
        }
        self.references.sort_by_cached_key(|references| order::key(&references.target));
    }

    fn add(&mut self, list: List, spec: FieldSpec) -> Result<(), Conflict> {
        extend(self.lists.entry(list).or_default(), &[spec], list.name())
    }

    fn refer(&mut self, new: &References) -> Result<(), Conflict> {
        let known = self.references.iter_mut().find(|own| own.target == new.target);
        if let Some(known) = known {
            return extend(&mut known.referrers, &new.referrers, "nameReference");
        }
        self.references.push(new.clone());
        Ok(())
    }
}

/// Adds fields to a list; one that the list holds already counts once.
pub(super) fn extend(
    list: &mut Vec<FieldSpec>,
    added: &[FieldSpec],
    name: &'static str,
) -> Result<(), Conflict> {
    for new in added {
        let known = list.iter().find(|own| {
            new.of.accepts(&own.of.group, &own.of.version, &own.of.kind) && own.path == new.path
        });
        match known {
            Some(known) if known.create != new.create => {
                return Err(Conflict { list: name, path: new.path.clone().into_owned() });
            }
            Some(_) => {}
            None => list.push(new.clone()),
        }
    }
    Ok(())
}
