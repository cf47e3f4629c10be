//! Reads messages and enumerations of protobuf files, as far as names and types of fields go.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use stilltrace_manifest::schema::{Builder, Field, Shape, Type};

/// Everything that some files and their imports define, by full name.
#[derive(Default)]
pub(super) struct Definitions {
    messages: BTreeMap<String, Vec<Member>>,
    enums: BTreeMap<String, Vec<String>>,
}

/// A field of a message.
struct Member {
    name: String,
    /// The name of the type as written.
    of: String,
    repeated: bool,
    map: bool,
}

impl Definitions {
    /// Reads files below `folder`, and the files there that they import.
    pub(super) fn read(folder: &Path, files: &[&str]) -> Result<Self> {
        let mut definitions = Self::default();
        let mut waiting: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
        let mut seen = BTreeSet::new();
        while let Some(file) = waiting.pop() {
            let path = folder.join(&file);
            if !seen.insert(file) || !path.is_file() {
                continue;
            }
            let text = std::fs::read_to_string(&path)?;
            let mut reader = Reader { tokens: tokens(&text), at: 0, definitions: &mut definitions };
            let imports = reader.file().with_context(|| format!("in {}", path.display()))?;
            waiting.extend(imports);
        }
        Ok(definitions)
    }

    /// The type of a message; the fields `one_name` get no second name.
    pub(super) fn message(
        &self,
        builder: &mut Builder,
        name: &str,
        one_name: &[&str],
    ) -> Result<Type> {
        self.shape(builder, name, one_name, &mut Vec::new())
    }

    fn shape(
        &self,
        builder: &mut Builder,
        message: &str,
        one_name: &[&str],
        inside: &mut Vec<String>,
    ) -> Result<Type> {
        let members = self.messages.get(message).with_context(|| format!("no {message}"))?;
        if inside.iter().any(|outer| outer == message) {
            // A message inside itself: no such configuration is written by hand.
            return Ok(Type::Any);
        }
        inside.push(message.to_owned());
        let mut shape = Shape::default();
        for member in members {
            let mut of = self.of(builder, message, &member.of, inside)?;
            if member.map {
                of = Type::Map(Box::new(of));
            } else if member.repeated {
                of = Type::List(Box::new(of));
            }
            let name = json_name(&member.name);
            let two_names = name != member.name && !one_name.contains(&name.as_str());
            let alias = two_names.then(|| member.name.as_str().into());
            shape.fields.push(Field { name: name.into(), alias, of, required: false });
        }
        inside.pop();
        Ok(builder.object(shape))
    }

    fn of(
        &self,
        builder: &mut Builder,
        scope: &str,
        name: &str,
        inside: &mut Vec<String>,
    ) -> Result<Type> {
        if let Some(of) = well_known(name) {
            return Ok(of);
        }
        // From the innermost scope outwards, as protobuf resolves names.
        let mut scope = Some(scope);
        while let Some(outer) = scope {
            let full = if outer.is_empty() { name.to_owned() } else { format!("{outer}.{name}") };
            if let Some(values) = self.enums.get(&full) {
                return Ok(builder.choice(values.iter().map(Into::into).collect()));
            }
            if self.messages.contains_key(&full) {
                return match well_known(&full) {
                    Some(of) => Ok(of),
                    None => self.shape(builder, &full, &[], inside),
                };
            }
            scope = match outer.rsplit_once('.') {
                Some((outer, _)) => Some(outer),
                None if outer.is_empty() => None,
                None => Some(""),
            };
        }
        bail!("no type `{name}`")
    }
}

/// Types that are no messages in JSON.
fn well_known(name: &str) -> Option<Type> {
    Some(match name {
        "string" | "bytes" | "google.protobuf.StringValue" | "google.protobuf.Timestamp" => {
            Type::Text
        }
        "bool" | "google.protobuf.BoolValue" => Type::Bool,
        "int32" | "int64" | "uint32" | "uint64" | "sint32" | "sint64" | "fixed32" | "fixed64" => {
            Type::Int
        }
        "google.protobuf.Int32Value"
        | "google.protobuf.Int64Value"
        | "google.protobuf.UInt32Value"
        | "google.protobuf.UInt64Value" => Type::Int,
        "float" | "double" | "google.protobuf.DoubleValue" | "google.protobuf.FloatValue" => {
            Type::Number
        }
        "google.protobuf.Duration" => Type::Duration,
        "k8s.io.apimachinery.pkg.apis.meta.v1.Time" => Type::Text,
        "k8s.io.apimachinery.pkg.apis.meta.v1.FieldsV1" => Type::Any,
        other if other.starts_with("google.protobuf.") => Type::Any,
        _ => return None,
    })
}

/// `connect_timeout` → `connectTimeout`.
fn json_name(name: &str) -> String {
    let mut parts = name.split('_');
    let mut json = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut letters = part.chars();
        json.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        json.push_str(letters.as_str());
    }
    json
}

