//! A bot on tokio whose order times out after it left: `cargo run --example tokio_bot`.
//!
//! Three tasks share one book. One prints the change feed, one books the venue's fills, and the bot itself opens a
//! position and loses patience. Dropping the order's future does not undo the order, so its key is *in doubt* until
//! the venue says what became of that order.

use std::error::Error;
use std::pin::Pin;
use std::time::Duration;

use futures_core::Stream;
use posbook::venue::{PaperVenue, PositionManager};
use posbook::{Book, ChangeStream, Instrument, Sequence, Side};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{interval, timeout};

const BTC: &str = "BTC/USDT:USDT";
const TICK: Duration = Duration::from_millis(2);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    // An order is on its way for 50 ms of market time.
    let slow = Duration::from_millis(50);
    let venue = PaperVenue::builder()
        .latency(slow..slow)
        .instruments(vec![Instrument::linear(BTC, "0.1", "0.001")?])
        .build();
    let book = Book::builder().build()?;
    let (shown, printer) = print_changes(book.change_stream());
    let manager = PositionManager::connect(book.clone(), venue.clone()).await?;
    let fills = pull_fills(manager.clone());
    let all_shown = async |shown: &mut watch::Receiver<Sequence>| {
        let newest = book.snapshot().sequence();
        shown.wait_for(|last| *last >= newest).await.map(drop)
    };
    let mut shown = shown;

    let (btc, now) = (manager.instrument(BTC)?, book.now());
    venue.tick(&BTC.parse()?, "50000".parse()?, now)?;
    book.mark(btc, "50000".parse()?)?;

    // The market stands still, so no answer comes in time.
    let order = manager.open_position(BTC, Side::Long, "1".parse()?, 10, "0.05".parse()?);
    let late = timeout(TICK, order).await.is_err();
    all_shown(&mut shown).await?;
    println!("the order timed out: {late}; orders in doubt: {}", book.snapshot().totals().in_doubt);

    // A retry would be a second order. The book refuses it while nobody knows about the first.
    let retry = manager.open_position(BTC, Side::Long, "1".parse()?, 10, "0.05".parse()?).await;
    println!("a retry: {}", retry.err().ok_or("a second order left")?);

    // The first order was on its way all the time. It arrives and executes; the other task books its fill, and the
    // pass asks the venue about the order.
    println!("the market moves on");
    venue.tick(&BTC.parse()?, "50100".parse()?, now.plus(slow))?;
    let mut pass = interval(TICK);
    while book.snapshot().totals().orders > 0 {
        pass.tick().await;
        manager.update_positions().await.faults.into_iter().try_for_each(Err)?;
    }
    all_shown(&mut shown).await?;

    let view = book.snapshot();
    let position = view.get(btc).ok_or("flat")?;
    println!("the position: {} {} @ {}", position.side, position.quantity, position.entry_price());
    println!("orders in doubt: {}; orders at the venue: {}", view.totals().in_doubt, venue.stats().orders);

    // The feed ends when the last handle that can write is gone.
    fills.abort();
    let _aborted = fills.await;
    drop((manager, book));
    printer.await?;
    Ok(())
}

/// Books what the venue reports, from a task of its own.
fn pull_fills(manager: PositionManager<PaperVenue>) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut every = interval(TICK);
        loop {
            every.tick().await;
            if let Err(fault) = manager.pull_fills().await {
                println!("no fills: {fault}"); // asked again on the next tick
            }
        }
    })
}

/// Prints every change, in order, and says how far it is.
fn print_changes(mut changes: ChangeStream) -> (watch::Receiver<Sequence>, JoinHandle<()>) {
    let (done, shown) = watch::channel(Sequence(0));
    let printer = tokio::spawn(async move {
        while let Some(next) = std::future::poll_fn(|context| Pin::new(&mut changes).poll_next(context)).await
        {
            match next {
                Ok(publication) => {
                    for change in publication.iter() {
                        println!(
                            "  #{:<3} {:<10} {}",
                            change.sequence.0,
                            change.kind(),
                            change.cause.command.reason()
                        );
                    }
                    done.send_replace(publication.last());
                }
                Err(lagged) => println!("  {lagged}"),
            }
        }
        println!("the feed ended");
    });
    (shown, printer)
}
