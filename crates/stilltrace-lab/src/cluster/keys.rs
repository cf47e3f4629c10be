//! Keys and users of the API server.
//!
//! Every actor has a user of its own, so that the audit log tells them apart, and all are masters,
//! so that roles stay out of the way. Tokens are no secrets: nothing outside the lab's namespace
//! reaches the server.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, SanType};
use serde_json::json;

use super::ADDRESS;
use crate::certs;

/// Users: how the lab calls them, and who they are to the API server.
const ACTORS: [(&str, &str); 6] = [
    ("admin", "lab-admin"),
    ("kube-controller-manager", "system:kube-controller-manager"),
    ("argocd", "system:serviceaccount:argocd:argocd-application-controller"),
    ("source-controller", "system:serviceaccount:flux-system:source-controller"),
    ("kustomize-controller", "system:serviceaccount:flux-system:kustomize-controller"),
    ("istiod", "system:serviceaccount:istio-system:istiod"),
];
/// Names under which the API server is asked for.
const NAMES: [&str; 4] =
    ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"];

/// The folder with all of them.
#[derive(Debug, Clone)]
pub(super) struct Keys(PathBuf);

impl Keys {
    /// Makes everything below `folder`.
    pub(super) fn issue(folder: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().mode(0o700).create(folder)?;
        let keys = Self(folder.to_path_buf());
        let issuer = certs::authority().map_err(io::Error::other)?;
        fs::write(keys.file("ca.crt"), issuer.pem())?;
        let (certificate, key) = server(&issuer).map_err(io::Error::other)?;
        fs::write(keys.file("api.crt"), certificate)?;
        fs::write(keys.file("api.key"), key)?;
        let accounts = KeyPair::generate().map_err(io::Error::other)?;
        fs::write(keys.file("accounts.key"), accounts.serialize_pem())?;
        fs::write(keys.file("accounts.pub"), accounts.public_key_pem())?;
        let rows =
            ACTORS.map(|(name, user)| format!("{},{user},{user},system:masters\n", token(name)));
        fs::write(keys.file("tokens.csv"), rows.concat())?;
        for (name, _) in ACTORS {
            fs::write(keys.user(name), keys.kubeconfig(name))?;
        }
        Ok(keys)
    }

    /// Those that were made below `folder`.
    pub(super) fn at(folder: &Path) -> Self {
        Self(folder.to_path_buf())
    }

    /// One of the files.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The file by which a user finds the API server.
    pub(super) fn user(&self, name: &str) -> PathBuf {
        self.0.join(format!("{name}.kubeconfig"))
    }

    fn kubeconfig(&self, name: &str) -> String {
        let authority = self.file("ca.crt");
        let server = format!("https://{}:6443", Ipv4Addr::LOCALHOST);
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{
                "name": "lab",
                "cluster": {"server": server, "certificate-authority": authority},
            }],
            "users": [{"name": name, "user": {"token": token(name)}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": name}}],
            "current-context": "lab",
        })
        .to_string()
    }
}

fn token(name: &str) -> String {
    format!("lab-{name}")
}

/// Certificate and key of the API server.
fn server(issuer: &certs::Authority) -> Result<(String, String), rcgen::Error> {
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    let own = [Ipv4Addr::LOCALHOST, ADDRESS, Ipv4Addr::new(198, 19, 0, 1)];
    params.subject_alt_names.extend(own.map(|own| SanType::IpAddress(IpAddr::V4(own))));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    Ok((certificate.pem(), key.serialize_pem()))
}
