//! The readers of texts: names, fields, and what a source says of its build.

use twinbuild_recipe::{
    Header, Inference, Recipe, RecipeOverride, SourceEvidence, WheelContents, WheelEvidence, parse_headers,
};
use twinbuild_subject::{DistributionFileName, MemberPath, PackageName, Request, Sha256};

/// More fields than are told apart.
const MOST_FIELDS: usize = 10_000;

/// Whatever the text is, its fields and the text after them are parts of it; written down again they are the same fields;
/// and a line that begins like a dependency is a field or part of one. The evidence of a `WHEEL` file is bounded.
pub fn metadata_headers(bytes: &[u8]) {
    let path = MemberPath::from("demo-1.0.dist-info/WHEEL");
    let contents = WheelContents { path: &path, wheel: bytes, metadata: Some(bytes), entry_points: Some(bytes) };
    let evidence = WheelEvidence::read(&contents, &[]);
    let Ok(text) = std::str::from_utf8(bytes) else {
        assert!(evidence.is_err());
        return;
    };
    match evidence.unwrap().generator {
        Ok(generator) => {
            assert_eq!(generator.version.to_string().parse(), Ok(generator.version));
        }
        Err(found) => assert!(found.chars().count() <= 100),
    }
    let (headers, body) = parse_headers(text);
    assert!(text.ends_with(body));
    assert!(headers.len() <= MOST_FIELDS + 1);
    for Header { name, value } in &headers {
        assert!(!name.contains(|c: char| c == ':' || c.is_whitespace()), "{name:?}");
        assert!(headers.len() > MOST_FIELDS || !value.contains('\r'), "{value:?}");
    }
    if headers.len() > MOST_FIELDS {
        return;
    }
    let written: String = headers.iter().map(written).collect();
    assert_eq!(parse_headers(&written), (headers.clone(), ""), "{written:?}");
    let head = &text[..text.len() - body.len()];
    let is_dependency = |line: &&str| line.starts_with("Requires-Dist:");
    let expected: Vec<&str> =
        head.split(['\r', '\n']).take_while(|line| !line.is_empty()).filter(is_dependency).collect();
    let found = headers.iter().filter(|header| header.name == "Requires-Dist").count();
    assert!(found >= expected.len() || head.contains("\r\n"), "{expected:?}");
}

fn written(header: &Header) -> String {
    let value = header.value.replace('\n', "\n ");
    if header.name.is_empty() { format!("{value}\n") } else { format!("{}: {value}\n", header.name) }
}

/// Whatever the text is, as a file name, a project name, a request, a digest or a member's name it is refused or is the
/// same again after it was printed; a file name is a plain one, and what it says is written in it.
pub fn file_names(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let text = text.as_ref();
    if let Ok(file) = text.parse::<DistributionFileName>() {
        assert_eq!(file.to_string(), text);
        assert!(!text.contains(['/', '\\', '\0', '\n']) && text.len() <= 255);
        assert_eq!(file.name().as_str().parse().as_ref(), Ok(file.name()));
        assert_eq!(file.version().to_string().parse().as_ref(), Ok(file.version()));
        let as_written = text.to_ascii_lowercase().replace(['_', '.'], "-");
        let first = file.name().as_str().split('-').next().unwrap();
        assert!(as_written.starts_with(first), "{text:?} is of {}", file.name());
        if let DistributionFileName::Wheel(wheel) = &file {
            let tags = [&wheel.python_tags, &wheel.abi_tags, &wheel.platform_tags].map(|tags| tags.join("."));
            assert!(text.ends_with(&format!("-{}.whl", tags.join("-"))), "{text:?}: {tags:?}");
            assert!(text.starts_with(wheel.dist_info().strip_suffix(".dist-info").unwrap()), "{text:?}");
            assert_eq!(wheel.is_pure(), text.ends_with("-none-any.whl"), "{text:?}");
        }
        let request = Request { name: file.name().clone(), version: file.version().clone(), file_name: Some(file) };
        assert_eq!(request.to_string().parse().as_ref(), Ok(&request));
    }
    if let Ok(name) = text.parse::<PackageName>() {
        assert_eq!(name.as_str().parse().as_ref(), Ok(&name));
        assert_eq!(name.as_file_name_part().parse().as_ref(), Ok(&name));
        assert!(name.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
    }
    if let Ok(request) = text.parse::<Request>() {
        assert_eq!(request.to_string().parse().as_ref(), Ok(&request), "{text:?}");
    }
    if let Ok(digest) = text.parse::<Sha256>() {
        assert_eq!(digest.to_string(), text.to_ascii_lowercase());
    }
    let path = MemberPath::new(bytes);
    assert!(!path.to_string().contains(char::is_control), "{path}");
    if let Ok(components) = path.components() {
        let is_safe = |part: &[u8]| !matches!(part, b"" | b"." | b"..") && !part.contains(&b'/') && !part.contains(&0);
        assert!(!components.is_empty() && components.iter().all(|part| is_safe(part)), "{path}");
        assert_eq!(MemberPath::new(components.join(&b'/')).components().as_ref(), Ok(&components), "{path}");
    }
}

/// Whatever a recipe file is, it is refused or is the same recipe again after it was printed. What is given of recipes is refused, or
/// leaves the cut-off, the lock and the needs of a recipe as they are.
pub fn recipe_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(recipe) = Recipe::from_toml(text) {
        let printed = recipe.to_toml(&[]);
        assert_eq!(Recipe::from_toml(&printed).as_ref(), Ok(&recipe), "{printed}");
        assert_eq!(Recipe::from_toml(&printed).unwrap().digest(), recipe.digest());
    }
    if let Ok(given) = RecipeOverride::from_toml(text) {
        let recipe = Recipe::from_toml(crate::seeds::RECIPE).unwrap();
        let Ok(Inference { recipe: other, .. }) =
            given.apply(Inference { recipe: recipe.clone(), reasons: Vec::new() })
        else {
            return;
        };
        assert_eq!(other.requirements.cutoff, recipe.requirements.cutoff);
        assert_eq!((other.requirements.locked, other.environment), (recipe.requirements.locked, recipe.environment));
    }
}

/// Whatever `pyproject.toml` and `setup.cfg` of a source are, they are refused, or ask for requirements of one line, none
/// by address, and for a backend that is imported from inside the source.
///
/// The text before the first NUL is `pyproject.toml`, what follows it is `setup.cfg`; either is missing where it is empty.
pub fn source_files(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let mut part = || parts.next().filter(|part| !part.is_empty());
    let (pyproject, setup_cfg) = (part(), part());
    for has_setup_py in [false, true] {
        let Ok(evidence) = SourceEvidence::read(pyproject, setup_cfg, has_setup_py) else { continue };
        let build_system = evidence.build_system.as_ref();
        let requires = build_system.map(|system| system.requires.as_slice()).unwrap_or_default();
        for requirement in requires.iter().chain(&evidence.setup_requires) {
            assert!(requirement.len() <= 1000 && !requirement.contains(char::is_control), "{requirement:?}");
            assert!(!requirement.contains("://") || requirement.contains(['\'', '"']), "{requirement:?}");
        }
        for path in build_system.map(|system| system.backend_path.as_slice()).unwrap_or_default() {
            assert!(!path.starts_with('/') && !path.split('/').any(|part| part == ".."), "{path:?}");
        }
        if let Some(backend) = build_system.and_then(|system| system.build_backend.as_deref()) {
            assert!(backend.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | ':')), "{backend:?}");
        }
    }
}
