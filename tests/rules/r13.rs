//! R13: limits count what is in flight. Without it: a strategy reserves a close and at once opens elsewhere with the
//! room it expects, the venue refuses the close, and the account stands at twice its limit.

use posbook::{Book, Command, Decimal, Limits, OrderSide, Reason, Side};

use crate::help::{Alone, TRAVEL, alone_with, both, desk_of, trade};
use crate::stage::{BTC, ETH, p, q};

fn limited(key: u32, book: u32) -> Alone {
    let limits = Limits { key_notional: key.into(), book_notional: book.into(), ..Limits::default() };
    alone_with(Book::builder().limits(limits))
}

fn limit(refused: &posbook::Rejection) -> (&'static str, Decimal) {
    match refused.reason() {
        Reason::Limit { which, value, .. } => (*which, *value),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn a_close_that_is_refused_has_freed_no_room() {
    let listed = [BTC, ETH].map(|symbol| posbook::InstrumentSpec::linear(symbol, "0.1", "0.001").unwrap());
    let limits = Limits { book_notional: Decimal::from(50_000), ..Limits::default() };
    let desk = desk_of(listed.to_vec(), TRAVEL, Book::builder().limits(limits));
    desk.price(BTC, "50000");
    desk.price(ETH, "3000");
    desk.open(BTC, Side::Long, "1");
    let closing = desk.manager.close_position(BTC, "rotate").await.unwrap();
    // The room is not there before the close fills.
    let eth = || Command::open(desk.id(ETH), Side::Long, q("16"));
    let refused = desk.book().reserve(eth()).unwrap_err();
    assert_eq!(limit(&refused), ("notional of the book", Decimal::from(98_000)));
    // It never fills: the venue cancels it.
    use posbook::venue::Venue;
    desk.venue.cancel(closing.client_id).await.unwrap();
    desk.manager.resolve_orders().await.unwrap();
    assert_eq!(desk.both(BTC), both("long 1", "1"));
    assert!(desk.book().check(eth()).is_err());
    assert_eq!(desk.both(ETH), both("flat", "0"));
    // Filled, it has freed it.
    desk.arrive();
    desk.arrive();
    assert_eq!(desk.both(BTC), both("flat", "0"));
    desk.open(ETH, Side::Long, "16");
    assert_eq!(desk.both(ETH), both("long 16", "16"));
}

#[test]
fn a_position_counts_at_the_greater_of_its_cost_and_its_value_now() {
    // Bought at 50,000.
    let alone = limited(120_000, 1_000_000);
    alone.long(alone.btc, "1");
    let more = |price| alone.book.check(Command::scale_in(alone.btc, q("1")).at(p(price)));
    // Dearer: at its value, 2 x 60,000 fits and 2 x 60,001 does not.
    assert!(more("60000").is_ok());
    assert_eq!(limit(&more("60001").unwrap_err()), ("notional of one key", Decimal::from(120_002)));
    // Cheaper: at its cost; a fall makes no room.
    let cheap = |quantity| alone.book.check(Command::scale_in(alone.btc, q(quantity)).at(p("10000")));
    assert!(cheap("7").is_ok());
    assert_eq!(limit(&cheap("7.001").unwrap_err()).1, "120010".parse().unwrap());
}

#[test]
fn increases_in_flight_count_at_their_own_prices_until_they_are_over() {
    let alone = limited(100_000, 1_000_000);
    let order = alone.sent_open(alone.btc, "1");
    let id = order.client_id();
    alone.record(trade(alone.btc, "1", OrderSide::Buy, "0.5", "50000").order(id));
    // 25,000 booked and 25,000 in flight; in doubt counts in full.
    for doubt in [false, true] {
        if doubt {
            drop(alone.book.reattach(id).unwrap());
            assert!(matches!(alone.refused(alone.btc), Reason::InDoubt { .. }));
            order_counts(&alone, "25000");
        } else {
            order_counts(&alone, "25000");
            let scale = |quantity| alone.book.check(Command::scale_in(alone.btc, q(quantity)).at(p("50000")));
            assert!(scale("1").is_ok());
            assert_eq!(limit(&scale("1.001").unwrap_err()).0, "notional of one key");
        }
    }
    // Cancelled where it stands: its rest is free again.
    alone.book.reattach(id).unwrap().refused(q("0.5"), "cancelled").unwrap();
    order_counts(&alone, "0");
    assert!(alone.book.check(Command::scale_in(alone.btc, q("1.5")).at(p("50000"))).is_ok());
    drop(order);
}

fn order_counts(alone: &Alone, in_flight: &str) {
    let money = alone.book.snapshot().totals().money(&"USDT".parse().unwrap());
    assert_eq!(money.in_flight, in_flight.parse().unwrap());
}

#[test]
fn what_is_in_doubt_holds_the_room_of_the_whole_book() {
    let alone = limited(1_000_000, 60_000);
    drop(alone.sent_open(alone.btc, "1"));
    let eth = |quantity| alone.book.check(Command::open(alone.eth, Side::Long, q(quantity)).at(p("1000")));
    assert!(eth("10").is_ok());
    assert_eq!(limit(&eth("10.001").unwrap_err()), ("notional of the book", "60001".parse().unwrap()));
}

#[test]
fn the_second_command_of_a_batch_sees_the_first() {
    let alone = limited(1_000_000, 60_000);
    let open = |id, quantity: &str| Command::from(Command::open(id, Side::Long, q(quantity)).at(p("1000")));
    let before = alone.book.snapshot().digest();
    let refused = alone.book.submit([open(alone.btc, "30"), open(alone.eth, "31")]).unwrap_err();
    assert_eq!(limit(&refused), ("notional of the book", Decimal::from(61_000)));
    assert_eq!(refused.command(), Some(&open(alone.eth, "31")));
    assert_eq!(alone.book.snapshot().digest(), before);
    let batch = alone.book.submit([open(alone.btc, "30"), open(alone.eth, "30")]).unwrap();
    order_counts(&alone, "60000");
    // A close in the same batch frees nothing either.
    drop(batch);
    order_counts(&alone, "0");
    alone.long(alone.btc, "1");
    let rotate = [Command::from(Command::close(alone.btc)), open(alone.eth, "20")];
    assert_eq!(limit(&alone.book.submit(rotate).unwrap_err()).1, Decimal::from(70_000));
}

#[test]
fn threads_that_scale_one_key_in_never_exceed_its_limit_together() {
    let alone = limited(100_000, 1_000_000);
    alone.long(alone.btc, "1");
    let start = std::sync::Barrier::new(4);
    let taken: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    let claims = (0..30).map(|_| {
                        let wish = Command::scale_in(alone.btc, q("0.1")).at(p("50000"));
                        alone.book.reserve(wish).and_then(posbook::Reservation::sent)
                    });
                    claims.filter_map(Result::ok).map(posbook::Sent::detach).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    // 50,000 stand; ten parts of 5,000 fit.
    assert_eq!((taken, alone.book.reservations().len()), (10, 10));
    order_counts(&alone, "50000");
}

#[test]
fn reductions_are_never_limited() {
    let alone = limited(50_000, 50_000);
    alone.long(alone.btc, "1");
    // Far above every limit by now.
    alone.book.mark(alone.btc, p("90000")).unwrap();
    assert!(matches!(alone.refused(alone.btc), Reason::Limit { .. }));
    drop(alone.book.reserve(Command::scale_out(alone.btc, q("0.5"))).unwrap());
    drop(alone.book.reserve(Command::close(alone.btc)).unwrap());
}
