//! The blocks of a traffic policy and the rules by which they replace each other.
//!
//! A policy is made of blocks, and blocks replace each other whole: a port-level entry replaces
//! all of them, a subset's block replaces the rule's, the mesh default fills what is missing
//! (`MergeTrafficPolicy`, `GetPortLevelTrafficPolicy` and `applyDefaultTrafficPolicy` of release 1.31).

use stilltrace_model::{Origin, Setting};

use crate::destination_rule::Rule;
use crate::field::Field;

/// One block of a policy and the blocks it replaced, nearest first.
#[derive(Clone, Default)]
pub(super) struct Layer<'a> {
    pub(super) block: Option<Field<'a>>,
    pub(super) replaced: Vec<Field<'a>>,
}

/// The blocks of a policy in effect.
#[derive(Clone, Default)]
pub(super) struct Blocks<'a> {
    pub(super) pool: Layer<'a>,
    pub(super) outlier: Layer<'a>,
    pub(super) load_balancer: Layer<'a>,
    pub(super) tls: Layer<'a>,
    pub(super) retry_budget: Layer<'a>,
}

/// The entry of `portLevelSettings` for a port.
pub(super) fn port_level<'a>(policy: &Field<'a>, port: u16) -> Option<Field<'a>> {
    let entries = policy.list("portLevelSettings");
    let number = |entry: &Field<'a>| entry.at(&["port", "number"])?.port();
    entries.into_iter().find(|entry| number(entry) == Some(port))
}

impl<'a> Blocks<'a> {
    /// The blocks of a rule's top-level policy for a port. Policies of the Gateway API fill in what
    /// the rule's own policy or its entry for the port lacks.
    pub(super) fn of_rule(rule: Option<&Rule<'a>>, port: u16) -> Self {
        let mut blocks = Self::default();
        let Some(rule) = rule else { return blocks };
        let policies: Vec<&Field<'a>> = rule.backend.iter().chain(&rule.policy).collect();
        for policy in &policies {
            blocks = blocks.under(policy);
        }
        let mut entries = policies.iter().filter_map(|policy| port_level(policy, port));
        if let Some(first) = entries.next() {
            blocks = blocks.replaced_by(&first, true);
        }
        entries.fold(blocks, |blocks, entry| blocks.under(&entry))
    }

    /// The blocks of a subset's own policy over those of its rule.
    pub(super) fn of_subset(&self, policy: Option<&Field<'a>>, port: u16) -> Self {
        let Some(policy) = policy else { return self.clone() };
        match port_level(policy, port) {
            Some(entry) => self.clone().replaced_by(&entry, false),
            None => self.clone().under(policy),
        }
    }

    /// The blocks of `policy` over these; blocks that it lacks stay.
    fn under(mut self, policy: &Field<'a>) -> Self {
        for (layer, key) in self.layers() {
            if let Some(block) = policy.block(key) {
                layer.replace(Some(block));
            }
        }
        self
    }

    /// The blocks of a port-level entry instead of these; those it lacks fall to defaults. The
    /// retry budget, which an entry cannot hold, is lost with the rule's own but not with a subset's.
    fn replaced_by(mut self, entry: &Field<'a>, with_budget: bool) -> Self {
        for (layer, key) in self.layers() {
            match key {
                "retryBudget" if with_budget => layer.replace(None),
                "retryBudget" => {}
                key => layer.replace(entry.block(key)),
            }
        }
        self
    }

    /// Pool and outlier detection of the mesh default where there are none.
    pub(super) fn or_default(mut self, mesh: Option<&Field<'a>>) -> Self {
        let Some(mesh) = mesh else { return self };
        for (layer, key) in
            [(&mut self.pool, "connectionPool"), (&mut self.outlier, "outlierDetection")]
        {
            match (&layer.block, mesh.get(key)) {
                (None, block) => layer.block = block,
                (Some(_), Some(block)) => layer.replaced.push(block),
                (Some(_), None) => {}
            }
        }
        self
    }

    fn layers(&mut self) -> [(&mut Layer<'a>, &'static str); 5] {
        [
            (&mut self.pool, "connectionPool"),
            (&mut self.outlier, "outlierDetection"),
            (&mut self.load_balancer, "loadBalancer"),
            (&mut self.tls, "tls"),
            (&mut self.retry_budget, "retryBudget"),
        ]
    }
}

impl<'a> Layer<'a> {
    /// Puts another block in the place of this one.
    pub(super) fn replace(&mut self, block: Option<Field<'a>>) {
        if let Some(old) = std::mem::replace(&mut self.block, block) {
            self.replaced.insert(0, old);
        }
    }

    /// The field at `path` of the block in effect.
    pub(super) fn at(&self, path: &[&str]) -> Option<Field<'a>> {
        self.block.as_ref()?.at(path)
    }

    /// The setting at `path` of the block; `read` yields `None` where the default applies.
    pub(super) fn setting<T>(
        &self,
        path: &[&str],
        read: impl Fn(&Field<'a>) -> Option<T>,
        default: impl FnOnce() -> Setting<T>,
    ) -> Setting<T> {
        let written = self.at(path);
        let mut setting = match written.as_ref().and_then(|field| Some(field.setting(read(field)?)))
        {
            Some(setting) => setting,
            None => default(),
        };
        setting.overrode.extend(self.lost(path));
        setting
    }

    /// The lines at `path` of the blocks that were replaced, nearest first.
    pub(super) fn lost(&self, path: &[&str]) -> impl Iterator<Item = Origin> {
        self.replaced.iter().filter_map(move |block| block.at(path)).map(|field| field.origin())
    }
}
