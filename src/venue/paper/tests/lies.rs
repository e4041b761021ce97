//! Faults of what the venue says, and does to the account: reports, states, bursts, liquidations.

use super::*;

/// Long 1, then 3 a second later, then flat another second later; now is ten milliseconds after that.
fn moved(venue: &PaperVenue) {
    tick(venue, BTC, "50000", 10_000);
    venue.place_foreign(&sym(BTC), Leg::Net, OrderSide::Buy, qty("1")).unwrap();
    tick(venue, BTC, "51000", 11_000);
    venue.place_foreign(&sym(BTC), Leg::Net, OrderSide::Buy, qty("2")).unwrap();
    tick(venue, BTC, "51000", 12_000);
    venue.place_foreign(&sym(BTC), Leg::Net, OrderSide::Sell, qty("3")).unwrap();
    tick(venue, BTC, "51000", 12_010);
}

fn ask(venue: &PaperVenue) -> VenueReport {
    block_on(venue.positions(Scope::All))
}

#[test]
fn a_failed_report_has_no_rows_and_no_time() {
    let venue = certain(Fault::FailedReport);
    venue.place_foreign(&sym(BTC), Leg::Net, OrderSide::Buy, qty("1")).unwrap();
    assert_eq!(ask(&venue), VenueReport::failed(Scope::All, "503 service unavailable"));
    venue.finish();
    assert_eq!(report(&venue).len(), 1);
    assert_eq!(venue.stats().faults, [(Fault::FailedReport, 1)].into_iter().collect());
}

#[test]
fn a_partial_report_leaves_a_row_out_and_says_so() {
    let venue = certain(Fault::PartialReport);
    assert_eq!(ask(&venue).completeness, Completeness::Complete, "there is no row to leave out");
    tick(&venue, ETH, "2000", 2);
    venue.place_foreign(&sym(BTC), Leg::Net, OrderSide::Buy, qty("1")).unwrap();
    venue.place_foreign(&sym(ETH), Leg::Long, OrderSide::Buy, qty("1")).unwrap();
    let mut seen = Vec::new();
    for _ in 0..20 {
        let report = ask(&venue);
        assert_eq!((report.rows.len(), report.venue_time), (1, Some(venue.now())));
        assert!(matches!(report.completeness, Completeness::Partial(_)));
        seen.push(report.rows[0].symbol.clone());
    }
    assert!(seen.contains(&sym(BTC)) && seen.contains(&sym(ETH)));
    assert_eq!(venue.stats().faults, [(Fault::PartialReport, 20)].into_iter().collect());
}

#[test]
fn a_stale_report_is_the_truth_of_its_own_time() {
    let venue = certain(Fault::StaleReport);
    moved(&venue);
    let mut seen = [0; 4];
    for _ in 0..200 {
        let report = ask(&venue);
        assert_eq!(report.completeness, Completeness::Complete);
        let time = report.venue_time.unwrap().0 / 1_000_000;
        assert!((9_009..=12_009).contains(&time), "{time}");
        let row = report.rows.first().map(|row| (row.quantity.to_string(), row.entry.to_string()));
        let (case, expected) = match time {
            ..10_000 => (0, None),
            10_000..11_000 => (1, Some(("1", "50000"))),
            11_000..12_000 => (2, Some(("3", "50666.66666666667"))),
            _ => (3, None),
        };
        assert_eq!(row, expected.map(|(quantity, entry)| (quantity.to_owned(), entry.to_owned())));
        seen[case] += 1;
    }
    assert!(seen[..3].iter().all(|count| *count > 30), "{seen:?}");
    assert_eq!(venue.stats().faults, [(Fault::StaleReport, 200)].into_iter().collect());
}

#[test]
fn an_untimed_report_is_true_and_never_stale() {
    let faults = only(Fault::UntimedReport).set("stale-report", "0.5".parse().unwrap()).unwrap();
    let venue = builder().faults(faults).build();
    moved(&venue);
    let (mut untimed, mut stale) = (0, 0);
    for _ in 0..100 {
        let report = ask(&venue);
        if report.venue_time.is_none() {
            assert!(report.rows.is_empty(), "flat, which is the truth");
            untimed += 1;
        } else {
            stale += 1;
        }
    }
    assert!(untimed > 30 && stale > 30);
    let counts = [(Fault::UntimedReport, untimed), (Fault::StaleReport, stale)];
    assert_eq!(venue.stats().faults, counts.into_iter().collect());
}

