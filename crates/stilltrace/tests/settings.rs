//! `stilltrace settings` as its users see it.

#![allow(clippy::unwrap_used, reason = "a test fails where nothing is found")]

mod program;

use program::{Program, Run};

/// Two workloads and a rule, in one file.
const MESH: &str = r"apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec:
  replicas: 2
  selector: {matchLabels: {app: cart}}
  template: {metadata: {labels: {app: cart}}, spec: {containers: [{name: app, image: cart}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: plain, namespace: other}
spec:
  selector: {matchLabels: {app: plain}}
  template: {metadata: {labels: {app: plain}}, spec: {containers: [{name: app, image: plain}]}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec:
  selector: {app: cart}
  ports: [{name: http, port: 8080}, {name: http-admin, port: 9090}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: cart, namespace: shop}
spec:
  host: cart
  trafficPolicy:
    connectionPool:
      http:
        http1MaxPendingRequests: 7
";

fn ask(arguments: &[&str]) -> Run {
    let mut all = vec!["settings", "--repo", "-"];
    all.extend(arguments);
    Program::new().run_with_input(&all, MESH.as_bytes())
}

#[test]
fn a_table_names_the_line_of_every_value_and_marks_defaults() {
    let run = ask(&["cart", "cart:8080"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    assert!(run.stdout.starts_with("shop/cart → cart.shop.svc.cluster.local:8080  ("));
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = run.stdout.lines().map(words).collect();
    assert!(lines.contains(&"pending requests 7 stdin.yaml:35".to_owned()), "{}", run.stdout);
    assert!(lines.contains(&"connections unlimited Istio 1.31 default".to_owned()));
    assert!(!run.stdout.contains("9090"), "{}", run.stdout);
}

#[test]
fn names_are_understood_in_every_form() {
    let expected = ask(&["shop/cart", "shop/cart"]).stdout;
    assert!(expected.contains("9090"), "{expected}");
    for (source, destination) in [
        ("cart", "cart"),
        ("cart.shop", "cart.shop"),
        ("cart.shop.svc", "cart.shop.svc.cluster.local"),
        ("cart.shop.svc.cluster.local", "cart"),
    ] {
        assert_eq!(ask(&[source, destination]).stdout, expected, "{source} {destination}");
    }
    assert_eq!(ask(&["cart", "cart", "-n", "shop"]).stdout, expected);
    let all = ask(&["*", "cart"]).stdout;
    let (edges, pods) = all.split_once("shop/cart  (pods)").unwrap();
    assert!(edges.contains("pending requests") && expected.starts_with(edges), "{all}");
    assert!(expected.ends_with(pods), "{all}");
}

#[test]
fn names_that_are_not_there_are_explained() {
    for (arguments, message) in [
        (&["crat"][..], "there is no workload `crat`; did you mean `shop/cart`?"),
        (&["cart", "catr"], "there is no service `catr`; did you mean `shop/cart`?"),
        (&["cart", "cart:1"], "shop/cart has no port 1; it has 8080, 9090"),
        (&["cart", "cart:x"], "`x` is no port"),
        (&["cart", "-n", "other"], "there is no workload `cart`"),
        (&["plain"], "other/plain has no proxy"),
        (&["--rev", "HEAD"], "has no revisions"),
    ] {
        let run = ask(arguments);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(run.stderr.contains(message), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn json_is_one_document_with_origins() {
    let run = ask(&["-o", "json"]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let edge = &document["workloads"]["shop/cart"]["edges"]["cart.shop.svc.cluster.local|8080"];
    assert_eq!(edge["max_pending"], 7);
    assert_eq!(edge["origins"]["max_pending"]["line"], 35);
    let one = ask(&["cart", "cart:9090", "-o", "json"]);
    let document: serde_json::Value = serde_json::from_str(&one.stdout).unwrap();
    let edges = document["workloads"]["shop/cart"]["edges"].as_object().unwrap();
    assert_eq!(edges.keys().collect::<Vec<_>>(), ["cart.shop.svc.cluster.local|9090"]);
}

/// Texts of many workloads are made by several threads and go out in one order.
#[test]
fn many_workloads_are_one_document_in_order() {
    let namespaces = ["a", "a-b", "b"];
    let mut mesh = String::new();
    for namespace in namespaces {
        let labels = "metadata: {labels: {istio-injection: enabled}, name";
        mesh.extend([format!("apiVersion: v1\nkind: Namespace\n{labels}: {namespace}}}\n---\n")]);
        for number in 0..70 {
            mesh.extend([format!(
                "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: w{number}, namespace: {namespace}}}\n\
                 spec:\n  selector: {{matchLabels: {{app: w{number}}}}}\n  template:\n    \
                 metadata: {{labels: {{app: w{number}}}}}\n    spec: {{containers: [{{name: app, image: i}}]}}\n---\n"
            )]);
        }
        mesh.extend([format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: w3, namespace: {namespace}}}\n\
             spec: {{selector: {{app: w3}}, ports: [{{name: http, port: 80}}]}}\n---\n"
        )]);
    }
    let ask = |who: &[&str]| {
        let words = [&["settings"], who, &["--repo", "-", "-o", "json"]].concat();
        let run = Program::new().run_with_input(&words, mesh.as_bytes());
        assert_eq!(run.code, 0, "{}", run.stderr);
        let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        (run.stdout, document)
    };
    let (text, whole) = ask(&[]);
    assert_eq!(text, format!("{whole}\n"), "keys are sorted, and each stands once");
    assert_eq!(whole["workloads"].as_object().unwrap().len(), 210);
    for namespace in namespaces {
        let caller = format!("{namespace}/w31");
        let (_, one) = ask(&[&caller]);
        assert_eq!(whole["workloads"][&caller], one["workloads"][&caller]);
        assert_eq!(whole["pods"][&caller], one["pods"][&caller]);
        assert_eq!(one["workloads"][&caller]["edges"].as_object().unwrap().len(), 3);
    }
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mesh.yaml"), MESH).unwrap();
    let words = ["settings", "--repo", folder.path().to_str().unwrap(), "-o", "json"];
    assert_eq!(Program::new().run_into_closed_pipe(&words), (0, String::new()));
}

/// Linux has a device that is always full.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mesh.yaml"), MESH).unwrap();
    let words = ["settings", "--repo", folder.path().to_str().unwrap(), "-o", "json"];
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let (code, said) = Program::new().run_into(&words, full.into());
    assert_eq!(code, 2);
    assert!(said.starts_with("error: standard output cannot be written"), "{said}");
}

#[test]
fn the_mesh_configuration_may_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mesh.yaml");
    std::fs::write(&file, "# ours\nconnectTimeout: 3s\n").unwrap();
    let file = file.to_str().unwrap();
    let run = ask(&["cart", "cart:8080", "-o", "json", "--mesh-config", file]);
    assert_eq!((run.code, run.stderr.as_str()), (0, ""));
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let edge = &document["workloads"]["shop/cart"]["edges"]["cart.shop.svc.cluster.local|8080"];
    assert_eq!(edge["connect_timeout_ms"], 3_000, "{edge}");
    let origin = &edge["origins"]["connect_timeout_ms"];
    assert_eq!((&origin["path"], &origin["line"]), (&file.into(), &2.into()));
}

#[test]
fn the_root_namespace_may_be_told() {
    let rule = MESH.replace(
        "{name: cart, namespace: shop}\nspec:\n  host: cart",
        "{name: cart, namespace: mesh-root}\nspec:\n  host: cart.shop.svc.cluster.local",
    );
    let pending = |arguments: &[&str]| {
        let mut all = vec!["settings", "--repo", "-", "-o", "json"];
        all.extend(arguments);
        let run = Program::new().run_with_input(&all, rule.as_bytes());
        let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        document["workloads"]["shop/cart"]["edges"]["cart.shop.svc.cluster.local|8080"]["max_pending"].clone()
    };
    assert_eq!(pending(&[]), serde_json::Value::Null);
    assert_eq!(pending(&["--istio-namespace", "mesh-root"]), 7);
}

#[test]
fn a_cluster_that_is_not_there_is_explained() {
    let run = ask(&["--cluster", "west"]);
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(run.stderr.contains("there is no cluster `west`"), "{}", run.stderr);
}

#[test]
fn what_admission_refuses_is_named_and_not_in_effect() {
    let mesh = MESH.replace("http1MaxPendingRequests: 7", "http1MaxPendingRequests: -7");
    let program = Program::new();
    let ask = |arguments: &[&str]| {
        let mut all = vec!["settings", "--repo", "-"];
        all.extend(arguments);
        program.run_with_input(&all, mesh.as_bytes())
    };
    let run = ask(&["-o", "json"]);
    let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let refused = &document["invalid"][0];
    assert_eq!(refused["object"]["kind"], "DestinationRule", "{refused}");
    assert_eq!((&refused["path"], &refused["line"]), (&"stdin.yaml".into(), &35.into()));
    let edge = &document["workloads"]["shop/cart"]["edges"]["cart.shop.svc.cluster.local|8080"];
    assert_eq!(edge.get("max_pending"), None);
    let table = ask(&["cart", "cart:8080"]).stdout;
    let words = table.split_whitespace().collect::<Vec<_>>().join(" ");
    let start = "refused stdin.yaml:35: DestinationRule shop/cart: spec.trafficPolicy.";
    assert!(words.starts_with(start), "{table}");
}

#[test]
fn a_file_that_cannot_be_read_costs_that_file_only() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mesh.yaml"), MESH).unwrap();
    std::fs::write(folder.path().join("broken.yaml"), "a: [1\n").unwrap();
    std::fs::write(folder.path().join("latin.yaml"), b"a: \xff\n").unwrap();
    let path = folder.path().to_str().unwrap();
    let run = Program::new().run(&["settings", "cart", "cart:8080", "--repo", path]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("mesh.yaml:35"), "{}", run.stdout);
    for broken in ["broken.yaml", "latin.yaml"] {
        assert!(run.stdout.contains(&format!("gap  {broken}")), "{}", run.stdout);
    }
}

/// A mesh whose namespace is labelled by something outside of Git.
fn unlabelled() -> String {
    MESH.replace(", labels: {istio-injection: enabled}", "")
}

#[test]
fn a_mesh_without_proxies_says_so_and_takes_it_from_the_command_line() {
    let program = Program::new();
    let ask = |arguments: &[&str]| {
        let mut all = vec!["settings", "--repo", "-"];
        all.extend(arguments);
        program.run_with_input(&all, unlabelled().as_bytes())
    };
    let silent = ask(&[]);
    assert_eq!(silent.code, 0);
    let words = silent.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("no workload has a proxy (2 without"), "{words}");
    assert!(words.contains("--inject other"), "{words}");
    let refused = ask(&["cart", "cart:8080"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("--inject shop"), "{}", refused.stderr);
    for told in ["shop", "*"] {
        let told = ask(&["--inject", told, "cart", "cart:8080"]);
        assert_eq!((told.code, told.stderr.as_str()), (0, ""));
        assert!(told.stdout.contains("stdin.yaml:35"), "{}", told.stdout);
    }
}

#[test]
fn a_namespace_that_refuses_proxies_is_not_overruled() {
    let refuses = MESH.replace("istio-injection: enabled", "istio-injection: disabled");
    let all = ["settings", "--repo", "-", "--inject", "*", "cart", "cart:8080"];
    let run = Program::new().run_with_input(&all, refuses.as_bytes());
    assert_eq!(run.code, 2, "{}", run.stdout);
}

#[test]
fn an_error_tells_what_was_not_read() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mesh.yaml"), MESH).unwrap();
    std::fs::write(folder.path().join("broken.yaml"), "a: [1\n").unwrap();
    let path = folder.path().to_str().unwrap();
    let run = Program::new().run(&["settings", "cart", "nowhere", "--repo", path]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("there is no service `nowhere`"), "{}", run.stderr);
    assert!(run.stderr.contains("broken.yaml:1"), "{}", run.stderr);
}

#[test]
fn a_workload_of_another_cluster_is_found_there() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let file = folder.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    for (cluster, name) in [("east", "cart"), ("west", "desk")] {
        let application = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\n\
             metadata: {{name: {cluster}, namespace: argocd}}\n\
             spec:\n  project: default\n  destination: {{name: {cluster}, namespace: shop}}\n\
             \x20 source: {{repoURL: https://git.example/r.git, path: apps/{cluster}}}\n"
        );
        write(&format!("root/{cluster}.yaml"), &application);
        write(&format!("apps/{cluster}/mesh.yaml"), &MESH.replace("cart", name));
    }
    let path = folder.path().to_str().unwrap();
    let run = Program::new().run(&["settings", "shop/desk", "desk:8080", "--repo", path]);
    let other = Program::new().run(&["settings", "shop/cart", "cart:8080", "--repo", path]);
    let refused = if run.code == 2 { &run } else { &other };
    assert_eq!((run.code, other.code).min((other.code, run.code)), (0, 2), "{}", refused.stderr);
    assert!(refused.stderr.contains("add --cluster "), "{}", refused.stderr);
}

#[test]
fn a_mesh_configuration_that_cannot_be_read_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mesh.yaml");
    for (text, complaint) in [("a: [1\n", "mesh.yaml:1"), ("- 1\n", "holds no mapping")] {
        std::fs::write(&file, text).unwrap();
        let run = ask(&["cart", "cart:8080", "--mesh-config", file.to_str().unwrap()]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""));
        assert!(run.stderr.contains(complaint), "{}", run.stderr);
    }
}

