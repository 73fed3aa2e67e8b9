//! The verdict document, its JSON Schema, and the decision.
