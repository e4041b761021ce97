//! What a journal says: everything that the page and the JSON show, read in one pass.

use std::collections::BTreeMap;
use std::path::Path;

use posbook::analytics::{Account, Ending, Figure, Group, Keep, Life, Performance, Period, Row};
use posbook::journal::History;
use posbook::{Currency, Decimal, Timestamp};

use super::curve::Curve;
use super::words;
use crate::Failure;
use crate::output::progress;

/// Everything that was found.
pub struct Found {
    pub folder: String,
    pub first: u64,
    pub last: u64,
    pub between: Option<(Timestamp, Timestamp)>,
    pub currencies: Vec<Money>,
    /// The newest lives that ended, the newest first.
    pub lives: Vec<Life>,
    pub lives_ended: u64,
    pub open: usize,
    /// What a reader has to know to read the figures right.
    pub warnings: Vec<String>,
}

/// The figures in one currency.
pub struct Money {
    pub currency: Currency,
    pub account: Account,
    pub equity: Curve,
    pub drawdown: Curve,
    /// Every other group, with the name that it is shown by.
    pub groups: Vec<(Group, String, Account)>,
    pub endings: Vec<Ended>,
    /// The length of period that shows best, and its rows.
    pub period: Period,
    pub rows: Vec<Row>,
    /// What each life earned, the oldest first.
    pub results: Vec<f64>,
}

/// What one cause of closing came to.
pub struct Ended {
    pub ending: Ending,
    pub lives: u64,
    pub net: Decimal,
    /// Of how many what they earned is not known.
    pub unknown: u64,
}

/// More bars than this are not told apart.
const MOST_BARS: i64 = 48;

/// As a number to draw: of a decimal the nearest.
pub fn drawn(value: Decimal) -> f64 {
    value.try_into().unwrap_or(0.0)
}

impl Found {
    pub fn read(folder: &Path, most_lives: usize) -> Result<Self, Failure> {
        let history = History::open(folder)?;
        let (first, last) = history.bounds()?;
        let mut place = history.beginning()?;
        let view = place.view();
        let keep = Keep { lives: most_lives, rows: usize::MAX };
        let mut performance = Performance::begin(&view, keep);
        let bar = progress(last.0.saturating_sub(view.sequence().0), "reading");
        let (mut ways, mut endings) = (BTreeMap::new(), BTreeMap::new());
        let mut results: BTreeMap<Currency, Vec<f64>> = BTreeMap::new();
        let mut refused = None;
        history.go_on(&mut place, |publication| {
            bar.inc(publication.len() as u64);
            for change in publication {
                match performance.follow(change) {
                    Ok(None) => {}
                    Ok(Some(life)) => {
                        count(&mut endings, &life);
                        if let Some(result) = life.result().known() {
                            results.entry(life.settle.clone()).or_default().push(drawn(result));
                        }
                    }
                    Err(wrong) => refused = Some(wrong),
                }
            }
            draw(&performance, &mut ways);
        })?;
        bar.finish_and_clear();
        if let Some(wrong) = refused {
            return Err(Failure::Input(format!("{}: {wrong}", folder.display())));
        }
        let currencies = performance
            .accounts()
            .filter(|(_, group, _)| **group == Group::Book)
            .map(|(currency, _, account)| {
                let (equity, drawdown) = ways.remove(currency).unwrap_or_default();
                let (period, rows) = periods(account);
                let ended = Ending::ALL.into_iter();
                Money {
                    currency: currency.clone(),
                    account: account.clone(),
                    equity,
                    drawdown,
                    groups: groups(&performance, currency),
                    endings: ended.filter_map(|of| endings.remove(&(currency.clone(), of))).collect(),
                    period,
                    rows,
                    results: results.remove(currency).unwrap_or_default(),
                }
            })
            .collect();
        let mut found = Self {
            folder: folder.display().to_string(),
            first: first.0,
            last: last.0,
            between: performance.between(),
            currencies,
            lives: performance.lives().ended().rev().cloned().collect(),
            lives_ended: performance.lives().count(),
            open: performance.lives().open(),
            warnings: Vec::new(),
        };
        found.warnings = found.warn(view.sequence().0);
        if let Some(lost) = history.lost()? {
            found.warnings.push(format!(
                "changes are missing: it ends with {last}, and {lost} was acknowledged; `posbook verify {}` says more",
                folder.display()
            ));
        }
        Ok(found)
    }

