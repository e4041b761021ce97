//! `--journal` and `--resume`: what a folder keeps of a run beside its journal, so that it can go on after a kill.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser};
use posbook::journal::Durability;
use posbook::{Book, Sequence};
use serde::{Deserialize, Serialize};

use super::watch::Until;
use super::{Options, Speed};
use crate::Failure;

/// What a run leaves behind.
#[derive(Debug, Clone, Default, Args)]
pub struct JournalOptions {
    /// Keep a journal of the book in this folder, and the venue's own memory beside it: the run can be killed at any moment,
    /// and goes on with `--resume`. The folder must be new.
    #[arg(long, value_name = "DIR", conflicts_with = "resume")]
    pub journal: Option<PathBuf>,

    /// Go on with the run in this folder, with the options it was started with; only `--format`, `--acknowledged` and
    /// `--accept-loss` are taken from here.
    #[arg(long, value_name = "DIR")]
    pub resume: Option<PathBuf>,

    /// What an acknowledged change survives: a kill (`none`, `buffered`) or a power cut too (`synced`).
    #[arg(long, value_name = "WORD", default_value = "synced", value_parser = durability)]
    pub durability: Durability,

    /// Go on although changes that were acknowledged are gone from the journal.
    #[arg(long)]
    pub accept_loss: bool,

    /// For a crash test: write every sequence that the journal has acknowledged, with the digest of the book there, into
    /// this file, a line each.
    #[arg(long, value_name = "FILE")]
    pub acknowledged: Option<PathBuf>,
}

fn durability(text: &str) -> Result<Durability, String> {
    text.parse().map_err(|wrong: posbook::Rejection| wrong.to_string())
}

/// What stands in `run.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Run {
    /// As they would be given to `posbook replay`.
    arguments: Vec<String>,
}

/// Options on their own, to be read from arguments that were written down.
#[derive(Debug, Parser)]
#[command(name = "posbook replay", no_binary_name = true)]
struct Alone {
    #[command(flatten)]
    options: Options,
}

impl Options {
    /// The folder of this run, if it keeps one.
    pub fn folder(&self) -> Option<&Path> {
        self.remember.journal.as_deref()
    }

    /// What is promised of its journal.
    pub fn durability(&self) -> &'static str {
        self.remember.durability.name()
    }

    /// What determines the run, as arguments.
    fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = Vec::new();
        let mut add = |name: &str, value: String| arguments.extend([format!("--{name}={value}")]);
        let absolute =
            |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()).display().to_string();
        self.ticks.iter().for_each(|path| add("ticks", absolute(path)));
        self.instruments.iter().for_each(|path| add("instruments", absolute(path)));
        add("strategies", self.strategies.to_string());
        add("seed", self.seed.to_string());
        add(
            "speed",
            match self.speed {
                Speed::Max => "max".to_owned(),
                Speed::Times(times) => format!("{times}x"),
            },
        );
        add("durability", self.remember.durability.name().to_owned());
        arguments.extend(self.faults.arguments());
        if self.skip_bad_rows {
            arguments.push("--skip-bad-rows".to_owned());
        }
        arguments
    }
}

/// The options of a run that goes on.
pub fn resumed(folder: &Path, now: &Options) -> Result<Options, Failure> {
    let path = folder.join("run.json");
    let wrong = |why: String| {
        Failure::Input(format!("{}: {why}; start a run with `replay --journal DIR`", path.display()))
    };
    let text = fs::read_to_string(&path).map_err(|why| wrong(why.to_string()))?;
    let run: Run = serde_json::from_str(&text).map_err(|why| wrong(why.to_string()))?;
    let Alone { mut options } = Alone::try_parse_from(run.arguments).map_err(|why| wrong(why.to_string()))?;
    options.format = now.format;
    options.remember.journal = Some(folder.to_owned());
    options.remember.acknowledged.clone_from(&now.remember.acknowledged);
    options.remember.accept_loss = now.remember.accept_loss;
    Ok(options)
}

/// Writes down how a run was started, before it begins.
pub fn begin(options: &Options) -> Result<(), Failure> {
    let Some(folder) = options.folder() else { return Ok(()) };
    let path = folder.join("run.json");
    if path.exists() {
        let folder = folder.display();
        return Err(Failure::Input(format!(
            "{folder}: there is a run in it; go on with `replay --resume {folder}`"
        )));
    }
    let environment = |wrong: std::io::Error| Failure::Environment(format!("{}: {wrong}", path.display()));
    fs::create_dir_all(folder).map_err(environment)?;
    let text = serde_json::to_string(&Run { arguments: options.arguments() })
        .map_err(|wrong| Failure::Environment(wrong.to_string()))?;
    // Whole or not at all, whenever it is killed.
    let whole = folder.join("run.json.new");
    let mut file = fs::File::create(&whole).map_err(environment)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(environment)?;
    fs::rename(&whole, &path).map_err(environment)
}

/// Writes down what the journal has acknowledged until the run is over.
pub fn acknowledge(book: &Book, begins: Sequence, file: &Path, until: &Until) -> Result<(), Failure> {
    let environment = |wrong: std::io::Error| Failure::Environment(format!("{}: {wrong}", file.display()));
    let mut out = fs::OpenOptions::new().create(true).append(true).open(file).map_err(environment)?;
    // What was there before stands under the settings of the opening before, which are a part of the digest.
    let mut last = begins.0;
    while !until.is_reached(last) {
        let view = book.snapshot();
        if view.sequence().0 == last {
            std::thread::sleep(Duration::from_micros(200));
            continue;
        }
        if book.wait_durable(view.sequence()).is_err() {
            return Ok(()); // The verdict says why.
        }
        last = view.sequence().0;
        out.write_all(format!("{last} {:032x}\n", view.digest()).as_bytes()).map_err(environment)?;
    }
    Ok(())
}
