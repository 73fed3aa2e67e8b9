//! Content-addressed blobs, locks, and the only HTTP client.
