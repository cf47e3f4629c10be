//! Whether servers of a namespace take mutual TLS, as far as their clients' clusters look.
//!
//! Clients decide per cluster from the mesh's and the namespace's `PeerAuthentication` alone; those
//! with a selector act through endpoints, which settings do not hold.

use stilltrace_model::{Setting, TlsMode};

use crate::age::report_undecided;
use crate::defaults;
use crate::field::Field;
use crate::inventory::Inventory;
use crate::mesh_config::MeshConfig;
use crate::source::Source;

/// Transport security of calls into `namespace` where no destination rule says.
pub(crate) fn towards(
    inventory: &Inventory<'_>,
    mesh: &MeshConfig,
    namespace: &str,
) -> Setting<TlsMode> {
    if !mesh.auto_mtls.value {
        return mesh.auto_mtls.map(|_| TlsMode::Disable);
    }
    let own = mode(inventory, namespace);
    let root = mode(inventory, &mesh.root_namespace);
    match own.or(root) {
        Some(field) if field.node().text() == Some("DISABLE") => field.setting(TlsMode::Disable),
        _ => Setting::default_of(TlsMode::Auto, defaults::ISTIO),
    }
}

/// `mtls.mode` of the namespace's oldest policy without a selector, unless it inherits.
fn mode<'a>(inventory: &Inventory<'a>, namespace: &str) -> Option<Field<'a>> {
    let open = |source: &&&'a Source| {
        source.namespace() == namespace
            && source.root.at(&["spec", "selector", "matchLabels"]).is_none()
    };
    let mut policies = inventory.of("security.istio.io", "PeerAuthentication").iter().filter(open);
    let policy = policies.next()?;
    if let Some(loser) = policies.next() {
        report_undecided(policy, loser, "only one PeerAuthentication without a selector applies");
    }
    let mode = policy.field().at(&["spec", "mtls", "mode"])?;
    (mode.text() != Some("UNSET")).then_some(mode)
}
