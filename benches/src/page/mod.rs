//! The report as one page: HTML with its style and its drawings in it, nothing from outside, readable on a telephone and by
//! night.

mod plot;

use std::fmt::Write as _;

use crate::compare::{Comparison, Difference};
use crate::curves::{Along, curves};
use crate::environment::QUIET;
use crate::mix::Kind;
use crate::report::Report;
use crate::sheet::{self, escape};
use crate::suite::{Row, groups};
use crate::targets::{State, Target, states};
use crate::time;

/// What only this page has.
const STYLE: &str = "
@media(max-width:40rem){.note{display:none}.targets tr{display:grid;grid-template-columns:2rem 4.5rem 4.5rem 1fr;border-bottom:1px solid var(--line)}.targets tr:first-child{display:none}.targets td{border:0;overflow-wrap:anywhere}.targets td:nth-child(2){grid-column:2/-1}.targets td:nth-child(3){grid-column:2}}
";

/// The whole page.
pub fn page(report: &Report<'_>) -> String {
    let Report { rows, run, clock, harness, environment, .. } = report;
    let mut html = sheet::head("posbook bench", STYLE);
    html.push_str("<h1>posbook bench</h1>");
    let _ = write!(
        html,
        "<p class=\"soft\">seed {}, medians of {} rounds of {} s, contenders in turn; memory from {}. Every measurement was audited: no lost update, no torn read, pictures of one moment, no gap in a record of changes. Only ratios inside one run mean anything.</p>",
        run.seed,
        run.rounds,
        run.time.as_secs_f64(),
        environment.allocator
    );
    if let Some(others) = report.others.filter(|others| *others > QUIET) {
        let _ = write!(
            html,
            "<p class=\"busy\">HOST BUSY: others used {:.0} % of this machine meanwhile. Costs are too high and tails are theirs; run it again when it is quiet.</p>",
            others * 100.0
        );
    }
    verdict(&mut html, report.targets);
    if let Some(comparison) = report.comparison {
        compared(&mut html, comparison);
    }
    grown(&mut html, rows);
    let groups: Vec<Vec<&Row>> = groups(rows).into_iter().filter(|group| group.len() > 1).collect();
    let _ = write!(
        html,
        "<h2>What an operation costs</h2><p class=\"soft\">Nanoseconds of its thread, the first role's, on a scale of powers of ten; the thin line is the least and the most of the rounds. {harness:.1} ns of each are the harness.</p>"
    );
    drawings(&mut html, &groups, plot::costs);
    let _ = write!(
        html,
        "<h2>How long one may take</h2><p class=\"soft\">Half of all, 99 %, 99.9 % and the longest, timed one by one; the large dot and the figure are 99.9 %. Asking the clock twice, which is in each, costs {clock:.0} ns. Where so many a second are named, it is the time from when an operation was meant to begin.</p>"
    );
    drawings(&mut html, &groups, |html, group| {
        Kind::ALL.into_iter().for_each(|kind| plot::tails(html, group, kind));
    });
    discussion(&mut html, &groups);
    html.push_str("<h2>Where</h2><dl>");
    for (name, value) in environment.lines() {
        let _ = write!(html, "<dt>{name}</dt><dd>{}</dd>", escape(&value));
    }
    let used =
        report.others.map_or_else(|| "unknown".to_owned(), |others| format!("{:.1} %", others * 100.0));
    let _ = write!(html, "<dt>others meanwhile</dt><dd>{used}</dd></dl></body></html>");
    html
}

fn verdict(html: &mut String, targets: &[Target]) {
    if targets.is_empty() {
        return;
    }
    let states = states(targets);
    let count = |wanted| states.iter().filter(|(_, state, _)| *state == wanted).count();
    let _ = write!(
        html,
        "<h2>Targets</h2><p>Of {}: {} met, {} missed, {} not measured by this command.</p><div class=\"wide\"><table class=\"targets\"><tr><th class=\"n\">#</th><th>target</th><th class=\"n\">want</th><th class=\"n\">got</th><th></th><th class=\"note\">figures</th></tr>",
        states.len(),
        count(State::Met),
        count(State::Missed),
        count(State::Elsewhere)
    );
    for target in targets {
        let (class, word) = match (target.met(), target.by) {
            (Some(true), _) => ("met", "met"),
            (Some(false), _) => ("missed", "missed"),
            (None, Some(by)) => ("soft", by),
            (None, None) => ("soft", "not in this run"),
        };
        let got = target.got_text();
        let note = if target.by.is_some() { "" } else { target.note.as_str() };
        let _ = write!(
            html,
            "<tr><td class=\"n\">{}</td><td>{}</td><td class=\"n\">{}</td><td class=\"n\">{got}</td><td class=\"{class}\">{word}</td><td class=\"note soft\">{}</td></tr>",
            target.id,
            escape(&target.what),
            escape(&target.want.to_string()),
            escape(note)
        );
    }
    html.push_str("</table></div>");
}

