//! The name that somebody meant.

/// How alike two names have to be, from 0 to 1, before the one is offered for the other.
const ALIKE: f64 = 0.75;

/// ": did you mean `..`?", or all that there are, where none of them is near.
pub(crate) fn hint(found: &str, known: &[&str]) -> String {
    let scored = known.iter().map(|name| (strsim::jaro_winkler(found, name), *name));
    let nearest = scored.max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((score, name)) if score >= ALIKE => format!("did you mean `{name}`?"),
        _ => format!("known are {}", known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
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
