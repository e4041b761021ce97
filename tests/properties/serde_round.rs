//! Every record that random streams produce comes back equal through JSON and through a format that does not describe
//! itself; hostile JSON is an answer, never a panic (I12).

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;

use posbook::{
    Cause, Change, Command, Currency, Effect, Excursion, Fill, GroupLimit, Instrument, InstrumentId,
    KeyState, Kind, Limits, Order, Owner, Position, PositionKey, Price, Publication, Quantity, Selection,
    Side, Sums, Symbol, Tags, Targets, Totals,
};
use proptest::prelude::*;
use serde::{Serialize, de::DeserializeOwned};

use crate::scale::{brief, runner};
use crate::stream::{World, ops, reached};

/// The value, through both formats.
fn through<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> T {
    let json = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value, "{json}");
    // Through a tree as well: what a database column or another tool hands over.
    let bytes = postcard::to_stdvec(value).unwrap();
    let back = postcard::from_bytes::<T>(&bytes).unwrap();
    assert_eq!(&back, value);
    back
}

#[test]
fn every_record_of_any_stream_round_trips_and_folds_to_the_same_book_i5() {
    let kinds = RefCell::new(BTreeSet::new());
    let outcome = runner(150).run(&(ops(60), any::<bool>()), |(ops, default_rule)| {
        let mut world = World::new(default_rule);
        for op in &ops {
            world.step(op);
        }
        let mut replica = world.book.replica();
        for publication in &world.published {
            for change in through::<Publication>(publication).iter() {
                kinds.borrow_mut().insert(reached(change));
                through::<Cause>(&change.cause);
                through::<Command>(&change.cause.command);
                through::<Effect>(&change.effect);
                assert_eq!(through::<Kind>(&change.kind()), change.kind());
                // Folding what came back gives the same book: nothing in a record is lost that the fold needs.
                replica.apply(&through::<Change>(change)).unwrap();
            }
        }
        let view = world.book.snapshot();
        assert_eq!(replica.digest(), view.digest(), "I5: restored from its records");
        through::<Totals>(view.totals());
        for key in view.keys() {
            through::<KeyState>(key);
            through::<PositionKey>(&key.key);
        }
        view.iter().for_each(|position| assert_eq!(&through::<Position>(position), position));
        view.orders().for_each(|order| assert_eq!(&through::<Order>(order), order));
        view.instruments()
            .for_each(|(_, instrument)| assert_eq!(&through::<Instrument>(instrument), instrument));
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
    let kinds = kinds.into_inner();
    assert!(brief() || kinds.len() >= 20, "the streams reach nearly every kind: {kinds:?}");
}

#[test]
fn limits_and_settings_round_trip_and_a_missing_field_has_its_documented_default() {
    through::<Limits>(&Limits::default());
    let shorts = Selection::everything()
        .side(Side::Short)
        .owner(Owner(3))
        .base("BTC".parse().unwrap())
        .settle("USDT".parse().unwrap())
        .keys([PositionKey::net(InstrumentId(2)), PositionKey::net(InstrumentId(1))])
        .tag("grid".parse().unwrap());
    let groups = vec![
        GroupLimit::new("shorts".parse().unwrap(), shorts).positions(2).notional("1000.50".parse().unwrap()),
        GroupLimit::new("all".parse().unwrap(), Selection::everything()).positions(0),
    ];
    through::<Limits>(&Limits { groups, ..Limits::default() });
    let text = r#"{"groups": [{"name": "g", "selection": {"tag": "grid"}, "notional": "10"}]}"#;
    let limits: Limits = serde_json::from_str(text).unwrap();
    let grid = Selection::everything().tag("grid".parse().unwrap());
    let grid = GroupLimit::new("g".parse().unwrap(), grid).notional(10.into());
    assert_eq!(limits, Limits { groups: vec![grid], ..Limits::default() });
    let limits: Limits = serde_json::from_str(r#"{"positions": 3, "key_notional": "1000.5"}"#).unwrap();
    assert_eq!(limits, Limits { positions: 3, key_notional: "1000.5".parse().unwrap(), ..Limits::default() });
}

/// Text that no public type may take, and that must not do more harm than an error.
fn refuses<T: DeserializeOwned + Debug>(json: &str) {
    if let Ok(value) = serde_json::from_str::<T>(json) {
        panic!("{:.80} became {value:?}", json);
    }
}

#[test]
fn hostile_json_is_refused_by_every_public_type_i12() {
    let deep = "[".repeat(200_000);
    let deep_object = r#"{"a":"#.repeat(200_000);
    let long = format!("\"{}\"", "9".repeat(10_000_000));
    let wrong = ["", "nul", "[1", "\"\\u12\"", "\"\\ud800\"", &deep, &deep_object, &long];
    for json in wrong {
        refuses::<Quantity>(json);
        refuses::<Price>(json);
        refuses::<Symbol>(json);
        refuses::<Currency>(json);
        refuses::<Instrument>(json);
        refuses::<Fill>(json);
        refuses::<Command>(json);
        refuses::<Change>(json);
        refuses::<KeyState>(json);
        refuses::<Limits>(json);
        refuses::<Sums>(json);
        refuses::<Position>(json);
    }
    // Numbers are text: a float has lost its digits already, and an exponent is not our grammar.
    for json in [
        "1",
        "1.5",
        "1e3",
        "-0.1",
        "\"1e3\"",
        "\"NaN\"",
        "\"+1\"",
        "\" 1\"",
        "null",
        "true",
        "[]",
        "{}",
        "[\"1\"]",
        "\"1_000\"",
    ] {
        refuses::<Quantity>(json);
        refuses::<Price>(json);
        refuses::<posbook::Leverage>(json);
        refuses::<posbook::Fraction>(json);
    }
    for json in [
        r#"{"key_notional": 1e3}"#,
        r#"{"key_notional": "1e3"}"#,
        r#"{"key_notional": 1.5}"#,
        r#"{"leverage": -1}"#,
        r#"{"leverage": 1.5}"#,
        r#"{"positions": "x"}"#,
        r#"{"groups": [{"selection": {}, "positions": 1}]}"#, // no name
        r#"{"groups": [{"name": "g", "positions": 1}]}"#,     // no rule: not the whole book by oversight
        r#"{"groups": [{"name": "g", "selection": {"tags": "grid"}, "positions": 1}]}"#, // no such rule
        r#"{"groups": [{"name": "g", "selection": {"tag": ""}, "positions": 1}]}"#,
        r#"{"groups": [{"name": "g", "selection": {}, "position": 1}]}"#,
        r#"{"groups": [{"name": "g", "selection": {}, "notional": 1.5}]}"#,
        r#"{"groups": [{"name": "g", "selection": {}, "notional": "1e3"}]}"#,
        r#"{"groups": [{"name": "", "selection": {}, "positions": 1}]}"#,
    ] {
        refuses::<Limits>(json);
    }
    assert_eq!(serde_json::from_str::<Quantity>("\"1\"").unwrap().to_string(), "1");
}

#[test]
fn a_hostile_field_inside_a_record_is_refused_and_the_error_is_short() {
    let fill = Fill::trade(
        posbook::InstrumentId(0),
        "t-1".parse().unwrap(),
        posbook::OrderSide::Buy,
        "1".parse().unwrap(),
        "50000".parse().unwrap(),
    );
    let json = serde_json::to_string(&fill).unwrap();
    assert_eq!(serde_json::from_str::<Fill>(&json).unwrap(), fill);
    let huge = "7".repeat(10_000_000);
    for (from, to) in [
        ("\"buy\"", "\"hold\"".to_owned()), // D28: an unknown side is nobody's sell
        ("\"buy\"", "\"BUY\"".to_owned()),
        ("\"buy\"", "null".to_owned()),
        ("\"50000\"", "50000.0".to_owned()),
        ("\"50000\"", "\"5e4\"".to_owned()),
        ("\"50000\"", format!("\"{huge}\"")),
        ("\"t-1\"", format!("\"{huge}\"")),
        ("\"t-1\"", "\"\"".to_owned()),
        ("\"t-1\"", "\"\\u202et-1\"".to_owned()),
        ("\"instrument\":0", "\"instrument\":-1".to_owned()),
        ("\"instrument\":0", "\"instrument\":4294967296".to_owned()),
        ("\"instrument\":0", "\"instrument\":0,\"instrument\":1".to_owned()), // a duplicate key
    ] {
        let wrong = json.replacen(from, &to, 1);
        assert_ne!(wrong, json, "{from} stands in {json}");
        let error = serde_json::from_str::<Fill>(&wrong).unwrap_err().to_string();
        assert!(error.len() < 500, "{error:.200}");
    }
    let noted = r#"{"favourable":"3","adverse":"-2"}"#;
    through::<Excursion>(&serde_json::from_str(noted).unwrap());
    for (from, to) in [
        ("\"3\"", "\"-3\""), // a life begins at zero
        ("\"-2\"", "\"2\""),
        ("\"3\"", "3"),
        ("\"3\"", "\"3e1\""),
        (",\"adverse\":\"-2\"", ""),
    ] {
        let wrong = noted.replacen(from, to, 1);
        assert_ne!(wrong, noted);
        refuses::<Excursion>(&wrong);
    }
    through::<Tags>(&Tags::none());
    let tags = serde_json::from_str::<Tags>(r#"["trend","grid","grid"]"#).unwrap();
    assert_eq!((through::<Tags>(&tags).to_string(), tags.len()), ("grid, trend".to_owned(), 2));
    for wrong in
        [r#"["1","2","3","4","5","6","7","8","9"]"#, r#"[""]"#, r#"["a "]"#, r#"[1]"#, r#""grid""#, "null"]
    {
        refuses::<Tags>(wrong);
    }
    refuses::<Targets>(r#"{"stop":"1","take":"2","stop":"3"}"#);
    refuses::<Sums>(r#"[["USDT", 1.5]]"#);
    refuses::<Sums>(r#"[["USDT", "1e5"]]"#);
}

#[test]
fn sums_come_back_sorted_without_zeros_and_once_a_currency() {
    // What another program wrote must not make a second sum of one currency, or one that a lookup misses.
    for json in [r#"[["USDT","1"],["BNB","2"]]"#, r#"[["USDT","1"],["USDT","2"]]"#, r#"[["USDT","0"]]"#] {
        if let Ok(mut sums) = serde_json::from_str::<Sums>(json) {
            let names: Vec<_> = sums.iter().map(|(currency, _)| currency.to_string()).collect();
            let mut sorted = names.clone();
            sorted.sort();
            sorted.dedup();
            assert_eq!(names, sorted, "{json}");
            assert!(sums.iter().all(|(_, sum)| !sum.is_zero()), "{json}");
            sums.add(&"BNB".parse().unwrap(), posbook::Decimal::ONE).unwrap();
        }
    }
}

#[test]
fn no_bytes_make_the_binary_reader_panic() {
    let outcome = runner(2_000).run(&prop::collection::vec(any::<u8>(), 0..200), |bytes| {
        let _ = postcard::from_bytes::<Change>(&bytes);
        let _ = postcard::from_bytes::<Command>(&bytes);
        let _ = postcard::from_bytes::<Publication>(&bytes);
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
}

#[test]
fn a_record_damaged_in_one_byte_is_an_error_or_another_record_never_a_panic() {
    let mut world = World::new(true);
    let op = crate::stream::Op::Open { key: 0, long: true, quantity: 0, rule: 0, price: 5, send: true };
    world.step(&op);
    let publication = world.published.last().unwrap().clone();
    let json = serde_json::to_vec(&publication).unwrap();
    for place in 0..json.len() {
        for byte in [b'"', b'{', b'0', b'-', b',', 0xff] {
            let mut damaged = json.clone();
            damaged[place] = byte;
            let _ = serde_json::from_slice::<Publication>(&damaged);
        }
    }
}
