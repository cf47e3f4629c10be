//! What rules of `TCPRoute` and `TLSRoute` have in common: backends of connections.

use stilltrace_model::{Origin, Setting};

use crate::connections::{Connections, Meeting};
use crate::defaults;
use crate::field::Field;
use crate::gateway_api::backend::{self, Backends, Unusable};
use crate::gateway_api::route::Context;
use crate::wanted::Wanted;

/// An entry of `rules` as a route of connections that fulfil one of the conditions.
pub(super) fn read<'a>(
    context: &Context<'_, 'a>,
    rule: &Field<'a>,
    cases: Vec<Meeting>,
    guarded: bool,
) -> Result<Connections, Unusable> {
    let mut cases = cases;
    let targets = match backend::read(context, rule, guarded)? {
        Backends::Some(list) => list.into_iter().map(|(_, target)| target).collect(),
        Backends::None => {
            // Istio leaves the conditions of such a rule out, and a rule about names in the
            // greeting does nothing without.
            if rule.source().id.kind == "TLSRoute" {
                cases.clear();
            }
            let list = rule.get("backendRefs");
            let origin = list.map_or_else(|| rule.origin(), |list| list.key_origin());
            vec![(refused(origin), Setting::default_of(100, defaults::SINGLE))]
        }
    };
    Ok(Connections {
        entries: targets.len(),
        first: targets.first().map(|(wanted, _)| wanted.host.clone()),
        cases,
        targets,
    })
}

/// Where Istio sends connections that no backend may have: to a cluster that does not exist.
fn refused(origin: Origin) -> Wanted {
    Wanted {
        host: "internal.cluster.local".to_owned(),
        host_origin: origin.clone(),
        port: Some((u16::MAX, origin.clone())),
        subset: Some(("zero-weight".to_owned(), origin)),
    }
}
