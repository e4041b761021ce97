//! Puts a tape together: every row of every file, then one stable sort by receive time.
//!
//! The sort is stable, so ticks of equal time keep the order of the files as named and of the rows within a file.
//! Recorder files are nearly sorted as they are (one or two rows out of place after a reconnect), which the
//! sort takes advantage of.

use std::cell::Cell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::fault::{Fault, TapeError, shown};
use super::input::{self, Line};
use super::layout::{Layout, Row, RowFault};
use super::{BadRows, Market, Source, Tape, Tick, TickKind};

/// More symbols than a venue lists. A file with more has something else in its symbol column.
const MAX_MARKETS: u32 = 65_536;

/// After how many lines the progress is told.
const PROGRESS_LINES: u64 = 8_192;

/// See [`Tape::load`].
pub(super) fn load(
    files: &[PathBuf],
    rows: BadRows,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Tape, TapeError> {
    let mut total: u64 = 0;
    let mut known: Vec<PathBuf> = Vec::new();
    for path in files {
        total = total.saturating_add(input::size(path)?);
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        if known.contains(&real) {
            return Err(TapeError::file(path, Fault::Twice));
        }
        known.push(real);
    }

    let read = Rc::new(Cell::new(0));
    let mut loader = Loader::new(rows);
    for (index, path) in files.iter().enumerate() {
        loader.file(index, path, &read, &mut || progress(read.get().min(total), total))?;
    }
    let Loader { markets, mut ticks, skipped, .. } = loader;
    ticks.sort_by_key(|tick: &Tick| tick.time);
    progress(total, total);
    Ok(Tape { markets, ticks, skipped_rows: skipped, source: Source::Files(files.to_vec()) })
}

/// A tape in the making.
struct Loader {
    rows: BadRows,
    markets: Vec<Market>,
    by_symbol: HashMap<String, u32>,
    ticks: Vec<Tick>,
    skipped: u64,
}

impl Loader {
    fn new(rows: BadRows) -> Loader {
        Loader { rows, markets: Vec::new(), by_symbol: HashMap::new(), ticks: Vec::new(), skipped: 0 }
    }

    /// Reads one file to its end. The first line that is not blank says what all others mean.
    fn file(
        &mut self,
        index: usize,
        path: &Path,
        read: &Rc<Cell<u64>>,
        progress: &mut dyn FnMut(),
    ) -> Result<(), TapeError> {
        let own_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let mut layout: Option<Layout> = None;
        input::for_each_line(path, read, &mut |inner_name, line| {
            if line.number.is_multiple_of(PROGRESS_LINES) {
                progress();
            }
            if line.bytes.is_some_and(<[u8]>::is_empty) {
                return Ok(());
            }
            match &layout {
                Some(layout) => self.line(index, path, layout, &line),
                None => {
                    let found = first_line(path, &line, &[&own_name, inner_name])?;
                    let row = if found.headless { self.line(index, path, &found, &line) } else { Ok(()) };
                    layout = Some(found);
                    row
                }
            }
        })?;
        if layout.is_some() { Ok(()) } else { Err(TapeError::file(path, Fault::Empty)) }
    }

    /// Reads one row, or leaves it out if that is wanted.
    fn line(&mut self, index: usize, path: &Path, layout: &Layout, line: &Line<'_>) -> Result<(), TapeError> {
        let row = text(line, layout).and_then(|text| match layout.read(text)? {
            Some(row) => self.keep(index, &row, layout),
            None => Ok(()),
        });
        match row {
            Ok(()) => Ok(()),
            Err(_) if self.rows == BadRows::Skip => {
                self.skipped += 1;
                Ok(())
            }
            Err(RowFault { column, fault }) => {
                Err(TapeError::field(path, line.number, layout.column(column), fault))
            }
        }
    }

    /// Adds a row to the tape.
    fn keep(&mut self, file: usize, row: &Row<'_>, layout: &Layout) -> Result<(), RowFault> {
        let market = match self.by_symbol.get(row.symbol) {
            Some(&market) => market,
            None => self.meet(row.symbol).ok_or_else(|| RowFault {
                column: layout.symbol_column(),
                fault: Fault::Symbols(shown(row.symbol), MAX_MARKETS),
            })?,
        };
        if let Some(market) = self.markets.get_mut(market as usize) {
            market.price_scale = market.price_scale.max(price_scale(&row.kind));
            market.quantity_scale = market.quantity_scale.max(row.quantity_scale);
            if market.files.last() != Some(&file) {
                market.files.push(file);
            }
        }
        self.ticks.push(Tick { time: row.time, market, kind: row.kind });
        Ok(())
    }

    /// A symbol that was not seen before; `None` if there are too many.
    fn meet(&mut self, symbol: &str) -> Option<u32> {
        let market = u32::try_from(self.markets.len()).ok().filter(|&index| index < MAX_MARKETS)?;
        self.by_symbol.insert(symbol.to_owned(), market);
        self.markets.push(Market {
            symbol: symbol.to_owned(),
            price_scale: 0,
            quantity_scale: 0,
            files: Vec::new(),
        });
        Some(market)
    }
}

/// The finest decimals of the prices of a tick.
fn price_scale(kind: &TickKind) -> u32 {
    match kind {
        TickKind::Trade { price, .. } | TickKind::Mark { price } => price.scale(),
        TickKind::Quote { bid, ask } => bid.scale().max(ask.scale()),
    }
}

/// Recognises the file. A byte order mark before the first name is passed over.
fn first_line(path: &Path, line: &Line<'_>, names: &[&str]) -> Result<Layout, TapeError> {
    let refused = |fault| TapeError::line(path, line.number, fault);
    let bytes = line.bytes.ok_or_else(|| refused(Fault::LongLine))?;
    let text = str::from_utf8(bytes).map_err(|_| refused(Fault::NotText))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Layout::recognise(text, names).map_err(|(column, fault)| match column {
        Some(column) => TapeError::field(path, line.number, &column, fault),
        None => refused(fault),
    })
}

/// A row as text.
fn text<'a>(line: &Line<'a>, layout: &Layout) -> Result<&'a str, RowFault> {
    let bytes = line.bytes.ok_or(RowFault { column: 0, fault: Fault::LongLine })?;
    str::from_utf8(bytes).map_err(|error| RowFault {
        column: layout.column_at(bytes, error.valid_up_to()),
        fault: Fault::NotText,
    })
}
