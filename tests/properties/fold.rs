//! The book against the naive model, over random streams of everything that can be asked of it. What is asserted after
//! every step stands in [`World::step`](crate::stream::World::step): I1-I5, I9-I12, quantities, costs, realised profit
//! and fees equal to the model's.

use std::cell::RefCell;
use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::scale::{brief, runner};
use crate::stream::{Came, World, ops, reached};

#[test]
fn any_stream_of_commands_leaves_the_book_equal_to_the_naive_model() {
    let (kinds, refusals) = (RefCell::new(BTreeSet::new()), RefCell::new(BTreeSet::new()));
    let outcome = runner(600).run(&(ops(90), any::<bool>()), |(ops, default_rule)| {
        let mut world = World::new(default_rule);
        for op in &ops {
            if let Came::Refused(rejection) = world.step(op) {
                let reason = format!("{:?}", rejection.reason());
                refusals.borrow_mut().insert(reason.split([' ', '{']).next().unwrap_or_default().to_owned());
            }
        }
        kinds.borrow_mut().extend(world.published.iter().flat_map(|unit| unit.iter().map(reached)));
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
    if brief() {
        return;
    }
    // A green property proves nothing about what its streams never reach.
    let expected = [
        "accepted",
        "adopted",
        "closed",
        "closing cancelled",
        "confirmed",
        "dropped",
        "in doubt",
        "never arrived",
        "opened",
        "quarantined",
        "reached",
        "registered",
        "released",
        "replaced",
        "replanned",
        "reserved",
        "retargeted",
        "scaled in",
        "scaled out",
        "sent",
        "settled",
        "settling",
        "stray",
        "tagged",
        "trailed",
        "unbooked",
        "unheard of",
        "working",
    ];
    assert_eq!(kinds.into_inner().iter().map(String::as_str).collect::<Vec<_>>(), expected);
    let refusals = refusals.into_inner();
    for reason in [
        "AlreadyOpen",
        "AlreadyReserved",
        "Blocked",
        "Closing",
        "GroupLimit",
        "InDoubt",
        "Limit",
        "MixedSources",
        "NoPosition",
        "NotOnStep",
        "OrderState",
        "OtherPosition",
        "OutOfRange",
        "ReduceBeyond",
        "StaleReport",
        "StopLoosened",
        "UnknownInstrument",
        "UnknownOrder",
        "WrongLeg",
        "WrongSideTarget",
    ] {
        // Not every run meets every refusal; those that the streams are built for it must.
        assert!(
            refusals.contains(reason) || ["MixedSources", "OtherPosition"].contains(&reason),
            "{reason} not in {refusals:?}"
        );
    }
}
