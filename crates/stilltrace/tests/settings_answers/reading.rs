//! What was read, what was not, and what of that matters most.

use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use super::{MESH, json, line, said};
use crate::program::{Program, Run};

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// Asks about a folder where no `helm` is to be found.
fn of_folder(folder: &TempDir, arguments: &[&str]) -> Run {
    let mut all = vec!["settings", "--repo", folder.path().to_str().unwrap()];
    all.extend(arguments);
    Program::new().with("PATH", "").run(&all)
}

fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn gaps(document: &Value) -> Vec<String> {
    let gaps = document["gaps"].as_array().unwrap().iter();
    gaps.map(|gap| format!("{}: {}", gap["what"].as_str().unwrap(), gap["why"].as_str().unwrap()))
        .collect()
}

#[test]
fn brackets_and_quotes_at_the_parents_column_are_read_without_a_word() {
    let rule = "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n\
                metadata:\n  name: cart\n  namespace: shop\n  annotations:\n    why: 'one\n    two'\n\
                spec:\n  host: cart\n  trafficPolicy:\n    connectionPool: {\n      \
                tcp: {maxConnections: 7\n    }\n    }\n  exportTo: [\n  \"*\"\n  ]\n";
    let document = json(rule, &["web", "cart:80"]);
    assert_eq!(gaps(&document), Vec::<String>::new());
    let edge = &document["workloads"]["shop/web"]["edges"]["cart.shop.svc.cluster.local|80"];
    assert_eq!(edge["max_connections"], 7, "{edge}");
}

#[test]
fn a_key_set_twice_is_told_with_who_takes_it_and_who_refuses() {
    let rule = "apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
                metadata: {name: cart, namespace: shop}\nspec:\n  hosts: [cart]\n  http:\n  \
                - timeout: 1s\n    timeout: 5s\n    route: [{destination: {host: cart}}]\n";
    let text = said(rule, &["web", "cart:80"]);
    assert!(text.contains("timeout 5s"), "{text}");
    assert!(text.contains(&format!("stdin.yaml:{}:5: key `timeout` is already set", line(8))));
    assert!(text.contains("the answer takes the last one, as kubectl"), "{text}");
    assert!(text.contains("Kustomize, and Flux with it, refuse the file"), "{text}");
    assert!(!text.contains("not part of the answer"), "{text}");
}

const APPLICATION: &str = "apiVersion: argoproj.io/v1alpha1\nkind: Application\n\
    metadata: {name: NAME, namespace: argocd}\nspec:\n  project: default\n  \
    destination: {server: \"https://CLUSTER.example.com\", namespace: shop}\n  \
    source: {repoURL: https://example.com/me/gitops, path: FOLDER, targetRevision: main}\n---\n";

fn application(name: &str, cluster: &str, folder: &str) -> String {
    APPLICATION.replace("NAME", name).replace("CLUSTER", cluster).replace("FOLDER", folder)
}

/// Two clusters that run something, and a third that only holds what applies it.
fn several_clusters() -> TempDir {
    let applications = [
        application("shop-prod", "prod", "apps/shop"),
        application("cart-prod", "prod", "charts/cart"),
        application("shop-staging", "staging", "apps/shop"),
    ];
    let namespace = "apiVersion: v1\nkind: Namespace\n\
                     metadata: {name: shop, labels: {istio-injection: enabled}}\n";
    folder(&[
        ("clusters/apps.yaml", &applications.concat()),
        ("apps/shop/all.yaml", namespace),
        ("charts/cart/Chart.yaml", "apiVersion: v2\nname: cart\nversion: 0.1.0\n"),
    ])
}

#[test]
fn a_cluster_that_only_holds_applications_is_not_the_one_that_is_read() {
    let run = of_folder(&several_clusters(), &[]);
    let text = plain(&run.stdout);
    assert!(text.contains("gap only the cluster `https://prod.example.com` is read"), "{text}");
    assert!(text.contains("default (nothing but 3 objects of Argo CD or Flux)"), "{text}");
    assert!(text.contains("https://staging.example.com (1 object)"), "{text}");
}

#[test]
fn an_unknown_name_is_explained_by_the_missing_helm() {
    let run = of_folder(&several_clusters(), &["web", "cart"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("its chart `charts/cart` is not rendered"), "{}", run.stderr);
    assert!(run.stderr.contains("install `helm`"), "{}", run.stderr);
}

#[test]
fn a_part_of_a_clusters_name_is_enough_for_a_suggestion() {
    let run = of_folder(&several_clusters(), &["--cluster", "staging"]);
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("did you mean `https://staging.example.com`?"), "{}", run.stderr);
}

