//! Made-up objects that decide about calls between workloads.

use serde_json::{Value, json};

use super::mesh::{APPS, Mesh, SERVICE_PORTS};
use super::policies;

impl Mesh {
    /// A host for a rule: exact, short, or a wildcard.
    pub(super) fn rule_host(&mut self) -> String {
        let exact = self.dice.pick(&self.hosts).clone();
        match self.dice.below(14) {
            0 => "*.local".to_owned(),
            1 => format!("*.{}.svc.cluster.local", self.namespace()),
            2 => exact.split('.').next().unwrap_or_default().replace('*', "orders"),
            3 => "*.test".to_owned(),
            // A host of two parts, which Istio does not complete.
            4 => exact.split('.').take(2).collect::<Vec<_>>().join(".").replace('*', "orders"),
            _ => exact,
        }
    }

    pub(super) fn destination_rule(&mut self) {
        let host = self.rule_host();
        // Often where it acts: in the service's own namespace or in the root's.
        let home = host.split('.').nth(1).unwrap_or_default().to_owned();
        let namespace = match self.dice.below(4) {
            0 | 1 if self.namespaces.contains(&home) => home,
            2 => self.root.clone(),
            _ => self.namespace(),
        };
        for _ in 0..=self.dice.below(2) {
            let mut spec = json!({"host": host});
            if self.dice.chance(80) {
                spec["trafficPolicy"] = policies::policy(&mut self.dice, &SERVICE_PORTS, true);
            }
            let mut subsets = Vec::new();
            for version in self.dice.some(&["v1", "v2", "v3"], 40) {
                let mut subset = json!({"name": version, "labels": {"version": version}});
                if self.dice.chance(50) {
                    subset["trafficPolicy"] =
                        policies::policy(&mut self.dice, &SERVICE_PORTS, true);
                }
                subsets.push(subset);
            }
            if !subsets.is_empty() {
                spec["subsets"] = Value::Array(subsets);
            }
            if let Some(list) = self.exports(35, &namespace) {
                spec["exportTo"] = Value::Array(list);
            }
            if self.dice.chance(12) {
                spec["workloadSelector"] = json!({"matchLabels": {"app": *self.dice.pick(&APPS)}});
                spec.as_object_mut().unwrap().remove("exportTo");
            }
            self.istio("DestinationRule", &namespace, &spec);
        }
    }

    pub(super) fn peer_authentication(&mut self) {
        let namespace = if self.dice.chance(30) { self.root.clone() } else { self.namespace() };
        let modes = ["STRICT", "PERMISSIVE", "DISABLE", "UNSET"];
        let mut spec = json!({});
        if self.dice.chance(85) {
            spec["mtls"] = json!({"mode": *self.dice.pick(&modes)});
        }
        if self.dice.chance(50) {
            spec["selector"] = json!({"matchLabels": {"app": *self.dice.pick(&APPS)}});
            if self.dice.chance(50) {
                spec["portLevelMtls"] = json!({
                    self.dice.pick(&["8080", "7070", "6000"]).to_owned():
                        {"mode": *self.dice.pick(&modes)}});
            }
        }
        self.istio("PeerAuthentication", &namespace, &spec);
    }

    pub(super) fn sidecar(&mut self) {
        let namespace = if self.dice.chance(25) { self.root.clone() } else { self.namespace() };
        let mut spec = json!({});
        if self.dice.chance(35) && namespace != self.root {
            spec["workloadSelector"] = json!({"labels": {"app": *self.dice.pick(&APPS)}});
        }
        if self.dice.chance(80) {
            let mut egress = Vec::new();
            if self.dice.chance(30) {
                egress.push(json!({
                    "port": {"number": *self.dice.pick(&SERVICE_PORTS), "protocol": "HTTP", "name": "e"},
                    "hosts": self.egress_hosts()}));
            }
            egress.push(json!({"hosts": self.egress_hosts()}));
            spec["egress"] = Value::Array(egress);
        }
        match self.dice.below(6) {
            0 => spec["outboundTrafficPolicy"] = json!({"mode": "REGISTRY_ONLY"}),
            1 => spec["outboundTrafficPolicy"] = json!({"mode": "ALLOW_ANY"}),
            2 => spec["outboundTrafficPolicy"] = json!({}),
            _ => {}
        }
        if self.dice.chance(30) {
            spec["inboundConnectionPool"] = policies::pool(&mut self.dice);
        }
        if self.dice.chance(20) && spec.get("workloadSelector").is_some() {
            let mut listener = json!({
                "port": {"number": *self.dice.pick(&[8080, 6000]), "protocol": *self.dice.pick(&["HTTP", "TCP", "GRPC"]), "name": "i"},
                "defaultEndpoint": "127.0.0.1:8080"});
            if self.dice.chance(50) {
                listener["connectionPool"] = policies::pool(&mut self.dice);
            }
            spec["ingress"] = json!([listener]);
        }
        if spec.as_object().unwrap().keys().all(|key| key == "workloadSelector") {
            spec["egress"] = json!([{"hosts": ["./*"]}]);
        }
        self.istio("Sidecar", &namespace, &spec);
    }

    pub(super) fn egress_hosts(&mut self) -> Value {
        let mut hosts = Vec::new();
        for _ in 0..=self.dice.below(3) {
            let mut place = match self.dice.below(5) {
                0 => "*".to_owned(),
                1 | 2 => ".".to_owned(),
                _ => self.namespace(),
            };
            if self.dice.chance(5) {
                // What is left out again.
                place = format!("~{place}");
            }
            let host = match self.dice.below(4) {
                0 => self.dice.pick(&self.hosts).clone(),
                1 => "*.svc.cluster.local".to_owned(),
                _ => "*".to_owned(),
            };
            let entry = format!("{place}/{host}");
            if !hosts.contains(&entry) {
                hosts.push(entry);
            }
        }
        json!(hosts)
    }

    pub(super) fn virtual_service(&mut self) {
        let namespace = self.namespace();
        let host = self.dice.pick(&self.hosts).clone();
        let to = self.dice.pick(&self.hosts).clone();
        let mut destination = json!({"host": to});
        if self.dice.chance(60) {
            destination["port"] = json!({"number": *self.dice.pick(&SERVICE_PORTS)});
        }
        if to.starts_with('*') {
            return;
        }
        let mut spec =
            json!({"hosts": [host], "http": [{"route": [{"destination": destination}]}]});
        if let Some(list) = self.exports(30, &namespace) {
            spec["exportTo"] = Value::Array(list);
        }
        self.istio("VirtualService", &namespace, &spec);
    }
}
