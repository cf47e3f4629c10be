//! Whether two programs refuse for the same reason, by the words of their messages.

/// A reason: a part of Kustomize's message, and of ours.
///
/// Kustomize wraps messages of what it tried first and later into one another, so the rows stand
/// in the order in which they decide.
const REASONS: &[(&str, &str)] = &[
    ("builtin version and custom schema provided", "exclude each other"),
    ("OpenAPI version is not built in", "are not built in"),
    // Remote: no network, no `git`.
    ("dial tcp", "is remote and not fetched"),
    ("no 'git' program", "is remote and not fetched"),
    ("/github.com: no such file", "is remote and not fetched"),
    ("accumulating resources from 'https://", "is remote and not fetched"),
    ("accumulating resources from 'github.com/", "is remote and not fetched"),
    ("file sources: [https://", "is remote and not fetched"),
    // Files.
    ("security; file", "is not in or below"),
    ("already registered id", "is already part of the build"),
    ("unable to find one of 'kustomization.yaml'", "no kustomization file in this directory"),
    ("unable to find one of 'kustomization.yaml'", "nor a directory with a kustomization"),
    ("Found multiple kustomization files", "a directory has one kustomization"),
    ("evalsymlink failure on", "nor a directory with a kustomization"),
    ("evalsymlink failure on", "does not exist"),
    ("doesn't exist", "nor a directory with a kustomization"),
    ("doesn't exist", "does not exist"),
    ("MalformedYAMLError", "not valid YAML"),
    ("already defined at line", "is already set in line"),
    // Kustomizations.
    ("kustomization.yaml is empty", "the kustomization is empty"),
    ("invalid Kustomization", " must be "),
    ("invalid Kustomization", "unknown field"),
    ("apiVersion for Component should be", "`apiVersion` must be"),
    ("expected kind != 'Component'", "is a component; list it under `components`"),
    ("expected kind 'Component'", "is no component; list it under `resources`"),
    ("loader.New \"must build at directory", "nor a directory with a kustomization"),
    ("HelmChartInflationGenerator", "--enable-helm"),
    ("the field 'sortOptions.", "`sortOptions.order` is"),
    ("the field 'sortOptions.", "`legacySortOptions` is set but"),
    ("unable to load builtin", "is no transformer"),
    // Objects.
    ("multiple matches for Id", "more than one object matches the patch"),
    ("no matches for Id", "no object matches the patch"),
    ("PatchStrategicMergeTransformer with config", "holds no patch"),
    ("can not use behavior", "set `behavior` to `merge` or `replace`"),
    ("namespace is blank", "`namespace` is blank"),
    ("multiple possible referrals", "could mean several objects"),
    ("nothing selected by", "selects nothing"),
    ("nothing selected by", "no object"),
    ("already encountered", "variable"),
    ("resolved to multiple", "variable"),
    ("OpenAPI", "openapi"),
    ("custom schema", "openapi"),
    ("unable to find one", "is missing"),
];

/// Characters that are recorded of a message.
const RECORDED: usize = 400;

/// Whether our message has the reason that decides Kustomize's.
///
/// Of a message that was cut off before its reason only the refusal can be compared, as long as
/// ours is not for want of support.
pub(super) fn agree(ours: &str, theirs: &str) -> bool {
    if let Some((decisive, _)) = REASONS.iter().find(|(their, _)| theirs.contains(their)) {
        return REASONS.iter().any(|(their, our)| their == decisive && ours.contains(our));
    }
    theirs.chars().count() >= RECORDED && !ours.contains("is not evaluated")
}
