//! Made-up virtual services: requests in every way that a route can treat them.

use serde_json::{Map, Value, json};

use super::mesh::{APPS, Mesh, SERVICE_PORTS};

/// Hosts that no service has.
const STRANGERS: [&str; 4] =
    ["www.example.test", "*.example.test", "shop.example.test", "api.test"];

impl Mesh {
    /// Virtual services, delegates, gateways and egress listeners of all kinds.
    pub(super) fn routes(&mut self) {
        for _ in 0..self.dice.below(3) {
            self.gateway_object();
        }
        for _ in 0..=self.dice.below(6) {
            self.routing();
        }
        for _ in 0..self.dice.below(3) {
            self.delegate();
        }
        for _ in 0..self.dice.below(3) {
            self.forwarding();
        }
        if self.dice.chance(40) {
            self.listening();
        }
    }

    /// A host of a service, perhaps short or incomplete.
    pub(super) fn some_host(&mut self) -> String {
        let host = self.dice.pick(&self.hosts).clone();
        if host.starts_with('*') {
            return "orders.shop.svc.cluster.local".to_owned();
        }
        let mut parts = host.split('.');
        let (name, place) = (parts.next().unwrap(), parts.next().unwrap_or_default());
        match self.dice.below(12) {
            0 => name.to_owned(),
            1 => format!("{name}.{place}"),
            _ => host,
        }
    }

    fn routed_hosts(&mut self) -> Vec<String> {
        let mut hosts = Vec::new();
        for _ in 0..=self.dice.below(2) {
            let host = match self.dice.below(10) {
                0 => (*self.dice.pick(&STRANGERS)).to_owned(),
                1 => format!("*.{}.svc.cluster.local", self.namespace()),
                2 => "*.wild.test".to_owned(),
                3 => "*.local".to_owned(),
                _ => self.some_host(),
            };
            // Admission refuses hosts that cover each other in one object.
            let clash =
                |other: &String| other == &host || host.contains('*') || other.contains('*');
            if !hosts.iter().any(clash) {
                hosts.push(host);
            }
        }
        hosts
    }

    fn routing(&mut self) {
        let hosts = self.routed_hosts();
        for index in 0..=self.dice.below(2) {
            let namespace = self.namespace();
            let mut rules = Vec::new();
            for _ in 0..=self.dice.below(3) {
                rules.push(self.rule(true));
            }
            let mut spec = json!({"hosts": hosts, "http": rules});
            if let Some(list) = self.exports(30, &namespace) {
                spec["exportTo"] = Value::Array(list);
            }
            let gateways = self.gateways_of(&namespace);
            if !gateways.is_empty() {
                spec["gateways"] = json!(gateways);
            }
            self.istio("VirtualService", &namespace, &spec);
            if index == 0 && self.dice.chance(60) {
                return;
            }
        }
    }

    /// Names of gateways, the mesh among them.
    pub(super) fn gateways_of(&mut self, namespace: &str) -> Vec<String> {
        let mut gateways = Vec::new();
        for gateway in self.gateways.clone() {
            if self.dice.chance(50) {
                let (home, name) = gateway.split_once('/').unwrap();
                let short = home == namespace && self.dice.chance(50);
                gateways.push(if short { name.to_owned() } else { gateway.clone() });
            }
        }
        if !gateways.is_empty() && self.dice.chance(60) {
            gateways.push("mesh".to_owned());
        }
        gateways
    }

    /// Two parts that may fit together: a root with a delegate, and the delegate.
    fn delegate(&mut self) {
        let (root, home) = (self.namespace(), self.namespace());
        let name = format!("part{}", self.objects.len());
        let mut rules = Vec::new();
        for _ in 0..=self.dice.below(2) {
            let mut delegate = json!({"name": name});
            if home != root || self.dice.chance(30) {
                delegate["namespace"] = json!(home);
            }
            let mut rule = json!({"delegate": delegate});
            if self.dice.chance(70) {
                rule["match"] = Value::Array(vec![self.condition()]);
            }
            if self.dice.chance(40) {
                rule["name"] = json!("root");
            }
            self.extras(&mut rule, false);
            rules.push(rule);
        }
        if self.dice.chance(50) {
            rules.push(self.rule(true));
        }
        let hosts = self.routed_hosts();
        self.istio("VirtualService", &root, &json!({"hosts": hosts, "http": rules}));
        if self.dice.chance(10) {
            return;
        }
        let mut parts = Vec::new();
        for _ in 0..=self.dice.below(2) {
            parts.push(self.rule(true));
        }
        let mut spec = json!({"http": parts});
        if let Some(list) = self.exports(30, &home) {
            spec["exportTo"] = Value::Array(list);
        }
        self.add("networking.istio.io/v1", "VirtualService", &name, &home, &spec);
    }

