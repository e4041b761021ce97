//! Policies field by field: what each way does about presence, side, quantity, entry, leverage, margin mode and liquidation
//! price; for which keys it holds; and that none of them weakens a rule.

use posbook::reconcile::{
    Aspect, Discrepancy, KeyPolicy, Notice, Outcome, Policies, Policy, ReconcileReport, Repair, Tolerance,
    Way, Ways,
};
use posbook::venue::{MarginMode, VenuePosition};
use posbook::{Decimal, Leverage, OrderSide, Owner, PositionKey, Side, TroubleKind};

use crate::stage::*;

fn with(ways: Ways) -> Policy {
    Policy { ways, ..Policy::default() }
}

/// Long 1 @ 50,000, 10x, stop 47,500; and the next reports are newer than it.
fn one_long() -> World {
    let world = world();
    world.open(BTC, Side::Long, "1");
    world.price(BTC, "50000");
    world
}

async fn told(world: &World, rows: Vec<VenuePosition>, policies: impl Into<Policies>) -> ReconcileReport {
    world.pass(std::time::Duration::from_millis(1));
    world.report(rows);
    world.manager.reconcile_with(policies).await.unwrap()
}

fn long(quantity: &str, entry: &str) -> VenuePosition {
    row(BTC, Side::Long, quantity, entry)
}

fn frozen(world: &World, symbol: &str) -> bool {
    world.key(symbol).troubles.iter().any(|t| t.kind == TroubleKind::Quarantined)
}

/// The fields that differ, in order.
fn aspects(found: &ReconcileReport) -> Vec<Aspect> {
    found.done.iter().filter_map(|(item, _)| item.discrepancy.aspect()).collect()
}

#[tokio::test]
async fn the_default_compares_presence_side_and_quantity_and_nothing_else() {
    let world = one_long();
    let other = VenuePosition {
        leverage: Some(Leverage::of(3)),
        margin_mode: Some(MarginMode::Isolated),
        liquidation_price: Some(p("49000")),
        ..long("1", "12345")
    };
    assert!(told(&world, vec![other.clone()], Policy::default()).await.done.is_empty());
    // All of it is named by the thorough ones; nothing is changed for it.
    let policy = Policy { margin_mode: Some(MarginMode::Cross), ..with(Ways::thorough()) };
    let before = world.book().snapshot().digest();
    let found = told(&world, vec![other], policy).await;
    let every = [Aspect::Entry, Aspect::Leverage, Aspect::MarginMode, Aspect::LiquidationPrice];
    assert_eq!(aspects(&found), every);
    assert!(
        found.done.iter().all(|(item, done)| item.repair == Repair::Report && *done == Outcome::Reported)
    );
    assert_eq!((found.resolved(), found.unresolved()), (0, 4));
    assert_eq!(world.book().snapshot().digest(), before);
    // What a venue does not state differs from nothing.
    assert!(told(&world, vec![long("1", "50000")], policy).await.done.is_empty());
}

#[tokio::test]
async fn only_the_venue_has_it() {
    for (way, stands, is_frozen, says) in [
        (Way::VenueWins, "long 1", false, "adopt"),
        (Way::BookWins, "flat", false, "it takes: sell 1"),
        (Way::Report, "flat", false, "only named"),
        (Way::Quarantine, "flat", true, "quarantine"),
    ] {
        let world = world();
        world.price(BTC, "50000");
        let found =
            told(&world, vec![long("1", "50000")], with(Ways { venue_only: way, ..Ways::default() })).await;
        assert_eq!((aspects(&found), world.stands(BTC).as_str()), (vec![Aspect::Presence], stands));
        assert!(found.to_string().contains(says), "{found}");
        let has = world.book().snapshot().key(world.id(BTC)).is_some_and(|k| !k.troubles.is_empty());
        assert_eq!(has, is_frozen, "{way:?}");
    }
}