#[test]
fn a_stale_status_is_one_that_the_order_had() {
    let faults = only(Fault::StaleStatus);
    let venue = builder().latency(ms(100)..ms(100)).faults(faults).build();
    tick(&venue, BTC, "50000", 1_000);
    drop(venue.submit(order(1, OrderSide::Buy, "1")));
    assert_eq!(status(&venue, 1), OrderStatus::Unknown, "it is not older than this instant");
    tick(&venue, BTC, "50000", 1_100);
    tick(&venue, BTC, "50000", 1_300);
    let asked: Vec<_> = (0..200).map(|_| status(&venue, 1)).collect();
    let working = OrderStatus::Working { filled: Quantity::ZERO };
    for (state, share) in [(OrderStatus::Unknown, 80), (working, 40), (is("1", Outcome::Filled), 80)] {
        let told = asked.iter().filter(|told| **told == state).count();
        assert!((share - 25..share + 25).contains(&told), "{state:?}: {told} of 200");
    }
    let lies = asked.iter().filter(|told| **told != is("1", Outcome::Filled)).count() as u64;
    assert_eq!(venue.stats().faults, [(Fault::StaleStatus, lies + 1)].into_iter().collect());
    tick(&venue, BTC, "50000", 1_600);
    assert!((0..100).all(|_| status(&venue, 1) == is("1", Outcome::Filled)), "half a second is over");
}

#[test]
fn in_a_burst_nothing_can_be_asked_and_orders_are_refused() {
    let venue = certain(Fault::RateLimit);
    let (mut limited, mut free, mut n) = (0_u64, 0_u64, 10);
    for time in 0..1_000 {
        tick(&venue, BTC, "50000", 5_000 + time * 20);
        n += 1;
        let failed = VenueReport::failed(Scope::All, "429 too many requests");
        let refused = block_on(venue.submit(order(n, OrderSide::Buy, "1"))).unwrap();
        let answers = [
            block_on(venue.order(id(1))).is_err(),
            block_on(venue.fills_since(FillCursor::default())).is_err(),
            block_on(venue.cancel(id(1))).is_err(),
            ask(&venue) == failed,
            rejected(&refused.status, "rate limited"),
        ];
        assert!(answers.iter().all(|limited| *limited == answers[0]), "{answers:?}");
        if answers[0] {
            limited += 1;
        } else {
            free += 1;
        }
    }
    assert!(limited > 500 && free > 50, "{limited} limited, {free} free");
    let stats = venue.stats();
    assert_eq!((stats.faults[&Fault::RateLimit], stats.rejected), (limited * 5, limited));
    venue.finish();
    assert_eq!(all_fills(&venue).len() as u64, free);
    assert!(rejected(&status(&venue, 11), "rate limited") || status(&venue, 11) == is("1", Outcome::Filled));
}

#[test]
fn a_liquidation_closes_all_or_half_of_a_leg_once_a_second_at_most() {
    let venue = certain(Fault::Liquidation);
    let (mut halves, mut wholes) = (0, 0);
    for second in 1..200 {
        venue.place_foreign(&sym(BTC), Leg::Net, OrderSide::Sell, qty("0.005")).unwrap();
        let open = report(&venue)[0].quantity;
        tick(&venue, BTC, "50000", second * 1_000);
        tick(&venue, BTC, "50000", second * 1_000 + 500);
        let VenueFill { fill, .. } = all_fills(&venue).pop().unwrap();
        assert_eq!(fill.order, OrderRef::Foreign(format!("liquidation-{second}").parse().unwrap()));
        assert_eq!(
            (fill.side, fill.venue_time),
            (OrderSide::Buy, Some(Timestamp::from_millis(second * 1_000)))
        );
        let left = report(&venue).first().map_or(Quantity::ZERO, |row| row.quantity);
        assert_eq!(fill.quantity.get() + left.get(), open.get());
        if left.is_zero() {
            wholes += 1;
        } else {
            // On the step of 0.001, so the greater half may stay.
            assert!((open.get() / Decimal::TWO - fill.quantity.get()) < d("0.001"));
            assert!((fill.quantity.get() % d("0.001")).is_zero());
            halves += 1;
        }
    }
    assert!(halves > 60 && wholes > 60, "{halves} {wholes}");
    assert_eq!(venue.ledger()[0].owner, Owner::UNOWNED);
    assert_eq!((venue.stats().foreign, venue.stats().faults[&Fault::Liquidation]), (199, 199));
    venue.finish();
    venue.place_foreign(&sym(BTC), Leg::Net, OrderSide::Sell, qty("1")).unwrap();
    let fills = venue.stats().fills;
    tick(&venue, BTC, "50000", 900_000);
    assert_eq!(venue.stats().fills, fills, "none after the end");
}

#[test]
fn unknown_names_and_rates_beyond_one_are_refused() {
    let wrong = Faults::off().set("slow", one()).unwrap_err().to_string();
    assert!(Faults::names().iter().all(|name| wrong.contains(name)) && wrong.contains("slow"), "{wrong}");
    for rate in ["1.000001", "0.0000001"] {
        let wrong = Faults::off().set("lost-answer", rate.parse().unwrap()).unwrap_err().to_string();
        assert!(wrong.contains(rate), "{wrong}");
    }
    assert!(Fault::ALL.iter().all(|fault| !Faults::hostile().rate(*fault).is_zero()));
    assert!(Faults::hostile().any() && Faults::normal().any() && !Faults::off().any());
    assert_eq!(
        Faults::normal().set("lost-order", "0.000001".parse().unwrap()).unwrap().rate(Fault::LostOrder),
        d("0.000001")
    );
    assert_eq!(Fault::ALL.map(|fault| fault.name().parse::<Fault>().unwrap()), Fault::ALL);
}
