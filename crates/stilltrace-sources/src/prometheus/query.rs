//! A small algebra of queries, printed as PromQL and evaluated over captured samples.
//!
//! Both uses have the meaning that Prometheus gives the text (`promql/functions.go` and
//! `promql/quantile.go`, v2.42): rates are extrapolated to the window and survive counter resets,
//! quantiles are interpolated inside a bucket, and a value that cannot be computed is absent.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use stilltrace_model::Timestamp;

use super::quantile::{Bucket, histogram_quantile};
use super::selector::Selector;
use super::store::SampleStore;

/// An expression without labels: one value or none at a time.
#[derive(Debug, Clone, PartialEq)]
pub enum Query {
    /// Sum over series of the rate per second over the last minute.
    Rate(Selector),
    /// A quantile of the histogram whose buckets are selected, over the last minute.
    Quantile(f64, Selector),
    /// One divided by the other; absent where the divisor is zero and so is the dividend.
    Ratio(Box<Query>, Box<Query>),
    /// One minus the other.
    Minus(Box<Query>, Box<Query>),
    /// The sum of two.
    Plus(Box<Query>, Box<Query>),
    /// Divided by a number, to change the unit.
    Per(Box<Query>, f64),
    /// The first; zero where it is absent and the second is there, for parts of a whole: a part
    /// that was never counted is zero as long as the whole is counted.
    OrNoneOf(Box<Query>, Box<Query>),
    /// The rate of a counter that lasts to the end of the evaluation; zero where it is absent and the
    /// second is there. A counter begins with the first thing that it counts, so it was zero before; one
    /// that never begins, or that ends, may have been turned off.
    ZeroBefore(Selector, Box<Query>),
}

/// The values of a query at the times of an evaluation.
pub type Values = Rc<Vec<Option<f64>>>;

/// Evaluates queries over one store at fixed times; what queries share is computed once.
pub struct Evaluation<'a> {
    store: &'a SampleStore<'a>,
    times: &'a [Timestamp],
    rates: RefCell<BTreeMap<usize, Values>>,
    sums: RefCell<BTreeMap<Selector, Values>>,
}

impl Query {
    /// Sum over the series of the rate per second.
    pub fn rate(selector: Selector) -> Self {
        Self::Rate(selector)
    }

    /// This divided by another.
    #[must_use]
    pub fn over(self, divisor: Self) -> Self {
        Self::Ratio(Box::new(self), Box::new(divisor))
    }

    /// This minus another.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self::Minus(Box::new(self), Box::new(other))
    }

    /// This plus another.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self::Plus(Box::new(self), Box::new(other))
    }

    /// This in a unit that is `divisor` times as large.
    #[must_use]
    pub fn per(self, divisor: f64) -> Self {
        Self::Per(Box::new(self), divisor)
    }

    /// The rate of a counter, and zero while it had counted nothing yet and `other` was counted.
    pub fn rate_from_zero(counter: Selector, other: Self) -> Self {
        Self::ZeroBefore(counter, Box::new(other))
    }

    /// The share that this has of a whole, zero where the whole is counted and this never was.
    #[must_use]
    pub fn share_of(self, whole: Self) -> Self {
        Self::OrNoneOf(Box::new(self), Box::new(whole.clone())).over(whole)
    }

    /// The text to paste into Prometheus.
    pub fn promql(&self) -> String {
        match self {
            Self::Rate(selector) => format!("sum(rate({selector}[1m]))"),
            Self::Quantile(quantile, selector) => {
                format!("histogram_quantile({quantile}, sum by (le) (rate({selector}[1m])))")
            }
            Self::Ratio(a, b) => format!("{} / {}", a.operand(), b.operand()),
            Self::Minus(a, b) => format!("{} - {}", a.operand(), b.operand()),
            Self::Plus(a, b) => format!("{} + {}", a.operand(), b.operand()),
            Self::Per(a, divisor) => format!("{} / {divisor}", a.operand()),
            Self::OrNoneOf(part, whole) => format!("{} or 0 * {}", part.operand(), whole.operand()),
            Self::ZeroBefore(counter, other) => format!(
                "sum(rate({counter}[1m])) or (0 * {} and on() sum(rate({counter}[1m] @ end())))",
                other.operand()
            ),
        }
    }

    /// The text as part of a larger one.
    fn operand(&self) -> String {
        match self {
            Self::Rate(_) | Self::Quantile(..) => self.promql(),
            _ => format!("({})", self.promql()),
        }
    }
}

