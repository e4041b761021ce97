//! The root: a small shell that never leaves its book, around a body that snapshots share.
//!
//! Below arc-swap 1.9.5 two cells in one process could hand out each other's objects (`cargo foreign-root`): a reader
//! announces a debt on an address, the address is freed and reused by an object of the other cell, and that cell's
//! writer pays the debt. The fault needs an address of ours to reappear elsewhere, so what the cell stores is a shell
//! that is **never freed while its book lives** (I13): every shell that was published goes back to the pool on every
//! path, replaced or lost, and is used again for a later root.
//!
//! Reuse is sound because a shell is changed only while it is uniquely owned: the swap pays every debt on the old root
//! into its count before it drops its own, so a reader that still holds it, by an owned count or by a debt, makes
//! `get_mut` fail. Every load compares the shell's book all the same: that catches faults of ours.
#![allow(
    clippy::disallowed_types,
    reason = "named by the seam, which is where they come from; clippy sees through the re-export"
)]

use crate::error::Error;
use crate::model::Sequence;
use crate::sync::{
    Arc, BODY_PLACES, Counter, Lost, PARKING_PLACES, POOL_PLACES, RECYCLING, RootArc, RootCell,
    SHELLS_IN_ADVANCE, fault, next_tag,
};
use std::sync::atomic::Ordering::Relaxed;

use super::bag::Bag;
use super::body::{Body, Followed};
use super::places::Places;
use super::snapshot::Snapshot;

/// What the root cell stores.
#[derive(Debug)]
pub(crate) struct Shell {
    tag: u32,
    pub(crate) sequence: Sequence,
    pub(crate) view: Snapshot,
}

/// How often a sweep looks at the whole pool's next place and not at the parking.
const SWEEP_ALL_EVERY: u64 = 8;

/// How many drafts there are between two bodies that may go.
const LET_GO_EVERY: u64 = 4_096;

/// How many shells that found no place are looked at before one is made: more than one, or with readers that come and go there
/// would be more and more of them.
const BAG_LOOKS: usize = 2;

/// How many foreign loads in a row are taken for more than bad luck.
const FOREIGN_LOADS: u32 = 8;

pub(crate) struct Root {
    cell: RootCell<Shell>,
    pool: Pool,
    tag: u32,
    /// Loads that returned another book's shell.
    foreign: Counter,
    /// Turns of the loop that lost.
    retries: Counter,
}

impl Root {
    /// `reuse`: whether bodies that were replaced are used again.
    pub(crate) fn new(body: Body, reuse: bool) -> Self {
        let tag = next_tag();
        let empty = Snapshot::new(Arc::new(body));
        let pool = Pool::new(tag, &empty, reuse);
        let shell = pool.shell(empty);
        Self { cell: RootCell::new(shell), pool, tag, foreign: Counter::new(0), retries: Counter::new(0) }
    }

    /// An owned view of the newest body, if the load was of our own shell.
    fn peek(&self) -> Option<Snapshot> {
        let own = self.cell.with(|shell| self.owns(shell).then(|| shell.view.clone()));
        if own.is_none() {
            self.foreign.fetch_add(1, Relaxed);
        }
        own
    }

    /// The newest view. Our cell only ever holds our own shells, so a foreign load is a fault of that one load and the
    /// next one is independent of it: this ends.
    pub(crate) fn view(&self) -> Snapshot {
        loop {
            if let Some(view) = self.peek() {
                return view;
            }
        }
    }

    /// The newest view, or the fault by name.
    pub(crate) fn try_view(&self) -> Result<Snapshot, Error> {
        (0..FOREIGN_LOADS).find_map(|_| self.peek()).ok_or(Error::ForeignRoot { times: FOREIGN_LOADS })
    }

    /// Reads something small of the newest view.
    pub(crate) fn with<R>(&self, mut read: impl FnMut(&Snapshot) -> R) -> R {
        loop {
            if let Some(answer) = self.cell.with(|shell| self.owns(shell).then(|| read(&shell.view))) {
                return answer;
            }
            self.foreign.fetch_add(1, Relaxed);
        }
    }

    /// The newest shell, to be compared against.
    pub(crate) fn load(&self) -> RootArc<Shell> {
        self.own(self.cell.load())
    }

    /// A shell that a load returned, or another load if it is not ours.
    fn own(&self, mut shell: RootArc<Shell>) -> RootArc<Shell> {
        while !self.owns(&shell) {
            self.foreign.fetch_add(1, Relaxed);
            shell = self.cell.load();
        }
        shell
    }

    pub(crate) fn owns(&self, shell: &Shell) -> bool {
        shell.tag == self.tag
    }

    pub(crate) fn cell(&self) -> &RootCell<Shell> {
        &self.cell
    }

    /// A body equal to that of `found` that nobody else holds, to be changed and published; or what is found now, if a newer
    /// root is known to be there.
    pub(crate) fn draft(&self, found: &Shell) -> Result<Arc<Body>, RootArc<Shell>> {
        self.pool.body(found.view.body()).ok_or_else(|| {
            self.retries.fetch_add(1, Relaxed);
            self.load()
        })
    }

