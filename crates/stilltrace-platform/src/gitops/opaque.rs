//! Things in a repository that exist and cannot be looked into.

use stilltrace_manifest::Object;

/// Whether SOPS encrypted values of the object: it then carries its own block `sops`.
pub(crate) fn is_encrypted(object: &Object) -> bool {
    object.root.get("sops").is_some_and(|sops| sops.get("mac").is_some())
}

/// Whether a value is encrypted by SOPS.
pub(crate) fn is_encrypted_text(text: &str) -> bool {
    text.starts_with("ENC[") && text.ends_with(']')
}

/// The object as the cluster gets it: Flux and the usual plugins take the block `sops` out when
/// they decrypt. Encrypted values stay as they are.
pub(crate) fn without_marks_of_encryption(object: &mut Object) {
    if is_encrypted(object) {
        object.root_mut().remove("sops");
    }
}

/// Kinds whose controllers create a Secret from values that are not in Git.
pub(crate) fn makes_secret(object: &Object) -> Option<&'static str> {
    match (object.group(), object.kind()) {
        ("bitnami.com", "SealedSecret") => Some("SealedSecret"),
        ("external-secrets.io", "ExternalSecret" | "ClusterExternalSecret") => {
            Some("ExternalSecret")
        }
        _ => None,
    }
}

/// The language of a file that makes manifests when a program evaluates it.
pub(crate) fn language(path: &str) -> Option<&'static str> {
    let (_, extension) = path.rsplit_once('.')?;
    match extension {
        "jsonnet" | "libsonnet" => Some("Jsonnet"),
        "cue" => Some("CUE"),
        "k" => Some("KCL"),
        "dhall" => Some("Dhall"),
        "pkl" => Some("Pkl"),
        "star" | "ytt" => Some("Starlark"),
        _ => None,
    }
}
