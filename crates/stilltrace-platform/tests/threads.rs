//! The number of threads that parse decides about nothing but the time.

use stilltrace_manifest::MemoryTree;
use stilltrace_platform::{ParseCache, read};
use stilltrace_report::settings;

/// Services of the repository: enough files for every thread to get some.
const SERVICES: usize = 100;
/// Numbers of threads: as many as most machines have, and more.
const THREADS: [usize; 3] = [2, 3, 8];

/// One file for every service and its rule, and some that cannot be read.
fn repository() -> MemoryTree {
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop\n  labels:\n    istio-injection: enabled\n";
    let mut tree = MemoryTree::new().with("namespace.yaml", namespace);
    for number in 0..SERVICES {
        tree.insert(format!("service-{number}.yaml"), service(number));
        if number % 10 == 0 {
            tree.insert(format!("broken-{number}.yaml"), format!("a: [{number}\nb: }}\n"));
        }
    }
    tree
}

fn service(number: usize) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: s{number}, namespace: shop}}
spec:
  selector: {{matchLabels: {{app: s{number}}}}}
  template:
    metadata: {{labels: {{app: s{number}}}}}
    spec: {{containers: [{{name: app, image: s{number}}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: s{number}, namespace: shop}}
spec: {{selector: {{app: s{number}}}, ports: [{{name: http, port: 80}}]}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: s{number}, namespace: shop}}
spec:
  host: s{number}
  trafficPolicy: {{connectionPool: {{tcp: {{maxConnections: {number}}}}}}}
"
    )
}

#[test]
fn settings_are_the_same_on_any_number_of_threads() {
    let tree = repository();
    let print =
        |threads| settings::settings(&read(&tree, &mut ParseCache::new().on_threads(threads)));
    let alone = print(1);
    assert!(alone.contains("s99.shop.svc.cluster.local|80"), "there is something to compare");
    assert!(alone.contains("broken-90.yaml"), "files that cannot be read are named");
    for threads in THREADS {
        assert!(print(threads) == alone, "{threads} threads print something else than one");
    }
}