impl<'a> Evaluation<'a> {
    /// Evaluates over `store` at `times`.
    pub fn new(store: &'a SampleStore<'a>, times: &'a [Timestamp]) -> Self {
        Self { store, times, rates: RefCell::default(), sums: RefCell::default() }
    }

    /// The values at the times; `None` where there is no value.
    pub fn evaluate(&self, query: &Query) -> Values {
        match query {
            Query::Rate(selector) => self.sum(selector),
            Query::Quantile(quantile, selector) => Rc::new(self.quantile(*quantile, selector)),
            Query::Ratio(a, b) => self.both(a, b, |a, b| Some(a / b)),
            Query::Minus(a, b) => self.both(a, b, |a, b| Some(a - b)),
            Query::Plus(a, b) => self.both(a, b, |a, b| Some(a + b)),
            Query::Per(a, divisor) => {
                Rc::new(self.evaluate(a).iter().map(|value| value.map(|a| a / divisor)).collect())
            }
            Query::OrNoneOf(part, whole) => or_none_of(&self.evaluate(part), &self.evaluate(whole)),
            Query::ZeroBefore(count, other) => {
                let count = self.sum(count);
                match count.last() {
                    Some(Some(_)) => or_none_of(&count, &self.evaluate(other)),
                    _ => count,
                }
            }
        }
    }

    fn both(&self, a: &Query, b: &Query, join: impl Fn(f64, f64) -> Option<f64>) -> Values {
        let (a, b) = (self.evaluate(a), self.evaluate(b));
        let pairs = a.iter().zip(b.iter());
        // 0 ÷ 0 is not a number, which is no sample.
        Rc::new(pairs.map(|(a, b)| join((*a)?, (*b)?).filter(|value| !value.is_nan())).collect())
    }

    fn sum(&self, selector: &Selector) -> Values {
        if let Some(known) = self.sums.borrow().get(selector) {
            return Rc::clone(known);
        }
        let mut sums = vec![None; self.times.len()];
        for at in self.store.select(selector) {
            add(&mut sums, &self.rates_of(at));
        }
        let sums = Rc::new(sums);
        self.sums.borrow_mut().insert(selector.clone(), Rc::clone(&sums));
        sums
    }

    fn quantile(&self, quantile: f64, selector: &Selector) -> Vec<Option<f64>> {
        let mut by_bound: BTreeMap<Bound, Vec<Option<f64>>> = BTreeMap::new();
        for at in self.store.select(selector) {
            let Some(series) = self.store.series(at) else { continue };
            let Some(bound) = series.label("le").and_then(Bound::parse) else { continue };
            let sums = by_bound.entry(bound).or_insert_with(|| vec![None; self.times.len()]);
            add(sums, &self.rates_of(at));
        }
        let at_time = |index: usize| {
            let mut buckets = Vec::new();
            for (bound, sums) in &by_bound {
                if let Some(count) = sums.get(index).copied().flatten() {
                    buckets.push(Bucket { upper: bound.0, count });
                }
            }
            histogram_quantile(quantile, &mut buckets)
        };
        (0..self.times.len()).map(at_time).collect()
    }

    fn rates_of(&self, at: usize) -> Values {
        if let Some(known) = self.rates.borrow().get(&at) {
            return Rc::clone(known);
        }
        let points = self.store.series(at).map_or(&[][..], |series| &series.points);
        let rates = self.times.iter().map(|time| super::rate::rate(points, *time));
        let rates: Values = Rc::new(rates.collect());
        self.rates.borrow_mut().insert(at, Rc::clone(&rates));
        rates
    }
}

/// The first values, and zero where only the second ones are there.
fn or_none_of(part: &Values, whole: &Values) -> Values {
    let either =
        |(part, whole): (&Option<f64>, &Option<f64>)| part.or(whole.map(|whole| 0.0 * whole));
    Rc::new(part.iter().zip(whole.iter()).map(either).collect())
}

fn add(sums: &mut [Option<f64>], values: &[Option<f64>]) {
    for (sum, value) in sums.iter_mut().zip(values) {
        if let Some(value) = value {
            *sum = Some(sum.unwrap_or(0.0) + value);
        }
    }
}

/// Upper bound of a bucket, ordered as a number.
#[derive(Debug, Clone, Copy)]
struct Bound(f64);

impl Bound {
    fn parse(le: &str) -> Option<Self> {
        match le {
            "+Inf" | "Inf" => Some(Self(f64::INFINITY)),
            _ => le.parse().ok().filter(|bound: &f64| !bound.is_nan()).map(Self),
        }
    }
}

impl PartialEq for Bound {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Bound {}

impl PartialOrd for Bound {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Bound {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}
