//! Pods of those who call and are called: how many, under which limits, and who says so.

use super::{MESH, Program, ask, json, line, said};

const RULES: &str = r"apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: cart, namespace: shop}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: cart}
  minReplicas: 2
  maxReplicas: 7
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: cart, namespace: shop}
spec:
  minAvailable: 60%
  selector: {matchLabels: {app: cart}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: plain, namespace: a-b}
spec:
  template:
    metadata: {labels: {app: plain}}
    spec:
      containers:
      - name: app
        image: plain
        resources:
          requests: {cpu: 1500m}
          limits: {memory: 64Mi}
        livenessProbe: {httpGet: {port: 1}, periodSeconds: 3}
---
apiVersion: v1
kind: Namespace
metadata: {name: a-b, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: z, namespace: a}
spec: {template: {metadata: {labels: {app: z}}, spec: {containers: [{name: app, image: z}]}}}
---
apiVersion: v1
kind: Namespace
metadata: {name: a, labels: {istio-injection: enabled}}
";

#[test]
fn the_called_and_the_calling_pods_are_shown() {
    let text = said(RULES, &["web", "cart:80"]);
    let cart = format!(
        "shop/cart (pods) run by Deployment stdin.yaml:12 replicas 2 to 7, Resource cpu at 80% \
         stdin.yaml:{} in a drain 60% must stay stdin.yaml:{}",
        line(1),
        line(13)
    );
    assert!(text.contains(&cart), "{text}");
    let web = "shop/web (pods) run by Deployment stdin.yaml:5 replicas 1 stdin.yaml:9 \
               CPU of app no limit Kubernetes default CPU of the proxy 2000m, requests 100m \
               Istio 1.31 installation default";
    assert!(text.contains(web), "{text}");
    assert!(!text.contains("a-b/plain"), "{text}");
}

#[test]
fn of_all_callers_only_the_called_pods_are_shown() {
    let text = said(RULES, &["*", "cart:80"]);
    assert!(text.contains("shop/cart (pods)") && !text.contains("shop/web (pods)"), "{text}");
}

#[test]
fn the_json_has_the_pods_that_are_asked_about() {
    let names = |arguments: &[&str]| {
        let document = json(RULES, arguments);
        document["pods"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(names(&[]), ["a-b/plain", "a/z", "shop/cart", "shop/web"]);
    assert_eq!(names(&["web"]), ["shop/web"]);
    assert_eq!(names(&["web", "cart"]), ["shop/cart", "shop/web"]);
}

#[test]
fn amounts_and_probes_have_the_lines_that_set_them() {
    let document = json(RULES, &[]);
    let container = &document["pods"]["a-b/plain"]["containers"]["app"];
    let origins = &container["origins"];
    assert_eq!(container["requests"]["cpu"], "1500m");
    assert_eq!(container["limits"], serde_json::json!({"cpu": null, "memory": "64Mi"}));
    assert_eq!(origins["requests.cpu"]["line"], line(27), "{origins}");
    let unlimited = &origins["limits.cpu"];
    assert_eq!(unlimited["default"], "Kubernetes default");
    assert_eq!((&unlimited["by"], &unlimited["version"]), (&"Kubernetes".into(), &"1.36".into()));
    let probe = &container["liveness"];
    assert_eq!((&probe["period_ms"], &probe["timeout_ms"]), (&3_000.into(), &1_000.into()));
    assert_eq!(probe["origins"]["period_ms"]["line"], line(29));
    assert_eq!(probe.get("failure_threshold"), None, "a default that nobody wrote");
}

#[test]
fn a_document_in_parts_has_its_names_in_order() {
    let printed = ask(RULES, &["-o", "json"]).stdout;
    let read: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(printed, format!("{read}\n"));
}

#[test]
fn owners_and_who_applies_the_pods_stand_beside_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let file = folder.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    };
    write("apps/shop/mesh.yaml", MESH);
    write("CODEOWNERS", "# all\n* @all\n/apps/shop/ @shop/payments @shop/web\n");
    let application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\n\
                       metadata: {name: shop, namespace: argocd}\n\
                       spec:\n  source: {repoURL: 'https://example.com/it', path: apps/shop}\n  \
                       destination: {namespace: shop}\n";
    write("argocd/shop.yaml", application);
    let path = folder.path().to_str().unwrap();
    let run = Program::new().run(&["settings", "web", "cart:80", "--repo", path]);
    let text = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    let cart = "shop/cart (pods) owner @shop/payments, @shop/web CODEOWNERS:3 \
                applied by Argo CD Application argocd/shop argocd/shop.yaml:1 \
                run by Deployment apps/shop/mesh.yaml:12";
    assert!(text.contains(cart), "{text} {}", run.stderr);
}
