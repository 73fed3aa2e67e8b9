//! Other releases of a build requirement, from before the same cut-off.

use jiff::{SignedDuration, Timestamp};
use pep440_rs::{Version, VersionSpecifiers};
use twinbuild_recipe::LockedRequirement;
use twinbuild_registry::{Project, ProjectFile};
use twinbuild_subject::{DistributionFileName, Sha256};

use crate::lock::LockedWheel;
use crate::target::Target;
use crate::{Environment, EnvironmentError, Supply};

/// A release that somebody else put on an index is found and taken away within this time, as a rule; releases of it made
/// meanwhile are of the same hands.
const HIJACKED: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Environment {
    /// Other releases of the requirement `own` that could have been taken instead, on this interpreter, in `ranges` and
    /// from before `cutoff`; the best first: the next older one that was uploaded a week before `own` or earlier, the next
    /// newer one that was uploaded a week later, then the next ones at all. Final releases, unless `own` is none.
    ///
    /// What was answered is remembered, so that it is asked of the index once.
    ///
    /// # Errors
    /// [`EnvironmentError`]
    pub fn other_releases(
        &self,
        supply: &Supply,
        own: &LockedRequirement,
        ranges: &[VersionSpecifiers],
        cutoff: Timestamp,
    ) -> Result<Vec<LockedRequirement>, EnvironmentError> {
        const KIND: &str = "other-releases";
        let specification = &self.lock().specification;
        let python = &specification.interpreter.version;
        let target = Target::new(python, specification.suite.glibc_minor());
        let Some((target, python_version)) = target.zip(format!("{python}.99").parse::<Version>().ok()) else {
            return Ok(Vec::new());
        };
        let shown: Vec<String> = ranges.iter().map(ToString::to_string).collect();
        let index = supply.pypi.index().url().as_str();
        let key = serde_json::json!([1, own, shown, cutoff, target.to_string(), index]);
        let key = Sha256::of(key.to_string().as_bytes());
        let store = supply.store();
        let wheels = match store.record::<Vec<LockedWheel>>(KIND, &key)? {
            Some(wheels) => wheels,
            None => {
                let project = supply.pypi.project(&own.name)?;
                let wheels = choose(&project, own, &Wanted { target, python: python_version, ranges, cutoff });
                store.put_record(KIND, &key, &wheels)?;
                wheels
            }
        };
        for wheel in &wheels {
            store.put_record("wheel", &wheel.requirement.sha256, wheel)?;
        }
        Ok(wheels.into_iter().map(|wheel| wheel.requirement).collect())
    }
}

/// What a release has to be.
struct Wanted<'a> {
    target: Target,
    python: Version,
    ranges: &'a [VersionSpecifiers],
    cutoff: Timestamp,
}

fn choose(project: &Project, own: &LockedRequirement, wanted: &Wanted<'_>) -> Vec<LockedWheel> {
    let Ok(version) = own.version.parse::<Version>() else { return Vec::new() };
    let own_upload = project.find_by_digest(&own.sha256).and_then(|file| file.upload_time).unwrap_or(wanted.cutoff);
    let usable = |file| wheel(file, &version, wanted).map(|(fitness, uploaded)| (file, fitness, uploaded));
    let mut found: Vec<(&ProjectFile, u8, Timestamp)> = project.files.iter().filter_map(usable).collect();
    // Of one release always the same wheel: the fittest, and of these the first by name.
    found.sort_by(|(a, a_fitness, _), (b, b_fitness, _)| {
        let by_version = a.file_name.version().cmp(b.file_name.version());
        by_version.then_with(|| b_fitness.cmp(a_fitness)).then_with(|| a.file_name.text().cmp(b.file_name.text()))
    });
    found.dedup_by(|(a, ..), (b, ..)| a.file_name.version() == b.file_name.version());
    let older: Vec<_> = found.iter().rev().filter(|(file, ..)| *file.file_name.version() < version).collect();
    let newer: Vec<_> = found.iter().filter(|(file, ..)| *file.file_name.version() > version).collect();
    let distant_older = older.iter().find(|(.., uploaded)| own_upload.duration_since(*uploaded) >= HIJACKED);
    let distant_newer = newer.iter().find(|(.., uploaded)| uploaded.duration_since(own_upload) >= HIJACKED);
    let mut chosen: Vec<&ProjectFile> = Vec::new();
    for (file, ..) in [distant_older, distant_newer, older.first(), newer.first()].into_iter().flatten() {
        if !chosen.iter().any(|other| other.file_name == file.file_name) {
            chosen.push(file);
        }
    }
    chosen.into_iter().filter_map(locked).collect()
}

/// How well a file fits and when it was uploaded; `None` where it cannot be taken.
fn wheel(file: &ProjectFile, own: &Version, wanted: &Wanted<'_>) -> Option<(u8, Timestamp)> {
    let DistributionFileName::Wheel(name) = &file.file_name else { return None };
    let uploaded = file.upload_time.filter(|time| *time < wanted.cutoff)?;
    let for_python = file.requires_python.as_deref().and_then(|text| text.parse::<VersionSpecifiers>().ok());
    let is_for_python = for_python.is_none_or(|range| range.contains(&wanted.python));
    let is_in_range = wanted.ranges.iter().all(|range| range.contains(&name.version));
    let is_final = !name.version.any_prerelease() || own.any_prerelease();
    let is_usable = is_for_python && is_in_range && is_final && name.version != *own && file.yanked.is_none();
    wanted.target.fitness(name).filter(|_| is_usable && file.sha256.is_some()).map(|fitness| (fitness, uploaded))
}

fn locked(file: &ProjectFile) -> Option<LockedWheel> {
    let requirement = LockedRequirement {
        name: file.file_name.name().clone(),
        version: file.file_name.version().to_string(),
        file_name: file.file_name.text().to_owned(),
        sha256: file.sha256?,
        sdist_sha256: None,
    };
    let is_sound = requirement.check().is_ok();
    is_sound.then(|| LockedWheel { requirement, url: file.url.to_string(), size_bytes: file.size_bytes })
}
