//! Made-up gateways, listeners and routes of the Gateway API.

use serde_json::{Map, Value, json};

use super::mesh::{APPS, Mesh, SERVICE_PORTS};

const API: &str = "gateway.networking.k8s.io/v1";
const PUBLIC: [&str; 6] = ["a.test", "x.a.test", "*.a.test", "*.test", "b.org", "*.org"];

impl Mesh {
    /// Gateways by hand and by Istio, grants, and routes of every kind.
    pub(super) fn gateway_api(&mut self) {
        let home = self.namespace();
        self.edge(&home);
        for index in 0..=self.dice.below(3) {
            self.gateway_of_api(index, &home);
        }
        for index in 0..self.dice.below(3) {
            self.grant(index);
        }
        for index in 0..2 + self.dice.below(4) {
            self.http_route(index);
        }
        for index in 0..self.dice.below(3) {
            self.grpc_route(index);
        }
        for (kind, index) in [("TCPRoute", 0), ("TLSRoute", 0), ("TCPRoute", 1), ("TLSRoute", 1)] {
            if self.dice.chance(40) {
                self.connections(kind, index);
            }
        }
    }

    /// Pods and service of a gateway that is deployed by hand.
    fn edge(&mut self, namespace: &str) {
        let spec = json!({
            "replicas": 1,
            "selector": {"matchLabels": {"istio": "edge"}},
            "template": {
                "metadata": {"labels": {"istio": "edge", "sidecar.istio.io/inject": "true"},
                             "annotations": {"inject.istio.io/templates": "gateway"}},
                "spec": {"containers": [{"name": "istio-proxy", "image": "auto"}]},
            },
        });
        self.add("apps/v1", "Deployment", "edge", namespace, &spec);
        let ports = json!([
            {"name": "http", "port": 80, "targetPort": 8080},
            {"name": "https", "port": 443, "targetPort": 8443},
            {"name": "tcp", "port": 9000},
        ]);
        let spec = json!({"selector": {"istio": "edge"}, "ports": ports});
        self.add("v1", "Service", "edge", namespace, &spec);
    }

    fn gateway_of_api(&mut self, index: usize, home: &str) {
        let namespace = if self.dice.chance(80) { home.to_owned() } else { self.namespace() };
        let class = if self.dice.chance(92) { "istio" } else { "other" };
        let mut listeners = Vec::new();
        for place in 0..=self.dice.below(4) {
            let listener = self.listener(place);
            let slot = |one: &Value| {
                [one["port"].clone(), one["protocol"].clone(), one["hostname"].clone()]
            };
            if !listeners.iter().any(|other| slot(other) == slot(&listener)) {
                listeners.push(listener);
            }
        }
        let mut spec = json!({"gatewayClassName": class, "listeners": listeners});
        if self.dice.chance(70) {
            let host = match self.dice.below(4) {
                0 => "edge".to_owned(),
                _ => format!("edge.{home}.svc.cluster.local"),
            };
            spec["addresses"] = json!([{"type": "Hostname", "value": host}]);
        }
        self.add(API, "Gateway", &format!("gw{index}"), &namespace, &spec);
    }

    fn listener(&mut self, place: usize) -> Value {
        let (protocol, port) = *self.dice.pick(&[
            ("HTTP", 80),
            ("HTTP", 80),
            ("HTTP", 81),
            ("HTTPS", 443),
            ("TLS", 443),
            ("TCP", 9000),
        ]);
        let mut listener = json!({"name": format!("l{place}"), "port": port, "protocol": protocol});
        if protocol != "TCP" && self.dice.chance(60) {
            listener["hostname"] = json!(*self.dice.pick(&PUBLIC));
        }
        match protocol {
            "HTTPS" => {
                let options = json!({"gateway.istio.io/tls-terminate-mode": "ISTIO_MUTUAL"});
                listener["tls"] = json!({"mode": "Terminate", "options": options});
            }
            "TLS" => listener["tls"] = json!({"mode": "Passthrough"}),
            _ => {}
        }
        let mut allowed = Map::new();
        match self.dice.below(6) {
            0 => {}
            1 => drop(allowed.insert("namespaces".into(), json!({"from": "Same"}))),
            2 => {
                let labels = json!({"kubernetes.io/metadata.name": self.namespace()});
                let selector = json!({"from": "Selector", "selector": {"matchLabels": labels}});
                allowed.insert("namespaces".into(), selector);
            }
            _ => drop(allowed.insert("namespaces".into(), json!({"from": "All"}))),
        }
        if protocol == "HTTP" && self.dice.chance(10) {
            let kind = *self.dice.pick(&["GRPCRoute", "HTTPRoute"]);
            allowed.insert("kinds".into(), json!([{"kind": kind}]));
        }
        if !allowed.is_empty() {
            listener["allowedRoutes"] = Value::Object(allowed);
        }
        listener
    }

