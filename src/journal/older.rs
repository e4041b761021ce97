//! Records as an older version wrote them, read into what they are today.
//!
//! A record is postcard, which writes no names: a field that a struct has gained since is simply not in the bytes, and
//! everything after it would be read wrong. So what each version gained is listed ([`GAINED`]), and a reader for older
//! records stands between postcard and our types: it passes everything on, but says of a field that was not there yet that
//! there is nothing, and serde puts the default that the field declares in its place.
//!
//! To store one more field: give it `#[serde(default)]`, or a default of its own, and a line in [`GAINED`]. At its default it
//! stays out of the struct's `Hash`, so that the digest of an older checkpoint is what it was. What is no field of a struct or
//! of a variant with named fields cannot be gained this way; a new variant goes at the end of its enum and needs no line.

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::schema::VERSION;

/// Since this version of the schema, that struct or enum has this field.
type Gained = (u32, &'static str, &'static str);

/// What stored types have gained since version 1.
const GAINED: &[Gained] =
    &[(3, "Position", "excursion"), (3, "Position", "tags"), (3, "Order", "tags"), (3, "Opening", "tags")];

/// What the records of one version look like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    version: u32,
    gained: &'static [Gained],
}

impl Shape {
    pub(super) const fn of(version: u32) -> Self {
        Self { version, gained: GAINED }
    }

    /// Whether it is what this version writes.
    pub(super) const fn is_current(self) -> bool {
        self.version == VERSION
    }

    /// Whether stored structs are what they are today.
    pub(super) fn is_complete(self) -> bool {
        self.gained.iter().all(|(since, ..)| *since <= self.version)
    }

    /// Whether a checkpoint has a checksum of its bytes.
    pub(super) const fn has_sums(self) -> bool {
        self.version > 1
    }

    fn lacks(self, of: &str, field: &str) -> bool {
        self.gained.iter().any(|gained| gained.0 > self.version && (gained.1, gained.2) == (of, field))
    }

    /// A record.
    ///
    /// # Errors
    /// The bytes are none.
    pub(super) fn read<'de, T: Deserialize<'de>>(self, bytes: &'de [u8]) -> Result<T, postcard::Error> {
        self.read_with(bytes, std::marker::PhantomData)
    }

    /// As [`Shape::read`], for what needs more than the bytes.
    ///
    /// # Errors
    /// The bytes are none.
    pub(super) fn read_with<'de, S: DeserializeSeed<'de>>(
        self,
        bytes: &'de [u8],
        seed: S,
    ) -> Result<S::Value, postcard::Error> {
        let mut reader = postcard::Deserializer::from_bytes(bytes);
        match self.is_complete() {
            true => seed.deserialize(&mut reader),
            false => Older::new(self, seed).deserialize(&mut reader),
        }
    }
}

/// Something of serde's, around which we stand.
struct Older<T> {
    inner: T,
    shape: Shape,
    /// The struct or enum that is being read.
    of: &'static str,
    /// Its fields today, and how many of them are done.
    fields: &'static [&'static str],
    done: usize,
}

impl<T> Older<T> {
    fn new(shape: Shape, inner: T) -> Self {
        Self { inner, shape, of: "", fields: &[], done: 0 }
    }

    /// The same around something inside of it.
    fn around<U>(&self, inner: U) -> Older<U> {
        Older::new(self.shape, inner)
    }

    /// How many of these fields were there.
    fn count(&self, of: &str, fields: &[&str]) -> usize {
        fields.iter().filter(|field| !self.shape.lacks(of, field)).count()
    }
}

impl<'de, S: DeserializeSeed<'de>> DeserializeSeed<'de> for Older<S> {
    type Value = S::Value;

    fn deserialize<D: Deserializer<'de>>(self, inner: D) -> Result<S::Value, D::Error> {
        let reader = self.around(inner);
        self.inner.deserialize(reader)
    }
}

/// What has nothing inside is none of our business.
macro_rules! plain {
    ($($kind:ident)*) => {
        $(fn $kind<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> { self.inner.$kind(visitor) })*
    };
}

