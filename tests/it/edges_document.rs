//! Faults at the edges.
