//! What decides about traces, access logs and worker threads of a proxy, one question each.

#![allow(clippy::unwrap_used, reason = "a failed test may panic")]

use std::fmt::Write as _;

use stilltrace_manifest::MemoryTree;
use stilltrace_model::{Origin, Platform, Setting, SidecarProxy};
use stilltrace_platform::{ParseCache, read};

/// A workload whose pods carry `annotation`, and a collector.
fn mesh(annotation: &str) -> String {
    format!(
        "apiVersion: v1
kind: Namespace
metadata: {{name: shop, labels: {{istio-injection: enabled}}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop}}
spec:
  template:
    metadata: {{labels: {{app: web}}, annotations: {{{annotation}}}}}
    spec: {{containers: [{{name: c, image: i}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: collector, namespace: obs}}
spec: {{selector: {{app: collector}}, ports: [{{name: grpc, port: 4317}}]}}
"
    )
}

/// The mesh with more documents, each in a file of its own.
fn platform(mesh: &str, documents: &[&str]) -> Platform {
    let mut tree = MemoryTree::new().with("mesh.yaml", mesh);
    for (number, document) in documents.iter().enumerate() {
        tree.insert(format!("file-{number}.yaml"), (*document).to_owned());
    }
    read(&tree, &mut ParseCache::new())
}

fn proxy(platform: &Platform) -> &SidecarProxy {
    let web = platform.workloads.values().find(|workload| workload.id.name == "web").unwrap();
    web.sidecar.as_ref().unwrap()
}

/// Where a value is set, as `file:line`.
fn place<T>(setting: &Setting<T>) -> String {
    place_of(&setting.origin)
}

fn place_of(origin: &Origin) -> String {
    let at = origin.location().unwrap();
    format!("{}:{}", at.path, at.line)
}

fn gaps(platform: &Platform) -> String {
    platform.gaps.iter().fold(String::new(), |mut all, gap| {
        let _ = writeln!(all, "{} {}", gap.what, gap.why);
        all
    })
}

/// A mesh configuration with these lines, and a Telemetry that traces everything with `p`.
fn traced(provider: &str) -> [String; 2] {
    let mesh = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: istio, namespace: istio-system}}\ndata:\n  \
         mesh: |\n    extensionProviders:\n    - name: p\n      {provider}\n"
    );
    [
        mesh,
        telemetry("all", "", "tracing: [{providers: [{name: p}], randomSamplingPercentage: 100}]"),
    ]
}

/// A Telemetry of the whole namespace, unless `more` selects.
fn telemetry(name: &str, metadata: &str, spec: &str) -> String {
    format!(
        "apiVersion: telemetry.istio.io/v1\nkind: Telemetry\n\
         metadata: {{name: {name}, namespace: shop{metadata}}}\nspec:\n  {spec}\n"
    )
}

#[test]
fn a_provider_is_left_out_where_several_namespaces_have_its_service() {
    let answer = |provider: &str, more: &str| {
        let [config, telemetry] = traced(provider);
        platform(&mesh(""), &[&config, &telemetry, more])
    };
    let share = |platform: &Platform| proxy(platform).telemetry.outbound.span_percent();
    for service in ["collector.obs.svc.cluster.local", "obs/collector.obs.svc.cluster.local"] {
        let known = answer(&format!("opentelemetry: {{service: {service}, port: 4317}}"), "");
        assert!((share(&known) - 100.0).abs() < f64::EPSILON, "{service}");
        assert!(!gaps(&known).contains("declare"), "{service}");
    }
    let elsewhere = answer("opentelemetry: {service: collector.other, port: 4317}", "");
    assert!((share(&elsewhere) - 100.0).abs() < f64::EPSILON, "it may be installed from elsewhere");
    let entry = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n\
                 metadata: {name: twin, namespace: shop}\n\
                 spec: {hosts: [collector.obs.svc.cluster.local], ports: [{number: 4317, name: grpc}]}\n";
    let service = "opentelemetry: {service: collector.obs.svc.cluster.local, port: 4317}";
    let twice = answer(service, entry);
    let recorded = &proxy(&twice).telemetry.outbound;
    assert_eq!((recorded.tracing_percent.value, &recorded.tracer.value), (0.0, &None));
    assert_eq!(place(&recorded.tracing_percent), "file-0.yaml:8", "the name of the service");
    assert!(gaps(&twice).contains("file-0.yaml:8:32: several namespaces declare the service"));
}

