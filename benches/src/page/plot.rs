//! The drawings: bars of what an operation costs, dots of how long one may take, lines of how a figure grows. Inline SVG whose colours
//! come from the page's style, so that they follow day and night.

use std::fmt::Write as _;

use crate::curves::{Along, Curves};
use crate::mix::Kind;
use crate::sheet::escape;
use crate::suite::Row;
use crate::time;

/// A scale of powers of ten over 400 units.
struct Scale {
    from: f64,
    to: f64,
}

/// Where names end and bars begin.
const LEFT: f64 = 138.0;
/// Where bars end and figures begin.
const RIGHT: f64 = 320.0;

impl Scale {
    fn over(values: impl Iterator<Item = f64>) -> Self {
        let (mut from, mut to) = (f64::INFINITY, 1.0_f64);
        for value in values.filter(|value| *value > 0.0 && value.is_finite()) {
            (from, to) = (from.min(value), to.max(value));
        }
        let from = if from.is_finite() { from } else { 1.0 };
        Self { from: from.log10().floor(), to: to.log10().ceil().max(from.log10().floor() + 1.0) }
    }

    fn at(&self, value: f64) -> f64 {
        let share = (value.max(1e-3).log10() - self.from) / (self.to - self.from);
        LEFT + share.clamp(0.0, 1.0) * (RIGHT - LEFT)
    }

    fn grid(&self, html: &mut String, height: f64) {
        let mut power = self.from;
        while power <= self.to {
            let x = self.at(10_f64.powf(power));
            let _ =
                write!(html, "<line class=\"axis\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{height}\"/>");
            power += 1.0;
        }
    }
}

/// The colour of a bar.
fn class(row: &Row) -> &'static str {
    if row.who.starts_with("posbook") { "mine" } else { "other" }
}

/// Bars, cheapest first; the thin line is the least and the most of the rounds.
pub(super) fn costs(html: &mut String, group: &[&Row]) {
    let mut sorted: Vec<&&Row> = group.iter().collect();
    let cost = Row::first_cost;
    sorted.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
    let scale = Scale::over(group.iter().flat_map(|row| [cost(row), row.cost_between.0, row.cost_between.1]));
    let height = 20.0 * sorted.len() as f64;
    let name = title(group);
    let _ = write!(
        html,
        "<figure><h3>{}</h3><svg viewBox=\"0 0 400 {height}\" role=\"img\" aria-label=\"cost: {}\">",
        escape(&name),
        escape(&name)
    );
    scale.grid(html, height);
    for (n, row) in sorted.iter().enumerate() {
        let (y, ns) = (20.0 * n as f64, cost(row));
        let (from, to) = (scale.at(row.cost_between.0), scale.at(row.cost_between.1));
        let _ = write!(
            html,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text><rect class=\"{}\" x=\"{LEFT}\" y=\"{}\" width=\"{:.1}\" height=\"10\" rx=\"1\"/><line class=\"{}\" x1=\"{from:.1}\" x2=\"{to:.1}\" y1=\"{}\" y2=\"{}\"/><text class=\"soft\" x=\"{}\" y=\"{}\">{}</text>",
            LEFT - 6.0,
            y + 14.0,
            escape(row.who),
            class(row),
            y + 5.0,
            (scale.at(ns) - LEFT).max(1.0),
            class(row),
            y + 17.0,
            y + 17.0,
            RIGHT + 6.0,
            y + 14.0,
            time(ns)
        );
    }
    html.push_str("</svg></figure>");
}

