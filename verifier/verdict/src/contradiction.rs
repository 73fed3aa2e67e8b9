//! What a verdict that was read says of itself, held against what a decision gives.

use serde::Deserialize;
use serde_json::Value;
use twinbuild_compare::{ByteCounts, Comparison, FileCounts, Mismatch, Relation};

use crate::recorded::shown;
use crate::{Decision, Level, Matches, Outcome, RecordedVerdict, Source, SourceKind, Trust, decide};

/// The code of the finding that the source holds the published file.
const EMBEDDED: &str = "source-embeds-artifact";

/// What no judge writes into a verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// What the decision rests on has not the form of a verdict.
    #[error("what it rests on cannot be read: {reason}")]
    Form {
        /// What is wrong with it.
        reason: String,
    },
    /// Something that verdicts of this outcome never have.
    #[error("the outcome is {}, and such a verdict has no {field}", outcome.name())]
    Surplus {
        /// The outcome.
        outcome: Outcome,
        /// What it has.
        field: &'static str,
    },
    /// An outcome without what it rests on.
    #[error("the outcome is {}, and the verdict has no {missing}", outcome.name())]
    Missing {
        /// The outcome.
        outcome: Outcome,
        /// What it has not.
        missing: &'static str,
    },
    /// A decision that does not follow from the comparison.
    #[error("it says {says}, and from its comparison follows {follows}")]
    Decision {
        /// What it says.
        says: String,
        /// What follows.
        follows: String,
    },
    /// `bit-for-bit`, where no rebuild is the published file.
    #[error("its level is bit-for-bit, and neither rebuild has the digest of the published file")]
    NotBitForBit,
    /// A source that is taken for more than what the verdict has of it.
    #[error("nothing in it makes its source one that is trusted as {}", trust.name())]
    Trust {
        /// As what.
        trust: Trust,
    },
    /// A verdict on the source that is about something else, or has one of its own.
    #[error("its chain is about something else than its source, or goes on from there")]
    Chain,
    /// The verdict on the source contradicts itself.
    #[error("of the verdict on its source: {inner}")]
    InChain {
        /// In what.
        #[source]
        inner: Box<Self>,
    },
}

#[derive(Deserialize)]
struct Form {
    mismatch: Option<Mismatch>,
    matches: Option<Matches>,
    comparison: Option<ComparisonForm>,
    nondeterminism: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ComparisonForm {
    twins: Relation,
    first: Relation,
    second: Relation,
    repacked_first: bool,
    repacked_second: bool,
    files: FilesForm,
    bytes: ByteCounts,
}

/// The counts that decide.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilesForm {
    total: u64,
    identical: u64,
    normalized: u64,
    differing: u64,
    only_published: u64,
    only_rebuilt: u64,
}

impl From<ComparisonForm> for Comparison {
    fn from(form: ComparisonForm) -> Self {
        let ComparisonForm { twins, first, second, repacked_first, repacked_second, files, bytes } = form;
        let FilesForm { total, identical, normalized, differing, only_published, only_rebuilt } = files;
        let files = FileCounts {
            total,
            identical,
            normalized,
            differing,
            only_published,
            only_rebuilt,
            ..FileCounts::default()
        };
        Self { twins, first, second, repacked_first, repacked_second, files, bytes, members: Vec::new() }
    }
}

impl RecordedVerdict {
    /// Whether outcome, level, mismatch and match are what [`decide`] gives for its comparison, and whether the outcome has what it
    /// rests on. A verdict that passes may be untrue all the same; one that does not was written by hand.
    ///
    /// # Errors
    /// The first [`Contradiction`].
    pub fn check(&self) -> Result<(), Contradiction> {
        let form = Form::deserialize(self.document());
        let form = form.map_err(|error| Contradiction::Form { reason: shown(&error.to_string()) })?;
        match self.outcome {
            Outcome::Reproduced => {
                self.check_decision(form)?;
                self.check_reproduced()?;
            }
            Outcome::NotReproduced | Outcome::Nondeterministic => self.check_decision(form)?,
            Outcome::Rejected
            | Outcome::Unsupported
            | Outcome::SourceMissing
            | Outcome::Inconclusive
            | Outcome::Unbuildable => self.check_undecided(&form)?,
        }
        self.check_chain()?;
        self.check_trust()
    }