    fn warn(&self, began: u64) -> Vec<String> {
        let mut warnings = Vec::new();
        if began > 0 {
            warnings.push(format!(
                "this journal was pruned: it begins with change {}; what was booked before is in the sums of the whole, of owners, instruments and bases, and in no period, life, side, tag, turnover or drawdown",
                began + 1
            ));
        }
        for Money { currency, account, .. } in &self.currencies {
            if account.gaps() > 0 {
                let gap = account.unexplained().known();
                warnings.push(format!(
                    "positions were dropped without the fills that closed them; what they earned is unknown. Their cost was {} {currency}",
                    gap.map_or_else(|| words::UNKNOWN.to_owned(), words::amount)
                ));
            }
            if account.results().unknown() > 0 {
                warnings.push(format!(
                    "of {} lives what they earned in {currency} is not known; they are in no statistic",
                    account.results().unknown()
                ));
            }
            if account.unrealised().known().is_none() {
                warnings.push(format!(
                    "no price was seen of some of what is open in {currency}: it is taken at its cost"
                ));
            }
        }
        warnings
    }

    /// From when to when.
    pub fn span(&self) -> String {
        match self.between {
            Some((from, to)) => {
                format!("{} to {} UTC, {}", words::time(from), words::time(to), words::span(to.since(from)))
            }
            None => "nothing has happened".to_owned(),
        }
    }
}

impl Money {
    /// Which strategy, by owner and by tag, and which instrument earned most and least. Those of which there is one only are left out.
    pub fn best_and_worst(&self) -> Vec<(&'static str, Earned<'_>, Earned<'_>)> {
        let kinds: [Kind; 3] = [
            ("strategy", |group| matches!(group, Group::Owner(_))),
            ("tag", |group| matches!(group, Group::Tag(_))),
            ("instrument", |group| matches!(group, Group::Instrument(_))),
        ];
        let of = |(what, wanted): Kind| {
            let groups = self.groups.iter().filter(|(group, _, _)| wanted(group));
            let mut earned: Vec<Earned<'_>> = groups
                .filter_map(|(_, name, account)| Some((name.as_str(), account.estimate().known()?)))
                .collect();
            earned.sort_by_key(|(_, earned)| *earned);
            let (worst, best) = (earned.first()?, earned.last()?);
            (earned.len() > 1).then_some((what, *best, *worst))
        };
        kinds.into_iter().filter_map(of).collect()
    }
}

/// A kind of group by its name.
type Kind = (&'static str, fn(&Group) -> bool);
/// Whose, and how much.
pub type Earned<'a> = (&'a str, Decimal);

/// One more life ended by its cause.
fn count(endings: &mut BTreeMap<(Currency, Ending), Ended>, life: &Life) {
    let new = Ended { ending: life.ending, lives: 0, net: Decimal::ZERO, unknown: 0 };
    let ended = endings.entry((life.settle.clone(), life.ending)).or_insert(new);
    ended.lives += 1;
    match life.result() {
        Figure::Known(result) => ended.net = ended.net.checked_add(result).unwrap_or(ended.net),
        Figure::Unknown(_) => ended.unknown += 1,
    }
}

/// Where equity and drawdown stand now, on their ways.
fn draw(performance: &Performance, ways: &mut BTreeMap<Currency, (Curve, Curve)>) {
    let Some((_, now)) = performance.between() else { return };
    for (currency, group, account) in performance.accounts() {
        if *group != Group::Book {
            continue;
        }
        let (Some(equity), Some(fallen)) = (account.estimate().known(), account.drawdown().now().known())
        else {
            continue;
        };
        let (equities, drawdowns) = match ways.get_mut(currency) {
            Some(ways) => ways,
            None => ways.entry(currency.clone()).or_default(),
        };
        equities.push(now, drawn(equity));
        drawdowns.push(now, -drawn(fallen));
    }
}

/// The shortest periods of which a screen shows all.
fn periods(account: &Account) -> (Period, Vec<Row>) {
    let count = |period: Period| {
        let mut rows = account.rows(period);
        let first = rows.next().map(Row::begins);
        let last = rows.next_back().map(Row::begins).or(first);
        first.zip(last).map_or(0, |(first, last)| period.number(last) - period.number(first) + 1)
    };
    let fits = |period: &Period| count(*period) <= MOST_BARS;
    let period = Period::ALL.into_iter().find(fits).unwrap_or(Period::Month);
    (period, account.rows(period).cloned().collect())
}

fn groups(performance: &Performance, of: &Currency) -> Vec<(Group, String, Account)> {
    performance
        .accounts()
        .filter(|(currency, group, _)| *currency == of && **group != Group::Book)
        .map(|(_, group, account)| {
            let name = match group {
                Group::Instrument(id) => {
                    performance.instrument(*id).map_or_else(|| group.to_string(), |i| i.symbol().to_string())
                }
                Group::Tag(tag) => tag.to_string(),
                group => group.to_string(),
            };
            (group.clone(), name, account.clone())
        })
        .collect()
}
