//! Digests of files and of a capture as a whole.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::layout;
use crate::manifest::Manifest;

/// SHA-256 of one file, 64 hexadecimal digits.
pub(crate) fn of_file(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Digests of all files but the manifest, by path.
pub(crate) fn of_files(files: &BTreeMap<String, Vec<u8>>) -> BTreeMap<String, String> {
    let others = files.iter().filter(|(path, _)| path.as_str() != layout::MANIFEST);
    others.map(|(path, bytes)| (path.clone(), of_file(bytes))).collect()
}

/// The digest of a capture: SHA-256 over lines `path SP sha256 LF`, sorted by path.
///
/// The manifest counts without its list of digests, so that packing, unpacking and removing
/// `truth.json` change nothing.
pub(crate) fn of_capture(manifest: &Manifest, sums: &BTreeMap<String, String>) -> String {
    let bare = Manifest { files: BTreeMap::new(), ..manifest.clone() };
    let own = of_file(&bare.print());
    let mut all: BTreeMap<&str, &str> =
        sums.iter().map(|(path, sum)| (path.as_str(), sum.as_str())).collect();
    all.insert(layout::MANIFEST, &own);
    let mut hasher = Sha256::new();
    for (path, sum) in all {
        hasher.update(format!("{path} {sum}\n"));
    }
    hex(&hasher.finalize())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
