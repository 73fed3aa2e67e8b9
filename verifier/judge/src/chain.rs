//! The chain: whether the sdist that a wheel was reproduced from comes from its commit.
//!
//! Whoever poisons an sdist and builds the wheel from that has a wheel that matches its source. Only the next link tells.

use jiff::Timestamp;
use twinbuild_compare::{Finding, Mismatch, Severity, sort_findings};
use twinbuild_subject::{DistributionFileName, MemberPath, Origin, SdistFileName, Subject};
use twinbuild_verdict::{Outcome, SourceKind, Trust, Verdict};

use crate::JudgeError;
use crate::attested::NOT_NAMED;
use crate::cross_check::UNCHECKED;
use crate::judge::Judge;
use crate::keep::Keep;
use crate::repository::{FOLDER_BY_FILES, GitChoice, NOT_TAGGED, OTHER_REPOSITORY};
use crate::sdist::named;
use crate::subject::{Prepared, PreparedSource, SourceForm};

/// The code of what is left open.
const UNPROVEN: &str = "source-chain-unproven";

/// The sdist that was the source of a subject, as a subject.
fn link_of(prepared: &Prepared, sdist: &PreparedSource, name: &SdistFileName) -> Prepared {
    let subject = Subject {
        origin: if sdist.record.uri.is_some() { Origin::Index } else { Origin::Local },
        purl: sdist.record.uri.clone(),
        file_name: name.text.clone(),
        size: Some(sdist.blob.size_bytes()),
        digests: Some(sdist.blob.sha256().into()),
        upload_time: None,
    };
    Prepared {
        subject,
        name: DistributionFileName::Sdist(name.clone()),
        blob: sdist.blob.clone(),
        source: None,
        link: None,
        uploaded: prepared.uploaded,
        first_upload: prepared.first_upload,
        provenance: sdist.provenance.clone(),
        findings: Vec::new(),
        replayed: None,
    }
}

impl Judge {
    /// Judges the source of a subject that was reproduced from it, where what that was made from is known, and writes the verdict
    /// and what follows from it into that of the subject.
    pub(crate) fn follow_chain(
        &self,
        verdict: &mut Verdict,
        prepared: &Prepared,
        keep: &Keep,
    ) -> Result<(), JudgeError> {
        let is_of_commit = verdict.source.as_ref().is_some_and(|source| source.kind == SourceKind::Git);
        if verdict.outcome != Outcome::Reproduced || is_of_commit {
            return Ok(());
        }
        let asked;
        let link = match (&prepared.link, &prepared.source, &self.options.chain) {
            (Some(link), ..) => link.as_ref(),
            (None, Some(source @ PreparedSource { form: SourceForm::Sdist(name), .. }), choice)
                if *choice != GitChoice::None =>
            {
                asked = link_of(prepared, source, name);
                &asked
            }
            (None, ..) => return Ok(()),
        };
        tracing::info!("asking whether {} comes from its commit", link.name.text());
        let started = Timestamp::now();
        let judge = self.with_options(|options| {
            // A recipe that was given is that of the subject.
            options.recipe = None;
            options.git.choice = std::mem::take(&mut options.chain);
        });
        let mut found = judge.walk(link, &keep.below("chain"))?;
        self.seal(&mut found, started)?;
        // Whom the user names, he knows, and an attestation says which commit it is.
        let is_found = found.source.as_ref().is_some_and(|source| source.trust == Trust::Repository);
        let is_open = |finding: &&Finding| {
            let code = finding.code.as_ref();
            finding.severity == Severity::Alert
                || [UNCHECKED, OTHER_REPOSITORY, FOLDER_BY_FILES, NOT_NAMED].contains(&code)
                || (is_found && code == NOT_TAGGED)
        };
        let open = found.findings.iter().find(is_open);
        if found.outcome != Outcome::Reproduced {
            verdict.findings.push(finding(&found));
        } else if let Some(open) = open {
            // Both rebuilds had the same tools, which may have made anything.
            let detail = format!(
                "the file comes from {}, and whether all of that comes from its commit is not known: {}",
                MemberPath::from(found.subject.file_name.as_str()),
                open.detail
            );
            verdict.findings.push(Finding::whole(UNPROVEN, Severity::Warning, detail));
        } else if let (Some(source), Some(origin)) = (&mut verdict.source, &found.source)
            && origin.trust != Trust::User
        {
            // A commit that the user names makes the sdist no more his than it was.
            source.trust = origin.trust;
        }
        sort_findings(&mut verdict.findings);
        verdict.chain = Some(Box::new(found));
        Ok(())
    }
}

