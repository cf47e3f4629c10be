//! The part of Go templates that ApplicationSets use for names and paths: fields, `index`,
//! pipelines and a few functions on texts. Everything else is refused by name.

use stilltrace_manifest::{Node, Value};

use super::params::{Params, normalized};

/// How many actions one text may have.
const MAX_ACTIONS: usize = 1_000;

/// Why a template is not evaluated: the part that is not understood.
pub(super) type Unknown = String;

/// The text with its actions evaluated.
pub(super) fn expand(text: &str, params: &Params) -> Result<String, Unknown> {
    let mut expanded = String::new();
    let mut rest = text;
    let mut count = 0;
    while let Some((before, after)) = rest.split_once("{{") {
        count += 1;
        let Some((action, behind)) = after.split_once("}}") else {
            return Err("an action without an end".to_owned());
        };
        if count > MAX_ACTIONS {
            return Err(format!("more than {MAX_ACTIONS} actions"));
        }
        let (action, trims_left) = match action.strip_prefix("- ") {
            Some(action) => (action, true),
            None => (action, false),
        };
        let (action, trims_right) = match action.strip_suffix(" -") {
            Some(action) => (action, true),
            None => (action, false),
        };
        expanded.push_str(if trims_left { before.trim_end() } else { before });
        if !action.trim_start().starts_with("/*") {
            expanded.push_str(&evaluate(action, params)?.printed());
        }
        rest = if trims_right { behind.trim_start() } else { behind };
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// The field that a text is, when it is nothing else.
pub(super) fn only_field<'p>(text: &str, params: &'p Params) -> Option<&'p Node> {
    let action = text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    (!action.contains(char::is_whitespace)).then(|| field(action, params)).flatten()
}

/// A value while it is computed.
#[derive(Debug, Clone)]
enum Term {
    Node(Node),
    Text(String),
    Number(i64),
    Missing,
}

impl Term {
    fn printed(&self) -> String {
        match self {
            Self::Node(node) => node.text().unwrap_or_default().to_owned(),
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Missing => "<no value>".to_owned(),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Node(node) => match &node.value {
                Value::Null => true,
                Value::Scalar(scalar) => {
                    scalar.text.is_empty()
                        || node.as_bool() == Some(false)
                        || node.as_i64() == Some(0)
                }
                Value::Sequence(items) => items.is_empty(),
                Value::Mapping(entries) => entries.is_empty(),
            },
            Self::Text(text) => text.is_empty(),
            Self::Number(number) => *number == 0,
            Self::Missing => true,
        }
    }
}

fn evaluate(action: &str, params: &Params) -> Result<Term, Unknown> {
    let words = words(action)?;
    let mut piped: Option<Term> = None;
    for command in words.split(|word| word == "|") {
        let Some((head, arguments)) = command.split_first() else {
            return Err(action.trim().to_owned());
        };
        let mut terms = Vec::new();
        for argument in arguments {
            terms.push(operand(argument, params)?);
        }
        let is_function = !head.starts_with(['.', '$', '"', '`']) && head.parse::<i64>().is_err();
        piped = Some(if is_function {
            terms.extend(piped.take());
            call(head, &terms)?
        } else if terms.is_empty() && piped.is_none() {
            operand(head, params)?
        } else {
            return Err(action.trim().to_owned());
        });
    }
    piped.ok_or_else(|| action.trim().to_owned())
}

/// Words of an action; quoted texts keep their opening quote, parentheses are refused.
fn words(action: &str) -> Result<Vec<String>, Unknown> {
    let mut words = Vec::new();
    let mut rest = action.trim();
    while let Some(first) = rest.chars().next() {
        let (word, behind) = match first {
            '"' | '`' => {
                let inner = rest.get(1..).unwrap_or_default();
                let end = inner.find(first).ok_or_else(|| action.trim().to_owned())?;
                let (text, behind) = inner.split_at(end);
                if first == '"' && text.contains('\\') {
                    return Err(action.trim().to_owned());
                }
                (format!("\"{text}"), behind.get(1..).unwrap_or_default())
            }
            '|' => ("|".to_owned(), rest.get(1..).unwrap_or_default()),
            '(' | ')' => return Err(action.trim().to_owned()),
            _ => {
                let end = rest.find(|c: char| c.is_whitespace() || c == '|').unwrap_or(rest.len());
                let (word, behind) = rest.split_at(end);
                (word.to_owned(), behind)
            }
        };
        words.push(word);
        rest = behind.trim_start();
    }
    Ok(words)
}

fn operand(word: &str, params: &Params) -> Result<Term, Unknown> {
    if let Some(text) = word.strip_prefix('"') {
        return Ok(Term::Text(text.to_owned()));
    }
    if let Ok(number) = word.parse::<i64>() {
        return Ok(Term::Number(number));
    }
    if word.starts_with('.') || word.starts_with("$.") {
        return Ok(field(word, params).map_or(Term::Missing, |node| Term::Node(node.clone())));
    }
    Err(word.to_owned())
}

fn field<'p>(word: &str, params: &'p Params) -> Option<&'p Node> {
    let path = word.strip_prefix('$').unwrap_or(word).strip_prefix('.')?;
    let mut keys = path.split('.').filter(|key| !key.is_empty());
    keys.try_fold(&params.root, |node, key| node.get(key))
}

