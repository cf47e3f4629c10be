//! Match conditions of HTTP routes: who they apply to, how they read, how a delegate narrows them.
//!
//! Conditions on the caller (`sourceLabels`, `sourceNamespace`, `gateways`, `port`) are decided
//! here and vanish; conditions on the request reach the proxy.

use std::collections::BTreeMap;

use stilltrace_model::{NamedCondition, Origin, PathCondition, RouteMatch, TextCondition};

use crate::field::Field;
use crate::labels::{Labels, selects};

/// A condition on a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text {
    /// Equal.
    Exact(String),
    /// Starts with.
    Prefix(String),
    /// A path that starts with these segments, as the Gateway API means a prefix.
    Segments(String),
    /// Matches a regular expression as a whole.
    Regex(String),
    /// Is there at all.
    Present,
}

/// One entry of `match`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Match {
    name: String,
    named_at: Option<Origin>,
    uri: Option<Text>,
    scheme: Option<Text>,
    method: Option<Text>,
    authority: Option<Text>,
    headers: BTreeMap<String, Text>,
    without_headers: BTreeMap<String, Text>,
    query: BTreeMap<String, Text>,
    ignore_case: bool,
    port: Option<u16>,
    source_labels: Labels,
    source_namespace: String,
    gateways: Vec<String>,
    /// The entry, and behind it that of the root which a delegate's entry narrows.
    written: Vec<Origin>,
}

/// Who asks for the routes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caller<'a> {
    /// Labels of the proxy's pod.
    pub(crate) labels: &'a Labels,
    /// Namespace of the proxy.
    pub(crate) namespace: &'a str,
    /// `mesh` for a sidecar, else the `namespace/name` of the gateway.
    pub(crate) gateway: &'a str,
    /// The port that the caller dials.
    pub(crate) port: u16,
}

impl Match {
    /// Reads one entry of `match`.
    pub(crate) fn read(field: &Field<'_>) -> Self {
        let text = |key: &str| field.get(key).map(|value| Text::read(&value));
        let texts = |key: &str| match field.get(key) {
            Some(map) => map
                .entries()
                .into_iter()
                .map(|(name, value)| (name.to_owned(), Text::read(&value)))
                .collect(),
            None => BTreeMap::new(),
        };
        let plain = |key: &str| field.get(key).and_then(|value| value.text()).unwrap_or_default();
        let namespace = field.source().namespace();
        let gateways = field.get("gateways").map(|list| list.texts()).unwrap_or_default();
        Self {
            name: plain("name").to_owned(),
            named_at: field.get("name").map(|name| name.origin()),
            uri: text("uri"),
            scheme: text("scheme"),
            method: text("method"),
            authority: text("authority"),
            headers: texts("headers"),
            without_headers: texts("withoutHeaders"),
            query: texts("queryParams"),
            ignore_case: field.get("ignoreUriCase").and_then(|value| value.flag()) == Some(true),
            port: field.get("port").and_then(|value| value.port()),
            source_labels: field.get("sourceLabels").map(|map| map.labels()).unwrap_or_default(),
            source_namespace: plain("sourceNamespace").to_owned(),
            gateways: gateways.iter().map(|name| gateway_name(name, namespace)).collect(),
            written: vec![field.origin()],
        }
    }

    /// The entries of `match` that the conditions come from.
    pub(crate) fn written(&self) -> &[Origin] {
        &self.written
    }

    /// The only entry of a route of the Gateway API, written at `origin` if it is.
    pub(crate) fn of_request(
        origin: Option<Origin>,
        uri: Option<Text>,
        method: Option<Text>,
        headers: BTreeMap<String, Text>,
        query: BTreeMap<String, Text>,
    ) -> Self {
        let written = origin.into_iter().collect();
        Self { uri, method, headers, query, written, ..Self::default() }
    }

    /// The condition on the path.
    pub(crate) fn uri(&self) -> Option<&Text> {
        self.uri.as_ref()
    }

    /// The same for callers of one port only.
    pub(crate) fn at_port(self, port: u16) -> Self {
        Self { port: Some(port), ..self }
    }

    /// The place among routes of the Gateway API, the greatest first: exact paths, prefixes and
    /// expressions, longer ones, a method, more headers, more query parameters (Istio's
    /// `sortHTTPRoutes`).
    pub(crate) fn precedence(&self) -> (u8, usize, bool, usize, usize) {
        let (kind, length) = match &self.uri {
            Some(Text::Exact(path)) => (3, path.len()),
            Some(Text::Prefix(path) | Text::Segments(path)) => (2, path.len()),
            Some(Text::Regex(path)) => (1, path.len()),
            Some(Text::Present) | None => (0, 0),
        };
        (kind, length, self.method.is_some(), self.headers.len(), self.query.len())
    }

