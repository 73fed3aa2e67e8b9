//! Lists of subjects.

use serde::Deserialize;
use twinbuild_subject::{DistributionFileName, Request};

/// Why a list cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the list is no subject: {reason}")]
pub struct ListError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    name: String,
    version: String,
    file_name: Option<String>,
}

/// Reads a list: one JSON object a line, with the keys `name`, `version` and, where one file of the release is meant,
/// `fileName`. Empty lines are passed over; other keys are of no concern.
///
/// # Errors
/// For the first line that names no release, or a file of another one.
pub fn read_list(text: &str) -> Result<Vec<Request>, ListError> {
    let mut requests = Vec::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let error = |reason: String| ListError { line: index + 1, reason };
        let Line { name, version, file_name } =
            serde_json::from_str(line).map_err(|reason| error(reason.to_string()))?;
        let request = Request {
            name: name.parse().map_err(|reason: twinbuild_subject::PackageNameError| error(reason.to_string()))?,
            version: version.parse().map_err(|_| error(format!("{version:?} is no version (PEP 440)")))?,
            file_name: match file_name {
                Some(text) => Some(text.parse::<DistributionFileName>().map_err(|reason| error(reason.to_string()))?),
                None => None,
            },
        };
        if let Some(file) = &request.file_name
            && (*file.name() != request.name || *file.version() != request.version)
        {
            return Err(error(format!("{file} is of {} {}", file.name(), file.version())));
        }
        requests.push(request);
    }
    Ok(requests)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read() {
        let text = "{\"name\":\"Six\",\"version\":\"1.16.0\",\"fileName\":\"six-1.16.0-py2.py3-none-any.whl\"}\n\n{\"name\":\"a\",\"version\":\"1\",\"rank\":3}\n";
        let list: Vec<String> = read_list(text).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(list, ["pkg:pypi/six@1.16.0?file_name=six-1.16.0-py2.py3-none-any.whl", "pkg:pypi/a@1"]);
    }

    #[test]
    fn a_line_that_is_no_subject_is_named() {
        for line in [
            "{}",
            "x",
            "{\"name\":\"a b\",\"version\":\"1\"}",
            "{\"name\":\"a\",\"version\":\"x y\"}",
            "{\"name\":\"a\",\"version\":\"1\",\"fileName\":\"b-1.tar.gz\"}",
        ] {
            let text = format!("{{\"name\":\"a\",\"version\":\"1\"}}\n{line}\n");
            assert_eq!(read_list(&text).unwrap_err().line, 2, "{line}");
        }
    }
}
