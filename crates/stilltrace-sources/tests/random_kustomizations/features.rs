//! What layers draw seldom: selectors, options of replacements, files of generators, schemas of
//! one's own, name references, texts that hold YAML or JSON. Most inputs are valid.

use std::fmt::Write as _;

use super::draw::Draw;
use super::reference::Files;

/// A base, often a component, and an overlay.
pub fn draw(draw: &mut Draw) -> Files {
    let mut files = Files::new();
    let embedded = embedded(draw);
    files.insert("base/all.yaml".to_owned(), objects(draw, &embedded));
    files.insert("base/app.env".to_owned(), env_file(draw));
    files.insert("base/conf.txt".to_owned(), content(draw).to_owned());
    let mut base = "resources: [all.yaml]\n".to_owned();
    base.push_str(&generators(draw));
    let has_vars = draw.happens(20);
    if has_vars {
        base.push_str(draw.one(VARS));
    }
    if draw.happens(40) {
        let name = "base/names.yaml".to_owned();
        files.insert(name, draw.one(CONFIGURATIONS).to_owned());
        base.push_str("configurations: [names.yaml]\n");
    }
    files.insert("base/kustomization.yaml".to_owned(), base);
    let mut root = "resources: [../base]\n".to_owned();
    if draw.happens(50) {
        files.insert("part/kustomization.yaml".to_owned(), component(draw));
        files.insert("part/extra.env".to_owned(), env_file(draw));
        root.push_str("components: [../part]\n");
    }
    overlay(draw, &mut root, &mut files);
    files.insert("root/kustomization.yaml".to_owned(), root);
    files
}

const VARS: &[&str] = &[
    "vars:\n- {name: HOST, objref: {apiVersion: v1, kind: Service, name: svc}}\n",
    "vars:\n- {name: HOST, objref: {apiVersion: v1, kind: Service, name: svc}}\n- {name: PORT, objref: {apiVersion: v1, kind: Service, name: svc}, fieldref: {fieldpath: 'spec.ports[0].port'}}\n",
    "vars:\n- {name: HOST, objref: {apiVersion: v1, kind: ConfigMap, name: gen}, fieldref: {fieldpath: data.k}}\n",
    "vars:\n- {name: HOST, objref: {apiVersion: apps/v1, kind: Deployment, name: app}, fieldref: {fieldpath: metadata.labels.app}}\n",
];

const CONFIGURATIONS: &[&str] = &[
    "nameReference:\n- kind: ConfigMap\n  version: v1\n  fieldSpecs:\n  - {path: spec/config/name, kind: Foo}\n  - {path: spec/list/ref, kind: Foo}\n",
    "nameReference:\n- kind: Service\n  fieldSpecs:\n  - {path: spec/hosts, kind: VirtualService}\n  - {path: spec/http/route/destination/host, kind: VirtualService}\n",
    "namespace:\n- {path: spec/target/namespace, kind: Foo, create: true}\n",
    "images:\n- {path: spec/image, kind: Foo}\n",
    "replicas:\n- {path: spec/size, kind: Foo, create: true}\n",
    "namePrefix:\n- {path: metadata/name}\n- {path: spec/shown, kind: Foo}\n",
    "varReference:\n- {path: spec/hosts, kind: VirtualService}\n- {path: spec/shown, kind: Foo}\n",
    "commonLabels:\n- {path: spec/pick, kind: Foo, create: true}\n",
    "commonAnnotations:\n- {path: spec/notes, kind: Foo, create: true}\n",
];

/// The text of a key of a `ConfigMap`, indented to stand in a literal block. Not drawn: comments
/// and anchors, which are lost where a field is made in such a text and kept by Kustomize.
fn embedded(draw: &mut Draw) -> String {
    draw.one(&[
        "host: old\nport: 80\nlist:\n- name: one\n  url: http://a/b\n- name: two\n  url: x\n",
        "{host: old, port: 80, list: [{name: one, url: http://a/b}]}\n",
        "host: 'old'\nport: \"80\"\nlist: [{name: one, url: u}, {name: two, url: v}]\nempty: {}\n",
        "{\"host\": \"old\", \"port\": 80, \"list\": [{\"name\": \"one\", \"url\": \"http:\\/\\/a\"}]}\n",
        "{\n  \"host\": \"old\",\n  \"port\": 80,\n  \"list\": [\n    {\n      \"name\": \"one\",\n      \"url\": \"a\"\n    }\n  ]\n}\n",
        "host: |\n  old\n  text\nport: 80\nlist:\n- {name: one, url: >-\n    a\n    b\n  }\n",
        "\nhost: old\n\n\nport: 80\n\nlist:\n- name: one\n\n  url: a\n",
        "---\nhost: old\nport: 080\nlist: ~\n",
        "host: old\nport: 80\n---\nhost: second\n",
        "port: 80\nhost: \"old\\tx\"\nlong: a very long line that goes on and on and on and on and on and on and on and on and ends here\nlist:\n    - name: one\n      url: a\n",
    ])
    .to_owned()
}

