//! TOML as a tree with lines.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::LockfileError;
use crate::document::{Data, Value, check_count};
use crate::text::Lines;

/// Reads TOML 1.0. Keys that are there twice, and tables that are 80 deep, are refused by the parser.
pub(crate) fn read(path: &Path, text: &str) -> Result<Value, LockfileError> {
    check_count(path, text, b"=,[{\n")?;
    let lines = Lines::of(text);
    let document = DeTable::parse(text).map_err(|error| LockfileError::Syntax {
        path: path.to_owned(),
        line: error.span().map(|span| lines.line(span.start)),
        found: error.message().to_owned(),
        expected: "TOML",
    })?;
    Ok(Value { line: None, data: table(document.into_inner(), &lines) })
}

fn table(table: DeTable<'_>, lines: &Lines) -> Data {
    Data::Table(table.into_iter().map(|(key, item)| (key.into_inner().into_owned(), value(item, lines))).collect())
}

fn value(item: Spanned<DeValue<'_>>, lines: &Lines) -> Value {
    let line = Some(lines.line(item.span().start));
    let data = match item.into_inner() {
        DeValue::String(text) => Data::String(text.into_owned()),
        DeValue::Integer(number) => {
            u64::from_str_radix(number.as_str(), number.radix()).map_or(Data::Other("number"), Data::Count)
        }
        DeValue::Float(_) => Data::Other("number with a point"),
        DeValue::Boolean(value) => Data::Boolean(value),
        DeValue::Datetime(_) => Data::Other("time"),
        DeValue::Array(items) => Data::List(items.into_iter().map(|item| value(item, lines)).collect()),
        DeValue::Table(items) => table(items, lines),
    };
    Value { line, data }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::Table;

    fn line_of(text: &str, key: &str) -> Option<usize> {
        let value = read(Path::new("a"), text).unwrap();
        Table::document(Path::new("a"), &value).unwrap().tables(key).unwrap().last().unwrap().line
    }

    #[test]
    fn tables_know_their_lines() {
        assert_eq!(line_of("\n[[a]]\nx = 1\n\n[[a]]\nx = 2\n", "a"), Some(5));
        assert_eq!(line_of("a = [\r\n {x = 1},\r\n {x = 2},\r\n]", "a"), Some(3));
    }

    #[test]
    fn what_is_no_toml_is_refused_with_its_line() {
        for (text, line) in [("a = 1\na = 2\n", 2), ("a = 1\n\n[[[", 3), ("a = 1\nb = \"x", 2)] {
            let error = read(Path::new("uv.lock"), text).unwrap_err();
            assert!(error.to_string().starts_with(&format!("uv.lock:{line} is not TOML: ")), "{text}: {error}");
        }
        let deep = format!("a = {}", "[".repeat(100_000));
        assert!(matches!(read(Path::new("a"), &deep), Err(LockfileError::Syntax { .. })));
    }

    #[test]
    fn a_document_of_very_many_values_is_refused_unread() {
        let many = format!("a = [{}]", "0,".repeat(3_000_000));
        assert!(matches!(read(Path::new("a"), &many), Err(LockfileError::TooMany { what: "values", .. })));
    }
}