    fn grant(&mut self, index: usize) {
        let from = self.namespace();
        let kind = *self.dice.pick(&["HTTPRoute", "HTTPRoute", "GRPCRoute", "TCPRoute"]);
        let mut to = json!({"group": "", "kind": "Service"});
        if self.dice.chance(30) {
            to["name"] = json!(*self.dice.pick(&APPS));
        }
        let spec = json!({
            "from": [{"group": "gateway.networking.k8s.io", "kind": kind, "namespace": from}],
            "to": [to],
        });
        let namespace = self.namespace();
        let api = "gateway.networking.k8s.io/v1beta1";
        self.add(api, "ReferenceGrant", &format!("grant{index}"), &namespace, &spec);
    }

    /// Gateways and services, none of them twice.
    fn parents(&mut self, own: &str) -> Vec<Value> {
        let mut found: Vec<Value> = Vec::new();
        for _ in 0..=self.dice.below(3) {
            let mut parent = if self.dice.chance(55) {
                let gateways: Vec<Value> = self
                    .objects
                    .iter()
                    .filter(|object| object["kind"] == "Gateway" && object["apiVersion"] == API)
                    .map(|object| object["metadata"].clone())
                    .collect();
                let gateway = self.dice.pick(&gateways).clone();
                json!({"name": gateway["name"], "namespace": gateway["namespace"]})
            } else {
                let (name, namespace) = self.service_name();
                json!({"group": "", "kind": "Service", "name": name, "namespace": namespace})
            };
            let same = |one: &Value| {
                let place = one["namespace"].as_str().unwrap_or(own).to_owned();
                (one["kind"].clone(), one["name"].clone(), place)
            };
            if found.iter().any(|other| same(other) == same(&parent)) {
                continue;
            }
            if self.dice.chance(25) {
                let gateway = parent.get("kind").is_none();
                let port = *self.dice.pick(&[80, 443, 9000, 8080]);
                match (gateway, self.dice.chance(60)) {
                    (true, true) => {
                        parent["sectionName"] = json!(format!("l{}", self.dice.below(3)));
                    }
                    _ => parent["port"] = json!(port),
                }
            }
            if parent["namespace"] == own && self.dice.chance(50) {
                parent.as_object_mut().unwrap().remove("namespace");
            }
            found.push(parent);
        }
        found
    }

    /// A service of the mesh, or one that nobody has.
    fn service_name(&mut self) -> (String, String) {
        let names: Vec<(String, String)> = self
            .hosts
            .iter()
            .filter_map(|host| {
                let (name, rest) = host.split_once('.')?;
                Some((name.to_owned(), rest.strip_suffix(".svc.cluster.local")?.to_owned()))
            })
            .collect();
        if names.is_empty() || self.dice.chance(8) {
            return ("nobody".to_owned(), self.namespace());
        }
        self.dice.pick(&names).clone()
    }

    fn backends(&mut self, own: &str) -> Vec<Value> {
        let mut found = Vec::new();
        let count = *self.dice.pick(&[1, 1, 1, 1, 2, 2, 3, 0]);
        for _ in 0..count {
            let (name, namespace) = self.service_name();
            let mut backend = json!({"name": name, "port": *self.dice.pick(&SERVICE_PORTS)});
            if namespace != own {
                backend["namespace"] = json!(namespace);
            }
            if self.dice.chance(50) {
                backend["weight"] = json!(*self.dice.pick(&[0, 1, 1, 5, 90]));
            }
            if self.dice.chance(4) {
                backend["group"] = json!("example.com");
                backend["kind"] = json!("Bucket");
            }
            found.push(backend);
        }
        found
    }