#[test]
fn what_the_whole_answer_is_about_comes_first_of_many_gaps() {
    let charts: String = (0..20)
        .map(|one| application(&format!("a{one:02}"), "prod", &format!("charts/c{one}")))
        .collect();
    let pods = MESH.replace("istio-injection: enabled", "team: shop");
    let folder = folder(&[
        ("apps.yaml", &format!("{charts}{}", application("shop", "prod", "apps/shop"))),
        ("apps/shop/all.yaml", &pods),
    ]);
    let first = "no workload has a proxy (2 without, in shop)";
    let run = of_folder(&folder, &["-o", "json"]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let all = gaps(&document);
    assert!(all.len() > 20 && all[0].starts_with(first), "{all:?}");
    let text = plain(&of_folder(&folder, &[]).stdout);
    assert!(text.contains(&format!("gap {first}")), "{text}");
    let last = format!("and {} more gaps (-o json has all {})", all.len() - 8, all.len());
    assert!(text.contains(&last), "{text}");
}

#[test]
fn nothing_found_is_said_with_what_was_looked_at() {
    let folder = folder(&[("README.md", "# Nothing\n"), ("a.yaml", "kind: None\n")]);
    let text = plain(&of_folder(&folder, &[]).stdout);
    assert!(text.contains("nothing found: nothing is applied; 2 files were looked at"), "{text}");
}

#[test]
fn only_gaps_that_miss_objects_are_told_beside_an_unknown_name() {
    let misspelled = "apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
                      metadata: {name: cart, namespace: shop}\n\
                      spec: {hosts: [cart], htttp: [], http: [{route: [{destination: {host: cart}}]}]}\n";
    let ask = |objects: &str| {
        let all = ["settings", "--repo", "-", "web", "zzz"];
        Program::new().run_with_input(&all, format!("{MESH}{objects}").as_bytes()).stderr
    };
    assert!(!ask(misspelled).contains("may hold it"), "{}", ask(misspelled));
    assert!(ask("a: [\n").contains("what was not read may hold it"), "{}", ask("a: [\n"));
}

#[test]
fn suggestions_prefer_the_callers_namespace() {
    let objects = "apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: alpha}\n\
                   spec: {selector: {app: other}, ports: [{name: http, port: 80}]}\n";
    let all = ["settings", "--repo", "-", "web", "catr"];
    let run = Program::new().run_with_input(&all, format!("{MESH}{objects}").as_bytes());
    assert!(run.stderr.contains("did you mean `shop/cart`?"), "{}", run.stderr);
}

#[test]
fn an_invisible_service_is_told_with_the_line_that_hides_it() {
    let hidden = "apiVersion: networking.istio.io/v1\nkind: Sidecar\n\
                  metadata: {name: default, namespace: shop}\nspec:\n  egress:\n  \
                  - hosts: [istio-system/*]\n---\n";
    let exported = "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n\
                    metadata: {name: api, namespace: other}\nspec:\n  hosts: [api.example.com]\n  \
                    exportTo: [.]\n  ports: [{number: 443, name: https, protocol: HTTPS}]\n  \
                    resolution: DNS\n";
    let ask = |objects: &str, host: &str| {
        let all = ["settings", "--repo", "-", "web", host];
        Program::new().run_with_input(&all, format!("{MESH}{objects}").as_bytes()).stderr
    };
    let told = ask(hidden, "cart");
    assert!(told.contains("the Sidecar of shop/web does not list it (stdin.yaml:"), "{told}");
    let told = ask(exported, "api.example.com");
    let place = format!("it is not exported to the namespace shop (see stdin.yaml:{}", line(1));
    assert!(told.contains(&place), "{told}");
}

#[test]
fn a_port_that_no_service_can_have_is_told_from_a_word() {
    let ask = |port: &str| {
        let all = ["settings", "--repo", "-", "web", port];
        Program::new().run_with_input(&all, MESH.as_bytes()).stderr
    };
    assert!(ask("cart:99999").contains("no service can have the port 99999"));
    assert!(ask("cart:http").contains("`http` is no port; write it like cart:8080"));
}

/// What Flux is set up with, and a Kustomization that it applies.
fn flux(source: &str, variables: &str) -> TempDir {
    let sync = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\n\
                metadata: {name: flux-system, namespace: flux-system}\n\
                spec: {url: https://example.com/me/flux, ref: {branch: main}}\n---\n\
                apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n\
                metadata: {name: flux-system, namespace: flux-system}\n\
                spec: {path: ./clusters/prod, sourceRef: {kind: GitRepository, name: flux-system}}\n";
    let shop = format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n\
         metadata: {{name: shop, namespace: flux-system}}\nspec:\n  path: ./apps/shop\n  \
         sourceRef: {{kind: GitRepository, name: {source}}}\n  \
         postBuild: {{substitute: {{TIMEOUT: 9s}}}}\n"
    );
    let rule = format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
         metadata: {{name: cart, namespace: shop}}\nspec:\n  hosts: [cart]\n  http:\n  \
         - timeout: ${{TIMEOUT}}\n    retries: {{attempts: 2, {variables}}}\n    \
         route: [{{destination: {{host: cart}}}}]\n"
    );
    folder(&[
        ("clusters/prod/flux-system/sync.yaml", sync),
        ("clusters/prod/shop.yaml", &shop),
        ("apps/shop/rule.yaml", &rule),
        ("apps/shop/pods.yaml", MESH),
    ])
}

