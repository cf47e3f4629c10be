//! Which gateways are Istio's: the controller of their class.
//!
//! Istio's `GetBuiltinGatewayClasses`, release 1.31: some classes count without an object.

use stilltrace_manifest::Node;

use super::GROUP;
use crate::inventory::Inventory;

/// What Istio does with the gateways of a class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Serves their listeners, in a deployment of its own unless they name an address.
    Gateway,
    /// Lets them route the requests of ambient services.
    Waypoint,
    /// Nothing: they stand for a gateway of another cluster.
    Remote,
}

/// The class of this name; `None` when it is another controller's.
pub(crate) fn of(name: &str, inventory: &Inventory<'_>) -> Option<Class> {
    let objects = inventory.of(GROUP, "GatewayClass");
    let controller = match objects.iter().find(|source| source.name() == name) {
        Some(source) => source.root.at(&["spec", "controllerName"]).and_then(Node::text)?,
        None => match name {
            "istio" => "istio.io/gateway-controller",
            "istio-waypoint" => "istio.io/mesh-controller",
            "istio-remote" => "istio.io/unmanaged-gateway",
            _ => return None,
        },
    };
    match controller {
        "istio.io/gateway-controller" => Some(Class::Gateway),
        "istio.io/mesh-controller" => Some(Class::Waypoint),
        "istio.io/unmanaged-gateway" => Some(Class::Remote),
        _ => None,
    }
}
