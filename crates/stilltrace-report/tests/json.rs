//! The machine-readable report and its schema.

#![allow(clippy::unwrap_used, reason = "a test fails where nothing is found")]

mod samples;

use expect_test::expect_file;
use serde_json::Value;
use stilltrace_report::{Document, json, json_of, read, schema};

#[test]
fn the_committed_schema_is_the_one_of_the_code() {
    expect_file!["../../../schema/report.v1.schema.json"].assert_eq(&schema());
}

#[test]
fn every_document_follows_the_schema() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    for (name, diagnosis) in samples::all() {
        let document: Value = serde_json::from_str(&json(&diagnosis)).unwrap();
        let mut faults = Vec::new();
        validate(&schema, &schema, &document, name, &mut faults);
        assert!(faults.is_empty(), "{faults:#?}");
    }
}

#[test]
fn the_schema_refuses_what_is_no_report() {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    for (path, wrong) in [
        ("/verdict", serde_json::json!("maybe")),
        ("/schema", serde_json::json!("stilltrace.report/v2")),
        ("/frames/0/evidence", serde_json::json!("text")),
        ("/hypotheses/0/edge/port", serde_json::json!("http")),
        ("/fix", serde_json::json!({"patch": null})),
        ("/symptom", Value::Null),
    ] {
        let mut document: Value = serde_json::from_str(&json(&samples::cause())).unwrap();
        *document.pointer_mut(path).unwrap() = wrong;
        let mut faults = Vec::new();
        validate(&schema, &schema, &document, "", &mut faults);
        assert!(!faults.is_empty(), "{path} passed");
    }
}

#[test]
fn the_document_has_the_documented_keys_in_order() {
    expect_file!["expected/cause.json"].assert_eq(&json(&samples::cause()));
    expect_file!["expected/no-anomaly.json"].assert_eq(&json(&samples::quiet()));
}

#[test]
fn the_same_diagnosis_gives_the_same_bytes() {
    for (name, diagnosis) in samples::all() {
        assert_eq!(json(&diagnosis), json(&diagnosis.clone()), "{name}");
    }
}

#[test]
fn what_is_written_is_read_back() {
    for (name, diagnosis) in samples::all() {
        let report = read(&json(&diagnosis)).unwrap();
        assert_eq!(report, Document::from(&diagnosis), "{name}");
        assert_eq!(json_of(&report), json(&diagnosis), "{name}");
    }
}

#[test]
fn hostile_text_is_kept_but_cannot_reach_a_terminal_raw() {
    let text = json(&samples::hostile());
    for character in text.chars().filter(|&character| character != '\n') {
        assert!(!character.is_control() && !samples::HIDDEN.contains(&character), "{character:?}");
    }
    assert_eq!(read(&text).unwrap().headline, samples::HOSTILE);
}

#[test]
fn other_formats_are_refused_by_name() {
    let message = |text: &str| read(text).unwrap_err().to_string();
    assert!(message("").contains("not a report"));
    assert!(message("{}").contains("`schema` is missing"));
    assert!(message(r#"{"schema":"stilltrace.report/v9"}"#).contains("stilltrace.report/v9"));
    assert!(message(r#"{"schema":"stilltrace.report/v1"}"#).contains("not a report"));
}

#[test]
fn keys_of_later_versions_are_ignored() {
    let mut document: Value = serde_json::from_str(&json(&samples::cause())).unwrap();
    document["new"] = serde_json::json!({"any": [1]});
    document["frames"][0]["new"] = Value::Null;
    assert_eq!(read(&document.to_string()).unwrap(), Document::from(&samples::cause()));
}

/// Checks the parts of JSON Schema that the report's schema uses; an unknown keyword is a fault.
fn validate(root: &Value, schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().unwrap() {
        let holds = match keyword.as_str() {
            "$ref" => {
                let target = root.pointer(rule.as_str().unwrap().trim_start_matches('#')).unwrap();
                validate(root, target, value, at, faults);
                true
            }
            "anyOf" => rule.as_array().unwrap().iter().any(|option| {
                let mut inner = Vec::new();
                validate(root, option, value, at, &mut inner);
                inner.is_empty()
            }),
            "type" => match rule {
                Value::Array(names) => names.iter().any(|name| is_type(value, name)),
                name => is_type(value, name),
            },
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "required" => rule
                .as_array()
                .unwrap()
                .iter()
                .all(|key| !value.is_object() || value.get(key.as_str().unwrap()).is_some()),
            "properties" => {
                for (key, inner) in rule.as_object().unwrap() {
                    if let Some(part) = value.get(key) {
                        validate(root, inner, part, &format!("{at}/{key}"), faults);
                    }
                }
                true
            }
            "items" => {
                for (index, part) in value.as_array().into_iter().flatten().enumerate() {
                    validate(root, rule, part, &format!("{at}/{index}"), faults);
                }
                true
            }
            "minItems" => {
                value.as_array().is_none_or(|all| all.len() as u64 >= rule.as_u64().unwrap())
            }
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
            "format" | "description" | "title" | "default" | "$schema" | "$defs" => true,
            _ => false,
        };
        if !holds {
            faults.push(format!("{at}: {keyword} {rule}"));
        }
    }
}

fn is_type(value: &Value, name: &Value) -> bool {
    match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        _ => false,
    }
}
