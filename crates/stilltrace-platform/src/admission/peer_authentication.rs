//! PeerAuthentication.

use super::check::Check;
use super::{names, values};
use crate::field::Field;

const MODES: [&str; 4] = ["UNSET", "DISABLE", "PERMISSIVE", "STRICT"];

/// Judges the specification of a PeerAuthentication.
pub(super) fn judge(spec: &Field<'_>, check: &mut Check<'_>) {
    let labels = spec.at(&["selector", "matchLabels"]);
    let selects = labels.as_ref().is_some_and(|labels| !labels.node().entries().is_empty());
    values::choice(spec.at(&["mtls", "mode"]), &MODES, check);
    if let Some(ports) = spec.get("portLevelMtls") {
        let entries = ports.entries();
        if entries.is_empty() {
            check.refuse(&ports, "portLevelMtls needs at least one port");
        } else if !selects {
            let message = "portLevelMtls needs a selector: a mesh or namespace policy has no ports";
            check.refuse_beside(&ports, spec.get("selector"), message);
        }
        for (port, value) in &entries {
            if !port.parse::<u32>().is_ok_and(|port| (1..=65_535).contains(&port)) {
                check.refuse(value, format!("`{port}` is no port number from 1 to 65535"));
            }
            values::choice(value.get("mode"), &MODES, check);
        }
    }
    names::selector(labels.as_ref(), check);
}
