//! Defaults that nobody wrote, and whose they are.

use std::fmt;

/// What decides a value that nobody wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Software {
    /// Istio's control plane, its installation or its agent.
    Istio,
    /// The Envoy that Istio ships.
    Envoy,
    /// The API server and the kubelet.
    Kubernetes,
    /// The schema of the Gateway API.
    GatewayApi,
    /// KEDA's controller.
    Keda,
    /// The node's kernel.
    OperatingSystem,
}

impl Software {
    /// Its name, as its makers write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Istio => "Istio",
            Self::Envoy => "Envoy",
            Self::Kubernetes => "Kubernetes",
            Self::GatewayApi => "Gateway API",
            Self::Keda => "KEDA",
            Self::OperatingSystem => "operating system",
        }
    }

    /// The release whose defaults are shown; `None` where they are those of whatever release runs:
    /// Envoy's is decided by Istio's, and KEDA's and the kernel's have not changed.
    pub fn version(self) -> Option<&'static str> {
        match self {
            Self::Istio => Some("1.31"),
            Self::Kubernetes => Some("1.36"),
            Self::GatewayApi => Some("1.6"),
            Self::Envoy | Self::Keda | Self::OperatingSystem => None,
        }
    }
}

/// A default that nobody wrote: what it says, and whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamedDefault {
    says: &'static str,
    by: Option<Software>,
}

impl NamedDefault {
    /// Of Istio's control plane.
    pub const ISTIO: Self = Self::of(Software::Istio, "Istio 1.31 default");
    /// What a value is that one of two revisions does not have.
    pub const ABSENT: Self = Self { says: "not set", by: None };
    /// Of the proxy, where Istio leaves the value to it.
    pub const ENVOY: Self = Self::of(Software::Envoy, "Envoy default");
    /// Of the API server.
    pub const KUBERNETES: Self = Self::of(Software::Kubernetes, "Kubernetes default");
    /// Of the schema that the API server fills in.
    pub const GATEWAY_API: Self = Self::of(Software::GatewayApi, "Gateway API default");

    /// A default of this software in words, such as `Istio 1.31 default`.
    pub const fn of(by: Software, says: &'static str) -> Self {
        Self { says, by: Some(by) }
    }

    /// Whose default it is; `None` for what follows from the absence itself.
    pub fn by(self) -> Option<Software> {
        self.by
    }

    /// The default in words.
    pub const fn says(self) -> &'static str {
        self.says
    }
}

impl From<&'static str> for NamedDefault {
    /// What follows from an absence, whoever reads it.
    fn from(says: &'static str) -> Self {
        Self { says, by: None }
    }
}

impl fmt::Display for NamedDefault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.says)
    }
}
