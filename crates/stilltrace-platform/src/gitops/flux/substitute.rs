//! Puts the variables of a Flux Kustomization into the objects it applies (`postBuild`).
//!
//! Flux replaces expressions in the printed objects and reads the result again, so a value that
//! would be printed without quotes may become a number or a list.

use std::collections::{BTreeMap, BTreeSet};

use stilltrace_manifest::yaml::{Derivation, Resolved, parse, resolve_plain};
use stilltrace_manifest::{Budget, Mark, Node, Object, Value};

use super::envsubst::{Mistake, expand, only_variable};

/// The mark of objects that are left as they are, as label or annotation.
const SWITCH: &str = "kustomize.toolkit.fluxcd.io/substitute";

/// Variables by name, and whether there are more that Git does not show.
#[derive(Debug, Clone, Default)]
pub(crate) struct Variables {
    known: BTreeMap<String, Variable>,
    /// Values come from objects that Git does not hold in the clear.
    has_hidden: bool,
}

#[derive(Debug, Clone)]
struct Variable {
    /// `None` where Git holds it encrypted.
    text: Option<String>,
    mark: Mark,
}

/// What became of the expressions of one object.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    /// Variables that Git does not show, which stay as written.
    pub(crate) hidden: BTreeSet<String>,
    /// Variables that what Git does not show may set, with the place where the default of each was
    /// taken first.
    pub(crate) assumed: BTreeMap<String, Mark>,
    /// Variables that nothing sets and that stand without a default, where they stand first; Flux
    /// puts nothing in their place.
    pub(crate) unset: BTreeMap<String, Mark>,
    /// Texts that cannot be evaluated, with their places; Flux applies nothing then.
    pub(crate) mistakes: Vec<(Mark, Mistake)>,
}

impl Variables {
    /// Sets a variable; later values win. Line feeds are dropped, as Flux does.
    pub(crate) fn set(&mut self, name: &str, value: &Node) {
        let text = value.text().unwrap_or_default();
        let text = (!super::super::opaque::is_encrypted_text(text)).then(|| text.replace('\n', ""));
        self.known.insert(name.to_owned(), Variable { text, mark: value.mark.clone() });
    }

    /// There are variables that Git does not even name.
    pub(crate) fn hide_more(&mut self) {
        self.has_hidden = true;
    }

