//! The screen: sums and health on top, the list, the last changes, and which key does what. Good at 80 columns; a wider one has
//! more columns.

use std::time::Duration;

use posbook::{Decimal, Side, Timestamp};
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line as TextLine, Span};
use ratatui::widgets::{Paragraph, Widget};

use super::choice::{Choice, word};
use super::look::{Look, Row};
use super::rows::{Line, lines};
use crate::report::words;

/// A column: its title, how wide it is, and whether it is to the right.
struct Column {
    title: &'static str,
    width: u16,
    right: bool,
    /// Of the columns that do not fit those with the highest are left out.
    rank: u8,
    cell: fn(&Row) -> String,
}

static COLUMNS: [Column; 18] = [
    Column { title: "symbol", width: 14, right: false, rank: 0, cell: |row| row.symbol.clone() },
    Column { title: "leg", width: 5, right: false, rank: 9, cell: |row| row.leg.to_owned() },
    Column { title: "owner", width: 5, right: true, rank: 4, cell: |row| owner(row.owner) },
    Column { title: "side", width: 5, right: false, rank: 0, cell: |row| row.side.to_string() },
    Column { title: "quantity", width: 8, right: true, rank: 0, cell: |row| words::price(row.quantity) },
    Column { title: "entry", width: 8, right: true, rank: 1, cell: |row| short(Some(row.entry)) },
    Column { title: "mark", width: 8, right: true, rank: 2, cell: |row| short(row.mark) },
    Column {
        title: "profit",
        width: 8,
        right: true,
        rank: 0,
        cell: |row| row.unrealised.map_or_else(none, words::plus),
    },
    Column { title: "%", width: 5, right: true, rank: 3, cell: |row| row.percent.map_or_else(none, signed) },
    Column {
        title: "lev",
        width: 4,
        right: true,
        rank: 6,
        cell: |row| row.leverage.map_or_else(none, |l| l.to_string()),
    },
    Column { title: "bankrupt", width: 8, right: true, rank: 11, cell: |row| short(row.bankrupt) },
    Column { title: "stop", width: 8, right: true, rank: 7, cell: |row| short(row.stop) },
    Column {
        title: "stop%",
        width: 5,
        right: true,
        rank: 3,
        cell: |row| row.to_stop.map_or_else(none, percent),
    },
    Column { title: "take", width: 8, right: true, rank: 8, cell: |row| short(row.take) },
    Column {
        title: "take%",
        width: 5,
        right: true,
        rank: 5,
        cell: |row| row.to_take.map_or_else(none, percent),
    },
    Column { title: "age", width: 4, right: true, rank: 2, cell: |row| brief(row.age) },
    Column { title: "tags", width: 12, right: false, rank: 10, cell: |row| row.tags.to_string() },
    Column { title: "is", width: 3, right: false, rank: 0, cell: |row| row.flags.clone() },
];

fn none() -> String {
    "–".to_owned()
}

fn owner(owner: u32) -> String {
    if owner == 0 { String::new() } else { owner.to_string() }
}

fn short(price: Option<Decimal>) -> String {
    price.map_or_else(none, |price| price.round_sf(6).unwrap_or(price).normalize().to_string())
}

fn percent(value: Decimal) -> String {
    let digits = if value.abs() < Decimal::TEN { 2 } else { 1 };
    value.round_dp(digits).to_string()
}

fn signed(value: Decimal) -> String {
    let sign = if value > Decimal::ZERO { "+" } else { "" };
    format!("{sign}{}", percent(value)).replace('-', "−")
}

/// A span in its largest unit.
fn brief(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds @ 120..7_200 => format!("{}m", seconds / 60),
        seconds @ 7_200..172_800 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// How many lines everything takes.
pub fn height(look: &Look, choice: &Choice) -> u16 {
    let list = lines(look, choice).len().max(1);
    let all = 2 + look.sums.len() + 1 + 1 + list + 1 + look.recent.len() + 1;
    u16::try_from(all).unwrap_or(u16::MAX)
}

/// The columns that fit.
fn fitting(width: u16) -> Vec<&'static Column> {
    let mut columns: Vec<&Column> = COLUMNS.iter().collect();
    let taken =
        |columns: &[&Column]| columns.iter().map(|column| column.width + 1).sum::<u16>().saturating_sub(1);
    while taken(&columns) > width {
        let Some(last) = columns.iter().map(|column| column.rank).max().filter(|rank| *rank > 0) else {
            break;
        };
        // The rightmost of that rank first.
        if let Some(place) = columns.iter().rposition(|column| column.rank == last) {
            columns.remove(place);
        }
    }
    columns
}

