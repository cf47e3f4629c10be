//! States of configuration that can cause harm, beside the settings that make them up.

use serde_json::{Map, Value, json};
use stilltrace_model::{Certainty, Entity, Hazard, Platform};

use super::object;

/// A hazard with what to do about it. Whoever knows the catalog of hazards joins the two.
#[derive(Debug, Clone, PartialEq)]
pub struct Advised {
    /// The hazard.
    pub hazard: Hazard,
    /// What to do, as a clause that starts with a verb; `None` where that is an open decision.
    pub remedy: Option<String>,
}

/// All of them, in their order.
pub(super) fn list(platform: &Platform, hazards: &[Advised]) -> Vec<Value> {
    hazards.iter().map(|advised| describe(platform, advised)).collect()
}

fn describe(platform: &Platform, advised: &Advised) -> Value {
    let hazard = &advised.hazard;
    let mut described = Map::new();
    let mut put = |name: &str, value: Value| drop(described.insert(name.to_owned(), value));
    let host = |id| platform.services.get(id).map(|service| service.host.as_str());
    match &hazard.entity {
        Entity::Edge(edge) => {
            put("workload", json!(edge.source.to_string()));
            put("service", json!(edge.destination.to_string()));
            put("port", json!(edge.port));
            if let Some(host) = host(&edge.destination) {
                put("edge", json!(format!("{host}|{}", edge.port)));
            }
        }
        Entity::Service(service) => {
            put("service", json!(service.to_string()));
            put("host", json!(host(service)));
        }
        Entity::Workload(workload) => put("workload", json!(workload.to_string())),
        Entity::Mesh => {}
    }
    let concerned = hazard.related.iter().filter_map(|entity| match entity {
        Entity::Workload(id) => Some(id.to_string()),
        _ => None,
    });
    put("workloads", json!(concerned.collect::<Vec<_>>()));
    put("mechanism", json!(hazard.mechanism));
    put("message", json!(hazard.message));
    put("remedy", json!(advised.remedy));
    put("certainty", json!(certainty(hazard.certainty)));
    put("origins", hazard.origins.iter().map(object::origin).collect());
    if let Some(at) = hazard.origins.iter().find_map(|origin| origin.location()) {
        described.extend(object::location(at));
    }
    Value::Object(described)
}

const fn certainty(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Certain => "certain",
        Certainty::DependsOnAge => "depends-on-age",
        Certainty::DependsOnUnread => "depends-on-unread",
        Certainty::NeedsLiveData => "needs-live-data",
    }
}