    fn hostnames(&mut self) -> Option<Value> {
        let names = self.dice.some(&PUBLIC, 30);
        (!names.is_empty()).then(|| json!(names))
    }

    fn http_route(&mut self, index: usize) {
        let namespace = self.namespace();
        let mut rules = Vec::new();
        for _ in 0..=self.dice.below(3) {
            let mut rule = Map::new();
            let mut matches = Vec::new();
            for _ in 0..self.dice.below(4) {
                matches.push(self.api_condition());
            }
            let prefixed = match matches.as_slice() {
                [only] => only["path"]["type"] == "PathPrefix",
                _ => false,
            };
            if !matches.is_empty() {
                rule.insert("matches".into(), json!(matches));
            }
            let filters = self.filters(&namespace, prefixed);
            let answers = filters.iter().any(|filter| filter["type"] == "RequestRedirect");
            if !filters.is_empty() {
                rule.insert("filters".into(), json!(filters));
            }
            if !answers {
                rule.insert("backendRefs".into(), json!(self.backends(&namespace)));
            }
            self.limits(&mut rule);
            rules.push(Value::Object(rule));
        }
        let mut spec = json!({"parentRefs": self.parents(&namespace), "rules": rules});
        if let Some(names) = self.hostnames() {
            spec["hostnames"] = names;
        }
        let name = format!("{}{index}", self.dice.pick(&["a", "m", "z"]));
        self.add(API, "HTTPRoute", &name, &namespace, &spec);
    }

    fn api_condition(&mut self) -> Value {
        let mut one = json!({});
        if self.dice.chance(85) {
            let kind = *self.dice.pick(&["PathPrefix", "PathPrefix", "Exact", "RegularExpression"]);
            let value = *self.dice.pick(&["/", "/a", "/a/", "/a/b", "/same", "/b.c"]);
            one["path"] = json!({"type": kind, "value": value});
        }
        if self.dice.chance(25) {
            one["method"] = json!(*self.dice.pick(&["GET", "POST"]));
        }
        if self.dice.chance(30) {
            let header = json!({"name": "x-user", "value": "me"});
            let regular = json!({"name": "X-Team", "type": "RegularExpression", "value": "[a-z]+"});
            one["headers"] = json!(self.dice.some(&[header, regular], 60));
        }
        if self.dice.chance(20) {
            one["queryParams"] = json!([{"name": "q", "value": "1"}]);
        }
        one
    }

    fn filters(&mut self, own: &str, prefixed: bool) -> Vec<Value> {
        let mut found = Vec::new();
        if self.dice.chance(20) {
            let block = json!({"set": [{"name": "A", "value": "1"}, {"name": "a", "value": "2"}],
                               "add": [{"name": "b", "value": "3"}], "remove": ["c"]});
            found.push(json!({"type": "RequestHeaderModifier", "requestHeaderModifier": block}));
        }
        if self.dice.chance(12) {
            let block = json!({"set": [{"name": "d", "value": "1"}]});
            found.push(json!({"type": "ResponseHeaderModifier", "responseHeaderModifier": block}));
        }
        for _ in 0..self.dice.below(3) {
            let (name, namespace) = self.service_name();
            let mut backend = json!({"name": name, "port": 80});
            if namespace != own {
                backend["namespace"] = json!(namespace);
            }
            let mut block = json!({"backendRef": backend});
            match self.dice.below(4) {
                0 => block["percent"] = json!(self.dice.below(101)),
                1 => block["fraction"] = json!({"numerator": 1, "denominator": 7}),
                _ => {}
            }
            if self.dice.chance(50) {
                found.push(json!({"type": "RequestMirror", "requestMirror": block}));
            }
        }
        match self.dice.below(8) {
            0 => {
                let mut block = json!({"scheme": "https"});
                if self.dice.chance(50) {
                    block["statusCode"] = json!(301);
                }
                if self.dice.chance(50) {
                    block["hostname"] = json!("new.test");
                    block["path"] = json!({"type": "ReplaceFullPath", "replaceFullPath": "/all"});
                }
                found.push(json!({"type": "RequestRedirect", "requestRedirect": block}));
            }
            1 => {
                let mut block = json!({"hostname": "up.test"});
                if prefixed {
                    let new = *self.dice.pick(&["/", "/new", "/new/", ""]);
                    block["path"] =
                        json!({"type": "ReplacePrefixMatch", "replacePrefixMatch": new});
                } else if self.dice.chance(50) {
                    block["path"] = json!({"type": "ReplaceFullPath", "replaceFullPath": "/one"});
                }
                found.push(json!({"type": "URLRewrite", "urlRewrite": block}));
            }
            _ => {}
        }
        found
    }

