//! What is said of a fault.

use stilltrace_manifest::schema::{Fault, FaultKind, Meant};
use stilltrace_manifest::yaml::Text;
use stilltrace_model::{Gap, ObjectRef, Refusal};

use super::definitions::ISTIO;
use super::{Reader, Subject};
use crate::field::location;

/// How many of the values that a field takes are listed.
const MAX_VALUES: usize = 12;
/// How many characters of a value are shown.
const MAX_SHOWN: usize = 60;

/// The gap that names a fault.
pub(super) fn of(subject: &Subject, fault: &Fault) -> Gap {
    let (mark, holder) = (&fault.mark, subject.holder());
    let (what, remedy) = said(subject, fault);
    Gap {
        what: format!("{mark}: {holder}: {what}"),
        why: why(subject, &fault.kind),
        remedy,
        ..Gap::default()
    }
}

/// Why the API server refuses the object.
pub(super) fn refusal(subject: &Subject, fault: &Fault) -> Refusal {
    let (what, remedy) = said(subject, fault);
    let message = match fault.kind {
        FaultKind::WrongType { .. } => what,
        _ => format!("{what}; {remedy}"),
    };
    let field = joined(&subject.path, &fault.path);
    Refusal { object: ObjectRef::clone(&subject.object), at: location(&fault.mark), field, message }
}

/// What is wrong, and what to do.
fn said(subject: &Subject, fault: &Fault) -> (String, String) {
    let path = joined(&subject.path, &fault.path);
    match &fault.kind {
        FaultKind::UnknownField { meant } => unknown_field(&path, subject, meant.as_ref()),
        FaultKind::WrongType { expected } => {
            (format!("`{path}` must be {expected}"), format!("write {expected}"))
        }
        FaultKind::UnknownValue { value, allowed, meant } => {
            unknown_value(&path, value, allowed, meant.as_ref())
        }
        FaultKind::Missing { field } => {
            let path = joined(&path, field);
            (format!("`{path}` is required and not there"), format!("write `{path}`"))
        }
        FaultKind::Together { fields } => {
            let fields = listed(fields);
            (format!("{fields} exclude each other below `{path}`"), "keep one of them".to_owned())
        }
    }
}

fn unknown_field(path: &str, subject: &Subject, meant: Option<&Meant>) -> (String, String) {
    let of = match subject.reader {
        Reader::ApiServer(of) => of,
        Reader::Istio(_) => ISTIO,
    };
    let what = format!("there is no field `{path}` in {of}");
    match meant {
        Some(Meant::Name(name)) => {
            (format!("{what}; did you mean `{name}`?"), format!("write `{name}`"))
        }
        Some(Meant::Place(place)) => {
            let place = joined(&subject.path, place);
            (format!("{what}; does it belong at `{place}`?"), format!("move it to `{place}`"))
        }
        None => (what, "take it out, or look up its name in the reference of the kind".to_owned()),
    }
}

fn unknown_value(
    path: &str,
    value: &str,
    allowed: &[Text],
    meant: Option<&Text>,
) -> (String, String) {
    let shown: String = value.chars().take(MAX_SHOWN).collect();
    let what = format!("`{path}`: `{shown}` is not one of {}", listed(allowed));
    match meant {
        Some(meant) => (format!("{what}; did you mean `{meant}`?"), format!("write `{meant}`")),
        None => (what, "write one of these".to_owned()),
    }
}

fn why(subject: &Subject, kind: &FaultKind) -> String {
    match (subject.reader, kind.refuses()) {
        (Reader::ApiServer(_), false) => {
            "the API server drops this field, and kubectl and server-side \
                                       apply refuse the object for it: the setting has no effect"
                .to_owned()
        }
        (Reader::ApiServer(_), true) => {
            "the API server refuses the object: no setting of it takes effect".to_owned()
        }
        (Reader::Istio(_), false) => {
            "Istio ignores this field: the setting has no effect".to_owned()
        }
        (Reader::Istio(document), true) => {
            format!("Istio cannot read this {document}: no setting of it takes effect")
        }
    }
}

/// Faults of one document beyond those that are told one by one.
pub(super) fn more_of_document(subject: &Subject, more: usize) -> Gap {
    Gap {
        what: format!("{}: {more} more fields or values that it cannot have", subject.holder()),
        why: "these settings have no effect; only the first are told one by one".to_owned(),
        remedy: "mend those that are told".to_owned(),
        ..Gap::default()
    }
}

/// Faults of a cluster beyond those that are told one by one.
pub(super) fn more_of_cluster(more: usize) -> Gap {
    Gap {
        what: format!("{more} more fields or values that objects cannot have"),
        why: "these settings have no effect; only the first are told one by one".to_owned(),
        remedy: "mend those that are told".to_owned(),
        ..Gap::default()
    }
}

impl Subject {
    /// What has the fault, such as `VirtualService shop/cart` or `MeshConfig of ConfigMap …`.
    fn holder(&self) -> String {
        match self.reader {
            Reader::ApiServer(_) => self.object.to_string(),
            Reader::Istio(document) => format!("{document} of {}", self.object),
        }
    }
}

/// `base.path`, where either may be empty.
fn joined(base: &str, path: &str) -> String {
    match (base, path) {
        ("", path) => path.to_owned(),
        (base, "") => base.to_owned(),
        (base, path) if path.starts_with('[') => format!("{base}{path}"),
        (base, path) => format!("{base}.{path}"),
    }
}

/// Names in a list, the first of many.
fn listed(names: &[Text]) -> String {
    let shown: Vec<String> =
        names.iter().take(MAX_VALUES).map(|name| format!("`{name}`")).collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(MAX_VALUES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
