//! Contenders and workloads.
