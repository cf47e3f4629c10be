//! Transport security.

use std::fmt;

/// Transport security towards a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// Mutual TLS to endpoints that have a proxy, plaintext to the others; Istio's default.
    Auto,
    /// Mutual TLS with Istio's certificates, always.
    IstioMutual,
    /// TLS without a client certificate.
    Simple,
    /// TLS with the user's own client certificate.
    Mutual,
    /// Plaintext.
    Disable,
}

impl fmt::Display for TlsMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::IstioMutual => "ISTIO_MUTUAL",
            Self::Simple => "SIMPLE",
            Self::Mutual => "MUTUAL",
            Self::Disable => "DISABLE",
        })
    }
}