#[test]
fn a_sampler_without_an_http_service_to_ask_makes_no_tracer() {
    let to = "service: collector.obs.svc.cluster.local, port: 4317";
    let share = |block: &str| {
        let [config, telemetry] = traced(&format!("opentelemetry: {{{to}, {block}}}"));
        proxy(&platform(&mesh(""), &[&config, &telemetry])).telemetry.outbound.span_percent()
    };
    assert!(share("dynatraceSampler: {tenant: t, clusterId: 1}") == 0.0);
    assert!(share("http: {path: /}, dynatraceSampler: {tenant: t, clusterId: 1}") > 0.0);
    let own = "{port: 80}";
    assert!(share(&format!("dynatraceSampler: {{tenant: t, httpService: {own}}}")) == 0.0);
}

#[test]
fn an_access_log_needs_a_provider_that_logs() {
    let of = |provider: &str| {
        let config = traced(provider)[0].clone();
        let telemetry = telemetry("all", "", "accessLogging: [{providers: [{name: p}]}]");
        proxy(&platform(&mesh(""), &[&config, &telemetry])).telemetry.outbound.access_log.value
    };
    let service = "service: collector.obs.svc.cluster.local, port: 4317";
    assert!(of("envoyFileAccessLog: {path: /dev/stdout}"));
    assert!(of(&format!("envoyOtelAls: {{{service}}}")));
    assert!(!of("envoyOtelAls: {port: 4317}"));
    assert!(!of(&format!("opentelemetry: {{{service}}}")), "it takes spans");
}

#[test]
fn the_annotation_has_the_last_word_about_threads() {
    let object = "apiVersion: networking.istio.io/v1beta1\nkind: ProxyConfig\n\
                  metadata: {name: web, namespace: shop}\n\
                  spec: {selector: {matchLabels: {app: web}}, concurrency: 3}\n";
    let annotation = "proxy.istio.io/config: '{concurrency: 5}'";
    let both = platform(&mesh(annotation), &[object]);
    let threads = &proxy(&both).concurrency;
    assert_eq!(threads.value, Some(5));
    let lost: Vec<String> = threads.overrode.iter().map(place_of).collect();
    assert_eq!(lost, ["file-0.yaml:4"]);
    assert_eq!(proxy(&platform(&mesh(""), &[object])).concurrency.value, Some(3));
}

#[test]
fn a_block_of_the_annotation_takes_the_place_of_the_mesh_s() {
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\n\
                  data: {mesh: '{defaultConfig: {tracing: {sampling: 40}}}'}\n";
    let share = |annotation: &str| {
        let platform = platform(&mesh(annotation), &[config]);
        proxy(&platform).telemetry.outbound.tracing_percent.clone()
    };
    assert!((share("").value - 40.0).abs() < f64::EPSILON);
    let replaced = share("proxy.istio.io/config: '{tracing: {maxPathTagLength: 64}}'");
    assert!((replaced.value - 1.0).abs() < f64::EPSILON, "the block says no share");
    assert_eq!(replaced.overrode.len(), 1);
}

#[test]
fn istiod_s_own_share_holds_where_no_proxy_says_one() {
    let share = |documents: &[&str]| {
        let platform = platform(&mesh(""), documents);
        let share = proxy(&platform).telemetry.outbound.tracing_percent.clone();
        (share.value, share.is_written().then(|| place(&share)))
    };
    assert_eq!(share(&[]), (1.0, None));
    let istiod = "apiVersion: apps/v1\nkind: Deployment\n\
                  metadata: {name: istiod, namespace: istio-system, labels: {app: istiod}}\n\
                  spec: {template: {spec: {containers: [{name: discovery, env: [\n  \
                  {name: PILOT_TRACE_SAMPLING, value: '7.5'}]}]}}}\n";
    assert_eq!(share(&[istiod]), (7.5, Some("file-0.yaml:5".to_owned())));
    let operator = |spec: &str| {
        format!(
            "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\n\
             metadata: {{name: i, namespace: istio-system}}\nspec: {spec}\n"
        )
    };
    let told = operator("{values: {pilot: {traceSampling: 20}}}");
    assert_eq!(share(&[&told]), (20.0, Some("file-0.yaml:4".to_owned())));
    assert_eq!(share(&[&operator("{values: {pilot: {traceSampling: 0}}}")]), (1.0, None));
    let demo = operator("{profile: demo}");
    assert_eq!(share(&[&demo]), (100.0, None), "the profile `demo` traces everything");
    let logs = |document: &str| {
        let platform = platform(&mesh(""), &[document]);
        proxy(&platform).telemetry.outbound.access_log.value
    };
    assert!(logs(&demo), "and logs everything");
    assert!(!logs(&operator("{profile: demo, meshConfig: {accessLogFile: ''}}")));
}

