//! An order, and nothing but an order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The order of things whose sorted order everybody knows: positions in the sorted list, as spans. What is sorted is one
/// span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Permutation {
    /// One after the other.
    pub spans: Vec<Span>,
}

/// Neighbours in the sorted list that stay neighbours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Span {
    /// Position of the first, from 0.
    pub first: u32,
    /// How many, at least 1.
    pub count: u32,
}

impl Permutation {
    /// From the positions in the sorted list; `None` if one of them has more than 32 bits.
    pub(crate) fn of(positions: impl IntoIterator<Item = usize>) -> Option<Self> {
        let mut spans: Vec<Span> = Vec::new();
        for position in positions {
            let position = u32::try_from(position).ok()?;
            match spans.last_mut() {
                Some(last) if last.first.checked_add(last.count) == Some(position) => last.count += 1,
                _ => spans.push(Span { first: position, count: 1 }),
            }
        }
        Some(Self { spans })
    }

    /// The positions, if they are those of `count` things, each exactly once.
    pub(crate) fn positions(&self, count: usize) -> Option<Vec<usize>> {
        let total: u64 = self.spans.iter().map(|span| u64::from(span.count)).sum();
        if total != count as u64 || self.spans.iter().any(|span| span.count == 0) {
            return None;
        }
        let mut is_taken = vec![false; count];
        let mut positions = Vec::with_capacity(count);
        for span in &self.spans {
            let first = usize::try_from(span.first).ok()?;
            let end = first.checked_add(usize::try_from(span.count).ok()?)?;
            for position in first..end {
                if std::mem::replace(is_taken.get_mut(position)?, true) {
                    return None;
                }
                positions.push(position);
            }
        }
        Some(positions)
    }

    /// Whether the thing at `index` follows its sorted predecessor.
    pub(crate) fn continues_at(&self, index: usize) -> bool {
        let mut start = 0_u64;
        for span in &self.spans {
            if start == index as u64 {
                return false;
            }
            start += u64::from(span.count);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_kept_as_spans() {
        let order = Permutation::of([2, 3, 4, 0, 1]).unwrap();
        assert_eq!(order.spans, [Span { first: 2, count: 3 }, Span { first: 0, count: 2 }]);
        assert_eq!(order.positions(5).unwrap(), [2, 3, 4, 0, 1]);
        assert!(!order.continues_at(0) && order.continues_at(1) && !order.continues_at(3));
    }

    #[test]
    fn what_is_no_permutation_is_refused() {
        let order = |spans: &[(u32, u32)]| Permutation {
            spans: spans.iter().map(|(first, count)| Span { first: *first, count: *count }).collect(),
        };
        for (spans, count) in [
            (order(&[(0, 2)]), 3),
            (order(&[(0, 2), (1, 1)]), 3),
            (order(&[(1, 3)]), 3),
            (order(&[(0, 0), (0, 3)]), 3),
            (order(&[(u32::MAX, u32::MAX)]), 3),
        ] {
            assert_eq!(spans.positions(count), None, "{spans:?}");
        }
        assert_eq!(order(&[]).positions(0), Some(vec![]));
    }
}