    /// Without any variable nothing is evaluated, not even defaults.
    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty() && !self.has_hidden
    }

    /// Replaces all expressions of an object.
    pub(crate) fn substitute(&self, object: &mut Object) -> Outcome {
        let mut outcome = Outcome::default();
        let off = |value: Option<&str>| value == Some("disabled");
        let none = !has_expression(&object.root);
        if none || off(object.label(SWITCH)) || off(object.annotation(SWITCH)) {
            return outcome;
        }
        self.node(object.root_mut(), &mut outcome);
        outcome
    }

    /// The depth is bounded by the budget of the parser.
    fn node(&self, node: &mut Node, outcome: &mut Outcome) {
        match &mut node.value {
            Value::Mapping(entries) => {
                for entry in entries {
                    if entry.key.contains('$')
                        && let Ok(Some(key)) = self.text(&entry.key, &entry.key_mark, outcome)
                    {
                        entry.key = key.into();
                    }
                    self.node(&mut entry.value, outcome);
                }
            }
            Value::Sequence(items) => items.iter_mut().for_each(|item| self.node(item, outcome)),
            Value::Scalar(scalar) if scalar.text.contains('$') => {
                for name in self.unset(&scalar.text) {
                    outcome.unset.entry(name).or_insert_with(|| node.mark.clone());
                }
                match self.text(&scalar.text, &node.mark, outcome) {
                    Ok(Some(text)) if text != scalar.text => {
                        let new = self.replaced(node, &text);
                        node.override_with(new);
                    }
                    Ok(_) => {}
                    Err(mistake) => outcome.mistakes.push((node.mark.clone(), mistake)),
                }
            }
            Value::Scalar(_) | Value::Null => {}
        }
    }

    /// The text with its variables; `None` when one of them is hidden. A variable that Git does not
    /// even name has its default where there is one.
    fn text(
        &self,
        text: &str,
        mark: &Mark,
        outcome: &mut Outcome,
    ) -> Result<Option<String>, Mistake> {
        let mut unknown = Vec::new();
        let mut assumed = Vec::new();
        let expanded = expand(text, &mut |name| match self.known.get(name) {
            Some(variable) if variable.text.is_some() => variable.text.as_deref(),
            Some(_) => {
                unknown.push(name.to_owned());
                None
            }
            None if self.has_hidden => {
                let list = if has_default(text, name) { &mut assumed } else { &mut unknown };
                list.push(name.to_owned());
                None
            }
            None => None,
        })?;
        if unknown.is_empty() {
            for name in assumed {
                outcome.assumed.entry(name).or_insert_with(|| mark.clone());
            }
            return Ok(Some(expanded));
        }
        outcome.hidden.extend(unknown);
        Ok(None)
    }

    /// The variables of a text that nothing sets and that have no default there.
    fn unset(&self, text: &str) -> Vec<String> {
        if self.has_hidden {
            return Vec::new();
        }
        let mut asked = BTreeSet::new();
        let expanded = expand(text, &mut |name| {
            if !self.known.contains_key(name) {
                asked.insert(name.to_owned());
            }
            None
        });
        // A text that is refused has its own words.
        let bare = |name: &String| text.contains(&format!("${{{name}}}"));
        if expanded.is_ok() { asked.into_iter().filter(bare).collect() } else { Vec::new() }
    }

    /// The node that the printed and replaced text reads back as. A lone variable carries the place
    /// of the variable, anything else that of the text it stands in.
    fn replaced(&self, node: &Node, text: &str) -> Node {
        let Value::Scalar(scalar) = &node.value else { return node.clone() };
        let variable = only_variable(&scalar.text).and_then(|name| self.known.get(name));
        let variable = variable.filter(|variable| variable.text.as_deref() == Some(text));
        let mark = variable.map_or(&node.mark, |variable| &variable.mark);
        let derivation =
            if variable.is_some() { Derivation::Written } else { Derivation::Substituted };
        let plain = is_printed_plain(&scalar.text);
        let read = plain.then(|| read_back(text, mark, derivation)).flatten();
        read.unwrap_or_else(|| Node::string(text, mark.clone()).derived(derivation))
    }
}

/// Whether a variable has a default wherever it stands in the text.
fn has_default(text: &str, name: &str) -> bool {
    let start = format!("${{{name}");
    let mut places = text.split(&start).skip(1);
    places.all(|rest| {
        let other = rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        other || rest.starts_with('=') || [":=", ":-"].iter().any(|by| rest.starts_with(by))
    })
}

/// Whether any key or value may hold an expression; without one the object stays shared.
fn has_expression(root: &Node) -> bool {
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        match &node.value {
            Value::Scalar(scalar) if scalar.text.contains('$') => return true,
            Value::Scalar(_) | Value::Null => {}
            Value::Sequence(items) => open.extend(items),
            Value::Mapping(entries) => {
                if entries.iter().any(|entry| entry.key.contains('$')) {
                    return true;
                }
                open.extend(entries.iter().map(|entry| &entry.value));
            }
        }
    }
    false
}

/// Whether Kustomize prints a text without quotes.
fn is_printed_plain(text: &str) -> bool {
    let special = ['{', '[', '&', '*', '!', '|', '>', '\'', '"', '%', '@', '`', '#', ',', '?', '-'];
    resolve_plain(text) == Resolved::Text
        && !text.starts_with(special)
        && !text.ends_with(':')
        && text.trim() == text
        && !text.contains(": ")
        && !text.contains(" #")
        && !text.chars().any(char::is_control)
}

/// The value of a key that is followed by `text`; `None` when that is no YAML.
fn read_back(text: &str, mark: &Mark, derivation: Derivation) -> Option<Node> {
    let parsed = parse(&mark.path, format!("k: {text}\n").as_bytes(), &Budget::default());
    if !parsed.problems.is_empty() {
        return None;
    }
    let mut node = parsed.documents.first()?.root.get("k")?.clone();
    place_all(&mut node, mark, derivation);
    Some(node)
}

