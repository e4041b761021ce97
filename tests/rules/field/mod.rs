//! What users of other systems reported, as scenes on this book: each test is named for its repository and thread.
//! Reports that need a journal (replay after a restart, what was down while the bot was) come with it.

mod freshness;
mod identity;
mod races;
mod reconciling;
