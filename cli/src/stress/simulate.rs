//! `posbook stress --simulate`: whole bots, each from one seed on one thread, against a venue that lies. A world that
//! breaks a rule is made as small as it can be and printed with the command that replays it.

use std::collections::BTreeMap;
use std::iter;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread;
use std::time::Duration;

use posbook::venue::Fault;
use posbook_proof::world::{self, Failed, Report};
use serde::Serialize;

use super::Options;
use super::until::{self, Until};
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
    /// Whether somebody ended it before it had done what it was asked for.
    interrupted: bool,
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
    let limit = options.worlds.is_none().then(|| Duration::from_secs(options.seconds));
    let until = Until::new(limit)?;
    let report = worlds(options, &until)?;
    let cut_short =
        until.interrupted() && !until.timed_out() && options.worlds.is_none_or(|asked| report.worlds < asked);
    let sound = report.violations == 0;
    let first = report.first.as_ref();
    let command = match first {
        Some(failed) => again(failed),
        None => {
            format!("posbook stress --simulate --seed {} --worlds {}", options.seed, report.worlds.max(1))
        }
    };
    let seconds = (until.elapsed().as_secs_f64() * 10.0).round() / 10.0;
    let text = match options.format {
        Format::Json => {
            let summary = Summary {
                operations: report.steps,
                violations: report.violations,
                overlap: 0.0,
                seed: options.seed,
                worlds: report.worlds,
                seconds,
                interrupted: cut_short,
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
            let words = until::words(sound, cut_short);
            let verdict = match first {
                Some(failed) => format!(
                    "world {}: {}\nsmaller   {}\n\nwith every event of it:\n  {command}\n\n{words}",
                    failed.seed, failed.whole, failed.violation
                ),
                None => words.to_owned(),
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
    until::verdict(sound, cut_short)
}

/// The worlds of the seeds from the first on; each thread takes the next one as soon as it is free. Every world is on one
/// thread from its beginning to its end, and one that has begun is ended: so, whenever it stops, those that were run are the
/// first so many, and the first that breaks a rule is the first of all.
fn worlds(options: &Options, until: &Until) -> Result<Report, Failure> {
    let threads = options.threads();
    let bar = progress(options.worlds.unwrap_or(options.seconds * 1_000), "simulating");
    let (taken, enough) = (AtomicU64::new(0), AtomicBool::new(false));
    let part = || {
        let next = || {
            let stop = enough.load(Relaxed) || until.over();
            let n = (!stop).then(|| taken.fetch_add(1, Relaxed))?;
            options.seed.checked_add(n).filter(|_| options.worlds.is_none_or(|worlds| n < worlds))
        };
        world::simulate(iter::from_fn(next), None, |_, ended| {
            if ended.violation.is_some() {
                enough.store(true, Relaxed);
            }
            match options.worlds {
                None => bar.set_position(u64::try_from(until.elapsed().as_millis()).unwrap_or(u64::MAX)),
                Some(_) => bar.inc(1),
            }
            true
        })
    };
    let mut all = Report::default();
    thread::scope(|scope| {
        let parts: Result<Vec<_>, _> =
            (0..threads).map(|_| thread::Builder::new().spawn_scoped(scope, part)).collect();
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
