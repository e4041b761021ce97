//! D10: what was handed out as a snapshot was the live object, and changed later: a decision mixed two moments. Here a
//! view and a position that were handed out stay as they were, whatever another thread does to the book.

use posbook::{Field, Position, Side};

use crate::help_race::{beside, both_sides};
use crate::stage::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d10_what_was_handed_out_stays_as_it_was() {
    let world = world();
    world.open(BTC, Side::Long, "1");
    let (view, position) = (world.manager.get_all_positions(), world.manager.get_position(BTC).unwrap());
    let (digest, sequence, totals) = (view.digest(), view.sequence(), view.totals().clone());
    let listed: Vec<Position> = view.iter().cloned().collect();

    let writer = beside(&world, |m| async move {
        m.scale_in_position(BTC, q("0.5")).await.unwrap();
        m.modify_position_targets(BTC, Field::Set(p("49000")), Field::Set(p("52000"))).unwrap();
        m.open_position(ETH, Side::Short, q("2"), 5, f("0.1")).await.unwrap();
        m.close_position(BTC, "out").await.unwrap();
    });
    // While it writes, and after.
    loop {
        let last = writer.is_finished();
        assert_eq!(view.iter().cloned().collect::<Vec<_>>(), listed, "D10: a snapshot changed");
        assert_eq!((view.digest(), view.sequence(), view.totals()), (digest, sequence, &totals));
        if last {
            break;
        }
    }
    writer.await.unwrap();
    assert_eq!((view.get(world.id(BTC)), view.contains(world.id(ETH))), (Some(&position), false));
    assert_eq!((position.quantity, position.stop_loss()), (q("1"), Some(p("47500"))));
    assert_ne!(world.book().snapshot().digest(), digest, "and the book went on");
    both_sides(&world, BTC, "flat", "0");
    both_sides(&world, ETH, "short 2", "-2");
}
