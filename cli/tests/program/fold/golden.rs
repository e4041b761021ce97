//! The golden accounting cases: every figure of every step in one convention, at 15 significant digits; and what the sources
//! published themselves, where they count as we do.

use std::collections::BTreeMap;
use std::path::PathBuf;

use posbook::Decimal;
use serde_json::Value;

use super::posbook;

/// A folder of the recorded data, or why there is none.
pub fn recorded(folder: &str) -> Option<PathBuf> {
    let told = std::env::var_os("POSBOOK_DATA").map(PathBuf::from);
    let data = told
        .clone()
        .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data")));
    if data.join(folder).is_dir() {
        return Some(data.join(folder));
    }
    assert!(told.is_none(), "POSBOOK_DATA is set, and {} has no {folder}", data.display());
    println!("skipped: no recorded data at {}; set POSBOOK_DATA", data.display());
    None
}

fn number(value: &Value) -> Decimal {
    Decimal::from_str_exact(value.as_str().expect("a number is a text")).unwrap()
}

/// Equal at 15 significant digits, or in the 18 decimals that the cases are printed with.
fn agree(ours: Decimal, theirs: Decimal) -> bool {
    let short = |number: Decimal| number.round_sf(15).unwrap().normalize();
    short(ours) == short(theirs) || (ours - theirs).abs() <= Decimal::new(1, 18)
}

fn compare(place: &str, ours: &Value, theirs: &Value) {
    match theirs {
        Value::Null => assert_eq!(ours, &Value::Null, "{place}"),
        Value::Object(of) => {
            let ours = ours.as_object().unwrap_or_else(|| panic!("{place}: is no object"));
            assert_eq!(ours.keys().collect::<Vec<_>>(), of.keys().collect::<Vec<_>>(), "{place}");
            of.iter().for_each(|(name, theirs)| compare(&format!("{place}.{name}"), &ours[name], theirs));
        }
        theirs => {
            assert!(ours.is_string(), "{place}: {ours} where {theirs} is expected");
            assert!(agree(number(ours), number(theirs)), "{place}: {ours} is not {theirs}");
        }
    }
}

#[test]
fn every_figure_of_every_step_is_what_the_cases_say_r17() {
    let Some(folder) = recorded("accounting") else { return };
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let (mut cases, mut figures, mut published, mut skipped) = (0, 0, 0, Vec::new());
    for file in files {
        let output = posbook(&["fold", "--case", file.to_str().unwrap(), "--format", "json"]);
        assert!(output.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&output.stderr));
        let rows: BTreeMap<(String, u64), Value> = String::from_utf8(output.stdout)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            .map(|row| ((row["id"].as_str().unwrap().to_owned(), row["step"].as_u64().unwrap()), row))
            .collect();
        let golden: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        for case in golden["cases"].as_array().unwrap() {
            let id = case["id"].as_str().unwrap().to_owned();
            cases += 1;
            let mut before = Value::Null;
            for (n, step) in (0..).zip(case["steps"].as_array().unwrap()) {
                let row = &rows[&(id.clone(), n)];
                if let Some(why) = row.get("skipped") {
                    assert!(step.get("given").is_some(), "{id}: only figures are skipped");
                    skipped.push(format!("{id}: {}", why.as_str().unwrap()));
                    continue;
                }
                for (name, theirs) in step["norm"].as_object().unwrap() {
                    compare(&format!("{id}[{n}].{name}"), &row[name], theirs);
                    figures += 1;
                }
                published += expected(case, step, row, &before);
                before = row.clone();
            }
        }
    }
    println!(
        "{cases} cases: {figures} figures and {published} published ones compared; skipped: {skipped:?}"
    );
    assert!(cases >= 139 && figures > 1_700, "{cases} cases, {figures} figures");
    assert_eq!(skipped.len(), 2);
}

/// Compares what the source published where its convention is ours; how many figures that were.
fn expected(case: &Value, step: &Value, row: &Value, before: &Value) -> usize {
    let Some(published) = step.get("expect").and_then(Value::as_object) else { return 0 };
    let tolerance = number(&case["tolerance"]).max(Decimal::new(1, 15));
    let settle = case["instrument"]["settle"].as_str().unwrap();
    let gross =
        |row: &Value| row["realized_gross_cum"].is_string().then(|| number(&row["realized_gross_cum"]));
    let fees = |row: &Value| row["fees_cum"].get(settle).map_or(Decimal::ZERO, number);
    let funding = |row: &Value| row["funding_cum"].is_string().then(|| number(&row["funding_cum"]));
    let net = |row: &Value| Some(gross(row)? - fees(row) + funding(row)?);
    let was = |of: &dyn Fn(&Value) -> Option<Decimal>| {
        if before.is_null() { Some(Decimal::ZERO) } else { of(before) }
    };
    let mut compared = 0;
    for (name, theirs) in published {
        let ours = match name.as_str() {
            "signed_qty" => Some(number(&row["signed_qty"])),
            "avg_entry" if row["avg_entry"].is_string() => Some(number(&row["avg_entry"])),
            "realized_gross" => gross(row),
            "fill_realized_gross" => gross(row).zip(was(&gross)).map(|(now, then)| now - then),
            "realized_net" => net(row),
            "unrealized" => Some(number(&row["unrealized"])),
            _ => None,
        };
        if let (Some(ours), true) = (ours, theirs.is_string()) {
            let place = format!("{}: {name}: {ours} is not the published {theirs}", case["id"]);
            assert!((ours - number(theirs)).abs() <= tolerance, "{place}");
            compared += 1;
        }
    }
    compared
}
