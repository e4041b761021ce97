//! `posbook stress --simulate`: whole bots, each from one seed on one thread, against a venue that lies. A world that
//! breaks a rule is made as small as it can be and printed with the command that replays it.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::{Duration, Instant};

use posbook::venue::Fault;
use posbook_proof::world::{self, Failed, Report};
use serde::Serialize;

use super::Options;
use crate::output::{Format, progress, write};
use crate::{Failure, Verdict};

/// What is printed for programs: one object on one line.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    /// Turns of the schedulers; after each the oracle looked.
    operations: u64,
    violations: u64,
    /// A world is on one thread: nothing in it overlaps.
    overlap: f64,
    seed: u64,
    worlds: u64,
    seconds: f64,
    changes: u64,
    orders: u64,
    fills: u64,
    faults_injected: &'a BTreeMap<Fault, u64>,
    in_doubt_seen: u64,
    cancelled_futures: u64,
    cancelled_with_an_order: u64,
    repairs: u64,
    kills: u64,
    reductions_forgotten: u64,
    exemptions: &'a BTreeMap<&'static str, u64>,
    /// The first world that broke a rule.
    violation: Option<Violation<'a>>,
    /// Runs the same worlds again; of a violation, the world that is enough to show it.
    command: String,
}

#[derive(Debug, Serialize)]
struct Violation<'a> {
    seed: u64,
    what: &'a str,
    /// The smaller world, and what it breaks.
    world: String,
    there: &'a str,
}

/// Runs worlds until the time is over, so many are done, or one breaks a rule.
pub fn run(options: &Options) -> Result<Verdict, Failure> {
    if let Some(settings) = &options.world {
        return replay(options, settings);
    }
    if options.seed.checked_add(options.worlds.unwrap_or(u64::from(options.threads()))).is_none() {
        return Err(Failure::Input(format!("there are no seeds beyond {}: begin at a lower one", u64::MAX)));
    }
    let began = Instant::now();
    let report = worlds(options, began)?;
    let first = report.first.as_ref();
    let command = match first {
        Some(failed) => again(failed),
        None => format!("posbook stress --simulate --seed {} --worlds {}", options.seed, report.worlds),
    };
    let seconds = (began.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    let text = match options.format {
        Format::Json => {
            let summary = Summary {
                operations: report.steps,
                violations: report.violations,
                overlap: 0.0,
                seed: options.seed,
                worlds: report.worlds,
                seconds,
                changes: report.changes,
                orders: report.orders,
                fills: report.fills,
                faults_injected: &report.faults,
                in_doubt_seen: report.in_doubt_seen,
                cancelled_futures: report.cancelled,
                cancelled_with_an_order: report.cancelled_in_doubt,
                repairs: report.repairs,
                kills: report.kills,
                reductions_forgotten: report.forgotten,
                exemptions: &report.exemptions,
                violation: first.map(|failed| Violation {
                    seed: failed.seed,
                    what: &failed.whole,
                    world: failed.options.to_string(),
                    there: &failed.violation,
                }),
                command,
            };
            serde_json::to_string(&summary).map_err(|wrong| Failure::Environment(wrong.to_string()))? + "\n"
        }
        Format::Table => {
            let verdict = match first {
                Some(failed) => format!(
                    "world {}: {}\nsmaller   {}\n\nwith every event of it:\n  {command}\n\nverdict: VIOLATION",
                    failed.seed, failed.whole, failed.violation
                ),
                None => "verdict: no violation".to_owned(),
            };
            format!(
                "simulate  seed {} on, {} worlds; {seconds:.1} s\n{}\n\n{verdict}\n",
                options.seed,
                report.worlds,
                report.words()
            )
        }
    };
    write(&text)?;
    Ok(if report.violations == 0 { Verdict::Yes } else { Verdict::No })
}

/// The worlds of the seeds from the first on, dealt out to the threads. Every world is on one of them from its beginning
/// to its end.
fn worlds(options: &Options, began: Instant) -> Result<Report, Failure> {
    let threads = options.threads();
    let last = options.worlds.map_or(u64::MAX, |worlds| options.seed.saturating_add(worlds));
    let limit = Duration::from_secs(options.seconds);
    let (length, timed) = match options.worlds {
        Some(worlds) => (worlds, false),
        None => (options.seconds * 1_000, true),
    };
    let bar = progress(length, "simulating");
    let enough = AtomicBool::new(false);
    let part = |n: u32| {
        let seeds = (options.seed.saturating_add(n.into())..last).step_by(threads as usize);
        world::simulate(seeds, None, |_, ended| {
            let over = timed && began.elapsed() >= limit;
            if over || ended.violation.is_some() {
                enough.store(true, Relaxed);
            }
            match timed {
                true => bar.set_position(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)),
                false => bar.inc(1),
            }
            !enough.load(Relaxed)
        })
    };
    let mut all = Report::default();
    thread::scope(|scope| {
        let parts: Result<Vec<_>, _> =
            (0..threads).map(|n| thread::Builder::new().spawn_scoped(scope, move || part(n))).collect();
        let parts = parts.map_err(|wrong| {
            // Those that run already would run to their end.
            enough.store(true, Relaxed);
            Failure::Environment(format!(
                "{threads} threads cannot be had: {wrong}; try fewer with --threads"
            ))
        })?;
        for part in parts {
            let part = part.join().map_err(|_| {
                Failure::Environment("a thread panicked outside of any world; see stderr".to_owned())
            })?;
            all.merge(part);
        }
        Ok::<(), Failure>(())
    })?;
    bar.finish_and_clear();
    Ok(all)
}

/// One world that is given whole, with its trace.
fn replay(options: &Options, settings: &str) -> Result<Verdict, Failure> {
    let world = world::Options::of(options.seed).with(settings);
    let world = &world.map_err(|wrong| Failure::Input(format!("--world: {wrong}")))?;
    let ended = world::replay(options.seed, world);
    let (verdict, last) = match &ended.violation {
        None => (Verdict::Yes, "verdict: no violation".to_owned()),
        Some(wrong) => (Verdict::No, format!("world {}: {wrong}\n\nverdict: VIOLATION", options.seed)),
    };
    let text = match options.format {
        Format::Table => {
            format!(
                "world {}: {world}\n{}\nfingerprint {:016x}\n\n{last}\n",
                options.seed,
                ended.trace.join("\n"),
                ended.digest
            )
        }
        Format::Json => {
            let object = serde_json::json!({
                "operations": ended.steps,
                "violations": u64::from(ended.violation.is_some()),
                "overlap": 0.0,
                "seed": options.seed,
                "world": world.to_string(),
                "violation": ended.violation,
                "fingerprint": format!("{:016x}", ended.digest),
                "trace": ended.trace,
            });
            format!("{object}\n")
        }
    };
    write(&text)?;
    Ok(verdict)
}

/// The command that shows a failed world again.
fn again(failed: &Failed) -> String {
    format!("posbook stress --simulate --seed {} --world '{}'", failed.seed, failed.options)
}
