//! Package indexes, the ecosystems' own client configuration, and pinned tools.