/// What has: we go inside with it.
macro_rules! nested {
    ($($kind:ident($($name:ident: $of:ty),*))*) => {
        $(fn $kind<V: Visitor<'de>>(self, $($name: $of,)* visitor: V) -> Result<V::Value, D::Error> {
            let visitor = self.around(visitor);
            self.inner.$kind($($name,)* visitor)
        })*
    };
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Older<D> {
    type Error = D::Error;

    plain!(deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_unit
        deserialize_identifier deserialize_ignored_any);

    nested!(deserialize_option() deserialize_seq() deserialize_map() deserialize_tuple(length: usize)
        deserialize_newtype_struct(name: &'static str) deserialize_unit_struct(name: &'static str)
        deserialize_tuple_struct(name: &'static str, length: usize));

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Older { of: name, fields, ..self.around(visitor) };
        // To postcard a struct is so many values in a row.
        self.inner.deserialize_tuple(visitor.count(name, fields), visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        let visitor = Older { of: name, ..self.around(visitor) };
        self.inner.deserialize_enum(name, variants, visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Older<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, some: D) -> Result<V::Value, D::Error> {
        let some = self.around(some);
        self.inner.visit_some(some)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inside: D) -> Result<V::Value, D::Error> {
        let inside = self.around(inside);
        self.inner.visit_newtype_struct(inside)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, values: A) -> Result<V::Value, A::Error> {
        let values = Older { of: self.of, fields: self.fields, ..self.around(values) };
        self.inner.visit_seq(values)
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<V::Value, A::Error> {
        let entries = self.around(entries);
        self.inner.visit_map(entries)
    }

    fn visit_enum<A: EnumAccess<'de>>(self, variant: A) -> Result<V::Value, A::Error> {
        let variant = Older { of: self.of, ..self.around(variant) };
        self.inner.visit_enum(variant)
    }
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Older<A> {
    type Error = A::Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        if let Some(field) = self.fields.get(self.done) {
            self.done += 1;
            if self.shape.lacks(self.of, field) {
                return Ok(None); // serde takes the field's default, and asks for the next one
            }
        }
        let seed = self.around(seed);
        self.inner.next_element_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Older<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, A::Error> {
        let seed = self.around(seed);
        self.inner.next_key_seed(seed)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.around(seed);
        self.inner.next_value_seed(seed)
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

impl<'de, A: EnumAccess<'de>> EnumAccess<'de> for Older<A> {
    type Error = A::Error;
    type Variant = Older<A::Variant>;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self::Variant), A::Error> {
        let (name, inside) = self.inner.variant_seed(seed)?;
        Ok((name, Older { of: self.of, ..Older::new(self.shape, inside) }))
    }
}

impl<'de, A: VariantAccess<'de>> VariantAccess<'de> for Older<A> {
    type Error = A::Error;

    fn unit_variant(self) -> Result<(), A::Error> {
        self.inner.unit_variant()
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, A::Error> {
        let seed = self.around(seed);
        self.inner.newtype_variant_seed(seed)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, A::Error> {
        let visitor = self.around(visitor);
        self.inner.tuple_variant(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        let visitor = Older { of: self.of, fields, ..self.around(visitor) };
        self.inner.tuple_variant(visitor.count(self.of, fields), visitor)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::*;

    /// As it was in version 1.
    mod then {
        use super::*;

        #[derive(Serialize, Clone)]
        pub(super) struct Order {
            pub(super) id: u64,
            pub(super) price: Option<String>,
        }
        #[derive(Serialize, Clone)]
        pub(super) enum Step {
            Sent,
            Filled { quantity: u32, by: Order },
            Twice(Order, Order),
            One(Order),
        }
        #[derive(Serialize)]
        pub(super) struct Key {
            pub(super) orders: Vec<Order>,
            pub(super) best: Option<Order>,
            pub(super) steps: Vec<Step>,
            pub(super) by_name: BTreeMap<String, (u8, Order)>,
            pub(super) last: i64,
        }
    }

    /// As it is now: an order has gained two fields, in the middle and at the end, a step one.
    #[derive(Deserialize, Debug, PartialEq, Clone)]
    struct Order {
        id: u64,
        #[serde(default = "seven")]
        patience: u8,
        price: Option<String>,
        #[serde(default)]
        tags: Vec<String>,
    }
    fn seven() -> u8 {
        7
    }
    #[derive(Deserialize, Debug, PartialEq)]
    enum Step {
        Sent,
        Filled {
            quantity: u32,
            #[serde(default)]
            late: bool,
            by: Order,
        },
        Twice(Order, Order),
        One(Order),
    }
    #[derive(Deserialize, Debug, PartialEq)]
    struct Key {
        orders: Vec<Order>,
        best: Option<Order>,
        steps: Vec<Step>,
        by_name: BTreeMap<String, (u8, Order)>,
        last: i64,
    }

    const TESTED: &[Gained] = &[(2, "Order", "patience"), (3, "Order", "tags"), (3, "Step", "late")];

    #[test]
    fn what_a_struct_has_gained_is_its_default_in_an_older_record_however_deep_it_stands() {
        let old = then::Order { id: 300, price: Some("5".to_owned()) };
        let bytes = postcard::to_stdvec(&then::Key {
            orders: vec![old.clone(), then::Order { id: 1, price: None }],
            best: Some(old.clone()),
            steps: vec![
                then::Step::Sent,
                then::Step::Filled { quantity: 4, by: old.clone() },
                then::Step::Twice(old.clone(), old.clone()),
                then::Step::One(old.clone()),
            ],
            by_name: [("a".to_owned(), (9, old))].into(),
            last: -1,
        })
        .unwrap();
        let new = Order { id: 300, patience: 7, price: Some("5".to_owned()), tags: Vec::new() };
        let wanted = Key {
            orders: vec![new.clone(), Order { id: 1, price: None, ..new.clone() }],
            best: Some(new.clone()),
            steps: vec![
                Step::Sent,
                Step::Filled { quantity: 4, late: false, by: new.clone() },
                Step::Twice(new.clone(), new.clone()),
                Step::One(new.clone()),
            ],
            by_name: [("a".to_owned(), (9, new))].into(),
            last: -1,
        };
        let first = Shape { version: 1, gained: TESTED };
        assert_eq!(first.read::<Key>(&bytes).unwrap(), wanted);
        // Without the list it is no record, or another one; with it, a later record is none of version 1.
        let blind = Shape { version: 3, gained: TESTED };
        assert!(blind.is_complete() && blind.read::<Key>(&bytes).ok() != Some(wanted));
    }

    #[test]
    fn each_version_lacks_what_came_after_it() {
        let middle = Shape { version: 2, gained: TESTED };
        #[derive(Serialize)]
        struct Order2(u64, u8, Option<String>);
        let bytes = postcard::to_stdvec(&Order2(5, 2, None)).unwrap();
        let wanted = Order { id: 5, patience: 2, price: None, tags: Vec::new() };
        assert_eq!(middle.read::<Order>(&bytes).unwrap(), wanted);
    }
}
