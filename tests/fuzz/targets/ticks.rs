//! Tick files of any content under any name, plain and packed: an error of one line, or a tape in order with prices above
//! zero. The readers are those of the command, compiled in.
#![no_main]

use std::io::{Cursor, Write as _};
use std::path::PathBuf;
use std::sync::LazyLock;

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use rust_decimal::Decimal;

#[allow(dead_code, unused_imports, reason = "a replay uses more of it")]
#[path = "../../../cli/src/market/mod.rs"]
mod market;

use market::{BadRows, Tape, TickKind};

/// The names say how a file is read. Each process has a folder of its own.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("posbook-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for one file");
    folder
});

const NAMES: [&str; 5] =
    ["ticks", "BTCUSDT-trades-2024-08-08", "BTCUSDT-aggTrades-2024-08-08", "a-trades-b", "\u{1F4C8} ticks"];
const HEADERS: [&str; 6] = [
    "recv_ns,exch_ms,symbol,trade_id,price,qty,aggressor",
    "recv_ns,exch_ms,symbol,bid,bid_qty,ask,ask_qty",
    "recv_ns,exch_ms,symbol,mark,index,last",
    "id,price,qty,quote_qty,time,is_buyer_maker",
    "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker",
    "1,61837.6,0.5,30918.8,1723075200000,true",
];

fuzz_target!(|data: &[u8]| {
    let _ = run(&mut Unstructured::new(data));
});

fn run(u: &mut Unstructured<'_>) -> Result<()> {
    let (name, packed, end, skip) =
        (*u.choose(&NAMES)?, u.int_in_range(0..=2)?, u.int_in_range(0..=3)?, u.arbitrary()?);
    let mut content = Vec::new();
    if u.ratio(3, 4)? {
        content.extend_from_slice(u.choose(&HEADERS)?.as_bytes());
        content.push(b'\n');
        for _ in 0..u.int_in_range(0..=8)? {
            row(u, &mut content)?;
        }
    }
    let length = u.len();
    content.extend_from_slice(u.bytes(length)?);
    let mut bytes = match packed {
        0 => content,
        1 => gzip(&content),
        _ => zip(name, &content),
    };
    // Sometimes cut off, by what its length says.
    if bytes.len() % 5 == 4 {
        bytes.truncate(bytes.len() / 2);
    }
    let ending = [".csv", ".csv.gz", ".zip", ["", ".csv.gz", ".zip"][packed]][end];
    let path = FOLDER.join(format!("{name}{ending}"));
    std::fs::write(&path, &bytes).expect("the folder can be written to");
    let rows = if skip { BadRows::Skip } else { BadRows::Refuse };
    let read = Tape::load(std::slice::from_ref(&path), rows, &mut |done, total| assert!(done <= total));
    std::fs::remove_file(&path).expect("what was written");
    match read {
        Ok(tape) => right(&tape, rows),
        Err(error) => assert!(error.to_string().lines().count() == 1, "an error is one line: {error}"),
    }
    Ok(())
}

/// A row of numbers: most of its fields are ones.
fn row(u: &mut Unstructured<'_>, content: &mut Vec<u8>) -> Result<()> {
    for field in 0..u.int_in_range(5..=7)? {
        if field > 0 {
            content.push(b',');
        }
        let text = *u.choose(&[
            "1",
            "61837.63000000",
            "1723075200000",
            "1723075200000000000",
            "BTCUSDT",
            "true",
            "1.819e-05",
            "",
            "0",
        ])?;
        content.extend_from_slice(text.as_bytes());
    }
    content.push(b'\n');
    Ok(())
}

fn right(tape: &Tape, rows: BadRows) {
    assert!(rows == BadRows::Skip || tape.skipped_rows == 0);
    assert!(tape.ticks.is_sorted_by_key(|tick| tick.time));
    for tick in &tape.ticks {
        let market = &tape.markets[tick.market as usize];
        let prices = match tick.kind {
            TickKind::Trade { price, quantity } => {
                assert!(quantity.scale() <= market.quantity_scale && quantity > Decimal::ZERO);
                [price, price]
            }
            TickKind::Quote { bid, ask } => {
                assert!(bid <= ask);
                [bid, ask]
            }
            TickKind::Mark { price } => [price, price],
        };
        for price in prices {
            assert!(price > Decimal::ZERO && price.scale() <= market.price_scale);
        }
    }
    for market in &tape.markets {
        let _ = market::instruments::assumed(market);
    }
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(content).expect("memory");
    packed.finish().expect("memory")
}

fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    let mut packed = zip::ZipWriter::new(Cursor::new(Vec::new()));
    packed.start_file(format!("{name}.csv"), zip::write::SimpleFileOptions::default()).expect("memory");
    packed.write_all(content).expect("memory");
    packed.finish().expect("memory").into_inner()
}
