//! `posbook history`, `tail` and `export`: changes line by line.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use posbook::journal::{History, Line};
use posbook::{Leg, Sequence};

use super::{key, leg, time};
use crate::output::{Format, progress};
use crate::{Failure, Verdict};

/// Options of `posbook history`.
#[derive(Debug, Args)]
pub struct HistoryOptions {
    /// The folder of the journal.
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The symbol of the instrument.
    #[arg(value_name = "KEY")]
    symbol: String,

    /// Which leg of it: net, long or short.
    #[arg(long, default_value = "net", value_parser = leg)]
    leg: Leg,

    /// Whose; 0 is nobody's.
    #[arg(long, default_value_t = 0)]
    owner: u32,

    /// A line for people, or one JSON object, a change.
    #[arg(long, default_value = "table")]
    format: Format,
}

/// Options of `posbook tail`.
#[derive(Debug, Args)]
pub struct TailOptions {
    /// The folder of the journal.
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// How many changes to begin with.
    #[arg(short = 'n', long, default_value_t = 10)]
    lines: u64,

    /// Go on with what is written from now on, until it is stopped.
    #[arg(short = 'f', long)]
    follow: bool,

    /// A line for people, or one JSON object, a change.
    #[arg(long, default_value = "table")]
    format: Format,
}

/// Options of `posbook export`.
#[derive(Debug, Args)]
pub struct ExportOptions {
    /// The folder of the journal.
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The file to write; it must not be there yet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// As JSON lines, or as CSV.
    #[arg(long = "as", value_name = "WORD", default_value = "jsonl")]
    kind: Kind,

    /// Only changes after this one.
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
    after: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Jsonl,
    Csv,
}

/// The story of one key.
pub fn history(options: &HistoryOptions) -> Result<Verdict, Failure> {
    let history = History::open(&options.folder)?;
    let key = key(&history, &options.symbol, options.leg, options.owner)?;
    let mut out = std::io::stdout().lock();
    if show(&history, Sequence(0), Some(key), options.format, &mut out)? == Some(Sequence(0)) {
        let (symbol, leg, owner) = (&options.symbol, options.leg, options.owner);
        eprintln!("posbook: nothing happened to {symbol}, leg {leg}, owner {owner}: see --leg and --owner");
    }
    Ok(Verdict::Yes)
}

/// The last changes, and those that come.
pub fn tail(options: &TailOptions) -> Result<Verdict, Failure> {
    let history = History::open(&options.folder)?;
    let (_, last) = history.bounds()?;
    let mut last = Sequence(last.0.saturating_sub(options.lines));
    let mut out = std::io::stdout().lock();
    last = show(&history, last, None, options.format, &mut out)?.unwrap_or(last);
    drop(history);
    if !options.follow {
        return Ok(Verdict::Yes);
    }
    loop {
        std::thread::sleep(Duration::from_millis(200));
        // Each look is a moment of its own.
        let history = History::open(&options.folder)?;
        let (first, _) = history.bounds()?;
        if first.0 > last.0.saturating_add(1) {
            let (from, to) = (last.0.saturating_add(1), first.0.saturating_sub(1));
            eprintln!("posbook: changes {from} to {to} were pruned before they could be shown");
        }
        match show(&history, last, None, options.format, &mut out)? {
            Some(reached) => last = reached,
            // Whoever reads has heard enough.
            None => return Ok(Verdict::Yes),
        }
    }
}

/// Writes lines; `None`: the reader has gone.
fn show(
    history: &History,
    after: Sequence,
    key: Option<posbook::PositionKey>,
    format: Format,
    out: &mut impl Write,
) -> Result<Option<Sequence>, Failure> {
    let (mut last, mut failed) = (after, None);
    history.lines(after, key, |line| {
        last = Sequence(line.sequence);
        let written = match format {
            Format::Table => writeln!(out, "{}", told(&line)),
            Format::Json => {
                serde_json::to_string(&line).map_err(Into::into).and_then(|line| writeln!(out, "{line}"))
            }
        };
        failed = written.err();
        failed.is_none()
    })?;
    let failed = failed.or(out.flush().err());
    match failed {
        None => Ok(Some(last)),
        Some(wrong) if wrong.kind() == ErrorKind::BrokenPipe => Ok(None),
        Some(wrong) => Err(Failure::Environment(format!("the result could not be written: {wrong}"))),
    }
}

