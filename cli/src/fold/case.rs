//! Accounting cases: an instrument, steps of fills, marks and funding, and after each step what the book has, in one convention
//! for all of them: a moving average (harmonic of an inverse contract), a reduction keeps the entry, a fill through zero opens
//! the rest at its own price, fees and funding apart from profit.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use comfy_table::Table;
use posbook::{
    Book, ContractKind, Decimal, Fill, FillOutcome, Funding, Instrument, InstrumentId, InstrumentSpec,
    OrderSide, Position, PositionMode, Price, PriceSign, Quantity, Side,
};
use serde::{Deserialize, Serialize};

use super::folding::text;
use super::read::unmarked;
use crate::output::{self, Format, write};
use crate::{Failure, Verdict, input};

/// The version of the schema that is read.
const SCHEMA: &str = "accounting-case/1";

#[derive(Debug, Deserialize)]
struct File {
    schema: String,
    cases: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    id: String,
    instrument: Traded,
    start: Option<Start>,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
struct Traded {
    kind: ContractKind,
    base: String,
    quote: String,
    settle: String,
    multiplier: String,
}

/// What was open before the first step.
#[derive(Debug, Deserialize)]
struct Start {
    signed_qty: String,
    avg_entry: String,
}

/// One of fill, mark and funding; or figures that nothing can be folded from.
#[derive(Debug, Deserialize)]
struct Step {
    fill: Option<Trade>,
    mark: Option<String>,
    funding: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Trade {
    side: String,
    qty: String,
    price: String,
    fee: Option<String>,
    fee_ccy: Option<String>,
}

/// What the book has after a step.
#[derive(Debug, Serialize)]
struct Row<'a> {
    id: &'a str,
    step: usize,
    #[serde(flatten)]
    has: Has,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Has {
    Figures {
        signed_qty: String,
        avg_entry: Option<String>,
        realized_gross_cum: Option<String>,
        fees_cum: BTreeMap<String, String>,
        unrealized: Option<String>,
        funding_cum: String,
    },
    Nothing {
        skipped: &'static str,
    },
}

pub fn run(path: &Path, id: Option<&str>, format: Format) -> Result<Verdict, Failure> {
    let text = input::text(path)?;
    let place = path.display();
    let file: File = serde_json::from_str(unmarked(&text))
        .map_err(|wrong| Failure::Input(format!("{place}: is no file of accounting cases: {wrong}")))?;
    if file.schema != SCHEMA {
        return Err(Failure::Input(format!(
            "{place}: has schema {}; {SCHEMA} is what can be read",
            file.schema
        )));
    }
    let asked: Vec<_> = file.cases.iter().filter(|case| id.is_none_or(|id| case.id == id)).collect();
    if let (Some(id), true) = (id, asked.is_empty()) {
        let known: Vec<_> = file.cases.iter().map(|case| case.id.as_str()).collect();
        return Err(Failure::Input(format!("{place}: has no case {id}; there are {}", known.join(", "))));
    }
    let mut rows = Vec::new();
    for case in asked {
        for (step, has) in
            fold(case).map_err(|wrong| Failure::Input(format!("{place}: {}: {wrong}", case.id)))?
        {
            rows.push(Row { id: &case.id, step, has });
        }
    }
    match format {
        Format::Json => {
            let mut lines = String::new();
            for row in &rows {
                let line = serde_json::to_string(row).map_err(|w| Failure::Environment(w.to_string()))?;
                let _ = writeln!(lines, "{line}");
            }
            write(&lines)?;
        }
        Format::Table => write(&format!("{}\n", table(&rows)))?,
    }
    Ok(Verdict::Yes)
}

fn table(rows: &[Row<'_>]) -> Table {
    let header = ["case", "step", "quantity", "entry", "realised", "fees", "unrealised", "funding"];
    let mut table = output::table(header);
    for Row { id, step, has } in rows {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let mut cells = vec![(*id).to_owned(), step.to_string()];
        match has {
            Has::Nothing { skipped } => cells.push((*skipped).to_owned()),
            Has::Figures { signed_qty, avg_entry, realized_gross_cum, fees_cum, unrealized, funding_cum } => {
                let fees: Vec<_> =
                    fees_cum.iter().map(|(currency, sum)| format!("{sum} {currency}")).collect();
                cells.extend([
                    signed_qty.clone(),
                    text(avg_entry),
                    text(realized_gross_cum),
                    fees.join(", "),
                    text(unrealized),
                    funding_cum.clone(),
                ]);
            }
        }
        table.add_row(cells);
    }
    table
}

/// The steps of a case that is being folded.
struct Folding<'a> {
    case: &'a Case,
    book: Book,
    held: InstrumentId,
    /// The trades as they were executed, where a fee in kind makes what is held another quantity: what an average is of, and
    /// profit has no one meaning then.
    traded: Option<InstrumentId>,
    folded: usize,
    /// In which currencies a fee was stated: one of nothing is a figure too.
    charged: BTreeSet<String>,
    /// The position that an entry was read of last, and that entry. A reduction keeps it: read of what is left, whose cost is
    /// rounded to money, its last digits would move (R17), and of dust there are few others.
    entry: Option<(Position, Decimal)>,
}

fn fold(case: &Case) -> Result<Vec<(usize, Has)>, String> {
    if case.steps.iter().all(|step| step.fill.is_none() && step.mark.is_none() && step.funding.is_none()) {
        return Ok(vec![(0, Has::Nothing { skipped: "nothing to fold: the case gives figures, no fills" })]);
    }
    let mut folding = Folding::begin(case)?;
    case.steps
        .iter()
        .enumerate()
        .map(|(n, step)| Ok((n, folding.step(n, step).map_err(|wrong| format!("step {n}: {wrong}"))?)))
        .collect()
}

impl<'a> Folding<'a> {
    fn begin(case: &'a Case) -> Result<Self, String> {
        let book = Book::builder().instruments(2).build().map_err(|wrong| wrong.to_string())?;
        let scale = scale(case)?;
        let instrument = |symbol: &str, kind| {
            let Traded { base, quote, settle, multiplier, .. } = &case.instrument;
            let spec = InstrumentSpec {
                symbol: symbol.parse()?,
                kind,
                contract_size: multiplier.parse()?,
                price_step: "0.000000000000000001".parse()?,
                quantity_step: "0.000000000000000001".parse()?,
                minimum: Quantity::ZERO,
                base: base.parse()?,
                quote: quote.parse()?,
                settle: settle.parse()?,
                prices: if kind == ContractKind::Inverse { PriceSign::Positive } else { PriceSign::Any },
                mode: PositionMode::OneWay,
                money_scale: scale,
            };
            book.register(Instrument::new(spec)?)
        };
        let says = |wrong: posbook::Rejection| wrong.to_string();
        let held = instrument("held", case.instrument.kind).map_err(says)?;
        let in_kind = case.instrument.kind == ContractKind::Spot
            && case.steps.iter().filter_map(|step| step.fill.as_ref()).any(|fill| {
                fill.fee.is_some() && fill.fee_ccy.as_deref() == Some(case.instrument.base.as_str())
            });
        let traded =
            if in_kind { Some(instrument("traded", ContractKind::Linear).map_err(says)?) } else { None };
        let mut folding = Self { case, book, held, traded, folded: 0, charged: BTreeSet::new(), entry: None };
        if let Some(Start { signed_qty, avg_entry }) = &case.start {
            let (side, quantity) = match signed_qty.strip_prefix('-') {
                Some(quantity) => ("sell", quantity),
                None => ("buy", signed_qty.as_str()),
            };
            if !quantity.parse::<Quantity>().map_err(says)?.is_zero() {
                let (side, qty, price) = (side.to_owned(), quantity.to_owned(), avg_entry.clone());
                folding.fill(&Trade { side, qty, price, fee: None, fee_ccy: None })?;
            }
        }
        Ok(folding)
    }

