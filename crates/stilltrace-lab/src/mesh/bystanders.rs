//! Services beside the topology's that nobody calls: what the rest of a cluster looks like to a
//! proxy that is told about all of it.
//!
//! They exist as objects only, a `Service` and its endpoints each, behind which nothing runs. A
//! rollout among them is what other teams do all day: one service goes and another comes, and some
//! of the others get new endpoints.

use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use serde_json::{Value, json};

use crate::host::state;

/// The file that the control plane reads them from.
const FILE: &str = "bystanders.yaml";
/// Services in one namespace.
const PER_NAMESPACE: u32 = 25;
/// Endpoints of a service.
const ENDPOINTS: u32 = 3;
/// One of so many services gets new endpoints in a rollout.
const MOVED: u32 = 20;
/// Port of all of them.
const PORT: u16 = 8080;

/// Services that nobody calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bystanders {
    /// How many there are.
    count: u32,
    /// Rollouts among them so far.
    rollouts: u32,
}

impl Bystanders {
    /// So many services, before any rollout.
    pub(super) fn new(count: u32) -> Self {
        Self { count, rollouts: 0 }
    }

    /// Lets one service be replaced by another, and some others get new endpoints.
    pub(super) fn roll_out(&mut self) {
        self.rollouts += 1;
    }

    /// Writes them into the folder that the control plane serves.
    pub(super) fn write(self, folder: &Path) -> io::Result<()> {
        let objects: Vec<_> = self.objects().iter().map(Value::to_string).collect();
        let text = objects.join("\n---\n");
        state::replace(&folder.join(FILE), text.as_bytes())
    }

    fn objects(self) -> Vec<Value> {
        let namespaces = (0..self.count.div_ceil(PER_NAMESPACE)).map(namespace);
        let services = (0..self.count).flat_map(|place| self.service(place));
        namespaces.chain(services).collect()
    }

    /// The service at a place, with its endpoints.
    fn service(self, place: u32) -> [Value; 2] {
        // Each rollout replaces the next one, round and round.
        let age = (self.rollouts + self.count - 1 - place) / self.count.max(1);
        let name = format!("neighbour-{place}-{age}");
        let metadata = |labels: Value| {
            json!({
                "name": name,
                "namespace": format!("neighbours-{}", place / PER_NAMESPACE),
                "labels": labels,
            })
        };
        let port = json!({"name": "http", "port": PORT, "protocol": "TCP"});
        let service = json!({
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": metadata(json!({})),
            "spec": {"clusterIP": address([198, 19, 128], place), "ports": [port]},
        });
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": metadata(json!({"kubernetes.io/service-name": name})),
            "addressType": "IPv4",
            "ports": [port],
            "endpoints": self.endpoints(place),
        });
        [service, slice]
    }

    fn endpoints(self, place: u32) -> Vec<Value> {
        // A rollout moves every so-manyth service; which ones differs from rollout to rollout.
        let moves = (self.rollouts + MOVED - 1 - place % MOVED) / MOVED;
        let endpoint = |replica: u32| {
            let index = (place * ENDPOINTS + replica) * 2 + moves % 2;
            json!({
                "addresses": [address([198, 18, 128], index)],
                "conditions": {"ready": true, "serving": true},
            })
        };
        (0..ENDPOINTS).map(endpoint).collect()
    }
}

fn namespace(index: u32) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": format!("neighbours-{index}"),
            "labels": {"istio-injection": "enabled"},
        },
    })
}

/// An address behind which nothing runs, counted so that the last octet is never 0 or 255.
fn address(network: [u8; 3], index: u32) -> String {
    let third = u32::from(network[2]) + index / 250;
    let third = u8::try_from(third).unwrap_or(u8::MAX);
    let fourth = u8::try_from(index % 250 + 1).unwrap_or(u8::MAX);
    Ipv4Addr::new(network[0], network[1], third, fourth).to_string()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names(of: Bystanders) -> BTreeSet<String> {
        let objects = of.objects();
        let services = objects.iter().filter(|object| object["kind"] == "Service");
        services.map(|object| object["metadata"]["name"].to_string()).collect()
    }

    fn endpoints(of: Bystanders) -> Vec<String> {
        let objects = of.objects();
        let slices = objects.iter().filter(|object| object["kind"] == "EndpointSlice");
        slices.map(|object| object["endpoints"].to_string()).collect()
    }

    #[test]
    fn a_rollout_replaces_one_service_and_moves_some() {
        let mut bystanders = Bystanders::new(100);
        for _ in 0..250 {
            let before = bystanders;
            bystanders.roll_out();
            assert_eq!(names(before).difference(&names(bystanders)).count(), 1);
            let moved = endpoints(before)
                .iter()
                .zip(endpoints(bystanders))
                .filter(|(before, after)| *before != after)
                .count();
            assert_eq!(moved, 5);
        }
    }

    #[test]
    fn no_two_services_share_an_address() {
        let objects = Bystanders::new(2_000).objects();
        let addresses: BTreeSet<_> =
            objects.iter().filter_map(|object| object["spec"]["clusterIP"].as_str()).collect();
        assert_eq!(addresses.len(), 2_000);
        let all = endpoints(Bystanders::new(2_000));
        assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), 2_000);
        assert!(all.iter().all(|text| !text.contains("198.18.255")));
    }
}
