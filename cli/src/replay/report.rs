//! The result of a replay, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use comfy_table::{CellAlignment, Table};
use posbook::venue::Fault;
use posbook::{Currency, Decimal, Snapshot, Valuation};
use serde::Serialize;

use super::agents::Ended;
use super::latency::Percentiles;
use super::setup::Setup;
use super::verdict::Findings;
use super::{Options, Speed};
use crate::market::{Source, Tape};
use crate::{Failure, output};

/// Everything that is printed.
#[derive(Debug, Serialize)]
pub struct Report {
    market: String,
    seed: u64,
    strategies: u32,
    speed: String,
    /// Seconds of market time, and of ours.
    market_seconds: f64,
    seconds: f64,
    ticks: usize,
    skipped_rows: u64,
    orders: u64,
    fills: u64,
    changes: u64,
    snapshots: u64,
    rejections: u64,
    exits: u64,
    retargets: u64,
    trailed: u64,
    reached: u64,
    pairs: u64,
    reconciles: u64,
    repairs: u64,
    faults: u64,
    venue_rejections: u64,
    partial_orders: u64,
    /// Turns of the write loop that found a newer root and asked again.
    lost_turns: u64,
    foreign_loads: u64,
    in_doubt_seen: u64,
    /// What was to go wrong at the venue, and how often what did.
    faults_setting: String,
    faults_injected: BTreeMap<Fault, u64>,
    #[serde(flatten)]
    findings: Findings,
    realised: String,
    fees: String,
    unrealised: String,
    by_currency: BTreeMap<String, Sums>,
    instruments: Vec<Row>,
    latency_ns: BTreeMap<&'static str, Percentiles>,
    /// Of a run that keeps one.
    journal: Option<Kept>,
    /// How the figures were taken.
    verdict: &'static str,
}

/// What the journal of this run says.
#[derive(Debug, Serialize)]
struct Kept {
    folder: String,
    epoch: u32,
    durability: &'static str,
    /// The last change that is as durable as was asked for.
    durable: u64,
    /// Where this run went on.
    restored: u64,
    /// Orders that were unresolved then.
    in_doubt_when_opened: usize,
    failed: Option<String>,
}

impl Kept {
    fn of(options: &Options, setup: &Setup) -> Option<Self> {
        let journal = setup.journal.as_ref()?;
        let health = setup.book.health().journal?;
        Some(Self {
            folder: journal.folder().display().to_string(),
            epoch: journal.restored().epoch,
            durability: options.durability(),
            durable: health.durable.0,
            restored: journal.restored().sequence.0,
            in_doubt_when_opened: journal.restored().in_doubt.len(),
            failed: health.failed,
        })
    }
}

#[derive(Debug, Default, Clone, Serialize)]
struct Sums {
    realised: Money,
    fees: Money,
    unrealised: Money,
}

/// A decimal that prints and serialises as a string.
#[derive(Debug, Default, Clone, Copy)]
struct Money(Decimal);

impl Serialize for Money {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0.normalize())
    }
}

/// One instrument.
#[derive(Debug, Serialize)]
struct Row {
    symbol: String,
    kind: String,
    contract_size: String,
    price_step: String,
    quantity_step: String,
    /// Nobody declared it.
    assumed: bool,
    side: &'static str,
    quantity: String,
    entry: Option<String>,
    mark: Option<String>,
    currency: String,
    realised: Money,
    fees: Money,
    unrealised: Option<Money>,
}

