//! `posbook reconcile DIR --report FILE`: what the venue says is open, against what a journal holds; what differs, what to do
//! about it, and, unless it is a dry run, the doing of it.
//!
//! The journal is opened as a bot would open it: under its lock, as a restart (R15). A dry run only reads, beside a bot that
//! writes too.

mod choose;
mod show;

use std::path::{Path, PathBuf};

use clap::Args;
use posbook::interop::ccxt::{self, Markets, Source};
use posbook::journal::{History, Journal, JournalOptions};
use posbook::reconcile::{Policies, ReconcileReport, compare};
use posbook::venue::{Completeness, Confirmations, Scope, VenueReport};
use posbook::{Book, Clock, Sequence, Snapshot, Symbol, Timestamp};

use crate::output::{Format, write};
use crate::{Failure, Verdict, input};

/// Options of `posbook reconcile`.
#[derive(Debug, Args)]
pub struct Options {
    /// The folder of the journal.
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// What the venue says is open: an array of ccxt's unified positions, or a report of posbook's own shape
    /// (docs/reconcile.md); `-` is stdin. Given more than once, each was asked for after the one before it was answered:
    /// those before the last confirm it, where no time proves that it is new.
    #[arg(long, value_name = "FILE", required = true)]
    report: Vec<PathBuf>,

    /// When the venue made the picture, by its own clock: 2026-11-27T06:00:00Z, or milliseconds since 1970. It must be later
    /// than the last fill booked. A time inside the report wins.
    #[arg(long, value_name = "TIME", value_parser = choose::time)]
    at: Option<Timestamp>,

    /// The number of the book's last change before the venue was asked, if the bot went on after that; the newest if not said.
    #[arg(long, value_name = "SEQUENCE")]
    asked: Option<u64>,

    /// The array covers only this symbol (more than once: these); it covers the account if not said.
    #[arg(long, value_name = "SYMBOL")]
    only: Vec<Symbol>,

    /// A symbol that the account trades and this book does not account for.
    #[arg(long, value_name = "SYMBOL")]
    outside: Vec<Symbol>,

    /// Whose rows they are; named in problems.
    #[arg(long, value_name = "NAME")]
    exchange: Option<String>,

    /// ccxt's markets as JSON: their contract sizes win over the rows'.
    #[arg(long, value_name = "FILE")]
    markets: Option<PathBuf>,

    #[command(flatten)]
    choose: choose::Choice,

    /// The current price of a symbol: an adopted position gets its targets from it, and none without it.
    #[arg(long, value_name = "SYMBOL=PRICE", value_parser = choose::mark)]
    mark: Vec<(Symbol, posbook::Price)>,

    /// Say what would be done, and change nothing.
    #[arg(long)]
    dry_run: bool,

    /// A table, or one JSON object on the last line of stdout.
    #[arg(long, default_value = "table")]
    format: Format,
}

pub fn run(options: &Options) -> Result<Verdict, Failure> {
    let policies = options.choose.policies()?;
    let reports = options.reports()?;
    let found = if options.dry_run {
        let history = History::open(&options.folder)?;
        let (_, last) = history.bounds()?;
        let view = history.state_at(last)?;
        options.check(&view, &policies)?;
        let plan = options.plan(&view, &policies, &reports);
        show::Found::planned(plan, &view)
    } else {
        // Opening makes a journal where there is none: here that would be a slip of the pen.
        let history = History::open(&options.folder)?;
        let (_, last) = history.bounds()?;
        options.check(&history.state_at(last)?, &policies)?;
        let clock = clock(&history, last, &reports)?;
        drop(history);
        let journal =
            Journal::open(&options.folder, JournalOptions::default(), Book::builder().clock(clock))?;
        let found = options.apply(journal.book(), &policies, &reports);
        // What was done is on the disk before it is told.
        journal.close()?;
        found?
    };
    write(&match options.format {
        Format::Json => found.json()?,
        Format::Table => found.table(),
    })?;
    Ok(if found.remains() { Verdict::No } else { Verdict::Yes })
}

/// The journal's own time: of its last change or of the report, whichever is later. By this machine's clock the orders of a book
/// that keeps another one, a replay's, would all be overdue.
fn clock(history: &History, last: Sequence, reports: &[VenueReport]) -> Result<Clock, Failure> {
    let mut latest = reports.iter().filter_map(|report| report.venue_time).max();
    history.lines(Sequence(last.0.saturating_sub(1)), None, |line| {
        latest = latest.max(Some(Timestamp(line.time)));
        true
    })?;
    Ok(latest.map_or_else(Clock::system, Clock::manual))
}