    /// Whether a request can fulfil both conditions, as far as exact texts tell.
    pub(crate) fn may_meet(&self, other: &Self) -> bool {
        let differ = |a: Option<&Text>, b: Option<&Text>| match (a, b) {
            (Some(Text::Exact(a)), Some(Text::Exact(b))) => a != b,
            (Some(Text::Segments(a)), Some(Text::Segments(b))) => a != b && a.len() == b.len(),
            _ => false,
        };
        let named = |a: &BTreeMap<String, Text>, b: &BTreeMap<String, Text>| {
            a.iter().any(|(name, text)| differ(Some(text), b.get(name)))
        };
        let ports = matches!((self.port, other.port), (Some(a), Some(b)) if a != b);
        !(ports
            || differ(self.uri.as_ref(), other.uri.as_ref())
            || differ(self.method.as_ref(), other.method.as_ref())
            || named(&self.headers, &other.headers)
            || named(&self.query, &other.query))
    }

    /// Name of the entry, or empty.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The line of its name; of a delegate and its root the delegate's.
    pub(crate) fn named_at(&self) -> Option<&Origin> {
        self.named_at.as_ref()
    }

    /// Whether the entry looks at the caller's labels.
    pub(crate) fn looks_at_labels(&self) -> bool {
        !self.source_labels.is_empty()
    }

    /// The namespace of callers it is limited to, or empty.
    pub(crate) fn source_namespace(&self) -> &str {
        &self.source_namespace
    }

    /// Whether the entry is meant for this caller at all.
    pub(crate) fn is_for(&self, caller: &Caller<'_>) -> bool {
        if self.port.is_some_and(|port| port != caller.port) {
            return false;
        }
        if !self.gateways.is_empty() {
            return self.gateways.iter().any(|gateway| gateway == caller.gateway);
        }
        selects(&self.source_labels, caller.labels)
            && (self.source_namespace.is_empty() || self.source_namespace == caller.namespace)
    }

    /// Whether every request matches, so that no later route is ever tried.
    pub(crate) fn takes_everything(&self) -> bool {
        let path = match &self.uri {
            None | Some(Text::Present) => true,
            Some(Text::Prefix(prefix)) => prefix == "/",
            Some(Text::Regex(regex)) => regex == ".*",
            Some(Text::Exact(_) | Text::Segments(_)) => false,
        };
        let conditions = [&self.scheme, &self.method, &self.authority];
        path && conditions.iter().all(|condition| condition.is_none())
            && self.headers.is_empty()
            && self.without_headers.is_empty()
            && self.query.is_empty()
    }

    /// The conditions on the request, in the order in which Istio delivers them.
    pub(crate) fn condition(&self) -> RouteMatch {
        let named = |name: &str, inverted: bool, text: &Text| NamedCondition {
            name: name.to_owned(),
            inverted,
            value: text.condition(),
        };
        let plain = self.headers.iter().map(|(name, text)| named(name, false, text));
        let inverted = self.without_headers.iter().map(|(name, text)| named(name, true, text));
        let (claims, mut headers): (Vec<_>, Vec<_>) =
            plain.chain(inverted).partition(|header| is_claim(&header.name));
        headers.sort_by(|a, b| a.name.cmp(&b.name));
        let pseudo =
            [(":method", &self.method), (":authority", &self.authority), (":scheme", &self.scheme)];
        for (name, text) in pseudo {
            headers.extend(text.as_ref().map(|text| named(name, false, text)));
        }
        RouteMatch {
            path: self.uri.as_ref().and_then(Text::path),
            ignore_case: self.ignore_case,
            headers,
            query: self.query.iter().map(|(name, text)| named(name, false, text)).collect(),
            claims,
        }
    }

    /// The entry of a delegate under an entry of its root, or `None` when they contradict.
    pub(crate) fn narrowed_by(&self, leaf: &Self) -> Option<Self> {
        if self.contradicts(leaf) {
            return None;
        }
        let either =
            |leaf: &Option<Text>, root: &Option<Text>| leaf.clone().or_else(|| root.clone());
        Some(Self {
            name: joined_names(&self.name, &leaf.name),
            named_at: leaf.named_at.clone().or_else(|| self.named_at.clone()),
            uri: either(&leaf.uri, &self.uri),
            scheme: either(&leaf.scheme, &self.scheme),
            method: either(&leaf.method, &self.method),
            authority: either(&leaf.authority, &self.authority),
            headers: united(&self.headers, &leaf.headers),
            without_headers: united(&self.without_headers, &leaf.without_headers),
            query: united(&self.query, &leaf.query),
            ignore_case: leaf.ignore_case,
            port: leaf.port.or(self.port),
            source_labels: united(&self.source_labels, &leaf.source_labels),
            source_namespace: if leaf.source_namespace.is_empty() {
                self.source_namespace.clone()
            } else {
                leaf.source_namespace.clone()
            },
            gateways: if leaf.gateways.is_empty() { &self.gateways } else { &leaf.gateways }
                .clone(),
            written: leaf.written.iter().chain(&self.written).cloned().collect(),
        })
    }

