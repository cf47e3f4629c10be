//! Calls without a proxy of the caller's own: who makes them, and which waypoints stand in their way.

use serde_json::{Map, Value, json};
use stilltrace_model::{Platform, Waypoint, WaypointTakes};

use super::object::{self, Object};

/// The workloads in ambient mode and the waypoints of services, by host; `None` without any such
/// workload.
pub(super) fn describe(platform: &Platform) -> Option<Value> {
    let ambient = &platform.ambient;
    if ambient.workloads.is_empty() {
        return None;
    }
    let workloads = ambient.workloads.iter();
    let workloads: Map<String, Value> =
        workloads.map(|(id, label)| (id.to_string(), object::origin(label))).collect();
    let services = ambient.waypoints.iter().filter_map(|(id, waypoint)| {
        let service = platform.services.get(id)?;
        Some((service.host.clone(), self::waypoint(waypoint)))
    });
    let services: Map<String, Value> = services.collect();
    Some(json!({"workloads": workloads, "services": services}))
}

fn waypoint(waypoint: &Waypoint) -> Value {
    let mut object = Object::default();
    object.put_from("waypoint", json!(waypoint.name), &waypoint.label);
    object.put(
        "takes",
        json!(match waypoint.takes {
            WaypointTakes::Requests => "requests",
            WaypointTakes::OtherTraffic => "other-traffic",
            WaypointTakes::OtherNamespaces => "other-namespaces",
            WaypointTakes::Unread => "unread",
        }),
    );
    object.put("follows", waypoint.follows.iter().map(object::origin).collect());
    object.into_value()
}
