//! The settings in effect as people see them.
#![allow(
    clippy::unwrap_used,
    clippy::needless_raw_string_hashes,
    reason = "a failure is the test's result; expected texts are written by the tests themselves"
)]

use expect_test::expect;
use serde_json::{Value, json};
use stilltrace_report::{Color, TerminalOptions, settings_list, settings_table};

fn at(path: &str, line: u32) -> Value {
    json!({"path": path, "line": line, "column": 5})
}

/// An edge with two routes, a policy with an outlier block, and a subset.
fn document() -> Value {
    let mut attempts = at("env/prod/retries.yaml", 9);
    attempts["overrode"] = json!([at("mesh/cart.yaml", 16)]);
    json!({
        "gaps": [{"what": "charts/db: not rendered", "why": "its objects are missing", "remedy": "install helm"}],
        "invalid": [{
            "object": {"apiVersion": "networking.istio.io/v1", "kind": "Sidecar", "namespace": "shop", "name": "s"},
            "path": "mesh/sidecar.yaml", "line": 7, "column": 3, "message": "short names are not allowed",
        }],
        "workloads": {"shop/web": {
            "outbound_policy": "ALLOW_ANY",
            "edges": {"cart.shop.svc.cluster.local|80": {
                "dr": "shop/cart", "ep": [3, 2], "tls": "auto", "max_pending": 7, "lb": "RING_HASH",
                "outlier": {"consecutive_5xx": 1, "interval_ms": 15_000, "split_local_origin": true},
                "retry_budget": {"pct": 25, "min": 3},
                "subsets": {
                    "same": {"dr": "shop/cart", "ep": [3, 2], "tls": "auto", "max_pending": 7, "lb": "RING_HASH",
                        "outlier": {"consecutive_5xx": 1, "interval_ms": 15_000, "split_local_origin": true},
                        "retry_budget": {"pct": 25, "min": 3},
                        "origins": {"max_pending": at("mesh/rule.yaml", 8), "outlier": at("mesh/rule.yaml", 10)}},
                    "v1": {"dr": "shop/cart", "max_pending": 2, "origins": {"max_pending": at("mesh/rule.yaml", 30)}},
                },
                "origins": {
                    "dr": at("mesh/rule.yaml", 1), "max_pending": at("mesh/rule.yaml", 8),
                    "outlier": at("mesh/rule.yaml", 10), "tls": {"default": "Istio 1.31 default"},
                },
            }},
            "http": {"80": {"cart.shop.svc.cluster.local,cart.example.com": [
                {"match": {"prefix": "/api", "headers": ["x-user exact=a"]}, "vs": "shop/cart", "name": "api",
                 "to": [["cart.shop.svc.cluster.local|80|v1", 90], ["cart.shop.svc.cluster.local|80|v2", 10]],
                 "no_cluster": ["cart.shop.svc.cluster.local|80|v2"],
                 "timeout_ms": 2_000, "retries": {"n": 10, "on": "5xx,reset", "codes": [503]},
                 "fault": {"delay_ms": 100, "delay_pct": 5}, "mirror": [["shadow.shop.svc.cluster.local|80", 10]],
                 "depends_on_age": [{"kind": "VirtualService", "namespace": "shop", "name": "other"}],
                 "origins": {"timeout_ms": at("mesh/cart.yaml", 14), "retries.n": attempts}},
                {"vs": "shop/cart", "redirect": {"code": 301, "path": "/new"}},
            ]}},
            "inbound": {"*": {"mtls": "PERMISSIVE"}, "8080": {
                "mtls": "STRICT", "retries": {"n": 2, "on": "reset-before-request"},
                "origins": {"mtls": at("mesh/peers.yaml", 6)}}},
        }},
    })
}

