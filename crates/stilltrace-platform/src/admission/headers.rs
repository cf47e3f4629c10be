//! Changes of headers.

use super::check::Check;
use crate::field::Field;

/// Judges the block `headers` of a route or destination.
pub(super) fn judge(owner: &Field<'_>, check: &mut Check<'_>) {
    let Some(headers) = owner.block("headers") else { return };
    for side in ["request", "response"] {
        let Some(block) = headers.block(side) else { continue };
        for operation in ["add", "set"] {
            let entries = block.get(operation).map(|map| map.entries()).unwrap_or_default();
            for (name, value) in entries {
                // A request's authority may be replaced, nothing else that the protocol owns.
                let allowed = side == "request" && is_authority(name) || !is_protocols(name);
                if name.is_empty() || !allowed {
                    check.refuse(&value, format!("the header `{name}` cannot be changed"));
                }
                if !is_value(value.node().text().unwrap_or_default()) {
                    check.refuse(&value, format!("`{name}` has a value that Envoy cannot expand"));
                }
            }
        }
        for removed in block.list("remove") {
            let name = removed.node().text().unwrap_or_default();
            if name.is_empty() || is_protocols(name) {
                check.refuse(&removed, format!("the header `{name}` cannot be removed"));
            }
        }
    }
}

/// The authority of a request must be set in one place only.
pub(super) fn authority_once(route: &Field<'_>, check: &mut Check<'_>) {
    let rewritten = route.at(&["rewrite", "authority"]);
    let mut found: Vec<Field<'_>> = rewritten.into_iter().collect();
    for operation in ["set", "add"] {
        let entries = route.at(&["headers", "request", operation]).map(|map| map.entries());
        let own = entries.unwrap_or_default().into_iter().filter(|(name, _)| is_authority(name));
        found.extend(own.map(|(_, value)| value));
    }
    let mut written = found.iter().filter(|field| field.node().text() != Some(""));
    if let (Some(_), Some(second)) = (written.next(), written.next()) {
        check.refuse(second, "the authority of a request is set a second time");
    }
}

/// Whether a header belongs to the protocol: pseudo headers and `host`.
fn is_protocols(name: &str) -> bool {
    name.starts_with(':') || name.eq_ignore_ascii_case("host")
}

fn is_authority(name: &str) -> bool {
    name.eq_ignore_ascii_case(":authority") || name.eq_ignore_ascii_case("host")
}

/// A header's name in a match: a token of RFC 7230, a pseudo header, or a claim of a token.
pub(super) fn is_match_name(name: &str) -> bool {
    const PSEUDO: [&str; 5] = [":method", ":scheme", ":authority", ":path", ":status"];
    PSEUDO.contains(&name) || is_claim(name) || is_token(name)
}

/// Whether a header stands for a claim of the request's token, which only gateways look at.
pub(super) fn is_claim(name: &str) -> bool {
    let claim = name.strip_prefix("@request.auth.claims");
    claim.is_some_and(|rest| rest.starts_with('.') || rest.starts_with('['))
}

/// Letters, digits and the signs that RFC 7230 allows in a header's name.
pub(super) fn is_token(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(allowed)
}

/// Whether Envoy can expand a value: no control characters, and every `%` is doubled or opens and
/// closes the name of a variable, such as `%HOSTNAME%` or `%REQ(x)%`.
fn is_value(value: &str) -> bool {
    if value.bytes().any(|byte| byte < 0x20 && byte != b'\t' || byte == 0x7f) {
        return false;
    }
    let mut rest = value;
    while let Some((_, after)) = rest.split_once('%') {
        rest = match after.strip_prefix('%') {
            Some(literal) => literal,
            None => match variable(after) {
                Some(after) => after,
                None => return false,
            },
        };
    }
    true
}

/// What follows a variable; `None` when it does not end.
fn variable(text: &str) -> Option<&str> {
    let end = text.find(['%', '('])?;
    let rest = text.get(end..)?;
    match rest.strip_prefix('(') {
        None => rest.strip_prefix('%'),
        Some(arguments) => {
            let (_, after) = arguments.split_once(')')?;
            after.trim_start_matches(' ').strip_prefix('%')
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_value;

    #[test]
    fn percent_signs_are_doubled_or_hold_a_variable() {
        for good in ["foo", "%HOSTNAME%", "100%%", "a %REQ(x-y)% b", "%START_TIME(%s)%", ""] {
            assert!(is_value(good), "{good}");
        }
        for bad in ["abc%123", "%START_TIME%%", "%", "%REQ(x%", "a\nb"] {
            assert!(!is_value(bad), "{bad:?}");
        }
    }
}