pub fn draw(look: &Look, choice: &Choice, colours: bool, area: Rect, buffer: &mut Buffer) {
    let style = |colour: Color| if colours { Style::new().fg(colour) } else { Style::new() };
    let soft = if colours { Style::new().add_modifier(Modifier::DIM) } else { Style::new() };
    let heights = [
        Constraint::Length(2),
        Constraint::Length(u16::try_from(look.sums.len()).unwrap_or(1)),
        Constraint::Length(1),
        Constraint::Min(2),
        Constraint::Length(u16::try_from(look.recent.len() + 1).unwrap_or(1)),
        Constraint::Length(1),
    ];
    let [head, sums, _, list, recent, foot] = Layout::vertical(heights).areas(area);
    let alarm = look.lost.is_some() || look.in_doubt > 0 || look.troubled > 0 || look.strays > 0;
    let health = if alarm { style(Color::Red) } else { Style::new() };
    Paragraph::new(vec![TextLine::from(title(look)), TextLine::styled(told(look), health)])
        .render(head, buffer);
    let money: Vec<_> = look.sums.iter().map(|sum| TextLine::from(in_currency(sum, area.width))).collect();
    Paragraph::new(money).render(sums, buffer);

    let columns = fitting(list.width);
    let all = lines(look, choice);
    // Not beyond the last line.
    let scrolled = choice.scrolled.min(all.len().saturating_sub(1));
    let shown = all.iter().skip(scrolled).map(|line| match line {
        Line::Position(row) => position(row, &columns, &style),
        Line::Heading { name, currency, positions, unrealised, value } => {
            let [unrealised, value] = [unrealised.map(words::plus), value.map(words::amount)]
                .map(|sum| sum.unwrap_or_else(|| words::UNKNOWN.to_owned()));
            let text = format!("{name}: {positions} open, profit {unrealised}, worth {value} {currency}");
            TextLine::styled(
                text,
                if colours { Style::new().add_modifier(Modifier::BOLD) } else { Style::new() },
            )
        }
    });
    let titles = columns.iter().map(|column| column.fit(column.title)).collect::<Vec<_>>().join(" ");
    let mut rows = vec![TextLine::styled(titles, soft)];
    rows.extend(shown);
    if all.is_empty() {
        let open = !look.positions.is_empty();
        rows.push(TextLine::from(if open {
            "nothing that the filter lets through"
        } else {
            "nothing is open"
        }));
    }
    Paragraph::new(rows).render(list, buffer);

    let mut changes = vec![TextLine::styled("last changes", soft)];
    changes.extend(look.recent.iter().rev().map(|recent| {
        let when = words::brief(Timestamp(recent.time), Duration::ZERO);
        TextLine::from(format!("{when} {:>7} {}", recent.sequence, recent.what))
    }));
    Paragraph::new(changes).render(recent, buffer);
    let keys = format!(
        "q quit  s sort: {}  f filter: {}  g group: {}  ↑↓ scroll",
        word(&choice.sort),
        word(&choice.filter),
        word(&choice.group)
    );
    Paragraph::new(keys).style(soft).render(foot, buffer);
}

/// A position in a line, what matters in colours.
fn position(row: &Row, columns: &[&Column], style: &impl Fn(Color) -> Style) -> TextLine<'static> {
    let mut spans = Vec::new();
    for column in columns {
        let tone = match (column.title, row.unrealised) {
            ("profit" | "%", Some(by)) if by > Decimal::ZERO => style(Color::Green),
            ("profit" | "%", Some(by)) if by < Decimal::ZERO => style(Color::Red),
            ("is", _) => style(Color::Yellow),
            ("side", _) if row.side == Side::Short => style(Color::Magenta),
            _ => Style::new(),
        };
        if !spans.is_empty() {
            spans.push(Span::raw(" "));
        }
        spans.push(Span::styled(column.fit(&(column.cell)(row)), tone));
    }
    TextLine::from(spans)
}

impl Column {
    /// As wide as the column; what does not fit is cut off visibly.
    fn fit(&self, text: &str) -> String {
        let width = usize::from(self.width);
        if text.chars().count() > width {
            return text.chars().take(width.saturating_sub(1)).chain(['…']).collect();
        }
        if self.right { format!("{text:>width$}") } else { format!("{text:<width$}") }
    }
}

fn title(look: &Look) -> String {
    // All changes were pruned: a checkpoint says what stands, and not since when.
    if look.time == 0 {
        return format!("posbook top {}  change {}, all before it pruned", look.folder, look.sequence);
    }
    let time = words::time(Timestamp(look.time));
    format!("posbook top {}  change {} at {time} ({} ago)", look.folder, look.sequence, brief(look.age))
}

fn told(look: &Look) -> String {
    let mut text = format!(
        "{} open, {} orders, {} in doubt, {} keys in trouble, {} unprotected, {} strays",
        look.positions.len(),
        look.orders,
        look.in_doubt,
        look.troubled,
        look.unprotected,
        look.strays
    );
    if let Some(lost) = look.lost {
        text += &format!(", LOST up to change {lost}");
    }
    text
}

fn in_currency(sum: &super::look::Sum, width: u16) -> String {
    let [realised, fees, unrealised, together] =
        [sum.realised, sum.fees, sum.unrealised, sum.together].map(words::signed);
    let mut text =
        format!("{} {together}: realised {realised}, fees {fees}, unrealised {unrealised}", sum.currency);
    let exposure = format!("; gross {}, net {}", words::signed(sum.gross), words::signed(sum.net));
    if text.chars().count() + exposure.chars().count() <= usize::from(width) {
        text += &exposure;
    }
    text
}
