//! D17: one number meant a stop price or a fraction to sell, by context; a quarter off became a stop at 0.25. Here the
//! three are types that no conversion joins, and a stop that far away is refused where a nearer one stands.

use std::marker::PhantomData;

use pollster::block_on;
use posbook::{Amount, ExitPlan, Field, Fraction, Price, Quantity, Reason, Retarget, Side};

use crate::help_money::*;
use crate::stage::*;

#[test]
fn d17_a_quarter_off_sells_a_quarter_and_leaves_the_stop() {
    let world = world();
    world.open_planned(BTC, Side::Long, "1", ExitPlan::default().tier(f("0.02"), f("0.25")));
    world.price(BTC, "51000");
    world.quiet_pass();
    assert_eq!((world.stands(BTC).as_str(), agreed(&world, BTC).as_str()), ("long 0.75", "0.75"));
    assert_eq!(world.stop(BTC), "47500");

    // Where the predecessor would have stored it, the same figure is a price, and one that gives protection away.
    let refused = world.manager.modify_position_targets(BTC, Field::Set(p("0.25")), Field::Keep).unwrap_err();
    assert!(matches!(refused.reason(), Reason::StopLoosened { .. }), "{refused}");
    assert_eq!(world.stop(BTC), "47500");

    world.price(BTC, "47500");
    block_on(world.manager.update_positions());
    assert_eq!((world.stands(BTC).as_str(), agreed(&world, BTC).as_str()), ("flat", "0"));
}

/// Whether `A` converts into `B`, asked of the compiler: the constant of the type wins over the trait's where its bound
/// holds.
struct Converts<A, B>(PhantomData<(A, B)>);

trait Otherwise {
    const HERE: bool = false;
}

impl<T> Otherwise for T {}

impl<A: Into<B>, B> Converts<A, B> {
    const HERE: bool = true;
}

#[test]
fn d17_price_fraction_and_quantity_do_not_convert() {
    // A stop takes a price, a share takes a fraction, an amount takes a quantity.
    let _: fn(Retarget, Price) -> Retarget = Retarget::stop;
    let _: fn(Price) -> Field = Field::Set;
    let _: fn(Fraction) -> Amount = Amount::Share;
    let _: fn(Quantity) -> Amount = Amount::Exactly;
    // The trick can say yes.
    const { assert!(Converts::<Price, Price>::HERE) };
    const { assert!(!Converts::<Fraction, Price>::HERE && !Converts::<Price, Fraction>::HERE) };
    const { assert!(!Converts::<Fraction, Quantity>::HERE && !Converts::<Quantity, Fraction>::HERE) };
    const { assert!(!Converts::<Price, Quantity>::HERE && !Converts::<Quantity, Price>::HERE) };
}
