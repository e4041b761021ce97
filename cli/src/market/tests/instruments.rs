//! Declared and assumed instruments.

use std::path::Path;

use super::super::Market;
use super::super::instruments::{Declared, Kind, assumed, parse, read};
use super::{Files, number};

const WHOLE: &str = r#"
# a comment
[[instrument]]
symbol = "BTCUSDT"
kind = "linear"
contract_size = "1"
price_step = "0.1"
quantity_step = "0.001"
minimum = "0.002"
base = "BTC"
quote = "USDT"
settle = "USDT"

[[instrument]]
symbol = "BTC/USD:BTC"
kind = "inverse"
contract_size = "100"
price_step = "0.5"
quantity_step = "1"
"#;

fn refusal(text: &str) -> String {
    let message = parse(Path::new("i.toml"), text).unwrap_err().to_string();
    assert_eq!(message.lines().count(), 1, "not one line: {message}");
    message
}

#[test]
fn a_whole_file() {
    let files = Files::new();
    let declared = read(&files.put("i.toml", WHOLE)).unwrap();
    assert_eq!(
        declared,
        [
            Declared {
                symbol: "BTCUSDT".to_owned(),
                kind: Kind::Linear,
                contract_size: number("1"),
                price_step: number("0.1"),
                quantity_step: number("0.001"),
                minimum: Some(number("0.002")),
                base: Some("BTC".to_owned()),
                quote: Some("USDT".to_owned()),
                settle: Some("USDT".to_owned()),
            },
            Declared {
                symbol: "BTC/USD:BTC".to_owned(),
                kind: Kind::Inverse,
                contract_size: number("100"),
                price_step: number("0.5"),
                quantity_step: number("1"),
                minimum: None,
                base: None,
                quote: None,
                settle: None,
            },
        ]
    );
    for (text, kind) in [("quanto", Kind::Quanto), ("spot", Kind::Spot)] {
        assert_eq!(parse(Path::new("i"), &WHOLE.replace("inverse", text)).unwrap()[1].kind, kind);
    }
}

#[test]
fn every_rule_names_the_line_the_entry_and_the_field() {
    let changed = |from: &str, to: &str| {
        assert!(WHOLE.contains(from));
        refusal(&WHOLE.replacen(from, to, 1))
    };
    let first = "instrument 1 \"BTCUSDT\"";
    assert_eq!(
        changed("price_step = \"0.1\"", "price_step = 0.1"),
        format!(
            "i.toml:7: {first}: price_step: is not a string but of type float; expected a number in quotes, such as \"0.1\""
        )
    );
    assert_eq!(
        changed("\"0.001\"", "\"0\""),
        format!("i.toml:8: {first}: quantity_step: \"0\" is zero; expected more than zero")
    );
    for bad in ["-1", "1e-3", ".5", "1 ", "", "one"] {
        let message = changed("contract_size = \"1\"", &format!("contract_size = \"{bad}\""));
        let expected = format!("i.toml:6: {first}: contract_size: \"{bad}\" is ");
        assert!(message.starts_with(&expected), "{message}");
    }
    assert_eq!(
        changed("minimum", "minimun"),
        format!(
            "i.toml:9: {first}: \"minimun\": unknown key; expected one of symbol, kind, contract_size, price_step, \
             quantity_step, minimum, base, quote, settle"
        )
    );
    assert_eq!(
        changed("kind = \"inverse\"", "kind = \"perp\""),
        "i.toml:16: instrument 2 \"BTC/USD:BTC\": kind: \"perp\" is no kind; expected linear, inverse, quanto or spot"
    );
    assert_eq!(
        changed("quantity_step = \"1\"", ""),
        "i.toml:14: instrument 2 \"BTC/USD:BTC\": quantity_step: is missing; expected a number in quotes, such as \"0.1\""
    );
    assert_eq!(
        changed("symbol = \"BTC/USD:BTC\"", ""),
        "i.toml:14: instrument 2: symbol: is missing; expected a name in quotes, such as \"BTCUSDT\""
    );
    assert_eq!(
        changed("BTC/USD:BTC", "BTCUSDT"),
        "i.toml:15: instrument 2 \"BTCUSDT\": symbol: \"BTCUSDT\" is declared twice; first in line 4"
    );
    assert_eq!(
        changed("base = \"BTC\"", "base = \"\""),
        format!(
            "i.toml:10: {first}: base: \"\" is not a name; expected 1 to 64 printable characters without spaces"
        )
    );
    assert_eq!(
        changed("[[instrument]]", "[[instruments]]"),
        "i.toml:3: \"instruments\": unknown key; expected only [[instrument]] entries"
    );
}