#[tokio::test]
async fn only_the_book_has_it() {
    for (way, stands, is_frozen, says) in [
        (Way::VenueWins, "flat", false, "drop"),
        (Way::BookWins, "long 1", false, "it takes: buy 1"),
        (Way::Report, "long 1", false, "only named"),
        (Way::Quarantine, "long 1", true, "quarantine"),
    ] {
        let world = one_long();
        world.open(ETH, Side::Long, "1"); // the report is not empty
        let rows = || vec![row(ETH, Side::Long, "1", "3000")];
        let policy = with(Ways { book_only: way, ..Ways::default() });
        let found = told(&world, rows(), policy).await;
        assert_eq!((aspects(&found), world.stands(BTC).as_str()), (vec![Aspect::Presence], stands));
        assert!(found.to_string().contains(says), "{found}");
        assert_eq!(frozen(&world, BTC), is_frozen, "{way:?}");
        // An empty report without consent is another matter, whatever the policy (R10).
        let world = one_long();
        told(&world, vec![], policy).await;
        assert_eq!((frozen(&world, BTC), world.stands(BTC).as_str()), (true, "long 1"));
    }
}

#[tokio::test]
async fn both_have_it_on_opposite_sides() {
    for (way, stands, is_frozen) in [
        (Way::VenueWins, "short 2", false),
        (Way::BookWins, "long 1", false),
        (Way::Report, "long 1", false),
        (Way::Quarantine, "long 1", true),
    ] {
        let world = one_long();
        let before = world.key(BTC).position.unwrap();
        let short = row(BTC, Side::Short, "2", "50500");
        let found = told(&world, vec![short.clone()], with(Ways { side: way, ..Ways::default() })).await;
        assert_eq!(found.done[0].0.discrepancy.aspect(), Some(Aspect::Side));
        assert_eq!((world.stands(BTC).as_str(), frozen(&world, BTC)), (stands, is_frozen), "{way:?}");
        if way == Way::VenueWins {
            // Another position, with targets of its own and none of the long's (D27).
            let after = world.key(BTC).position.unwrap();
            assert_eq!((found.resolved(), after.id != before.id), (2, true));
            assert_eq!(after.stop_loss(), Some(p("52500")));
            world.price(BTC, "50000");
            assert!(told(&world, vec![short], Policy::default()).await.done.is_empty());
        }
    }
}

#[tokio::test]
async fn both_have_it_in_another_size() {
    for (quantity, entry, missing) in
        [("2", "50500", "it takes: sell 1"), ("0.4", "50000", "it takes: buy 0.6")]
    {
        for (way, wins, is_frozen) in [
            (Way::VenueWins, true, false),
            (Way::BookWins, false, false),
            (Way::Report, false, false),
            (Way::Quarantine, false, true),
        ] {
            let world = one_long();
            let policy = with(Ways { quantity: way, ..Ways::default() });
            let found = told(&world, vec![long(quantity, entry)], policy).await;
            assert_eq!(aspects(&found), [Aspect::Quantity]);
            let stands = format!("long {}", if wins { quantity } else { "1" });
            assert_eq!((world.stands(BTC), frozen(&world, BTC)), (stands, is_frozen), "{way:?}");
            assert_eq!(found.to_string().contains(missing), way == Way::BookWins, "{found}");
            let open = world.key(BTC).position.unwrap();
            assert_eq!(open.stop_loss(), Some(p("47500")), "its targets stay");
            if wins {
                assert_eq!(open.entry_price(), entry.parse::<Decimal>().unwrap());
                assert!(told(&world, vec![long(quantity, entry)], policy).await.done.is_empty());
            }
        }
    }
}

#[tokio::test]
async fn a_fill_that_was_missed_explains_the_correction_when_it_comes() {
    let world = one_long();
    let policy = with(Ways { quantity: Way::VenueWins, ..Ways::default() });
    world.by_hand(BTC, OrderSide::Buy, "1");
    world.price(BTC, "51000");
    world.hide_fills();
    assert_eq!(world.manager.reconcile_with(policy).await.unwrap().resolved(), 1);
    assert_eq!(world.stands(BTC), "long 2");
    world.quiet_pass();
    world.both_have(BTC, "2");
    assert_eq!(world.key(BTC).ledger.unexplained, Decimal::ZERO);
}

#[tokio::test]
async fn a_difference_that_is_only_named_blocks_its_key_in_the_end_all_the_same() {
    for way in [Way::Report, Way::BookWins] {
        let world = one_long();
        let policy = Policy { skips: 3, ..with(Ways { quantity: way, ..Ways::default() }) };
        for run in 1..=3 {
            let found = told(&world, vec![long("2", "50000")], policy).await;
            assert_eq!((found.resolved(), frozen(&world, BTC)), (0, run == 3), "R9, {way:?}, run {run}");
        }
    }
}

