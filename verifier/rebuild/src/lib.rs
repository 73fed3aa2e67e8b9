//! The twins: two rebuilds of one recipe under opposed variations.