impl Report {
    pub fn new(
        options: &Options,
        tape: &Tape,
        setup: &Setup,
        ended: &Ended,
        findings: Findings,
        took: Duration,
    ) -> Self {
        let view = setup.book.snapshot();
        let valuation = setup.book.value(&view);
        let by_currency = sums(&view, &valuation);
        let one = |pick: fn(&Sums) -> Money| in_words(&by_currency, pick);
        let (counts, stats, health) = (&ended.counts, setup.venue.stats(), setup.book.health());
        Self {
            market: match &tape.source {
                Source::Synthetic { seed } => format!("synthetic, seed {seed}"),
                Source::Files(files) => {
                    files.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", ")
                }
            },
            seed: options.seed,
            strategies: options.strategies,
            speed: match options.speed {
                Speed::Max => "max".to_owned(),
                Speed::Times(times) => format!("{times}x"),
            },
            market_seconds: (tape.span_ns() as f64 / 1e9 * 1000.0).round() / 1000.0,
            seconds: (took.as_secs_f64() * 1000.0).round() / 1000.0,
            ticks: tape.ticks.len(),
            skipped_rows: tape.skipped_rows,
            orders: counts.orders.load(Relaxed),
            fills: ended.witness.fills_booked,
            changes: ended.witness.changes,
            snapshots: counts.snapshots.load(Relaxed),
            rejections: counts.rejections.load(Relaxed),
            exits: counts.exits.load(Relaxed),
            retargets: counts.retargets.load(Relaxed),
            trailed: counts.trailed.load(Relaxed),
            reached: counts.reached.load(Relaxed),
            pairs: counts.pairs.load(Relaxed),
            reconciles: counts.reconciles.load(Relaxed),
            repairs: counts.repairs.load(Relaxed),
            faults: counts.faults.load(Relaxed),
            venue_rejections: stats.rejected,
            partial_orders: stats.partial_orders,
            lost_turns: health.lost_turns,
            foreign_loads: health.foreign_loads,
            in_doubt_seen: ended.witness.in_doubt_seen,
            faults_setting: options.faults.setting(),
            faults_injected: stats.faults,
            verdict: if findings.all_yes() { "yes" } else { "no" },
            findings,
            realised: one(|s| s.realised),
            fees: one(|s| s.fees),
            unrealised: one(|s| s.unrealised),
            by_currency,
            instruments: rows(setup, &view),
            latency_ns: ended.latency.percentiles(),
            journal: Kept::of(options, setup),
        }
    }

    pub fn all_yes(&self) -> bool {
        self.findings.all_yes()
    }

    /// One object on one line.
    pub fn json(&self) -> Result<String, Failure> {
        serde_json::to_string(self).map_err(|wrong| Failure::Environment(wrong.to_string()))
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut out = String::new();
        let _ = writeln!(
            out,
            "market    {}\n          {} ticks over {:.0} s of market time, replayed in {:.1} s; {} strategies, seed {}",
            self.market, self.ticks, self.market_seconds, self.seconds, self.strategies, self.seed
        );
        if self.skipped_rows > 0 {
            let _ = writeln!(out, "          {} rows could not be read and were skipped", self.skipped_rows);
        }
        if self.instruments.iter().any(|row| row.assumed) {
            let _ = writeln!(
                out,
                "          instruments marked * are assumed: linear, size 1, finest steps seen"
            );
        }
        if let Some(kept) = &self.journal {
            let (folder, epoch, durable) = (&kept.folder, kept.epoch, kept.durable);
            let from = kept.restored;
            let _ = writeln!(
                out,
                "journal   {folder}: opening {epoch} from change {from} on, {} up to {durable}",
                kept.durability
            );
        }
        let _ = writeln!(out, "\n{}\n", self.positions());
        for (currency, sums) in &self.by_currency {
            // Each rounded by itself, so that the sum of what is printed is what is printed.
            let digits = digits([sums.realised, sums.fees, sums.unrealised]);
            let [realised, fees, unrealised] =
                [sums.realised, sums.fees, sums.unrealised].map(|d| d.0.round_dp(digits));
            let net = realised - fees + unrealised;
            let _ = writeln!(
                out,
                "{currency:<9} realised {realised}, fees {fees}, unrealised {unrealised}, together {net}"
            );
        }
        let _ = writeln!(
            out,
            "counts    {} orders ({} by exits, {} in parts, {} refused by the venue), {} fills, {} changes,\n          {} \
             snapshots, {} rejections, {} stops moved and {} trailed, {} extremes noted, {} reconciliations, {} lost turns of the loop",
            self.orders,
            self.exits,
            self.partial_orders,
            self.venue_rejections,
            self.fills,
            self.changes,
            self.snapshots,
            self.rejections,
            self.retargets,
            self.trailed,
            self.reached,
            self.reconciles,
            self.lost_turns
        );
        if self.faults_setting != "off" {
            let faults: Vec<_> = self.faults_injected.iter().map(|(f, n)| format!("{n} {f}")).collect();
            let _ = writeln!(out, "faults    {}: {}", self.faults_setting, faults.join(", "));
        }
        let _ = writeln!(out, "\n{}\n", self.latencies());
        let word = |yes: bool| if yes { "yes" } else { "NO" };
        let f = &self.findings;
        let lines = [
            ("book equals venue (quantity, cash, fees, open orders)", word(f.book_equals_venue).to_owned()),
            ("replaying every change gives the same book", word(f.book_equals_fold).to_owned()),
            ("changes gapless", word(f.gapless).to_owned()),
            ("the last position report agrees", word(f.report_agrees).to_owned()),
            ("duplicate orders", f.duplicate_orders.to_string()),
            ("unexplained", f.unexplained.clone()),
            ("in doubt (seen, left)", format!("{}, {}", self.in_doubt_seen, f.in_doubt_left)),
        ];
        for (question, answer) in lines {
            let _ = writeln!(out, "{question:<55} {answer}");
        }
        for difference in f.differences.iter().take(20) {
            let _ = writeln!(out, "  {difference}");
        }
        if self.fills == 0 {
            let _ =
                writeln!(out, "  nothing was traded: too few ticks, or orders too small for the instruments");
        }
        let _ = writeln!(out, "\nverdict: {}", if self.all_yes() { "all yes" } else { "NO" });
        out
    }

    fn positions(&self) -> Table {
        let header = ["", "side", "quantity", "entry", "mark", "realised", "fees", "unrealised", ""];
        let mut table = output::table(header);
        for row in &self.instruments {
            let star = if row.assumed { "*" } else { "" };
            let own = [row.realised, row.fees];
            let digits = digits(own.into_iter().chain(row.unrealised));
            let money = |d: Money| d.0.round_dp(digits).to_string();
            table.add_row([
                format!("{}{star}", row.symbol),
                row.side.to_owned(),
                row.quantity.clone(),
                row.entry.clone().unwrap_or_default(),
                row.mark.clone().unwrap_or_default(),
                money(row.realised),
                money(row.fees),
                row.unrealised.map(money).unwrap_or_default(),
                row.currency.clone(),
            ]);
        }
        right(table, 2..8)
    }

    fn latencies(&self) -> Table {
        let mut table = output::table(["latency, ns", "count", "p50", "p99", "p99.9", "max"]);
        for (operation, p) in &self.latency_ns {
            let row = [p.count, p.p50, p.p99, p.p999, p.max].map(|n| n.to_string());
            table.add_row(std::iter::once((*operation).to_owned()).chain(row));
        }
        right(table, 1..6)
    }
}

