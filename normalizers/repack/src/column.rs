//! One value for each member, kept short where members have the same.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One kind of value for each member, in the order in which the members lie in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Column<T> {
    /// Every member has it.
    All(T),
    /// One after the other; the counts add up to the number of members.
    Runs(Vec<Run<T>>),
}

/// The same value in members that follow each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Run<T> {
    /// How many members, at least 1.
    pub count: u32,
    /// What they have.
    pub value: T,
}

impl<T> Column<T> {
    /// The values one by one; endless where all are the same.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let (all, runs) = match self {
            Self::All(value) => (Some(value), [].as_slice()),
            Self::Runs(runs) => (None, runs.as_slice()),
        };
        let listed =
            runs.iter().flat_map(|run| std::iter::repeat_n(&run.value, usize::try_from(run.count).unwrap_or(0)));
        listed.chain(all.into_iter().flat_map(std::iter::repeat))
    }

    /// Each value that is named, once for each run.
    pub(crate) fn distinct(&self) -> impl Iterator<Item = &T> {
        let (all, runs) = match self {
            Self::All(value) => (Some(value), [].as_slice()),
            Self::Runs(runs) => (None, runs.as_slice()),
        };
        runs.iter().map(|run| &run.value).chain(all)
    }

    /// Whether there is exactly one value for each of `members`.
    pub(crate) fn covers(&self, members: u32) -> bool {
        match self {
            Self::All(_) => true,
            Self::Runs(runs) => {
                runs.iter().all(|run| run.count > 0)
                    && runs.iter().map(|run| u64::from(run.count)).sum::<u64>() == u64::from(members)
            }
        }
    }
}

impl<T: PartialEq> FromIterator<T> for Column<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut runs: Vec<Run<T>> = Vec::new();
        for value in values {
            match runs.last_mut() {
                Some(last) if last.value == value && last.count < u32::MAX => last.count += 1,
                _ => runs.push(Run { count: 1, value }),
            }
        }
        if runs.len() == 1
            && let Some(run) = runs.pop()
        {
            return Self::All(run.value);
        }
        Self::Runs(runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_neighbours_are_one_run() {
        let column: Column<u8> = [1, 1, 2, 1].into_iter().collect();
        assert_eq!(
            column,
            Column::Runs(vec![Run { count: 2, value: 1 }, Run { count: 1, value: 2 }, Run { count: 1, value: 1 }])
        );
        assert_eq!(column.iter().copied().collect::<Vec<_>>(), [1, 1, 2, 1]);
        assert!(column.covers(4) && !column.covers(3));
    }

    #[test]
    fn one_value_for_all_is_written_once() {
        let column: Column<u8> = [7, 7].into_iter().collect();
        assert_eq!(column, Column::All(7));
        assert_eq!(column.iter().take(3).count(), 3);
        assert_eq!([0_u8; 0].into_iter().collect::<Column<_>>(), Column::Runs(vec![]));
    }

    #[test]
    fn counts_that_overflow_or_are_zero_cover_nothing() {
        let run = |count| Run { count, value: 0 };
        assert!(!Column::Runs(vec![run(u32::MAX), run(2)]).covers(1));
        assert!(!Column::Runs(vec![run(0), run(1)]).covers(1));
    }
}