#[test]
fn variables_that_nothing_sets_are_named() {
    let text = |variables: &str| plain(&of_folder(&flux("flux-system", variables), &[]).stdout);
    let unset = text("perTryTimeout: '${TRY}'");
    let told = "Kustomization flux-system/shop: nothing sets the variables `TRY` (apps/shop/rule.yaml:8:43)";
    assert!(unset.contains(told), "{unset}");
    assert!(!text("perTryTimeout: '${TRY:=1s}'").contains("nothing sets"));
}

#[test]
fn a_source_that_is_not_there_is_named() {
    let text = |source: &str| plain(&of_folder(&flux(source, "retryOn: 5xx"), &[]).stdout);
    let told = "clusters/prod/shop.yaml:6:14: Kustomization flux-system/shop: no object that was read is the GitRepository flux-system/flux-systm; did you mean `flux-system`?";
    assert!(text("flux-systm").contains(told), "{}", text("flux-systm"));
    assert!(!text("flux-system").contains("no object that was read"));
}

#[test]
fn a_patch_of_a_release_is_no_stray_object() {
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\n\
                   metadata: {name: cart, namespace: shop}\nspec: {values: {replicas: 2}}\n";
    let folder = folder(&[
        ("overlay/kustomization.yaml", "resources: [../base]\ncomponents: [../part]\n"),
        ("base/kustomization.yaml", "resources: [pods.yaml]\n"),
        ("base/pods.yaml", MESH),
        (
            "part/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n\
             patches: [{path: values.yaml, target: {kind: HelmRelease}}]\n",
        ),
        ("part/values.yaml", release),
    ]);
    let text = plain(&of_folder(&folder, &[]).stdout);
    assert!(text.contains("shop/web") && !text.contains("HelmRelease"), "{text}");
    let part = folder.path().join("part/kustomization.yaml");
    fs::write(part, "kind: Component\n").unwrap();
    let text = plain(&of_folder(&folder, &[]).stdout);
    assert!(text.contains("HelmRelease shop/cart"), "{text}");
}

#[test]
fn a_mesh_without_workloads_says_so() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: s}\n\
                   spec: {ports: [{name: http, port: 80}], clusterIP: 10.0.0.1}\n";
    let run = crate::program::Program::new()
        .run_with_input(&["settings", "--repo", "-"], service.as_bytes());
    assert!(run.stdout.contains("no call goes through a proxy"), "{}", run.stdout);
}

#[test]
fn calls_that_were_not_asked_about_depend_on_no_age() {
    let rule = |name: &str, timeout: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\n\
             metadata: {{name: {name}, namespace: shop}}\n\
             spec: {{hosts: [cart], http: [{{timeout: {timeout}, route: [{{destination: {{host: \
             cart, port: {{number: 80}}}}}}]}}]}}\n---\n"
        )
    };
    let other = "apiVersion: v1\nkind: Service\nmetadata: {name: other, namespace: shop}\n\
                 spec: {selector: {app: web}, ports: [{name: http, port: 80}]}\n";
    let objects = format!("{}{}{other}", rule("a", "1s"), rule("b", "2s"));
    let document = super::json(&objects, &["web", "other"]);
    assert!(!document["workloads"].to_string().contains("depends_on_age"), "{document}");
    // Where the two meet, the answer still says so.
    let document = super::json(&objects, &["web", "cart:80"]);
    let web = &document["workloads"]["shop/web"];
    assert!(web.get("depends_on_age").is_none(), "{web}");
    assert!(web["http"].to_string().contains("depends_on_age"), "{web}");
}
