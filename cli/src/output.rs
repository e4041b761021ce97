//! How the verbs print: results to stdout, a bar on stderr if that is a terminal.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use ratatui::crossterm::terminal;

use crate::Failure;

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
}

/// Prints the result. A reader that has heard enough (`| head`) is no failure.
pub fn write(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(wrong) if wrong.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Failure::Environment(format!("the result could not be written: {wrong}")))
        }
        _ => Ok(()),
    }
}

/// A table without lines. It is as wide as what is in it, but on a terminal no wider than that: cells are wrapped, at words where
/// there are any. `COLUMNS` says how wide where it is set, also of a pipe.
pub fn table<'a>(header: impl IntoIterator<Item = &'a str>) -> Table {
    let asked = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok()).filter(|n| *n > 0);
    let there = || terminal::size().ok().map(|(columns, _)| columns);
    let width = asked.or_else(|| std::io::stdout().is_terminal().then(there).flatten());
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(header);
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    }
    table
}

/// A bar on stderr if that is a terminal, else nothing.
pub fn progress(length: u64, what: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(length).with_message(what);
    let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    let look = if plain {
        "{msg} {wide_bar} {percent}% {eta}"
    } else {
        "{msg} {wide_bar:.cyan/blue} {percent}% {eta}"
    };
    if let Ok(style) = ProgressStyle::with_template(look) {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
