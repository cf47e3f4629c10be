//! Overlays over overlays, with most of what a kustomization can ask for.
//!
//! Not drawn, because it is known to differ: a replacement that puts a mapping where an earlier one
//! has made a single value (`null` or an empty text), and text that holds YAML with comments or in
//! flow style as the target of a replacement (the real program lays it out anew).

use std::fmt::Write as _;

use super::draw::Draw;
use super::objects;
use super::reference::Files;

/// What a layer may hold.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Base,
    Component,
    Overlay,
}

/// One or two bases, perhaps a component, one or two overlays.
pub fn draw(draw: &mut Draw) -> Files {
    let mut files = Files::new();
    // Two copies of a base cannot have variables.
    let twice = draw.happens(20);
    files.insert("base/all.yaml".to_owned(), objects::documents(draw));
    let mut base = format!("resources: [all.yaml]\n{}", layer(draw, Kind::Base));
    if !twice && draw.happens(40) {
        base.push_str(
            "vars:\n- name: HOST\n  objref: {apiVersion: v1, kind: Service, name: svc}\n",
        );
        base.push_str(draw.one(&["", "  fieldref: {fieldpath: 'spec.ports[0].port'}\n"]));
    }
    files.insert("base/kustomization.yaml".to_owned(), base);
    let mut below = "../base";
    let component = draw.happens(40);
    if component {
        let text = format!(
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: []\n{}",
            layer(draw, Kind::Component)
        );
        files.insert("part/kustomization.yaml".to_owned(), text);
    }
    if draw.happens(50) {
        let text = format!("resources: [{below}]\n{}", layer(draw, Kind::Overlay));
        files.insert("mid/kustomization.yaml".to_owned(), text);
        below = "../mid";
    }
    if twice {
        for name in ["one", "two"] {
            let text = format!("resources: [{below}]\nnamePrefix: {name}-\n");
            files.insert(format!("{name}/kustomization.yaml"), text);
        }
        below = "../one, ../two";
    }
    let mut root = format!("resources: [{below}]\n");
    if component {
        root.push_str("components: [../part]\n");
    }
    root.push_str(&layer(draw, Kind::Overlay));
    if draw.happens(15) {
        root.push_str("sortOptions: {order: fifo}\n");
    }
    if draw.happens(10) {
        root.push_str("buildMetadata: [managedByLabel, originAnnotations]\n");
    }
    files.insert("root/kustomization.yaml".to_owned(), root);
    files
}

/// Fields of a kustomization.
fn layer(draw: &mut Draw, kind: Kind) -> String {
    let mut text = String::new();
    let mut line = |draw: &mut Draw, percent: usize, of: &[&str]| {
        if draw.happens(percent) {
            text.push_str(draw.one(of));
            text.push('\n');
        }
    };
    line(draw, 30, &["namespace: prod", "namespace: other"]);
    line(draw, 30, &["namePrefix: p-", "namePrefix: q.", "namePrefix: '1-'"]);
    line(draw, 25, &["nameSuffix: -s", "nameSuffix: '-2'"]);
    line(
        draw,
        25,
        &[
            "labels: [{pairs: {team: a, app: w}}]",
            "labels: [{pairs: {team: b}, includeSelectors: true}]",
            "labels: [{pairs: {team: '1'}, includeTemplates: true}]",
            "labels: [{pairs: {z: w}, fields: [{path: spec/extra, create: true, kind: Foo}]}]",
        ],
    );
    line(draw, 20, &["commonLabels: {app: z}", "commonLabels: {own: 'true', b: x}"]);
    line(draw, 20, &["commonAnnotations: {note: new, c: '1'}", "commonAnnotations: {d: \"on\"}"]);
    line(
        draw,
        35,
        &[
            "images: [{name: nginx, newTag: '2'}]",
            "images: [{name: nginx, newName: my/nginx}, {name: busybox, digest: 'sha256:1'}]",
            "images: [{name: 'registry:5000/foo/bar', newTag: v2}, {name: my/nginx, newTag: x}]",
            "images: [{name: example.com/team/app, newName: other, tagSuffix: -fips}]",
            "images: [{name: nginx, tagSuffix: -alpine}]",
        ],
    );
    line(draw, 20, &["replicas: [{name: app, count: 3}]"]);
    generators(draw, kind, &mut text);
    if draw.happens(45) {
        patches(draw, &mut text);
    }
    if draw.happens(30) {
        replacements(draw, &mut text);
    }
    text
}

fn generators(draw: &mut Draw, kind: Kind, text: &mut String) {
    if kind == Kind::Base {
        let options = draw.one(&[
            "",
            ", options: {disableNameSuffixHash: true}",
            ", options: {labels: {g: h}, annotations: {i: j}}",
        ]);
        let pairs = draw.one(&["k=v", "k=a=b", "k=\"q\"", "k=", "k=1e3"]);
        writeln!(
            text,
            "configMapGenerator:\n- {{name: gen, literals: ['{pairs}', 'l=x y']{options}}}"
        )
        .unwrap();
        if draw.happens(60) {
            let kind = draw.one(&["", ", type: example.com/kind"]);
            writeln!(text, "secretGenerator: [{{name: sec, literals: [p=w]{kind}}}]").unwrap();
        }
    } else if draw.happens(25) {
        let behavior = draw.one(&["merge", "merge", "replace"]);
        writeln!(
            text,
            "configMapGenerator: [{{name: gen, behavior: {behavior}, literals: [m=n]}}]"
        )
        .unwrap();
    } else if draw.happens(20) {
        text.push_str("configMapGenerator: [{name: more, literals: [a=b]}]\n");
    }
    if draw.happens(15) {
        text.push_str("generatorOptions: {labels: {made: here}}\n");
    }
}