/// A change in one line: when, where, what, why, before and after.
fn told(line: &Line) -> String {
    let mut place = line.symbol.clone().unwrap_or_else(|| "-".to_owned());
    if line.leg.as_deref().is_some_and(|leg| leg != "net") {
        place += &format!(" {}", line.leg.as_deref().unwrap_or_default());
    }
    let mut text =
        format!("{:>8}  {}  {place}  {} by {}", line.sequence, time(line.time), line.kind, line.cause);
    if !line.reason.is_empty() {
        text += &format!(" ({})", line.reason);
    }
    if let Some(fill) =
        line.fill.as_deref().and_then(|fill| serde_json::from_str::<serde_json::Value>(fill).ok())
    {
        let part = |name: &str| fill.get(name).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
        text += &format!(": {} {} @ {}", part("side"), part("quantity"), part("price"));
    }
    let after = line.after.as_deref().map(position);
    match (&line.before, after) {
        (Some(before), Some(after)) if *before == after => text += &format!("  | {after}"),
        (before, Some(after)) => {
            text += &format!("  | {} -> {after}", before.as_deref().unwrap_or("nothing"))
        }
        (_, None) => {}
    }
    text
}

/// The position of a record as one line, in the words of `before`.
fn position(record: &str) -> String {
    let Ok(record) = serde_json::from_str::<serde_json::Value>(record) else { return "?".to_owned() };
    let part = |name: &str| record.get(name).and_then(|v| v.as_str());
    let (Some(side), Some(quantity), Some(entry)) = (part("side"), part("quantity"), part("entry")) else {
        return "flat".to_owned();
    };
    let mut text = format!("{side} {quantity} @ {entry}");
    for name in ["stop", "take"] {
        if let Some(price) = part(name) {
            text += &format!(" {name} {price}");
        }
    }
    if let Some(tags) = record.get("tags").and_then(|tags| tags.as_array()) {
        let tags: Vec<_> = tags.iter().filter_map(|tag| tag.as_str()).collect();
        text += &format!(" [{}]", tags.join(", "));
    }
    text
}

/// Every change into a file.
pub fn export(options: &ExportOptions) -> Result<Verdict, Failure> {
    let history = History::open(&options.folder)?;
    let (_, last) = history.bounds()?;
    let file = File::create_new(&options.out).map_err(|wrong| {
        Failure::Environment(format!("{}: {wrong}; give a file that is not there yet", options.out.display()))
    })?;
    let bar = progress(last.0.saturating_sub(options.after), "exporting");
    let mut failed: Option<String> = None;
    let (mut json, mut csv) = match options.kind {
        Kind::Jsonl => (Some(BufWriter::new(file)), None),
        Kind::Csv => (None, Some(csv::Writer::from_writer(file))),
    };
    history.lines(Sequence(options.after), None, |line| {
        bar.inc(1);
        if let Some(out) = &mut json {
            let written =
                serde_json::to_string(&line).map_err(Into::into).and_then(|line| writeln!(out, "{line}"));
            failed = written.err().map(|wrong| wrong.to_string());
        }
        if let Some(out) = &mut csv {
            failed = out.serialize(&line).err().map(|wrong| wrong.to_string());
        }
        failed.is_none()
    })?;
    bar.finish_and_clear();
    let flushed =
        json.as_mut().map_or(Ok(()), Write::flush).and(csv.as_mut().map_or(Ok(()), csv::Writer::flush));
    match failed.or(flushed.err().map(|wrong| wrong.to_string())) {
        None => Ok(Verdict::Yes),
        Some(wrong) => Err(Failure::Environment(format!("{}: {wrong}", options.out.display()))),
    }
}