/// Words, numbers, texts and punctuation, without comments.
fn tokens(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let end = if let Some(comment) = rest.strip_prefix("//") {
            2 + comment.find('\n').unwrap_or(comment.len())
        } else if let Some(comment) = rest.strip_prefix("/*") {
            2 + comment.find("*/").map_or(comment.len(), |end| end + 2)
        } else if matches!(first, '"' | '\'') {
            1 + rest.get(1..).and_then(|rest| rest.find(first)).map_or(rest.len() - 1, |at| at + 1)
        } else if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(end.min(rest.len()));
        if !token.starts_with("//") && !token.starts_with("/*") {
            found.push(token.to_owned());
        }
        rest = after.trim_start();
    }
    found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '.' | '-')
}

/// Reads the tokens of one file.
struct Reader<'d> {
    tokens: Vec<String>,
    at: usize,
    definitions: &'d mut Definitions,
}

impl Reader<'_> {
    /// Reads everything, and says which files are imported.
    fn file(&mut self) -> Result<Vec<String>> {
        let mut package = String::new();
        let mut imports = Vec::new();
        while let Some(word) = self.next() {
            match word.as_str() {
                "package" => package = self.need()?,
                "import" => {
                    let file = self.need()?;
                    let file = if file == "public" { self.need()? } else { file };
                    imports.push(file.trim_matches('"').to_owned());
                }
                "message" => self.message(&package)?,
                "enum" => self.enumeration(&package)?,
                ";" => {}
                _ => self.skip_statement(),
            }
        }
        Ok(imports)
    }

    fn message(&mut self, scope: &str) -> Result<()> {
        let name = format!("{scope}.{}", self.need()?);
        self.expect("{")?;
        let mut members = Vec::new();
        let mut open = 1;
        while open > 0 {
            match self.need()?.as_str() {
                "}" => open -= 1,
                "message" => self.message(&name)?,
                "enum" => self.enumeration(&name)?,
                // Its members are members of the message.
                "oneof" => {
                    self.need()?;
                    self.expect("{")?;
                    open += 1;
                }
                "option" | "reserved" | "extensions" | "extend" => self.skip_statement(),
                ";" => {}
                word => members.push(self.member(word.to_owned())?),
            }
        }
        self.definitions.messages.insert(name, members);
        Ok(())
    }

    /// A field, from its first word.
    fn member(&mut self, first: String) -> Result<Member> {
        let repeated = first == "repeated";
        let labelled = repeated || matches!(first.as_str(), "optional" | "required");
        let mut of = if labelled { self.need()? } else { first };
        let map = of == "map";
        if map {
            self.expect("<")?;
            self.need()?;
            self.expect(",")?;
            of = self.need()?;
            self.expect(">")?;
        }
        let name = self.need()?;
        self.expect("=")?;
        self.skip_statement();
        Ok(Member { name, of: of.trim_start_matches('.').to_owned(), repeated, map })
    }

    fn enumeration(&mut self, scope: &str) -> Result<()> {
        let name = format!("{scope}.{}", self.need()?);
        self.expect("{")?;
        let mut values = Vec::new();
        loop {
            match self.need()?.as_str() {
                "}" => break,
                ";" => {}
                "option" | "reserved" => self.skip_statement(),
                value => {
                    values.push(value.to_owned());
                    self.skip_statement();
                }
            }
        }
        self.definitions.enums.insert(name, values);
        Ok(())
    }

    /// Goes behind the next `;` or `{…}` that is not inside something.
    fn skip_statement(&mut self) {
        let mut depth = 0_usize;
        while let Some(token) = self.next() {
            match token.as_str() {
                "{" | "[" | "(" => depth += 1,
                "]" | ")" => depth = depth.saturating_sub(1),
                "}" => {
                    depth = depth.saturating_sub(1);
                    // `option (x) = {…};` goes on; `extend X {…}` ends here.
                    if depth == 0 && self.tokens.get(self.at).is_none_or(|next| next != ";") {
                        return;
                    }
                }
                ";" if depth == 0 => return,
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Option<String> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn need(&mut self) -> Result<String> {
        self.next().context("the file ends inside a definition")
    }

    fn expect(&mut self, wanted: &str) -> Result<()> {
        let found = self.need()?;
        if found != wanted {
            bail!("`{found}` where `{wanted}` belongs");
        }
        Ok(())
    }
}

const FILE: &str = r#"
        syntax = "proto3"; package a.b;
        option (x.y) = { z: "}" };
        message Outer { // a comment with { in it
          message Inner { bool deep_flag = 1 [deprecated = true, (opt) = { a: [1] }]; }
          enum Mode { A = 0; B = 1 [deprecated = true]; }
          oneof one { Inner first_one = 1; google.protobuf.Duration wait = 2; }
          repeated Outer.Mode modes = 3; map<string, Inner> by_name = 4;
          reserved 5, 6; reserved "old";
        }"#;

#[test]
fn messages_become_shapes_with_both_names() -> Result<()> {
    let mut definitions = Definitions::default();
    let mut reader = Reader { tokens: tokens(FILE), at: 0, definitions: &mut definitions };
    reader.file()?;
    let mut builder = Builder::default();
    let of = definitions.message(&mut builder, "a.b.Outer", &["byName"])?;
    builder.add_kind("x", "Outer", &of);
    assert_eq!(
        builder.finish().to_string(),
        "= A B\n:deepFlag/deep_flag:b\n:byName:{0 firstOne/first_one:0 modes:[e0 wait:d\n@ x Outer 1\n"
    );
    Ok(())
}
