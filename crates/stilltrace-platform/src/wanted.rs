//! A destination as a virtual service names it, before a proxy looks it up.

use stilltrace_model::Origin;

use crate::field::Field;
use crate::hosts;

/// Host, port and subset of a destination, with the lines that write them.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The host, completed with the namespace of the object where it has no dot.
    pub(crate) host: String,
    /// The line of the host.
    pub(crate) host_origin: Origin,
    /// The port, where one is named.
    pub(crate) port: Option<(u16, Origin)>,
    /// The subset, where one is named.
    pub(crate) subset: Option<(String, Origin)>,
}

impl Wanted {
    /// Reads a `destination`; `None` without a host.
    pub(crate) fn read(destination: &Field<'_>) -> Option<Self> {
        let host = destination.get("host")?;
        let port = destination.at(&["port", "number"]);
        let subset = destination.get("subset");
        let named = subset.and_then(|field| Some((field.text()?.to_owned(), field.origin())));
        Some(Self {
            host: hosts::complete(host.text()?, destination.source().namespace()),
            host_origin: host.origin(),
            port: port.and_then(|field| Some((field.port()?, field.origin()))),
            subset: named.filter(|(name, _)| !name.is_empty()),
        })
    }
}
