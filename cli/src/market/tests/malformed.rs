//! Files that are wrong: each is refused in one line that says where and why, whatever else is in it.

use super::{BadRows, Files, gzip, load, refusal, zip};

const TRADES: &str = "recv_ns,exch_ms,symbol,trade_id,price,qty,aggressor\n";
const QUOTES: &str = "recv_ns,exch_ms,symbol,bid,bid_qty,ask,ask_qty\n";
const GOOD: &str = "1,,S,1,2,3,buy\n";

/// A row that is refused, and under [`BadRows::Skip`] left out and counted.
#[track_caller]
fn bad_row(header: &str, row: impl AsRef<[u8]>, good: &str, expected: &str) {
    let files = Files::new();
    let content = [header.as_bytes(), good.as_bytes(), b"\n", row.as_ref(), b"\n", good.as_bytes()].concat();
    let path = files.put("t.csv", content);
    assert_eq!(refusal(&path, BadRows::Refuse), format!("t.csv:4:{expected}"));
    let tape = load(&[path], BadRows::Skip).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((tape.ticks.len(), tape.skipped_rows), (2, 1));
}

/// A file that is refused whatever is wanted about rows.
#[track_caller]
fn bad_file(name: &str, content: impl AsRef<[u8]>, expected: &str) {
    let files = Files::new();
    let path = files.put(name, content);
    for rows in [BadRows::Refuse, BadRows::Skip] {
        assert_eq!(refusal(&path, rows), format!("{name}{expected}"));
    }
}

#[test]
fn fields_that_cannot_be_read() {
    let trade = |row: &str, expected: &str| bad_row(TRADES, row, GOOD, expected);
    let grammar =
        "is not a decimal number; expected digits with at most one point between them, such as 0.25";
    trade("1,,S,1,2x,3,buy", &format!("price: \"2x\" {grammar}"));
    trade("1,,S,1,-2,3,buy", &format!("price: \"-2\" {grammar}"));
    trade("1,,S,1,2,NaN,buy", &format!("qty: \"NaN\" {grammar}"));
    trade("1,,S,1,,3,buy", "price: \"\" is empty; expected a decimal number");
    trade("1,,S,1,2,,buy", "qty: \"\" is empty; expected a decimal number");
    trade("1,,S,1,0.00,3,buy", "price: \"0.00\" is zero; expected more than zero");
    trade("1,,S,1,2,0,buy", "qty: \"0\" is zero; expected more than zero");
    let time = "is not a time; expected nanoseconds since 1970, in digits";
    trade("x,,S,1,2,3,buy", &format!("recv_ns: \"x\" {time}"));
    trade(",,S,1,2,3,buy", &format!("recv_ns: \"\" {time}"));
    trade("-1,,S,1,2,3,buy", &format!("recv_ns: \"-1\" {time}"));
    trade("1.5,,S,1,2,3,buy", &format!("recv_ns: \"1.5\" {time}"));
    trade("9223372036854775808,,S,1,2,3,buy", &format!("recv_ns: \"9223372036854775808\" {time}"));
    let symbol = "is not a symbol; expected 1 to 64 printable characters without spaces";
    trade("1,,,1,2,3,buy", &format!("symbol: \"\" {symbol}"));
    trade("1,,A B,1,2,3,buy", &format!("symbol: \"A B\" {symbol}"));
    trade("1,,S,1,2,3", "aggressor: the row has 6 fields; expected 7");
    trade("1", "exch_ms: the row has 1 fields; expected 7");
    trade("1,,S,1,2,3,buy,x,y", "aggressor: the row has 9 fields; expected 7");
    trade("1,,S,1,\u{1b}[2J\t,3,buy", &format!("price: \"\\u{{1b}}[2J\\t\" {grammar}"));
    trade(
        &format!("1,,S,1,{},3,buy", "9".repeat(300)),
        &format!("price: \"{}...\" has too many digits; expected at most 28", "9".repeat(80)),
    );
}

#[test]
fn what_is_shown_of_a_field_is_short_and_on_one_line() {
    let start = "\t".repeat(80);
    let row = format!("1,,S,1,{start}{},3,buy", "x".repeat(1000));
    let expected = format!("price: \"{}...\" has too many digits; expected at most 28", start.escape_debug());
    bad_row(TRADES, row, GOOD, &expected);
}