#[test]
fn objects_with_the_same_fault_share_a_line() {
    let rule = "---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\n\
                metadata: {name: rN, namespace: shop}\nspec: {host: \"\"}\n";
    let mut mesh = MESH.to_owned();
    for number in ["1", "2", "3", "4", "5"] {
        mesh.push_str(&rule.replace('N', number));
    }
    let run = Program::new().run_with_input(&["settings", "--repo", "-"], mesh.as_bytes());
    let lines = run.stdout.lines().filter(|line| line.starts_with("refused"));
    assert_eq!(lines.count(), 1, "{}", run.stdout);
    assert!(run.stdout.contains("and 2 more"), "{}", run.stdout);
}

#[cfg(unix)]
#[test]
fn a_link_to_nowhere_and_a_pipe_are_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mesh.yaml"), MESH).unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all", folder.path().join("link.yaml")).unwrap();
    std::os::unix::fs::symlink("mesh.yaml", folder.path().join("same.yaml")).unwrap();
    let pipe = folder.path().join("pipe.yaml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let path = folder.path().to_str().unwrap();
    let run = Program::new().run(&["settings", "cart", "cart:8080", "--repo", path]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("gap  link.yaml"), "{}", run.stdout);
    assert!(run.stdout.contains("gap  pipe.yaml"), "{}", run.stdout);
    assert!(!run.stdout.contains("same.yaml"), "{}", run.stdout);
}

