//! `exportTo`: which namespaces may see an object.

use std::collections::BTreeSet;

use crate::field::Field;

/// Who may see an object, as written, with `.` replaced by the object's own namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Visibility {
    /// Every namespace.
    Public,
    /// These namespaces; none for `~`.
    Namespaces(BTreeSet<String>),
}

impl Visibility {
    /// Reads a list such as `exportTo` of an object in `namespace`.
    pub(crate) fn of(list: &[&str], namespace: &str) -> Self {
        if list.contains(&"*") {
            return Self::Public;
        }
        if list.contains(&"~") {
            return Self::Namespaces(BTreeSet::new());
        }
        let own =
            |entry: &&str| if *entry == "." { namespace.to_owned() } else { (*entry).to_owned() };
        Self::Namespaces(list.iter().map(own).collect())
    }

    /// Reads `exportTo` below `spec`, or the mesh's default when it is absent or empty.
    pub(crate) fn read(spec: Option<&Field<'_>>, default: &[String], namespace: &str) -> Self {
        let written = spec.and_then(|spec| spec.get("exportTo")).map(|list| list.texts());
        match written {
            Some(list) if !list.is_empty() => Self::of(&list, namespace),
            _ => {
                let default: Vec<&str> = default.iter().map(String::as_str).collect();
                Self::of(&default, namespace)
            }
        }
    }

    /// Whether a client in `namespace` may see it.
    pub(crate) fn includes(&self, namespace: &str) -> bool {
        match self {
            Self::Public => true,
            Self::Namespaces(list) => list.contains(namespace),
        }
    }
}
