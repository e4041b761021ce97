//! All entries of the recorded venue positions: every row is answered, and the recorded accounts are read as they were. The
//! data is not part of the repository: `POSBOOK_DATA` names its folder.

use std::path::PathBuf;

use posbook::interop::ccxt::{self, Row, Source};
use posbook::{Decimal, Side};
use serde_json::{Value, json};

use crate::fixed_point;

/// All files of the folder; `None`, with a word why, if there are none and nobody said there were.
fn files() -> Option<Vec<Value>> {
    let told = std::env::var_os("POSBOOK_DATA").map(PathBuf::from);
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data"));
    let folder = told.clone().unwrap_or_else(beside).join("venue-positions");
    if !folder.is_dir() {
        assert!(told.is_none(), "POSBOOK_DATA is set, but {} is not there", folder.display());
        eprintln!("skipped: {} is not there and POSBOOK_DATA is not set", folder.display());
        return None;
    }
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: &PathBuf| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    Some(paths.iter().filter(|path| path.extension().is_some_and(|e| e == "json")).map(read).collect())
}

/// Every list of objects or rows in a response, outermost first.
fn lists(value: &Value) -> Vec<&Vec<Value>> {
    match value {
        Value::Array(items) => {
            let here = items.iter().all(|item| item.is_object() || item.is_array()) && !items.is_empty();
            here.then_some(items).into_iter().chain(items.iter().flat_map(lists)).collect()
        }
        Value::Object(fields) => fields.values().flat_map(lists).collect(),
        _ => Vec::new(),
    }
}

/// The exchange's own rows that belong to this many unified ones.
fn raw_rows(raw: &Value, count: usize) -> Vec<Value> {
    let lists = lists(raw);
    let exactly = lists.iter().find(|list| list.len() == count);
    let found = exactly.or_else(|| lists.iter().find(|list| list.len() > count));
    match (raw, found) {
        (Value::Null, _) => Vec::new(),
        (Value::Object(fields), _) if count == 1 && !fields.values().any(Value::is_array) => {
            vec![raw.clone()]
        }
        (_, Some(list)) => list.iter().take(count).cloned().collect(),
        _ => vec![raw.clone()],
    }
}

/// Unified rows with `info` put back, as text: numbers stay as they were written in a response, and here go through the
/// float that ccxt made of them.
fn with_info(unified: &[Value], raw: &Value) -> Value {
    let raw = raw_rows(raw, unified.len());
    let rows = unified.iter().enumerate().map(|(place, row)| {
        let mut row = row.clone();
        if let Some(raw) = raw.get(place) {
            row["info"] = raw.clone();
        }
        row
    });
    rows.collect()
}

/// What is read of each: the published rows, those of today's ccxt, both with the exchange's row beside them and without,
/// and the exchange's rows alone.
fn variants(entry: &Value) -> Vec<(String, Value)> {
    let mut variants = Vec::new();
    for name in ["unified", "unified_ccxt_4.5.90"] {
        let Some(unified) = entry[name].as_array() else { continue };
        variants.push((format!("{name} with info"), with_info(unified, &entry["raw"])));
        variants.push((name.to_owned(), json!(unified)));
    }
    for list in lists(&entry["raw"]) {
        variants.push(("raw rows".to_owned(), json!(list)));
        let bare = list.iter().map(|row| json!({ "symbol": "A/B:B", "info": row })).collect();
        variants.push(("raw rows as info".to_owned(), bare));
    }
    variants.push(("raw".to_owned(), json!([entry["raw"]])));
    variants
}

#[test]
fn every_row_of_every_entry_is_answered() {
    let Some(files) = files() else { return };
    let mut entries = 0;
    for file in &files {
        let source = Source::new(file["exchange"].as_str().unwrap());
        for entry in file["entries"].as_array().unwrap() {
            entries += 1;
            for (name, text) in variants(entry) {
                let read = ccxt::positions(&text.to_string(), &source).unwrap();
                assert_eq!(read.rows().len(), text.as_array().unwrap().len(), "{} {name}", entry["id"]);
                for problem in read.problems() {
                    assert_eq!(problem.exchange.as_deref(), source.exchange(), "{} {name}", entry["id"]);
                    assert!(!problem.field.is_empty() && problem.to_string().len() < 400, "{problem}");
                }
                fixed_point(read.rows());
            }
        }
    }
    assert_eq!(entries, 150);
}

