//! Made-up meshes: namespaces, workloads, services and everything that decides about clusters.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::dice::Dice;
use super::policies;

pub(super) const SERVICE_PORTS: [u16; 7] = [80, 443, 7070, 8080, 9000, 3306, 9901];
pub(super) const APPS: [&str; 5] = ["orders", "users", "stock", "cart", "mail"];

/// A mesh in the making.
pub(crate) struct Mesh {
    pub(super) dice: Dice,
    pub(super) namespaces: Vec<String>,
    pub(super) root: String,
    pub(super) objects: Vec<Value>,
    pub(super) hosts: Vec<String>,
    pub(super) applications: BTreeSet<String>,
    /// The namespace of the first entry of every external host.
    pub(super) homes: BTreeMap<String, String>,
    /// Whether a host has entries in several namespaces. What a gateway sees of them depends in
    /// Istio on which proxy of its namespace asked first, so such a mesh has no gateway.
    pub(super) has_scattered_hosts: bool,
    pub(super) gateways: Vec<String>,
    count: usize,
}

/// The manifests of a seed, as a stream of documents.
pub(crate) fn manifests(seed: u64) -> String {
    stream(&made(seed))
}

/// The manifests of a seed with routes of all kinds.
pub(crate) fn routed(seed: u64) -> String {
    let mut mesh = made(seed);
    mesh.ingress();
    mesh.routes();
    stream(&mesh)
}

/// The manifests of a seed with objects of the Gateway API.
pub(crate) fn of_gateway_api(seed: u64) -> String {
    let mut mesh = made(seed);
    mesh.gateway_api();
    stream(&mesh)
}

fn stream(mesh: &Mesh) -> String {
    let documents = mesh.objects.iter().map(|object| serde_json::to_string_pretty(object).unwrap());
    documents.collect::<Vec<_>>().join("\n---\n")
}

fn made(seed: u64) -> Mesh {
    let mut dice = Dice::new(seed);
    let pool = ["shop", "pay", "web", "data"];
    let mut namespaces: Vec<String> =
        pool[..2 + dice.below(3)].iter().map(|name| (*name).to_owned()).collect();
    let root = (*dice.pick(&["istio-system", "mesh-root", "istio-config", "shop"])).to_owned();
    if !namespaces.contains(&root) {
        namespaces.push(root.clone());
    }
    let mut mesh = Mesh {
        dice,
        namespaces,
        root,
        objects: Vec::new(),
        hosts: Vec::new(),
        applications: BTreeSet::new(),
        homes: BTreeMap::new(),
        has_scattered_hosts: false,
        gateways: Vec::new(),
        count: 0,
    };
    mesh.fill();
    mesh
}

