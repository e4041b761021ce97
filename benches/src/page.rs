//! The report as one page: HTML with its style and its drawings in it, nothing from outside, readable on a telephone and by
//! night.

use std::fmt::Write as _;

use crate::environment::{Environment, QUIET};
use crate::suite::{Row, Run, Target, time};
use crate::workload::Kind;

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--back:#fff;--mine:#0b6bcb;--other:#b8c0c8;--good:#1a7f37;--bad:#b3261e;--warn:#fff4d6}
@media(prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9aa4ae;--line:#30363d;--back:#0d1117;--mine:#58a6ff;--other:#4b5560;--good:#3fb950;--bad:#ff7b72;--warn:#3a2f10}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;margin:.2rem 0}h2{font-size:1.2rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--line)}h3{font-size:1rem;margin:1.2rem 0 .2rem}
p,li{overflow-wrap:anywhere}.soft{color:var(--soft);font-size:.9rem}
.busy{background:var(--warn);border:1px solid var(--line);padding:.6rem .8rem;border-radius:.4rem;font-weight:600}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}
td,th{text-align:left;padding:.25rem .5rem;border-bottom:1px solid var(--line);vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.met{color:var(--good);font-weight:600}.missed{color:var(--bad);font-weight:600}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:.5rem 1.5rem}
svg{width:100%;height:auto;display:block}svg text{fill:var(--ink);font:12px system-ui,sans-serif}svg text.soft{fill:var(--soft);font-size:12px}
.mine{fill:var(--mine);stroke:var(--mine)}.other{fill:var(--other);stroke:var(--other)}line.axis{stroke:var(--line)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;font-size:.9rem}dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
@media(max-width:40rem){.note{display:none}}
";

/// The whole page. `others`: the share of the machine that others used meanwhile.
pub fn page(
    rows: &[Row],
    targets: &[Target],
    run: &Run,
    clock: f64,
    environment: &Environment,
    others: Option<f64>,
) -> String {
    let mut html = String::new();
    let _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\"><title>posbook bench</title><style>{STYLE}</style></head><body><h1>posbook bench</h1>"
    );
    let _ = write!(
        html,
        "<p class=\"soft\">seed {}, medians of {} rounds of {} s, contenders in turn. Every measurement was audited: no lost update, no torn read, pictures of one moment, no gap in a record of changes. Only ratios inside one run mean anything.</p>",
        run.seed,
        run.rounds,
        run.time.as_secs_f64()
    );
    if let Some(others) = others.filter(|others| *others > QUIET) {
        let _ = write!(
            html,
            "<p class=\"busy\">HOST BUSY: others used {:.0} % of this machine meanwhile. Costs are too high and tails are theirs; run it again when it is quiet.</p>",
            others * 100.0
        );
    }
    verdict(&mut html, targets);
    html.push_str("<h2>What an operation costs</h2><p class=\"soft\">Nanoseconds of its thread, on a scale of powers of ten; the thin line is the least and the most of the rounds.</p><div class=\"plots\">");
    for group in groups(rows) {
        costs(&mut html, &group);
    }
    html.push_str("</div>");
    let _ = write!(
        html,
        "<h2>How long one may take</h2><p class=\"soft\">Half of all, 99 %, 99.9 % and the longest, timed one by one; the large dot and the figure are 99.9 %. Asking the clock twice, which is in each, costs {clock:.0} ns.</p><div class=\"plots\">"
    );
    for group in groups(rows) {
        for kind in Kind::ALL {
            tails(&mut html, &group, kind);
        }
    }
    html.push_str("</div>");
    curves(&mut html, rows);
    discussion(&mut html, rows);
    html.push_str("<h2>Where</h2><dl>");
    for (name, value) in environment.lines() {
        let _ = write!(html, "<dt>{name}</dt><dd>{}</dd>", escape(&value));
    }
    let used = others.map_or_else(|| "unknown".to_owned(), |others| format!("{:.1} %", others * 100.0));
    let _ = write!(html, "<dt>others meanwhile</dt><dd>{used}</dd></dl></body></html>");
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn verdict(html: &mut String, targets: &[Target]) {
    if targets.is_empty() {
        return;
    }
    let judged: Vec<bool> = targets.iter().filter_map(Target::met).collect();
    let met = judged.iter().filter(|met| **met).count();
    let _ = write!(
        html,
        "<h2>Targets</h2><p>{met} of {} hold here.</p><div class=\"wide\"><table><tr><th class=\"n\">#</th><th>target</th><th class=\"n\">want</th><th class=\"n\">got</th><th></th><th class=\"note\">figures</th></tr>",
        judged.len()
    );
    for target in targets {
        let (class, word) = match target.met() {
            Some(true) => ("met", "met"),
            Some(false) => ("missed", "missed"),
            None => ("soft", "elsewhere"),
        };
        let got = target.got.map_or_else(|| "–".to_owned(), |got| format!("{got:.3}"));
        let _ = write!(
            html,
            "<tr><td class=\"n\">{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{got}</td><td class=\"{class}\">{word}</td><td class=\"note soft\">{}</td></tr>",
            target.id,
            escape(&target.what),
            escape(&target.want.to_string()),
            escape(&target.note)
        );
    }
    html.push_str("</table></div>");
}