    fn missing(&self, missing: &'static str) -> Contradiction {
        Contradiction::Missing { outcome: self.outcome, missing }
    }

    fn check_decision(&self, form: Form) -> Result<(), Contradiction> {
        let Form { mismatch, matches, comparison, nondeterminism } = form;
        let outcome = self.outcome;
        if self.reason.is_some() {
            return Err(Contradiction::Surplus { outcome, field: "reason" });
        }
        if nondeterminism.is_some() && outcome != Outcome::Nondeterministic {
            return Err(Contradiction::Surplus { outcome, field: "nondeterminism" });
        }
        let comparison = comparison.ok_or_else(|| self.missing("comparison"))?.into();
        let says = Decision { outcome, level: self.level, mismatch, matches };
        let is_embedded = self.findings.iter().any(|finding| finding.code == EMBEDDED);
        let follows = decide(&comparison, mismatch, is_embedded);
        if says != follows {
            return Err(Contradiction::Decision { says: told(says), follows: told(follows) });
        }
        Ok(())
    }

    fn check_reproduced(&self) -> Result<(), Contradiction> {
        let subject = self.subject.digests.ok_or_else(|| self.missing("digest of its subject"))?;
        self.source.as_ref().ok_or_else(|| self.missing("source"))?;
        self.recipe.as_ref().ok_or_else(|| self.missing("recipe"))?;
        let build = self.build().map_err(|error| Contradiction::Form { reason: error.to_string() })?;
        let built: Vec<_> = build.rebuilds.iter().filter_map(|rebuild| rebuild.artifact.as_ref()).collect();
        let [first, second] = built.as_slice() else { return Err(self.missing("two rebuilt files")) };
        let digests = [first.digests, second.digests];
        if self.level == Some(Level::BitForBit) && digests.iter().all(|own| own.is_some_and(|own| own != subject)) {
            return Err(Contradiction::NotBitForBit);
        }
        Ok(())
    }

    fn check_undecided(&self, form: &Form) -> Result<(), Contradiction> {
        let outcome = self.outcome;
        let may_be_nondeterministic = outcome == Outcome::Unbuildable;
        let fields = [
            (self.level.is_some(), "level"),
            (form.mismatch.is_some(), "mismatch"),
            (form.matches.is_some(), "matches"),
            (form.nondeterminism.is_some() && !may_be_nondeterministic, "nondeterminism"),
        ];
        if let Some((_, field)) = fields.into_iter().find(|(is_there, _)| *is_there) {
            return Err(Contradiction::Surplus { outcome, field });
        }
        if self.reason.is_none() { Err(self.missing("reason")) } else { Ok(()) }
    }

    fn check_chain(&self) -> Result<(), Contradiction> {
        let Some(chain) = &self.chain else { return Ok(()) };
        let source = self.source.as_ref().map(|Source { digests, .. }| *digests);
        if self.outcome != Outcome::Reproduced || chain.chain.is_some() || source != chain.subject.digests {
            return Err(Contradiction::Chain);
        }
        chain.check().map_err(|inner| Contradiction::InChain { inner: Box::new(inner) })
    }

    /// A commit is attested where an attestation names it; an sdist is trusted as a commit where it was reproduced from such a one.
    fn check_trust(&self) -> Result<(), Contradiction> {
        let Some(source) = &self.source else { return Ok(()) };
        let trust = source.trust;
        let attested = source.attestation.as_ref().map(|attestation| &attestation.commit);
        let holds = match (source.kind, trust) {
            (SourceKind::Git, Trust::AttestedCommit) => {
                attested.is_some() && attested == source.git.as_ref().map(|git| &git.commit)
            }
            (SourceKind::Git, Trust::Repository | Trust::User)
            | (SourceKind::Sdist, Trust::SameUpload | Trust::User) => attested.is_none(),
            (SourceKind::Git, Trust::SameUpload) => false,
            (SourceKind::Sdist, Trust::Repository | Trust::AttestedCommit) => {
                let reproduced = self.chain.as_deref().filter(|chain| chain.outcome == Outcome::Reproduced);
                let of = reproduced.and_then(|chain| chain.source.as_ref()).map(|of| (of.kind, of.trust));
                attested.is_none() && of == Some((SourceKind::Git, trust))
            }
        };
        if holds { Ok(()) } else { Err(Contradiction::Trust { trust }) }
    }
}

