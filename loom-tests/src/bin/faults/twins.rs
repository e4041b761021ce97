//! The twins, and who stands guard over each.

/// A binary with tests in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Suite {
    /// `loom-tests/tests/<name>`: every schedule.
    Model(&'static str),
    /// `tests/<name>`: real threads or a staged venue, the public API.
    Real(&'static str),
    /// `posbook replay` against a hostile venue, seed after seed, until the verdict is no.
    Replay,
    /// `posbook stress`: the same program, its other verb.
    Stress,
}

/// A test that must notice a fault, and the words by which it is known to have noticed this and nothing else.
pub(crate) struct Guard {
    pub(crate) suite: Suite,
    /// The test's name; of a replay, the finding that must come out wrong.
    pub(crate) test: &'static str,
    pub(crate) says: &'static str,
}

pub(crate) struct Twin {
    pub(crate) fault: &'static str,
    /// What is broken.
    pub(crate) what: &'static str,
    pub(crate) guards: &'static [Guard],
}

const fn model(test: &'static str, says: &'static str) -> Guard {
    Guard { suite: Suite::Model("models"), test, says }
}

const fn real(test: &'static str, says: &'static str) -> Guard {
    Guard { suite: Suite::Real("faults"), test, says }
}

const fn defect(test: &'static str, says: &'static str) -> Guard {
    Guard { suite: Suite::Real("seed_defects"), test, says }
}

const fn rule(test: &'static str, says: &'static str) -> Guard {
    Guard { suite: Suite::Real("rules"), test, says }
}

/// Worlds from one seed each, until one breaks a rule. They have one thread: what breaks the loop itself they cannot find.
const fn world(says: &'static str) -> Guard {
    Guard { suite: Suite::Real("simulation"), test: "finds", says }
}

const fn replay(finding: &'static str, sound: &'static str) -> Guard {
    Guard { suite: Suite::Replay, test: finding, says: sound }
}

/// By the rule that must be named; several if the fault may be met in several ways.
const fn stress(test: &'static str, says: &'static str) -> Guard {
    Guard { suite: Suite::Stress, test, says }
}

const UNLISTED: &str = "outcomes that are not in the table";
const ABA: &str = "went through (D5)";
const NAMES: &str = "r15::two_books_built_at_once_and_two_runs_of_one_book_name_nothing_twice";

/// Both break the one loop, and the same tests stand guard over it.
const THE_LOOP: &[Guard] = &[
    model("open_vs_open::two_threads_one_order", UNLISTED),
    model("open_vs_open::three_threads_one_order", UNLISTED),
    model("two_fills::both_are_booked", "each publication takes the next sequence (I4)"),
    model("same_fill_twice::booked_once", UNLISTED),
    model("limits_two_opens_one_place::one_place", UNLISTED),
    model("close_vs_scale_out::never_more_than_is_there", UNLISTED),
    model("batch_vs_open::both_legs_or_none", "half a pair"),
    real("d01_two_opens::d01_two_opens_one_order_leaves", "both opens were granted (D1)"),
    real("i04_lost_update::i04_no_update_is_lost", "under a sequence of its own (I4)"),
    stress("no violation", "I4"),
];

pub(crate) const TWINS: &[Twin] = &[
    Twin { fault: "stale_state", what: "the loop decides on the state it read first", guards: THE_LOOP },
    Twin { fault: "ignore_lost", what: "the loop ignores that its compare-and-set lost", guards: THE_LOOP },
    Twin {
        fault: "no_identity",
        what: "a position id or revision is not compared",
        guards: &[
            defect(
                "d05::d05_a_late_close_does_not_remove_the_newer_position",
                "D5: a close decided on the dead position left",
            ),
            real("d05_aba::d05_a_late_scale_out_does_not_reduce_the_new_position", ABA),
            real("d05_aba::d05_a_late_scale_in_does_not_add_to_the_new_position", ABA),
            real("d05_aba::d05_a_late_stop_loss_does_not_close_the_new_position", ABA),
            real("d05_aba::d05_a_late_trailing_stop_does_not_move_the_new_position_s", ABA),
            real("d05_aba::d05_a_decision_against_an_older_revision_is_refused", ABA),
            world("stands there"),
        ],
    },
    Twin {
        fault: "two_opens",
        what: "an open does not ask for unresolved orders (D1)",
        guards: &[
            defect(
                "d01::d01_two_opens_of_one_side_leave_one_position",
                "D1: a second open of the symbol left",
            ),
            defect("d01::d01_two_opens_of_opposite_sides_do_not_cancel_out", "D1: "),
            world("(I1)"),
        ],
    },
    Twin {
        fault: "nothing_in_flight",
        what: "reductions in flight are not counted (D2, D4, I2)",
        guards: &[
            defect("d02::d02_a_stop_and_a_manual_close_sell_once", "D2: a second close of the position left"),
            defect(
                "d04::d04_two_scale_outs_of_0_6_on_1_take_off_what_is_there",
                "D4: a second scale-out of 0.6 left",
            ),
            world("are in flight to reduce"),
        ],
    },
    Twin {
        fault: "final_is_gone",
        what: "an order is gone at the venue's final figure although fills are missing (R2)",
        guards: &[
            rule(
                "r02::both_endings_carry_the_venues_figure_and_settle_when_the_fills_reach_it",
                "right: AwaitingFills",
            ),
            rule("r02::a_settling_order_claims_its_key_and_counts_in_the_limits", "new risk was not refused"),
            world("booked (R2)"),
        ],
    },
    Twin {
        fault: "figures_lost",
        what: "a cumulative figure is taken for an earlier one (R2)",
        guards: &[
            rule("r02::cumulative_figures_are_booked_by_what_is_new_of_them", "booked(cumulative("),
            world("at rest order"),
            stress("no violation", "never booked, and called a duplicate (I11)"),
        ],
    },
    Twin {
        fault: "unfoldable_lost",
        what: "a fill that cannot be booked is dropped (R4)",
        guards: &[
            rule(
                "r04::what_cannot_be_folded_is_kept_as_it_came_and_blocks_until_it_is_accepted",
                "R4: a fill that was not booked is kept nowhere",
            ),
            world("cannot be booked, and is kept nowhere (R4)"),
        ],
    },
    Twin {
        fault: "no_doubt",
        what: "an order whose holder is gone is not in doubt (R6)",
        guards: &[
            rule(
                "r06::a_timeout_after_the_order_left_makes_no_second_order_and_leaves_the_way_out_open",
                "sent twice",
            ),
            world("has no holder any more and is not in doubt (R6)"),
        ],
    },
    Twin {
        fault: "never_overdue",
        what: "no order is ever overdue (R6)",
        guards: &[
            rule("r06::expiry_finds_every_overdue_key_in_one_unit_and_leaves_the_others", "right: 2"),
            world("is overdue and not in doubt (R6)"),
        ],
    },
    Twin {
        fault: "no_closing",
        what: "a key that closes takes increases (D3, R7)",
        guards: &[
            rule("r07::an_increase_is_refused_while_a_key_is_closing_by_every_way_in", "R7: "),
            world("an increase of a key that is closing"),
        ],
    },
    Twin {
        fault: "closing_forgotten",
        what: "a closing ends with its first order (D3, R7)",
        guards: &[
            defect(
                "d03::d03_a_scale_in_that_was_executed_before_the_close_heard_of_it_is_closed_too",
                "D3: the rest was not closed",
            ),
            rule(
                "r07::a_closing_stands_through_refusals_and_ends_by_its_own_command_only",
                "new risk was not refused",
            ),
            world("closes no more (R7)"),
        ],
    },
    Twin {
        fault: "stale_report",
        what: "a report is applied although the book changed since it was asked for (D6, D7, D8, R8)",
        guards: &[
            defect(
                "d06::d06_a_position_opened_after_the_list_was_fetched_stays",
                "D6: an older list removed",
            ),
            defect(
                "d07::d07_a_position_closed_after_the_list_was_fetched_does_not_come_back",
                "D7: an older list brought",
            ),
            defect("d08::d08_an_older_row_leaves_a_newer_position_and_its_stop", "D8: an older row changed"),
            world("changed an instrument that had changed"),
        ],
    },
    Twin {
        fault: "older_report",
        what: "a report is applied although a later fill is booked (R8)",
        guards: &[
            rule(
                "r08::a_report_whose_venue_clock_is_behind_ours_is_compared_with_venue_times_only",
                "as old as the fill",
            ),
            world("changed what a fill of"),
        ],
    },
    Twin {
        fault: "busy_skipped",
        what: "a key with orders in flight is not compared (R9)",
        guards: &[
            rule(
                "r09::the_band_goes_from_what_may_have_been_reduced_to_what_may_have_been_added",
                "failed: 1.299",
            ),
            world("and no plan says that they differ (R9)"),
        ],
    },
    Twin {
        fault: "skips_forgiven",
        what: "a difference that no run decides never blocks its key (R9)",
        guards: &[
            rule(
                "r09::a_difference_that_no_run_decides_blocks_new_risk_in_the_end",
                "R9: a difference that ten runs have not decided",
            ),
            world("times running, and blocks nothing (R9)"),
        ],
    },
    Twin {
        fault: "stale_mark",
        what: "a mark does not grow old (R11)",
        guards: &[
            rule("r11::a_mark_is_fresh_up_to_its_very_age_and_no_longer", "fresh_mark(alone.btc).is_none()"),
            world("decided at a mark of"),
        ],
    },
    Twin {
        fault: "stale_exit",
        what: "a pass fires exits at marks that are stale (R11)",
        guards: &[
            rule("r11::a_stalled_ticker_fires_no_stop_and_a_close_needs_no_ticker", "left: (1, 0)"),
            world("fired at a mark that is not fresh (R11)"),
        ],
    },
    Twin {
        fault: "excursion_back",
        what: "an extreme of a profit that was noted is forgotten when the other one moves (R11)",
        guards: &[
            rule("r11::an_extreme_never_moves_back", "R11: an extreme moved back"),
            world("an extreme moved back"),
        ],
    },
    Twin {
        fault: "owners_apart",
        what: "the venue is compared with what nobody owns (R12)",
        guards: &[
            rule(
                "r12::two_strategies_of_one_account_agree_with_its_net_and_repair_nothing",
                "done.is_empty()",
            ),
            world("and a plan says that they differ (R12)"),
        ],
    },
    Twin {
        fault: "nobodys_fill",
        what: "a fill is booked for nobody, whoever ordered it (R12)",
        guards: &[
            rule(
                "r12::two_strategies_of_one_account_agree_with_its_net_and_repair_nothing",
                "right: (\"long 3\", \"short 2\")",
            ),
            world("was booked here (R12)"),
        ],
    },
    Twin {
        fault: "limits_outside",
        what: "positions on their way are not counted (D11, R13)",
        guards: &[
            defect(
                "d11::d11_seven_threads_fill_three_places_while_nothing_is_answered",
                "D11: an order left beyond the limit",
            ),
            model("limits_two_opens_one_place::one_place", "beyond the limit (D11)"),
            world("are open or on their way"),
        ],
    },
    Twin {
        fault: "group_limit_outside",
        what: "what is on its way to a limited group is not counted there (R13)",
        guards: &[
            rule(
                "groups::what_is_on_its_way_to_a_group_counts_and_what_is_in_doubt_in_full",
                "a second one found room",
            ),
            model("limits_two_opens_one_place::one_place_of_a_group", "beyond the limit (D11)"),
            world("of the group grid are open or on their way"),
        ],
    },
    Twin {
        fault: "batch_split",
        what: "a batch is published command by command (R14)",
        guards: &[rule("r14::of_a_hedged_pair_both_legs_leave_or_none", "left: (1, 0)"), world("a pair ")],
    },
    Twin {
        fault: "one_name",
        what: "every book that nobody named has one name (R15)",
        // A world is one run of one book, which it names: what two runs have in common it cannot show.
        guards: &[rule(NAMES, "named twice")],
    },
    Twin {
        fault: "batch_one_name",
        what: "the orders of a batch have one name (R15)",
        guards: &[rule(NAMES, "named twice"), world("is named as another one was (R15)")],
    },
    Twin {
        fault: "leave_early",
        what: "an increase leaves before its claim is on the disk (R15)",
        guards: &[world("its claim was not on the disk (R15)")],
    },
    Twin {
        fault: "found_as_it_was",
        what: "after a crash an unresolved order is what the last record says of it (R6)",
        guards: &[world("came back from a crash and is not in doubt (R6)")],
    },
    Twin {
        fault: "ready_at_once",
        what: "after a crash new risk is taken without a report and with doubts left (R15)",
        guards: &[world("new risk after a restart")],
    },
    Twin {
        fault: "no_ratchet",
        what: "a stop goes back without a command that says so (R16)",
        guards: &[
            rule(
                "r16::a_hand_set_tighter_stop_is_not_moved_back_by_a_decision_from_older_state",
                "R16: a stop went back",
            ),
            world("and nobody said so (I3)"),
        ],
    },
    Twin {
        fault: "tier_again",
        what: "a tier that has fired is not taken (D19, R16)",
        guards: &[
            rule("r16::a_tier_fires_once_in_a_life_whatever_the_plan", "R16: a tier fires again"),
            world("fires again (R16)"),
        ],
    },
    Twin {
        fault: "rest_dropped",
        what: "what is left of a position's cost is rounded once more (R17)",
        guards: &[
            rule(
                "r17::conservation_holds_after_every_fill_and_partial_closes_move_shares_not_averages",
                "R17: cash is not accounted for",
            ),
            world("and what it should come to"),
        ],
    },
    Twin {
        fault: "share_coarse",
        what: "a share of the cost is rounded to less than money, on both sides (R17)",
        guards: &[
            rule(
                "r17::conservation_holds_after_every_fill_and_partial_closes_move_shares_not_averages",
                "R17: a share is rounded to money once",
            ),
            world("by taking part of it off (R17)"),
        ],
    },
    Twin {
        fault: "dust_fires",
        what: "dust fires exits (R18)",
        guards: &[
            rule(
                "r18::a_rest_below_the_minimum_is_closed_whole_and_an_open_on_it_takes_it_over",
                "R18: an exit of dust",
            ),
            world("is dust (R18)"),
        ],
    },
    Twin {
        fault: "failed_is_empty",
        what: "a report that failed is taken for a list (D13, R10)",
        guards: &[
            defect(
                "d13::d13_a_failed_list_is_an_error_and_nobody_is_flat",
                "D13: a failed list was taken for a list",
            ),
            world("was taken for a list (D13)"),
        ],
    },
    Twin {
        fault: "bad_row_aborts",
        what: "one row that cannot be read ends the reading of a report (D14)",
        guards: &[defect("d14::d14_bad_rows_hide_no_good_one", "D14: a bad row hid a good one")],
    },
    Twin {
        fault: "drop_forgets",
        what: "a position that is dropped leaves nothing unexplained (D21, R10)",
        guards: &[defect(
            "d21::d21_a_drop_by_reconcile_says_why_and_keeps_the_gap_until_its_fill_explains_it",
            "no result is made up",
        )],
    },
    Twin {
        fault: "requested_booked",
        what: "what an order asked for is booked, and not what it filled (D22, R2)",
        guards: &[defect(
            "d22::d22_partly_filled_then_cancelled_is_what_filled_and_nothing_is_sent_again",
            "right: (Refused(",
        )],
    },
    Twin {
        fault: "leveraged_profit",
        what: "profit is multiplied by the leverage (D25, R17)",
        guards: &[defect("d25::d25_leverage_is_not_in_the_result_and_the_contract_size_is", "long at 10x")],
    },
    Twin {
        fault: "one_leg",
        what: "every row of a report is taken for one leg's (D27, R12)",
        guards: &[defect("d27::d27_both_legs_of_a_hedged_symbol_are_there_however_they_came", "right: 2")],
    },
    Twin {
        fault: "presence_only",
        what: "of what both sides have nothing is compared (D32)",
        guards: &[defect("d32::d32_a_missed_fill_is_found_and_blocks_until_it_is_booked", "in agreement")],
    },
    Twin {
        fault: "no_ring",
        what: "a fill is not compared with those that were booked (R3, I11)",
        guards: &[
            rule(
                "r03::after_a_flip_and_a_reconnect_every_fill_is_booked_once",
                "R3: a fill that came again was booked",
            ),
            model("same_fill_twice::booked_once", "booked twice (I11)"),
            world("was booked twice (I11)"),
        ],
    },
    Twin {
        fault: "doubt_by_report",
        what: "a flat position report ends the doubts about its orders (R1)",
        guards: &[
            rule("r01::a_flat_report_50_ms_after_a_timeout_opens_nothing_twice", "opened again"),
            replay("duplicate_orders", "0"),
            world("the venue never said so (R1)"),
        ],
    },
    Twin {
        fault: "new_id_retry",
        what: "an order whose answer was lost is sent again under another id (D23)",
        guards: &[replay("duplicate_orders", "0"), world("nobody had claimed anything for it (D23)")],
    },
    Twin {
        fault: "dead_fill",
        what: "a fill of an order against a position that is gone is dropped (D5, R5)",
        guards: &[replay("book_equals_venue", "true"), world("at rest order")],
    },
];
