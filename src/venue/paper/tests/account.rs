//! What the venue says of the account: reports, averages, listings.

use super::*;

#[test]
fn scripted_reports_come_first_and_scopes_are_kept() {
    let venue = builder().build();
    tick(&venue, BTC, "50000", 1);
    tick(&venue, ETH, "2000", 1);
    venue.place_foreign(&sym(BTC), Leg::Net, OrderSide::Buy, qty("1")).unwrap();
    venue.place_foreign(&sym(ETH), Leg::Long, OrderSide::Buy, qty("1")).unwrap();
    let old = VenueReport {
        scope: Scope::All,
        completeness: Completeness::Complete,
        venue_time: None,
        rows: vec![],
    };
    venue.script_report(VenueReport::failed(Scope::All, "503"));
    venue.script_report(old.clone());
    assert_eq!(block_on(venue.positions(Scope::All)), VenueReport::failed(Scope::All, "503"));
    assert_eq!(block_on(venue.positions(Scope::All)), old);
    let only = block_on(venue.positions(Scope::Only(vec![sym(ETH)])));
    assert_eq!(only.rows.iter().map(|r| r.symbol.as_str()).collect::<Vec<_>>(), [ETH]);
}

#[test]
fn leverage_and_the_average_entry_are_reported() {
    let venue = builder().build();
    tick(&venue, BTC, "50000", 1);
    send(
        &venue,
        OrderRequest { leverage: Some(crate::model::Leverage::of(10)), ..order(1, OrderSide::Buy, "1") },
    );
    tick(&venue, BTC, "50001", 2);
    send(&venue, order(2, OrderSide::Buy, "2"));
    let row = &report(&venue)[0];
    assert_eq!(
        (row.entry.to_string(), row.leverage),
        ("50000.66666666667".into(), Some(crate::model::Leverage::of(10)))
    );
}

#[test]
fn contract_terms_of_a_listed_symbol_stand() {
    let venue = builder().build();
    let spec = InstrumentSpec::linear(BTC, "0.1", "0.001").unwrap();
    let other = InstrumentSpec { contract_size: qty("10"), ..spec.clone() };
    assert!(venue.list(Instrument::new(other).unwrap()).is_err());
    venue.list(Instrument::new(InstrumentSpec { minimum: qty("1"), ..spec }).unwrap()).unwrap();
    let listed = block_on(venue.instruments()).unwrap();
    assert_eq!(listed.iter().map(|i| i.symbol().as_str()).collect::<Vec<_>>(), [BTC, ETH]);
    assert_eq!(listed[0].minimum(), qty("1"));
}
