//! Names that were meant: those near to one that nobody knows.

/// The longest text that is compared, in characters: names have no more.
const LONGEST: usize = 200;
/// How many names are worth offering.
const MOST: usize = 3;
/// The fewest characters that stand for a longer name which begins with them.
const SHORTEST_BEGINNING: usize = 3;

/// How many letters have to be put in, left out, changed or swapped with their neighbours to make the one text of the other, where no part
/// is edited twice (the optimal string alignment distance); `None` where one of them has more than 200 characters.
#[must_use]
pub fn edits(one: &str, other: &str) -> Option<usize> {
    let is_long = [one, other].iter().any(|text| text.chars().count() > LONGEST);
    (!is_long).then(|| strsim::osa_distance(one, other))
}

/// At most three of the names that are known, nearest first, that someone who wrote `text` may have meant: those within an edit for every three
/// letters, and three at most, and those that begin with it. Case does not count.
///
/// ```
/// # use twinbuild_subject::near;
/// let known = ["cache-dir", "index-url", "memory-bytes"];
/// assert_eq!(near("index-ulr", known), ["index-url"]);
/// assert_eq!(near("memory", known), ["memory-bytes"]);
/// assert!(near("colour", known).is_empty());
/// ```
#[must_use]
pub fn near<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let text = text.trim().to_lowercase();
    let most = (text.chars().count() / 3).clamp(1, 3);
    let is_beginning = |name: &str| text.chars().count() >= SHORTEST_BEGINNING && name.starts_with(&text);
    let mut found: Vec<(usize, &str)> = Vec::new();
    for name in known {
        let lower = name.to_lowercase();
        match edits(&text, &lower) {
            Some(edits) if edits <= most => found.push((edits, name)),
            _ if is_beginning(&lower) => found.push((most + 1, name)),
            _ => {}
        }
    }
    found.sort();
    found.dedup();
    found.into_iter().map(|(_, name)| name).take(MOST).collect()
}

/// `: did you mean ...?`, for the end of a message that nobody knows `text`; empty where nothing that is known is near.
#[must_use]
pub fn did_you_mean<'a>(text: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match near(text, known).as_slice() {
        [] => String::new(),
        [name] => format!(": did you mean `{name}`?"),
        [first @ .., last] => {
            let first: Vec<String> = first.iter().map(|name| format!("`{name}`")).collect();
            format!(": did you mean {} or `{last}`?", first.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn edits_are_counted() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("requests", "requests", 0),
            ("requsts", "requests", 1),
            ("reqeusts", "requests", 1),
            ("request", "requests", 1),
            ("kitten", "sitting", 3),
            ("naïve", "naive", 1),
        ] {
            assert_eq!((edits(one, other), edits(other, one)), (Some(expected), Some(expected)), "{one} {other}");
        }
        assert_eq!(edits(&"a".repeat(201), "a"), None);
    }

    #[test]
    fn a_name_is_near_that_a_slip_of_the_finger_makes() {
        let known = ["host-name", "domain-name", "time-zone", "time-zones", "umask", "cpu-secs"];
        assert_eq!(near("hostname", known), ["host-name"]);
        assert_eq!(near("TIME-ZONE", known), ["time-zone", "time-zones"]);
        assert_eq!(near("cpu", known), ["cpu-secs"]);
        assert!(near("zzz", known).is_empty());
        assert_eq!(did_you_mean("umaks", known), ": did you mean `umask`?");
        assert_eq!(did_you_mean("timezone", known), ": did you mean `time-zone` or `time-zones`?");
        assert_eq!(did_you_mean("nothing", known), "");
    }

    proptest! {
        #[test]
        fn edits_go_both_ways_and_are_none_between_equals(one in ".{0,12}", other in ".{0,12}") {
            prop_assert_eq!(edits(&one, &other), edits(&other, &one));
            prop_assert_eq!(edits(&one, &other) == Some(0), one == other);
        }
    }
}
