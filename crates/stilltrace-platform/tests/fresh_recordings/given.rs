//! Made-up meshes whose objects say what proxies record, and with how many threads they work.

use serde_json::{Map, Value, json};

use crate::fresh::dice::Dice;

/// Where objects for the whole mesh are.
const ROOT: &str = "istio-system";
/// Namespaces of workloads.
const NAMESPACES: [&str; 2] = ["pay", "shop"];
/// Workloads of every namespace.
const APPS: [&str; 2] = ["api", "web"];

/// Providers by name and, where they take spans, Envoy's name of their kind. Nobody is named where
/// two namespaces have the service.
pub(crate) const PROVIDERS: [(&str, &str); 10] = [
    ("zipkin-here", "envoy.tracers.zipkin"),
    ("zipkin-twice", ""),
    ("otel-here", "envoy.tracers.opentelemetry"),
    ("otel-twice", ""),
    ("sampled", "envoy.tracers.opentelemetry"),
    ("datadog-here", "envoy.tracers.datadog"),
    ("file", ""),
    ("als-here", ""),
    ("als-twice", ""),
    ("json-file", ""),
];

/// A host that two namespaces have.
const TWICE: &str = "collector.example.com";

/// The manifests of a seed, as a stream of documents.
pub(crate) fn manifests(seed: u64) -> String {
    let mut dice = Dice::new(seed);
    let mut objects = vec![mesh(&mut dice)];
    for namespace in NAMESPACES {
        objects.push(json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": namespace, "labels": {"istio-injection": "enabled"}},
        }));
        objects.push(json!({
            "apiVersion": "networking.istio.io/v1", "kind": "ServiceEntry",
            "metadata": {"name": "twice", "namespace": namespace},
            "spec": {
                "hosts": [TWICE], "resolution": "DNS",
                "ports": [{"number": 4317, "name": "grpc"}, {"number": 9411, "name": "http"}],
            },
        }));
        for app in APPS {
            objects.extend(application(&mut dice, namespace, app));
        }
    }
    objects.extend(ingress(&mut dice));
    objects.push(service(ROOT, "collector", &[("grpc", 4317), ("http", 9411)]));
    for number in 0..dice.below(6) {
        objects.push(telemetry(&mut dice, number));
    }
    for number in 0..dice.below(4) {
        objects.push(proxy_config(&mut dice, number));
    }
    let documents = objects.iter().map(|object| serde_json::to_string_pretty(object).unwrap());
    documents.collect::<Vec<_>>().join("\n---\n")
}

fn mesh(dice: &mut Dice) -> Value {
    let here = format!("collector.{ROOT}.svc.cluster.local");
    let twice = TWICE;
    let mut mesh = json!({
        "extensionProviders": [
            {"name": "zipkin-here", "zipkin": {"service": here, "port": 9411}},
            {"name": "zipkin-twice", "zipkin": {"service": twice, "port": 9411}},
            {"name": "otel-here", "opentelemetry": {"service": here, "port": 4317}},
            {"name": "otel-twice", "opentelemetry": {"service": twice, "port": 4317}},
            {"name": "sampled", "opentelemetry": {
                "service": here, "port": 4317,
                "dynatraceSampler": {"tenant": "t", "clusterId": 7},
            }},
            {"name": "datadog-here", "datadog": {"service": here, "port": 9411}},
            {"name": "file", "envoyFileAccessLog": {"path": "/dev/stdout"}},
            {"name": "als-here", "envoyOtelAls": {"service": here, "port": 4317}},
            {"name": "als-twice", "envoyOtelAls": {"service": twice, "port": 4317}},
            {"name": "json-file", "envoyFileAccessLog": {
                "path": "/dev/stderr", "logFormat": {"labels": {"code": "%RESPONSE_CODE%"}},
            }},
        ],
    });
    if dice.chance(30) {
        let mut defaults = Map::new();
        if dice.chance(60) {
            defaults.insert("tracing".into(), json!([provider(dice)]));
        }
        if dice.chance(60) {
            defaults.insert("accessLogging".into(), json!([provider(dice)]));
        }
        mesh["defaultProviders"] = Value::Object(defaults);
    }
    if dice.chance(40) {
        mesh["enableTracing"] = json!(dice.chance(50));
    }
    if dice.chance(40) {
        mesh["accessLogFile"] = json!(*dice.pick(&["", "/dev/stdout"]));
    }
    if dice.chance(15) {
        mesh["enableEnvoyAccessLogService"] = json!(dice.chance(70));
    }
    if dice.chance(50) {
        mesh["defaultConfig"] = process(dice);
    }
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "istio", "namespace": ROOT},
        "data": {"mesh": mesh.to_string()},
    })
}

fn provider(dice: &mut Dice) -> &'static str {
    let names: Vec<&str> =
        PROVIDERS.iter().map(|(name, _)| *name).chain(["nobody", "envoy"]).collect();
    names[dice.below(names.len())]
}

/// A configuration of a proxy's process.
fn process(dice: &mut Dice) -> Value {
    let mut config = Map::new();
    if dice.chance(60) {
        config.insert("concurrency".into(), json!(*dice.pick(&[0, 1, 4, 8])));
    }
    if dice.chance(60) {
        let mut tracing = Map::new();
        if dice.chance(70) {
            tracing.insert("sampling".into(), json!(*dice.pick(&[0.0, 0.5, 10.0, 100.0])));
        } else {
            tracing.insert("maxPathTagLength".into(), json!(64));
        }
        config.insert("tracing".into(), Value::Object(tracing));
    }
    Value::Object(config)
}

