//! What the fuzz targets share: hostile values made from bytes, and what is checked of every book.

pub mod hostile;
pub mod ledger;