fn objects(draw: &mut Draw, embedded: &str) -> String {
    let indented: Vec<String> = embedded.lines().map(|line| format!("    {line}\n")).collect();
    let indented = indented.concat();
    let indented = indented.replace("    \n", "\n");
    let (app, image) = (draw.one(&["x", "y"]), draw.one(IMAGES));
    let mut text = format!(
        "apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
  labels: {{app: {app}, tier: web}}
  annotations: {{note: old, url: 'http://h:80/p?q=1'}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: {app}}}}}
  template:
    metadata:
      labels:
        app: {app}
    spec:
      containers:
      - name: main
        image: {image}
        args: [--host=$(HOST), --port=1, a]
        env:
        - {{name: A, value: '1'}}
        - {{name: URL, value: 'http://$(HOST):$(PORT)/'}}
        - name: B
          valueFrom: {{configMapKeyRef: {{name: gen, key: k}}}}
        envFrom: [{{secretRef: {{name: sec, optional: true}}}}]
      - {{name: side, image: 'busybox:1.0@sha256:aa'}}
      volumes: [{{name: v, configMap: {{name: gen}}}}, {{name: w, projected: {{sources: [{{configMap: {{name: files}}}}]}}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: svc, annotations: {{a.b/c: 'one,two,three'}}}}
spec: {{selector: {{app: {app}}}, ports: [{{name: http, port: 80}}, {{name: tls, port: 443}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: plain}}
data:
  one: a-b-c
  config: |
{indented}---
apiVersion: example.com/v1
kind: Foo
metadata: {{name: foo, namespace: old}}
spec:
  config: {{name: gen}}
  list:
  - ref: gen
  - ref: plain
  - ref: nowhere
  image: nginx:1
  shown: $(HOST)
  target: {{}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: vs}}
spec:
  hosts: [svc, $(HOST).example.com]
  http:
  - {{name: one, route: [{{destination: {{host: svc}}, weight: 90}}, {{destination: {{host: other}}, weight: 10}}]}}
  - {{name: two, route: [{{destination: {{host: svc.old.svc.cluster.local}}}}]}}
"
    );
    if draw.happens(40) {
        text.push_str(draw.one(&[
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\nmetadata: {name: rb, namespace: old}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: role}\nsubjects:\n- {kind: ServiceAccount, name: default}\n- {kind: ServiceAccount, name: sa, namespace: old}\n- {kind: User, name: u}\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: sa, namespace: old}\n",
            "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: crb}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cr}\nsubjects: [{kind: ServiceAccount, name: default, namespace: old}]\n---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: cr}\nrules: []\n",
            "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: old}\n",
            "---\napiVersion: batch/v1\nkind: CronJob\nmetadata: {name: cron}\nspec: {schedule: '* * * * *', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: 'nginx:1'}]}}}}}\n",
            "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: hpa}\nspec: {maxReplicas: 3, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: app}}\n",
            "---\napiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: v1.example.com}\nspec: {service: {name: svc, namespace: old}}\n",
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: np}\nspec: {podSelector: {matchLabels: {app: x}}, ingress: [{from: [{podSelector: {matchLabels: {app: y}}}]}]}\n",
        ]));
    }
    text
}

const IMAGES: &[&str] = &[
    "nginx",
    "nginx:1.2",
    "nginx@sha256:abc",
    "nginx:1.2@sha256:abc",
    "registry:5000/team/nginx:2",
    "docker.io/library/nginx:3",
];