fn call(name: &str, terms: &[Term]) -> Result<Term, Unknown> {
    let text = |index: usize| terms.get(index).map(Term::printed).unwrap_or_default();
    let (first, last) = (text(0), text(terms.len().saturating_sub(1)));
    let result = match (name, terms.len()) {
        ("index", 2..) => return index(terms),
        ("default", 2) => {
            let chosen = usize::from(terms.get(1).is_some_and(|t| !t.is_empty()));
            return Ok(terms.get(chosen).cloned().unwrap_or(Term::Missing));
        }
        ("quote", 1) => format!("\"{first}\""),
        ("squote", 1) => format!("'{first}'"),
        ("lower", 1) => first.to_lowercase(),
        ("upper", 1) => first.to_uppercase(),
        ("title", 1) => title(&first),
        ("trim", 1) => first.trim().to_owned(),
        ("toString", 1) => first,
        ("normalize", 1) => normalized(&first),
        ("base", 1) => first.rsplit('/').next().unwrap_or_default().to_owned(),
        ("dir", 1) => first.rsplit_once('/').map_or(".", |(dir, _)| dir).to_owned(),
        ("trimPrefix", 2) => last.strip_prefix(first.as_str()).unwrap_or(&last).to_owned(),
        ("trimSuffix", 2) => last.strip_suffix(first.as_str()).unwrap_or(&last).to_owned(),
        ("replace", 3) => last.replace(&first, &text(1)),
        ("trunc", 2) => match terms.first() {
            Some(Term::Number(length)) => truncated(&last, *length),
            _ => return Err(name.to_owned()),
        },
        ("printf", 1..) => return printf(&first, terms.get(1..).unwrap_or_default()),
        _ => return Err(name.to_owned()),
    };
    Ok(Term::Text(result))
}

fn index(terms: &[Term]) -> Result<Term, Unknown> {
    let Some((Term::Node(node), keys)) = terms.split_first() else {
        return Err("index".to_owned());
    };
    let found = keys.iter().try_fold(node, |node, key| match key {
        Term::Number(at) => node.items().get(usize::try_from(*at).ok()?),
        other => node.get(&other.printed()),
    });
    Ok(found.map_or(Term::Missing, |node| Term::Node(node.clone())))
}

fn title(text: &str) -> String {
    let word = |word: &str| {
        let mut characters = word.chars();
        let first: String = characters.next().into_iter().flat_map(char::to_uppercase).collect();
        first + characters.as_str()
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// The first characters, or with a number below zero the last.
fn truncated(text: &str, length: i64) -> String {
    let count = text.chars().count();
    let wanted = usize::try_from(length.unsigned_abs()).unwrap_or(usize::MAX);
    match length {
        0.. => text.chars().take(wanted).collect(),
        _ => text.chars().skip(count.saturating_sub(wanted)).collect(),
    }
}

/// `printf` with `%s`, `%d`, `%v` and `%%`.
fn printf(format: &str, terms: &[Term]) -> Result<Term, Unknown> {
    let mut terms = terms.iter();
    let mut printed = String::new();
    let mut characters = format.chars();
    while let Some(c) = characters.next() {
        match (c, c == '%') {
            (_, false) => printed.push(c),
            _ => match characters.next() {
                Some('s' | 'd' | 'v') => {
                    printed.push_str(&terms.next().map(Term::printed).unwrap_or_default());
                }
                Some('%') => printed.push('%'),
                _ => return Err("printf".to_owned()),
            },
        }
    }
    Ok(Term::Text(printed))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed test may panic")]
mod tests {
    use stilltrace_manifest::Budget;
    use stilltrace_manifest::yaml::parse;

    use super::*;

    fn params() -> Params {
        let text = "path: {path: apps/Shop/prod, basename: prod, segments: [apps, Shop, prod]}\n\
                    metadata: {labels: {a/b: eu}}\nempty: ''\n";
        let parsed = parse("p.yaml", text.as_bytes(), &Budget::default());
        Params { root: Node::clone(&parsed.documents[0].root) }
    }

    #[test]
    fn fields_pipes_and_functions_are_evaluated() {
        for (text, expected) in [
            ("{{ .path.basename }}", "prod"),
            ("{{.path.basename}}-x-{{ $.path.path }}", "prod-x-apps/Shop/prod"),
            ("{{ index .path.segments 1 | lower }}", "shop"),
            ("{{ index .metadata.labels \"a/b\" }}", "eu"),
            ("{{ .empty | default \"eu\" }}", "eu"),
            ("{{ .none | default `eu` | upper | quote }}", "\"EU\""),
            ("a {{- .path.basename -}} b", "aprodb"),
            ("{{ printf \"%s-%d\" .path.basename 3 }}", "prod-3"),
            ("{{ .path.path | replace \"/\" \"-\" | trimSuffix \"-prod\" }}", "apps-Shop"),
            ("{{ trunc -4 .path.path | normalize }}", "prod"),
        ] {
            assert_eq!(expand(text, &params()).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        for text in
            ["{{ if .x }}a{{ end }}", "{{ range .x }}", "{{ (index .a 1) }}", "{{ .a", "{{}}"]
        {
            assert!(expand(text, &params()).is_err(), "{text}");
        }
    }
}
