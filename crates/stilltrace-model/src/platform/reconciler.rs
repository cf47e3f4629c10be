//! Who applies what Git holds to the cluster.

use std::fmt;
use std::sync::Arc;

use crate::{Location, ObjectRef};

/// Which program applies an object to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReconcilerKind {
    /// An Argo CD `Application`.
    ArgoCd,
    /// A Flux `Kustomization`.
    Flux,
    /// A Flux `HelmRelease`.
    FluxHelm,
}

impl fmt::Display for ReconcilerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ArgoCd => "Argo CD Application",
            Self::Flux => "Flux Kustomization",
            Self::FluxHelm => "Flux HelmRelease",
        })
    }
}

/// The Argo CD or Flux object that applies a folder of the repository.
#[derive(Debug, Clone, PartialEq)]
pub struct Reconciler {
    /// Argo CD or Flux.
    pub kind: ReconcilerKind,
    /// The object itself.
    pub object: ObjectRef,
    /// The folder it applies.
    pub path: String,
    /// Where it is written.
    pub at: Location,
    /// The line that suspends it: what Git holds then does not reach the cluster.
    pub suspended: Option<Location>,
    /// Objects of its kind that it waits for.
    pub depends_on: Vec<ObjectRef>,
}

/// An object that several reconcilers apply. Each overwrites the others, so which of them is in
/// effect changes with time; the platform shows the first.
#[derive(Debug, Clone, PartialEq)]
pub struct Contested {
    /// The object.
    pub object: Arc<ObjectRef>,
    /// Where each of them has it from.
    pub claims: Vec<(Location, Reconciler)>,
    /// Whether they apply different contents.
    pub differs: bool,
}
