//! How the rebuilt files were built: SLSA provenance.

use serde_json::{Map, Value, json};
use twinbuild_subject::{DistributionFileName, Sha256, Subject};
use twinbuild_verdict::{InputRecord, RecordedBuild, RecordedRebuild, RecordedVerdict, Source};

use crate::descriptor::is_uri;
use crate::error::cited;
use crate::{DigestSet, ResourceDescriptor, Statement, StatementError};

/// The `predicateType` of provenance (SLSA 1.1, "Provenance").
pub const PROVENANCE_TYPE: &str = "https://slsa.dev/provenance/v1";
/// The `buildType` of a rebuild, version 1: `docs/statements.md` describes its parameters.
pub const BUILD_TYPE: &str = "https://twinbuild.dev/rebuild/v1";

/// The annotation that tells what something is.
const KIND: &str = "kind";

impl Statement {
    /// The provenance of what was rebuilt for this verdict statement, about the rebuilt files, never the published one; where a
    /// rebuild is the same bytes, it has the same digest. `None` where nothing was built.
    ///
    /// `builder_id` is a URI for whoever is answerable for the machine that built.
    ///
    /// # Errors
    /// What [`Self::verdict`] gives; [`StatementError::Verdict`], where what it says of its builds has another form;
    /// [`StatementError::Rebuild`]; [`StatementError::NotAUri`].
    pub fn provenance(&self, builder_id: &str) -> Result<Option<Self>, StatementError> {
        if !is_uri(builder_id) {
            return Err(StatementError::NotAUri { what: "the id of the builder", found: cited(builder_id) });
        }
        let verdict = self.verdict()?;
        let build = verdict.build()?;
        let subject = rebuilt(&build)?;
        let (Some(recipe), Some(source), false) = (&verdict.recipe, &verdict.source, subject.is_empty()) else {
            return Ok(None);
        };
        let mut metadata = Map::new();
        metadata.extend(build.started.map(|started| ("startedOn".to_owned(), started.to_string().into())));
        let logs = build.logs.iter().map(|(twin, sha256)| ResourceDescriptor::named(format!("{twin}.log"), *sha256));
        let verdict_statement = ResourceDescriptor::named("verdict", self.sha256());
        let byproducts: Vec<Value> = logs.chain([verdict_statement]).map(|one| one.to_value()).collect();
        let predicate = json!({
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": {
                    "source": source_resource(source).to_value(),
                    "recipe": serde_json::to_value(&recipe.recipe)?,
                },
                "internalParameters": { "twins": twins(&build) },
                "resolvedDependencies": dependencies(&verdict, source, &build),
            },
            "runDetails": {
                "builder": { "id": builder_id, "version": { &verdict.tool.name: &verdict.tool.version } },
                "metadata": metadata,
                "byproducts": byproducts,
            },
        });
        let predicate = predicate.as_object().cloned().unwrap_or_default();
        Self::new(&subject, PROVENANCE_TYPE, predicate).map(Some)
    }
}

/// What the twins built, each below the name of its twin, as both files are called the same.
fn rebuilt(build: &RecordedBuild) -> Result<Vec<ResourceDescriptor>, StatementError> {
    let mut expected = ["first", "second"].into_iter();
    let mut subject = Vec::new();
    for RecordedRebuild { name, artifact, .. } in &build.rebuilds {
        if expected.next() != Some(name) {
            return Err(StatementError::Rebuild { found: cited(name) });
        }
        let Some(artifact) = artifact else { continue };
        let file_name = format!("{name}/{}", artifact.file_name);
        subject.extend(artifact.digests.map(|digests| ResourceDescriptor::named(file_name, digests.sha256)));
    }
    Ok(subject)
}

/// The source. A commit has the digest of its snapshot, and its own name.
fn source_resource(source: &Source) -> ResourceDescriptor {
    let digest = DigestSet::from(source.digests.sha256);
    let digest = match &source.git {
        Some(git) => digest.with("gitCommit", &git.commit),
        None => digest,
    };
    ResourceDescriptor { uri: source.uri.clone(), ..ResourceDescriptor::named(&source.file_name, digest) }
}

/// The conditions of each twin.
fn twins(build: &RecordedBuild) -> Vec<Value> {
    let twin = |rebuild: &RecordedRebuild| {
        let RecordedRebuild { name, environment, variations, .. } = rebuild;
        json!({ "name": name, "environment": { "sha256": environment.digest }, "variations": variations })
    };
    build.rebuilds.iter().map(twin).collect()
}

/// All that went into the builds: the source with its submodules, the files of the environments, and the layers that were made
/// of these.
fn dependencies(verdict: &RecordedVerdict, source: &Source, build: &RecordedBuild) -> Vec<Value> {
    let mut all = vec![source_resource(source).with(KIND, "source")];
    let submodules = source.git.iter().flat_map(|git| &git.submodules);
    all.extend(submodules.map(|submodule| {
        let digest = DigestSet::default().with("gitCommit", &submodule.commit);
        ResourceDescriptor::named(&submodule.path, digest).with(KIND, "submodule")
    }));
    let resource = |input: &InputRecord| {
        let InputRecord { kind, name, sha256 } = input;
        let uri = purl_of(verdict, *sha256);
        ResourceDescriptor { uri, ..ResourceDescriptor::named(name, *sha256) }.with(KIND, kind.as_str())
    };
    let is_source = |input: &&InputRecord| input.sha256 == source.digests.sha256;
    all.extend(build.shared_inputs.iter().filter(|input| !is_source(input)).map(resource));
    for rebuild in &build.rebuilds {
        all.extend(rebuild.inputs.iter().map(resource).map(|one| one.with("twin", rebuild.name.as_str())));
    }
    let mut layers: Vec<Sha256> = Vec::new();
    for layer in build.rebuilds.iter().flat_map(|rebuild| &rebuild.environment.layers) {
        if !layers.contains(layer) {
            layers.push(*layer);
        }
    }
    all.extend(
        layers.into_iter().map(|layer| {
            ResourceDescriptor { digest: layer.into(), ..ResourceDescriptor::default() }.with(KIND, "layer")
        }),
    );
    all.iter().map(ResourceDescriptor::to_value).collect()
}

/// The package URL of a file of the environment, where the recipe locks it as one of the index.
fn purl_of(verdict: &RecordedVerdict, sha256: Sha256) -> Option<String> {
    let locked = verdict.recipe.iter().flat_map(|recipe| recipe.recipe.requirements.locked.iter().flatten());
    let file = locked.filter(|file| file.sdist_sha256.is_none()).find(|file| file.sha256 == sha256)?;
    let file_name: DistributionFileName = file.file_name.parse().ok()?;
    Some(Subject::purl_of(&file_name))
}
