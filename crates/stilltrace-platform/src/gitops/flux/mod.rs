//! Flux: `Kustomization`, `HelmRelease` and the sources they read.

pub(crate) mod envsubst;
pub(crate) mod helm_release;
pub(crate) mod ignore;
pub(crate) mod kustomization;
mod pattern;
pub(crate) mod source;
pub(crate) mod substitute;
