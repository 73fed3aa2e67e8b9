//! From a draft recipe to a locked recipe and content-addressed layers.
