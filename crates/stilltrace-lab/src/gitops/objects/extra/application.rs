//! An Argo CD `Application` beside the engine that owns the repository. Fresh, it applies the
//! folder of the cluster's notes, in which there is no object.

use super::{Kind, Place, Subject};
use crate::gitops::value::{Value, map};

pub(super) const KIND: Kind = Kind {
    name: "Application",
    api_version: "argoproj.io/v1alpha1",
    file: "application",
    place: Place::Cluster,
    spec,
};

fn spec(subject: &Subject) -> Option<Value> {
    let service = subject.service?;
    Some(map! {
        "project" => "default",
        "source" => map! {
            "repoURL" => "https://git.example.com/platform.git",
            "targetRevision" => "main",
            "path" => format!("archive/{}", service.name),
        },
        "destination" => map! {
            "server" => "https://kubernetes.default.svc",
            "namespace" => service.namespace.as_str(),
        },
        "syncPolicy" => map! { "automated" => map! { "prune" => false, "selfHeal" => true } },
    })
}
