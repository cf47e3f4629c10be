//! What a patch may change, from what its match names.
//!
//! The rules of `clusterMatch`, `routeConfigurationMatch` and the listener matches (release 1.31),
//! taken wide: a match that is not understood reaches everything of its kind.

use stilltrace_model::{PatchReach, PatchedPart};

use crate::field::Field;

/// What a patch concerns. For gateways a port number is that of the gateway and not of what it
/// forwards to, and is therefore left out.
pub(super) fn of(entry: &Field<'_>) -> PatchReach {
    let text = |path: &[&str]| {
        let field = entry.at(path)?;
        field.node().text().filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let number = |path: &[&str]| text(path)?.parse::<u16>().ok().filter(|port| *port != 0);
    let context = text(&["match", "context"]).unwrap_or_else(|| "ANY".to_owned());
    let mut reach = PatchReach {
        part: part(text(&["applyTo"]).as_deref().unwrap_or_default()),
        inbound: matches!(context.as_str(), "ANY" | "SIDECAR_INBOUND"),
        outbound: context != "SIDECAR_INBOUND",
        host: None,
        port: None,
        subset: None,
    };
    let gateway = context == "GATEWAY";
    match reach.part {
        PatchedPart::Destination => {
            reach.host = text(&["match", "cluster", "service"]);
            reach.port = number(&["match", "cluster", "portNumber"]);
            reach.subset = text(&["match", "cluster", "subset"]);
            if let Some(name) = text(&["match", "cluster", "name"]) {
                by_cluster_name(&mut reach, &name);
            }
        }
        PatchedPart::Routes => {
            let list = ["match", "routeConfiguration", "name"];
            let listed = text(&list).filter(|_| !gateway);
            let port = number(&["match", "routeConfiguration", "portNumber"]);
            reach.port = listed.and_then(|name| name.parse().ok()).or(port).filter(|_| !gateway);
            let name = text(&["match", "routeConfiguration", "vhost", "name"]);
            if let Some((host, port)) = name.as_ref().and_then(|name| name.rsplit_once(':'))
                && let Ok(port) = port.parse::<u16>()
                && !gateway
            {
                reach.host = Some(host.to_owned());
                reach.port = Some(port);
            }
        }
        PatchedPart::Filters => {
            reach.port = number(&["match", "listener", "portNumber"]).filter(|_| !gateway);
        }
        PatchedPart::Process => {}
    }
    reach
}

fn part(applies_to: &str) -> PatchedPart {
    match applies_to {
        "CLUSTER" => PatchedPart::Destination,
        "ROUTE_CONFIGURATION" | "VIRTUAL_HOST" | "HTTP_ROUTE" => PatchedPart::Routes,
        "BOOTSTRAP" | "EXTENSION_CONFIG" => PatchedPart::Process,
        _ => PatchedPart::Filters,
    }
}

/// `outbound|80|v1|host` and `inbound|8080||`; a name of another form is a cluster that belongs to
/// no service.
fn by_cluster_name(reach: &mut PatchReach, name: &str) {
    let mut parts = name.splitn(4, '|');
    let (direction, port) = (parts.next(), parts.next().and_then(|port| port.parse().ok()));
    let (subset, host) = (parts.next(), parts.next());
    reach.inbound &= direction == Some("inbound");
    reach.outbound &= direction == Some("outbound");
    if let (Some(subset), Some(host)) = (subset, host) {
        reach.port = port;
        reach.subset = Some(subset.to_owned());
        reach.host = Some(host.to_owned()).filter(|host| !host.is_empty());
    }
}
