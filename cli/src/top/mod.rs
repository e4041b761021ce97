//! `posbook top DIR`: what a running bot has open, live from its journal. It only reads, so it can do no harm.

mod choice;
mod look;
mod rows;
mod screen;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind};
use ratatui::layout::Rect;

use choice::Choice;
use look::{Look, Looking};

use crate::output::{Format, write};
use crate::{Failure, Verdict};

/// How often the journal is looked at.
const EVERY: Duration = Duration::from_millis(100);

/// Options of `posbook top`.
#[derive(Debug, Args)]
pub struct Options {
    /// The folder of the journal.
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// Print what there is to see and exit.
    #[arg(long)]
    once: bool,

    /// How many columns `--once` may use.
    #[arg(long, value_name = "N", default_value_t = 80, requires = "once", value_parser = clap::value_parser!(u16).range(44..=400))]
    columns: u16,

    /// With `--once`: lines for people, or one JSON object on the last line of stdout.
    #[arg(long, default_value = "table", requires = "once")]
    format: Format,

    #[command(flatten)]
    choice: Choice,
}

pub fn run(options: &Options) -> Result<Verdict, Failure> {
    let mut looking = Looking::begin(&options.folder)?;
    let look = looking.look()?;
    match (options.once, options.format) {
        (false, _) => live(&options.folder, looking, look, options.choice.clone())?,
        (true, Format::Json) => {
            let object =
                serde_json::to_string(&look).map_err(|wrong| Failure::Environment(wrong.to_string()))?;
            write(&format!("{object}\n"))?;
        }
        (true, Format::Table) => write(&printed(&look, &options.choice, options.columns))?,
    }
    Ok(Verdict::Yes)
}

/// The screen as text.
fn printed(look: &Look, choice: &Choice, columns: u16) -> String {
    let area = Rect::new(0, 0, columns, screen::height(look, choice));
    let mut buffer = Buffer::empty(area);
    screen::draw(look, choice, false, area, &mut buffer);
    let mut text = String::new();
    for y in 0..area.height {
        let line: String =
            (0..area.width).filter_map(|x| buffer.cell((x, y))).map(|cell| cell.symbol()).collect();
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn live(folder: &Path, mut looking: Looking, mut look: Look, mut choice: Choice) -> Result<(), Failure> {
    let environment = |wrong: std::io::Error| Failure::Environment(format!("the terminal: {wrong}"));
    let colours = std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty());
    let mut terminal = ratatui::try_init().map_err(environment)?;
    let mut go_on = || -> Result<(), Failure> {
        loop {
            terminal
                .draw(|frame| screen::draw(&look, &choice, colours, frame.area(), frame.buffer_mut()))
                .map_err(environment)?;
            let until = Instant::now() + EVERY;
            while event::poll(until.saturating_duration_since(Instant::now())).map_err(environment)? {
                match event::read().map_err(environment)? {
                    Event::Key(key) if key.kind == KeyEventKind::Press => {
                        let stops = key.code == KeyCode::Char('c')
                            && key.modifiers.contains(event::KeyModifiers::CONTROL);
                        if stops || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) {
                            return Ok(());
                        }
                        choice.press(key.code);
                        break;
                    }
                    Event::Resize(..) => break,
                    _ => {}
                }
            }
            look = looking.look()?;
        }
    };
    let ended = go_on();
    ratatui::try_restore().map_err(environment)?;
    ended.map_err(|wrong| match wrong {
        Failure::Input(why) => Failure::Input(format!("{}: {why}", folder.display())),
        other => other,
    })
}
