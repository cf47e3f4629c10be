//! `stilltrace settings` over kustomizations with remote bases and charts.

#![allow(clippy::unwrap_used, clippy::print_stderr, reason = "a failure is the test's result")]

mod program;

use std::path::Path;

use program::{Program, Run};

/// A workload with its service.
const CART: &str = "apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  selector: {matchLabels: {app: cart}}
  template: {metadata: {labels: {app: cart}}, spec: {containers: [{name: app, image: cart}]}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec:
  selector: {app: cart}
  ports: [{name: http, port: 8080}]
";

/// A rule that a template writes with a value of the chart.
const RULE: &str = "apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart, namespace: shop}
spec:
  host: cart
  trafficPolicy:
    connectionPool:
      http:
        http1MaxPendingRequests: {{ .Values.pending }}
";

fn write(folder: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn ask(program: &Program, folder: &Path, arguments: &[&str]) -> Run {
    let repo = folder.to_str().unwrap();
    let run = program.run(&[&["settings", "--repo", repo, "cart", "cart"], arguments].concat());
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{}", run.stdout);
    run
}

#[test]
fn a_vendored_copy_takes_the_place_of_a_remote_base() {
    let folder = tempfile::tempdir().unwrap();
    let root = "resources: [cart.yaml, 'https://github.com/example/base//rules?ref=v1']\n";
    write(
        folder.path(),
        &[
            ("env/kustomization.yaml", root),
            ("env/cart.yaml", CART),
            ("vendor/base/rules/kustomization.yaml", "resources: [rule.yaml]\nnamePrefix: a-\n"),
            ("vendor/base/rules/rule.yaml", &RULE.replace("{{ .Values.pending }}", "7")),
        ],
    );
    let program = Program::new();
    // The copy is part of the repository: without the argument it is a folder of its own.
    let vendored = ["--vendored", "https://github.com/example/base=vendor/base", "-o", "json"];
    let with = ask(&program, folder.path(), &vendored).stdout;
    assert!(!with.contains("is remote"), "{with}");
    let without = ask(&program, folder.path(), &["-o", "json"]).stdout;
    assert!(without.contains("is remote"), "{without}");
}

#[test]
fn the_charts_of_a_kustomization_are_part_of_what_is_in_effect() {
    let helm = std::env::var("STILLTRACE_HELM").ok();
    let Some(helm) = helm.filter(|helm| Path::new(helm).is_file()) else {
        return eprintln!("skipped: STILLTRACE_HELM names no Helm");
    };
    let folder = tempfile::tempdir().unwrap();
    let root = "resources: [cart.yaml]\nhelmGlobals: {chartHome: charts}\n\
                helmCharts:\n- name: rules\n  releaseName: rules\n  valuesInline:\n    pending: 7\n";
    write(
        folder.path(),
        &[
            ("env/kustomization.yaml", root),
            ("env/cart.yaml", CART),
            ("env/charts/rules/Chart.yaml", "apiVersion: v2\nname: rules\nversion: 1.0.0\n"),
            ("env/charts/rules/values.yaml", "pending: 5\n"),
            ("env/charts/rules/templates/rule.yaml", RULE),
        ],
    );
    let run = ask(&Program::new().with("STILLTRACE_HELM", helm), folder.path(), &[]);
    let words = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted = "pending requests 7 env/kustomization.yaml:7, not env/charts/rules/values.yaml:1";
    assert!(words.contains(wanted) && !words.contains("gap"), "{}", run.stdout);
}