/// Where nothing but the exchange's own row says what is open, and neither it nor the published excerpt names the symbol.
const EXCERPTS: [&str; 1] = ["okx-pr-16769"];

#[test]
fn recorded_positions_are_what_they_were() {
    let Some(files) = files() else { return };
    let number = |value: &Value| value.as_str().map(|text| text.parse::<Decimal>().unwrap());
    let (mut open, mut flat) = (0, 0);
    for file in &files {
        let source = Source::new(file["exchange"].as_str().unwrap());
        for entry in file["entries"].as_array().unwrap() {
            let Some(truth) = entry["truth"].as_array() else { continue };
            if EXCERPTS.contains(&entry["id"].as_str().unwrap()) {
                continue;
            }
            for name in ["unified", "unified_ccxt_4.5.90"] {
                let Some(unified) = entry[name].as_array() else { continue };
                let text = with_info(unified, &entry["raw"]).to_string();
                let read = ccxt::positions(&text, &source).unwrap();
                for (place, row) in read.rows().iter().enumerate() {
                    let what = format!("{} {name} row {place}: {row:?}", entry["id"]);
                    let symbol = &unified[place]["symbol"];
                    let of_symbol = truth.iter().find(|truth| truth["symbol"] == *symbol);
                    let truth = of_symbol.unwrap_or(&truth[0]);
                    match row {
                        Row::Position(row) => {
                            let side = if truth["side"] == "long" { Side::Long } else { Side::Short };
                            assert!(truth["side"] != "flat" && row.side == side, "{what}");
                            assert_eq!(Some(row.contracts), number(&truth["contracts"]), "{what}");
                            assert_eq!(row.contract_size, number(&truth["contract_size"]), "{what}");
                            assert_eq!(row.entry_price, number(&truth["entry_price"]), "{what}");
                            open += 1;
                        }
                        Row::Flat(row) => {
                            assert_eq!(truth["side"], "flat", "{what}");
                            assert_eq!(row.contract_size, number(&truth["contract_size"]), "{what}");
                            flat += 1;
                        }
                        Row::Problem(_) => panic!("{what}"),
                    }
                }
            }
        }
    }
    assert!(open >= 30 && flat >= 4, "{open} open and {flat} flat rows were compared");
}

/// An exchange nobody has seen: ccxt leaves out what it usually knows, and only the exchange's own row has it. What is read
/// then agrees with what ccxt would have said, or is a problem; it is never the other side.
#[test]
fn what_ccxt_leaves_out_is_found_or_missed_but_not_invented() {
    let Some(files) = files() else { return };
    let (mut same, mut missed) = (0, 0);
    for file in &files {
        for entry in file["entries"].as_array().unwrap() {
            let Some(unified) = entry["unified_ccxt_4.5.90"].as_array() else { continue };
            let full = with_info(unified, &entry["raw"]);
            let whole = ccxt::positions(&full.to_string(), &Source::default()).unwrap();
            let mut less = full.clone();
            for row in less.as_array_mut().unwrap() {
                for field in ["side", "contracts", "contractSize", "hedged"] {
                    row[field] = Value::Null;
                }
            }
            let less = ccxt::positions(&less.to_string(), &Source::default()).unwrap();
            for (whole, less) in whole.rows().iter().zip(less.rows()) {
                match (whole, less) {
                    (Row::Position(whole), Row::Position(less)) => {
                        assert_eq!((whole.side, &whole.symbol), (less.side, &less.symbol), "{}", entry["id"]);
                        let size = |size: Option<Decimal>| size.unwrap_or(Decimal::ONE);
                        if let Some(found) = less.contract_size {
                            let base = whole.contracts * size(whole.contract_size);
                            assert_eq!(less.contracts * found, base, "{}: {less:?}", entry["id"]);
                        }
                        same += 1;
                    }
                    (Row::Flat(_), Row::Position(_)) => panic!("{}: {less:?}", entry["id"]),
                    (Row::Position(_), Row::Flat(_)) => panic!("{}: {whole:?}", entry["id"]),
                    (_, Row::Problem(_)) => missed += 1,
                    _ => {}
                }
            }
        }
    }
    assert!(same > 50, "{same} were found, {missed} were missed");
}