    /// Whether the entry of a delegate asks for something that its root's entry excludes.
    fn contradicts(&self, leaf: &Self) -> bool {
        let single = [
            (&self.uri, &leaf.uri),
            (&self.scheme, &leaf.scheme),
            (&self.method, &leaf.method),
            (&self.authority, &leaf.authority),
        ];
        let outside = |root: Option<&Text>, leaf: Option<&Text>| match (root, leaf) {
            (Some(root), Some(leaf)) => !root.contains(leaf),
            _ => false,
        };
        let maps = [
            (&self.headers, &leaf.headers),
            (&self.without_headers, &leaf.without_headers),
            (&self.query, &leaf.query),
        ];
        single.iter().any(|(root, leaf)| outside(root.as_ref(), leaf.as_ref()))
            || maps.iter().any(|(root, leaf)| {
                leaf.iter().any(|(name, text)| outside(root.get(name), Some(text)))
            })
            || self.contradicts_caller(leaf)
    }

    fn contradicts_caller(&self, leaf: &Self) -> bool {
        let ports = matches!((self.port, leaf.port), (Some(root), Some(leaf)) if root != leaf);
        let namespaces =
            !self.source_namespace.is_empty() && self.source_namespace != leaf.source_namespace;
        let labels = leaf
            .source_labels
            .iter()
            .any(|(key, value)| self.source_labels.get(key).is_some_and(|other| other != value));
        let gateways = !self.gateways.is_empty()
            && !leaf.gateways.is_empty()
            && (self.gateways.len() < leaf.gateways.len()
                || leaf.gateways.iter().any(|gateway| !self.gateways.contains(gateway)));
        self.ignore_case != leaf.ignore_case || ports || namespaces || labels || gateways
    }
}

impl Text {
    fn read(field: &Field<'_>) -> Self {
        let value = |key: &str| field.get(key).and_then(|value| value.text()).map(str::to_owned);
        if let Some(text) = value("exact") {
            Self::Exact(text)
        } else if let Some(text) = value("prefix") {
            Self::Prefix(text)
        } else {
            value("regex").map_or(Self::Present, Self::Regex)
        }
    }

    /// The condition on a named value. The expression `*` is no expression: Istio takes it for
    /// presence.
    fn condition(&self) -> TextCondition {
        match self {
            Self::Exact(text) => TextCondition::Exact(text.clone()),
            Self::Prefix(text) | Self::Segments(text) => TextCondition::Prefix(text.clone()),
            Self::Regex(text) if text != "*" => TextCondition::Regex(text.clone()),
            Self::Regex(_) | Self::Present => TextCondition::Present,
        }
    }

    /// The condition on the path; `None` where every path fulfils it.
    fn path(&self) -> Option<PathCondition> {
        match self {
            Self::Exact(text) => Some(PathCondition::Exact(text.clone())),
            Self::Prefix(text) if text == "/" => None,
            Self::Prefix(text) => Some(PathCondition::Prefix(text.clone())),
            Self::Segments(text) => {
                let path = text.strip_suffix('/').unwrap_or(text);
                Some(PathCondition::Segments(path.to_owned()))
            }
            Self::Regex(text) => Some(PathCondition::Regex(text.clone())),
            Self::Present => None,
        }
    }

    /// Whether a delegate's condition stays within this one, as Istio decides it: regular
    /// expressions contain nothing but the absence of a condition.
    fn contains(&self, leaf: &Self) -> bool {
        match (self, leaf) {
            (Self::Exact(root), Self::Exact(leaf)) => root == leaf,
            (Self::Prefix(root), Self::Exact(leaf) | Self::Prefix(leaf)) => leaf.starts_with(root),
            _ => false,
        }
    }
}

/// Whether a header name stands for a claim of a token (`@request.auth.claims.group`).
fn is_claim(name: &str) -> bool {
    const PREFIX: &str = "@request.auth.claims";
    let rest = name.get(..PREFIX.len()).filter(|start| start.eq_ignore_ascii_case(PREFIX));
    rest.is_some() && name[PREFIX.len()..].starts_with(['.', '['])
}

/// `namespace/name` of a gateway named by an object in `namespace`; `mesh` stays. The older
/// spelling `name.namespace.svc…` is still read.
pub(crate) fn gateway_name(name: &str, namespace: &str) -> String {
    if name == "mesh" {
        return name.to_owned();
    }
    match (name.split_once('/'), name.split_once('.')) {
        (Some((".", name)), _) => format!("{namespace}/{name}"),
        (Some(_), _) => name.to_owned(),
        (None, Some((name, rest))) => {
            let place = rest.split_once('.').map_or(rest, |(place, _)| place);
            format!("{place}/{name}")
        }
        (None, None) => format!("{namespace}/{name}"),
    }
}

/// A delegate's name under its root's.
pub(crate) fn joined_names(root: &str, leaf: &str) -> String {
    match (root, leaf) {
        ("", name) | (name, "") => name.to_owned(),
        (root, leaf) => format!("{root}-{leaf}"),
    }
}

fn united<V: Clone>(root: &BTreeMap<String, V>, leaf: &BTreeMap<String, V>) -> BTreeMap<String, V> {
    let mut all = root.clone();
    all.extend(leaf.iter().map(|(key, value)| (key.clone(), value.clone())));
    all
}
