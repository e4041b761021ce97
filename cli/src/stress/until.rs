//! When a run is over: after its time, or as soon as somebody interrupts it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::{Failure, Verdict};

/// The end of a run, as each of its threads asks for it.
#[derive(Debug)]
pub struct Until {
    began: Instant,
    limit: Option<Duration>,
    interrupted: Arc<AtomicBool>,
}

impl Until {
    /// Begins now and lasts so long; `None`: as long as it takes. Ctrl-C and SIGTERM end it before, and what was done by then
    /// is checked and printed; a second one ends the process at once.
    pub fn new(limit: Option<Duration>) -> Result<Self, Failure> {
        let interrupted = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The first finds the flag down and raises it; the second finds it up.
            flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(&interrupted))
                .and_then(|_| flag::register(signal, Arc::clone(&interrupted)))
                .map_err(|wrong| Failure::Environment(format!("signal {signal} cannot be heard: {wrong}")))?;
        }
        Ok(Self { began: Instant::now(), limit, interrupted })
    }

    /// Since it began.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Whether its time is over. Never, if it has none.
    pub fn timed_out(&self) -> bool {
        self.limit.is_some_and(|limit| self.elapsed() >= limit)
    }

    /// Whether somebody interrupted it.
    pub fn interrupted(&self) -> bool {
        self.interrupted.load(Relaxed)
    }

    /// Whether nothing new is to be begun.
    pub fn over(&self) -> bool {
        self.interrupted() || self.timed_out()
    }
}

/// The exit of a run whose result is printed. One that was cut short did not do what it was asked for, so it is no yes; what it
/// found is found.
pub fn verdict(sound: bool, cut_short: bool) -> Result<Verdict, Failure> {
    match (sound, cut_short) {
        (false, _) => Ok(Verdict::No),
        (true, false) => Ok(Verdict::Yes),
        (true, true) => {
            Err(Failure::Environment("interrupted: no more was checked than is printed".to_owned()))
        }
    }
}

/// The last line for people.
pub fn words(sound: bool, cut_short: bool) -> &'static str {
    match (sound, cut_short) {
        (false, _) => "verdict: VIOLATION",
        (true, false) => "verdict: no violation",
        (true, true) => "verdict: interrupted, no violation so far",
    }
}