#[test]
fn files_that_are_no_list_of_instruments() {
    assert_eq!(refusal(""), "i.toml: declares no instrument; expected at least one [[instrument]]");
    assert_eq!(refusal("instrument = []"), refusal(""));
    assert_eq!(
        refusal("[instrument]\nsymbol = \"A\""),
        "i.toml:1: instrument: is no list; expected [[instrument]], with two brackets on each side"
    );
    assert_eq!(
        refusal("instrument = [\n 1]"),
        "i.toml:2: instrument 1: is not a table; expected [[instrument]]"
    );
    let message = refusal("[[instrument]]\nsymbol = BTC\n");
    assert!(message.starts_with("i.toml:2: is not TOML: "), "{message}");
    assert!(
        refusal("[[instrument]]\nkind=\"a\"\nkind=\"b\"").starts_with("i.toml:3: is not TOML: duplicate key")
    );
    // Nested without end: an answer, not an overflow of the stack.
    assert!(refusal(&format!("a = {}", "[".repeat(100_000))).contains("is not TOML"));

    let files = Files::new();
    let message = read(&files.0.path().join("none.toml")).unwrap_err().to_string();
    assert!(message.ends_with("none.toml: no such file; expected a TOML file with [[instrument]] entries"));
    let message = read(&files.put("bytes.toml", b"\xff")).unwrap_err().to_string();
    assert!(message.ends_with("bytes.toml: is not UTF-8 text; expected a TOML file"));
    let message = read(&files.put("long.toml", " ".repeat(5_000_000))).unwrap_err().to_string();
    assert!(message.ends_with("long.toml: is longer than 4194304 bytes; expected a list of instruments"));
    assert!(read(files.0.path()).unwrap_err().to_string().contains(": cannot be read: "));
}

#[test]
fn what_is_assumed_of_a_market() {
    let market = Market { symbol: "BTCUSDT".to_owned(), price_scale: 1, quantity_scale: 0, files: vec![0] };
    let declared = assumed(&market);
    assert_eq!((declared.kind, declared.contract_size, declared.minimum), (Kind::Linear, number("1"), None));
    assert_eq!((declared.price_step, declared.quantity_step), (number("0.1"), number("1")));
    let beyond = assumed(&Market { price_scale: u32::MAX, ..market });
    assert_eq!(beyond.price_step, number("0.0000000000000000000000000001"));
}

#[test]
fn currencies_are_guessed_from_the_symbol() {
    for (symbol, base, quote, settle) in [
        ("BTCUSDT", "BTC", "USDT", "USDT"),
        ("ETHBTC", "ETH", "BTC", "BTC"),
        ("BTCFDUSD", "BTC", "FDUSD", "FDUSD"),
        ("BUSDUSDT", "BUSD", "USDT", "USDT"),
        ("1000SHIBUSDT", "1000SHIB", "USDT", "USDT"),
        ("BTCUSD_PERP", "BTC", "USD", "USD"),
        ("BTCUSDT_240628", "BTC", "USDT", "USDT"),
        ("BTC_USDT", "BTC", "USDT", "USDT"),
        ("BTC-USDT", "BTC", "USDT", "USDT"),
        ("BTC-USD-SWAP", "BTC", "USD", "USD"),
        ("UNI-USD-220527", "UNI", "USD", "USD"),
        ("BTC/USDT", "BTC", "USDT", "USDT"),
        ("BTC/USDT:USDT", "BTC", "USDT", "USDT"),
        ("BTC/USD:BTC-240628", "BTC", "USD", "BTC"),
        ("PEPE/WIF:WIF", "PEPE", "WIF", "WIF"),
        ("XRPU21", "XRPU21", "USD", "USD"),
        ("USDT", "USDT", "USD", "USD"),
        ("/", "/", "USD", "USD"),
        ("BTC/", "BTC/", "USD", "USD"),
        ("-USDT", "-USDT", "USD", "USD"),
        ("", "", "USD", "USD"),
    ] {
        let market =
            Market { symbol: symbol.to_owned(), price_scale: 0, quantity_scale: 0, files: Vec::new() };
        let declared = assumed(&market);
        let guessed = (declared.base.unwrap(), declared.quote.unwrap(), declared.settle.unwrap());
        assert_eq!(guessed, (base.to_owned(), quote.to_owned(), settle.to_owned()), "{symbol}");
    }
}
