//! The walk from a subject to its verdict.