/// Four dots a contender, the best tail first.
pub(super) fn tails(html: &mut String, group: &[&Row], kind: Kind) {
    let mut rows: Vec<(&&Row, [f64; 4])> =
        group.iter().filter_map(|row| Some((row, *row.latency.get(&kind)?))).collect();
    if rows.len() < 2 {
        return;
    }
    rows.sort_by(|(_, a), (_, b)| a[2].total_cmp(&b[2]));
    let scale = Scale::over(rows.iter().flat_map(|(_, at)| *at));
    let height = 20.0 * rows.len() as f64;
    let one = group.iter().all(|row| row.latency.len() == 1);
    let name = if one { title(group) } else { format!("{} in {}", kind.name(), title(group)) };
    let _ = write!(
        html,
        "<figure><h3>{}</h3><svg viewBox=\"0 0 400 {height}\" role=\"img\" aria-label=\"latency: {}\">",
        escape(&name),
        escape(&name)
    );
    scale.grid(html, height);
    for (n, (row, at)) in rows.iter().enumerate() {
        let y = 20.0 * n as f64;
        let _ = write!(
            html,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text><line class=\"{}\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{}\" y2=\"{}\"/>",
            LEFT - 6.0,
            y + 14.0,
            escape(row.who),
            class(row),
            scale.at(at[0]),
            scale.at(at[3]),
            y + 10.0,
            y + 10.0
        );
        for (value, radius) in at.iter().zip([3.0, 3.0, 5.0, 2.0]) {
            let _ = write!(
                html,
                "<circle class=\"{}\" cx=\"{:.1}\" cy=\"{}\" r=\"{radius}\"/>",
                class(row),
                scale.at(*value),
                y + 10.0
            );
        }
        let _ = write!(
            html,
            "<text class=\"soft\" x=\"{}\" y=\"{}\">{}</text>",
            RIGHT + 6.0,
            y + 14.0,
            time(at[2])
        );
    }
    html.push_str("</svg></figure>");
}

/// Where the lines of a drawing have their frame: left, right, top, bottom.
const FRAME: [f64; 4] = [52.0, 392.0, 10.0, 210.0];

/// One axis of powers of ten.
struct Axis {
    from: f64,
    to: f64,
    begins: f64,
    ends: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, begins: f64, ends: f64) -> Self {
        let logs = values.filter(|value| *value > 0.0 && value.is_finite()).map(f64::log10);
        let (from, to) =
            logs.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), log| (a.min(log), b.max(log)));
        if from.is_finite() {
            Self { from, to: to.max(from + 0.1), begins, ends }
        } else {
            Self { from: 0.0, to: 1.0, begins, ends }
        }
    }

    fn at(&self, value: f64) -> f64 {
        let share = (value.max(1e-3).log10() - self.from) / (self.to - self.from);
        self.begins + share * (self.ends - self.begins)
    }
}

/// The contenders that have a colour; the rest are grey.
const COLOURED: [(&str, &str); 9] = [
    ("posbook", "mine"),
    ("posbook, copying", "mine dashed"),
    ("std Mutex", "c1"),
    ("std Mutex + record", "c1 dashed"),
    ("std RwLock", "c3"),
    ("parking_lot RwLock", "c2"),
    ("dashmap", "c4"),
    ("papaya", "c5"),
    ("plain CAS loop", "c6"),
];

fn line_class(who: &str) -> &'static str {
    COLOURED.iter().find(|(name, _)| *name == who).map_or("other", |(_, class)| class)
}

