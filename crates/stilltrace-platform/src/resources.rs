//! CPU and memory of containers: what is written, and what the API server makes of the rest.
//!
//! Order of Kubernetes 1.36: a request that is not written follows the limit (`SetDefaults_Pod`),
//! then a namespace's `LimitRange` fills what is still absent, before the injection webhook and
//! again after it.

use stilltrace_model::{Bytes, Millicores, Setting};

use crate::defaults;
use crate::field::Field;
use crate::kubernetes::Filler;

/// An amount of something that containers are given.
pub(crate) trait Amount: Copy {
    /// Its name in `resources`.
    const KEY: &'static str;
    /// What the installation gives a proxy at most, and keeps for it.
    const OF_PROXY: (Self, Self);
    /// What the installation keeps for a proxy with the profile `demo`.
    const OF_DEMO_REQUEST: Self;
    /// Reads the amount; reports anything else.
    fn read(field: &Field<'_>) -> Option<Self>;
    /// The amount as a number, for ratios.
    fn number(self) -> f64;
}

impl Amount for Millicores {
    const KEY: &'static str = "cpu";
    const OF_PROXY: (Self, Self) = (defaults::PROXY_CPU_LIMIT, defaults::PROXY_CPU_REQUEST);
    const OF_DEMO_REQUEST: Self = defaults::DEMO_CPU_REQUEST;

    fn read(field: &Field<'_>) -> Option<Self> {
        field.cpu()
    }

    fn number(self) -> f64 {
        f64::from(self.0)
    }
}

impl Amount for Bytes {
    const KEY: &'static str = "memory";
    const OF_PROXY: (Self, Self) = (defaults::PROXY_MEMORY_LIMIT, defaults::PROXY_MEMORY_REQUEST);
    const OF_DEMO_REQUEST: Self = defaults::DEMO_MEMORY_REQUEST;

    fn read(field: &Field<'_>) -> Option<Self> {
        field.memory()
    }

    #[allow(clippy::cast_precision_loss, reason = "a ratio of amounts far below 2^53 bytes")]
    fn number(self) -> f64 {
        self.0 as f64
    }
}

/// The most that a container may use, and what is kept for it.
#[derive(Debug, Clone)]
pub(crate) struct Share<T> {
    /// `None` is no limit.
    pub(crate) limit: Setting<Option<T>>,
    /// `None` keeps nothing.
    pub(crate) request: Setting<Option<T>>,
}

impl<T: Amount> Share<T> {
    /// Neither is written.
    pub(crate) fn unset() -> Self {
        let unset = || Setting::default_of(None, defaults::KUBERNETES);
        Self { limit: unset(), request: unset() }
    }

    /// What a container writes.
    pub(crate) fn written(container: &Field<'_>) -> Self {
        let amount = |kind: &str| {
            let field = container.at(&["resources", kind, T::KEY]);
            let written = field.and_then(|field| Some(field.setting(Some(T::read(&field)?))));
            written.unwrap_or_else(|| Setting::default_of(None, defaults::KUBERNETES))
        };
        Self { limit: amount("limits"), request: amount("requests") }
    }

    /// What the API server makes of it: the request follows the limit, then the `LimitRange` of the
    /// namespace fills what is absent.
    pub(crate) fn admitted(mut self, filler: &Filler<'_>) -> Self {
        if self.request.value.is_none() && self.limit.value.is_some() {
            self.request = self.limit.clone();
        }
        if self.limit.value.is_none() {
            self.limit = filler.limit().unwrap_or(self.limit);
        }
        if self.request.value.is_none() {
            self.request = filler.request().unwrap_or(self.request);
        }
        self
    }

    /// This, and where it says nothing what `weaker` says.
    pub(crate) fn over(self, weaker: Self) -> Self {
        Self { limit: over(self.limit, weaker.limit), request: over(self.request, weaker.request) }
    }
}

fn over<T>(strong: Setting<Option<T>>, weak: Setting<Option<T>>) -> Setting<Option<T>> {
    if strong.value.is_none() {
        return weak;
    }
    let mut setting = strong;
    setting.overrode.extend(weak.is_written().then_some(weak.origin));
    setting
}