fn env_file(draw: &mut Draw) -> String {
    let mut text = String::new();
    for _ in 0..=draw.below(3) {
        let key = draw.one(&["A", "B", "c.d", "E_F"]);
        if !text.contains(&format!("{key}=")) {
            let value = draw.one(&["1", "x y", "\"q\"", "a=b", "", "'s'", "#no", "true", " lead"]);
            writeln!(text, "{key}={value}").unwrap();
        }
        if draw.happens(20) {
            text.push_str(draw.one(&["# comment\n", "\n", "  # more\n"]));
        }
    }
    text
}

fn content(draw: &mut Draw) -> &'static str {
    [
        "one line",
        "two\nlines\n",
        "trailing \nspace\n",
        "",
        "\n",
        "a: b\n- c\n",
        "{\"j\": 1}\n",
        "win\r\nlines\r\n",
        "\u{e9}\n",
    ][draw.below(9)]
}

fn generators(draw: &mut Draw) -> String {
    let options = draw.one(&[
        "",
        "",
        "  options: {disableNameSuffixHash: true}\n",
        "  options: {labels: {g: h}, annotations: {i: j}, immutable: true}\n",
    ]);
    let mut text = format!("configMapGenerator:\n- name: gen\n  literals: [k=v, l=x y]\n{options}");
    let files = draw.one(&["conf.txt", "other.txt=conf.txt"]);
    let envs = draw.one(&["  envs: [app.env]\n", "  envs: [app.env]\n", ""]);
    writeln!(text, "- name: files\n  files: [{files}]\n{envs}").unwrap();
    text.push_str("secretGenerator:\n- name: sec\n  literals: [p=w]\n");
    if draw.happens(30) {
        text.push_str("  envs: [app.env]\n");
    }
    if draw.happens(25) {
        text.push_str(draw.one(&[
            "generatorOptions: {disableNameSuffixHash: true}\n",
            "generatorOptions: {labels: {made: here}, annotations: {by: us}}\n",
            "generatorOptions: {immutable: true}\n",
        ]));
    }
    text
}

fn component(draw: &mut Draw) -> String {
    let mut text =
        "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: []\n".to_owned();
    text.push_str("commonAnnotations: {part: of}\n");
    if draw.happens(50) {
        let behavior = draw.one(&["merge", "replace"]);
        let name = draw.one(&["gen", "files"]);
        let what = draw.one(&["literals: [k=w, n=m]", "envs: [extra.env]", "files: [f=extra.env]"]);
        writeln!(text, "configMapGenerator:\n- {{name: {name}, behavior: {behavior}, {what}}}")
            .unwrap();
    }
    if draw.happens(60) {
        patches(draw, &mut text);
    }
    if draw.happens(30) {
        text.push_str(draw.one(LABELS));
    }
    if draw.happens(30) {
        text.push_str(draw.one(IMAGE_CHANGES));
    }
    text
}

const LABELS: &[&str] = &[
    "labels:\n- {pairs: {team: a}, includeSelectors: true}\n",
    "labels:\n- {pairs: {team: a}, includeTemplates: true}\n",
    "labels:\n- {pairs: {team: a, app: z}, includeSelectors: false, fields: [{path: spec/deep/labels, create: true, kind: Foo}, {path: metadata/annotations}]}\n",
    "labels:\n- {pairs: {one: '1'}}\n- {pairs: {two: 'true'}, includeTemplates: true}\n",
    "labels:\n- {pairs: {t: a}, fields: [{path: spec/template/metadata/labels, group: apps, create: true}]}\n",
    "commonLabels: {common: c}\n",
];

const IMAGE_CHANGES: &[&str] = &[
    "images: [{name: nginx, newTag: '9'}]\n",
    "images: [{name: nginx, digest: 'sha256:f00'}]\n",
    "images: [{name: nginx, newName: my/nginx, newTag: v1, digest: 'sha256:f00'}]\n",
    "images: [{name: nginx, tagSuffix: -alpine}]\n",
    "images: [{name: nginx, newTag: '9', tagSuffix: -x}]\n",
    "images: [{name: nginx, newName: 'reg:5000/n'}, {name: 'reg:5000/n', newTag: z}]\n",
    "images: [{name: registry:5000/team/nginx, newTag: '5'}, {name: docker.io/library/nginx, newName: lib/n}]\n",
    "images: [{name: busybox, newTag: '9'}]\n",
];