#[test]
fn a_selector_without_labels_selects_everything_in_a_telemetry_and_nothing_in_a_proxy_config() {
    for selector in ["selector: {}", "selector: {matchLabels: {}}"] {
        let wide = telemetry(
            "a",
            "",
            &format!("{selector}\n  accessLogging: [{{providers: [{{name: envoy}}]}}]"),
        );
        let object = format!(
            "apiVersion: networking.istio.io/v1beta1\nkind: ProxyConfig\n\
             metadata: {{name: web, namespace: shop}}\nspec: {{{selector}, concurrency: 3}}\n"
        );
        let platform = platform(&mesh(""), &[&wide, &object]);
        assert!(proxy(&platform).telemetry.outbound.access_log.value, "{selector}");
        assert!(!proxy(&platform).concurrency.is_written(), "{selector}");
    }
}

/// The access log under every guess at the ages, the first one by name first.
fn logs(platform: &Platform) -> Vec<bool> {
    let all = std::iter::once(platform).chain(&platform.under_other_ages);
    all.map(|one| proxy(one).telemetry.outbound.access_log.value).collect()
}

#[test]
fn telemetry_of_unknown_age_shows_both_outcomes_and_of_known_age_one() {
    let log =
        |on: bool| format!("accessLogging: [{{providers: [{{name: envoy}}], disabled: {}}}]", !on);
    let selector = "selector: {matchLabels: {app: web}}\n  ";
    for (selector, first_wins) in [("", true), (selector, false)] {
        let one = |name: &str, day: &str, on: bool| {
            telemetry(name, day, &format!("{selector}{}", log(on)))
        };
        let unknown = platform(&mesh(""), &[&one("a", "", true), &one("b", "", false)]);
        assert_eq!(logs(&unknown), [first_wins, !first_wins], "{selector}");
        assert!(gaps(&unknown).contains("depends on age"), "{selector}");
        let at = |day: u8| format!(", creationTimestamp: '2026-01-0{day}T00:00:00Z'");
        let known = platform(&mesh(""), &[&one("a", &at(2), true), &one("b", &at(1), false)]);
        assert_eq!(logs(&known), [!first_wins], "{selector}: the older one is `b`");
    }
}

#[test]
fn proxy_configs_of_unknown_age_show_both_numbers_of_threads() {
    let object = |name: &str, threads: u8, selector: &str| {
        format!(
            "apiVersion: networking.istio.io/v1beta1\nkind: ProxyConfig\n\
             metadata: {{name: {name}, namespace: shop}}\n\
             spec: {{{selector}concurrency: {threads}}}\n"
        )
    };
    for selector in ["", "selector: {matchLabels: {app: web}}, "] {
        let both = [object("a", 2, selector), object("b", 6, selector)];
        let platform = platform(&mesh(""), &[&both[0], &both[1]]);
        let all = std::iter::once(&platform).chain(&platform.under_other_ages);
        let threads: Vec<_> = all.map(|one| proxy(one).concurrency.value).collect();
        assert_eq!(threads, [Some(2), Some(6)], "{selector}");
    }
}

#[test]
fn a_younger_peer_authentication_is_among_what_the_older_one_overrode() {
    let policy = |name: &str, day: u8, mode: &str| {
        format!(
            "apiVersion: security.istio.io/v1\nkind: PeerAuthentication\n\
             metadata: {{name: {name}, namespace: shop, creationTimestamp: '2026-01-0{day}T00:00:00Z'}}\n\
             spec: {{mtls: {{mode: {mode}}}}}\n"
        )
    };
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n\
                   spec: {selector: {app: web}, ports: [{name: http, port: 80}]}\n";
    let (young, old) = (policy("a", 2, "STRICT"), policy("b", 1, "DISABLE"));
    let platform = platform(&mesh(""), &[&young, &old, service]);
    let inbound = proxy(&platform).inbound.values().next().unwrap();
    let mode = inbound.mutual_tls.as_ref().unwrap();
    assert_eq!(place(mode), "file-1.yaml:4");
    assert_eq!(mode.overrode.iter().map(place_of).collect::<Vec<_>>(), ["file-0.yaml:4"]);
}

#[test]
fn a_log_of_some_requests_says_which() {
    let envoy = "providers: [{name: envoy}]";
    let filtered = telemetry(
        "some",
        "",
        &format!("accessLogging: [{{{envoy}, filter: {{expression: 'response.code >= 500'}}}}]"),
    );
    let telemetry = proxy(&platform(&mesh(""), &[&filtered])).telemetry.clone();
    for recording in [&telemetry.outbound, &telemetry.inbound] {
        let filter = recording.access_log_filter.as_ref().unwrap();
        assert!(!recording.access_log.value);
        assert_eq!(filter.value, "response.code >= 500");
        assert_eq!(place(filter), place(&recording.access_log));
    }
    let off = filtered.replace("filter:", "disabled: true, filter:");
    let telemetry = proxy(&platform(&mesh(""), &[&off])).telemetry.clone();
    assert!(telemetry.outbound.access_log_filter.is_none());
}