/// Gives every node the same place and says how it came from there.
pub(crate) fn place_all(node: &mut Node, mark: &Mark, derivation: Derivation) {
    node.mark = mark.clone();
    node.set_derivation(derivation);
    match &mut node.value {
        Value::Mapping(entries) => {
            for entry in entries {
                entry.key_mark = mark.clone();
                place_all(&mut entry.value, mark, derivation);
            }
        }
        Value::Sequence(items) => {
            for item in items {
                place_all(item, mark, derivation);
            }
        }
        Value::Null | Value::Scalar(_) => {}
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use super::*;

    fn node(path: &str, text: &str) -> Node {
        let parsed = parse(path, text.as_bytes(), &Budget::default());
        Node::clone(&parsed.documents[0].root)
    }

    fn variables() -> Variables {
        let vars = node("vars.yaml", "N: '3'\nNAME: shop\nHOSTS: '[a, b]'\nSECRET: ENC[AES,x]\n");
        let mut variables = Variables::default();
        for entry in vars.entries() {
            variables.set(&entry.key, &entry.value);
        }
        variables
    }

    fn substituted(text: &str) -> (Object, Outcome) {
        let head = "apiVersion: v1\nkind: X\n";
        let mut object = Object::from_node(node("x.yaml", &format!("{head}{text}"))).unwrap();
        let outcome = variables().substitute(&mut object);
        (object, outcome)
    }

    #[test]
    fn a_lone_variable_is_read_back_and_has_the_variables_line() {
        let (object, _) = substituted("a: ${N}\nb: '${N}'\nc: ${HOSTS}\nd: x-${N}\n");
        let at = |key: &str| object.root.get(key).unwrap().clone();
        assert_eq!(at("a").as_i64(), Some(3));
        assert_eq!(at("b").as_i64(), Some(3), "printed without quotes");
        assert_eq!(at("c").items().len(), 2);
        assert_eq!(at("d").text(), Some("x-3"));
        assert_eq!((&*at("a").mark.path, at("a").mark.line), ("vars.yaml", 1));
        assert_eq!(&*at("d").mark.path, "x.yaml");
        assert_eq!(at("a").overrode()[0].line, 3);
    }

    #[test]
    fn texts_that_are_printed_in_quotes_stay_texts() {
        let (object, _) = substituted("a: '{{ ${N} }}'\nb: 'x: ${N}'\nc: |\n  ${N}\n  y\n");
        let text = |key: &str| object.root.get(key).unwrap().as_str().map(str::to_owned);
        assert_eq!(text("a").as_deref(), Some("{{ 3 }}"));
        assert_eq!(text("b").as_deref(), Some("x: 3"));
        assert_eq!(text("c").as_deref(), Some("3\ny\n"));
    }

    #[test]
    fn encrypted_variables_stay_as_written_and_are_named() {
        let (object, outcome) = substituted("a: ${SECRET}\nb: ${UNKNOWN}\n");
        assert_eq!(object.root.get("a").and_then(Node::text), Some("${SECRET}"));
        assert!(object.root.get("b").unwrap().is_null());
        assert_eq!(outcome.hidden.into_iter().collect::<Vec<_>>(), ["SECRET"]);
    }

    #[test]
    fn a_default_stands_for_what_a_secret_may_set() {
        let mut variables = variables();
        variables.hide_more();
        let text = "apiVersion: v1\nkind: X\na: ${TRY:=800ms}\nb: ${TRY}\nc: ${TRY:-1}${TRY}\n\
                    d: ${TRYING}${TRY:=1}\ne: ${SECRET:=d}\n";
        let mut object = Object::from_node(node("x.yaml", text)).unwrap();
        let outcome = variables.substitute(&mut object);
        let text = |key: &str| object.root.get(key).unwrap().text().map(str::to_owned).unwrap();
        assert_eq!(text("a"), "800ms");
        let kept = ["b", "c", "d", "e"].map(text);
        assert_eq!(kept, ["${TRY}", "${TRY:-1}${TRY}", "${TRYING}${TRY:=1}", "${SECRET:=d}"]);
        let assumed: Vec<_> = outcome.assumed.iter().map(|(name, at)| (&**name, at.line)).collect();
        assert_eq!(assumed, [("TRY", 3)]);
        assert_eq!(outcome.hidden.into_iter().collect::<Vec<_>>(), ["SECRET", "TRY", "TRYING"]);
    }

    #[test]
    fn objects_may_opt_out() {
        let meta = "metadata: {annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}}\n";
        let (object, _) = substituted(&format!("{meta}a: ${{N}}\n"));
        assert_eq!(object.root.get("a").and_then(Node::text), Some("${N}"));
    }
}