#[test]
fn quotes_that_cannot_be() {
    let quote = |row: &str, expected: &str| bad_row(QUOTES, row, "1,,S,2,1,3,1\n", expected);
    quote("1,,S,3.5,1,3,1", "bid: the bid \"3.5\" is above the ask \"3\"; expected a bid of at most the ask");
    quote("1,,S,0,1,3,1", "bid: \"0\" is zero; expected more than zero");
    quote("1,,S,2,1,0.0,1", "ask: \"0.0\" is zero; expected more than zero");
    let grammar =
        "is not a decimal number; expected digits with at most one point between them, such as 0.25";
    quote("1,,S,2,?,3,1", &format!("bid_qty: \"?\" {grammar}"));
    // One side was not sent; that does not excuse the other.
    quote("1,,S,,,x,1", &format!("ask: \"x\" {grammar}"));
}

#[test]
fn bytes_that_are_no_text() {
    bad_row(TRADES, b"1,,S,1,2,\xff3,buy", GOOD, "qty: is not UTF-8 text; expected a plain CSV file");
    bad_file("t.csv", b"\xff\xfer\0e\0c\0v\0", ":1: is not UTF-8 text; expected a plain CSV file");
}

#[test]
fn headers_nobody_knows() {
    let rest = "are not known; expected recv_ns, symbol and either price and qty, or bid and ask, or mark; or a \
                trades or aggTrades file as Binance publishes it";
    for header in [
        "time,open,high,low,close",
        "recv_ns,symbol,price",
        "<html>",
        "1,,S,1,2,3,buy",
        "recv_ns;symbol;price;qty",
    ] {
        bad_file("t.csv", format!("{header}\n{GOOD}"), &format!(":1: the columns \"{header}\" {rest}"));
    }
    let both = "recv_ns,symbol,price,qty,bid,ask";
    bad_file("t.csv", format!("\n\n{both}\n"), &format!(":3: the columns \"{both}\" {rest}"));
    let twice = "recv_ns,symbol,price,qty,price\n";
    bad_file("t.csv", twice, ":1:price: the column stands there twice; expected each column once");
    let files = Files::new();
    let wide = files.put("t.csv", format!("{},{}\n", TRADES.trim_end(), vec!["x"; 40].join(",")));
    assert!(refusal(&wide, BadRows::Skip).starts_with("t.csv:1: the columns"));
}

#[test]
fn files_that_are_not_there_or_empty() {
    let files = Files::new();
    let missing = files.0.path().join("none.csv");
    let expected = "none.csv: no such file; expected a tick file (.csv, .csv.gz, or a .zip of one CSV)";
    assert_eq!(refusal(&missing, BadRows::Skip), expected);
    let folder = files.0.path().join("folder.csv");
    std::fs::create_dir(&folder).unwrap();
    let expected = "folder.csv: cannot be read: it is a directory; expected a readable file";
    assert_eq!(refusal(&folder, BadRows::Skip), expected);

    let empty = ": is empty; expected a header and rows of ticks";
    bad_file("t.csv", "", empty);
    bad_file("t.csv.gz", "", empty);
    bad_file("t.zip", "", empty);
    bad_file("t.csv", "\n\r\n\n", empty);
    bad_file("t.csv.gz", gzip(""), empty);
    bad_file("t.zip", zip(&[("t.csv", "")]), empty);
}

#[test]
fn a_good_file_beside_a_bad_one_does_not_help() {
    let files = Files::new();
    let good = files.put("good.csv", format!("{TRADES}{GOOD}"));
    let missing = files.0.path().join("none.csv");
    assert!(load(&[good.clone(), missing], BadRows::Skip).is_err());
    let again = files.0.path().join("../").join(files.0.path().file_name().unwrap()).join("good.csv");
    let error = load(&[good, again], BadRows::Skip).unwrap_err().to_string();
    assert!(
        error.ends_with("good.csv: is named twice; expected each file once, or its ticks would count double")
    );
}

#[test]
fn names_that_promise_something_else() {
    let text = format!("{TRADES}{GOOD}");
    bad_file(
        "t.csv.gz",
        &text,
        ": is named .gz but holds no gzip data; expected gzip data, or a name that ends in .csv",
    );
    bad_file(
        "t.zip",
        &text,
        ": is named .zip but holds no zip archive; expected a zip, or a name that ends in .csv",
    );
    let packed = "holds gzip data but is not named .gz; expected plain text, or a name that ends in .gz";
    bad_file("t.csv", gzip(&text), &format!(": {packed}"));
    let packed = "holds zip data but is not named .zip; expected plain text, or a name that ends in .zip";
    bad_file("t.csv", zip(&[("t.csv", &text)]), &format!(": {packed}"));
    bad_file("t.zip", zip(&[]), ": the zip holds 0 files; expected exactly one CSV");
    bad_file(
        "t.zip",
        zip(&[("a", &text), ("b", &text)]),
        ": the zip holds 2 files; expected exactly one CSV",
    );
}

