//! How a value came from the place it is marked with.

/// The relation between a value and the text at its mark.
///
/// Most values are what stands at their mark. The others say by which step they were made, so that
/// a reader of an origin knows what to look for in that line, and a test can hold every value
/// against its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub enum Derivation {
    /// The value is written there.
    #[default]
    Written,
    /// The text there is one end of the value (`namePrefix`, `nameSuffix`); the rest stands at the
    /// places of its other pieces.
    Extended,
    /// A name that is extended or written, and a hash of the object's content behind it.
    Hashed,
    /// An image reference; the text there is its name, tag, digest or the end of its tag, the other
    /// parts stand at the places of its other pieces.
    Image,
    /// The text there is a part of the value, put in by a replacement or a generator; the rest stands
    /// at the places of its other pieces, or is what the generator adds.
    Part,
    /// The value is what stands behind the `=` there: a literal or a line of an environment file.
    Pair,
    /// The value is the content of the file there.
    Content,
    /// Base64 of what is written there, of the content of the file there, or of what stands behind
    /// the `=` there.
    Encoded,
    /// A fixed word that a generator adds, such as `kind: ConfigMap`; the generator's entry is
    /// there.
    Generated,
    /// A mark of the tool that the field there asks for, such as `buildMetadata`.
    Stamped,
    /// The text there with its variables (`$(NAME)`, `${NAME}`) replaced by their values.
    Substituted,
    /// The text there is a part of the value; the rest is what a chart's template adds to it.
    Embedded,
    /// The value is a part of the text there, which a chart's template printed or which holds a
    /// document of its own.
    Excerpt,
    /// What the template's line there gave; from which input is not known.
    Templated,
}
