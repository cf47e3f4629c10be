//! Objects of the kinds that Kustomize knows something about, with a few choices each.

use std::fmt::Write as _;

use super::draw::Draw;

/// Documents of a base; every base has a Deployment `app` and a Service `svc`.
pub fn documents(draw: &mut Draw) -> String {
    let mut all = vec![deployment(draw), service(draw)];
    let further: [fn(&mut Draw) -> String; 9] = [
        config_map,
        stateful_set,
        accounts,
        role_binding,
        ingress,
        autoscaler,
        job,
        virtual_service,
        custom,
    ];
    for make in further {
        if draw.happens(40) {
            all.push(make(draw));
        }
    }
    all.join("---\n")
}

/// Metadata of an object, with labels, annotations and a namespace or without.
fn metadata(draw: &mut Draw, name: &str) -> String {
    let mut text = format!("metadata:\n  name: {name}\n");
    if draw.happens(15) {
        writeln!(text, "  namespace: {}", draw.one(&["own", "prod"])).unwrap();
    }
    if draw.happens(40) {
        let value = draw.one(&["x", "\"1\"", "'on'", "v1.0"]);
        writeln!(text, "  labels: {{app: {value}, tier: back}}").unwrap();
    }
    if draw.happens(30) {
        let value = draw.one(&["1e3", "yes", "text", "\"a: b\"", "8080", "true"]);
        write!(text, "  annotations:\n    note: {value} # a note\n    b: x\n").unwrap();
    }
    text
}

fn pod(draw: &mut Draw, indent: &str) -> String {
    let image = draw.one(&[
        "nginx",
        "nginx:1.0",
        "registry:5000/foo/bar@sha256:abc",
        "example.com/team/app:v1@sha256:def",
    ]);
    let arguments = draw.one(&[
        "[\"--host=$(HOST)\", \"$$(HOST)\", plain]",
        "[a, \"$(OTHER)\"]",
        "[\"x\\ny\", '$(HOST)$(HOST)']",
    ]);
    let mut text = format!(
        "containers:\n- name: main\n  image: {image}\n  args: {arguments}\n  env:\n\
         \x20 - {{name: A, value: \"$(HOST)\"}}\n  - name: B\n    valueFrom:\n      configMapKeyRef: \
         {{name: gen, key: k}}\n  ports: [{{containerPort: 80, name: http}}]\n"
    );
    if draw.happens(40) {
        text.push_str("- {name: side, image: busybox, envFrom: [{secretRef: {name: sec}}]}\n");
    }
    if draw.happens(30) {
        text.push_str("initContainers: [{name: init, image: 'nginx:1.0'}]\n");
    }
    if draw.happens(50) {
        text.push_str(
            "volumes:\n- name: v\n  configMap: {name: gen, defaultMode: 0644}\n\
             - {name: w, secret: {secretName: sec}}\n- {name: y, configMap: {name: cm}}\n",
        );
    }
    if draw.happens(30) {
        text.push_str("serviceAccountName: sa\n");
    }
    text.lines().fold(String::new(), |mut out, line| {
        writeln!(out, "{indent}{line}").unwrap();
        out
    })
}

fn deployment(draw: &mut Draw) -> String {
    let metadata = metadata(draw, "app");
    let replicas = draw.one(&["", "  replicas: 1\n"]);
    let pod = pod(draw, "      ");
    format!(
        "apiVersion: apps/v1\nkind: Deployment\n{metadata}spec:\n{replicas}  selector:\n    \
         matchLabels: {{app: x}}\n  template:\n    metadata:\n      labels: {{app: x}}\n    \
         spec:\n{pod}"
    )
}

fn stateful_set(draw: &mut Draw) -> String {
    let metadata = metadata(draw, "db");
    let pod = pod(draw, "      ");
    format!(
        "apiVersion: apps/v1\nkind: StatefulSet\n{metadata}spec:\n  serviceName: svc\n  template:\n    \
         spec:\n{pod}  volumeClaimTemplates:\n  - metadata: {{name: data}}\n    spec: \
         {{accessModes: [ReadWriteOnce]}}\n"
    )
}

fn service(draw: &mut Draw) -> String {
    let metadata = metadata(draw, "svc");
    let ports = draw.one(&[
        "[{port: 80, name: h}, {port: 81, name: i}]",
        "[{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]",
    ]);
    format!(
        "apiVersion: v1\nkind: Service\n{metadata}spec:\n  selector: {{app: x}}\n  ports: {ports}\n"
    )
}

fn config_map(draw: &mut Draw) -> String {
    let metadata = metadata(draw, "cm");
    let text = draw.one(&["host: a.b.c", "text: |\n    one\n    two", "json: '{\"a\":{\"b\":1}}'"]);
    format!("apiVersion: v1\nkind: ConfigMap\n{metadata}data:\n  port: \"8080\"\n  {text}\n")
}

fn accounts(draw: &mut Draw) -> String {
    let metadata = metadata(draw, "sa");
    let namespace = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: prod}\n";
    let namespace = if draw.happens(20) { namespace } else { "" };
    format!("apiVersion: v1\nkind: ServiceAccount\n{metadata}{namespace}")
}

fn role_binding(draw: &mut Draw) -> String {
    let kind = draw.one(&["RoleBinding", "ClusterRoleBinding"]);
    let namespace = draw.one(&["", ", namespace: own"]);
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{name: rb}}\nsubjects:\n\
         - {{kind: ServiceAccount, name: sa{namespace}}}\n- {{kind: ServiceAccount, name: default, \
         namespace: own}}\nroleRef: {{kind: ClusterRole, name: cr, apiGroup: \
         rbac.authorization.k8s.io}}\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: \
         ClusterRole\nmetadata: {{name: cr}}\nrules: [{{apiGroups: [''], resources: [pods], verbs: \
         [get], resourceNames: [x]}}]\n"
    )
}

fn ingress(draw: &mut Draw) -> String {
    let metadata = metadata(draw, "ing");
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\n{metadata}spec:\n  rules:\n  - host: \
         a.example.com\n    http:\n      paths:\n      - path: /\n        pathType: Prefix\n        \
         backend: {{service: {{name: svc, port: {{number: 80}}}}}}\n  tls: [{{secretName: sec}}]\n"
    )
}

fn autoscaler(draw: &mut Draw) -> String {
    let metadata = metadata(draw, "hpa");
    format!(
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n{metadata}spec:\n  \
         scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: app}}\n  maxReplicas: 5\n"
    )
}

fn job(draw: &mut Draw) -> String {
    let metadata = metadata(draw, "cron");
    let pod = pod(draw, "          ");
    format!(
        "apiVersion: batch/v1\nkind: CronJob\n{metadata}spec:\n  schedule: '* * * * *'\n  \
         jobTemplate:\n    spec:\n      template:\n        spec:\n{pod}"
    )
}

fn virtual_service(draw: &mut Draw) -> String {
    let metadata = metadata(draw, "vs");
    format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\n{metadata}spec:\n  hosts: [svc]\n  \
         http:\n  - name: one\n    route: [{{destination: {{host: svc}}}}]\n  - name: two\n    \
         timeout: 1s\n"
    )
}

fn custom(draw: &mut Draw) -> String {
    let metadata = metadata(draw, "foo");
    format!(
        "apiVersion: example.com/v1\nkind: Foo\n{metadata}spec:\n  list: [a, {{b: 1}}, [c]]\n  \
         image: nginx:1.0\n  template:\n    spec:\n      containers: [{{name: c, image: nginx}}]\n  \
         replicas: 2\n  big: 12345678901234567890\n"
    )
}
