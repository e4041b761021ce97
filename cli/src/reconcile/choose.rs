//! How repairs are chosen, in words and files; and the figures on the command line.

use std::path::PathBuf;

use clap::Args;
use posbook::reconcile::{Consent, Policies, Policy, Ways};
use posbook::{Price, Symbol, Timestamp};

use crate::{Failure, input};

/// How differences are repaired.
#[derive(Debug, Args)]
pub struct Choice {
    /// `thorough`: presence, side and quantity are repaired or frozen, every other field is named; `default`: the others are
    /// not compared; or a JSON file of policies (docs/reconcile.md).
    #[arg(long, value_name = "WORD|FILE", default_value = "thorough")]
    policy: PathBuf,

    /// What is done about one field, over the policy: venue-only, book-only, side, quantity, leverage, entry, margin-mode,
    /// liquidation-price; and venue-wins, book-wins, report, quarantine or, of the last four fields, ignore.
    #[arg(long, value_name = "FIELD=WAY", value_parser = pair)]
    set: Vec<(String, String)>,

    /// An empty report means that the account is flat: without this it freezes what it covers.
    #[arg(long)]
    empty_means_flat: bool,
}

impl Choice {
    pub fn policies(&self) -> Result<Policies, Failure> {
        let mut policies: Policies = match self.policy.to_str() {
            Some("thorough") => Policy { ways: Ways::thorough(), ..Policy::default() }.into(),
            Some("default") => Policies::default(),
            _ => serde_json::from_str(&input::text(&self.policy)?)
                .map_err(|wrong| Failure::Input(format!("{}: {wrong}", self.policy.display())))?,
        };
        for (field, way) in &self.set {
            let wrong = |why: String| Failure::Input(format!("--set {field}={way}: {why}"));
            policies.general.ways = set(policies.general.ways, field, way).map_err(wrong)?;
            for own in &mut policies.keys {
                own.policy.ways = set(own.policy.ways, field, way).map_err(wrong)?;
            }
        }
        if self.empty_means_flat {
            policies.general.consent = Consent::EmptyMeansFlat;
            policies.keys.iter_mut().for_each(|own| own.policy.consent = Consent::EmptyMeansFlat);
        }
        Ok(policies)
    }
}

/// One field of the ways, by the words of their stored form: what that refuses is refused here.
fn set(ways: Ways, field: &str, way: &str) -> Result<Ways, String> {
    let mut stored = serde_json::to_value(ways).map_err(|wrong| wrong.to_string())?;
    let fields = stored.as_object_mut().ok_or("no fields")?;
    let name = field.replace('-', "_");
    let known = fields.keys().map(|name| name.replace('_', "-")).collect::<Vec<_>>().join(", ");
    let place = fields.get_mut(&name).ok_or_else(|| format!("{field:?} is none of {known}"))?;
    *place = if way == "ignore" { serde_json::Value::Null } else { way.replace('-', "_").into() };
    serde_json::from_value(stored).map_err(|wrong| wrong.to_string())
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (field, way) = text.split_once('=').ok_or("is not FIELD=WAY")?;
    Ok((field.to_owned(), way.to_owned()))
}

/// A price of a symbol; a symbol may have an equals sign in it, a price has none.
pub fn mark(text: &str) -> Result<(Symbol, Price), String> {
    let (symbol, price) = text.rsplit_once('=').ok_or("is not SYMBOL=PRICE")?;
    let says = |wrong: posbook::Rejection| wrong.to_string();
    Ok((symbol.parse().map_err(says)?, price.parse().map_err(says)?))
}

/// Refuses a report's time that is in the future, wherever it was stated: every later report would be an old one.
pub fn has_been(time: Timestamp) -> Result<(), String> {
    let latest =
        Timestamp::from_millis(jiff::Timestamp::now().as_millisecond().saturating_add(A_CLOCK_AHEAD));
    if time <= latest {
        return Ok(());
    }
    let ms = time.0 / 1_000_000;
    Err(format!(
        "the report's time, {ms} ms after 1970, is in the future: every later report would be an old one"
    ))
}

/// So many milliseconds a venue's clock may be ahead.
const A_CLOCK_AHEAD: i64 = 60_000;

/// A moment of the venue's clock.
pub fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(milliseconds) = text.parse() {
        return Ok(Timestamp::from_millis(milliseconds));
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| {
        format!("{text:?} is neither milliseconds since 1970 nor a time such as 2026-11-27T06:00:00Z")
    })?;
    i64::try_from(time.as_nanosecond())
        .map(Timestamp)
        .map_err(|_| format!("{text:?} is no time that a journal can have"))
}
