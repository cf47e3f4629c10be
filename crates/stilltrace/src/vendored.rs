//! `--vendored URL=DIR`: a copy in the repository for what is remote.

use stilltrace_manifest::kustomize::Vendored;

/// The address and the folder of `URL=DIR`; an address may hold a `=` itself.
pub(crate) fn vendored(typed: &str) -> Result<Vendored, String> {
    let (remote, dir) = typed.rsplit_once('=').unwrap_or((typed, ""));
    if remote.is_empty() || dir.is_empty() {
        return Err("must be URL=DIR, such as https://github.com/a/b=vendor/b".to_owned());
    }
    let Some(dir) = stilltrace_manifest::tree::join("", dir) else {
        return Err(format!("`{dir}` must be a folder below the root of the repository"));
    };
    Ok(Vendored { remote: remote.to_owned(), dir })
}
