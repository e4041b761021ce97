//! How the book is proved: what the tests, the models and `posbook stress` share.

pub mod world;