/// Decimals that amounts which stand together are printed with: two, or where none of them reaches one (a currency that is dear, as
/// BTC is) six.
fn digits(amounts: impl IntoIterator<Item = Money>) -> u32 {
    if amounts.into_iter().all(|amount| amount.0.abs() < Decimal::ONE) { 6 } else { 2 }
}

fn right(mut table: Table, columns: std::ops::Range<usize>) -> Table {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn sums(view: &Snapshot, valuation: &Valuation) -> BTreeMap<String, Sums> {
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    for (currency, money) in view.totals().currencies() {
        let entry = sums.entry(currency.to_string()).or_default();
        entry.realised.0 += money.realised;
        entry.fees.0 += money.fees;
    }
    for (currency, profit) in valuation.unrealised.iter() {
        sums.entry(currency.to_string()).or_default().unrealised.0 += profit;
    }
    sums
}

/// A figure of one currency as a bare number; of several with their names.
fn in_words(sums: &BTreeMap<String, Sums>, pick: fn(&Sums) -> Money) -> String {
    let named: Vec<(&String, Decimal)> = sums.iter().map(|(c, s)| (c, pick(s).0.normalize())).collect();
    match named.as_slice() {
        [] => "0".to_owned(),
        [(_, only)] => only.to_string(),
        several => several.iter().map(|(c, d)| format!("{d} {c}")).collect::<Vec<_>>().join(", "),
    }
}

fn rows(setup: &Setup, view: &Snapshot) -> Vec<Row> {
    let row = |traded: &super::setup::Traded| {
        let spec = traded.instrument.spec();
        let key = view.key(traded.id);
        let position = view.get(traded.id);
        let mark = setup.book.latest(traded.id);
        let settle: &Currency = &spec.settle;
        let ledger = key.map(|k| k.ledger.clone()).unwrap_or_default();
        Row {
            symbol: traded.symbol.to_string(),
            kind: spec.kind.to_string(),
            contract_size: spec.contract_size.to_string(),
            price_step: spec.price_step.to_string(),
            quantity_step: spec.quantity_step.to_string(),
            assumed: traded.assumed,
            side: position.map_or("flat", |p| match p.side {
                posbook::Side::Long => "long",
                posbook::Side::Short => "short",
            }),
            quantity: position.map_or_else(|| "0".to_owned(), |p| p.quantity.to_string()),
            entry: position.map(|p| p.entry_price().round_sf(10).unwrap_or_default().normalize().to_string()),
            mark: mark.map(|m| m.price.to_string()),
            currency: settle.to_string(),
            realised: Money(ledger.realised),
            fees: Money(ledger.fees.of(settle)),
            unrealised: position.zip(mark).and_then(|(p, m)| p.unrealised(m.price).ok()).map(Money),
        }
    };
    setup.traded.iter().map(row).collect()
}
