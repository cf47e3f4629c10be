//! ProxyConfig.

use super::check::Check;
use super::{names, values};
use crate::field::Field;

/// Judges the specification of a ProxyConfig.
pub(super) fn judge(spec: &Field<'_>, check: &mut Check<'_>) {
    names::selector(spec.at(&["selector", "matchLabels"]).as_ref(), check);
    values::count(spec.get("concurrency"), check);
}
