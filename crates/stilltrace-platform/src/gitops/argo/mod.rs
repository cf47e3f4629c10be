//! Argo CD: `Application` and `ApplicationSet`.

pub(crate) mod application;
pub(crate) mod application_set;
pub(crate) mod build_options;
mod environment;
mod fast_template;
mod generators;
mod go_template;
mod helm;
mod hydrator;
mod interpolate;
mod kustomize;
mod params;
pub(crate) mod permit;
mod project;