fn patches(draw: &mut Draw, text: &mut String) {
    text.push_str("patches:\n");
    for _ in 0..=draw.below(2) {
        text.push_str(draw.one(&[
            "- target: {kind: Deployment}\n  patch: |-\n    - {op: replace, path: /spec/replicas, \
             value: 9}\n",
            "- target: {kind: Deployment|StatefulSet}\n  patch: |-\n    - op: add\n      path: \
             /spec/template/spec/containers/0/args/-\n      value: --more=1\n",
            "- target: {labelSelector: app=x}\n  patch: |-\n    - {op: add, path: \
             /metadata/labels/new, value: \"7\"}\n",
            "- target: {kind: Foo}\n  patch: |-\n    - {op: copy, from: /spec/big, path: \
             /metadata/annotations/big}\n",
            "- target: {kind: Service}\n  patch: |-\n    - {op: test, path: /kind, value: Service}\n    \
             - {op: remove, path: /spec/ports/1}\n",
            "- target: {kind: Deployment}\n  patch: |-\n    apiVersion: apps/v1\n    kind: \
             Deployment\n    metadata: {name: any, annotations: {note: null, p: x}}\n    spec:\n      \
             template:\n        spec:\n          containers:\n          - name: main\n            env: \
             [{name: A, $patch: delete}, {name: C, value: \"1\"}]\n            ports: \
             [{containerPort: 80, protocol: UDP}]\n          - {name: added, image: 'nginx:1.0'}\n",
            "- patch: |-\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: app}\n    \
             spec:\n      template:\n        spec:\n          containers:\n          - {name: main, \
             resources: {limits: {cpu: 1}}}\n          - {name: side, $patch: delete}\n",
            "- patch: |-\n    apiVersion: v1\n    kind: Service\n    metadata: {name: svc, labels: \
             {l: m}}\n    spec: {ports: [{port: 80, nodePort: 30000}], selector: null}\n",
            "- target: {kind: VirtualService}\n  patch: |-\n    apiVersion: networking.istio.io/v1\n    \
             kind: VirtualService\n    metadata: {name: any}\n    spec:\n      http: [{name: one, \
             timeout: 2s}]\n",
            "- target: {kind: Job|CronJob|Ingress}\n  patch: '[{\"op\": \"add\", \"path\": \
             \"/metadata/annotations\", \"value\": {\"a\": \"b\"}}]'\n",
            "- target: {name: foo}\n  patch: |-\n    $patch: delete\n    apiVersion: \
             example.com/v1\n    kind: Foo\n    metadata: {name: foo}\n",
            "- target: {kind: Service, name: svc}\n  options: {allowNameChange: true}\n  patch: |-\n    \
             - {op: replace, path: /metadata/name, value: renamed}\n",
        ]));
    }
}

fn replacements(draw: &mut Draw, text: &mut String) {
    text.push_str("replacements:\n");
    for _ in 0..=draw.below(2) {
        text.push_str(draw.one(&[
            "- source: {kind: Service, name: svc}\n",
            "- source: {kind: Service, fieldPath: 'spec.ports.0.port'}\n",
            "- source: {kind: Deployment, name: app, fieldPath: \
             'spec.template.spec.containers.[name=main].image', options: {delimiter: ':'}}\n",
            "- sourceValue: fixed.value\n",
            "- source: {kind: Deployment, fieldPath: metadata.name}\n",
        ]));
        text.push_str("  targets:\n");
        text.push_str(draw.one(&[
            "  - select: {kind: Deployment}\n    fieldPaths: [metadata.annotations.host]\n    options: \
             {create: true}\n",
            "  - select: {kind: Deployment}\n    fieldPaths: \
             ['spec.template.spec.containers.[name=main].env.[name=A].value']\n",
            "  - select: {kind: Deployment}\n    fieldPaths: \
             ['spec.template.spec.containers.*.image']\n    options: {delimiter: ':', index: 0}\n",
            "  - select: {kind: Service}\n    fieldPaths: [spec.externalName, 'spec.list.0.x']\n    \
             options: {create: true}\n",
            "  - select: {kind: Deployment|StatefulSet}\n    reject: [{name: db}]\n    fieldPaths: \
             ['spec.template.spec.containers.0.args.0']\n    options: {delimiter: '=', index: 1}\n",
            "  - select: {kind: Deployment}\n    fieldPaths: \
             ['spec.template.spec.containers.[name=new].image', 'metadata.labels.a\\.b/c']\n    \
             options: {create: true}\n",
        ]));
    }
}