/// A drawing of each case; many are folded by workload.
fn drawings(html: &mut String, groups: &[Vec<&Row>], draw: impl Fn(&mut String, &[&Row])) {
    let name = |group: &[&Row]| group.first().map_or("", |row| row.case.workload.name.as_str()).to_owned();
    let mut names: Vec<String> = groups.iter().map(|group| name(group)).collect();
    names.sort();
    names.dedup();
    // The order of the run, not of the alphabet.
    names.sort_by_key(|workload| groups.iter().position(|group| name(group) == *workload));
    let folded = groups.len() > 24;
    if !folded {
        html.push_str("<div class=\"plots\">");
    }
    for workload in names {
        if folded {
            let _ = write!(html, "<details><summary>{}</summary><div class=\"plots\">", escape(&workload));
        }
        groups.iter().filter(|group| name(group) == workload).for_each(|group| draw(html, group));
        if folded {
            html.push_str("</div></details>");
        }
    }
    if !folded {
        html.push_str("</div>");
    }
}

/// Every row that both runs have, what changed most first.
fn compared(html: &mut String, comparison: &Comparison) {
    html.push_str("<h2>Beside the older run</h2><p class=\"soft\">New over old: above 1 it became dearer. Within noise: the least to the most of the rounds of both runs touch. Ratios between two runs are hints, not figures.</p>");
    for (name, old, new) in &comparison.environment {
        let _ = write!(html, "<p class=\"busy\">{name}: {} then, {} now</p>", escape(old), escape(new));
    }
    let (mut noise, mut changed): (Vec<_>, Vec<_>) = comparison.rows.iter().partition(|row| row.noise());
    for rows in [&mut changed, &mut noise] {
        rows.sort_by(|a, b| b.ratio().ln().abs().total_cmp(&a.ratio().ln().abs()));
    }
    if changed.is_empty() {
        html.push_str("<p>Nothing differs by more than noise.</p>");
    } else {
        differences(html, &changed);
    }
    if !noise.is_empty() {
        let _ = write!(html, "<details><summary>{} within noise</summary>", noise.len());
        differences(html, &noise);
        html.push_str("</details>");
    }
    let _ = write!(
        html,
        "<p class=\"soft\">{} rows are new, {} are in the older run only.</p>",
        comparison.added, comparison.gone
    );
}

fn differences(html: &mut String, rows: &[&Difference]) {
    html.push_str("<div class=\"wide\"><table><tr><th>case</th><th>contender</th><th class=\"n note\">old</th><th class=\"n note\">new</th><th class=\"n\">ratio</th><th></th></tr>");
    for row in rows {
        let class = match row.word() {
            "dearer" => "missed",
            "cheaper" => "met",
            _ => "soft",
        };
        let _ = write!(
            html,
            "<tr><td>{}</td><td>{}</td><td class=\"n note\">{}</td><td class=\"n note\">{}</td><td class=\"n\">{:.2}</td><td class=\"{class}\">{}</td></tr>",
            escape(&row.title),
            escape(row.who),
            time(row.old[0]),
            time(row.new[0]),
            row.ratio(),
            row.word()
        );
    }
    html.push_str("</table></div>");
}

/// Lines wherever three points of one were measured.
fn grown(html: &mut String, rows: &[Row]) {
    let all = curves(rows);
    for along in Along::ALL {
        let mut of = all.iter().filter(|curves| curves.along == along).peekable();
        if of.peek().is_none() {
            continue;
        }
        let _ = write!(html, "<h2>By {}</h2><div class=\"plots\">", along.name());
        for curves in of {
            plot::lines(html, curves);
        }
        html.push_str("</div>");
    }
}

/// Who beats us where, by how much: no choice, every one.
fn discussion(html: &mut String, groups: &[Vec<&Row>]) {
    html.push_str("<h2>Where others are faster</h2><ul>");
    let mut any = false;
    for group in groups {
        let cost = |row: &Row| row.first_cost();
        let Some(mine) = group.iter().find(|row| row.who == "posbook").map(|row| cost(row)) else { continue };
        let mut faster: Vec<(f64, &str, Option<&str>)> = group
            .iter()
            .filter(|row| !row.who.starts_with("posbook") && cost(row) < mine)
            .map(|row| (mine / cost(row), row.who, row.lacks()))
            .collect();
        faster.sort_by(|a, b| b.0.total_cmp(&a.0));
        if faster.is_empty() {
            continue;
        }
        any = true;
        let list: Vec<String> = faster
            .iter()
            .map(|(times, who, lacks)| {
                format!(
                    "{} {times:.1}×{}",
                    escape(who),
                    lacks.map_or_else(String::new, |lacks| format!(" ({lacks})"))
                )
            })
            .collect();
        let _ = write!(
            html,
            "<li><b>{}</b>: {}</li>",
            escape(&group.first().map_or_else(String::new, |row| row.title())),
            list.join(", ")
        );
    }
    html.push_str(if any { "</ul>" } else { "<li>Nowhere in this run.</li></ul>" });
    html.push_str("<p class=\"soft\">By the cost of an operation on its own thread. A lock is cheap as long as nobody else wants it: what its owner gains there, its readers wait for, which the tails above show. A write of posbook also recognises a fill that comes twice, keeps the ledger of its key and the sums of the book, and leaves a record for subscribers; of the others only those called \"+ record\" leave one.</p>");
}