    /// Takes a draft back that is not published after all.
    pub(crate) fn put_back(&self, draft: Arc<Body>) {
        self.pool.keep(draft);
    }

    /// Publishes a view if the root is still `expected`; else what was found.
    pub(crate) fn publish(&self, expected: RootArc<Shell>, view: Snapshot) -> Result<(), RootArc<Shell>> {
        let candidate = self.pool.shell(view);
        #[cfg(posbook_faults)]
        if fault("store") {
            self.cell.store(candidate);
            self.pool.retire(expected);
            return Ok(());
        }
        match self.cell.compare_and_set(&expected, candidate) {
            Ok(()) => {
                self.pool.retire(expected);
                self.pool.sweep();
                Ok(())
            }
            Err(Lost { found, candidate }) => {
                self.retries.fetch_add(1, Relaxed);
                self.pool.retire(candidate);
                // Who replaced it found it held, by us.
                drop(expected);
                self.pool.sweep();
                Err(self.own(found))
            }
        }
    }

    /// How many shells wait in the pool, once nobody else touches it.
    #[cfg(posbook_recycling)]
    pub(crate) fn shells_idle(&self) -> u64 {
        self.pool.shells.idle() + self.pool.parking.idle() + self.pool.bag.idle()
    }

    pub(crate) fn health(&self) -> Health {
        Health {
            foreign_loads: self.foreign.load(Relaxed),
            lost_turns: self.retries.load(Relaxed),
            shells_made: self.pool.made.load(Relaxed),
            shells_pinned: self.pool.pinned.load(Relaxed),
            bodies_copied: self.pool.copied.load(Relaxed),
            journal: None,
        }
    }
}

/// How a book's root cell is doing, since the book was made, and its journal.
///
/// ```
/// use posbook::Book;
///
/// let book = Book::builder().build()?;
/// assert_eq!(book.health().foreign_loads, 0);
/// # Ok::<(), posbook::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Health {
    /// Loads that returned another book's object and were repeated (I13). Anything but 0 is worth a report.
    pub foreign_loads: u64,
    /// Turns of the write loop that found a newer root and asked again.
    pub lost_turns: u64,
    /// Shells allocated. Stays at about readers + threads + the few that were made in advance; with more than 250 readers that
    /// each hold another root, at a few times as many as they are.
    pub shells_made: u64,
    /// Shells that were put away, or found in the pool, while a load in flight, a writer or a reader still held them.
    pub shells_pinned: u64,
    /// Writes that found no body to use again and copied the newest one: the first few, and those beside snapshots that
    /// are held.
    pub bodies_copied: u64,
    /// How the journal is doing. `None`: the book has none.
    pub journal: Option<super::JournalHealth>,
}

/// Shells and bodies that wait to be used again.
struct Pool {
    shells: Places<RootArc<Shell>>,
    /// Shells that were held when they were put away, as many as find a place.
    parking: Places<RootArc<Shell>>,
    /// Shells that found no place: hundreds of readers hold others.
    bag: Bag<RootArc<Shell>>,
    bodies: Places<Arc<Body>>,
    tag: u32,
    /// What an idle shell holds, so that it pins nothing.
    empty: Snapshot,
    /// Whether bodies are used again.
    reuse: bool,
    made: Counter,
    pinned: Counter,
    copied: Counter,
    /// Copies at the last look.
    copied_before: Counter,
    /// Shells that wait with what they show, because they were held.
    parked: Counter,
    /// Places looked at by `sweep`.
    swept: Counter,
    /// Bodies asked for.
    drafts: Counter,
}

impl Pool {
    fn new(tag: u32, empty: &Snapshot, reuse: bool) -> Self {
        let [made, pinned, copied, copied_before, parked, swept, drafts] = [0; 7].map(Counter::new);
        let (shells, parking, bodies) =
            (Places::new(POOL_PLACES), Places::new(PARKING_PLACES), Places::new(BODY_PLACES));
        let reuse = reuse && RECYCLING;
        let pool = Self {
            shells,
            parking,
            bodies,
            tag,
            empty: empty.clone(),
            reuse,
            made,
            pinned,
            bag: Bag::new(),
            copied,
            copied_before,
            parked,
            swept,
            drafts,
        };
        let shells: Vec<_> = (0..SHELLS_IN_ADVANCE).map(|_| pool.fresh(empty.clone())).collect();
        shells.into_iter().for_each(|shell| pool.retire(shell));
        pool
    }

    fn fresh(&self, view: Snapshot) -> RootArc<Shell> {
        self.made.fetch_add(1, Relaxed);
        RootArc::new(Shell { tag: self.tag, sequence: view.sequence(), view })
    }

    /// A shell around this body: one that nobody else holds, or a new one.
    fn shell(&self, mut view: Snapshot) -> RootArc<Shell> {
        if RECYCLING {
            for (place, mut idle) in self.shells.drain() {
                match self.show(&mut idle, view) {
                    None => {
                        self.shells.vacated(place);
                        return idle;
                    }
                    Some(back) => view = back,
                }
                self.keep_homeless(self.shells.put_back(place, idle));
            }
            for _ in 0..BAG_LOOKS {
                let Some(mut idle) = self.bag.take() else { break };
                match self.show(&mut idle, view) {
                    None => return idle,
                    Some(back) => view = back,
                }
                self.bag.put(idle);
            }
        }
        self.fresh(view)
    }

