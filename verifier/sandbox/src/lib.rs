//! Runs one command hermetically on Linux.