impl Mesh {
    pub(super) fn fill(&mut self) {
        for namespace in self.namespaces.clone() {
            let mut labels = Map::new();
            if self.dice.chance(80) {
                labels.insert("istio-injection".into(), json!("enabled"));
            }
            let metadata = json!({"name": namespace, "labels": labels});
            self.objects
                .push(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}));
        }
        self.mesh_config();
        for _ in 0..3 + self.dice.below(3) {
            self.application();
        }
        if self.dice.chance(25) {
            self.gateway();
        }
        for _ in 0..self.dice.below(3) {
            self.service_entry();
        }
        if self.dice.chance(30) {
            self.workload_entries();
        }
        for _ in 0..=self.dice.below(6) {
            self.destination_rule();
        }
        for _ in 0..self.dice.below(4) {
            self.peer_authentication();
        }
        for _ in 0..self.dice.below(4) {
            self.sidecar();
        }
        for _ in 0..self.dice.below(3) {
            self.virtual_service();
        }
    }

    pub(super) fn add(
        &mut self,
        api: &str,
        kind: &str,
        name: &str,
        namespace: &str,
        spec: &Value,
    ) -> &mut Value {
        let mut metadata = json!({"name": name, "namespace": namespace});
        // Few different times, so that ties happen; Istio leaves those of entries for one host open.
        let day = 1 + self.dice.below(9);
        let second = if kind == "ServiceEntry" { self.count } else { 0 };
        metadata["creationTimestamp"] = json!(format!("2026-01-0{day}T00:00:{second:02}Z"));
        self.objects
            .push(json!({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}));
        self.objects.last_mut().unwrap()
    }

    pub(super) fn istio(&mut self, kind: &str, namespace: &str, spec: &Value) {
        self.count += 1;
        let api = if kind == "PeerAuthentication" {
            "security.istio.io/v1"
        } else {
            "networking.istio.io/v1"
        };
        let prefix = *self.dice.pick(&["a", "m", "z"]);
        let name = format!("{prefix}{}", self.count);
        self.add(api, kind, &name, namespace, spec);
    }

    pub(super) fn namespace(&mut self) -> String {
        self.dice.pick(&self.namespaces).clone()
    }

    pub(super) fn mesh_config(&mut self) {
        let mut config = Map::new();
        if self.root != "istio-system" {
            config.insert("rootNamespace".into(), json!(self.root));
        }
        let dice = &mut self.dice;
        if dice.chance(15) {
            config.insert("enableAutoMtls".into(), json!(dice.chance(30)));
        }
        if dice.chance(20) {
            config.insert("connectTimeout".into(), json!("3s"));
        }
        if dice.chance(20) {
            config.insert("tcpKeepalive".into(), policies::keepalive(dice));
        }
        if dice.chance(20) {
            config.insert("h2UpgradePolicy".into(), json!("UPGRADE"));
        }
        if dice.chance(20) {
            let mode = *dice.pick(&["REGISTRY_ONLY", "ALLOW_ANY"]);
            config.insert("outboundTrafficPolicy".into(), json!({"mode": mode}));
        }
        if dice.chance(25) {
            let mut policy = Map::new();
            if dice.chance(70) {
                policy.insert("connectionPool".into(), policies::pool(dice));
            }
            if dice.chance(60) {
                policy.insert("outlierDetection".into(), policies::outlier(dice));
            }
            config.insert("defaultTrafficPolicy".into(), Value::Object(policy));
        }
        if dice.chance(15) {
            let attempts = *dice.pick(&[0, 1, 5]);
            let policy = json!({"attempts": attempts, "retryOn": "5xx", "perTryTimeout": "2s"});
            let policy = if attempts == 0 { json!({"attempts": 0}) } else { policy };
            config.insert("defaultHttpRetryPolicy".into(), policy);
        }
        for kind in ["Service", "VirtualService", "DestinationRule"] {
            if dice.chance(12) {
                let own = dice.pick(&self.namespaces).clone();
                let list = match dice.below(6) {
                    0 | 1 => json!(["."]),
                    2 => json!(["*"]),
                    3 => json!([own]),
                    4 => json!([".", own]),
                    _ => json!(["~"]),
                };
                config.insert(format!("default{kind}ExportTo"), list);
            }
        }
        if dice.chance(15) {
            config.insert("localityLbSetting".into(), policies::locality(dice));
        }
        // Of every third size, which takes no throw that later ones would miss.
        let second = config.len() % 3 == 2;
        let config = Value::Object(config);
        let config = if second { second_names(config) } else { config };
        if config != json!({}) {
            self.objects.push(json!({
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": "istio", "namespace": "istio-system"},
                "data": {"mesh": serde_json::to_string_pretty(&config).unwrap()},
            }));
        }
    }

    /// An `exportTo` list that admission accepts.
    pub(super) fn exports(&mut self, percent: usize, own: &str) -> Option<Vec<Value>> {
        if !self.dice.chance(percent) {
            return None;
        }
        let list = match self.dice.below(4) {
            0 => vec![json!("*")],
            1 => vec![json!(".")],
            2 => vec![json!(self.namespace())],
            _ => {
                let others: Vec<&String> =
                    self.namespaces.iter().filter(|other| *other != own).collect();
                let other = others.get(self.dice.below(others.len())).copied();
                std::iter::once(json!(".")).chain(other.map(|other| json!(other))).collect()
            }
        };
        Some(list)
    }
}

/// The names that fields have in protobuf files, which Istio accepts as well: `connect_timeout`.
fn second_names(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter();
            Value::Object(fields.map(|(key, value)| (snake(&key), second_names(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(second_names).collect()),
        other => other,
    }
}

fn snake(key: &str) -> String {
    let mut name = String::new();
    for letter in key.replace("5xx", "_5xx").chars() {
        if letter.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}
