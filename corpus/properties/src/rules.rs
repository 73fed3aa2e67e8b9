//! The normalizers.

use twinbuild_rules::{Equality, applicable, equal_after_rules, normalize};
use twinbuild_subject::MemberPath;

use crate::choices::{Choices, PATHS};
use crate::{noise, sums};

/// What the fixed values may add to a content: `normalized` for a generator of one byte.
const GROWTH_BYTES: usize = 16;
/// What a byte of JSON may become: DEL is `\u007f` in escapes.
const ESCAPE_BYTES: usize = 6;

/// Whatever a member's name and content are, normalizing fails by a typed error or gives a content on which it has nothing
/// more to do, which is hardly longer but for escapes, and which differs from the first in build noise alone.
///
/// The first byte chooses the name; the content follows.
pub fn normalize_content(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let path = choices.path();
    let content = choices.rest();
    for content in as_it_is_and_sealed(&path, content) {
        check_normalized(&path, &content);
    }
}

fn check_normalized(path: &MemberPath, content: &[u8]) {
    assert_eq!(equal_after_rules(path, content, content), Equality::Identical);
    let normalized = match normalize(path, content) {
        Ok(normalized) => normalized,
        Err(error) => {
            let text = error.to_string();
            assert!(text.contains(error.rule) && !text.contains(char::is_control), "{error:?}");
            let other = [content, b"\n"].concat();
            assert!(!equal_after_rules(path, content, &other).is_equal(), "a rule failed on {path}: {error}");
            return;
        }
    };
    assert_eq!(normalized.applied.is_empty(), normalized.content == content, "{path}: {:?}", normalized.applied);
    let factor = if path.ends_with(".json") { ESCAPE_BYTES } else { 1 };
    assert!(normalized.content.len() <= content.len() * factor + GROWTH_BYTES, "{path} grows");
    let size = u64::try_from(content.len()).unwrap();
    assert!(normalized.applied.iter().all(|applied| (1..=size).contains(&applied.bytes)), "{:?}", normalized.applied);
    let again = normalize(path, &normalized.content).expect("a rule reads what it wrote");
    assert_eq!(again.content, normalized.content, "{path} changes again");
    assert_eq!(again.applied, [], "{path}");
    if normalized.content != content {
        check_pair(path, content, &normalized.content);
    }
}

/// Whatever two contents of a member are: the answer is the same the other way round, they are identical only if they are
/// the same bytes, and they are equal only if they differ in what a rule for that member may hide, read a second time
/// by careless readers. What has no rule is never equal.
///
/// The first byte chooses the name. The second one below 128 chooses edits that make the second content from the first;
/// from 128 on the contents stand one after the other.
pub fn equal_contents(bytes: &[u8]) {
    let mut choices = Choices::new(bytes);
    let path = choices.path();
    let count = choices.byte();
    let (a, b) = if count < 128 {
        let decisions = choices.bytes();
        let a = choices.rest().to_vec();
        let (mut edits, mut b) = (Choices::new(decisions), a.clone());
        for _ in 0..=count % 8 {
            edits.edit_once(&mut b);
        }
        (a, b)
    } else {
        let length = choices.word();
        let rest = choices.rest();
        let (a, b) = rest.split_at(usize::from(length).min(rest.len()));
        (a.to_vec(), b.to_vec())
    };
    check_pair(&path, &a, &b);
    let [a, b] = [a, b].map(|content| sealed(&path, &content));
    check_pair(&path, &a, &b);
    for code in PATHS.iter().skip(10).filter(|path| !path.starts_with("vendor/")) {
        let equality = equal_after_rules(&MemberPath::from(*code), &a, &b);
        assert_eq!(equality.is_equal(), a == b, "{code} has no rule: {equality:?}");
    }
}

fn check_pair(path: &MemberPath, a: &[u8], b: &[u8]) {
    let (there, back) = (equal_after_rules(path, a, b), equal_after_rules(path, b, a));
    match (&there, &back) {
        (Equality::Identical, Equality::Identical) => assert_eq!(a, b),
        (Equality::Equal { a: left, b: right }, Equality::Equal { a: other_right, b: other_left }) => {
            assert_eq!((left, right), (other_left, other_right), "{path}");
            assert_ne!(a, b);
            assert!(!left.is_empty() || !right.is_empty(), "{path}: equal by no rule");
            let is_known = |name: &str| applicable(path).any(|rule| rule.name == name);
            assert!(left.iter().chain(right).all(|applied| applied.bytes > 0 && is_known(applied.name)), "{there:?}");
            noise::check(path, a, b);
        }
        (Equality::Explained { .. }, Equality::Explained { .. }) => {
            assert!(path.ends_with(".pyc") && a[..8] == b[..8] && a[12..] == b[12..], "{path}: {there:?}");
        }
        (Equality::Different, Equality::Different) => assert_ne!(a, b),
        (Equality::RuleFailed(_), Equality::RuleFailed(_)) => {
            assert!(normalize(path, a).is_err() || normalize(path, b).is_err(), "{path}: {there:?}");
        }
        _ => panic!("{path}: {there:?} one way and {back:?} the other"),
    }
}

/// The content, and the content with true sums where it has any.
fn as_it_is_and_sealed(path: &MemberPath, content: &[u8]) -> Vec<Vec<u8>> {
    let sealed = sealed(path, content);
    if sealed == content { vec![sealed] } else { vec![content.to_vec(), sealed] }
}

fn sealed(path: &MemberPath, content: &[u8]) -> Vec<u8> {
    if path.ends_with(".png") {
        sums::seal_png(content)
    } else if path.ends_with(".gz") {
        sums::seal_gzip(content)
    } else {
        content.to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seeds;

    #[test]
    fn every_bit_of_a_content_is_noise_or_makes_a_difference() {
        for (name, seed) in seeds::contents() {
            let mut choices = Choices::new(&seed);
            let path = choices.path();
            let content = sealed(&path, choices.rest());
            let mut equal = 0;
            for bit in 0..content.len() * 8 {
                let mut other = content.clone();
                other[bit / 8] ^= 1 << (bit % 8);
                for other in as_it_is_and_sealed(&path, &other) {
                    check_pair(&path, &content, &other);
                    equal += usize::from(equal_after_rules(&path, &content, &other).is_equal());
                }
            }
            let passes = applicable(&path).any(|rule| rule.effect == twinbuild_rules::Effect::Passes);
            assert!(equal > 0 || !passes || name.ends_with("METADATA"), "no rule of {path} had anything to do");
        }
    }
}
