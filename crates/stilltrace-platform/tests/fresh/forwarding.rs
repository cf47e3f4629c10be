//! Made-up gateways, connections that are forwarded, and egress listeners with ports.

use serde_json::{Value, json};

use super::mesh::{APPS, Mesh};

const PUBLIC: [&str; 4] = ["www.example.test", "*.example.test", "*", "shop.example.test"];

impl Mesh {
    /// Gateway pods, with a service that translates their ports.
    pub(super) fn ingress(&mut self) {
        let has = |mesh: &Self| {
            let mut objects = mesh.objects.iter();
            objects.find(|object| object["metadata"]["name"] == "ingress").cloned()
        };
        if has(self).is_none() && !self.has_scattered_hosts && self.dice.chance(60) {
            self.gateway();
        }
        let Some(pods) = has(self).filter(|_| self.dice.chance(60)) else { return };
        let namespace = pods["metadata"]["namespace"].as_str().unwrap().to_owned();
        let ports = json!([
            {"name": "http", "port": 80, "targetPort": 8080},
            {"name": "https", "port": 443, "targetPort": 8443},
            {"name": "tcp", "port": 9000},
        ]);
        let spec = json!({"selector": {"istio": "ingress"}, "ports": ports});
        self.add("v1", "Service", "ingress", &namespace, &spec);
    }

    /// A `Gateway` object for the ingress pods.
    pub(super) fn gateway_object(&mut self) {
        let namespace = self.namespace();
        let name = format!("gate{}", self.gateways.len());
        let mut servers = Vec::new();
        for index in 0..=self.dice.below(3) {
            let mut hosts = Vec::new();
            for _ in 0..=self.dice.below(2) {
                let host = *self.dice.pick(&PUBLIC);
                let place = match self.dice.below(6) {
                    0 => "./".to_owned(),
                    1 => "*/".to_owned(),
                    2 => format!("{}/", self.namespace()),
                    _ => String::new(),
                };
                let host = format!("{place}{host}");
                if !hosts.contains(&host) {
                    hosts.push(host);
                }
            }
            // Beside other hosts, this one stops Istio 1.31 with an index out of range.
            if hosts.iter().any(|host| host == "*/*") {
                hosts = vec!["*/*".to_owned()];
            }
            servers.push(self.server(index, &hosts));
        }
        let spec = json!({"selector": {"istio": "ingress"}, "servers": servers});
        self.gateways.push(format!("{namespace}/{name}"));
        self.add("networking.istio.io/v1", "Gateway", &name, &namespace, &spec);
    }

    fn server(&mut self, index: usize, hosts: &[String]) -> Value {
        let plain = [80, 8080, 8081];
        let secure = [443, 8443];
        let name = format!("s{index}");
        let port = |number: u16, protocol: &str| json!({"number": number, "name": name, "protocol": protocol});
        match self.dice.below(9) {
            0 => {
                let port = port(*self.dice.pick(&plain), "HTTP");
                json!({"port": port, "hosts": hosts, "tls": {"httpsRedirect": true}})
            }
            1 => json!({"port": port(*self.dice.pick(&plain), "GRPC"), "hosts": hosts}),
            2 | 3 => {
                let port = port(*self.dice.pick(&secure), "HTTPS");
                json!({"port": port, "hosts": hosts,
                       "tls": {"mode": "SIMPLE", "credentialName": "cert"}})
            }
            4 => {
                let protocol = *self.dice.pick(&["TLS", "HTTPS"]);
                let port = port(*self.dice.pick(&secure), protocol);
                json!({"port": port, "hosts": hosts, "tls": {"mode": "PASSTHROUGH"}})
            }
            5 => json!({"port": port(*self.dice.pick(&[9000, 80]), "TCP"), "hosts": hosts}),
            6 if self.dice.chance(30) => {
                let port = port(15_443, "TLS");
                json!({"port": port, "hosts": ["*.local"], "tls": {"mode": "AUTO_PASSTHROUGH"}})
            }
            _ => json!({"port": port(*self.dice.pick(&plain), "HTTP"), "hosts": hosts}),
        }
    }