impl Options {
    /// What is named has to be there: a slip of the pen would compare nothing, and agree.
    fn check(&self, view: &Snapshot, policies: &Policies) -> Result<(), Failure> {
        if let Some(asked) = self.asked.filter(|asked| *asked > view.sequence().0) {
            let last = view.sequence();
            return Err(Failure::Input(format!(
                "--asked {asked}: the last change of this journal is {last}"
            )));
        }
        let only = self.only.iter().map(|symbol| ("--only", symbol));
        let mark = self.mark.iter().map(|(symbol, _)| ("--mark", symbol));
        let keys = policies.keys.iter().map(|own| ("--policy, keys", &own.symbol));
        for (what, symbol) in only.chain(mark).chain(keys) {
            if view.id(symbol.as_str()).is_none() {
                let known: Vec<&str> =
                    view.instruments().map(|(_, of)| of.symbol().as_str()).take(8).collect();
                let known = known.join(", ");
                return Err(Failure::Input(format!(
                    "{what} {symbol}: this journal has no such instrument: {known}"
                )));
            }
        }
        Ok(())
    }

    fn apply(
        &self,
        book: &Book,
        policies: &Policies,
        reports: &[VenueReport],
    ) -> Result<show::Found, Failure> {
        for (symbol, price) in &self.mark {
            let wrong = |wrong: posbook::Rejection| Failure::Input(format!("--mark {symbol}: {wrong}"));
            let id = book.instrument(symbol.as_str()).map_err(wrong)?;
            book.mark(id, *price).map_err(wrong)?;
        }
        let plan = self.plan(&book.snapshot(), policies, reports);
        let asked = plan.asked;
        let done: ReconcileReport = plan.apply(book);
        Ok(show::Found::done(done, asked, &book.snapshot()))
    }

    /// Compares the reports one after another, as they were asked for; the last one's plan counts.
    fn plan(
        &self,
        view: &Snapshot,
        policies: &Policies,
        reports: &[VenueReport],
    ) -> posbook::reconcile::Plan {
        let asked = self.asked.map_or(view.sequence(), Sequence);
        let mut earlier = Confirmations::default();
        let (last, before) =
            reports.split_last().map_or((None, reports), |(last, before)| (Some(last), before));
        for report in before {
            compare(view, report, asked, policies, &self.outside, &mut earlier);
        }
        // clap lets nobody through without a report; an empty, failed one says nothing.
        let nothing = VenueReport::failed(Scope::All, "no report");
        compare(view, last.unwrap_or(&nothing), asked, policies, &self.outside, &mut earlier)
    }

    fn reports(&self) -> Result<Vec<VenueReport>, Failure> {
        let mut source = self.exchange.as_deref().map(Source::new).unwrap_or_default();
        if let Some(path) = &self.markets {
            let markets = Markets::read(&input::text(path)?)
                .map_err(|wrong| Failure::Input(format!("{}: {wrong}", path.display())))?;
            source = source.with_markets(markets);
        }
        let last = self.report.len().saturating_sub(1);
        // The time is the last one's: of those before nothing was said.
        let at = |n: usize| self.at.filter(|_| n == last);
        self.report.iter().enumerate().map(|(n, path)| self.read(path, &source, at(n))).collect()
    }

    /// An array is ccxt's, an object is ours.
    fn read(&self, path: &Path, source: &Source, at: Option<Timestamp>) -> Result<VenueReport, Failure> {
        let wrong = |wrong: String| Failure::Input(format!("{}: {wrong}", path.display()));
        let text = input::text(path)?;
        let report = if text.trim_start().starts_with('{') {
            let report: VenueReport = serde_json::from_str(&text).map_err(|why| wrong(why.to_string()))?;
            VenueReport { venue_time: report.venue_time.or(at), ..report }
        } else {
            let scope = if self.only.is_empty() { Scope::All } else { Scope::Only(self.only.clone()) };
            ccxt::positions(&text, source).map_err(|why| wrong(why.to_string()))?.report(scope, at)
        };
        if let Some(time) = report.venue_time {
            choose::has_been(time).map_err(wrong)?;
        }
        match report.completeness {
            Completeness::Failed(why) => Err(wrong(format!("this report failed ({why}): it says nothing"))),
            _ => Ok(report),
        }
    }
}
