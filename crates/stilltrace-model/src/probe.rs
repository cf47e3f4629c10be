//! Probes: how the kubelet asks a container for its state, and whom it asks in its place.

use std::{fmt, time::Duration};

use crate::{Origin, Setting};

/// What a probe decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProbeKind {
    /// Whether the pod gets requests.
    Readiness,
    /// Whether the container is restarted.
    Liveness,
    /// Whether the other probes begin.
    Startup,
}

impl std::fmt::Display for ProbeKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Readiness => "readiness",
            Self::Liveness => "liveness",
            Self::Startup => "startup",
        })
    }
}

/// How the kubelet asks a container for its state.
#[derive(Debug, Clone, PartialEq)]
pub struct Probe {
    /// Where the block starts.
    pub origin: Origin,
    /// What it asks, where the block says so.
    pub asks: Option<ProbeQuestion>,
    /// The proxy's agent that the kubelet asks in the application's place; `None` where the question
    /// does not pass a proxy.
    pub agent: Option<ProbeAgent>,
    /// Time between two questions.
    pub period: Setting<Duration>,
    /// How long an answer may take.
    pub timeout: Setting<Duration>,
    /// Failures in a row that count.
    pub failure_threshold: Setting<u32>,
    /// Time before the first question.
    pub initial_delay: Setting<Duration>,
}

/// What a probe asks a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeQuestion {
    /// In which way it asks.
    pub way: Setting<ProbeWay>,
    /// Number or name of the port; a command needs none.
    pub port: Option<Setting<String>>,
    /// Path of the request, with `/` in front; of HTTP only.
    pub path: Option<Setting<String>>,
    /// Whether over TLS; of HTTP only.
    pub tls: Option<Setting<bool>>,
}

impl fmt::Display for ProbeQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |setting: &Option<Setting<String>>| {
            setting.as_ref().map(|setting| setting.value.clone()).unwrap_or_default()
        };
        let port = text(&self.port);
        match self.way.value {
            ProbeWay::Http => {
                let tls = self.tls.as_ref().is_some_and(|tls| tls.value);
                let scheme = if tls { "https" } else { "http" };
                write!(f, "GET {scheme}://:{port}{}", text(&self.path))
            }
            ProbeWay::Tcp => write!(f, "connect to :{port}"),
            ProbeWay::Grpc => write!(f, "gRPC health on :{port}"),
            ProbeWay::Command => f.write_str("run a command"),
        }
    }
}

/// In which way a probe asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeWay {
    /// A request over HTTP; every answer from 200 to 399 is good.
    Http,
    /// Whether the port takes connections.
    Tcp,
    /// The health service of gRPC.
    Grpc,
    /// Whether a command in the container ends well.
    Command,
}

impl fmt::Display for ProbeWay {
    /// The field of a manifest that asks so.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "httpGet",
            Self::Tcp => "tcpSocket",
            Self::Grpc => "grpc",
            Self::Command => "exec",
        })
    }
}

/// Whether the kubelet's question goes to the agent beside the proxy, which asks the application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeAgent {
    /// Whether injection rewrites the probe. If not, the question passes the proxy as any request
    /// from outside the mesh does.
    pub asked: Setting<bool>,
    /// The agent's port.
    pub port: Setting<u16>,
}
