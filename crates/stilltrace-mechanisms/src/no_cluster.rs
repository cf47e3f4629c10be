//! Routes to targets that the caller's proxy has no cluster for.

use stilltrace_model::{Destination, EdgeId, Prediction, signal};

use crate::Surveyed;
use crate::in_use::{RouteInUse, target_edge};

/// A destination of a route that the proxy cannot reach under any subset.
pub(crate) struct Unreachable<'a> {
    /// The route.
    pub(crate) used: RouteInUse<'a>,
    /// The destination.
    pub(crate) to: &'a Destination,
}

/// All of them. A destination whose service port is known and whose subset alone is missing is
/// another matter.
pub(crate) fn unreachable<'p>(platform: &Surveyed<'p>) -> Vec<Unreachable<'p>> {
    let mut found = Vec::new();
    for used in platform.routes() {
        for to in &used.route.destinations {
            let known = target_edge(platform, used.edge, to).is_some();
            if !to.to.has_cluster && !known && to.weight.value > 0 {
                found.push(Unreachable { used: used.clone(), to });
            }
        }
    }
    found
}

/// What is seen at a caller whose requests have no cluster to go to.
pub(crate) fn predictions(edge: &EdgeId) -> Vec<Prediction> {
    vec![
        signal::NO_ROUTE
            .of(edge)
            .rises()
            .decisive()
            .because("the proxy has no cluster of that name"),
        signal::EDGE_ERRORS.of(edge).rises().because("the proxy answers such requests itself"),
        signal::CONNECTION_FAILED.of(edge).not_rising().because("no connection is tried"),
    ]
}