    fn limits(&mut self, rule: &mut Map<String, Value>) {
        if self.dice.chance(40) {
            let mut times = Map::new();
            if self.dice.chance(70) {
                times.insert("request".into(), json!(*self.dice.pick(&["10s", "1m", "0s"])));
            }
            if self.dice.chance(60) {
                times.insert(
                    "backendRequest".into(),
                    json!(*self.dice.pick(&["500ms", "2s", "0s"])),
                );
            }
            if times.get("request") == Some(&json!("0s")) {
                times.remove("backendRequest");
            }
            rule.insert("timeouts".into(), Value::Object(times));
        }
        if self.dice.chance(40) {
            let mut retry = Map::new();
            if self.dice.chance(60) {
                retry.insert("attempts".into(), json!(1 + self.dice.below(5)));
            }
            if self.dice.chance(50) {
                retry.insert("codes".into(), json!(self.dice.some(&[500, 502, 503], 60)));
            }
            if self.dice.chance(30) {
                retry.insert("backoff".into(), json!("100ms"));
            }
            rule.insert("retry".into(), Value::Object(retry));
        }
    }

    fn grpc_route(&mut self, index: usize) {
        let namespace = self.namespace();
        let mut rules = Vec::new();
        for _ in 0..=self.dice.below(2) {
            let mut rule = Map::new();
            let mut matches = Vec::new();
            for _ in 0..self.dice.below(3) {
                let mut method = Map::new();
                if self.dice.chance(30) {
                    method.insert("type".into(), json!("RegularExpression"));
                }
                if self.dice.chance(70) {
                    method.insert("service".into(), json!("shop.Cart"));
                }
                if self.dice.chance(60) || !method.contains_key("service") {
                    method.insert("method".into(), json!("Add"));
                }
                let mut one = json!({"method": method});
                if self.dice.chance(30) {
                    one["headers"] = json!([{"name": "x-user", "value": "me"}]);
                }
                matches.push(one);
            }
            if !matches.is_empty() {
                rule.insert("matches".into(), json!(matches));
            }
            rule.insert("backendRefs".into(), json!(self.backends(&namespace)));
            rules.push(Value::Object(rule));
        }
        let mut spec = json!({"parentRefs": self.parents(&namespace), "rules": rules});
        if let Some(names) = self.hostnames() {
            spec["hostnames"] = names;
        }
        self.add(API, "GRPCRoute", &format!("g{index}"), &namespace, &spec);
    }

    fn connections(&mut self, kind: &str, index: usize) {
        let namespace = self.namespace();
        let mut backends = self.backends(&namespace);
        if backends.is_empty() {
            backends.push(json!({"name": "nobody", "port": 80}));
        }
        let mut spec = json!({
            "parentRefs": self.parents(&namespace),
            "rules": [{"backendRefs": backends}],
        });
        if kind == "TLSRoute" {
            spec["hostnames"] = self.hostnames().unwrap_or_else(|| json!(["a.test"]));
        }
        let name = format!("c{index}");
        self.add(API, kind, &name, &namespace, &spec);
    }
}