    /// One entry of `http`.
    fn rule(&mut self, conditional: bool) -> Value {
        let mut rule = json!({});
        if conditional && self.dice.chance(65) {
            let count = 1 + self.dice.below(2);
            let conditions: Vec<Value> = (0..count).map(|_| self.condition()).collect();
            rule["match"] = Value::Array(conditions);
        }
        if self.dice.chance(30) {
            rule["name"] = json!(*self.dice.pick(&["canary", "main", "default"]));
        }
        match self.dice.below(12) {
            0 => {
                rule["redirect"] = match self.dice.below(4) {
                    0 => json!({"uri": "/new", "redirectCode": 302}),
                    1 => json!({"authority": "new.test"}),
                    2 => json!({"authority": "new.test", "uri": "/x", "redirectCode": 308}),
                    _ => json!({"scheme": "https", "redirectCode": 301}),
                };
            }
            1 => rule["directResponse"] = json!({"status": 503, "body": {"string": "no"}}),
            _ => {
                rule["route"] = self.destinations();
                self.extras(&mut rule, true);
            }
        }
        rule
    }

    pub(super) fn destination(&mut self) -> Value {
        let mut destination = json!({"host": self.some_host()});
        if self.dice.chance(60) {
            destination["port"] = json!({"number": *self.dice.pick(&SERVICE_PORTS)});
        }
        if self.dice.chance(35) {
            destination["subset"] = json!(*self.dice.pick(&["v1", "v2", "v3"]));
        }
        destination
    }

    fn destinations(&mut self) -> Value {
        let count = 1 + self.dice.below(2);
        let mut all = Vec::new();
        for index in 0..count {
            let mut entry = json!({"destination": self.destination()});
            if count > 1 {
                entry["weight"] = json!(if index == 0 { 70 } else { *self.dice.pick(&[30, 5, 0]) });
            } else if self.dice.chance(10) {
                entry["weight"] = json!(100);
            }
            if self.dice.chance(15) {
                entry["headers"] = self.headers(false);
            }
            all.push(entry);
        }
        Value::Array(all)
    }

    fn headers(&mut self, host: bool) -> Value {
        match self.dice.below(5) {
            0 if host => json!({"request": {"set": {"x-a": "1", "host": "set.test"}}}),
            1 => json!({"request": {"add": {"x-a": "1", "x-b": "2"}, "remove": ["x-c"]},
                        "response": {"set": {"x-d": "1"}}}),
            2 => json!({"response": {"remove": ["server", "x-e"], "add": {"x-f": "1"}}}),
            3 if host => json!({"request": {"set": {":authority": "authority.test"}}}),
            _ => json!({"request": {"set": {"x-a": "1"}}}),
        }
    }

    /// What a rule may say beside its targets; a root of a delegate may say less.
    fn extras(&mut self, rule: &mut Value, forwards: bool) {
        if self.dice.chance(35) {
            rule["timeout"] = json!(*self.dice.pick(&["1s", "250ms", "1m", "0.5s"]));
        }
        if self.dice.chance(45) {
            rule["retries"] = self.retries();
        }
        let host = self.dice.chance(50);
        if self.dice.chance(20) {
            rule["headers"] = self.headers(host);
        }
        if !host && self.dice.chance(40) {
            rule["rewrite"] = match self.dice.below(4) {
                0 => json!({"uri": "/v2"}),
                1 => json!({"authority": "rewritten.test"}),
                2 => json!({"uriRegexRewrite": {"match": "^/a/(.*)$", "rewrite": "/b/\\1"}}),
                _ => json!({"uri": "/", "authority": "both.test"}),
            };
        }
        if self.dice.chance(15) {
            rule["corsPolicy"] = json!({"allowOrigins": [{"exact": "https://a.test"}]});
        }
        if self.dice.chance(20) {
            rule["fault"] = self.fault();
        }
        if forwards && self.dice.chance(20) {
            rule["mirror"] = self.destination();
            match self.dice.below(4) {
                0 => rule["mirrorPercentage"] = json!({"value": 0.29}),
                1 => rule["mirrorPercentage"] = json!({"value": 0.0}),
                2 => rule["mirrorPercentage"] = json!({"value": 12.5}),
                _ => {}
            }
        } else if forwards && self.dice.chance(15) {
            let first = self.destination();
            let second = self.destination();
            rule["mirrors"] = json!([{"destination": first, "percentage": {"value": 33.3}},
                                     {"destination": second}]);
        }
    }

