//! What the walk must find, and what it must leave alone.

use super::{Builder, Dialect, FaultKind, Meant, Table, Type, faults, tables};
use crate::yaml::{Budget, Node, parse};

fn read(text: &str) -> Node {
    let parsed = parse("a.yaml", text.as_bytes(), &Budget::default());
    Node::clone(&parsed.documents[0].root)
}

/// All faults of a text as lines `LINE:COLUMN PATH WHAT`.
fn found(table: &Table, (api_version, kind): (&str, &str), text: &str) -> Vec<String> {
    let shape = table.kind(api_version, kind).unwrap();
    let faults = faults(table, shape, &read(text), 100);
    let lines = faults.found.iter().map(|fault| {
        let what = match &fault.kind {
            FaultKind::UnknownField { meant: None } => "unknown".to_owned(),
            FaultKind::UnknownField { meant: Some(Meant::Name(name)) } => format!("→ {name}"),
            FaultKind::UnknownField { meant: Some(Meant::Place(place)) } => format!("at {place}"),
            FaultKind::WrongType { expected } => format!("not {expected}"),
            FaultKind::UnknownValue { value, meant, .. } => format!("value {value} → {meant:?}"),
            FaultKind::Missing { field } => format!("lacks {field}"),
            FaultKind::Together { fields } => format!("together {}", fields.join(" ")),
        };
        format!("{}:{} {} {what}", fault.mark.line, fault.mark.column, fault.path)
    });
    lines.collect()
}

const VIRTUAL_SERVICE: (&str, &str) = ("networking.istio.io/v1", "VirtualService");
const DESTINATION_RULE: (&str, &str) = ("networking.istio.io/v1", "DestinationRule");

fn of_spec(kind: (&str, &str), spec: &str) -> Vec<String> {
    found(&tables::ISTIO, kind, &format!("spec:\n{spec}"))
}

#[test]
fn no_committed_table_is_empty() {
    for table in [
        &*tables::ISTIO,
        &*tables::GATEWAY_API,
        &*tables::MESH_CONFIG,
        &*tables::ARGO_CD,
        &*tables::FLUX,
    ] {
        assert!(table.kinds().count() >= 3 && table.len() > 20);
        assert!(table.sources.iter().any(|line| line.contains("Apache License 2.0")));
    }
}

#[test]
fn a_misspelled_field_is_found_with_its_place_and_what_was_meant() {
    let spec = "  http:\n  - retries:\n      attempts: 3\n      perTryTimout: 2s\n";
    assert_eq!(
        of_spec(VIRTUAL_SERVICE, spec),
        ["5:7 spec.http[0].retries.perTryTimout → perTryTimeout"]
    );
    assert!(of_spec(VIRTUAL_SERVICE, &spec.replace("Timout", "Timeout")).is_empty());
}

#[test]
fn a_field_at_the_wrong_level_is_told_where_it_belongs() {
    assert_eq!(
        of_spec(VIRTUAL_SERVICE, "  http:\n  - perTryTimeout: 2s\n"),
        ["3:5 spec.http[0].perTryTimeout at spec.http[].retries.perTryTimeout"]
    );
    assert_eq!(
        of_spec(
            VIRTUAL_SERVICE,
            "  http:\n  - route:\n    - destination: {host: a}\n      timeout: 2s\n"
        ),
        ["5:7 spec.http[0].route[0].timeout at spec.http[].timeout"]
    );
    assert_eq!(
        of_spec(DESTINATION_RULE, "  host: a\n  outlierDetection: {}\n"),
        ["3:3 spec.outlierDetection at spec.trafficPolicy.outlierDetection"]
    );
    assert_eq!(
        of_spec(DESTINATION_RULE, "  host: a\n  nothingLikeIt: 1\n"),
        ["3:3 spec.nothingLikeIt unknown"]
    );
}

#[test]
fn a_name_that_is_used_already_is_not_suggested_again() {
    let spec = "  http:\n  - timeout: 1s\n    timeouts: 2s\n";
    assert_eq!(of_spec(VIRTUAL_SERVICE, spec), ["4:5 spec.http[0].timeouts unknown"]);
}

#[test]
fn objects_know_one_name_of_a_field_and_the_mesh_configuration_two() {
    assert_eq!(
        of_spec(DESTINATION_RULE, "  host: a\n  traffic_policy: {}\n"),
        ["3:3 spec.traffic_policy → trafficPolicy"]
    );
    let mesh = |text: &str| found(&tables::MESH_CONFIG, (tables::MESH, "MeshConfig"), text);
    assert!(mesh("connect_timeout: 1s\naccessLogFile: a\n").is_empty());
    assert_eq!(
        mesh("default_config: {}\nconnectTimout: 1s\n"),
        ["1:1 default_config → defaultConfig", "2:1 connectTimout → connectTimeout"],
        "Istio takes this field from the document by one name"
    );
}

