//! From the structural schema of a `CustomResourceDefinition` to shapes.

use crate::yaml::{Node, Text};

use super::build::Builder;
use super::table::{Field, Shape, Type};

impl Builder {
    /// Adds the kind of a `CustomResourceDefinition` of `apiextensions.k8s.io/v1`, in all versions
    /// that have a schema. `metadata` is the type of every object's `metadata`; `status`, which no
    /// manifest sets, may be anything.
    ///
    /// Returns how many versions were added: none for anything that is no such definition.
    pub fn add_crd(&mut self, crd: &Node, metadata: &Type) -> usize {
        let text = |path: &[&str]| crd.at(path).and_then(Node::text);
        let v1 = text(&["apiVersion"]) == Some("apiextensions.k8s.io/v1");
        if !v1 || text(&["kind"]) != Some("CustomResourceDefinition") {
            return 0;
        }
        let (Some(group), Some(kind)) =
            (text(&["spec", "group"]), text(&["spec", "names", "kind"]))
        else {
            return 0;
        };
        let mut added = 0;
        for version in crd.at(&["spec", "versions"]).map_or(&[][..], Node::items) {
            let name = version.get("name").and_then(Node::text);
            let schema = version.at(&["schema", "openAPIV3Schema"]);
            let (Some(name), Some(schema)) = (name, schema) else { continue };
            let root = self.root(schema, metadata);
            self.add_kind(&format!("{group}/{name}"), kind, &root);
            added += 1;
        }
        added
    }

    /// The type of whole objects. The API server knows three of their fields whatever the schema
    /// says.
    fn root(&mut self, schema: &Node, metadata: &Type) -> Type {
        let Some(properties) = schema.get("properties") else { return Type::Any };
        let optional = |name: &str, of: Type| Field {
            name: Text::new(name),
            alias: None,
            of,
            required: false,
        };
        let mut shape = Shape { open: keeps_unknown(schema), ..Shape::default() };
        shape.fields = vec![
            optional("apiVersion", Type::Text),
            optional("kind", Type::Text),
            optional("metadata", metadata.clone()),
            optional("status", Type::Any),
        ];
        let required = names(schema.get("required"));
        for entry in properties.entries() {
            if shape.fields.iter().any(|field| field.name == entry.key) {
                continue;
            }
            let of = self.of(&entry.value);
            let required = required.contains(&entry.key);
            shape.fields.push(Field { name: entry.key.clone(), alias: None, of, required });
        }
        self.object(shape)
    }

    /// The type that a schema describes. The depth is bounded by the budget of the YAML reader.
    fn of(&mut self, schema: &Node) -> Type {
        let says = |key: &str| schema.get(key).and_then(Node::as_bool) == Some(true);
        if says("x-kubernetes-int-or-string") {
            return Type::IntOrText;
        }
        if says("x-kubernetes-embedded-resource") {
            return Type::Any;
        }
        match schema.get("type").and_then(Node::text) {
            Some("object") => self.mapping(schema),
            Some("array") => match schema.get("items") {
                Some(items) => Type::List(Box::new(self.of(items))),
                None => Type::Any,
            },
            Some("string") => self.string(schema),
            Some("integer") => Type::Int,
            Some("number") => Type::Number,
            Some("boolean") => Type::Bool,
            _ => Type::Any,
        }
    }

    fn mapping(&mut self, schema: &Node) -> Type {
        if let Some(properties) = schema.get("properties") {
            let required = names(schema.get("required"));
            let mut shape = Shape { open: keeps_unknown(schema), ..Shape::default() };
            for entry in properties.entries() {
                let of = self.of(&entry.value);
                let required = required.contains(&entry.key);
                shape.fields.push(Field { name: entry.key.clone(), alias: None, of, required });
            }
            shape.exclusive = exclusive(schema);
            return self.object(shape);
        }
        match schema.get("additionalProperties") {
            Some(values) if !values.entries().is_empty() => Type::Map(Box::new(self.of(values))),
            Some(_) => Type::Any,
            None if keeps_unknown(schema) => Type::Any,
            // The API server keeps nothing below such a field.
            None => self.object(Shape::default()),
        }
    }

    fn string(&mut self, schema: &Node) -> Type {
        let values = schema.get("enum").map_or(&[][..], Node::items);
        let texts: Option<Vec<Text>> =
            values.iter().map(|value| value.as_str().map(Text::new)).collect();
        match texts {
            Some(texts) if !texts.is_empty() => self.choice(texts),
            _ if is_duration(schema) => Type::Duration,
            _ => Type::Text,
        }
    }
}

fn keeps_unknown(schema: &Node) -> bool {
    let mark = schema.get("x-kubernetes-preserve-unknown-fields");
    mark.and_then(Node::as_bool) == Some(true)
}

fn names(list: Option<&Node>) -> Vec<Text> {
    list.map_or(&[][..], Node::items).iter().filter_map(Node::text).map(Text::new).collect()
}

/// Whether a rule of the schema reads the text as a duration, as Istio's do.
fn is_duration(schema: &Node) -> bool {
    let rules = schema.get("x-kubernetes-validations").map_or(&[][..], Node::items);
    let texts = rules.iter().filter_map(|rule| rule.get("rule").and_then(Node::text));
    texts.into_iter().any(|rule| rule.contains("duration(self)"))
}

/// Fields of which one may be there: `oneOf` over `required` lists of one field each, on its own or
/// inside `allOf`. An alternative that forbids all of them says that none may be there too.
fn exclusive(schema: &Node) -> Vec<Vec<Text>> {
    let all_of = schema.get("allOf").map_or(&[][..], Node::items);
    let schemas = std::iter::once(schema).chain(all_of);
    schemas.filter_map(|schema| group(schema.get("oneOf")?)).collect()
}

fn group(one_of: &Node) -> Option<Vec<Text>> {
    let mut fields = Vec::new();
    for alternative in one_of.items() {
        match alternative.entries() {
            [not] if not.key == "not" => {}
            [required] if required.key == "required" => match required.value.items() {
                [field] => fields.push(Text::new(field.text()?)),
                _ => return None,
            },
            _ => return None,
        }
    }
    (fields.len() > 1).then_some(fields)
}
