//! Ports of services: their protocols, and the port of the pod that is meant.
//!
//! Rules of `ConvertProtocol` and `protocol.Parse`, Istio release 1.31.

use std::collections::BTreeMap;

use stilltrace_model::{Origin, Setting};

use crate::defaults;
use crate::field::Field;

/// Ports that are plain TCP unless their name says otherwise (SMTP, DNS, MySQL, MongoDB): the
/// server speaks first there, so that Istio must not wait for the client's bytes.
const SERVER_FIRST: [u16; 4] = [25, 53, 3_306, 27_017];

/// A port of a service.
#[derive(Debug, Clone)]
pub(crate) struct Port {
    /// The number that callers dial.
    pub(crate) number: u16,
    /// The line of the number.
    pub(crate) number_at: Origin,
    /// Its name, or empty.
    pub(crate) name: String,
    /// Protocol in lower case; `auto` is sniffed.
    pub(crate) protocol: String,
    /// What decides about the protocol: the line that names it, or a default.
    pub(crate) origin: Origin,
    /// The port of the endpoint.
    pub(crate) target: Target,
    /// Whether the transport is UDP. A TCP port may be taken for UDP by its name.
    pub(crate) udp: bool,
}

/// Which port of an endpoint is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// The number that callers dial.
    Same,
    /// This number.
    Number(u16),
    /// The container port of this name.
    Named(String),
}

/// Whether requests are routed as HTTP, at least where sniffing finds some.
pub(crate) fn is_http_or_sniffed(protocol: &str) -> bool {
    is_http(protocol) || protocol == "auto"
}

/// Whether the protocol is HTTP of any version.
pub(crate) fn is_http(protocol: &str) -> bool {
    matches!(protocol, "http" | "http_proxy") || is_http2(protocol)
}

/// Whether the protocol is HTTP/2.
pub(crate) fn is_http2(protocol: &str) -> bool {
    matches!(protocol, "http2") || is_grpc(protocol)
}

/// Whether the protocol is gRPC.
pub(crate) fn is_grpc(protocol: &str) -> bool {
    matches!(protocol, "grpc" | "grpc-web")
}

/// The ports that proxies carry, number to protocol.
pub(crate) fn carried(declared: &[Port]) -> BTreeMap<u16, String> {
    let carried = declared.iter().filter(|port| port.protocol != "udp");
    let mut found = BTreeMap::new();
    for port in carried {
        found.entry(port.number).or_insert_with(|| port.protocol.clone());
    }
    found
}

/// `spec.ports` of a Kubernetes service.
pub(crate) fn of_service(spec: Option<&Field<'_>>) -> Vec<Port> {
    let ports = spec.map(|spec| spec.list("ports")).unwrap_or_default();
    ports.iter().filter_map(service_port).collect()
}

/// `spec.ports` of a `ServiceEntry`.
pub(crate) fn of_entry(spec: &Field<'_>) -> Vec<Port> {
    spec.list("ports").iter().filter_map(entry_port).collect()
}

fn service_port(port: &Field<'_>) -> Option<Port> {
    let written = port.get("port")?;
    let (number, number_at) = (written.port()?, written.origin());
    let name = port.get("name");
    let transport = port.get("protocol");
    let application = port.get("appProtocol");
    let is = |wanted: &str| {
        transport.as_ref().and_then(Field::text).is_some_and(|t| t.eq_ignore_ascii_case(wanted))
    };
    let own = name.as_ref().and_then(Field::text).unwrap_or_default();
    let written = application.as_ref().and_then(Field::text);
    let udp = is("udp");
    let (protocol, decides) = if udp {
        ("udp".to_owned(), transport.clone())
    } else {
        let (protocol, by_name) = protocol(number, own, written);
        (protocol, application.clone().or_else(|| name.clone()).filter(|_| by_name))
    };
    let usual = if protocol == "tcp" { defaults::SERVER_FIRST } else { defaults::SNIFFED };
    let target = match port.get("targetPort") {
        Some(target) => match target.node().as_i64() {
            Some(0) => Target::Same,
            Some(_) => Target::Number(target.port()?),
            None => Target::Named(target.text()?.to_owned()),
        },
        None => Target::Same,
    };
    Some(Port {
        number,
        number_at,
        name: own.to_owned(),
        protocol,
        origin: decides.map_or(Origin::Default { of: usual }, |field| field.origin()),
        target,
        udp,
    })
}

