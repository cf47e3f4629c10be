//! The providers that the mesh configuration defines, and those that Istio brings.

use crate::field::Field;

/// Kinds of providers that take spans, by the name of their block.
const TRACERS: [&str; 4] = ["opentelemetry", "zipkin", "datadog", "skywalking"];
/// Kinds of providers that take lines of an access log.
const LOGGERS: [&str; 4] = ["envoyFileAccessLog", "envoyHttpAls", "envoyTcpAls", "envoyOtelAls"];
/// The block of a custom sampler of OpenTelemetry.
const SAMPLER: &str = "dynatraceSampler";

/// A provider of the mesh.
pub(super) struct Provider<'a> {
    name: &'a str,
    /// As written; `None` for one that Istio brings.
    written: Option<Field<'a>>,
}

/// All providers, in Istio's order.
pub(super) struct Providers<'a>(Vec<Provider<'a>>);

impl<'a> Providers<'a> {
    /// Those that Istio brings, then the written ones; one of the same name takes the older one's
    /// place (`ApplyMeshConfig`, release 1.31).
    pub(super) fn read(mesh: Option<&Field<'a>>) -> Self {
        let brought = ["prometheus", "stackdriver", "envoy"];
        let mut all: Vec<Provider<'a>> =
            brought.map(|name| Provider { name, written: None }).into_iter().collect();
        for written in mesh.map(|mesh| mesh.list("extensionProviders")).unwrap_or_default() {
            let Some(name) = written.get("name").and_then(|name| name.text()) else { continue };
            match all.iter_mut().find(|provider| provider.name == name) {
                Some(known) => known.written = Some(written),
                None => all.push(Provider { name, written: Some(written) }),
            }
        }
        Self(all)
    }

    /// The first provider of this name in any case.
    pub(super) fn find(&self, name: &str) -> Option<&Provider<'a>> {
        self.0.iter().find(|provider| provider.name.eq_ignore_ascii_case(name))
    }
}

impl<'a> Provider<'a> {
    /// The name under which it is defined.
    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    /// Whether it takes spans.
    pub(super) fn takes_spans(&self) -> bool {
        self.is_one_of(&TRACERS)
    }

    /// Whether it writes an access log.
    pub(super) fn logs(&self) -> bool {
        match &self.written {
            Some(_) => self.is_one_of(&LOGGERS),
            None => self.name == "envoy",
        }
    }

    /// The sampler of its own, to which proxies leave the choice of requests.
    pub(super) fn sampler(&self) -> Option<Field<'a>> {
        self.written.as_ref()?.at(&["opentelemetry", SAMPLER])
    }

    fn is_one_of(&self, kinds: &[&str]) -> bool {
        let written = self.written.as_ref();
        written.is_some_and(|field| kinds.iter().any(|kind| field.get(kind).is_some()))
    }
}