/// A decision, for a reader.
fn told(decision: Decision) -> String {
    let Decision { outcome, level, mismatch, matches } = decision;
    let level = level.map(Level::name);
    let matches = matches.map(|matches| match matches {
        Matches::None => "matches none",
        Matches::First => "matches first",
        Matches::Second => "matches second",
    });
    let parts = [Some(outcome.name()), level, mismatch.map(Mismatch::name), matches];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use twinbuild_compare::{Finding, Severity};
    use twinbuild_recipe::Recipe;
    use twinbuild_subject::{Digests, Origin, Sha256, Subject};

    use super::*;
    use crate::{
        ArtifactRecord, AttestationRecord, EnvironmentRecord, GitSource, Nondeterminism, NondeterminismCause, Reason,
        Rebuild, RecipeRecord, Verdict,
    };

    type Edit = fn(&mut Verdict);

    fn digests(bytes: &[u8]) -> Digests {
        Sha256::of(bytes).into()
    }

    fn about(file_name: &str, bytes: &[u8]) -> Verdict {
        let subject = Subject {
            origin: Origin::Local,
            purl: None,
            file_name: file_name.to_owned(),
            size: Some(9),
            digests: Some(digests(bytes)),
            upload_time: None,
        };
        Verdict::about(subject, "0.0.0")
    }

    fn reproduced() -> Verdict {
        let mut verdict = about("a-1-py3-none-any.whl", b"wheel");
        verdict.source = Some(Source {
            kind: SourceKind::Sdist,
            trust: Trust::SameUpload,
            uri: None,
            file_name: "a-1.tar.gz".to_owned(),
            digests: digests(b"sdist"),
            git: None,
            attestation: None,
        });
        let toml = "format = 1\n[interpreter]\nversion = \"3.11\"\n[build]\nfront-end = \"pep517\"\nbackend = \"b\"\n\
                    [requirements]\ncutoff = \"2023-06-02T00:20:30Z\"\ndirect = []\n";
        let recipe = Recipe::from_toml(toml).unwrap();
        let digest = recipe.digest();
        verdict.recipe = Some(RecipeRecord { recipe, origin: "inferred".into(), given: None, digest });
        verdict.rebuilds = ["first", "second"].map(rebuild).into();
        verdict.comparison = Some(Comparison {
            twins: Relation::Identical,
            first: Relation::Identical,
            second: Relation::Identical,
            repacked_first: true,
            repacked_second: true,
            files: FileCounts { total: 2, identical: 2, ..FileCounts::default() },
            bytes: ByteCounts { total: 9, identical: 9, ..ByteCounts::default() },
            members: Vec::new(),
        });
        (verdict.outcome, verdict.level) = (Outcome::Reproduced, Some(Level::BitForBit));
        verdict
    }

    fn rebuild(name: &'static str) -> Rebuild {
        let artifact = ArtifactRecord { file_name: "a".to_owned(), members: None, digests: Some(digests(b"wheel")) };
        Rebuild {
            name: name.into(),
            environment: EnvironmentRecord { digest: Sha256::of(b""), layers: Vec::new() },
            inputs: Vec::new(),
            variations: Vec::new(),
            artifact: Some(artifact),
            network_attempts: 0,
            evidence: None,
        }
    }

    fn undecided(outcome: Outcome) -> Verdict {
        let mut verdict = about("a-1-py3-none-any.whl", b"wheel");
        verdict.outcome = outcome;
        verdict.reason = Some(Reason { class: "limit".to_owned(), stage: None, detail: String::new() });
        verdict
    }

    fn nondeterministic() -> Verdict {
        let mut verdict = reproduced();
        (verdict.outcome, verdict.level, verdict.matches) = (Outcome::Nondeterministic, None, Some(Matches::First));
        verdict.comparison.as_mut().unwrap().twins = Relation::Different;
        let cause = NondeterminismCause::EveryRun;
        verdict.nondeterminism = Some(Nondeterminism { cause, varies_with: Vec::new(), trials: 2 });
        verdict
    }

    fn check(mut verdict: Verdict) -> Result<(), Contradiction> {
        if let Some(chain) = &mut verdict.chain {
            chain.seal().unwrap();
        }
        verdict.seal().unwrap();
        RecordedVerdict::of(&verdict).unwrap().check()
    }

    #[test]
    fn what_a_decision_gives_is_no_contradiction() {
        assert_eq!(check(reproduced()), Ok(()));
        assert_eq!(check(nondeterministic()), Ok(()));
        // A file of another name differs in nothing that is compared.
        let mut other_name = reproduced();
        (other_name.outcome, other_name.level) = (Outcome::NotReproduced, None);
        other_name.mismatch = Some(Mismatch::Packaging);
        assert_eq!(check(other_name), Ok(()));
        for outcome in [
            Outcome::Rejected,
            Outcome::Unsupported,
            Outcome::SourceMissing,
            Outcome::Inconclusive,
            Outcome::Unbuildable,
        ] {
            assert_eq!(check(undecided(outcome)), Ok(()));
        }
        // One twin is built, and the other is not.
        let mut half = undecided(Outcome::Unbuildable);
        half.nondeterminism = nondeterministic().nondeterminism;
        assert_eq!(check(half), Ok(()));
        let mut chained = reproduced();
        chained.chain = Some(Box::new(about_source()));
        assert_eq!(check(chained), Ok(()));
    }

    fn about_source() -> Verdict {
        let mut verdict = undecided(Outcome::SourceMissing);
        verdict.subject.digests = Some(digests(b"sdist"));
        verdict
    }

    #[test]
    fn what_no_decision_gives_is_named() {
        let edits: [(Edit, &str); 16] = [
            (|v| v.level = None, "says reproduced, and from its comparison follows reproduced, bit-for-bit"),
            (|v| v.level = Some(Level::Repacked), "says reproduced, repacked"),
            (|v| v.matches = Some(Matches::None), "matches none"),
            (|v| v.mismatch = Some(Mismatch::Code), "follows not-reproduced, code"),
            (|v| v.comparison.as_mut().unwrap().files.differing = 1, "follows not-reproduced, packaging"),
            (|v| v.comparison.as_mut().unwrap().first = Relation::Different, "follows not-reproduced"),
            (|v| v.comparison.as_mut().unwrap().twins = Relation::Different, "follows nondeterministic"),
            (|v| v.findings.push(Finding::whole(EMBEDDED, Severity::Alert, String::new())), "unsourced"),
            (|v| v.comparison = None, "no comparison"),
            (|v| v.source = None, "no source"),
            (|v| v.recipe = None, "no recipe"),
            (|v| drop(v.rebuilds.pop()), "no two rebuilt files"),
            (|v| v.subject.digests = None, "no digest of its subject"),
            (|v| v.subject.digests = Some(digests(b"another")), "neither rebuild has the digest"),
            (|v| v.reason = undecided(Outcome::Rejected).reason, "no reason"),
            (|v| v.nondeterminism = nondeterministic().nondeterminism, "no nondeterminism"),
        ];
        for (edit, expected) in edits {
            let mut verdict = reproduced();
            edit(&mut verdict);
            let told = check(verdict).unwrap_err().to_string();
            assert!(told.contains(expected), "{expected}: {told}");
        }
    }

    #[test]
    fn what_was_not_decided_has_nothing_of_a_decision() {
        let edits: [(Edit, &str); 5] = [
            (|v| v.level = Some(Level::Normalized), "no level"),
            (|v| v.mismatch = Some(Mismatch::Code), "no mismatch"),
            (|v| v.matches = Some(Matches::None), "no matches"),
            (|v| v.nondeterminism = nondeterministic().nondeterminism, "no nondeterminism"),
            (|v| v.reason = None, "no reason"),
        ];
        for (edit, expected) in edits {
            let mut verdict = undecided(Outcome::Rejected);
            edit(&mut verdict);
            let told = check(verdict).unwrap_err().to_string();
            assert!(told.contains("rejected") && told.contains(expected), "{expected}: {told}");
        }
    }

    #[test]
    fn a_source_is_trusted_for_what_the_verdict_has_of_it() {
        let commit = |digit: &str| digit.repeat(40).parse().unwrap();
        let git = |trust, attested: Option<&str>| {
            let git = GitSource {
                commit: commit("1"),
                tree: commit("2"),
                tree_sha256: Sha256::of(b""),
                committed: jiff::Timestamp::UNIX_EPOCH,
                tag: None,
                subdirectory: None,
                submodules: Vec::new(),
            };
            let attestation = attested.map(|digit| AttestationRecord {
                repository: String::new(),
                commit: commit(digit),
                reference: None,
                workflow: String::new(),
                issuer: String::new(),
                sha256: Sha256::of(b""),
            });
            let source = reproduced().source.unwrap();
            Source { kind: SourceKind::Git, trust, git: Some(git), attestation, ..source }
        };
        let of = |source| Verdict { source: Some(source), ..reproduced() };
        let mut link = reproduced();
        link.subject.digests = Some(digests(b"sdist"));
        link.rebuilds.iter_mut().for_each(|rebuild| rebuild.artifact.as_mut().unwrap().digests = link.subject.digests);
        link.source = Some(git(Trust::Repository, None));
        let sdist = |trust, chain: Option<&Verdict>| {
            let mut verdict = reproduced();
            verdict.source.as_mut().unwrap().trust = trust;
            verdict.chain = chain.cloned().map(Box::new);
            verdict
        };
        for told in [
            of(git(Trust::Repository, None)),
            of(git(Trust::User, None)),
            of(git(Trust::AttestedCommit, Some("1"))),
            sdist(Trust::Repository, Some(&link)),
            sdist(Trust::SameUpload, Some(&link)),
        ] {
            assert_eq!(check(told), Ok(()));
        }
        for (trust, untold) in [
            (Trust::SameUpload, of(git(Trust::SameUpload, None))),
            (Trust::Repository, of(git(Trust::Repository, Some("1")))),
            (Trust::AttestedCommit, of(git(Trust::AttestedCommit, None))),
            (Trust::AttestedCommit, of(git(Trust::AttestedCommit, Some("3")))),
            (Trust::AttestedCommit, sdist(Trust::AttestedCommit, Some(&link))),
            (Trust::Repository, sdist(Trust::Repository, Some(&about_source()))),
            (Trust::Repository, sdist(Trust::Repository, None)),
        ] {
            assert_eq!(check(untold), Err(Contradiction::Trust { trust }));
        }
    }

    #[test]
    fn a_chain_is_about_the_source_and_does_not_contradict_itself() {
        let chained = |outcome, chain: Verdict| {
            let mut verdict = reproduced();
            verdict.chain = Some(Box::new(chain));
            if outcome == Outcome::NotReproduced {
                (verdict.outcome, verdict.level, verdict.mismatch) = (outcome, None, Some(Mismatch::Code));
            }
            check(verdict)
        };
        assert_eq!(chained(Outcome::Reproduced, undecided(Outcome::Rejected)), Err(Contradiction::Chain));
        assert_eq!(chained(Outcome::NotReproduced, about_source()), Err(Contradiction::Chain));
        let mut without_reason = about_source();
        without_reason.reason = None;
        let told = chained(Outcome::Reproduced, without_reason).unwrap_err();
        assert!(matches!(told, Contradiction::InChain { .. }), "{told}");
    }
}
