//! A driver on a timer of tokio: `cargo run --example reconcile_driver`.
//!
//! The driver has no timer of its own: tokio's wakes it here, and the bot asks for a run at once when it has a reason to. It has one:
//! somebody has traded by hand on the account.

use std::error::Error;
use std::time::Duration;

use posbook::reconcile::{Driver, Policy, Ways};
use posbook::venue::{PaperVenue, PositionManager, Venue};
use posbook::{Book, Instrument, Leg, OrderSide, Side};
use tokio::sync::mpsc;

const BTC: &str = "BTC/USDT:USDT";

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let venue = PaperVenue::builder().instruments(vec![Instrument::linear(BTC, "0.1", "0.001")?]).build();
    let manager = PositionManager::connect(Book::builder().build()?, venue.clone()).await?;
    let (book, btc) = (manager.book().clone(), manager.instrument(BTC)?);
    let market = |price: &str| -> Result<(), Box<dyn Error>> {
        venue.tick(&BTC.parse()?, price.parse()?, book.now())?;
        Ok(book.mark(btc, price.parse()?)?)
    };
    market("50000")?;
    manager.open_position(BTC, Side::Long, "1".parse()?, 10, "0.05".parse()?).await?;
    market("50000")?;

    // Everything that can be compared is; what differs in size is frozen, as by default.
    let policy = Policy { ways: Ways::thorough(), ..Policy::default() };
    let mut driver = Driver::new(manager.clone(), policy, Duration::from_millis(20));
    let (ask, mut asked) = mpsc::channel::<()>(1);
    let (tell, mut told) = mpsc::channel::<String>(8);
    let task = tokio::spawn(async move {
        loop {
            // Whichever comes first: it is due, or somebody asks.
            let done = tokio::select! {
                () = tokio::time::sleep(driver.due_in()) => match driver.tick().await {
                    Some(done) => done,
                    None => continue,
                },
                again = asked.recv() => match again {
                    Some(()) => driver.run().await,
                    None => break,
                },
            };
            let text = done.map_or_else(|failed| failed.to_string(), |done| done.to_string());
            if tell.send(text).await.is_err() {
                break;
            }
        }
    });

    println!("on the timer: {}", told.recv().await.ok_or("the driver is gone")?);
    println!("on the timer: {}", told.recv().await.ok_or("the driver is gone")?);
    venue.place_foreign(&BTC.parse()?, Leg::Net, OrderSide::Buy, "1".parse()?)?;
    market("51000")?;
    ask.send(()).await?;
    println!("asked, or on the timer: {}", told.recv().await.ok_or("the driver is gone")?);
    drop(ask);
    drop(told);
    task.await?;
    let open = book.snapshot().get(btc).cloned().ok_or("flat")?;
    println!("the book and {} have {} {} @ {}", venue.name(), open.side, open.quantity, open.entry_price());
    Ok(())
}
