//! Input that nobody means well with: bounded, typed, and no row of it spoils another.

use posbook::interop::ccxt::{self, Row, Source, Unreadable};
use proptest::prelude::*;

use crate::{fixed_point, problem, rows};

const GOOD: &str = r#"{"symbol":"A/B:B","side":"long","contracts":1,"entryPrice":5}"#;

/// A bad row between two good ones is a problem, and they are read.
fn beside_good(bad: &str) -> String {
    let text = format!(r#"[{GOOD},{bad},{}]"#, GOOD.replace("A/B:B", "C/B:B"));
    let read = rows(&text);
    let [Row::Position(_), Row::Problem(problem), Row::Position(_)] = read.as_slice() else {
        panic!("{} rows: {:.300}", read.len(), format!("{read:?}"))
    };
    let said = problem.to_string();
    assert!(said.len() < 400, "{} bytes", said.len());
    said
}

#[test]
fn ten_megabytes_of_text_are_one_short_problem() {
    let long = "x".repeat(10 << 20);
    for row in [
        format!(r#"{{"symbol":"{long}","side":"long","contracts":1}}"#),
        format!(r#"{{"symbol":"D/B:B","side":"{long}","contracts":1}}"#),
        format!(r#"{{"symbol":"D/B:B","side":"long","contracts":"{long}"}}"#),
        format!(r#"{{"symbol":"D/B:B","side":"long","contracts":{}}}"#, "9".repeat(10 << 20)),
        format!(r#"{{"symbol":"D/B:B","side":"long","contracts":null,"info":{{"szi":"{long}"}}}}"#),
        format!(r#""{long}""#),
        format!(r#"{{"{long}":1,"{long}":2}}"#),
    ] {
        beside_good(&row);
    }
    // Where nobody needs it, it does no harm.
    let unread = format!(
        r#"[{{"symbol":"A/B:B","side":"long","contracts":1,"note":"{long}","info":{{"{long}":1}}}}]"#
    );
    assert!(matches!(rows(&unread).as_slice(), [Row::Position(_)]));
}

#[test]
fn nesting_has_no_end_and_does_no_harm() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(200_000), close.repeat(200_000));
    for value in [deep("[", "]"), deep(r#"{"position":"#, "}"), deep(r#"{"data":["#, "]}")] {
        let info = format!(r#"[{{"symbol":"A/B:B","side":"long","contracts":1,"info":{value}}}]"#);
        assert!(matches!(rows(&info).as_slice(), [Row::Position(_)]));
        beside_good(&value);
        beside_good(&format!(r#"{{"symbol":"D/B:B","side":"long","contracts":{value}}}"#));
    }
}

#[test]
fn a_name_that_stands_twice_is_a_problem_of_its_row() {
    let twice = r#"{"symbol":"D/B:B","side":"long","contracts":1,"contracts":2}"#;
    assert_eq!(beside_good(twice), "venue: contracts: stands there twice");
    let inside = r#"{"symbol":"D/B:B","contracts":null,"info":{"position":{"szi":"1","szi":"-1"}}}"#;
    assert_eq!(beside_good(inside), "venue D/B:B: info.position.szi: stands there twice");
    let escaped = r#"{"symbol":"D/B:B","side":"long","contracts":1,"contr\u0061cts":2}"#;
    assert_eq!(beside_good(escaped), "venue: contracts: stands there twice");
}

#[test]
fn wrong_kinds_of_values_are_named() {
    for (row, wrong) in [
        ("null", "venue: row: is not an object"),
        ("[]", "venue: row: is not an object"),
        (
            r#"{"symbol":{"a":1},"contracts":1}"#,
            r#"venue: symbol: "an object" is no text of at most 512 bytes"#,
        ),
        (
            r#"{"symbol":"D/B:B","side":7,"contracts":1}"#,
            r#"venue D/B:B: side: "7" is none of the words that are known here"#,
        ),
        (
            r#"{"symbol":"D/B:B","side":"long","contracts":true}"#,
            r#"venue D/B:B: contracts: "true" is not a number"#,
        ),
        (
            r#"{"symbol":"D/B:B","side":"long","contracts":"NaN"}"#,
            r#"venue D/B:B: contracts: "NaN" is not a number"#,
        ),
        (
            r#"{"symbol":"D/B:B","side":"long","contracts":1e400}"#,
            r#"venue D/B:B: contracts: "1e400" is not a number"#,
        ),
        (
            r#"{"symbol":"D/B:B","side":"long","contracts":1e-300}"#,
            r#"venue D/B:B: contracts: "1e-300" is not a number"#,
        ),
        (
            r#"{"symbol":"D/B:B","side":"long","contracts":"1_000"}"#,
            r#"venue D/B:B: contracts: "1_000" is not a number"#,
        ),
        (
            r#"{"symbol":"D/B:B","side":"long","contracts":1,"entryPrice":[]}"#,
            r#"venue D/B:B: entryPrice: "an array" is not a number"#,
        ),
        (
            r#"{"symbol":"D/B:B","side":"long","contracts":1,"contractSize":"lot"}"#,
            r#"venue D/B:B: contractSize: "lot" is not a number"#,
        ),
        (
            r#"{"symbol":"D/B:B","contracts":0,"info":{"size":"5"}}"#,
            "venue D/B:B: contracts: says 0, but info.size says 5",
        ),
        (
            r#"{"symbol":"D/B:B","contracts":5,"side":"long","info":{"szi":"0"}}"#,
            "venue D/B:B: contracts: says 5, but info.szi says 0",
        ),
        (
            r#"{"symbol":"D/B:B","side":"\ud800","contracts":1}"#,
            r#"venue D/B:B: side: "a long or broken text" is no text of at most 512 bytes"#,
        ),
    ] {
        assert_eq!(beside_good(row), wrong, "{row}");
    }
    assert!(problem(r#"[{"symbol":"\u202eX","side":"long","contracts":1}]"#).contains("bidirectional"));
}

#[test]
fn what_is_no_array_is_refused_with_its_place() {
    let refused = |text: &str| ccxt::positions(text, &Source::default()).unwrap_err();
    assert!(matches!(refused("{}"), Unreadable::Shape(why) if why.contains("line 1 column")));
    assert!(matches!(refused("\"x\""), Unreadable::Shape(_)));
    for text in ["", "[", "[1", "[1,]", "[1] 2", "[NaN]", "[{\"a\" 1}]", "[01]", "[1.]", "[\"\u{1}\"]"] {
        assert!(matches!(refused(text), Unreadable::Syntax(why) if why.contains("line 1 column")), "{text}");
    }
    let many = format!("[{}]", vec!["0"; 100_001].join(","));
    assert_eq!(refused(&many), Unreadable::TooManyRows(100_000));
    assert!(ccxt::positions("[]", &Source::default()).unwrap().rows().is_empty());
}

#[test]
fn too_many_fields_are_a_problem() {
    let fields: Vec<String> = (0..5_000).map(|n| format!(r#""f{n}":0"#)).collect();
    assert_eq!(beside_good(&format!("{{{}}}", fields.join(","))), "venue: row: has more than 4096 fields");
}

/// A value that stands where a row has one.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "null",
            "true",
            "false",
            "0",
            "-1",
            "\"\"",
            "\"long\"",
            "\"Sell\"",
            "\"BOTH\"",
            "\"A/B:B\"",
            "\"C/B\"",
            "1e-28",
            "\"0E-18\"",
            "123.456",
            "1E28",
            "79228162514264337593543950335",
            "[]",
            "{}",
            "\"hedge_mode\"",
            "2",
            "\"isolated\"",
        ])
        .prop_map(str::to_owned),
        any::<i64>().prop_map(|n| n.to_string()),
        "-?[0-9]{1,30}(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?".prop_map(|n| format!("\"{n}\"")),
        "[a-zA-Z_/:.-]{0,12}".prop_map(|n| format!("\"{n}\"")),
    ]
}

fn object(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::collection::vec((prop::sample::select(names), value()), 0..12).prop_map(|fields| {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    })
}

const UNIFIED: &[&str] = &[
    "symbol",
    "side",
    "contracts",
    "contractSize",
    "entryPrice",
    "markPrice",
    "notional",
    "leverage",
    "unrealizedPnl",
    "initialMargin",
    "hedged",
    "marginMode",
    "liquidationPrice",
    "realizedPnl",
    "percentage",
];
const RAW: &[&str] = &[
    "szi",
    "positionAmt",
    "size",
    "currentQty",
    "qty",
    "positionSide",
    "side",
    "positionIdx",
    "posMode",
    "isOpen",
    "closeTime",
    "markPrice",
    "positionValue",
    "upl",
    "im",
    "lever",
    "avgPx",
    "openOrderBuyQty",
    "sign",
    "isBuy",
    "symbol",
    "isInverse",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever a row says, it is answered, and what was read is a fixed point.
    #[test]
    fn any_rows_are_answered(rows_of in prop::collection::vec((object(UNIFIED), object(RAW), any::<bool>()), 0..5)) {
        let texts: Vec<String> = rows_of
            .iter()
            .map(|(row, info, nested)| {
                let info = if *nested { format!(r#"{{"position":{info}}}"#) } else { info.clone() };
                let comma = if row.len() > 2 { "," } else { "" };
                format!("{}{comma}\"info\":{info}}}", &row[..row.len() - 1])
            })
            .collect();
        let text = format!("[{}]", texts.join(","));
        let read = ccxt::positions(&text, &Source::new("any")).unwrap();
        prop_assert_eq!(read.rows().len(), texts.len());
        for row in read.rows() {
            if let Row::Position(position) = row {
                prop_assert!(position.contracts > posbook::Decimal::ZERO, "{}", text);
                prop_assert!(position.leg.only_side().is_none_or(|side| side == position.side), "{}", text);
            }
        }
        fixed_point(read.rows());
    }

    /// Any text at all.
    #[test]
    fn any_text_is_answered(text in "[\\[\\]{}\",:0-9a-z\\\\.eE+-]{0,60}") {
        let _ = ccxt::positions(&text, &Source::default());
        let _ = ccxt::trades(&text, &Source::default());
        let _ = ccxt::tickers(&text, &Source::default());
        let _ = ccxt::orders(&text, &Source::default());
        let _ = ccxt::Markets::read(&text);
    }
}
