//! Sources: sdists laid out as a tree, and pinned by checksum.
