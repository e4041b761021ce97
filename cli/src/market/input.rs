//! From a file on disk to its lines: unpacks gzip and zip, and counts lines and bytes.
//!
//! A tick file comes plain, as `.gz`, or as a `.zip` that holds one CSV. The name says which, and the content must
//! agree: a file that is not what it is called was renamed or is an error page of a web server. Packed data are
//! read to their very end, where their checksum is, so a download that stopped half-way is an error even though every
//! row up to there can be read.
//!
//! Memory is bounded: one line of at most [`MAX_LINE`] bytes is held at a time. A longer one is reported as soon as
//! the bound is passed, and its rest is thrown away unseen if the caller goes on.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::Path;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use zip::ZipArchive;
use zip::result::ZipError;

use super::fault::{Fault, TapeError, one_line};

/// The longest line that is read. Rows of ticks have about a hundred bytes.
pub(super) const MAX_LINE: usize = 64 * 1024;

/// The first bytes of gzip data.
const GZIP: &[u8] = &[0x1f, 0x8b];
/// The first bytes of a zip archive: of its first file, or of the end of an archive without files.
const ZIP: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x05\x06"];

/// One line of a file.
pub(super) struct Line<'a> {
    /// The physical line, from 1.
    pub number: u64,
    /// The bytes without the line end; `None` if the line is longer than [`MAX_LINE`].
    pub bytes: Option<&'a [u8]>,
}

/// What is done with each line. The text is the name of the file inside a zip, otherwise empty.
pub(super) type EachLine<'a> = dyn FnMut(&str, Line<'_>) -> Result<(), TapeError> + 'a;

/// Reads a file to its end and hands each line to `each`. `read` counts the bytes taken from the disk.
pub(super) fn for_each_line(
    path: &Path,
    read: &Rc<Cell<u64>>,
    each: &mut EachLine<'_>,
) -> Result<(), TapeError> {
    let file = File::open(path).map_err(|error| TapeError::file(path, cannot_open(&error)))?;
    let mut bytes = BufReader::with_capacity(64 * 1024, Counted { file, read: Rc::clone(read) });
    let start = bytes.fill_buf().map_err(|error| TapeError::file(path, cannot_open(&error)))?;
    if start.is_empty() {
        return Err(TapeError::file(path, Fault::Empty));
    }
    let gzip = start.starts_with(GZIP) || start == GZIP.get(..1).unwrap_or_default();
    let zip = ZIP.iter().any(|magic| start.starts_with(magic) || magic.starts_with(start));
    let named = path.extension().map(|end| end.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    match named.as_str() {
        "gz" if !gzip => Err(TapeError::file(path, Fault::NotGzip)),
        "gz" => {
            let mut plain = BufReader::with_capacity(64 * 1024, MultiGzDecoder::new(bytes));
            lines(&mut plain, path, "gzip", "", each)
        }
        "zip" if !zip => Err(TapeError::file(path, Fault::NotZip)),
        "zip" => unzip(bytes, path, each),
        _ if start.starts_with(GZIP) => Err(TapeError::file(path, Fault::Packed("gzip", "gz"))),
        _ if ZIP.iter().any(|magic| start.starts_with(magic)) => {
            Err(TapeError::file(path, Fault::Packed("zip", "zip")))
        }
        _ => lines(&mut bytes, path, "", "", each),
    }
}

/// The size of a file on disk; the cheap check before anything is read.
pub(super) fn size(path: &Path) -> Result<u64, TapeError> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => {
            Err(TapeError::file(path, Fault::Unreadable("it is a directory".to_owned())))
        }
        Ok(found) => Ok(found.len()),
        Err(error) => Err(TapeError::file(path, cannot_open(&error))),
    }
}

/// Finds the one file of an archive and reads its lines.
fn unzip(bytes: BufReader<Counted>, path: &Path, each: &mut EachLine<'_>) -> Result<(), TapeError> {
    let refused = |error: ZipError| TapeError::file(path, zip_fault(&error));
    let mut archive = ZipArchive::new(bytes).map_err(refused)?;
    let mut found = 0;
    let mut chosen = 0;
    for index in 0..archive.len() {
        if !archive.by_index_raw(index).map_err(refused)?.is_dir() {
            found += 1;
            chosen = index;
        }
    }
    if found != 1 {
        return Err(TapeError::file(path, Fault::Entries(found)));
    }
    let entry = archive.by_index(chosen).map_err(refused)?;
    let name = entry.name().map_err(refused)?.into_owned();
    lines(&mut BufReader::with_capacity(64 * 1024, entry), path, "zip", &name, each)
}

