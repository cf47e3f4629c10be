//! Kinds, shapes and types.

use std::collections::BTreeMap;

use crate::yaml::Text;

/// The number of a shape within its table.
pub type ShapeId = u32;

/// The field trees of some kinds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Table {
    /// How values are read.
    pub dialect: Dialect,
    /// Where the definitions come from, one line each, with their licence.
    pub sources: Vec<String>,
    /// The shape of each kind, by `apiVersion` and `kind`.
    pub(super) kinds: BTreeMap<(Text, Text), ShapeId>,
    /// Every shape comes after those that it refers to.
    pub(super) shapes: Vec<Shape>,
    /// Lists of values that a text may have.
    pub(super) choices: Vec<Vec<Text>>,
}

/// How the reader of an object treats values and names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Dialect {
    /// The API server, by the structural schema of a `CustomResourceDefinition`.
    #[default]
    Crd,
    /// JSON of protobuf as Istio's control plane reads it (`jsonpb` of `github.com/golang/protobuf`
    /// with unknown fields allowed): a field has two names, numbers may be quoted, a listed value
    /// may be its number.
    Protobuf,
}

/// The fields of a mapping.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Shape {
    /// Sorted by name.
    pub fields: Vec<Field>,
    /// Whether other fields are kept as they are (`x-kubernetes-preserve-unknown-fields`).
    pub open: bool,
    /// Groups of fields of which an object may have one.
    pub exclusive: Vec<Vec<Text>>,
}

/// A field of a mapping.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    /// Its name.
    pub name: Text,
    /// A second name that means the same.
    pub alias: Option<Text>,
    /// What it holds.
    pub of: Type,
    /// Whether an object without it is refused.
    pub required: bool,
}

/// What a value may be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Type {
    /// Anything at all.
    Any,
    /// A text.
    Text,
    /// A whole number.
    Int,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// A whole number or a text, as quantities and ports are.
    IntOrText,
    /// A text such as `2s`.
    Duration,
    /// One text of a list; the number of the list within the table.
    Choice(u32),
    /// A mapping with these fields.
    Object(ShapeId),
    /// A list.
    List(Box<Type>),
    /// A mapping with any keys.
    Map(Box<Type>),
}

impl Table {
    /// The shape of a kind; `None` when the table does not know it.
    pub fn kind(&self, api_version: &str, kind: &str) -> Option<ShapeId> {
        self.kinds.get(&(Text::new(api_version), Text::new(kind))).copied()
    }

    /// All kinds, as `apiVersion` and `kind`, sorted.
    pub fn kinds(&self) -> impl Iterator<Item = (&str, &str)> {
        self.kinds.keys().map(|(api_version, kind)| (api_version.as_str(), kind.as_str()))
    }

    /// A shape by its number.
    pub fn shape(&self, id: ShapeId) -> Option<&Shape> {
        self.shapes.get(usize::try_from(id).ok()?)
    }

    /// The values that a text may have.
    pub fn choice(&self, number: u32) -> &[Text] {
        let choice = usize::try_from(number).ok().and_then(|number| self.choices.get(number));
        choice.map_or(&[], Vec::as_slice)
    }

    /// How many shapes there are.
    pub fn len(&self) -> usize {
        self.shapes.len()
    }

    /// Whether there is no shape.
    pub fn is_empty(&self) -> bool {
        self.shapes.is_empty()
    }
}

impl Shape {
    /// The field of that name, or of that second name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        if let Ok(at) = self.fields.binary_search_by(|field| field.name.as_str().cmp(name)) {
            return self.fields.get(at);
        }
        // Only protobuf has second names, and all of those hold an underscore.
        if !name.contains('_') {
            return None;
        }
        self.fields.iter().find(|field| field.alias.as_deref() == Some(name))
    }
}

impl Type {
    /// The shape of the mapping, or of the mappings in the list.
    pub fn shape(&self) -> Option<ShapeId> {
        let mut of = self;
        while let Type::List(inner) = of {
            of = inner;
        }
        if let Type::Object(id) = of { Some(*id) } else { None }
    }

    /// The shape of the mapping, or of the items of the list or map.
    pub(super) fn inner_shape(&self) -> Option<ShapeId> {
        let mut of = self;
        loop {
            match of {
                Type::Object(id) => return Some(*id),
                Type::List(inner) | Type::Map(inner) => of = inner,
                _ => return None,
            }
        }
    }
}
