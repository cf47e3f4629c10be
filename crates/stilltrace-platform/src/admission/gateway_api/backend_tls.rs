//! `BackendTLSPolicy`: its targets, and which authorities it trusts.

use super::{rivals, text_or};
use crate::admission::check::Check;
use crate::admission::values;
use crate::field::Field;

/// Judges `spec`.
pub(in crate::admission) fn judge(spec: &Field<'_>, check: &mut Check<'_>) {
    let part = |field: &Field<'_>| values::is_set(field, "sectionName");
    let clash = |a: &Field<'_>, b: &Field<'_>| {
        let same = |key: &str| text_or(a, key, "") == text_or(b, key, "");
        let one_target = same("group") && same("kind") && same("name");
        one_target && (part(a) != part(b) || same("sectionName"))
    };
    let message = "references to one target need different sectionNames";
    rivals(&spec.list("targetRefs"), clash, message, check);
    let Some(validation) = spec.block("validation") else { return };
    let listed = values::has_items(&validation, "caCertificateRefs");
    let known = values::is_set(&validation, "wellKnownCACertificates");
    if listed && known {
        check.refuse(
            &validation,
            "only one of caCertificateRefs and wellKnownCACertificates can be given",
        );
    } else if !listed && !known {
        check.refuse(&validation, "needs caCertificateRefs or wellKnownCACertificates");
    }
    for name in validation.list("subjectAltNames") {
        for (kind, key) in [("Hostname", "hostname"), ("URI", "uri")] {
            let wanted = text_or(&name, "type", "") == kind;
            if wanted != values::is_set(&name, key) {
                check.refuse(&name, format!("`{key}` belongs to the type {kind}, and it alone"));
            }
        }
    }
}