/// Cuts a stream into lines. `packing` names the format in errors; it is empty for plain text.
fn lines(
    bytes: &mut dyn BufRead,
    path: &Path,
    packing: &'static str,
    name: &str,
    each: &mut EachLine<'_>,
) -> Result<(), TapeError> {
    let mut held = Vec::new();
    let mut number = 0;
    loop {
        number += 1;
        let refused = |error: io::Error| TapeError::line(path, number, read_fault(packing, &error));
        match next_line(bytes, &mut held).map_err(refused)? {
            Next::End => return Ok(()),
            Next::Line => {
                let text = held.strip_suffix(b"\r").unwrap_or(&held);
                each(name, Line { number, bytes: Some(text) })?;
            }
            Next::TooLong => {
                each(name, Line { number, bytes: None })?;
                skip_line(bytes).map_err(refused)?;
            }
        }
    }
}

/// What [`next_line`] found.
enum Next {
    /// Nothing more.
    End,
    /// A line; its bytes are held, without the line end.
    Line,
    /// A line above the bound. It was read up to somewhere in its middle.
    TooLong,
}

/// Reads up to the next line end, but never holds more than [`MAX_LINE`] bytes.
fn next_line(bytes: &mut dyn BufRead, held: &mut Vec<u8>) -> io::Result<Next> {
    held.clear();
    let mut any = false;
    loop {
        let available = filled(bytes)?;
        if available.is_empty() {
            return Ok(if any { Next::Line } else { Next::End });
        }
        any = true;
        let mut parts = available.splitn(2, |&byte| byte == b'\n');
        let part = parts.next().unwrap_or_default();
        let ended = parts.next().is_some();
        if held.len() + part.len() > MAX_LINE {
            // What is consumed must not include a line end: `skip_line` looks for it.
            let consumed = part.len();
            bytes.consume(consumed);
            return Ok(Next::TooLong);
        }
        held.extend_from_slice(part);
        let consumed = part.len() + usize::from(ended);
        bytes.consume(consumed);
        if ended {
            return Ok(Next::Line);
        }
    }
}

/// Throws away the rest of a line.
fn skip_line(bytes: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let available = filled(bytes)?;
        let (consumed, ended) = match available.iter().position(|&byte| byte == b'\n') {
            Some(end) => (end + 1, true),
            None => (available.len(), available.is_empty()),
        };
        bytes.consume(consumed);
        if ended {
            return Ok(());
        }
    }
}

/// Some bytes, or none at the end. An interrupted read is tried again.
fn filled(bytes: &mut dyn BufRead) -> io::Result<&[u8]> {
    loop {
        match bytes.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    // Already filled: this only hands out the buffer. (The borrow checker does not let us return it from the loop.)
    bytes.fill_buf()
}

/// What an error of opening a file means.
fn cannot_open(error: &io::Error) -> Fault {
    match error.kind() {
        ErrorKind::NotFound => Fault::Missing,
        _ => Fault::Unreadable(one_line(&error.to_string())),
    }
}

/// What an error in the middle of a file means.
fn read_fault(packing: &'static str, error: &io::Error) -> Fault {
    match error.kind() {
        _ if packing.is_empty() => Fault::Unreadable(one_line(&error.to_string())),
        ErrorKind::UnexpectedEof => Fault::CutOff(packing),
        ErrorKind::InvalidInput | ErrorKind::InvalidData | ErrorKind::Other => {
            Fault::Damaged(packing, one_line(&error.to_string()))
        }
        _ => Fault::Unreadable(one_line(&error.to_string())),
    }
}

/// What an error of the archive means. Its directory stands at its end, so a cut-off archive has none.
fn zip_fault(error: &ZipError) -> Fault {
    match error {
        ZipError::Io(error) => read_fault("zip", error),
        other => Fault::Damaged("zip", one_line(&other.to_string())),
    }
}

/// A file that counts what is read from it, for the progress display.
struct Counted {
    file: File,
    read: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(into)?;
        self.read.set(self.read.get().saturating_add(count as u64));
        Ok(count)
    }
}

impl Seek for Counted {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}
