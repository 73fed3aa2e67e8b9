//! Three-way comparison of a published file with its two rebuilds.
