//! Strict readers for the archive formats that packages are published in.
