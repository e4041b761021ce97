//! The report as JSON: every figure as an exact text, or an object that says why it is not known.

use std::collections::BTreeMap;

use posbook::analytics::{Account, Figure, Life, Period, Results, Row};
use serde::Serialize;

use super::found::{Found, Money};

#[derive(Serialize)]
pub struct Report<'a> {
    folder: &'a str,
    first: u64,
    last: u64,
    from: Option<i64>,
    to: Option<i64>,
    currencies: Vec<InCurrency<'a>>,
    open: usize,
    lives_ended: u64,
    lives: Vec<Ended<'a>>,
    warnings: &'a [String],
}

#[derive(Serialize)]
struct InCurrency<'a> {
    currency: &'a str,
    #[serde(flatten)]
    figures: Figures,
    endings: Vec<Ending>,
    groups: Vec<Group<'a>>,
    /// By the length of period.
    periods: BTreeMap<&'static str, Vec<InPeriod>>,
}

#[derive(Serialize)]
struct Figures {
    equity: Figure,
    estimate: Figure,
    realised: Figure,
    fees: Figure,
    funding: Figure,
    unrealised: Figure,
    unexplained: Figure,
    gross_exposure: Figure,
    net_exposure: Figure,
    turnover: Figure,
    fee_rate: Figure,
    fee_share: Figure,
    seconds_in_market: f64,
    open: u64,
    drawdown: Drawdown,
    #[serde(flatten)]
    results: Lives,
    sharpe: BTreeMap<&'static str, Figure>,
}

#[derive(Serialize)]
struct Drawdown {
    now: Figure,
    worst: Figure,
    from: Option<i64>,
    at: Option<i64>,
}

#[derive(Serialize)]
struct Lives {
    lives: u64,
    lives_unknown: u64,
    wins: u64,
    losses: u64,
    win_rate: Figure,
    expectancy: Figure,
    profit_factor: Figure,
    average_win: Figure,
    average_loss: Figure,
    largest_win: Figure,
    largest_loss: Figure,
}

#[derive(Serialize)]
struct Ending {
    ending: String,
    lives: u64,
    net: String,
    unknown: u64,
}

#[derive(Serialize)]
struct Group<'a> {
    kind: &'static str,
    name: &'a str,
    #[serde(flatten)]
    figures: Figures,
}

#[derive(Serialize)]
struct InPeriod {
    begins: i64,
    booked: Figure,
    realised: Figure,
    fees: Figure,
    funding: Figure,
    turnover: Figure,
    #[serde(flatten)]
    results: Lives,
}

#[derive(Serialize)]
struct Ended<'a> {
    #[serde(flatten)]
    life: &'a Life,
    result: Figure,
    held_seconds: f64,
}

impl<'a> Report<'a> {
    pub fn of(found: &'a Found) -> Self {
        Self {
            folder: &found.folder,
            first: found.first,
            last: found.last,
            from: found.between.map(|(from, _)| from.0),
            to: found.between.map(|(_, to)| to.0),
            currencies: found.currencies.iter().map(InCurrency::of).collect(),
            open: found.open,
            lives_ended: found.lives_ended,
            lives: found
                .lives
                .iter()
                .map(|life| Ended { life, result: life.result(), held_seconds: life.held().as_secs_f64() })
                .collect(),
            warnings: &found.warnings,
        }
    }
}

impl<'a> InCurrency<'a> {
    fn of(money: &'a Money) -> Self {
        let endings = money.endings.iter().map(|ended| Ending {
            ending: ended.ending.to_string(),
            lives: ended.lives,
            net: ended.net.normalize().to_string(),
            unknown: ended.unknown,
        });
        let groups = money.groups.iter().map(|(group, name, account)| Group {
            kind: kind(group),
            name,
            figures: Figures::of(account),
        });
        let rows = |period| (Period::name(period), money.account.rows(period).map(InPeriod::of).collect());
        Self {
            currency: money.currency.as_str(),
            figures: Figures::of(&money.account),
            endings: endings.collect(),
            groups: groups.collect(),
            periods: Period::ALL.into_iter().map(rows).collect(),
        }
    }
}

fn kind(group: &posbook::analytics::Group) -> &'static str {
    use posbook::analytics::Group;
    match group {
        Group::Book => "book",
        Group::Side(_) => "side",
        Group::Owner(_) => "owner",
        Group::Instrument(_) => "instrument",
        Group::Base(_) => "base",
        Group::Tag(_) => "tag",
    }
}

impl Figures {
    fn of(account: &Account) -> Self {
        let drawdown = account.drawdown();
        let between = drawdown.worst_between();
        Self {
            equity: account.equity(),
            estimate: account.estimate(),
            realised: account.realised(),
            fees: account.fees(),
            funding: account.funding(),
            unrealised: account.unrealised(),
            unexplained: account.unexplained(),
            gross_exposure: account.gross(),
            net_exposure: account.net(),
            turnover: account.turnover(),
            fee_rate: account.fee_rate(),
            fee_share: account.fee_share(),
            seconds_in_market: account.time_in_market().as_secs_f64(),
            open: account.open(),
            drawdown: Drawdown {
                now: drawdown.now(),
                worst: drawdown.worst(),
                from: between.map(|(from, _)| from.0),
                at: between.map(|(_, at)| at.0),
            },
            results: Lives::of(account.results()),
            sharpe: Period::ALL.into_iter().map(|period| (period.name(), account.sharpe(period))).collect(),
        }
    }
}

impl Lives {
    fn of(results: &Results) -> Self {
        Self {
            lives: results.known() + results.unknown(),
            lives_unknown: results.unknown(),
            wins: results.wins(),
            losses: results.losses(),
            win_rate: results.win_rate(),
            expectancy: results.expectancy(),
            profit_factor: results.profit_factor(),
            average_win: results.average_win(),
            average_loss: results.average_loss(),
            largest_win: results.largest_win(),
            largest_loss: results.largest_loss(),
        }
    }
}

impl InPeriod {
    fn of(row: &Row) -> Self {
        Self {
            begins: row.begins().0,
            booked: row.booked(),
            realised: row.realised(),
            fees: row.fees(),
            funding: row.funding(),
            turnover: row.turnover(),
            results: Lives::of(row.results()),
        }
    }
}
