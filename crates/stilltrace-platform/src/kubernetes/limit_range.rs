//! `LimitRange`: what containers get that say nothing.
//!
//! Rules of the API server's `LimitRanger` admission and of `SetDefaults_LimitRangeItem`, Kubernetes
//! 1.36: only items of type `Container` have defaults; `max` stands in for an absent `default`, that
//! for an absent `defaultRequest`, and `min` for what is absent still.

use std::collections::BTreeMap;

use stilltrace_model::Setting;

use crate::field::Field;
use crate::inventory::Inventory;
use crate::resources::Amount;

/// Items by namespace, in the order of the objects' names.
pub(crate) struct LimitRanges<'a> {
    /// Those of type `Container`.
    by_namespace: BTreeMap<&'a str, Vec<Field<'a>>>,
}

impl<'a> LimitRanges<'a> {
    /// Reads all objects. Which one's defaults win where a namespace has several is not defined: the
    /// first by name is taken, and the conflict named.
    pub(crate) fn read(inventory: &Inventory<'a>) -> Self {
        let mut sources = inventory.of("", "LimitRange").to_vec();
        sources.sort_by_key(|source| source.name());
        let mut by_namespace: BTreeMap<&str, Vec<Field<'_>>> = BTreeMap::new();
        for source in sources {
            let Some(spec) = source.spec() else { continue };
            let of_containers = |item: &Field<'_>| {
                item.get("type").and_then(|field| field.text()) == Some("Container")
            };
            // Within one object the last item wins.
            let items = spec.list("limits").into_iter().rev().filter(of_containers);
            by_namespace.entry(source.namespace()).or_default().extend(items);
        }
        for items in by_namespace.values() {
            report_several(items);
        }
        Self { by_namespace }
    }

    /// The items of type `Container` of a namespace.
    pub(super) fn items(&self, namespace: &str) -> &[Field<'a>] {
        self.by_namespace.get(namespace).map(Vec::as_slice).unwrap_or_default()
    }

    /// What fills up the containers of a namespace.
    pub(crate) fn of(&self, namespace: &str) -> Filler<'_> {
        Filler(self.items(namespace))
    }
}

/// What fills up the containers of one namespace.
#[derive(Clone, Copy)]
pub(crate) struct Filler<'r>(&'r [Field<'r>]);

impl Filler<'_> {
    /// The limit of a container that has none.
    pub(crate) fn limit<T: Amount>(&self) -> Option<Setting<Option<T>>> {
        self.first(&["default", "max"])
    }

    /// The request of a container that has neither a request nor a limit of its own.
    pub(crate) fn request<T: Amount>(&self) -> Option<Setting<Option<T>>> {
        self.first(&["defaultRequest", "default", "max", "min"])
    }

    fn first<T: Amount>(&self, keys: &[&str]) -> Option<Setting<Option<T>>> {
        let mut written = self.0.iter().flat_map(|item| keys.iter().map(move |key| (item, key)));
        let field = written.find_map(|(item, key)| item.at(&[key, T::KEY]))?;
        Some(field.setting(Some(T::read(&field)?)))
    }
}

fn report_several(items: &[Field<'_>]) {
    let Some((first, rest)) = items.split_first() else { return };
    let Some(other) = rest.iter().find(|item| item.source().id != first.source().id) else {
        return;
    };
    first.source().gaps.add(
        format!(
            "{}: {} and {} both have defaults for containers",
            other.node().mark,
            first.source().id,
            other.source().id
        ),
        "Kubernetes does not define whose defaults win; the first by name is shown",
        "merge them into one LimitRange",
    );
}
