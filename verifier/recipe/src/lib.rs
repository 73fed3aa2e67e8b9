//! How a published file was built: evidence, inference and the recipe itself.
