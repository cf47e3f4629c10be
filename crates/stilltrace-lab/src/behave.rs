//! What an application is told: how to behave, whom to call, when its phases began.
//!
//! The mesh writes it as JSON into the application's configuration file at boot and sends it again
//! over the control port whenever the platform names another release.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::topology::{Background, Behaviour, CallOrder, Protocol, Spread};

/// Path of the control request.
pub const CONTROL_PATH: &str = "/orders";
/// Port that applications listen on, behind their proxy.
pub const APP_PORT: u16 = 18080;
/// Port on which an application takes orders from the lab.
pub const CONTROL_PORT: u16 = 18081;

/// Configuration of an application that does not change while it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AppConfig {
    /// Name in answers.
    pub name: String,
    /// Address for requests.
    pub listen: SocketAddr,
    /// Address for orders.
    pub control: SocketAddr,
    /// Address that its calls come from; the system's choice if absent.
    pub from: Option<IpAddr>,
    /// What it speaks.
    pub protocol: Protocol,
    /// Services that a request calls.
    pub calls: Vec<OutCall>,
    /// One after the other or at once.
    pub call_order: CallOrder,
    /// Worker threads.
    pub threads: u32,
    /// Seed of its draws.
    pub seed: u64,
    /// Its first orders.
    pub orders: Orders,
}

/// One call that a request makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutCall {
    /// Where the call goes: the outbound listener of the application's own proxy, or the service,
    /// if packets are redirected.
    pub address: SocketAddr,
    /// `Host` header, with the port.
    pub host: String,
    /// Path.
    pub path: String,
    /// What the callee speaks.
    pub protocol: Protocol,
}

/// How an application behaves from now on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Orders {
    /// What a request costs and when it fails.
    pub behaviour: Behaviour,
    /// Unix time in milliseconds from which the phases count.
    pub epoch_unix_ms: u64,
}

impl Orders {
    /// Whether `now` lies in a phase that recurs every `every_ms` for `for_ms`, from `after_ms` on.
    fn in_phase(&self, now_unix_ms: u64, every_ms: u64, for_ms: u64, after_ms: u64) -> bool {
        let Some(since) = now_unix_ms.checked_sub(self.epoch_unix_ms.saturating_add(after_ms))
        else {
            return false;
        };
        every_ms > 0 && since % every_ms < for_ms
    }

    /// The later behaviour, in its time.
    pub fn later(&self, now_unix_ms: u64) -> Option<&Behaviour> {
        let since = now_unix_ms.saturating_sub(self.epoch_unix_ms);
        let later = self.behaviour.later.as_ref()?;
        (later.after_ms..later.until_ms).contains(&since).then_some(&*later.behaviour)
    }

    /// The behaviour of the moment.
    pub fn behaviour(&self, now_unix_ms: u64) -> &Behaviour {
        self.later(now_unix_ms).unwrap_or(&self.behaviour)
    }

    /// What it does beside its requests at the moment: nothing outside the time that is set.
    pub fn background(&self, now_unix_ms: u64) -> Background {
        let since = now_unix_ms.saturating_sub(self.epoch_unix_ms);
        let work = self.behaviour(now_unix_ms).background.unwrap_or_default();
        let over = work.until_ms > 0 && since >= work.until_ms;
        if since < work.after_ms || over { Background::default() } else { work }
    }

    /// Time added to a wait that begins now, in microseconds.
    pub fn extra_us(&self, now_unix_ms: u64) -> u64 {
        match self.behaviour(now_unix_ms).slow {
            Some(slow) if self.in_phase(now_unix_ms, slow.every_ms, slow.for_ms, slow.after_ms) => {
                slow.extra_us
            }
            _ => 0,
        }
    }

    /// The status of a request that fails now, given a draw from 0 to 1.
    pub fn failure(&self, now_unix_ms: u64, draw: f64) -> Option<u16> {
        if let Some(fail) = self.behaviour(now_unix_ms).fail
            && self.in_phase(now_unix_ms, fail.every_ms, fail.for_ms, fail.after_ms)
            && draw < fail.share
        {
            return Some(fail.status);
        }
        (draw < self.behaviour(now_unix_ms).flaky).then_some(503)
    }
}

impl Spread {
    /// One time in microseconds, given two draws from 0 to 1.
    pub fn draw(&self, uniform: f64, tail: f64) -> u64 {
        if tail < self.tail_share {
            return self.tail_us;
        }
        let factor = 1.0 + self.spread * (2.0 * uniform - 1.0);
        (self.mean as f64 * factor.max(0.0)) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::{FailPhases, Later, SlowPhases};

    fn orders(behaviour: Behaviour) -> Orders {
        Orders { behaviour, epoch_unix_ms: 1_000 }
    }

    #[test]
    fn slow_phases_recur_and_begin_after_their_start() {
        let slow = SlowPhases { every_ms: 100, for_ms: 10, extra_us: 7, after_ms: 50 };
        let orders = orders(Behaviour { slow: Some(slow), ..Behaviour::default() });
        assert_eq!(orders.extra_us(500), 0);
        assert_eq!(orders.extra_us(1_049), 0);
        assert_eq!(orders.extra_us(1_050), 7);
        assert_eq!(orders.extra_us(1_060), 0);
        assert_eq!(orders.extra_us(1_159), 7);
    }

    #[test]
    fn failures_follow_the_draw() {
        let fail = FailPhases { every_ms: 100, for_ms: 10, share: 0.5, status: 500, after_ms: 0 };
        let orders = orders(Behaviour { fail: Some(fail), flaky: 0.1, ..Behaviour::default() });
        assert_eq!(orders.failure(1_000, 0.4), Some(500));
        assert_eq!(orders.failure(1_050, 0.05), Some(503));
        assert_eq!(orders.failure(1_050, 0.4), None);
    }

    #[test]
    fn another_behaviour_holds_in_its_time_only() {
        let work = Background { cores: 2.0, ..Background::default() };
        let inner = Behaviour { flaky: 1.0, background: Some(work), ..Behaviour::default() };
        let later = Later { after_ms: 100, until_ms: 200, behaviour: Box::new(inner) };
        let orders = orders(Behaviour { later: Some(later), ..Behaviour::default() });
        let at = |ms: u64| (orders.failure(ms, 0.5), orders.background(ms).cores > 1.0);
        assert_eq!(
            [1_050, 1_150, 1_250].map(at),
            [(None, false), (Some(503), true), (None, false)]
        );
    }

    #[test]
    fn a_draw_stays_in_its_range() {
        let spread = Spread { mean: 1_000, spread: 0.5, tail_share: 0.1, tail_us: 9_000 };
        assert_eq!(spread.draw(0.0, 0.5), 500);
        assert_eq!(spread.draw(1.0, 0.5), 1_500);
        assert_eq!(spread.draw(0.5, 0.05), 9_000);
    }
}