fn application(dice: &mut Dice, namespace: &str, app: &str) -> [Value; 2] {
    let mut metadata = json!({"labels": {"app": app}});
    if dice.chance(35) {
        metadata["annotations"] = json!({"proxy.istio.io/config": process(dice).to_string()});
    }
    [workload(namespace, app, &metadata), service(namespace, app, &[("http", 80)])]
}

fn workload(namespace: &str, name: &str, metadata: &Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": metadata,
                "spec": {"containers": [{"name": "app", "image": "app"}]},
            },
        },
    })
}

fn service(namespace: &str, name: &str, ports: &[(&str, u16)]) -> Value {
    let ports: Vec<Value> =
        ports.iter().map(|(name, port)| json!({"name": name, "port": port})).collect();
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": {"app": name}, "ports": ports},
    })
}

/// A gateway with one host.
fn ingress(dice: &mut Dice) -> [Value; 4] {
    let mut annotations = json!({"inject.istio.io/templates": "gateway"});
    if dice.chance(30) {
        annotations["proxy.istio.io/config"] = json!(process(dice).to_string());
    }
    let labels = json!({"app": "ingress", "sidecar.istio.io/inject": "true"});
    let metadata = json!({"labels": labels, "annotations": annotations});
    let server =
        json!({"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]});
    [
        workload("shop", "ingress", &metadata),
        service("shop", "ingress", &[("http", 80)]),
        json!({
            "apiVersion": "networking.istio.io/v1", "kind": "Gateway",
            "metadata": {"name": "ingress", "namespace": "shop"},
            "spec": {"selector": {"app": "ingress"}, "servers": [server]},
        }),
        json!({
            "apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
            "metadata": {"name": "ingress", "namespace": "shop"},
            "spec": {
                "hosts": ["*"], "gateways": ["ingress"],
                "http": [{"route": [{"destination": {"host": "web"}}]}],
            },
        }),
    ]
}

/// The selector of an object, in all forms that may mean "everything", or labels.
fn selector(dice: &mut Dice, spec: &mut Map<String, Value>) {
    match dice.below(10) {
        0 => drop(spec.insert("selector".into(), json!({}))),
        1 => drop(spec.insert("selector".into(), json!({"matchLabels": {}}))),
        2..=5 => {
            let app = *dice.pick(&["api", "web", "ingress", "other"]);
            spec.insert("selector".into(), json!({"matchLabels": {"app": app}}));
        }
        _ => {}
    }
}

/// An object in any namespace, of a known age that no other has.
fn object(
    dice: &mut Dice,
    kind: &str,
    api: &str,
    number: usize,
    spec: &Map<String, Value>,
) -> Value {
    let namespace = *dice.pick(&[ROOT, "pay", "shop", "shop"]);
    let day = 1 + dice.below(27);
    json!({
        "apiVersion": api, "kind": kind,
        "metadata": {
            "name": format!("o{number}"), "namespace": namespace,
            "creationTimestamp": format!("2026-01-{day:02}T00:00:{number:02}Z"),
        },
        "spec": spec,
    })
}

fn telemetry(dice: &mut Dice, number: usize) -> Value {
    let mut spec = Map::new();
    selector(dice, &mut spec);
    if dice.chance(60) {
        let entries = (0..=dice.below(2)).map(|_| tracing(dice)).collect();
        spec.insert("tracing".into(), entries);
    }
    if dice.chance(60) {
        let entries = (0..=dice.below(2)).map(|_| logging(dice)).collect();
        spec.insert("accessLogging".into(), entries);
    }
    object(dice, "Telemetry", "telemetry.istio.io/v1", number, &spec)
}

/// An entry with what entries for traces and for access logs have in common.
fn entry(dice: &mut Dice) -> Map<String, Value> {
    let mut entry = Map::new();
    if dice.chance(35) {
        let mode = *dice.pick(&["CLIENT", "SERVER", "CLIENT_AND_SERVER"]);
        entry.insert("match".into(), json!({"mode": mode}));
    }
    if dice.chance(55) {
        entry.insert("providers".into(), json!([{"name": provider(dice)}]));
    }
    entry
}

fn tracing(dice: &mut Dice) -> Value {
    let mut entry = entry(dice);
    if dice.chance(50) {
        let share = *dice.pick(&[0.0, 0.01, 25.0, 100.0]);
        entry.insert("randomSamplingPercentage".into(), json!(share));
    }
    if dice.chance(20) {
        entry.insert("disableSpanReporting".into(), json!(dice.chance(60)));
    }
    Value::Object(entry)
}

fn logging(dice: &mut Dice) -> Value {
    let mut entry = entry(dice);
    if dice.chance(30) {
        entry.insert("disabled".into(), json!(dice.chance(60)));
    }
    if dice.chance(25) {
        entry.insert("filter".into(), json!({"expression": "response.code >= 400"}));
    }
    Value::Object(entry)
}

fn proxy_config(dice: &mut Dice, number: usize) -> Value {
    let mut spec = Map::new();
    selector(dice, &mut spec);
    spec.insert("concurrency".into(), json!(*dice.pick(&[0, 2, 3, 16])));
    object(dice, "ProxyConfig", "networking.istio.io/v1beta1", number, &spec)
}