    /// A virtual service for connections.
    pub(super) fn forwarding(&mut self) {
        let namespace = self.namespace();
        let mut spec = json!({"hosts": [self.some_host()]});
        let gateways = self.gateways_of(&namespace);
        if !gateways.is_empty() {
            spec["gateways"] = json!(gateways);
            spec["hosts"] = json!([*self.dice.pick(&PUBLIC[..2])]);
        }
        if self.dice.chance(60) {
            let mut entries = Vec::new();
            for _ in 0..=self.dice.below(2) {
                let mut entry = json!({"route": self.weighted()});
                if self.dice.chance(60) {
                    entry["match"] = json!([self.meeting(false)]);
                }
                entries.push(entry);
            }
            spec["tcp"] = Value::Array(entries);
        } else {
            let mut entries = Vec::new();
            for _ in 0..=self.dice.below(2) {
                let host = spec["hosts"][0].as_str().unwrap_or_default().to_owned();
                let mut meeting = self.meeting(true);
                meeting["sniHosts"] = if host == "*" || host.starts_with("*.") {
                    json!(["www.example.test"])
                } else {
                    json!([host])
                };
                entries.push(json!({"route": self.weighted(), "match": [meeting]}));
            }
            spec["tls"] = Value::Array(entries);
        }
        if let Some(list) = self.exports(20, &namespace) {
            spec["exportTo"] = Value::Array(list);
        }
        self.istio("VirtualService", &namespace, &spec);
    }

    fn weighted(&mut self) -> Value {
        let first = self.destination();
        if self.dice.chance(50) {
            return json!([{"destination": first}]);
        }
        let second = self.destination();
        json!([{"destination": first, "weight": 80}, {"destination": second, "weight": 20}])
    }

    fn meeting(&mut self, greeting: bool) -> Value {
        let mut meeting = json!({});
        if self.dice.chance(40) {
            meeting["port"] = json!(*self.dice.pick(&[443, 9000, 3306, 80]));
        }
        if self.dice.chance(25) {
            meeting["destinationSubnets"] = json!(["10.0.0.0/8", "192.168.1.7"]);
        }
        if self.dice.chance(20) {
            meeting["sourceLabels"] = json!({"app": *self.dice.pick(&APPS)});
        }
        if self.dice.chance(10) {
            meeting["sourceNamespace"] = json!(self.namespace());
        }
        if !greeting && meeting.as_object().unwrap().is_empty() {
            meeting["port"] = json!(9000);
        }
        meeting
    }

    /// A `Sidecar` whose egress listeners have ports of all kinds.
    pub(super) fn listening(&mut self) {
        let namespace = self.namespace();
        let mut egress = Vec::new();
        for (index, number) in self.dice.some(&[80_u16, 8080, 9000, 15_080], 50).iter().enumerate()
        {
            let protocol = *self.dice.pick(&["HTTP", "TCP", "HTTP_PROXY", "GRPC", "TLS", "MONGO"]);
            let mut listener = json!({
                "port": {"number": number, "protocol": protocol, "name": format!("e{index}")},
                "hosts": self.egress_hosts()});
            if self.dice.chance(35) {
                listener["bind"] = json!("127.0.0.1");
            }
            if self.dice.chance(25) {
                listener["captureMode"] = json!("NONE");
            }
            egress.push(listener);
        }
        if egress.is_empty() || self.dice.chance(60) {
            egress.push(json!({"hosts": self.egress_hosts()}));
        }
        let mut spec = json!({"egress": egress});
        if namespace != self.root && self.dice.chance(40) {
            spec["workloadSelector"] = json!({"labels": {"app": *self.dice.pick(&APPS)}});
        }
        self.istio("Sidecar", &namespace, &spec);
    }
}
