//! Broken twins of the real protocol: each must fail a scene of `tests/models`, for the reason that stands beside it. The
//! scene without the fault is green, which the models' own run shows.
//!
//! All of them fail under loom, and all but one under shuttle: `marks_relaxed` only weakens an ordering, and shuttle takes
//! every ordering for SeqCst. `marks_time_first`, which turns the two stores round, shows under both. What is broken in
//! the pool of shells is in `tests/recycling/twins.rs`.

use posbook_loom::must_fail;

use super::models::*;

const UNLISTED: &str = "outcomes that are not in the table";
const NEXT_SEQUENCE: &str = "each publication takes the next sequence (I4)";

/// The fault, the words it is known by, and the scene.
macro_rules! twins {
    ($($(#[$about:meta])* $fault:ident: $says:expr, $scene:expr;)+) => {
        $($(#[$about])* #[test] fn $fault() { must_fail(stringify!($fault), $says, $scene); })+
    };
}

twins! {
    /// The loop decides on the state that it read first.
    stale_state: UNLISTED, open_vs_open::two_threads_one_order;
    /// The loop ignores that its compare-and-set lost.
    ignore_lost: NEXT_SEQUENCE, two_fills::both_are_booked;
    /// The root is stored, whatever is there.
    store: NEXT_SEQUENCE, two_fills::both_are_booked;
    /// The root is loaded once more between the decision and the compare-and-set.
    check_then_act: UNLISTED, open_vs_open::two_threads_one_order;
    /// An open does not ask for unresolved orders (D1).
    two_opens: "two orders open one key (I1)", batch_vs_batch::one_has_both;
    /// Reductions in flight are not counted (D4).
    nothing_in_flight: "is in flight to reduce 1 (I2)", scale_out_vs_scale_out::never_more_than_is_there;
    /// A position id is not compared (D5).
    no_identity: UNLISTED, reopen_vs_late::a_late_scale_out;
    /// What is filled late for another life is dropped (D5).
    dead_fill: UNLISTED, reopen_vs_late::a_late_fill;
    /// A key that closes takes increases (D3).
    no_closing: UNLISTED, close_vs_scale_in::nothing_new_on_a_key_that_closes;
    /// An order leaves without being asked about once more (R5).
    sent_unasked: "an increase left for a key that closes (R5, R7)", close_vs_scale_in::asked_once_more_before_it_leaves;
    /// What fired an exit is not asked about once more (R16).
    exit_unasked: "an exit at a stop that does not stand (R16)", scale_out_vs_retarget::an_exit_whose_stop_moves;
    /// Positions on their way are not counted (D11).
    limits_outside: "beyond the limit (D11)", limits_two_opens_one_place::one_place;
    /// Orders on their way to a group are not counted (R13).
    group_limit_outside: "beyond the limit (D11)", limits_two_opens_one_place::one_place_of_a_group;
    /// A fill is not compared with those that were booked (I11).
    no_ring: "booked twice (I11)", same_fill_twice::booked_once;
    /// A report is applied although the book changed since it was asked for (D7).
    stale_report: UNLISTED, reserve_vs_reconcile::adopt_vs_fill;
    /// A batch is published command by command (R14).
    batch_split: UNLISTED, batch_vs_snapshot::never_half;
    /// A subscriber that lags is not told (I10).
    window_cut: UNLISTED, feed_vs_batch::at_the_far_end;
    /// A sleeper does not look again after it has registered (I10).
    listen_late: "deadlock", feed_vs_publisher::one_publication;
    /// Whoever waits for the disk registers only after its second look (R15).
    durable_late: "deadlock", durable_vs_writers::one_waits;
    /// A change is called durable before it is on the disk (R15).
    ack_early: "acknowledged, and not on the disk (R15)", durable_vs_writers::one_waits;
    /// An increase does not wait for the disk (R15).
    leave_early: UNLISTED, durable_vs_writers::one_order_waits;
    /// The time of a mark is stored before its price (R11).
    marks_time_first: UNLISTED, mark_vs_reader::never_older_than_it_says;
    /// Nothing keeps the processor from storing them in that order.
    #[cfg(posbook_loom)]
    marks_relaxed: UNLISTED, mark_vs_reader::never_older_than_it_says;
}