#[test]
fn only_hazards_of_whom_one_asks_about_are_told() {
    let web = "---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec: {template: {metadata: {labels: {app: web}}, spec: {containers: [{name: app, image: web}]}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: api, namespace: shop}
spec: {template: {metadata: {labels: {app: api}}, spec: {containers: [{name: app, image: api}]}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: cart, namespace: shop}
spec: {hosts: [cart], http: [{route: [{destination: {host: cart, subset: none}}]}]}
";
    let program = Program::new();
    let told = |source: &str| {
        let all = ["settings", "--repo", "-", source];
        let run = program.run_with_input(&all, format!("{MESH}{web}").as_bytes());
        let words = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        (words.contains("a route of shop/web"), words.contains("a route of shop/api"))
    };
    assert_eq!(told("*"), (true, true));
    assert_eq!(told("web"), (true, false));
}

#[test]
fn another_name_for_a_service_leads_to_it() {
    let aliases = "---
apiVersion: v1
kind: Service
metadata: {name: alias, namespace: shop}
spec: {type: ExternalName, externalName: cart.shop.svc.cluster.local, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: shop}
spec: {type: ExternalName, externalName: foo.example.com, ports: [{port: 80}]}
";
    let program = Program::new();
    let told = |destination: &str| {
        let all = ["settings", "--repo", "-", "cart", destination];
        program.run_with_input(&all, format!("{MESH}{aliases}").as_bytes()).stderr
    };
    let inside = told("alias");
    assert!(inside.contains("shop/alias is only another name for cart.shop.svc"), "{inside}");
    assert!(inside.contains("ask about shop/cart") && !inside.contains("not exported"), "{inside}");
    let outside = told("outside");
    assert!(outside.contains("foo.example.com (stdin.yaml:45:42"), "{outside}");
    assert!(outside.contains("which no service has"), "{outside}");
}
