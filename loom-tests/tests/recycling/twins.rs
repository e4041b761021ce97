//! Broken twins of the pool: each must fail, because at the end the account of the shells does not come out. Under shuttle
//! nobody counts the shells of the pool, so these are loom's.

use posbook_loom::must_fail;

use super::{crowd, refused_batch, writer_vs_reader, writer_vs_writer};

const LEFT: &str = "a shell left its book (I13)";

/// A shell that was replaced is freed.
#[test]
fn shell_freed() {
    must_fail("shell_freed", LEFT, writer_vs_writer::every_shell_comes_back);
}

/// A shell that is found held is freed by whoever lets go of it last.
#[test]
fn pinned_freed() {
    must_fail("pinned_freed", LEFT, writer_vs_reader::a_held_shell_never_changes);
}

/// Who finds another bag where it puts its own back forgets it.
#[test]
fn bag_lost() {
    must_fail("bag_lost", LEFT, crowd::two_writers_and_a_full_pool);
}

/// A body that lost is taken for history: what it holds of the key that it lost with was never published.
#[test]
fn lost_body() {
    must_fail("lost_body", "OtherRevision", writer_vs_writer::on_two_keys);
}

/// What a body missed is not copied.
#[test]
fn missed_slot() {
    must_fail("missed_slot", "OtherRevision", writer_vs_writer::every_shell_comes_back);
}

/// A body of later history is taken for an earlier one's.
#[test]
fn body_ahead() {
    must_fail("body_ahead", "OtherRevision", writer_vs_writer::overtaken);
}

/// A batch that was refused half-way leaves no word of it on its body.
#[test]
fn half_a_batch() {
    must_fail("half_a_batch", "OtherRevision", refused_batch::leaves_nothing);
}
