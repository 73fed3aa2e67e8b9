//! What `twinbuild help` explains beside the commands: one file a topic, of lines for a terminal of 80 columns.

/// Something that is explained.
pub(crate) struct Topic {
    pub(crate) name: &'static str,
    /// What it is, for a list.
    pub(crate) about: &'static str,
    pub(crate) text: &'static str,
}

/// All topics, in the order in which they are listed.
pub(crate) const ALL: [Topic; 8] = [
    Topic { name: "outcomes", about: "What a verdict says", text: include_str!("topics/outcomes.txt") },
    Topic { name: "levels", about: "How exactly a file was reproduced", text: include_str!("topics/levels.txt") },
    Topic { name: "trust", about: "What it is worth that a source is known", text: include_str!("topics/trust.txt") },
    Topic { name: "exit-codes", about: "What commands end with", text: include_str!("topics/exit-codes.txt") },
    Topic {
        name: "configuration",
        about: "The keys of twinbuild.toml, and where indexes come from",
        text: include_str!("topics/configuration.txt"),
    },
    Topic { name: "environment", about: "The variables that are read", text: include_str!("topics/environment.txt") },
    Topic { name: "policy", about: "What is demanded of ledgers", text: include_str!("topics/policy.txt") },
    Topic { name: "nightly", about: "A job that runs each night", text: include_str!("topics/nightly.txt") },
];

/// The topic of this name.
pub(crate) fn named(name: &str) -> Option<&'static Topic> {
    ALL.iter().find(|topic| topic.name == name)
}

/// What the help ends with: a text, and the list of topics.
pub(crate) fn list(before: &str) -> String {
    let topics = ALL.iter().map(|Topic { name, about, .. }| format!("\n  {name:<15}{about}"));
    format!("{before}\n\nTopics, for `twinbuild help TOPIC`:{}", topics.collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::{Command, CommandFactory as _};
    use twinbuild_verdict::{Level, Outcome, Trust};

    use super::*;
    use crate::arguments::Arguments;
    use crate::settings;

    fn text(name: &str) -> &'static str {
        named(name).unwrap().text
    }

    /// Whether a text has a word that stands alone.
    fn has_word(text: &str, word: &str) -> bool {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        text.split(|c| !is_part(c)).any(|found| found.trim_end_matches('-') == word)
    }

    /// A command and all below it.
    fn commands(command: &Command) -> Vec<&Command> {
        let below = command.get_subcommands().flat_map(commands);
        std::iter::once(command).chain(below).collect()
    }

    #[test]
    fn each_topic_fits_a_terminal() {
        for Topic { name, about, text } in &ALL {
            assert!(text.starts_with(char::is_alphabetic) && text.ends_with('\n'), "{name}");
            for line in text.lines() {
                assert!(line.chars().count() <= 80, "{name}: {line}");
                assert_eq!(line.trim_end(), line, "{name}");
            }
            assert!(!about.is_empty() && list("").contains(name));
        }
    }

    #[test]
    fn every_outcome_level_and_trust_is_explained() {
        for outcome in Outcome::ALL {
            assert!(has_word(text("outcomes"), outcome.name()), "{}", outcome.name());
        }
        for level in Level::ALL {
            assert!(has_word(text("levels"), level.name()), "{}", level.name());
        }
        for trust in Trust::ALL {
            assert!(has_word(text("trust"), trust.name()), "{}", trust.name());
        }
    }

    #[test]
    fn every_exit_code_is_explained() {
        for code in ["0", "1", "2", "64", "69", "70", "130"] {
            assert!(
                text("exit-codes").lines().any(|line| line.trim_start().starts_with(&format!("{code} "))),
                "{code}"
            );
        }
    }

    #[test]
    fn every_key_of_the_configuration_is_explained() {
        let keys = settings::keys();
        assert!(
            keys.iter().any(|key| key == "git.instead-of") && keys.iter().any(|key| key == "index-url"),
            "{keys:?}"
        );
        for key in keys {
            let own = key.rsplit('.').next().unwrap();
            assert!(has_word(text("configuration"), own), "topics/configuration.txt does not name the key `{key}`");
        }
        for limit in crate::limits::names() {
            assert!(has_word(text("configuration"), limit), "{limit}");
        }
    }

    #[test]
    fn every_variable_is_explained() {
        let command = Arguments::command();
        let variables: BTreeSet<&str> = commands(&command)
            .into_iter()
            .flat_map(Command::get_arguments)
            .filter_map(|argument| argument.get_env()?.to_str())
            .collect();
        assert!(variables.contains("TWINBUILD_FORMAT"));
        // Those that no flag has are read by their names in the sources.
        let sources = concat!(
            include_str!("settings.rs"),
            include_str!("keys.rs"),
            include_str!("fleet.rs"),
            include_str!("commands/nightly/news.rs")
        );
        let read = sources.split('"').filter(|part| part.starts_with("TWINBUILD_") && !part.contains(' '));
        for variable in variables.into_iter().chain(read) {
            assert!(has_word(text("environment"), variable), "topics/environment.txt does not name {variable}");
        }
    }
}