#[test]
fn an_edge_says_what_its_servers_demand() {
    let mut document = document();
    let served = |mode: &str, line: u32| {
        json!({"serves": {"cart.shop.svc.cluster.local|80": {
            "mtls": mode, "origins": {"mtls": at("mesh/peers.yaml", line)}}}})
    };
    let shown = |document: &Value| {
        let page = settings_table(document, &options(120));
        let rows = page.lines().filter(|line| line.starts_with("  mutual TLS at"));
        rows.map(str::trim).collect::<Vec<_>>().join("\n")
    };
    document["pods"] =
        json!({"shop/cart-a": served("STRICT", 6), "shop/cart-b": served("STRICT", 6)});
    assert_eq!(
        shown(&document),
        "mutual TLS at the server  STRICT                mesh/peers.yaml:6"
    );
    document["pods"]["shop/cart-b"] = served("DISABLE", 9);
    let other = json!([{"mtls": "PERMISSIVE"}]);
    document["pods"]["shop/cart-b"]["serves"]["cart.shop.svc.cluster.local|80"]["depends_on_age"] =
        other;
    expect![[r#"
          mutual TLS at shop/cart-a  STRICT                mesh/peers.yaml:6
          mutual TLS at shop/cart-b  DISABLE, or by age PERMISSIVE  mesh/peers.yaml:9"#]]
    .assert_eq(&shown(&document));
}

fn options(width: usize) -> TerminalOptions {
    TerminalOptions::new(width, Color::Never)
}

#[test]
fn a_table_says_where_every_value_comes_from() {
    expect![[r#"
        refused  mesh/sidecar.yaml:7: Sidecar shop/s: short names are not allowed

        shop/web → cart.shop.svc.cluster.local:80  (http, 3 endpoints, 2 marked for mutual TLS)
        route  header x-user exact=a and /api* → 90 to cart.shop.svc.cluster.local:80 subset v1, 10 to
               cart.shop.svc.cluster.local:80 subset v2  VirtualService shop/cart `api`
          broken  cart.shop.svc.cluster.local:80 subset v2 does not exist in what was read: it answers
                  503
          depends on age  shop/cart, or VirtualService shop/other; the oldest wins, and Git does not
                          know their ages
          timeout            2s                mesh/cart.yaml:14
          retries            10                env/prod/retries.yaml:9, not mesh/cart.yaml:16
            on               5xx, reset (503)
            each at most     what is left of the timeout  Envoy default
          share              90 to cart.shop.svc.cluster.local:80 subset v1
          share              10 to cart.shop.svc.cluster.local:80 subset v2
          fault: delay       100ms
            of the requests  5%
          mirror             shadow.shop.svc.cluster.local:80
            of the requests  10%
        route  everything → redirect, code 301, path /new  VirtualService shop/cart
        destination  DestinationRule shop/cart at mesh/rule.yaml:1
          connect timeout       10s                   Istio 1.31 default
          connections           unlimited             Istio 1.31 default
          pending requests      7                     mesh/rule.yaml:8
          requests in flight    unlimited             Istio 1.31 default
          retries in flight     unlimited             Istio 1.31 default
          retry budget          25% of the requests, at least 3
          load balancer         RING_HASH
          outlier detection     on                    mesh/rule.yaml:10
            ejects after        1 failure             mesh/rule.yaml:10
            looks every         15s                   mesh/rule.yaml:10
            ejects for          30s                   Envoy default
            at most             10% of the endpoints  Envoy default
            split local origin  yes                   mesh/rule.yaml:10
          TLS                   mutual, if the server has a proxy  Istio 1.31 default
        subset same  DestinationRule shop/cart
          as the destination
        subset v1  DestinationRule shop/cart
          pending requests   2              mesh/rule.yaml:30
          load balancer      LEAST_REQUEST  Istio 1.31 default
          outlier detection  off            Istio 1.31 default
          TLS                plaintext      Istio 1.31 default

        shop/web  (own proxy)
          unknown hosts  ALLOW_ANY
        other ports
          mutual TLS  PERMISSIVE
        port 8080
          mutual TLS  STRICT  mesh/peers.yaml:6
          retries     2 on reset-before-request

        gap  charts/db: not rendered: its objects are missing; install helm
    "#]].assert_eq(&settings_table(&document(), &options(96)));
}

#[test]
fn a_narrow_page_puts_origins_below_their_values() {
    let table = settings_table(&document(), &options(44));
    expect![[r#"
        refused  mesh/sidecar.yaml:7: Sidecar
                 shop/s: short names are not allowed

        shop/web → cart.shop.svc.cluster.local:80  (http, 3 endpoints, 2 marked for mutual TLS)
        route  header x-user exact=a and /api* → 90
               to cart.shop.svc.cluster.local:80
               subset v1, 10 to
               cart.shop.svc.cluster.local:80 subset
               v2  VirtualService shop/cart `api`
          broken  cart.shop.svc.cluster.local:80
                  subset v2 does not exist in what
                  was read: it answers 503
          depends on age  shop/cart, or
                          VirtualService shop/other;
                          the oldest wins, and Git
                          does not know their ages
          timeout            2s
                               mesh/cart.yaml:14
          retries            10
                               env/prod/retries.yaml:9, not mesh/cart.yaml:16
            on               5xx, reset (503)
            each at most     what is left of the
                             timeout
                               Envoy default
    "#]]
    .assert_eq(&table.split_inclusive('\n').take(24).collect::<String>());
}

#[test]
fn parts_of_a_route_have_places_of_their_own() {
    let at = |line: u32| json!({"path": "mesh/cart.yaml", "line": line, "column": 5});
    let mut document = document();
    let hosts = &mut document["workloads"]["shop/web"]["http"]["80"];
    hosts["cart.shop.svc.cluster.local"] = json!([{
        "vs": "shop/cart",
        "to": [["cart.shop.svc.cluster.local|80|v1", 90], ["cart.shop.svc.cluster.local|80|v2", 10]],
        "fault": {"delay_ms": 2_000, "delay_pct": 5, "abort_grpc": 14, "abort_pct": 1},
        "mirror": [["copy.shop.svc.cluster.local|80", 50]],
        "header_ops": 2,
        "origins": {
            "to[0].weight": at(11), "to[1].weight": at(12), "fault.delay_ms": at(13),
            "fault.delay_pct": at(14), "fault.abort_grpc": at(15), "fault.abort_pct": at(16),
            "mirror[0]": at(17), "mirror[0].percent": at(18), "header_ops[0]": at(19),
            "header_ops[1]": at(20),
        },
    }]);
    let shown = settings_table(&document, &options(90));
    let rows: String = shown
        .split_inclusive('\n')
        .filter(|line| line.contains("cart.yaml:"))
        .map(|line| &line[2..])
        .collect();
    expect![[r#"
          share               90 to cart.shop.svc.cluster.local:80 subset v1  mesh/cart.yaml:11
          share               10 to cart.shop.svc.cluster.local:80 subset v2  mesh/cart.yaml:12
          fault: delay        2s      mesh/cart.yaml:13
            of the requests   5%      mesh/cart.yaml:14
          fault: gRPC status  14      mesh/cart.yaml:15
            of the requests   1%      mesh/cart.yaml:16
          header change       1 of 2  mesh/cart.yaml:19
          header change       2 of 2  mesh/cart.yaml:20
          mirror              copy.shop.svc.cluster.local:80  mesh/cart.yaml:17
            of the requests   50%     mesh/cart.yaml:18
    "#]]
    .assert_eq(&rows);
}

#[test]
fn pods_say_who_answers_for_them_and_what_bounds_them() {
    let at = |path: &str, line: u32| json!({"path": path, "line": line, "column": 1});
    let limited = |line: u32| {
        json!({
            "limits": {"cpu": "500m"}, "requests": {"cpu": "100m"},
            "origins": {"limits.cpu": at("cart.yaml", line), "requests.cpu": at("cart.yaml", 9)},
        })
    };
    let free = json!({
        "limits": {"cpu": null}, "origins": {"limits.cpu": {"default": "Kubernetes default"}},
    });
    let object = json!({"kind": "Application", "namespace": "argocd", "name": "shop"});
    let document = json!({"pods": {"shop/cart": {
        "kind": "Deployment", "replicas": null,
        "autoscaler": {
            "kind": "HorizontalPodAutoscaler", "min": 2, "max": 9,
            "targets": {"Resource cpu": "80%"}, "origins": {"kind": at("hpa.yaml", 1)},
        },
        "disruption_budgets": [{
            "name": "cart", "max_unavailable": "1",
            "origins": {"name": at("pdb.yaml", 1), "max_unavailable": at("pdb.yaml", 6)},
        }],
        "containers": {"app": limited(30), "b": free, "c": limited(50), "d": limited(60)},
        "proxy": free,
        "owners": [
            {"name": "@shop/payments", "path": "CODEOWNERS", "line": 3, "column": 9},
            {"name": "@shop/web", "path": "CODEOWNERS", "line": 3, "column": 24},
        ],
        "applied_by": {
            "kind": "Argo CD Application", "object": object, "folder": "apps/shop",
            "path": "argocd/shop.yaml", "line": 1, "column": 1,
            "suspended": at("argocd/shop.yaml", 12),
        },
        "origins": {"kind": at("cart.yaml", 1)},
    }}});
    expect![[r#"
        shop/cart  (pods)
          owner             @shop/payments, @shop/web  CODEOWNERS:3
          applied by        Argo CD Application argocd/shop, suspended at argocd/shop.yaml:12
                              argocd/shop.yaml:1
          run by            Deployment           cart.yaml:1
          replicas          2 to 9, Resource cpu at 80%  hpa.yaml:1
          in a drain        1 may be missing     pdb.yaml:6
          CPU of app        500m, requests 100m  cart.yaml:30
          CPU of b          no limit             Kubernetes default
          CPU of c          500m, requests 100m  cart.yaml:50
          more containers   1 (-o json has all)
          CPU of the proxy  no limit             Kubernetes default
    "#]]
    .assert_eq(&settings_table(&document, &options(96)));
}

#[test]
fn a_list_shows_what_is_set() {
    expect![[r#"
        refused  mesh/sidecar.yaml:7: Sidecar shop/s: short names are not allowed

        shop/web  (1 edge)
          cart.shop.svc.cluster.local:80  VirtualService shop/cart, 2 routes, broken,
              DestinationRule shop/cart, 2 subsets

        gap  charts/db: not rendered: its objects are missing; install helm
    "#]]
    .assert_eq(&settings_list(&document(), &options(80)));
}

#[test]
fn hostile_names_are_harmless() {
    let mut document = document();
    document["workloads"]["shop/\u{1b}[2Jweb"] = document["workloads"]["shop/web"].take();
    for text in [settings_table(&document, &options(80)), settings_list(&document, &options(80))] {
        assert!(text.contains("\\x1b[2Jweb") && !text.contains('\u{1b}'), "{text}");
    }
}

#[test]
fn colour_only_repeats_what_words_say() {
    let colourful = settings_table(&document(), &TerminalOptions::new(96, Color::Always));
    let mut plain = String::new();
    let mut rest = colourful.as_str();
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain.push_str(rest);
    assert_eq!(plain, settings_table(&document(), &options(96)));
}

#[test]
fn hazards_of_workloads_without_settings_are_told_first() {
    let hazard = json!({
        "mechanism": "policy-without-waypoint", "message": "it has no effect", "remedy": "add one",
        "service": "shop/cart", "host": "cart.shop.svc.cluster.local", "workloads": ["shop/ambient"],
        "path": "mesh/cart.yaml", "line": 7, "column": 1,
    });
    let document = json!({"workloads": {}, "hazards": [hazard.clone()], "gaps": []});
    let told = "hazard  it has no effect (mesh/cart.yaml:7); add one [policy-without-waypoint]";
    assert_eq!(settings_table(&document, &options(100)).trim(), told);
    let mut document = self::document();
    document["hazards"] = json!([hazard]);
    assert_eq!(settings_table(&document, &options(100)).matches("has no effect").count(), 1);
}

/// The line of the table that begins with a label.
fn row(document: &Value, label: &str) -> String {
    let table = settings_table(document, &options(120));
    let line = table.lines().find(|line| line.trim_start().starts_with(label));
    line.unwrap_or_else(|| panic!("{table}")).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_value_that_is_put_together_names_the_places_of_its_parts() {
    let document = json!({"gaps": [], "workloads": {"shop/web": {"edges": {"db.shop.svc.cluster.local|80": {
        "proto": "tcp", "type": "ORIGINAL_DST", "tcp_keepalive": {"interval_s": 5, "probes": 3},
        "max_connections": 3,
        "origins": {
            "lb": at("a.yaml", 47),
            "max_connections": {"path": "a.yaml", "line": 8, "column": 9,
                "overrode": [{"path": "a.yaml", "line": 8, "column": 40}]},
            "tcp_keepalive.interval_s": at("a.yaml", 50), "tcp_keepalive.probes": at("b.yaml", 2),
        },
    }}}}});
    let keepalive = row(&document, "TCP keepalive");
    assert!(keepalive.ends_with("a.yaml:50, b.yaml:2"), "{keepalive}");
    let balancer = "load balancer none: the address that was called a.yaml:47";
    assert_eq!(row(&document, "load balancer"), balancer);
    assert_eq!(row(&document, "connections"), "connections 3 a.yaml:8, not a.yaml:8:40");
}
