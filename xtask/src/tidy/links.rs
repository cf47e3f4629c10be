//! Documents point at what exists, and every page of the book is in its contents.

use std::collections::BTreeSet;

use anyhow::Result;

use super::{Findings, Repository};
use crate::workspace;

/// Contents of the book.
const CONTENTS: &str = "docs/SUMMARY.md";

/// Follows the links of all documents that lead into the repository.
pub(super) fn check(repository: &Repository<'_>, findings: &mut Findings) -> Result<()> {
    let mut listed = BTreeSet::new();
    let pages = repository.files.iter().filter(|path| workspace::has_extension(path, "md"));
    for page in pages.clone().filter(|page| !page.contains("/fixtures/")) {
        let source = workspace::source(repository.root, page)?.unwrap_or_default();
        for (line, target) in links(&source) {
            let Some(path) = resolved(page, target) else { continue };
            if !repository.root.join(&path).exists() {
                findings
                    .problem(format!("{page}:{line}: points at {target}, which does not exist"));
            }
            if page == CONTENTS {
                listed.insert(path);
            }
        }
    }
    for page in pages.filter(|page| *page != CONTENTS) {
        // A folder of generated pages has its own contents, and only those are listed.
        let Some(inside) = page.strip_prefix("docs/") else { continue };
        if !listed.contains(page) && (!inside.contains('/') || inside.ends_with("/index.md")) {
            findings.problem(format!("{page}: missing in {CONTENTS}"));
        }
    }
    Ok(())
}

/// Targets of `[…](TARGET)` and `src="TARGET"` with their lines, outside of code blocks.
fn links(source: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut code = false;
    for (at, line) in source.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            code = !code;
        }
        if code {
            continue;
        }
        for (opening, closing) in [("](", ')'), ("src=\"", '"'), ("href=\"", '"')] {
            for part in line.split(opening).skip(1) {
                if let Some((target, _)) = part.split_once(closing) {
                    found.push((at + 1, target));
                }
            }
        }
    }
    found
}

/// The path in the repository that `target` on `page` means; `None` where it leads elsewhere.
fn resolved(page: &str, target: &str) -> Option<String> {
    let path = target.split('#').next().unwrap_or_default();
    if path.is_empty() || path.contains(':') {
        return None;
    }
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{links, resolved};

    #[test]
    fn links_of_both_forms_are_found_outside_of_code() {
        let page = "see [a](b.md#c) and <img src=\"x.svg\">\n```\n[no](no.md)\n```\n[d](../e)";
        assert_eq!(links(page), [(1, "b.md#c"), (1, "x.svg"), (5, "../e")]);
    }

    #[test]
    fn targets_are_relative_to_their_page() {
        assert_eq!(resolved("docs/a/b.md", "../c.md#x").as_deref(), Some("docs/c.md"));
        assert_eq!(resolved("README.md", "https://host.example/"), None);
        assert_eq!(resolved("README.md", "#here"), None);
    }
}
