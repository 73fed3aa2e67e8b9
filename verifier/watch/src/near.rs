//! The name that somebody meant.

use twinbuild_subject::near;

/// ": did you mean `..`?", or all that there are, where none of them is near.
pub(crate) fn hint(found: &str, known: &[&str]) -> String {
    match near(found, known.iter().copied()).first() {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("known are {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_and_else_all() {
        assert_eq!(hint("requirments", &["uv", "requirements"]), "did you mean `requirements`?");
        assert_eq!(hint("zzz", &["uv", "sbom"]), "known are `uv`, `sbom`");
    }
}