#[tokio::test]
async fn what_is_missing_of_several_owners_freezes_them_all_and_no_way_corrects_it() {
    for way in [Way::VenueWins, Way::BookWins, Way::Report] {
        let world = world();
        let of = |owner| PositionKey { owner: Owner(owner), ..PositionKey::net(world.id(BTC)) };
        for owner in [1, 2] {
            world.manager.open_position(of(owner), Side::Long, q("2"), 10, f("0.05")).await.unwrap();
        }
        world.price(BTC, "50000");
        let ways = Ways { quantity: way, side: way, book_only: way, ..Ways::default() };
        let found = told(&world, vec![long("3", "50000")], with(ways)).await;
        assert_eq!((found.resolved(), found.done.len()), (0, 2));
        for owner in [1, 2] {
            let view = world.book().snapshot();
            let key = view.key(of(owner)).unwrap();
            assert!(key.troubles.iter().any(|t| t.kind == TroubleKind::Quarantined), "R12, {way:?}");
            assert_eq!(key.position.as_ref().unwrap().quantity, q("2"));
        }
    }
}

#[tokio::test]
async fn an_old_report_and_a_busy_key_are_corrected_by_no_policy() {
    let world = one_long();
    let policy = with(Ways { quantity: Way::VenueWins, side: Way::VenueWins, ..Ways::thorough() });
    // Older than the last fill (R8).
    let old = world.report_at(Some(posbook::Timestamp(1)), vec![long("2", "50000")]);
    world.venue.on_report(old);
    let found = world.manager.reconcile_with(policy).await.unwrap();
    assert!(matches!(found.done[0].0.repair, Repair::Wait(_)), "{found}");
    // Without a time the first of two equal ones changes nothing, the second does (R8, R10).
    for resolved in [0, 1] {
        world.venue.on_report(world.report_at(None, vec![long("2", "50000")]));
        let found = world.manager.reconcile_with(policy).await.unwrap();
        assert_eq!(found.resolved(), resolved, "{found}");
    }
    // An order in flight (R9).
    let world = one_long();
    let adding = world.adding(BTC, "0.5");
    world.pass(std::time::Duration::from_millis(1));
    world.report(vec![long("3", "50000")]);
    let found = world.manager.reconcile_with(policy).await.unwrap();
    assert_eq!((found.resolved(), world.stands(BTC).as_str()), (0, "long 1"), "{found}");
    adding.go();
}

#[tokio::test]
async fn a_quantity_within_the_tolerance_is_named_freezes_nothing_and_releases_nothing() {
    let world = one_long();
    let tolerance = Tolerance { quantity_steps: 2, ..Tolerance::default() };
    let policy = Policy { tolerance, ..Policy::default() };
    let found = told(&world, vec![long("1.002", "50000")], policy).await;
    assert_eq!((found.done[0].1.clone(), frozen(&world, BTC)), (Outcome::Reported, false), "{found}");
    let found = told(&world, vec![long("1.003", "50000")], policy).await;
    assert_eq!((found.unresolved(), frozen(&world, BTC)), (1, true), "{found}");
    // Agreeing is exact (R10).
    told(&world, vec![long("1.002", "50000")], policy).await;
    assert!(frozen(&world, BTC));
    assert_eq!(told(&world, vec![long("1", "50000")], policy).await.released(), 1);
}

#[tokio::test]
async fn an_entry_may_be_a_step_away_and_no_further() {
    let world = one_long();
    let policy = with(Ways { entry: Some(Notice::Quarantine), ..Ways::default() });
    assert!(told(&world, vec![long("1", "50000.1")], policy).await.done.is_empty());
    for _ in 0..2 {
        // It is frozen, and what agrees in quantity does not release it while it lasts.
        let found = told(&world, vec![long("1", "50000.2")], policy).await;
        assert_eq!((aspects(&found), frozen(&world, BTC)), (vec![Aspect::Entry], true), "{found}");
    }
    assert!(world.refused_increase(BTC).contains("the book's entry is 50000, the venue's 50000.2"));
    assert_eq!(told(&world, vec![long("1", "50000")], policy).await.released(), 1);
    let tolerance = Tolerance { entry_steps: 5, ..Tolerance::default() };
    assert!(told(&world, vec![long("1", "50000.5")], Policy { tolerance, ..policy }).await.done.is_empty());
}