/// Rows of one case together: workload, positions, history.
fn groups(rows: &[Row]) -> Vec<Vec<&Row>> {
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    for row in rows {
        let same = |group: &&mut Vec<&Row>| {
            group.first().is_some_and(|first| {
                (&first.workload, first.positions, first.history)
                    == (&row.workload, row.positions, row.history)
            })
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups.retain(|group| group.len() > 1);
    groups
}

fn title(group: &[&Row]) -> String {
    group.first().map_or_else(String::new, |row| {
        let history = if row.history > 0 { format!(", {} fills before", row.history) } else { String::new() };
        format!("{}, {} positions{history}", row.workload, row.positions)
    })
}

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

fn class(row: &Row) -> &'static str {
    if row.who.starts_with("posbook") { "mine" } else { "other" }
}

fn costs(html: &mut String, group: &[&Row]) {
    let mut sorted: Vec<&&Row> = group.iter().collect();
    let cost = |row: &Row| row.cost.first().copied().unwrap_or(f64::NAN);
    sorted.sort_by(|a, b| cost(a).total_cmp(&cost(b)));
    let scale = Scale::over(group.iter().flat_map(|row| [cost(row), row.cost_between.0, row.cost_between.1]));
    let height = 20.0 * sorted.len() as f64;
    let name = title(group);
    let _ = write!(
        html,
        "<figure style=\"margin:0\"><h3>{}</h3><svg viewBox=\"0 0 400 {height}\" role=\"img\" aria-label=\"cost: {}\">",
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

fn tails(html: &mut String, group: &[&Row], kind: Kind) {
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
        "<figure style=\"margin:0\"><h3>{}</h3><svg viewBox=\"0 0 400 {height}\" role=\"img\" aria-label=\"latency: {}\">",
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

/// posbook's cost of an operation by the number of positions, where it was measured at more than two.
fn curves(html: &mut String, rows: &[Row]) {
    let mut table = String::new();
    let mut names: Vec<&str> = rows.iter().map(|row| row.workload.as_str()).collect();
    names.dedup();
    let mut sizes: Vec<usize> = rows.iter().map(|row| row.positions).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut listed = std::collections::BTreeSet::new();
    for name in names.into_iter().filter(|name| listed.insert(name.to_owned())) {
        let of = |positions: usize| {
            let row = rows.iter().find(|row| {
                (row.workload.as_str(), row.positions, row.history, row.who)
                    == (name, positions, 0, "posbook")
            });
            row.and_then(|row| row.cost.first().copied())
        };
        if sizes.iter().filter(|positions| of(**positions).is_some()).count() < 3 {
            continue;
        }
        let _ = write!(table, "<tr><td>{name}</td>");
        for positions in &sizes {
            let _ =
                write!(table, "<td class=\"n\">{}</td>", of(*positions).map_or_else(|| "–".to_owned(), time));
        }
        table.push_str("</tr>");
    }
    if table.is_empty() {
        return;
    }
    html.push_str("<h2>By number of positions</h2><div class=\"wide\"><table><tr><th>posbook</th>");
    for positions in sizes {
        let _ = write!(html, "<th class=\"n\">{positions}</th>");
    }
    let _ = write!(html, "</tr>{table}</table></div>");
}

/// Who beats us where, by how much: no choice, every one.
fn discussion(html: &mut String, rows: &[Row]) {
    html.push_str("<h2>Where others are faster</h2><ul>");
    let mut any = false;
    for group in groups(rows) {
        let cost = |row: &Row| row.cost.first().copied().unwrap_or(f64::NAN);
        let Some(mine) = group.iter().find(|row| row.who == "posbook").map(|row| cost(row)) else { continue };
        let mut faster: Vec<(f64, &str)> = group
            .iter()
            .filter(|row| !row.who.starts_with("posbook") && cost(row) < mine)
            .map(|row| (mine / cost(row), row.who))
            .collect();
        faster.sort_by(|a, b| b.0.total_cmp(&a.0));
        if faster.is_empty() {
            continue;
        }
        any = true;
        let list: Vec<String> =
            faster.iter().map(|(times, who)| format!("{} {times:.1}×", escape(who))).collect();
        let _ = write!(html, "<li><b>{}</b>: {}</li>", escape(&title(&group)), list.join(", "));
    }
    html.push_str(if any { "</ul>" } else { "<li>Nowhere in this run.</li></ul>" });
    html.push_str("<p class=\"soft\">By the cost of an operation on its own thread. A lock is cheap as long as nobody else wants it: what its owner gains there, its readers wait for, which the tails above show. A write of posbook also recognises a fill that comes twice, keeps the ledger of its key and the sums of the book, and leaves a record for subscribers; of the others only those called \"+ record\" leave one.</p>");
}
