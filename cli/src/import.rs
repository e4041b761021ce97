//! `posbook import`: what another program wrote, row by row, and what could not be read of it.

use std::path::{Path, PathBuf};

use posbook::interop::ccxt::{self, Markets, Position, Row, Source};
use posbook::{Leg, Side};
use serde::Serialize;

use crate::output::{self, Format};
use crate::{Failure, Verdict, input};

#[derive(Debug, clap::Args)]
pub struct Options {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Debug, clap::Subcommand)]
enum Kind {
    /// Read an array of ccxt's unified positions (`fetchPositions`, as JSON). Exit code 1: some row could not be read, so
    /// what is not listed may be open all the same.
    Ccxt(Ccxt),
}

#[derive(Debug, clap::Args)]
struct Ccxt {
    /// The array; `-` is standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Whose rows they are; named in problems.
    #[arg(long, value_name = "NAME")]
    exchange: Option<String>,
    /// ccxt's markets as JSON (an array, or the dictionary `exchange.markets`): their contract sizes win over the rows'.
    #[arg(long, value_name = "FILE")]
    markets: Option<PathBuf>,
    /// How rows are printed; json is one object a row.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
}

pub fn run(options: &Options) -> Result<Verdict, Failure> {
    let Kind::Ccxt(options) = &options.kind;
    let mut source = options.exchange.as_deref().map(Source::new).unwrap_or_default();
    if let Some(path) = &options.markets {
        let markets = Markets::read(&input::text(path)?).map_err(|wrong| unreadable(path, &wrong))?;
        source = source.with_markets(markets);
    }
    let text = input::text(&options.file)?;
    let read = ccxt::positions(&text, &source).map_err(|wrong| unreadable(&options.file, &wrong))?;
    let lines: Vec<Line> = read.rows().iter().enumerate().map(|(row, read)| Line::of(row, read)).collect();
    output::write(&match options.format {
        Format::Json => json(&lines)?,
        Format::Table => table(&lines),
    })?;
    Ok(if read.problems().next().is_none() { Verdict::Yes } else { Verdict::No })
}

fn unreadable(path: &Path, wrong: &ccxt::Unreadable) -> Failure {
    Failure::Input(format!("{}: {wrong}", path.display()))
}

/// One row as it is printed. Numbers are text with all their digits; what is not known is null.
#[derive(Debug, Serialize)]
struct Line {
    row: usize,
    kind: &'static str,
    symbol: Option<String>,
    leg: Option<Leg>,
    side: Option<Side>,
    contracts: Option<String>,
    contract_size: Option<String>,
    entry_price: Option<String>,
    problem: Option<String>,
}

impl Line {
    fn of(row: usize, read: &Row) -> Self {
        let empty = Self {
            row,
            kind: "problem",
            symbol: None,
            leg: None,
            side: None,
            contracts: None,
            contract_size: None,
            entry_price: None,
            problem: None,
        };
        match read {
            Row::Position(Position { symbol, leg, side, contracts, contract_size, entry_price, .. }) => {
                Self {
                    kind: "position",
                    symbol: Some(symbol.to_string()),
                    leg: Some(*leg),
                    side: Some(*side),
                    contracts: Some(contracts.to_string()),
                    contract_size: contract_size.map(|size| size.to_string()),
                    entry_price: entry_price.map(|price| price.to_string()),
                    ..empty
                }
            }
            Row::Flat(flat) => Self {
                kind: "flat",
                symbol: Some(flat.symbol.to_string()),
                leg: Some(flat.leg),
                contracts: Some("0".to_owned()),
                contract_size: flat.contract_size.map(|size| size.to_string()),
                ..empty
            },
            Row::Problem(problem) => {
                Self { symbol: problem.symbol.clone(), problem: Some(problem.to_string()), ..empty }
            }
        }
    }
}

fn json(lines: &[Line]) -> Result<String, Failure> {
    let mut text = String::new();
    for line in lines {
        let line = serde_json::to_string(line)
            .map_err(|wrong| Failure::Environment(format!("the result could not be written: {wrong}")))?;
        text.push_str(&line);
        text.push('\n');
    }
    Ok(text)
}

fn table(lines: &[Line]) -> String {
    let mut table =
        output::table(["row", "kind", "symbol", "leg", "side", "contracts", "size", "entry", "problem"]);
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    for line in lines {
        let side = line.side.map(|side| side.to_string()).unwrap_or_default();
        table.add_row([
            line.row.to_string(),
            line.kind.to_owned(),
            text(&line.symbol),
            line.leg.map(|leg| leg.to_string()).unwrap_or_default(),
            side,
            text(&line.contracts),
            text(&line.contract_size),
            text(&line.entry_price),
            text(&line.problem),
        ]);
    }
    let open = lines.iter().filter(|line| line.kind == "position").count();
    let problems = lines.iter().filter(|line| line.kind == "problem").count();
    let verdict = if problems == 0 { "complete" } else { "partial" };
    format!("{table}\n{} rows, {open} open, {problems} not readable: {verdict}\n", lines.len())
}