#[tokio::test]
async fn a_leverage_is_named_frozen_or_taken_over() {
    for (way, leverage, is_frozen) in [
        (Way::VenueWins, 3, false),
        (Way::BookWins, 10, false),
        (Way::Report, 10, false),
        (Way::Quarantine, 10, true),
    ] {
        let world = one_long();
        let policy = with(Ways { leverage: Some(way), ..Ways::default() });
        let said = VenuePosition { leverage: Some(Leverage::of(3)), ..long("1", "50000") };
        let found = told(&world, vec![said], policy).await;
        assert_eq!((aspects(&found), frozen(&world, BTC)), (vec![Aspect::Leverage], is_frozen));
        assert_eq!(world.key(BTC).position.unwrap().leverage, Some(Leverage::of(leverage)));
    }
    let world = one_long();
    let tolerance = Tolerance { leverage: Some(f("0.1")), ..Tolerance::default() };
    let policy = Policy { tolerance, ..with(Ways { leverage: Some(Way::Quarantine), ..Ways::default() }) };
    for (says, differs) in [("9.5", false), ("9", true)] {
        let said = VenuePosition { leverage: Some(says.parse().unwrap()), ..long("1", "50000") };
        assert_eq!(told(&world, vec![said], policy).await.done.len(), usize::from(differs), "{says}");
    }
}

#[tokio::test]
async fn a_margin_mode_is_compared_with_the_one_that_is_meant() {
    let world = one_long();
    let ways = Ways { margin_mode: Some(Notice::Quarantine), ..Ways::default() };
    let said = |mode| vec![VenuePosition { margin_mode: Some(mode), ..long("1", "50000") }];
    assert!(told(&world, said(MarginMode::Cross), with(ways)).await.done.is_empty(), "any will do");
    let policy = Policy { margin_mode: Some(MarginMode::Isolated), ..with(ways) };
    assert!(told(&world, said(MarginMode::Isolated), policy).await.done.is_empty());
    let found = told(&world, said(MarginMode::Cross), policy).await;
    assert_eq!((aspects(&found), frozen(&world, BTC)), (vec![Aspect::MarginMode], true));
    assert_eq!(told(&world, said(MarginMode::Isolated), policy).await.released(), 1);
}

#[tokio::test]
async fn a_liquidation_before_the_stop_is_found_on_both_sides() {
    let policy = with(Ways { liquidation_price: Some(Notice::Quarantine), ..Ways::default() });
    // Stops at 47,500 and 52,500.
    for (side, fine, first) in [(Side::Long, "47499.9", "47500"), (Side::Short, "52500.1", "52500")] {
        let world = world();
        world.open(BTC, side, "1");
        world.price(BTC, "50000");
        let said =
            |price| vec![VenuePosition { liquidation_price: Some(p(price)), ..row(BTC, side, "1", "50000") }];
        assert!(told(&world, said(fine), policy).await.done.is_empty());
        // What venues write for none.
        for none in ["0.00001", "99999999"] {
            assert!(told(&world, said(none), policy).await.done.is_empty());
        }
        let sooner = Tolerance { liquidation_steps: 1, ..Tolerance::default() };
        assert_eq!(told(&world, said(fine), Policy { tolerance: sooner, ..policy }).await.done.len(), 1);
        let found = told(&world, said(first), policy).await;
        assert!(matches!(found.done[0].0.discrepancy, Discrepancy::LiquidatedFirst { .. }), "{found}");
        assert!(frozen(&world, BTC));
        // One trouble however the figure moves.
        let troubles = world.key(BTC).troubles.len();
        told(&world, said("50000"), policy).await;
        assert_eq!(world.key(BTC).troubles.len(), troubles);
    }
}

