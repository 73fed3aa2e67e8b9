//! Dependency fields (Debian Policy, 7.1).

use std::cmp::Ordering;

use super::DebianVersion;

/// `a (>= 1) | b`: one of several packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Relation<'a> {
    /// As written, for messages.
    pub(crate) text: &'a str,
    pub(crate) alternatives: Vec<Alternative<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Alternative<'a> {
    pub(crate) name: &'a str,
    /// `any`, `native`, or an architecture.
    pub(crate) architecture: Option<&'a str>,
    pub(crate) constraint: Option<Constraint>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Constraint {
    operator: Operator,
    version: DebianVersion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Earlier,
    EarlierOrEqual,
    Equal,
    LaterOrEqual,
    Later,
}

impl Constraint {
    /// The version it names.
    pub(crate) fn version(&self) -> &DebianVersion {
        &self.version
    }

    pub(crate) fn holds_for(&self, version: &DebianVersion) -> bool {
        let order = version.cmp(&self.version);
        match self.operator {
            Operator::Earlier => order == Ordering::Less,
            Operator::EarlierOrEqual => order != Ordering::Greater,
            Operator::Equal => order == Ordering::Equal,
            Operator::LaterOrEqual => order != Ordering::Less,
            Operator::Later => order == Ordering::Greater,
        }
    }
}

/// Reads the value of `Depends`, `Pre-Depends` or `Provides`.
///
/// # Errors
/// The part that is no relation.
pub(crate) fn parse(value: &str) -> Result<Vec<Relation<'_>>, String> {
    let relations = value.split(',').map(str::trim).filter(|text| !text.is_empty());
    relations
        .map(|text| {
            let alternatives = text.split('|').map(alternative).collect::<Option<Vec<_>>>();
            let alternatives =
                alternatives.ok_or_else(|| format!("{:?} is no relation", text.chars().take(200).collect::<String>()));
            Ok(Relation { text, alternatives: alternatives? })
        })
        .collect()
}

fn alternative(text: &str) -> Option<Alternative<'_>> {
    let text = text.trim();
    let (name, rest) = text.split_at(text.find([' ', '\t', '\n', '(']).unwrap_or(text.len()));
    let (name, architecture) =
        name.split_once(':').map_or((name, None), |(name, architecture)| (name, Some(architecture)));
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(allowed);
    if !is_name(name) || !architecture.is_none_or(is_name) {
        return None;
    }
    let constraint = match rest.trim() {
        "" => None,
        rest => Some(constraint(rest.strip_prefix('(')?.strip_suffix(')')?.trim())?),
    };
    Some(Alternative { name, architecture, constraint })
}

fn constraint(text: &str) -> Option<Constraint> {
    let (operator, version) = text.split_at(text.find(|c| !matches!(c, '<' | '=' | '>'))?);
    let operator = match operator {
        "<<" => Operator::Earlier,
        "<=" => Operator::EarlierOrEqual,
        "=" => Operator::Equal,
        ">=" => Operator::LaterOrEqual,
        ">>" => Operator::Later,
        _ => return None,
    };
    Some(Constraint { operator, version: version.trim().parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_have_their_parts() {
        let relations = parse("libc6 (>= 2.34), python3:any (<<3.12) | b:amd64,\n awk,").unwrap();
        assert_eq!(relations.len(), 3);
        assert_eq!(relations[1].text, "python3:any (<<3.12) | b:amd64");
        let python = &relations[1].alternatives[0];
        assert_eq!((python.name, python.architecture), ("python3", Some("any")));
        let constraint = python.constraint.as_ref().unwrap();
        assert!(constraint.holds_for(&"3.11.2-6".parse().unwrap()));
        assert!(!constraint.holds_for(&"3.12".parse().unwrap()));
        assert_eq!(relations[1].alternatives[1].architecture, Some("amd64"));
        assert_eq!(relations[2].alternatives[0].name, "awk");
        assert_eq!(parse("").unwrap(), []);
    }

    #[test]
    fn every_operator_means_what_it_says() {
        for (operator, holds) in [
            ("<<", [true, false, false]),
            ("<=", [true, true, false]),
            ("=", [false, true, false]),
            (">=", [false, true, true]),
            (">>", [false, false, true]),
        ] {
            let text = format!("a ({operator} 2)");
            let constraint = parse(&text).unwrap()[0].alternatives[0].constraint.clone().unwrap();
            assert_eq!(["1", "2", "3"].map(|version| constraint.holds_for(&version.parse().unwrap())), holds);
        }
    }

    #[test]
    fn what_is_no_relation_is_refused() {
        for text in ["a b", "a (1)", "a (> 1)", "a (>= )", "a (>= 1", "A", "a |", "a [amd64]", "a <!nocheck>", "a:"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