    /// Lets a shell that waited show this; hands it back if somebody still holds the shell: a load in flight, or a reader.
    fn show(&self, idle: &mut RootArc<Shell>, view: Snapshot) -> Option<Snapshot> {
        let Some(shell) = RootArc::get_mut(idle) else {
            self.pinned.fetch_add(1, Relaxed);
            return Some(view);
        };
        self.taken(shell);
        shell.sequence = view.sequence();
        let before = std::mem::replace(&mut shell.view, view);
        self.retire_body(before);
        None
    }

    /// Puts a shell away. It is never freed.
    fn retire(&self, mut shell: RootArc<Shell>) {
        if !RECYCLING || fault("shell_freed") {
            return;
        }
        let body = RootArc::get_mut(&mut shell).map(|unpinned| {
            // What stood there is looked at once the shell is back: it may be freed, which takes its time.
            std::mem::replace(&mut unpinned.view, self.empty.clone())
        });
        if body.is_none() {
            self.pinned.fetch_add(1, Relaxed);
            if fault("pinned_freed") {
                return;
            }
        }
        // The first root shows the empty book, as idle shells do: held or not, it keeps nothing.
        let homeless = if body.is_none() && !shell.view.is(&self.empty) {
            self.parked.fetch_add(1, Relaxed);
            self.parking.put(shell)
        } else {
            Some(shell)
        };
        self.keep_homeless(homeless.and_then(|shell| self.shells.put(shell)));
        if let Some(body) = body {
            self.retire_body(body);
        }
    }

    /// Keeps a shell that found no place.
    fn keep_homeless(&self, homeless: Option<RootArc<Shell>>) {
        if let Some(shell) = homeless {
            self.bag.put(shell);
        }
    }

    /// A shell that was held when it was put away waits with what it shows, and nobody may come to its place again for long.
    /// So after each write one place is looked at, as long as there are such shells: mostly where they are put first, because
    /// who held one may be done with it a moment later and its body is still near the newest; now and then where those are
    /// that found no place there, and at what waits in the bag, so that none keeps an old state for ever.
    fn sweep(&self) {
        if RECYCLING && self.parked.load(Relaxed) > 0 {
            let turn = self.swept.fetch_add(1, Relaxed);
            let (found, waited) = if turn % SWEEP_ALL_EVERY == SWEEP_ALL_EVERY - 1 {
                (self.shells.take_at(turn / SWEEP_ALL_EVERY).map(|(_, shell)| shell), self.bag.take())
            } else {
                (self.parking.next_from(turn), None)
            };
            for shell in found.into_iter().chain(waited) {
                self.taken(&shell);
                self.retire(shell);
            }
        }
    }

    /// Keeps the account of shells that wait with what they show.
    fn taken(&self, shell: &Shell) {
        if !shell.view.is(&self.empty) {
            self.parked.fetch_sub(1, Relaxed);
        }
    }

    /// Keeps a body that nobody else holds. The others, and what finds no place, are freed by whoever lets go last.
    fn retire_body(&self, view: Snapshot) {
        if self.reuse
            && let Some(body) = view.into_unique()
        {
            self.keep(body);
        }
    }

    /// Puts a body away, if there is a place for it.
    fn keep(&self, body: Arc<Body>) {
        if self.reuse {
            drop(self.bodies.put(body));
        }
    }

    /// A body equal to `newest` that nobody else holds, to be changed: an idle one that follows, or a copy. `None`: an idle one
    /// is ahead of it.
    fn body(&self, newest: &Body) -> Option<Arc<Body>> {
        if self.reuse {
            // Each place in its turn, so that all that wait stay near the newest; where nobody waits, whoever does.
            let turn = self.drafts.fetch_add(1, Relaxed);
            let next = self.bodies.take_at(turn);
            let (first, last) = if self.one_too_many(turn) { (None, next) } else { (next, None) };
            for (place, mut idle) in first.into_iter().chain(self.bodies.drain()).chain(last) {
                match Arc::get_mut(&mut idle).map(|body| body.follow(newest)) {
                    Some(Followed::Equal) => {
                        self.bodies.vacated(place);
                        return Some(idle);
                    }
                    Some(Followed::Ahead) => {
                        drop(self.bodies.put(idle));
                        return None;
                    }
                    // Nobody holds what waits, so this is not reached; it would go.
                    None => {}
                }
            }
        }
        self.copied.fetch_add(1, Relaxed);
        Some(Arc::new(newest.clone()))
    }

    /// Whether the body whose turn it is may go, if another one will do: now and then, and only if nothing had to be copied
    /// meanwhile. After a rush of writers or of snapshots more wait than are needed, and each keeps a whole book.
    fn one_too_many(&self, turn: u64) -> bool {
        turn.is_multiple_of(LET_GO_EVERY) && {
            let copied = self.copied.load(Relaxed);
            self.copied_before.swap(copied, Relaxed) == copied
        }
    }
}