#[test]
fn values_of_another_type_are_refused_as_the_api_server_does() {
    let spec = "  http:\n  - timeout: 5\n    retries: {attempts: \"3\"}\n    route: {}\n    \
                match:\n    - ignoreUriCase: 'yes'\n  gateways: mesh\n";
    assert_eq!(
        of_spec(VIRTUAL_SERVICE, spec),
        [
            "3:14 spec.http[0].timeout not a duration such as 500ms, 2s or 1m30s",
            "4:25 spec.http[0].retries.attempts not a whole number",
            "5:12 spec.http[0].route not a list",
            "7:22 spec.http[0].match[0].ignoreUriCase not true or false",
            "8:13 spec.gateways not a list",
        ]
    );
    let metadata = "metadata:\n  name: on\n  labels: {a: 1}\n  anotations: {}\n";
    assert_eq!(
        found(&tables::ISTIO, VIRTUAL_SERVICE, metadata),
        [
            "2:9 metadata.name not a text (put it in quotes)",
            "3:15 metadata.labels.a not a text (put it in quotes)",
            "4:3 metadata.anotations → annotations",
        ]
    );
}

#[test]
fn the_mesh_configuration_takes_numbers_in_quotes_and_of_listed_values() {
    let mesh = |text: &str| found(&tables::MESH_CONFIG, (tables::MESH, "MeshConfig"), text);
    let accepted = "proxyListenPort: \"15001\"\naccessLogEncoding: 1\nenableAutoMtls: false\n";
    assert!(mesh(accepted).is_empty());
    assert_eq!(
        mesh("enableAutoMtls: \"false\"\naccessLogEncoding: json\nproxyListenPort: many\n"),
        [
            "1:17 enableAutoMtls not true or false",
            "2:20 accessLogEncoding value json → Some(\"JSON\")",
            "3:18 proxyListenPort not a whole number",
        ]
    );
}

#[test]
fn listed_values_required_fields_and_exclusive_ones_are_judged() {
    let spec = "  trafficPolicy:\n    loadBalancer:\n      simple: ROUNDROBIN\n      \
                consistentHash: {useSourceIp: true}\n";
    assert_eq!(
        of_spec(DESTINATION_RULE, spec),
        [
            "4:15 spec.trafficPolicy.loadBalancer.simple value ROUNDROBIN → Some(\"ROUND_ROBIN\")",
            "5:7 spec.trafficPolicy.loadBalancer together simple consistentHash",
            "2:3 spec lacks host",
        ]
    );
}

#[test]
fn what_may_be_anything_is_left_alone() {
    let filter = ("networking.istio.io/v1alpha3", "EnvoyFilter");
    let text = "spec:\n  configPatches:\n  - applyTo: CLUSTER\n    patch:\n      operation: MERGE\n      \
                value: {whatever: [1, {deep: true}]}\nstatus: {x: 1}\n";
    assert!(found(&tables::ISTIO, filter, text).is_empty());
    let text =
        "spec:\n  hosts: ~\n  http:\n  - timeout: ${TIMEOUT}\n    retries:\n      attempts: ${N}\n";
    assert!(found(&tables::ISTIO, VIRTUAL_SERVICE, text).is_empty(), "null, substituted later");
    let text = "spec: {hosts: [a], http: [{headers: {request: {set: {any-name: x}}}}]}\n";
    assert!(found(&tables::ISTIO, VIRTUAL_SERVICE, text).is_empty(), "a map has any keys");
}

#[test]
fn what_goes_beyond_the_budget_is_counted() {
    use std::fmt::Write as _;
    let mut text = "spec:\n".to_owned();
    (0..50).for_each(|n| writeln!(text, "  x{n}: 1").unwrap());
    let (api_version, kind) = VIRTUAL_SERVICE;
    let shape = tables::ISTIO.kind(api_version, kind).unwrap();
    let faults = faults(&tables::ISTIO, shape, &read(&text), 8);
    assert_eq!((faults.found.len(), faults.more), (8, 42));
}

#[test]
fn a_definition_of_the_repository_says_what_its_kind_has() {
    let crd = read(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec:\n  group: x.io\n  \
         names: {kind: Thing}\n  versions:\n  - name: v1\n    schema:\n      openAPIV3Schema:\n        \
         properties:\n          spec:\n            type: object\n            required: [size]\n            \
         properties:\n              size: {x-kubernetes-int-or-string: true}\n              \
         open: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {n: {type: integer}}}\n              \
         shut: {type: object}\n",
    );
    let mut builder = Builder::new(Dialect::Crd);
    assert_eq!(builder.add_crd(&crd, &Type::Any), 1);
    let table = builder.finish();
    let thing = |text: &str| found(&table, ("x.io/v1", "Thing"), text);
    assert!(thing("metadata: {any: 1}\nspec: {size: 3Gi, open: {more: 1, n: 2}}\n").is_empty());
    assert_eq!(
        thing("spec: {open: {n: x}, shut: {a: 1}, sise: 3}\nspek: 1\n"),
        [
            "1:18 spec.open.n not a whole number",
            "1:29 spec.shut.a unknown",
            "1:36 spec.sise → size",
            "1:7 spec lacks size",
            "2:1 spek unknown",
        ]
    );
    assert_eq!(Builder::default().add_crd(&read("kind: Deployment\n"), &Type::Any), 0);
}