#[tokio::test]
async fn a_policy_of_a_key_holds_there_and_nowhere_else() {
    let world = one_long();
    world.open(ETH, Side::Long, "1");
    world.price(ETH, "3000");
    let own = |symbol: &str, owner| KeyPolicy {
        symbol: symbol.parse().unwrap(),
        leg: None,
        owner,
        policy: with(Ways { quantity: Way::VenueWins, ..Ways::default() }),
    };
    let rows = || vec![long("2", "50000"), row(ETH, Side::Long, "2", "3000")];
    // Of another owner, and of this one.
    let policies =
        Policies { general: Policy::default(), keys: vec![own(BTC, Some(Owner(7))), own(ETH, None)] };
    let found = told(&world, rows(), policies.clone()).await;
    assert_eq!((found.resolved(), found.unresolved()), (1, 1), "{found}");
    assert_eq!((world.stands(BTC).as_str(), frozen(&world, BTC)), ("long 1", true));
    assert_eq!((world.stands(ETH).as_str(), frozen(&world, ETH)), ("long 2", false));
    // They are data: written, read, and what nobody knows is refused.
    let text = serde_json::to_string(&policies).unwrap();
    assert_eq!(serde_json::from_str::<Policies>(&text).unwrap(), policies);
    for wrong in [
        r#"{"general": {"ways": {"quantity": "guess"}}}"#,
        r#"{"general": {"ways": {"entry": "venue_wins"}}}"#,
        r#"{"generall": {}}"#,
    ] {
        assert!(serde_json::from_str::<Policies>(wrong).is_err(), "{wrong}");
    }
}

/// Another side at the venue: what goes is gone only for what can come.
#[tokio::test]
async fn what_cannot_be_adopted_drops_nothing_and_a_leverage_of_nothing_is_none() {
    let world = one_long();
    let wins = with(Ways { side: Way::VenueWins, ..Ways::default() });
    // Its cost rounds to nothing.
    let dust = row(BTC, Side::Short, "0.00000000000001", "9");
    let found = told(&world, vec![dust], wins).await;
    assert!(matches!(found.done[0].0.discrepancy, Discrepancy::Unreadable { .. }), "{found}");
    assert_eq!(world.key(BTC).position.unwrap().quantity, q("1"));
    // So venues write that it shares the account's margin.
    let zero: Leverage = serde_json::from_str("\"0\"").unwrap();
    let cross = VenuePosition { leverage: Some(zero), ..row(BTC, Side::Short, "1", "50000") };
    let found = told(&world, vec![cross.clone()], wins).await;
    assert_eq!(found.resolved(), 2, "{found}");
    let stands = world.key(BTC).position.unwrap();
    assert_eq!((stands.side, stands.leverage), (Side::Short, None));
    // And no word about leverage, to differ from.
    let every = Policy { margin_mode: None, ..with(Ways::thorough()) };
    assert!(told(&world, vec![cross], every).await.done.is_empty());
}

/// However much else goes wrong on a key, that no stop watches over its position is not forgotten (R5).
#[tokio::test]
async fn many_troubles_do_not_make_a_position_protected() {
    let world = world();
    let adopt = Policy { adopt_rule: None, ..Policy::default() };
    let found = told(&world, vec![long("1", "50000")], adopt).await;
    assert_eq!(found.resolved(), 1, "{found}");
    let bare = || world.key(BTC).troubles.iter().any(|t| t.kind == TroubleKind::Unprotected);
    assert!(bare());
    let key = world.key(BTC).key;
    for n in 0..40 {
        let why = format!("reason {n}");
        world.book().apply(posbook::Command::Quarantine { key, why, asked: None }).unwrap();
    }
    assert!(bare() && world.key(BTC).troubles.len() <= 16);
}

/// Rows of what the book does not account for are no proof that the account has nothing else: without consent that freezes (R10).
#[tokio::test]
async fn a_report_of_nothing_but_what_is_outside_is_an_empty_one() {
    use posbook::venue::{Completeness, Confirmations, Scope, VenueReport};
    let world = one_long();
    world.pass(std::time::Duration::from_millis(1));
    let view = world.book().snapshot();
    let outside: posbook::Symbol = "FOO/USDT:USDT".parse().unwrap();
    let report = VenueReport {
        scope: Scope::All,
        completeness: Completeness::Complete,
        venue_time: Some(posbook::Timestamp(i64::MAX)),
        rows: vec![row("FOO/USDT:USDT", Side::Long, "1", "5")],
    };
    let (asked, policies) = (view.sequence(), Policies::default());
    let mut earlier = Confirmations::default();
    let plan = posbook::reconcile::compare(&view, &report, asked, &policies, &[outside], &mut earlier);
    let repairs: Vec<_> = plan.items.iter().map(|item| &item.repair).collect();
    assert!(repairs.iter().any(|repair| matches!(repair, Repair::Quarantine { .. })), "{repairs:?}");
    assert!(!repairs.iter().any(|repair| matches!(repair, Repair::Drop(_))), "{repairs:?}");
}
