//! What proxies see, computed once per namespace and `Sidecar`.

use std::collections::BTreeMap;

use stilltrace_manifest::parallel;

use crate::edges::Mesh;
use crate::injection::Injected;
use crate::scope::View;
use crate::sidecar_scope::{self, Egress, Sidecar};
use crate::workloads::Pods;

/// Which view each proxy has, by number, before any of them is computed.
pub(crate) struct Views<'a> {
    /// By namespace, `Sidecar`, and whether the proxy is a gateway.
    numbers: BTreeMap<Key, usize>,
    /// The views of running sidecars that no `Sidecar` limits, by namespace.
    open: BTreeMap<String, usize>,
    sidecars: &'a [Sidecar<'a>],
    root: &'a str,
}

/// What a view depends on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    namespace: String,
    /// The `Sidecar` by position.
    sidecar: Option<usize>,
    is_gateway: bool,
}

/// What a proxy sees, and the `Sidecar` that says so.
pub(crate) struct Seen<'a> {
    /// Services and rules.
    pub(crate) view: View,
    /// The object, where one applies.
    pub(crate) sidecar: Option<&'a Sidecar<'a>>,
}

impl<'a> Views<'a> {
    /// No views yet, of a mesh with these `Sidecar` objects and root namespace.
    pub(crate) fn new(sidecars: &'a [Sidecar<'a>], root: &'a str) -> Self {
        Self { numbers: BTreeMap::new(), open: BTreeMap::new(), sidecars, root }
    }

    /// The number of the view of these pods; pods that do not run ask Istio for nothing. Gateways
    /// ignore `Sidecar` objects.
    ///
    /// Istio gives a gateway the view of its namespace's sidecars without `Sidecar` if it has that
    /// already. Who asks first it leaves open; here the proxies ask in the order of their names.
    pub(crate) fn number_of(&mut self, pods: &Pods<'_>, runs: bool) -> usize {
        let namespace = &pods.id.namespace;
        if pods.injected == Injected::Gateway
            && let Some(number) = self.open.get(namespace)
        {
            return *number;
        }
        let (number, limited) = self.own_number_of(pods);
        if runs && pods.injected == Injected::Sidecar && !limited {
            self.open.insert(namespace.clone(), number);
        }
        number
    }

    /// The number of the view that these pods have by themselves, and whether a `Sidecar` limits it.
    fn own_number_of(&mut self, pods: &Pods<'_>) -> (usize, bool) {
        let namespace = &pods.id.namespace;
        let sidecar = match pods.injected {
            Injected::Sidecar => {
                sidecar_scope::select(self.sidecars, namespace, &pods.labels, self.root)
            }
            Injected::Gateway | Injected::Nothing => None,
        };
        let is_gateway = pods.injected == Injected::Gateway;
        let key = Key { namespace: namespace.clone(), sidecar, is_gateway };
        let next = self.numbers.len();
        let number = *self.numbers.entry(key).or_insert(next);
        (number, sidecar.is_some())
    }

    /// All views that were asked for, by number, computed on all cores.
    pub(crate) fn compute(self, mesh: &Mesh<'_>) -> Vec<Seen<'a>> {
        let mut keys: Vec<(Key, usize)> = self.numbers.into_iter().collect();
        keys.sort_unstable_by_key(|(_, number)| *number);
        parallel::map(&keys, |(key, _)| {
            let open = [sidecar_scope::open_egress(key.is_gateway)];
            let sidecar = key.sidecar.and_then(|index| self.sidecars.get(index));
            let egress: Option<&[Egress]> = sidecar.map(|sidecar| sidecar.egress.as_slice());
            let egress = egress.filter(|egress| !egress.is_empty()).unwrap_or(&open);
            Seen { view: View::new(&key.namespace, egress, mesh), sidecar }
        })
    }
}
