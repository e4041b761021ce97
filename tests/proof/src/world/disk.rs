//! The disk of a world: a journal that is written when the seed says so, and a bot that is killed and comes back with what
//! was durable, while the venue goes on.

use posbook::journal::{Durability, Journal, JournalOptions};
use posbook::venue::PositionManager;
use posbook::{Book, Builder};

use super::agents::Bot;
use super::dice::Dice;
use super::oracle::{Oracle, Wrong};
use super::run::World;

/// Percent of the turns after which the journal is written.
const WRITES: u64 = 15;

pub(super) struct Disk {
    folder: tempfile::TempDir,
    journal: Journal,
    /// What the oracle knew when the journal was written last.
    known: Option<Oracle>,
    dice: Dice,
}

fn text(wrong: &dyn std::fmt::Display) -> String {
    wrong.to_string()
}

fn open(folder: &tempfile::TempDir, builder: Builder) -> Result<Journal, String> {
    // Nobody cuts the power of a world, so nothing is synced.
    let options = JournalOptions::default().durability(Durability::None).by_hand(true).checkpoint_every(100);
    Journal::open(folder.path(), options, builder).map_err(|wrong| text(&wrong))
}

impl Disk {
    pub(super) fn new(seed: u64, builder: Builder) -> Result<(Book, Self), String> {
        let folder = tempfile::tempdir().map_err(|wrong| text(&wrong))?;
        let journal = open(&folder, builder)?;
        Ok((journal.book().clone(), Self { folder, journal, known: None, dice: Dice::new(seed, 7) }))
    }
}

impl World {
    /// Everything that is published is durable now.
    pub(super) fn write(&mut self) -> Result<(), Wrong> {
        let Some(disk) = &mut self.disk else { return Ok(()) };
        let reached = disk.journal.write().map_err(|wrong| text(&wrong))?;
        if disk.known.as_ref().is_none_or(|known| known.sequence() < reached) {
            disk.known = Some(self.oracle.clone());
            self.mix(&[6, reached.0]);
            self.note(|| format!("on the disk up to #{reached}"));
        }
        Ok(())
    }

    /// After a turn the journal is written, or the bot is killed, or neither.
    pub(super) fn crash(&mut self) -> Result<(), Wrong> {
        let (turns, kills) = (self.options.turns, self.options.kills);
        let Some(disk) = &mut self.disk else { return Ok(()) };
        if disk.dice.below(turns) < kills {
            return self.kill();
        }
        if disk.dice.percent(WRITES) { self.write() } else { Ok(()) }
    }

    /// Nothing of the bot is left but what is on the disk; the venue has all of its own.
    fn kill(&mut self) -> Result<(), Wrong> {
        self.mix(&[7]);
        self.ended.kills += 1;
        self.note(|| "the bot is killed".to_owned());
        self.tasks.clear();
        let Some(Disk { folder, journal, known, dice }) = self.disk.take() else { return Ok(()) };
        let known = known.ok_or("killed before anything was on the disk")?;
        let opened = journal.restored().sequence;
        drop(journal);
        let journal = open(&folder, self.builder.clone())?;
        let found = journal.restored().sequence;
        if found != known.sequence() {
            return Err(format!("{} was on the disk, and {found} came back (I10)", known.sequence()));
        }
        // The settings of an opening are a part of the digest, from its first change on.
        let before =
            journal.history().and_then(|history| history.state_at(found)).map_err(|wrong| text(&wrong))?;
        if found > opened && before.digest() != known.digest() {
            return Err(format!("what came back up to {found} is another book (I5)"));
        }
        self.book = journal.book().clone();
        let killed = std::mem::replace(&mut self.oracle, known.clone());
        self.oracle = known.restarted(killed, &self.book)?;
        self.look(0)?;
        self.oracle.goes_on(&self.book)?;
        self.note(|| format!("it is back with what was on the disk up to #{found}"));
        let manager = pollster::block_on(PositionManager::connect(self.book.clone(), self.wire.clone()));
        self.bot = Bot::new(manager.map_err(|wrong| text(&wrong))?, self.wire.clone(), &self.options);
        self.look(0)?;
        self.disk = Some(Disk { folder, journal, known: None, dice });
        // What was put in doubt is published, and would be found again as it was.
        self.write()
    }
}
