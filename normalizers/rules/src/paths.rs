//! The names by which rules know their members.

use twinbuild_subject::MemberPath;

/// Whether this is the file `name` of a wheel's metadata folder: `{anything}.dist-info/{name}` at the top, by bytes.
pub(crate) fn is_dist_info(path: &MemberPath, name: &str) -> bool {
    let folder = path.as_bytes().strip_suffix(name.as_bytes()).and_then(|folder| folder.strip_suffix(b"/"));
    folder
        .and_then(|folder| folder.strip_suffix(b".dist-info"))
        .is_some_and(|stem| !stem.is_empty() && !stem.contains(&b'/') && !stem.contains(&b'\\'))
}

/// Whether this is a data file with one of these endings, and not below `*.data/scripts`, which is installed as programs
/// (PyPA "Binary distribution format", "The .data directory").
pub(crate) fn is_data(path: &MemberPath, endings: &[&str]) -> bool {
    endings.iter().any(|ending| path.ends_with(ending)) && !is_script(path)
}

fn is_script(path: &MemberPath) -> bool {
    let components: Vec<Vec<u8>> =
        path.as_bytes().split(|byte| matches!(byte, b'/' | b'\\')).map(<[u8]>::to_ascii_lowercase).collect();
    components.windows(2).any(|pair| pair[0].ends_with(b".data") && pair[1] == b"scripts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_is_known_by_its_exact_place() {
        let is_wheel = |path: &str| is_dist_info(&path.into(), "WHEEL");
        assert!(is_wheel("demo-1.0.dist-info/WHEEL"));
        for path in [
            "WHEEL",
            ".dist-info/WHEEL",
            "demo-1.0.dist-info/wheel",
            "demo-1.0.dist-info/x/WHEEL",
            "demo/vendor-1.0.dist-info/WHEEL",
            "demo\\vendor-1.0.dist-info/WHEEL",
            "demo-1.0.dist-info/WHEEL/",
            "demo-1.0.DIST-INFO/WHEEL",
            "demo-1.0.dist-info/xWHEEL",
        ] {
            assert!(!is_wheel(path), "{path}");
        }
    }

    #[test]
    fn what_is_installed_as_a_program_is_no_data() {
        assert!(is_data(&"demo/logo.png".into(), &[".png"]));
        assert!(is_data(&"demo-1.0.data/data/logo.png".into(), &[".png"]));
        assert!(!is_data(&"demo/logo.PNG".into(), &[".png"]));
        assert!(!is_data(&"demo-1.0.data/scripts/logo.png".into(), &[".png"]));
        assert!(!is_data(&"demo-1.0.data/Scripts/logo.png".into(), &[".png"]));
        assert!(!is_data(&"demo-1.0.data\\scripts/logo.png".into(), &[".png"]));
    }
}
