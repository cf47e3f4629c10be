//! What a service does beside its requests: burns CPU and goes over memory, while told to.

use std::sync::Arc;
use std::time::Duration;

use super::{App, burn, now_unix_ms};

/// Length of a turn of work and rest.
const TURN: Duration = Duration::from_millis(20);
/// How often it looks whether there is something to do.
const PAUSE: Duration = Duration::from_millis(200);
/// Distance of the bytes that are read: one in each page.
const PAGE: usize = 4_096;
/// Most threads.
const MAX_THREADS: usize = 16;

/// Starts a thread for each core that the first orders ever ask for; they end with the process.
pub(super) fn start(app: &Arc<App>) {
    let orders = Arc::clone(&app.orders().0);
    let usual = orders.behaviour.background;
    let later = orders.behaviour.later.as_ref().and_then(|later| later.behaviour.background);
    let cores = usual.into_iter().chain(later).map(|work| work.cores).fold(0.0, f64::max);
    for thread in 0..(cores.ceil() as usize).min(MAX_THREADS) {
        let app = Arc::clone(app);
        std::thread::spawn(move || run(&app, thread));
    }
}

fn run(app: &App, thread: usize) {
    let mut memory: Vec<u8> = Vec::new();
    loop {
        let orders = Arc::clone(&app.orders().0);
        let work = orders.background(now_unix_ms());
        // Each thread does what is left of the cores after those before it.
        let share = (work.cores - thread as f64).clamp(0.0, 1.0);
        if share <= 0.0 {
            memory = Vec::new();
            std::thread::sleep(PAUSE);
            continue;
        }
        let wanted = usize::try_from(work.memory_mb).unwrap_or(0).saturating_mul(1 << 20);
        let own = wanted / (work.cores.ceil().max(1.0) as usize);
        if memory.len() != own {
            memory = vec![1; own];
        }
        let touched: u64 = memory.iter().step_by(PAGE).map(|byte| u64::from(*byte)).sum();
        std::hint::black_box(touched);
        let busy = TURN.mul_f64(share);
        burn(u64::try_from(busy.as_micros()).unwrap_or(0));
        std::thread::sleep(TURN.saturating_sub(busy));
    }
}
