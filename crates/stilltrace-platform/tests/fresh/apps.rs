//! Made-up workloads, the services in front of them, and hosts outside.

use serde_json::{Value, json};

use super::mesh::{APPS, Mesh, SERVICE_PORTS};

const EXTERNAL: [&str; 4] =
    ["api.partner.test", "db.partner.test", "*.wild.test", "files.example.test"];

impl Mesh {
    pub(super) fn application(&mut self) {
        let app = *self.dice.pick(&APPS);
        let namespace = self.namespace();
        if !self.applications.insert(format!("{namespace}/{app}")) {
            return;
        }
        for version in ["v1", "v2"] {
            if version == "v2" && self.dice.chance(50) {
                continue;
            }
            let mut labels = json!({"app": app, "version": version});
            match self.dice.below(12) {
                0 => labels["sidecar.istio.io/inject"] = json!("false"),
                1 => labels["sidecar.istio.io/inject"] = json!("true"),
                _ => {}
            }
            let ports = json!([
                {"name": "web", "protocol": "TCP", "containerPort": 8080},
                {"name": "rpc", "protocol": "TCP", "containerPort": if version == "v1" { 7070 } else { 7171 }},
            ]);
            let spec = json!({
                "replicas": self.dice.below(4),
                "selector": {"matchLabels": {"app": app, "version": version}},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "c", "image": "x:1", "ports": ports}]},
                },
            });
            self.add("apps/v1", "Deployment", &format!("{app}-{version}"), &namespace, &spec);
        }
        for suffix in ["", "-two"] {
            if suffix.is_empty() || self.dice.chance(30) {
                self.service(app, suffix, &namespace);
            }
        }
    }

    pub(super) fn service(&mut self, app: &str, suffix: &str, namespace: &str) {
        let name = format!("{app}{suffix}");
        let mut ports = Vec::new();
        for port in self.dice.some(&SERVICE_PORTS, 30) {
            ports.push(self.port(port));
        }
        if ports.is_empty() {
            ports.push(json!({"name": "http", "port": 80, "targetPort": 8080}));
        }
        let mut spec = json!({"selector": {"app": app}, "ports": ports});
        match self.dice.below(12) {
            0 => spec["clusterIP"] = json!("None"),
            1 => {
                spec = json!({"type": "ExternalName", "ports": ports,
                              "externalName": format!("cart.{namespace}.svc.cluster.local")});
            }
            2 => spec["selector"] = json!({"app": app, "version": "v2"}),
            3 => spec["trafficDistribution"] = json!("PreferClose"),
            _ => {}
        }
        let exports = self.exports(10, namespace);
        self.hosts.push(format!("{name}.{namespace}.svc.cluster.local"));
        let object = self.add("v1", "Service", &name, namespace, &spec);
        if let Some(list) = exports {
            let list: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
            object["metadata"]["annotations"] =
                json!({"networking.istio.io/exportTo": list.join(",")});
        }
    }

    pub(super) fn port(&mut self, number: u16) -> Value {
        let names = [
            "http", "http-web", "grpc", "tcp", "https", "tls", "http2", "grpc-web", "mongo",
            "redis", "mysql", "web", "metrics", "udp",
        ];
        let name = format!("{}-{number}", self.dice.pick(&names));
        let mut port = json!({"name": name, "port": number});
        match self.dice.below(5) {
            0 => port["targetPort"] = json!("web"),
            1 => port["targetPort"] = json!("rpc"),
            2 => port["targetPort"] = json!("none"),
            3 => port["targetPort"] = json!(*self.dice.pick(&[8080, 7070, 6000])),
            _ => {}
        }
        if self.dice.chance(10) {
            let kinds = ["kubernetes.io/h2c", "http", "tcp", "kubernetes.io/wss", "custom"];
            port["appProtocol"] = json!(*self.dice.pick(&kinds));
        }
        if self.dice.chance(5) {
            port["protocol"] = json!("UDP");
        }
        port
    }

    pub(super) fn gateway(&mut self) {
        let namespace = self.namespace();
        let spec = json!({
            "replicas": 1,
            "selector": {"matchLabels": {"istio": "ingress"}},
            "template": {
                "metadata": {"labels": {"istio": "ingress", "sidecar.istio.io/inject": "true"},
                             "annotations": {"inject.istio.io/templates": "gateway"}},
                "spec": {"containers": [{"name": "istio-proxy", "image": "auto"}]},
            },
        });
        self.add("apps/v1", "Deployment", "ingress", &namespace, &spec);
    }

    pub(super) fn service_entry(&mut self) {
        let mut namespace = self.namespace();
        let host = *self.dice.pick(&EXTERNAL);
        let home = self.homes.entry(host.to_owned()).or_insert_with(|| namespace.clone()).clone();
        let mut objects = self.objects.iter();
        if objects.any(|object| object["metadata"]["name"] == "ingress") {
            namespace = home;
        } else if namespace != home {
            self.has_scattered_hosts = true;
        }
        let resolution = match self.dice.below(6) {
            0 | 1 => "STATIC",
            5 if host.starts_with('*') => "DYNAMIC_DNS",
            2 => "DNS",
            3 if host.starts_with('*') => "NONE",
            3 => "DNS_ROUND_ROBIN",
            _ => "NONE",
        };
        let resolution = if host.starts_with('*') && resolution.starts_with("DNS") {
            "NONE"
        } else {
            resolution
        };
        let protocols = ["HTTP", "HTTPS", "TLS", "TCP", "GRPC", "HTTP2", "MONGO"];
        let mut ports = Vec::new();
        for number in self.dice.some(&[80_u16, 443, 9000], 50) {
            let protocol = *self.dice.pick(&protocols);
            let mut port =
                json!({"number": number, "name": format!("p{number}"), "protocol": protocol});
            if self.dice.chance(25) {
                port["targetPort"] = json!(8443);
            }
            ports.push(port);
        }
        if ports.is_empty() {
            ports.push(json!({"number": 80, "name": "p80", "protocol": "HTTP"}));
        }
        let mut spec = json!({"hosts": [host], "ports": ports, "resolution": resolution});
        if self.dice.chance(75) {
            spec["location"] =
                json!(*self.dice.pick(&["MESH_EXTERNAL", "MESH_EXTERNAL", "MESH_INTERNAL"]));
        }
        let named = !host.starts_with('*');
        if resolution == "STATIC" && named && self.dice.chance(40) {
            spec["workloadSelector"] = json!({"labels": {"app": *self.dice.pick(&APPS)}});
        } else if resolution == "STATIC" || resolution == "DNS" && self.dice.chance(50) {
            let renamed = ports.iter().any(|port| port["number"] == 80);
            spec["endpoints"] = self.endpoints(resolution == "DNS", renamed);
        }
        if let Some(list) = self.exports(25, &namespace) {
            spec["exportTo"] = Value::Array(list);
        }
        self.hosts.push(host.to_owned());
        self.istio("ServiceEntry", &namespace, &spec);
    }

    pub(super) fn endpoints(&mut self, by_name: bool, renamed: bool) -> Value {
        let mut endpoints = Vec::new();
        for index in 0..=self.dice.below(3) {
            let address = if by_name && self.dice.chance(50) {
                format!("host{index}.example.test")
            } else {
                format!("192.0.2.{}", 10 + index)
            };
            let mut endpoint = json!({"address": address});
            if self.dice.chance(30) {
                endpoint["labels"] = json!({"version": *self.dice.pick(&["v1", "v2"])});
            }
            if self.dice.chance(30) {
                endpoint["locality"] = json!(*self.dice.pick(&["east/a", "west/b", "east/c/d"]));
            }
            if self.dice.chance(25) {
                endpoint["serviceAccount"] = json!("robot");
            }
            if renamed && self.dice.chance(25) {
                endpoint["ports"] = json!({"p80": 8080});
            }
            endpoints.push(endpoint);
        }
        Value::Array(endpoints)
    }

    pub(super) fn workload_entries(&mut self) {
        for index in 0..=self.dice.below(2) {
            let namespace = self.namespace();
            let mut labels = json!({"app": *self.dice.pick(&APPS)});
            if self.dice.chance(60) {
                labels["version"] = json!("v1");
            }
            if self.dice.chance(20) {
                labels["security.istio.io/tlsMode"] = json!("istio");
            }
            let mut spec =
                json!({"address": format!("198.51.100.{}", 5 + index), "labels": labels});
            if self.dice.chance(40) {
                spec["serviceAccount"] = json!("vm");
            }
            if self.dice.chance(30) {
                spec["locality"] = json!("east/a");
            }
            self.istio("WorkloadEntry", &namespace, &spec);
        }
    }
}
