//! Why a mesh cannot run.

use std::io;

/// Why a mesh cannot be started, changed or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MeshError {
    /// The machine does not permit what a mesh needs. A test turns this into a printed skip.
    #[error("{what} is not permitted here; run as root on Linux, outside a restricted container")]
    NotPermitted {
        /// What was refused.
        what: &'static str,
        /// The kernel's answer.
        source: io::Error,
    },
    /// A program is missing.
    #[error("{remedy}")]
    Missing {
        /// What to do about it.
        remedy: String,
    },
    /// The platform does not have a workload that the topology runs.
    #[error(
        "the platform has no workload {workload}, which the topology runs; add it to the repository \
         or take it out of the topology"
    )]
    UnknownWorkload {
        /// The workload, `namespace/name`.
        workload: String,
    },
    /// The profile configures proxies for HTTP/1.1 only.
    #[error(
        "{service} speaks {protocol}, which proxies of profile static are not configured for; take \
         `--profile istio`"
    )]
    Protocol {
        /// The service, `namespace/name`.
        service: String,
        /// What it speaks.
        protocol: &'static str,
    },
    /// A process ended or did not answer while the mesh started.
    #[error("{what} is not ready after {seconds} s; its log ends with:\n{log}")]
    NotReady {
        /// The process or what was asked of it.
        what: String,
        /// How long was waited.
        seconds: u64,
        /// The last lines of its log.
        log: String,
    },
    /// A process of the mesh ended by itself while the mesh ran.
    #[error("{what} ended before the mesh did; its log ends with:\n{log}")]
    Ended {
        /// The process.
        what: String,
        /// The last lines of its log.
        log: String,
    },
    /// A proxy refused a part of its configuration.
    #[error("the proxy of {pod} refused its {kind}; its log ends with:\n{log}")]
    Refused {
        /// The pod.
        pod: String,
        /// Discovery type: `cds`, `rds` or `lds`.
        kind: &'static str,
        /// The last lines of the proxy's log.
        log: String,
    },
    /// Istio's control plane cannot take an object of the repository.
    #[error("Istio's control plane does not take {object}: {reason}")]
    ControlPlane {
        /// Kind, namespace and name.
        object: String,
        /// Its words.
        reason: String,
    },
    /// Load was asked for while load runs, or records were asked for before.
    #[error("{0}")]
    Order(&'static str),
    /// A file, socket or process could not be used.
    #[error("{what}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's answer.
        source: io::Error,
    },
}

impl MeshError {
    /// An error of the system while doing `what`.
    pub(crate) fn io(what: impl Into<String>, source: io::Error) -> Self {
        Self::Io { what: what.into(), source }
    }

    /// Whether the machine does not permit a mesh at all, so that a test may be skipped.
    pub fn is_not_permitted(&self) -> bool {
        matches!(self, Self::NotPermitted { .. })
    }
}
