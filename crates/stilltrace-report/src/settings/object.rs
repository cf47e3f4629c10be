//! One JSON object of settings with the origins of its fields.

use std::time::Duration;

use serde_json::{Map, Value, json};
use stilltrace_model::{Location, ObjectRef, Origin, Setting, Software};

/// Collects fields and what set them.
#[derive(Default)]
pub(super) struct Object {
    fields: Map<String, Value>,
    origins: Map<String, Value>,
}

impl Object {
    /// A field that no single line sets.
    pub(super) fn put(&mut self, name: &str, value: Value) {
        self.fields.insert(name.to_owned(), value);
    }

    /// A field that `origin` set.
    pub(super) fn put_from(&mut self, name: &str, value: Value, origin: &Origin) {
        self.put(name, value);
        self.origins.insert(name.to_owned(), whence(origin, &[]));
    }

    /// What set a part of a field, such as `to[0].weight`.
    pub(super) fn mark(&mut self, name: &str, origin: &Origin) {
        self.mark_over(name, origin, &[]);
    }

    /// The same, with what it won against.
    pub(super) fn mark_over(&mut self, name: &str, origin: &Origin, overrode: &[Origin]) {
        self.origins.insert(name.to_owned(), whence(origin, overrode));
    }

    /// A setting; `None` for a value that is the default and therefore absent. Its origin is named
    /// when the field is there, when a line set it, and when it won against a line.
    pub(super) fn set<T>(&mut self, name: &str, setting: &Setting<T>, value: Option<Value>) {
        let by_default = matches!(setting.origin, Origin::Default { .. });
        if value.is_some() || !by_default || !setting.overrode.is_empty() {
            self.origins.insert(name.to_owned(), whence(&setting.origin, &setting.overrode));
        }
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// A setting that is named together with its origin even at its default.
    pub(super) fn always<T>(&mut self, name: &str, setting: &Setting<T>, value: Value) {
        self.put(name, value);
        self.mark_over(name, &setting.origin, &setting.overrode);
    }

    /// A number that is absent when nothing limits it.
    pub(super) fn limit(&mut self, name: &str, setting: &Setting<Option<u32>>) {
        self.set(name, setting, setting.value.map(|limit| json!(limit)));
    }

    /// A time in milliseconds that is absent when there is none.
    pub(super) fn time(&mut self, name: &str, setting: &Setting<Option<Duration>>) {
        self.set(name, setting, setting.value.map(millis));
    }

    /// A group of fields under one name; its origins are named `group.field`.
    pub(super) fn nest(&mut self, name: &str, inner: Self) {
        self.put(name, Value::Object(inner.fields));
        for (field, origin) in inner.origins {
            self.origins.insert(format!("{name}.{field}"), origin);
        }
    }

    /// The origins of a group whose fields are all at their defaults.
    pub(super) fn nest_origins(&mut self, name: &str, inner: Self) {
        for (field, origin) in inner.origins {
            if origin.get("default").is_none() || origin.get("overrode").is_some() {
                self.origins.insert(format!("{name}.{field}"), origin);
            }
        }
    }

    /// How many fields there are.
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The fields without their origins.
    pub(super) fn values(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// The object, with `origins` where there are any.
    pub(super) fn into_value(mut self) -> Value {
        if !self.origins.is_empty() {
            self.fields.insert("origins".to_owned(), Value::Object(self.origins));
        }
        Value::Object(self.fields)
    }
}

/// A number without a fraction is written as a whole number, as Istio's own tools do.
pub(super) fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 { json!(value as i64) } else { json!(value) }
}

/// A time in whole milliseconds.
pub(super) fn millis(time: Duration) -> Value {
    json!(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// The line or default behind a value, and what it won against, nearest first.
fn whence(origin: &Origin, overrode: &[Origin]) -> Value {
    let mut place = place(origin);
    if !overrode.is_empty() {
        let lost: Vec<Value> = overrode.iter().map(self::place).map(Value::Object).collect();
        place.insert("overrode".to_owned(), Value::Array(lost));
    }
    Value::Object(place)
}

/// The line or default behind something.
pub(super) fn origin(origin: &Origin) -> Value {
    Value::Object(place(origin))
}

fn place(origin: &Origin) -> Map<String, Value> {
    let mut place = Map::new();
    match origin {
        Origin::Git { at, object, field } => {
            place = location(at);
            place.insert("object".to_owned(), reference(object));
            if !field.is_empty() {
                place.insert("field".to_owned(), json!(&**field));
            }
        }
        Origin::Default { of } => {
            place.insert("default".to_owned(), json!(of.says()));
            if let Some(by) = of.by() {
                place.insert("by".to_owned(), json!(by.name()));
                place.extend(by.version().map(|own| ("version".to_owned(), json!(own))));
            }
            place.insert("istio".to_owned(), json!(Software::Istio.version()));
        }
    }
    place
}

/// A line of a file.
pub(super) fn location(at: &Location) -> Map<String, Value> {
    let mut place = Map::new();
    place.insert("path".to_owned(), json!(&*at.path));
    place.insert("line".to_owned(), json!(at.line));
    place.insert("column".to_owned(), json!(at.column));
    place
}

/// Which object is meant.
pub(super) fn reference(object: &ObjectRef) -> Value {
    json!({
        "apiVersion": object.api_version,
        "kind": object.kind,
        "namespace": object.namespace,
        "name": object.name,
    })
}
