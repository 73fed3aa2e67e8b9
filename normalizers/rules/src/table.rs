//! The table of rules in the documentation.

use std::fmt::Write as _;

use crate::RULES;

/// All rules as a Markdown table, in the order in which they run, with a line end after each row.
#[must_use]
pub fn table() -> String {
    let mut table = "| normalizer | version | stage | effect | files | what it rewrites |\n\
                     | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for rule in RULES {
        let (name, version, stage, effect) = (rule.name, rule.version, rule.stage, rule.effect);
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| `{name}` | {version} | {stage} | {effect} | {} | {} |", rule.files, rule.what);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_of_six_cells_for_each_rule() {
        let table = table();
        assert_eq!(table.lines().count(), RULES.len() + 2);
        assert!(table.lines().all(|line| line.matches('|').count() == 7), "{table}");
    }

    #[test]
    fn rules_run_by_stage_and_their_names_are_unique() {
        assert!(RULES.is_sorted_by_key(|rule| rule.stage));
        let mut names: Vec<_> = RULES.iter().map(|rule| rule.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), RULES.len());
        assert!(RULES.iter().all(|rule| rule.version >= 1 && rule.what.ends_with('.')));
    }
}
