//! A run as tables for people.

use std::fmt::Write as _;

use comfy_table::Table;
use posbook_bench::compare::Comparison;
use posbook_bench::environment::QUIET;
use posbook_bench::report::Report;
use posbook_bench::suite::Row;
use posbook_bench::targets::{Target, summary};

use crate::output;

/// Everything that is printed.
pub fn all(report: &Report<'_>) -> String {
    let mut text = String::new();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let _ = writeln!(
        text,
        "seed {}, {} rounds of {} s, {threads} hardware threads, memory from {}\nasking the clock twice costs {:.0} ns, which every latency contains; the harness {:.1} ns, which every cost contains\nevery measurement was audited: no lost update, no torn read, no gap in a record\n",
        report.run.seed,
        report.run.rounds,
        report.run.time.as_secs_f64(),
        report.environment.allocator,
        report.clock,
        report.harness
    );
    let _ = writeln!(text, "{}\n", rows(report.rows));
    if report.rows.iter().any(|row| row.lacks().is_some()) {
        let _ = writeln!(text, "* its picture is of no one moment, or its batch is seen in parts\n");
    }
    if !report.targets.is_empty() {
        let _ = writeln!(text, "{}\n\n{}", targets(report.targets), summary(report.targets));
    }
    if let Some(comparison) = report.comparison {
        compared(&mut text, comparison);
    }
    if let Some(others) = report.others.filter(|others| *others > QUIET) {
        let _ = writeln!(text, "HOST BUSY: others used {:.0} % of this machine meanwhile", others * 100.0);
    }
    text
}

fn rows(rows: &[Row]) -> Table {
    let mut table = output::table([
        "workload",
        "positions",
        "contender",
        "ns each",
        "least",
        "most",
        "a second",
        "p50",
        "p99",
        "p99.9",
        "of",
    ]);
    for row in rows {
        let case = &row.case;
        let history = if case.history > 0 { format!(", {} before", case.history) } else { String::new() };
        let open = case.rate.map_or_else(String::new, |rate| format!(" at {rate} a second"));
        let kept = row.kept().map_or_else(String::new, |kept| format!(" ({:.0} % kept)", kept * 100.0));
        let star = if row.lacks().is_some() { " *" } else { "" };
        for (n, (kind, [p50, p99, p999, _])) in row.latency.iter().enumerate() {
            let first = |cell: String| if n == 0 { cell } else { String::new() };
            table.add_row([
                first(format!("{}{history}{open}", case.workload.name)),
                first(case.positions.to_string()),
                first(format!("{}{star}", row.who)),
                first(format!("{:.1}", row.first_cost())),
                first(format!("{:.1}", row.cost_between.0)),
                first(format!("{:.1}", row.cost_between.1)),
                first(format!("{:.2} M{kept}", row.all_rate() / 1e6)),
                format!("{p50:.0}"),
                format!("{p99:.0}"),
                format!("{p999:.0}"),
                kind.name().to_owned(),
            ]);
        }
    }
    table
}

fn targets(targets: &[Target]) -> Table {
    let mut table = output::table(["#", "target", "want", "got", "", ""]);
    for target in targets {
        let met = match target.met() {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "-",
        };
        let (what, want) = (target.what.clone(), target.want.to_string());
        let (got, note) = (target.got_text(), target.note.clone());
        table.add_row([target.id.to_string(), what, want, got, met.to_owned(), note]);
    }
    table
}

fn compared(text: &mut String, comparison: &Comparison) {
    let mut table = output::table(["case", "contender", "old ns", "new ns", "new/old", ""]);
    for row in &comparison.rows {
        table.add_row([
            row.title.clone(),
            row.who.to_owned(),
            format!("{:.1}", row.old[0]),
            format!("{:.1}", row.new[0]),
            format!("{:.2}", row.ratio()),
            row.word().to_owned(),
        ]);
    }
    let _ = writeln!(
        text,
        "beside the older run; within noise: the least to the most of the rounds of both touch\n\n{table}\n"
    );
    for (name, old, new) in &comparison.environment {
        let _ = writeln!(text, "{name}: {old} then, {new} now");
    }
    let _ =
        writeln!(text, "{} rows are new, {} are in the older run only\n", comparison.added, comparison.gone);
}
