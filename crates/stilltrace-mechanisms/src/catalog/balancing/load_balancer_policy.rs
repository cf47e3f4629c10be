//! Load balancer policy: a slow pod keeps getting its full share.

use stilltrace_model::{Certainty, Entity, Fix, Hazard, LoadBalancer, Prediction, Safety, signal};

use crate::draft::{self, Draft};
use crate::in_use::PolicyInUse;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// Istio's default, `LEAST_REQUEST`, sends fewer requests to a pod that is slow to answer.
/// `ROUND_ROBIN` and `RANDOM` give it its full share, and `PASSTHROUGH` does not balance in the
/// proxy at all. The slowest pod then decides the tail of the latency.
///
/// ## Fingerprint
/// The callee's p99 rises from the change on while its median stays: most pods are as fast as ever.
/// The callee gets no more requests and no errors appear.
///
/// ## Fix
/// Back to `LEAST_REQUEST`.
///
/// ## Fix safety
/// Safe: every endpoint still gets requests, and none of the replaced policies promises which.
///
/// ## References
/// - Istio: `LoadBalancerSettings.SimpleLB`
/// - Envoy: load balancers, weighted least request
pub(crate) struct LoadBalancerPolicy;

const POLICY: &str = "loadBalancer";

impl Mechanism for LoadBalancerPolicy {
    fn name(&self) -> &'static str {
        "load-balancer-policy"
    }

    fn group(&self) -> &'static str {
        "balancing"
    }

    /// A policy is a choice that many make without harm: only where requests were seen taking it.
    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        platform
            .policies()
            .iter()
            .filter(|used| used.called && used.carries_requests())
            .filter_map(describe)
            .collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let Entity::Edge(edge) = &hazard.entity else { return Vec::new() };
        vec![
            signal::EDGE_SERVER_P99
                .of(edge)
                .rises()
                .decisive()
                .because("the slow pods answer more of the requests than before"),
            signal::EDGE_SERVER_P50
                .of(edge)
                .not_rising()
                .decisive()
                .because("most pods are as fast as before"),
            signal::EDGE_REQUESTS
                .of(edge)
                .not_rising()
                .because("the requests are shared out differently, not more of them"),
            signal::EDGE_ERRORS.of(edge).not_rising().because("the pods are slow, not broken"),
        ]
    }

    fn fix(&self, hazard: &Hazard) -> Option<Fix> {
        let line = draft::line_of(hazard, POLICY)?;
        let policy = LoadBalancer::LeastRequest.to_string();
        let why = "slow pods get fewer requests, which is Istio's default".to_owned();
        Some(Fix { safety: Safety::Safe, ..draft::set(line, policy, why) })
    }
}

/// With one pod there is nothing to choose from.
fn describe(used: &PolicyInUse<'_>) -> Option<Hazard> {
    let policy = &used.policy.load_balancer;
    let blind = matches!(
        policy.value,
        LoadBalancer::RoundRobin | LoadBalancer::Random | LoadBalancer::Passthrough
    );
    if !blind || !policy.is_written() || used.endpoints.is_some_and(|pods| pods < 2) {
        return None;
    }
    let id = &used.edge.id;
    let message = format!(
        "{} shares its requests to {} out by {}, without regard to how fast pods answer: a slow pod \
         keeps its full share",
        id.source,
        used.destination(),
        policy.value,
    );
    let hazard = Draft::new("load-balancer-policy", id, Certainty::NeedsLiveData, message)
        .setting(used.name(POLICY), policy);
    Some(hazard.done())
}
