//! One request per connection: every request pays for a new connection and a TLS handshake.

use stilltrace_model::{Certainty, Entity, Fix, Hazard, Platform, Prediction, Safety, signal};

use crate::draft::{self, Draft};
use crate::in_use::PolicyInUse;
use crate::wording::count;
use crate::{Mechanism, Surveyed};

/// ## What happens
/// With a small `maxRequestsPerConnection` the proxies close connections after a few requests. Each
/// new one costs a TCP and a TLS handshake at both ends, and the callee's proxy often applies the
/// same limit towards its application. With one request per connection proxies need about twice the
/// CPU, even when TLS sessions are resumed.
///
/// ## Fingerprint
/// The CPU of the caller's proxy rises, the callee's with it, and the median latency by some
/// milliseconds, for the same number of requests. There are no error flags and no extra attempts.
///
/// ## Fix
/// A thousand requests per connection cost next to nothing and still renew connections now and
/// then.
///
/// ## Fix safety
/// Safe: the connections live longer, no request is treated differently.
///
/// ## References
/// - Istio: `HTTPSettings.maxRequestsPerConnection` (default: unlimited), issues 13848 and 32516
/// - Envoy: `upstream_cx_max_requests`, `ssl.handshake`, issue 15071
pub(crate) struct OneRequestPerConnection;

/// With one request per connection the CPU of all proxies doubles (measured in the lab), so with
/// ten it still rises by a tenth; beyond that it is lost in noise.
const FEW_REQUESTS: u32 = 10;

/// Requests per connection at which the handshakes no longer count.
const ENOUGH: &str = "1000";

const LIMIT: &str = "pool.maxRequestsPerConnection";

impl Mechanism for OneRequestPerConnection {
    fn name(&self) -> &'static str {
        "one-request-per-connection"
    }

    fn group(&self) -> &'static str {
        "pools"
    }

    fn hazards(&self, platform: &Surveyed<'_>) -> Vec<Hazard> {
        platform
            .policies()
            .iter()
            .filter(|used| used.carries_requests())
            .filter_map(|used| describe(platform, used))
            .collect()
    }

    fn predict(&self, hazard: &Hazard) -> Vec<Prediction> {
        let Entity::Edge(edge) = &hazard.entity else { return Vec::new() };
        let mut all = vec![
            signal::PROXY_CPU
                .of(&*edge.source)
                .rises()
                .decisive()
                .because("the caller's proxy shakes hands for every few requests"),
            signal::EDGE_LATENCY
                .of(edge)
                .rises()
                .because("requests wait for their connection to be set up"),
            signal::EDGE_REQUESTS
                .of(edge)
                .not_rising()
                .because("the cost per request grows, not the number of requests"),
            signal::ATTEMPT_RATIO.of(edge).not_rising().because("nothing is sent again"),
            signal::CONNECTION_FAILED
                .of(edge)
                .not_rising()
                .because("connections are closed on purpose, between requests"),
        ];
        for entity in &hazard.related {
            if let Entity::Workload(callee) = entity {
                all.push(
                    signal::PROXY_CPU
                        .of(callee)
                        .rises()
                        .because("the callee's proxy has its half of every handshake"),
                );
            }
        }
        all
    }

    fn fix(&self, hazard: &Hazard) -> Option<Fix> {
        let line = draft::line_of(hazard, LIMIT)?;
        let why = format!("a connection carries {ENOUGH} requests before it is closed");
        Some(Fix { safety: Safety::Safe, ..draft::set(line, ENOUGH, why) })
    }
}

fn describe(platform: &Platform, used: &PolicyInUse<'_>) -> Option<Hazard> {
    let limit = &used.policy.pool.max_requests_per_connection;
    let requests = limit.value.filter(|requests| *requests <= FEW_REQUESTS)?;
    let id = &used.edge.id;
    let message = format!(
        "{} closes its connections to {} after {}: the proxies at both ends pay for a new TCP \
         connection and a TLS handshake each time",
        id.source,
        used.destination(),
        count(requests, "request"),
    );
    let callees = platform
        .workloads_of(&id.destination)
        .filter(|callee| callee.sidecar.is_some() && callee.id != *id.source);
    let hazard = Draft::new("one-request-per-connection", id, Certainty::Certain, message)
        .setting(used.name(LIMIT), limit)
        .related_all(callees.map(|callee| &callee.id));
    Some(hazard.done())
}
