//! Foreign text in messages.

/// The first 80 characters: what was read can be megabytes of anything.
pub(crate) fn start(text: &str) -> String {
    text.chars().take(80).collect()
}
