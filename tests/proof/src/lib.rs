//! How the book is proved: what the tests, the models and `posbook stress` share.
//!
//! A run is recorded ([`history`]): each thread notes what it asked, what came, and two ticks of one counter, before and
//! after. Whether the book behaved like one map behind one lock is then a question about that record alone, and two
//! checkers answer it that share no code:
//!
//! * [`witness`] takes the book at its word. Every write says which place it took in the one order; the witness replays
//!   that order and asks whether every answer, every picture, every refusal and real time agree with it. It is fast and
//!   takes long histories whole, over all keys together.
//! * [`search`] believes nothing. It looks for any order at all that explains a short history, over a model that shares
//!   no code with the crate ([`naive`]) and ignores sequences.
//!
//! [`program`] makes what is recorded: random traders and a venue that misbehaves, from one seed. [`world`] is another
//! proof altogether: a whole bot on one thread, at a hostile venue, from one seed, held against the venue's own ledger.
//!
//! # What this does not show
//!
//! What nobody did in the run. A history is judged, not the book: what never overlapped was never tried. And the
//! witness asks the crate's own `decide` whether an answer is right; what `decide` should answer is for the rules' tests
//! and the naive models.
//!
//! Nothing here starts a thread, holds a lock across a call into the book, or keeps global state, so the same programs
//! run on real threads and as coroutines of a model checker.
#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "test support: the seam is the library's"
)]

mod claims;
pub mod conservation;
pub mod history;
pub mod mutate;
pub mod naive;
pub mod program;
pub mod recorder;
pub mod search;
pub mod shrink;
pub mod translate;
pub mod violation;
pub mod witness;
pub mod world;
