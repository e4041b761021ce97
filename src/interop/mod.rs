//! What other programs write, in and out. Other units than contracts, floats in disguise and missing fields end here: what
//! comes out is in the book's own words, or a typed problem (R18).

pub mod ccxt;