    fn fault(&mut self) -> Value {
        let mut fault = Map::new();
        if self.dice.chance(60) {
            let mut delay = json!({"fixedDelay": *self.dice.pick(&["2s", "150ms"])});
            match self.dice.below(3) {
                0 => delay["percentage"] = json!({"value": 0.1}),
                1 => delay["percentage"] = json!({"value": 57.3}),
                _ => {}
            }
            fault.insert("delay".into(), delay);
        }
        if fault.is_empty() || self.dice.chance(40) {
            let mut abort = if self.dice.chance(30) {
                json!({"grpcStatus": "UNAVAILABLE"})
            } else {
                json!({"httpStatus": 503})
            };
            if self.dice.chance(60) {
                abort["percentage"] = json!({"value": 10.0});
            }
            fault.insert("abort".into(), abort);
        }
        Value::Object(fault)
    }

    pub(super) fn retries(&mut self) -> Value {
        if self.dice.chance(15) {
            return json!({"attempts": 0});
        }
        let mut retries = json!({"attempts": 1 + self.dice.below(4)});
        if self.dice.chance(50) {
            retries["perTryTimeout"] = json!(*self.dice.pick(&["1s", "300ms"]));
        }
        if self.dice.chance(60) {
            let on = [
                "5xx",
                "503",
                "reset,503",
                "gateway-error,429,connect-failure",
                "retriable-status-codes,500",
                "connect-failure,refused-stream",
            ];
            retries["retryOn"] = json!(*self.dice.pick(&on));
        }
        if self.dice.chance(25) {
            retries["backoff"] = json!(*self.dice.pick(&["25ms", "1s"]));
        }
        if self.dice.chance(25) {
            retries["retryIgnorePreviousHosts"] = json!(self.dice.chance(50));
        }
        if self.dice.chance(25) {
            retries["retryRemoteLocalities"] = json!(self.dice.chance(60));
        }
        retries
    }

    fn text(&mut self, path: bool) -> Value {
        let (exact, prefix, regex) = if path {
            (["/health", "/api/v1"], ["/api", "/"], ["/item/[0-9]+", ".*"])
        } else {
            (["yes", "GET"], ["a", "web"], ["a.*", "b|c"])
        };
        match self.dice.below(5) {
            0 => json!({"exact": *self.dice.pick(&exact)}),
            1 | 2 => json!({"prefix": *self.dice.pick(&prefix)}),
            _ if path => json!({"regex": *self.dice.pick(&regex)}),
            3 => json!({}),
            _ => json!({"regex": *self.dice.pick(&regex)}),
        }
    }

    /// One entry of `match`; never empty, which admission refuses.
    pub(super) fn condition(&mut self) -> Value {
        let mut condition = json!({});
        if self.dice.chance(70) {
            condition["uri"] = self.text(true);
        }
        if self.dice.chance(10) {
            condition["ignoreUriCase"] = json!(true);
        }
        if self.dice.chance(15) {
            condition["method"] = json!({"exact": "GET"});
        }
        if self.dice.chance(8) {
            condition["scheme"] = json!({"exact": "https"});
        }
        if self.dice.chance(8) {
            condition["authority"] = json!({"prefix": "web"});
        }
        if self.dice.chance(25) {
            let mut headers = Map::new();
            for name in self.dice.some(&["x-user", "cookie", "x-canary"], 50) {
                headers.insert(name.into(), self.text(false));
            }
            condition["headers"] = Value::Object(headers);
        }
        if self.dice.chance(12) {
            condition["withoutHeaders"] = json!({"x-skip": self.text(false)});
        }
        if self.dice.chance(10) {
            condition["queryParams"] = json!({"debug": {"exact": "1"}});
        }
        if self.dice.chance(12) {
            condition["port"] = json!(*self.dice.pick(&SERVICE_PORTS));
        }
        if self.dice.chance(10) {
            condition["sourceLabels"] = json!({"app": *self.dice.pick(&APPS)});
        }
        if self.dice.chance(10) {
            condition["sourceNamespace"] = json!(self.namespace());
        }
        if self.dice.chance(10) {
            condition["name"] = json!("m");
        }
        if self.dice.chance(8) && !self.gateways.is_empty() {
            let gateway = self.dice.pick(&self.gateways).clone();
            condition["gateways"] = json!([gateway, "mesh"]);
        }
        let empty = condition
            .as_object()
            .unwrap()
            .values()
            .all(|value| value.as_object().is_some_and(Map::is_empty));
        if empty {
            condition["uri"] = json!({"prefix": "/x"});
        }
        condition
    }
}