    fn step(&mut self, n: usize, step: &Step) -> Result<Has, String> {
        let mut mark = None;
        match step {
            Step { fill: Some(fill), .. } => self.fill(fill)?,
            Step { mark: Some(price), .. } => {
                mark = Some(price.parse().map_err(|w: posbook::Rejection| w.to_string())?)
            }
            Step { funding: Some(amount), .. } => self.fund(n, amount)?,
            _ => return Ok(Has::Nothing { skipped: "nothing to fold: the step gives figures, no fill" }),
        }
        self.figures(mark)
    }

    fn fill(&mut self, step: &Trade) -> Result<(), String> {
        self.folded += 1;
        let says = |wrong: posbook::Rejection| wrong.to_string();
        let side = match step.side.as_str() {
            "buy" => OrderSide::Buy,
            "sell" => OrderSide::Sell,
            other => return Err(format!("a fill is a buy or a sell, not {other:?}")),
        };
        if step.fee.is_some() {
            self.charged.insert(step.fee_ccy.clone().unwrap_or_else(|| self.case.instrument.settle.clone()));
        }
        let trade = |id| -> Result<Fill, posbook::Rejection> {
            let name = self.folded.to_string().parse()?;
            let fill = Fill::trade(id, name, side, step.qty.parse()?, step.price.parse()?);
            match (&step.fee, &step.fee_ccy) {
                (Some(fee), Some(currency)) => fill.fee(fee, currency),
                (Some(fee), None) => fill.fee(fee, &self.case.instrument.settle),
                (None, _) => Ok(fill),
            }
        };
        for id in [Some(self.held), self.traded].into_iter().flatten() {
            let outcome = self.book.record(trade(id).map_err(says)?).map_err(says)?.outcome;
            if !matches!(outcome, FillOutcome::Booked { .. }) {
                return Err(format!("the fill was not booked: {outcome:?}"));
            }
        }
        Ok(())
    }

