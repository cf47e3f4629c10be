//! The providers that the mesh configuration defines, and those that Istio brings.

use std::collections::BTreeSet;

use crate::edges::Mesh;
use crate::field::Field;

/// Kinds of providers that take spans, by the name of their block.
const TRACERS: [&str; 4] = ["opentelemetry", "zipkin", "datadog", "skywalking"];
/// Kinds of providers that take lines of an access log.
const LOGGERS: [&str; 4] = [FILE, "envoyHttpAls", "envoyTcpAls", "envoyOtelAls"];
/// The kind that needs no service.
const FILE: &str = "envoyFileAccessLog";
/// The block of a custom sampler of OpenTelemetry.
const SAMPLER: &str = "dynatraceSampler";

/// A provider of the mesh.
pub(super) struct Provider<'a> {
    name: &'a str,
    /// As written; `None` for one that Istio brings.
    written: Option<Field<'a>>,
    /// What it lacks, and the field that says so.
    lacks: Option<(Field<'a>, Lack)>,
}

/// What a provider lacks to be configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lack {
    /// Several namespaces have a service of its name.
    Several,
    /// It names nobody.
    Nobody,
}

/// All providers, in Istio's order.
pub(super) struct Providers<'a>(Vec<Provider<'a>>);

impl<'a> Providers<'a> {
    /// Those that Istio brings, then the written ones; one of the same name takes the older one's
    /// place (`ApplyMeshConfig`, release 1.31).
    pub(super) fn read(mesh: &Mesh<'a>) -> Self {
        let brought = ["prometheus", "stackdriver", "envoy"];
        let brought = brought.map(|name| Provider { name, written: None, lacks: None });
        let mut all: Vec<Provider<'a>> = brought.into_iter().collect();
        let document = mesh.document.as_ref();
        for written in document.map(|mesh| mesh.list("extensionProviders")).unwrap_or_default() {
            let Some(name) = written.get("name").and_then(|name| name.text()) else { continue };
            let lacks = lacks(&written, mesh);
            match all.iter_mut().find(|provider| provider.name == name) {
                Some(known) => (known.written, known.lacks) = (Some(written), lacks),
                None => all.push(Provider { name, written: Some(written), lacks }),
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

    /// The field for want of which Istio configures nothing, which is named as a gap.
    pub(super) fn broken(&self) -> Option<&Field<'a>> {
        let (field, lack) = self.lacks.as_ref()?;
        let (name, place) = (self.name, &field.node().mark);
        let (what, remedy) = match lack {
            Lack::Several => (
                format!(
                    "{place}: several namespaces declare the service `{}`",
                    field.text().unwrap_or_default()
                ),
                "write NAMESPACE/HOST",
            ),
            Lack::Nobody => (
                format!("{place}: the provider `{name}` names no service to send to"),
                "name a `service`; a sampler takes its own `httpService` or the provider's `http`",
            ),
        };
        let why = format!("Istio leaves out the provider `{name}`, and so does the answer");
        field.source().gaps.add(what, why, remedy);
        Some(field)
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

/// What a provider lacks, and the field that says so: one service to send to (`LookupCluster`), or a
/// sampler that can ask somebody (`configureDynatraceSampler`, release 1.31). Collectors are often
/// installed from elsewhere: a service that nothing declares is taken for one of them.
fn lacks<'a>(provider: &Field<'a>, mesh: &Mesh<'_>) -> Option<(Field<'a>, Lack)> {
    let mut kinds = TRACERS.iter().chain(&LOGGERS).filter(|kind| **kind != FILE);
    let block = kinds.find_map(|kind| provider.get(kind))?;
    let of_service = |block: &Field<'a>| match block.get("service") {
        Some(service) => {
            let lack = service.text().map_or(Some(Lack::Nobody), |name| lack_of(name, mesh));
            Some((service, lack?))
        }
        None => Some((block.clone(), Lack::Nobody)),
    };
    let of_sampler = || {
        let sampler = block.get(SAMPLER)?;
        match sampler.get("httpService") {
            Some(service) => of_service(&service),
            None => block.get("http").is_none().then_some((sampler, Lack::Nobody)),
        }
    };
    of_service(&block).or_else(of_sampler)
}

/// Why `HOST` or `NAMESPACE/HOST` cannot be one service of the mesh.
fn lack_of(name: &str, mesh: &Mesh<'_>) -> Option<Lack> {
    if name.is_empty() {
        return Some(Lack::Nobody);
    }
    let named = mesh.directory.named(name).iter().filter_map(|index| mesh.callees.get(*index));
    let namespaces: BTreeSet<&str> = named.map(|callee| callee.id.namespace.as_str()).collect();
    (namespaces.len() > 1).then_some(Lack::Several)
}
