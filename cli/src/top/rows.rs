//! The list: filtered, sorted, and under headings with sums.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use posbook::{Decimal, Side};

use super::choice::{Choice, Filter, Grouping, Sort};
use super::look::{Look, Row};

/// A line of the list.
pub enum Line<'a> {
    Position(&'a Row),
    /// What follows, up to the next of these, comes to this.
    Heading {
        name: String,
        currency: String,
        positions: usize,
        unrealised: Option<Decimal>,
        value: Option<Decimal>,
    },
}

pub fn lines<'a>(look: &'a Look, choice: &Choice) -> Vec<Line<'a>> {
    let mut rows: Vec<&Row> = look.positions.iter().filter(|row| is_in(row, choice.filter)).collect();
    match choice.sort {
        Sort::Symbol => rows.sort_by(|a, b| (&a.symbol, a.leg, a.owner).cmp(&(&b.symbol, b.leg, b.owner))),
        // What is not known is last.
        Sort::Profit => rows.sort_by_key(|row| (row.unrealised.is_none(), row.unrealised)),
        Sort::Value => rows.sort_by_key(|row| Reverse(row.value)),
        Sort::Age => rows.sort_by_key(|row| row.opened_at),
        Sort::Stop => rows.sort_by_key(|row| (row.to_stop.is_none(), row.to_stop)),
    }
    let name = |row: &Row| match choice.group {
        Grouping::Nothing => String::new(),
        Grouping::Owner if row.owner == 0 => "unowned".to_owned(),
        Grouping::Owner => format!("owner {}", row.owner),
        Grouping::Base => row.base.clone(),
        Grouping::Side => row.side.to_string(),
        Grouping::Tags if row.tags.is_empty() => "untagged".to_owned(),
        Grouping::Tags => row.tags.to_string(),
    };
    if choice.group == Grouping::Nothing {
        return rows.into_iter().map(Line::Position).collect();
    }
    // Currencies are never added up: a heading is of one.
    let mut groups: BTreeMap<(String, String), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        groups.entry((name(row), row.currency.clone())).or_default().push(row);
    }
    let mut lines = Vec::new();
    for ((name, currency), rows) in groups {
        let sum = |of: fn(&Row) -> Option<Decimal>| {
            rows.iter().try_fold(Decimal::ZERO, |sum, row| sum.checked_add(of(row)?))
        };
        let (unrealised, value) = (sum(|row| row.unrealised), sum(|row| row.value));
        lines.push(Line::Heading { name, currency, positions: rows.len(), unrealised, value });
        lines.extend(rows.into_iter().map(Line::Position));
    }
    lines
}

fn is_in(row: &Row, filter: Filter) -> bool {
    match filter {
        Filter::All => true,
        Filter::Long => row.side == Side::Long,
        Filter::Short => row.side == Side::Short,
        Filter::Flagged => row.flags.chars().any(|flag| flag != 'o'),
    }
}