/// What it means that an sdist was not reproduced from what it is claimed to be made from. It is broken where it has what that has
/// not and no build makes of it; that it lacks something, or is put together otherwise, is left open.
fn finding(found: &Verdict) -> Finding {
    let is_compared = match found.outcome {
        Outcome::NotReproduced | Outcome::Nondeterministic => true,
        Outcome::Rejected
        | Outcome::Unsupported
        | Outcome::SourceMissing
        | Outcome::Inconclusive
        | Outcome::Unbuildable
        | Outcome::Reproduced => false,
    };
    let is_unsourced = found.mismatch == Some(Mismatch::Unsourced);
    let speaks_against = |finding: &&Finding| finding.severity == Severity::Alert || finding.code == "unsourced-member";
    let against: Vec<&Finding> = found.findings.iter().filter(speaks_against).collect();
    let sdist = MemberPath::from(found.subject.file_name.as_str());
    let made_from = found.source.as_ref().map_or("", |source| source.uri.as_deref().unwrap_or(&source.file_name));
    let made_from = MemberPath::from(made_from);
    if is_compared && (is_unsourced || !against.is_empty()) {
        let mut paths: Vec<&MemberPath> = against.iter().filter_map(|finding| finding.path.as_ref()).collect();
        paths.sort();
        paths.dedup();
        let what = if paths.is_empty() {
            against.first().map(|finding| finding.detail.clone()).unwrap_or_default()
        } else {
            format!("it is not accounted for in {}", named(paths.iter().copied()))
        };
        let detail = format!("the file comes from {sdist}, and that does not come from {made_from}{what}");
        return Finding::whole("source-chain-broken", Severity::Alert, detail);
    }
    let why = match (&found.reason, found.outcome) {
        (Some(reason), _) => format!("{}: {}", reason.class, reason.detail),
        (None, Outcome::Nondeterministic) => "its rebuilds differ from each other".to_owned(),
        (None, _) => "it differs from its rebuilds in its packaging, or lacks files that they have".to_owned(),
    };
    let detail = format!("the file comes from {sdist}, and whether that comes from {made_from} is not known: {why}");
    Finding::whole(UNPROVEN, Severity::Warning, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use twinbuild_subject::Sha256;

    fn found(outcome: Outcome, mismatch: Option<Mismatch>, findings: Vec<Finding>) -> Finding {
        let subject = Subject {
            origin: Origin::Local,
            purl: None,
            file_name: "demo-1.0.tar.gz".to_owned(),
            size: Some(1),
            digests: Some(Sha256::of(b"x").into()),
            upload_time: None,
        };
        let mut verdict = Verdict::about(subject, "0.0.0");
        (verdict.outcome, verdict.mismatch, verdict.findings) = (outcome, mismatch, findings);
        finding(&verdict)
    }

    fn of(code: &'static str, severity: Severity, path: &str) -> Finding {
        Finding::of(code, severity, &path.into(), String::new())
    }

    #[test]
    fn a_chain_is_broken_by_what_nobody_accounts_for() {
        let evil = || of("unsourced-member", Severity::Alert, "demo-1.0/evil.py");
        let news = || of("unsourced-member", Severity::Warning, "demo-1.0/NEWS.md");
        for (outcome, mismatch, finding, named) in [
            (Outcome::NotReproduced, Some(Mismatch::Unsourced), evil(), "demo-1.0/evil.py"),
            (Outcome::NotReproduced, Some(Mismatch::Unsourced), news(), "demo-1.0/NEWS.md"),
            (Outcome::NotReproduced, Some(Mismatch::Code), of("content-changed", Severity::Alert, "a.py"), "a.py"),
            (Outcome::Nondeterministic, None, evil(), "demo-1.0/evil.py"),
        ] {
            let broken = found(outcome, mismatch, vec![finding]);
            assert_eq!((broken.code.as_ref(), broken.severity), ("source-chain-broken", Severity::Alert));
            assert!(broken.detail.contains(named), "{}", broken.detail);
        }
        let many = (0..12).map(|n| of("unsourced-member", Severity::Alert, &format!("{n:02}.py"))).collect();
        let broken = found(Outcome::NotReproduced, Some(Mismatch::Unsourced), many);
        assert!(broken.detail.ends_with("09.py and 2 more"), "{}", broken.detail);
    }

    #[test]
    fn what_cannot_be_told_is_no_accusation() {
        let alert = || of("variation", Severity::Alert, "a");
        for (outcome, mismatch, findings) in [
            (Outcome::NotReproduced, Some(Mismatch::Packaging), vec![]),
            (Outcome::NotReproduced, Some(Mismatch::Code), vec![of("not-published", Severity::Warning, "a.py")]),
            (Outcome::Nondeterministic, None, vec![]),
            (Outcome::Inconclusive, None, vec![alert()]),
            (Outcome::Unbuildable, None, vec![alert()]),
        ] {
            let unproven = found(outcome, mismatch, findings);
            assert_eq!((unproven.code.as_ref(), unproven.severity), ("source-chain-unproven", Severity::Warning));
        }
    }
}