fn entry_port(port: &Field<'_>) -> Option<Port> {
    let number = port.get("number")?;
    let (number, number_at) = (number.port()?, number.origin());
    let written = port.get("protocol");
    let protocol = written.as_ref().and_then(Field::text).map_or("auto", parse);
    let target = port.get("targetPort").filter(|field| field.node().as_i64() != Some(0));
    Some(Port {
        number,
        number_at,
        name: port.get("name").and_then(|name| name.text()).unwrap_or_default().to_owned(),
        protocol: protocol.to_owned(),
        origin: written
            .filter(|_| protocol != "auto")
            .map_or(Origin::Default { of: defaults::SNIFFED }, |field| field.origin()),
        target: target.and_then(|field| field.port()).map_or(Target::Same, Target::Number),
        udp: protocol == "udp",
    })
}

/// The protocol of a service port: `appProtocol`, else the prefix of its name, else sniffed; and
/// whether one of these names it.
fn protocol(port: u16, name: &str, app_protocol: Option<&str>) -> (String, bool) {
    let name = match app_protocol {
        Some("kubernetes.io/h2c") => return ("http2".to_owned(), true),
        Some("kubernetes.io/ws") => return ("http".to_owned(), true),
        Some("kubernetes.io/wss") => return ("https".to_owned(), true),
        Some(other) => other,
        None => name,
    };
    let name = name.to_ascii_lowercase();
    if name.starts_with("grpc-web") {
        return ("grpc-web".to_owned(), true);
    }
    let prefix = name.split('-').next().unwrap_or_default();
    match parse(prefix) {
        "auto" if SERVER_FIRST.contains(&port) => ("tcp".to_owned(), false),
        "auto" => ("auto".to_owned(), false),
        protocol => (protocol.to_owned(), true),
    }
}

/// The ports that proxies carry, with what decides about the protocol of each.
pub(crate) fn explained(declared: &[Port]) -> BTreeMap<u16, Setting<String>> {
    let carried = declared.iter().filter(|port| port.protocol != "udp");
    let mut found = BTreeMap::new();
    for port in carried {
        let setting = || Setting::new(port.protocol.clone(), port.origin.clone());
        found.entry(port.number).or_insert_with(setting);
    }
    found
}

/// The protocol of a name; `auto` for names that Istio does not know.
pub(crate) fn parse(name: &str) -> &'static str {
    const KNOWN: [&str; 12] = [
        "tcp",
        "udp",
        "grpc",
        "grpc-web",
        "http",
        "http_proxy",
        "http2",
        "https",
        "tls",
        "mongo",
        "redis",
        "mysql",
    ];
    let known = KNOWN.iter().find(|known| known.eq_ignore_ascii_case(name));
    known.copied().unwrap_or("auto")
}

#[cfg(test)]
mod tests {
    fn protocol(port: u16, name: &str, app_protocol: Option<&str>) -> String {
        super::protocol(port, name, app_protocol).0
    }

    #[test]
    fn protocol_comes_from_app_protocol_then_name_then_sniffing() {
        assert_eq!(protocol(80, "http-web", None), "http");
        assert_eq!(protocol(80, "http-web", Some("kubernetes.io/h2c")), "http2");
        assert_eq!(protocol(80, "grpc-web-x", None), "grpc-web");
        assert_eq!(protocol(80, "web", None), "auto");
        assert_eq!(protocol(3306, "db", None), "tcp");
        assert_eq!(protocol(3306, "http", None), "http");
    }
}