/// Lines over threads, positions or past fills, both axes in powers of ten, and the figures beneath.
pub(super) fn lines(html: &mut String, curves: &Curves) {
    let points = || curves.lines.iter().flat_map(|(_, points)| points.iter().copied());
    let x = Axis::over(points().map(|(x, _)| x), FRAME[0], FRAME[1]);
    // Whole powers of ten up and down, so that each grid line is one.
    let mut y = Axis::over(points().map(|(_, y)| y), FRAME[3], FRAME[2]);
    (y.from, y.to) = (y.from.floor(), y.to.ceil());
    let name = format!("{} by {}", curves.workload, curves.along.name());
    let _ = write!(
        html,
        "<figure><h3>{}</h3><p class=\"soft\" style=\"margin:0\">{}</p><svg viewBox=\"0 0 400 232\" role=\"img\" aria-label=\"{}\">",
        escape(&name),
        curves.along.unit(),
        escape(&name)
    );
    let mut power = y.from;
    while power <= y.to {
        let at = y.at(10_f64.powf(power));
        let _ = write!(
            html,
            "<line class=\"axis\" x1=\"{}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text class=\"soft\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            FRAME[0],
            FRAME[1],
            FRAME[0] - 5.0,
            at + 4.0,
            power_of_ten(curves.along, power)
        );
        power += 1.0;
    }
    let ticks = ticks(curves);
    for (n, tick) in ticks.iter().enumerate() {
        let anchor = if n == 0 {
            "start"
        } else if n + 1 == ticks.len() {
            "end"
        } else {
            "middle"
        };
        let _ = write!(
            html,
            "<text class=\"soft\" x=\"{:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
            x.at(*tick),
            FRAME[3] + 17.0,
            thousands(*tick)
        );
    }
    // Ours last, so that it lies on top.
    for (who, points) in curves.lines.iter().rev() {
        let class = line_class(who);
        let path: Vec<String> =
            points.iter().map(|(a, b)| format!("{:.1},{:.1}", x.at(*a), y.at(*b))).collect();
        let _ = write!(
            html,
            "<polyline class=\"{class}\" points=\"{}\"><title>{}</title></polyline>",
            path.join(" "),
            escape(who)
        );
        for (a, b) in points {
            let _ = write!(
                html,
                "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"/>",
                x.at(*a),
                y.at(*b)
            );
        }
    }
    html.push_str("</svg><div class=\"key\">");
    let known = || COLOURED.iter().filter(|(name, _)| curves.lines.iter().any(|(who, _)| who == name));
    let mut keys: Vec<(&str, &str)> = known().copied().collect();
    if curves.lines.len() > keys.len() {
        keys.push(("others", "other"));
    }
    for (name, class) in keys {
        let _ = write!(
            html,
            "<span><svg viewBox=\"0 0 20 8\" aria-hidden=\"true\"><polyline class=\"{class}\" points=\"0,4 20,4\"/></svg>{}</span>",
            escape(name)
        );
    }
    html.push_str("</div><details><summary>figures</summary><div class=\"wide\"><table><tr><th></th>");
    for tick in &ticks {
        let _ = write!(html, "<th class=\"n\">{}</th>", thousands(*tick));
    }
    html.push_str("</tr>");
    for (who, points) in &curves.lines {
        let _ = write!(html, "<tr><td>{}</td>", escape(who));
        for tick in &ticks {
            let point = points.iter().find(|(at, _)| at == tick);
            let cell = point.map_or_else(|| "–".to_owned(), |(_, figure)| amount(curves.along, *figure));
            let _ = write!(html, "<td class=\"n\">{cell}</td>");
        }
        html.push_str("</tr>");
    }
    html.push_str("</table></div></details></figure>");
}

/// Every place on the horizontal axis that something was measured at.
fn ticks(curves: &Curves) -> Vec<f64> {
    let mut ticks: Vec<f64> =
        curves.lines.iter().flat_map(|(_, points)| points.iter().map(|(x, _)| *x)).collect();
    ticks.sort_by(f64::total_cmp);
    ticks.dedup();
    ticks
}

fn thousands(value: f64) -> String {
    match value {
        value if value >= 1e6 => format!("{} M", value / 1e6),
        value if value >= 1e4 => format!("{} k", value / 1e3),
        value => format!("{value}"),
    }
}

/// A whole power of ten with its unit.
fn power_of_ten(along: Along, power: f64) -> String {
    let units = match along {
        Along::Positions | Along::History => ["ns", "µs", "ms", "s"],
        Along::Threads => ["", "k", "M", "G"],
    };
    let unit = (power / 3.0).floor().clamp(0.0, 3.0);
    let name = units.get(unit as usize).copied().unwrap_or_default();
    format!("{} {name}", 10_f64.powf(power - 3.0 * unit)).trim_end().to_owned()
}

/// A figure with its unit: nanoseconds, or so many a second.
fn amount(along: Along, value: f64) -> String {
    match along {
        Along::Positions | Along::History => time(value),
        Along::Threads if value >= 1e6 => format!("{:.3} M", value / 1e6).replace(".000", ""),
        Along::Threads if value >= 1e3 => format!("{:.3} k", value / 1e3).replace(".000", ""),
        Along::Threads => format!("{value:.0}"),
    }
}

fn title(group: &[&Row]) -> String {
    group.first().map_or_else(String::new, |row| row.title())
}
