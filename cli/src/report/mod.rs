//! `posbook report DIR --out FILE.html`: what a journal says was earned, by whom, when it hurt, and why each position closed:
//! one page with everything in it, or one JSON object.

mod curve;
mod found;
mod page;
mod parts;
mod plot;
pub mod words;

use std::path::PathBuf;

use clap::Args;
use posbook::Decimal;

use found::Found;
use words::{amount, share, signed};

use crate::output::{Format, write};
use crate::{Failure, Verdict};

/// Options of `posbook report`.
#[derive(Debug, Args)]
pub struct Options {
    /// The folder of the journal.
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// The page to write. One that is there is written over.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,

    /// How many of the lives that ended are listed, the newest first; figures are over all of them.
    #[arg(long, value_name = "N", default_value_t = 500)]
    lives: usize,

    /// A few lines for people, or one JSON object with every figure on the last line of stdout.
    #[arg(long, default_value = "table")]
    format: Format,
}

pub fn run(options: &Options) -> Result<Verdict, Failure> {
    let found = Found::read(&options.folder, options.lives)?;
    if let Some(path) = &options.out {
        replaceable(path)?;
        std::fs::write(path, page::page(&found))
            .map_err(|wrong| Failure::Environment(format!("{}: {wrong}", path.display())))?;
    }
    match options.format {
        Format::Json => {
            let object = serde_json::to_string(&parts::Report::of(&found))
                .map_err(|wrong| Failure::Environment(wrong.to_string()))?;
            write(&format!("{object}\n"))?;
        }
        Format::Table => write(&summary(&found, options))?,
    }
    Ok(Verdict::Yes)
}

/// A page that is there is written over, and nothing else, an empty file neither: the journal itself, its
/// lock or its log may be what was named.
fn replaceable(path: &std::path::Path) -> Result<(), Failure> {
    use std::io::Read as _;
    let mut head = Vec::new();
    match std::fs::File::open(path).map(|file| file.take(64).read_to_end(&mut head)) {
        Ok(Ok(_)) if head.to_ascii_lowercase().starts_with(b"<!doctype html") => Ok(()),
        Ok(Ok(_)) => {
            Err(Failure::Input(format!("{}: is there and is no page: name another file", path.display())))
        }
        // Not there, or not ours to read: writing says so.
        _ => Ok(()),
    }
}

/// What a trader asks first.
fn summary(found: &Found, options: &Options) -> String {
    let mut text = format!("changes   {} to {}, {}\n", found.first, found.last, found.span());
    for money in &found.currencies {
        let account = &money.account;
        let currency = &money.currency;
        let about = if account.equity().known().is_some() { "" } else { "about " };
        let fees = account.fees().known().unwrap_or(Decimal::ZERO);
        text += &format!(
            "{currency:<9} together {about}{}: realised {}, fees {}, unrealised {}\n",
            signed(account.estimate()),
            signed(account.realised()),
            amount(fees),
            signed(account.unrealised())
        );
        let drawdown = account.drawdown();
        let when =
            drawdown.worst_between().map_or_else(String::new, |(_, at)| format!(" at {}", words::time(at)));
        text += &format!("          worst drawdown {}{when}\n", signed(drawdown.worst()));
        let results = account.results();
        text += &format!(
            "          {} lives ended: win rate {}, profit factor {}, expectancy {}\n",
            results.known() + results.unknown(),
            share(results.win_rate()),
            words::figure(results.profit_factor()),
            signed(results.expectancy())
        );
        for (what, best, worst) in money.best_and_worst() {
            let [most, least] = [best.1, worst.1].map(words::plus);
            text += &format!("          best {what} {} ({most}), worst {} ({least})\n", best.0, worst.0);
        }
        let endings: Vec<_> =
            money.endings.iter().map(|ending| format!("{} {}", ending.lives, ending.ending)).collect();
        if !endings.is_empty() {
            text += &format!("          closed by: {}\n", endings.join(", "));
        }
    }
    for warning in &found.warnings {
        text += &format!("note      {warning}\n");
    }
    match &options.out {
        Some(path) => text += &format!("page      {}\n", path.display()),
        None => text += "          (--out FILE.html writes the page)\n",
    }
    text
}