fn overlay(draw: &mut Draw, root: &mut String, files: &mut Files) {
    let mut some = |draw: &mut Draw, percent: usize, of: &[&str]| {
        if draw.happens(percent) {
            root.push_str(draw.one(of));
        }
    };
    some(draw, 40, &["namespace: prod\n", "namespace: old\n", "namespace: default\n"]);
    some(draw, 25, &["namePrefix: p-\n", "nameSuffix: -s\n", "namePrefix: a-\nnameSuffix: -b\n"]);
    some(draw, 40, LABELS);
    some(draw, 40, IMAGE_CHANGES);
    some(draw, 20, &["replicas: [{name: app, count: 3}]\n", "replicas: [{name: app, count: 0}]\n"]);
    some(
        draw,
        25,
        &[
            "commonAnnotations: {by: us}\n",
            "commonAnnotations: {note: new, n1: '1'}\n",
            "commonAnnotations: {n: '1'}\n",
            "commonAnnotations: {c: x}\n",
            "commonAnnotations: {d: 'y'}\n",
        ],
    );
    some(
        draw,
        25,
        &[
            "buildMetadata: [originAnnotations]\n",
            "buildMetadata: [transformerAnnotations]\n",
            "buildMetadata: [managedByLabel]\n",
            "buildMetadata: [managedByLabel, originAnnotations, transformerAnnotations]\n",
        ],
    );
    some(
        draw,
        30,
        &[
            "sortOptions: {order: fifo}\n",
            "sortOptions: {order: legacy}\n",
            "sortOptions: {order: legacy, legacySortOptions: {orderFirst: [Service, Namespace], orderLast: [Deployment]}}\n",
        ],
    );
    if draw.happens(30) {
        let behavior = draw.one(&["merge", "replace"]);
        let more = draw.one(&[
            "",
            ", options: {labels: {o: p}}",
            ", options: {disableNameSuffixHash: true}",
        ]);
        writeln!(
            root,
            "configMapGenerator:\n- {{name: gen, behavior: {behavior}, literals: [k=u]{more}}}"
        )
        .unwrap();
    }
    if draw.happens(15) {
        files.insert("root/schema.json".to_owned(), SCHEMA.to_owned());
        root.push_str("openapi: {path: schema.json}\n");
    }
    if draw.happens(55) {
        patches(draw, root);
    }
    if draw.happens(70) {
        replacements(draw, root);
    }
}

const SCHEMA: &str = r#"{"definitions": {"v1.Foo": {"type": "object", "x-kubernetes-group-version-kind": [{"group": "example.com", "kind": "Foo", "version": "v1"}], "properties": {"spec": {"type": "object", "properties": {"list": {"type": "array", "items": {"type": "object"}, "x-kubernetes-patch-merge-key": "ref", "x-kubernetes-patch-strategy": "merge"}}}}}}}"#;

fn patches(draw: &mut Draw, text: &mut String) {
    text.push_str("patches:\n");
    for _ in 0..=draw.below(2) {
        let target = draw.one(&[
            "{kind: Deployment}",
            "{kind: Deployment, name: a.*}",
            "{kind: Dep.*|Foo}",
            "{group: apps}",
            "{version: v1, kind: Service}",
            "{labelSelector: tier=web}",
            "{labelSelector: 'tier in (web,db),app'}",
            "{labelSelector: '!tier'}",
            "{annotationSelector: note=old}",
            "{annotationSelector: 'a.b/c'}",
            "{namespace: old}",
            "{name: (app|svc|gen)}",
        ]);
        let patch = draw.one(&[
            "    - {op: add, path: /metadata/labels, value: {from: patch, n: '1'}}\n",
            "    - {op: add, path: /metadata/annotations, value: {a.b/c: 'x,y', url: u}}\n",
            "    - op: replace\n      path: /metadata/name\n      value: app\n",
            "    apiVersion: v1\n    kind: Any\n    metadata: {name: any, labels: {sm: '1'}, annotations: {note: null}}\n",
            "    apiVersion: v1\n    kind: Any\n    metadata: {name: any}\n    spec: {extra: {a: [1, 2], b: null}}\n",
            "    apiVersion: example.com/v1\n    kind: Foo\n    metadata: {name: any}\n    spec: {list: [{ref: gen, more: 1}, {ref: new}]}\n",
            "    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: any}\n    spec: {template: {spec: {containers: [{name: main, args: null, env: [{name: A, value: null}, {name: Z, value: z}]}], volumes: [{name: v, configMap: null, emptyDir: {}}]}}}\n",
        ]);
        write!(text, "- target: {target}\n  patch: |-\n{patch}").unwrap();
    }
}

