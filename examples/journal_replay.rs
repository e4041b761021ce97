//! What a journal remembers: `cargo run --features analytics,journal --example journal_replay`.
//!
//! A bot trades and goes away. Afterwards its journal is read: what each life earned and why it ended, what it came to, and how
//! the book stood in between.

use std::error::Error;

use posbook::analytics::{Group, Keep, Performance, Period};
use posbook::journal::{History, Journal, JournalOptions};
use posbook::{Book, Command, Fill, Instrument, OrderSide, Sequence, Side};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::temp_dir().join(format!("posbook-journal-replay-{}", std::process::id()));
    trade(&folder)?;

    let history = History::open(&folder)?;
    let (first, last) = history.bounds()?;
    println!("the journal has changes {first} to {last}");

    let mut place = history.beginning()?;
    let mut performance = Performance::begin(&place.view(), Keep::default());
    let mut refused = None;
    history.go_on(&mut place, |publication| {
        refused = performance.follow_all(publication).err().or(refused.take());
    })?;
    if let Some(refused) = refused {
        return Err(refused.into());
    }

    for life in performance.lives().ended() {
        println!(
            "{} {}: in at {}, out at {}, earned {} {}; closed by {}{}",
            life.symbol,
            life.side,
            life.entry,
            life.exit,
            life.result(),
            life.settle,
            life.ending,
            if life.reason.is_empty() { String::new() } else { format!(" ({})", life.reason) }
        );
    }
    let account = performance.account(&Group::Book, &"USDT".parse()?).ok_or("nothing was booked")?;
    println!("together {}, at worst {} below the top", account.equity(), account.drawdown().worst());
    println!(
        "win rate {}, profit factor {}",
        account.results().win_rate(),
        account.results().profit_factor()
    );
    println!("Sharpe ratio by day {}", account.sharpe(Period::Day));

    let then = history.state_at(Sequence(last.0 / 2))?;
    println!("half way, at change {}, {} positions were open", then.sequence(), then.len());
    drop(history);
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Two lives: one is closed by hand, one by somebody else.
fn trade(folder: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let journal = Journal::open(folder, JournalOptions::default(), Book::builder())?;
    let book = journal.book();
    let btc = book.register(Instrument::linear("BTC/USDT:USDT", "0.1", "0.001")?)?;
    book.mark(btc, "50000".parse()?)?;

    let open = Command::open(btc, Side::Long, "1".parse()?).leverage(10).stop("0.05")?;
    let order = book.reserve(open)?.sent()?;
    let fill = Fill::trade(btc, "1".parse()?, OrderSide::Buy, "1".parse()?, "50000".parse()?);
    book.record(fill.order(order.client_id()).fee("20", "USDT")?)?;
    order.complete("1".parse()?)?;

    let order = book.reserve(Command::close(btc).because("target reached"))?.sent()?;
    let fill = Fill::trade(btc, "2".parse()?, OrderSide::Sell, "1".parse()?, "50400".parse()?);
    book.record(fill.order(order.client_id()).fee("20", "USDT")?)?;
    order.complete("1".parse()?)?;

    book.record(Fill::trade(btc, "3".parse()?, OrderSide::Sell, "2".parse()?, "50300".parse()?))?;
    book.record(Fill::trade(btc, "4".parse()?, OrderSide::Buy, "2".parse()?, "50350".parse()?))?;
    book.wait_durable(book.snapshot().sequence())?;
    journal.close()?;
    Ok(())
}
