//! The machine-readable report as text: writing, reading back, and its JSON Schema.

use serde::Serialize;
use stilltrace_model::Diagnosis;

use crate::{clean::is_obeyed_or_hidden, document::Document};

/// Name and version of the report format.
pub const SCHEMA_NAME: &str = "stilltrace.report/v1";

/// Why a kept report could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// Not JSON, or not of the report's shape.
    Malformed(serde_json::Error),
    /// Another format, or a version that this program does not know.
    Foreign {
        /// The format that the document names, or empty.
        named: String,
    },
}

impl std::fmt::Display for ReadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Malformed(_) => f.write_str("not a report of `why -o json`"),
            Self::Foreign { named } if named.is_empty() => {
                write!(f, "not a report: the key `schema` is missing (expected {SCHEMA_NAME})")
            }
            Self::Foreign { named } => {
                write!(f, "the format is `{named}`; this program reads {SCHEMA_NAME}")
            }
        }
    }
}

impl std::error::Error for ReadError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Malformed(error) => Some(error),
            Self::Foreign { .. } => None,
        }
    }
}

/// The diagnosis as one JSON document of the format [`SCHEMA_NAME`], ending with a line break.
///
/// Keys have a fixed order and numbers six significant digits, so the same diagnosis gives the
/// same bytes on every machine. Characters that a terminal would obey are written as `\u` escapes,
/// which changes no value.
pub fn json(diagnosis: &Diagnosis) -> String {
    json_of(&Document::from(diagnosis))
}

/// The same for a document that was read back: the bytes are those it was read from.
pub fn json_of(report: &Document) -> String {
    write(report)
}

/// Reads a document that [`json`] wrote. Unknown keys are ignored: fields are only ever added.
pub fn read(text: &str) -> Result<Document, ReadError> {
    #[derive(serde::Deserialize)]
    struct Named {
        #[serde(default)]
        schema: String,
    }
    let named: Named = serde_json::from_str(text).map_err(ReadError::Malformed)?;
    if named.schema != SCHEMA_NAME {
        return Err(ReadError::Foreign { named: named.schema });
    }
    serde_json::from_str(text).map_err(ReadError::Malformed)
}

/// The JSON Schema (draft 2020-12) of what [`json`] writes, ending with a line break.
pub fn schema() -> String {
    let generator =
        schemars::generate::SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<Document>().to_value();
    // Whatever order the build's JSON maps have.
    schema.sort_all_objects();
    write(&schema)
}

/// The value as indented text, harmless to a terminal, ending with a line break.
pub(crate) fn write(value: &impl Serialize) -> String {
    let text = serde_json::to_string_pretty(value);
    debug_assert!(text.is_ok(), "strings, numbers and lists in memory always serialise");
    harmless(text.unwrap_or_default()) + "\n"
}

/// A value in one line, without the line break.
pub(crate) fn compact(value: &impl Serialize) -> String {
    let text = serde_json::to_string(value);
    debug_assert!(text.is_ok(), "strings, numbers and lists in memory always serialise");
    harmless(text.unwrap_or_default())
}

/// JSON with `\u` escapes for the characters that a terminal would obey or hide.
fn harmless(text: String) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n')) {
        return text;
    }
    let mut harmless = String::with_capacity(text.len());
    // Line breaks inside strings are escaped already, so those that are left are layout.
    for character in text.chars() {
        if character != '\n' && is_obeyed_or_hidden(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                harmless.extend(format!("\\u{unit:04x}").chars());
            }
        } else {
            harmless.push(character);
        }
    }
    harmless
}
