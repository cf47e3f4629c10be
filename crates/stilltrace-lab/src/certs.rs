//! Certificates of the mesh: one authority, one identity per service account.
//!
//! The identity is the SPIFFE URI `spiffe://cluster.local/ns/NAMESPACE/sa/ACCOUNT`, as Istio
//! issues it. Keys are ECDSA P-256, where stock Istio makes RSA-2048: handshakes are cheaper here,
//! so figures about handshake cost are a lower bound.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
};

/// Trust domain of the mesh.
pub const TRUST_DOMAIN: &str = "cluster.local";

/// A service account: namespace and name.
pub type Account = (String, String);

/// SPIFFE URI of an account.
pub fn spiffe((namespace, name): &Account) -> String {
    format!("spiffe://{TRUST_DOMAIN}/ns/{namespace}/sa/{name}")
}

/// Where the files of the mesh's identities are.
#[derive(Debug, Clone)]
pub struct Identities {
    /// The folder.
    dir: PathBuf,
}

impl Identities {
    /// The identities whose files are in `dir`, issued earlier.
    pub fn at(dir: &Path) -> Self {
        Self { dir: dir.to_path_buf() }
    }

    /// Issues a certificate to each account and writes everything below `dir`.
    pub fn issue(dir: &Path, accounts: &BTreeSet<Account>) -> io::Result<Self> {
        fs::DirBuilder::new().mode(0o700).create(dir)?;
        let identities = Self::at(dir);
        let issuer = authority().map_err(io::Error::other)?;
        fs::write(identities.root(), issuer.pem())?;
        for account in accounts {
            let (chain, key) = leaf(account, &issuer).map_err(io::Error::other)?;
            fs::write(identities.chain(account), chain)?;
            fs::write(identities.key(account), key)?;
        }
        Ok(identities)
    }

    /// File with the root certificate.
    pub fn root(&self) -> PathBuf {
        self.dir.join("root.pem")
    }

    /// File with the certificate of an account.
    pub fn chain(&self, account: &Account) -> PathBuf {
        self.dir.join(format!("{}.{}.pem", account.1, account.0))
    }

    /// File with the key of an account.
    pub fn key(&self, account: &Account) -> PathBuf {
        self.dir.join(format!("{}.{}.key", account.1, account.0))
    }
}

/// An authority with its key.
pub(crate) type Authority = CertifiedIssuer<'static, KeyPair>;

/// A self-signed authority.
pub(crate) fn authority() -> Result<Authority, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(TRUST_DOMAIN);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

/// Certificate and key of one account.
fn leaf(
    account: &Account,
    issuer: &CertifiedIssuer<'static, KeyPair>,
) -> Result<(String, String), rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("");
    params.subject_alt_names = vec![SanType::URI(spiffe(account).try_into()?)];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// A name with an organisation only, as Istio's; the URI is what identifies.
fn named(organisation: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    if !organisation.is_empty() {
        name.push(DnType::OrganizationName, organisation);
    }
    name
}