fn replacements(draw: &mut Draw, text: &mut String) {
    text.push_str("replacements:\n");
    for _ in 0..=draw.below(2) {
        text.push_str(draw.one(&[
            "- source: {kind: Service, name: svc, fieldPath: 'spec.ports.[name=tls].port'}\n",
            "- source: {kind: Service, name: svc}\n",
            "- source: {kind: ConfigMap, name: plain, fieldPath: data.one, options: {delimiter: '-', index: 1}}\n",
            "- source: {kind: ConfigMap, name: gen, fieldPath: data.k}\n",
            "- source: {kind: Deployment, name: app, fieldPath: 'spec.template.spec.containers.[name=main].image', options: {delimiter: ':'}}\n",
            "- source: {kind: Service, name: svc, fieldPath: 'metadata.annotations.a\\.b/c', options: {delimiter: ',', index: 2}}\n",
            "- source: {kind: Deployment, name: app, fieldPath: spec.template.metadata.labels}\n",
            "- source: {kind: Foo, name: foo, fieldPath: spec.list}\n",
            "- sourceValue: fixed\n",
            "- sourceValue: '8443'\n",
            "- sourceValue: 'true'\n",
            "- sourceValue: 'with: colon # and'\n",
        ]));
        text.push_str("  targets:\n");
        for _ in 0..=draw.below(2) {
            text.push_str(draw.one(&[
                "  - {select: {kind: Deployment}, fieldPaths: [metadata.annotations.url], options: {delimiter: ':', index: 2}}\n",
                "  - {select: {kind: Deployment}, fieldPaths: [metadata.annotations.url], options: {delimiter: '/', index: -1}}\n",
                "  - {select: {kind: Deployment}, fieldPaths: [metadata.annotations.made, metadata.annotations.new], options: {create: true}}\n",
                "  - {select: {kind: Service}, fieldPaths: ['metadata.annotations.a\\.b/c'], options: {delimiter: ',', index: 9}}\n",
                "  - {select: {kind: Service}, fieldPaths: [spec.selector, 'metadata.labels.x\\.y/z'], options: {create: true}}\n",
                "  - {select: {kind: VirtualService}, fieldPaths: ['spec.http.[name=one].route.0.weight', 'spec.http.*.route.*.destination.host']}\n",
                "  - {select: {kind: VirtualService}, fieldPaths: ['spec.http.[name=three].timeout', spec.gateways.0], options: {create: true}}\n",
                "  - {select: {kind: VirtualService}, fieldPaths: ['spec.hosts.1']}\n",
                "  - {select: {kind: ConfigMap, name: plain}, fieldPaths: [data.config.host]}\n",
                "  - {select: {kind: ConfigMap, name: plain}, fieldPaths: [data.config.port, data.config.list.0.url]}\n",
                "  - {select: {kind: ConfigMap, name: plain}, fieldPaths: ['data.config.list.[name=one].url']}\n",
                "  - {select: {kind: ConfigMap, name: plain}, fieldPaths: [data.config.new], options: {create: true}}\n",
                "  - {select: {kind: ConfigMap, name: plain}, fieldPaths: [data.config.new.deep.er], options: {create: true}}\n",
                "  - {select: {kind: ConfigMap, name: plain}, fieldPaths: [data.config.host], options: {delimiter: l, index: 1}}\n",
                "  - {select: {kind: ConfigMap, name: plain}, fieldPaths: [data.one], options: {delimiter: '-', index: 1}}\n",
                "  - {select: {kind: ConfigMap}, reject: [{name: plain}], fieldPaths: [data.added], options: {create: true}}\n",
                "  - {select: {kind: Foo}, fieldPaths: [spec.shown, 'spec.list.[ref=plain].ref']}\n",
                "  - {select: {kind: Foo}, fieldPaths: ['spec.map.a\\.b.c', spec.config], options: {create: true}}\n",
                "  - {select: {name: app}, reject: [{kind: HorizontalPodAutoscaler}], fieldPaths: ['spec.template.spec.containers.[name=main].env.[name=A].value']}\n",
                "  - {select: {labelSelector: tier=web}, fieldPaths: [metadata.labels.tier]}\n",
            ]));
        }
    }
}