    /// The number of the step is the period.
    fn fund(&self, step: usize, amount: &str) -> Result<(), String> {
        let period = u64::try_from(step).unwrap_or(u64::MAX);
        let paid = Funding::new(self.held, period, amount, &self.case.instrument.settle);
        paid.and_then(|paid| self.book.fund(paid)).map(drop).map_err(|wrong| wrong.to_string())
    }

    fn figures(&mut self, mark: Option<Price>) -> Result<Has, String> {
        let view = self.book.snapshot();
        let ledger = view.key(self.held).map(|key| key.ledger.clone()).unwrap_or_default();
        let held = view.get(self.held);
        let signed = held.map_or(Decimal::ZERO, |open| match open.side {
            Side::Long => open.quantity.get(),
            Side::Short => -open.quantity.get(),
        });
        let open: Option<&Position> = self.traded.map_or(held, |traded| view.get(traded));
        self.entry = open.map(|open| {
            let kept =
                self.entry.take().filter(|(was, _)| was.id == open.id && open.quantity <= was.quantity);
            (open.clone(), kept.map_or_else(|| open.entry_price(), |(_, entry)| entry))
        });
        let unrealised = match (mark, held) {
            (None, _) => None,
            (Some(_), None) => Some(Decimal::ZERO),
            (Some(mark), Some(open)) => Some(open.unrealised(mark).map_err(|wrong| wrong.to_string())?),
        };
        let mut fees: BTreeMap<_, _> =
            self.charged.iter().map(|currency| (currency.clone(), text(Decimal::ZERO))).collect();
        fees.extend(ledger.fees.iter().map(|(currency, sum)| (currency.to_string(), text(sum))));
        Ok(Has::Figures {
            signed_qty: text(signed),
            avg_entry: self.entry.as_ref().map(|(_, entry)| text(*entry)),
            realized_gross_cum: self.traded.is_none().then(|| text(ledger.realised)),
            fees_cum: fees,
            unrealized: unrealised.map(text),
            funding_cum: text(ledger.funding.iter().map(|(_, sum)| sum).sum()),
        })
    }
}

/// The finest money scale at which the sums of the case still fit the 28 digits of a decimal: what is rounded then is beyond
/// every figure that anybody publishes.
fn scale(case: &Case) -> Result<u32, String> {
    let number = |text: &str| {
        Decimal::from_str_exact(text.trim_start_matches('-')).map_err(|wrong| format!("{text:?}: {wrong}"))
    };
    let size = number(&case.instrument.multiplier)?;
    let start = case.start.iter().map(|start| (&start.signed_qty, &start.avg_entry));
    let fills = case.steps.iter().filter_map(|step| step.fill.as_ref()).map(|fill| (&fill.qty, &fill.price));
    let mut sum = Decimal::ONE;
    for (quantity, price) in start.chain(fills) {
        let (contracts, price) = (number(quantity)?.checked_mul(size), number(price)?);
        let value = match case.instrument.kind {
            ContractKind::Inverse => contracts.and_then(|contracts| contracts.checked_div(price)),
            _ => contracts.and_then(|contracts| contracts.checked_mul(price)),
        };
        // A price of zero has no value; what does not fit is refused when it is booked.
        sum = value.and_then(|value| sum.checked_add(value)).unwrap_or(sum);
    }
    let before_the_point = u32::try_from(sum.trunc().to_string().len()).unwrap_or(28);
    Ok(27_u32.saturating_sub(before_the_point).clamp(8, 24))
}