/// Every possible cut of a download: never a tape, always one line that tells to fetch it again.
#[test]
fn cut_off_downloads_are_found_wherever_they_end() {
    let files = Files::new();
    let text = format!("{TRADES}{}", GOOD.repeat(50));
    for (name, packed) in [("t.csv.gz", gzip(&text)), ("t.zip", zip(&[("t.csv", &text)]))] {
        for end in 1..packed.len() {
            let message = refusal(&files.put(name, &packed[..end]), BadRows::Skip);
            assert!(message.ends_with("expected a complete file (fetch it again)"), "{end}: {message}");
        }
    }
    // The rows can all be read, only the checksum is missing.
    let packed = gzip(&text);
    let path = files.put("t.csv.gz", &packed[..packed.len() - 8]);
    assert_eq!(
        refusal(&path, BadRows::Refuse),
        "t.csv.gz:52: the gzip data are cut off here; expected a complete file (fetch it again)"
    );
}

/// Every single byte changed: a tape or an error, but never a hang, a panic or other ticks than the file had.
#[test]
fn damaged_downloads_never_give_other_ticks() {
    let files = Files::new();
    let text = format!("{TRADES}{}", GOOD.repeat(50));
    for (name, packed) in [("t.csv.gz", gzip(&text)), ("t.zip", zip(&[("t.csv", &text)]))] {
        let right = super::loaded(&files.put(name, &packed)).ticks;
        let mut found = 0;
        for index in 0..packed.len() {
            let mut damaged = packed.clone();
            damaged[index] ^= 0x55;
            match load(&[files.put(name, damaged)], BadRows::Refuse) {
                Ok(tape) => assert_eq!(tape.ticks, right, "{name} byte {index}"),
                Err(error) => {
                    found += 1;
                    assert_eq!(error.to_string().lines().count(), 1, "{error}");
                }
            }
        }
        assert!(found > packed.len() / 2, "{name}: {found} of {}", packed.len());
    }
}

#[test]
fn a_giant_line_is_refused_without_being_held() {
    let giant = "9".repeat(10_000_000);
    let bound = "the line is longer than 65536 bytes; expected one tick per line";
    bad_row(TRADES, &giant, GOOD, &format!("recv_ns: {bound}"));
    bad_file("t.csv", &giant, &format!(":1: {bound}"));
    bad_file("t.csv.gz", gzip(&giant), &format!(":1: {bound}"));
    // Right at the bound: still a row, although not a good one.
    let row = format!("1,,S,{},2,3,buy", "x".repeat(65536 - 13));
    assert_eq!(row.len(), 65536);
    let files = Files::new();
    assert_eq!(super::loaded(&files.put("t.csv", format!("{TRADES}{row}\n{GOOD}"))).ticks.len(), 2);
    bad_row(TRADES, format!("{row}x"), GOOD, &format!("recv_ns: {bound}"));
    // As the last line, without a line end.
    let path = files.put("t.csv", format!("{TRADES}{GOOD}{giant}"));
    assert_eq!(load(&[path], BadRows::Skip).unwrap().skipped_rows, 1);
}

#[test]
fn a_file_name_cannot_break_the_line() {
    let files = Files::new();
    let path = files.put("a\nb.csv", "x\n");
    let message = load(&[path], BadRows::Refuse).unwrap_err().to_string();
    assert_eq!(message.lines().count(), 1, "{message}");
    assert!(message.contains("a\\nb.csv:1: the columns"), "{message}");
}

#[test]
fn a_symbol_column_with_something_else_in_it() {
    let rows: String = (0..65_537).map(|row| format!("1,,S{row},1,2,3,buy\n")).collect();
    let files = Files::new();
    let path = files.put("t.csv", format!("{TRADES}{rows}"));
    assert_eq!(
        refusal(&path, BadRows::Refuse),
        "t.csv:65538:symbol: \"S65536\" is one symbol too many; expected at most 65536 on one tape"
    );
}
