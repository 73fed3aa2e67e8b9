//! Compiled code inside of a source: nobody can read what it does, and no build made it.

use std::collections::BTreeSet;

use twinbuild_archive::Archive;
use twinbuild_compare::{Finding, Severity};
use twinbuild_source::SourceTree;
use twinbuild_subject::{MemberPath, Sha256};

/// So many are found in one source.
pub(crate) const MOST_PREBUILT: usize = 1000;
/// So many have a finding each.
const MOST_NAMED: usize = 20;
/// The findings' code.
const CODE: &str = "prebuilt-binary";

/// Compiled code in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prebuilt {
    /// The file of the source, below the folder that its top folder is in.
    pub(crate) file: MemberPath,
    /// Where it is: the file, or inside of it.
    pub(crate) place: String,
    /// What it is.
    pub(crate) what: &'static str,
}

/// What compiled code a file is, by its first bytes; `None` where it is none.
pub(crate) fn compiled(content: &[u8]) -> Option<&'static str> {
    let number = |at: usize| content.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    match content {
        [0x7f, b'E', b'L', b'F', ..] => Some("native code (ELF)"),
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xfe, 0xed, 0xfa, 0xcf | 0xce, ..] => Some("native code (Mach-O)"),
        // A class has its version there, from 45 on, and a library for several processors their number.
        [0xca, 0xfe, 0xba, 0xbe, ..] => match number(4)? {
            1..=30 => Some("native code (Mach-O)"),
            _ => Some("a Java class"),
        },
        [b'M', b'Z', ..] => {
            let offset = content.get(0x3c..0x40).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
            let header =
                offset.and_then(|offset| usize::try_from(offset).ok()).and_then(|offset| content.get(offset..));
            header.is_some_and(|header| header.starts_with(b"PE\0\0")).then_some("native code (PE)")
        }
        // Debian's packages are archives of this kind, too.
        [b'!', b'<', b'a', b'r', b'c', b'h', b'>', b'\n', rest @ ..] => {
            (!rest.starts_with(b"debian-binary")).then_some("a static library")
        }
        [0, b'a', b's', b'm', ..] => Some("WebAssembly"),
        [b'B', b'C', 0xc0, 0xde, ..] => Some("LLVM bitcode"),
        [b'd', b'e', b'x', b'\n', b'0', ..] => Some("Android bytecode"),
        // Since 3.0 the number of the bytecode is from here on; 2.7 has the number 62211.
        [low, high, b'\r', b'\n', ..] if content.len() > 16 => {
            let magic = u16::from_le_bytes([*low, *high]);
            matches!(magic, 3000..=3999 | 62211).then_some("Python bytecode")
        }
        _ => None,
    }
}

/// A warning for each file of the source with compiled code that the published file has as it is, and one note for all others.
pub(crate) fn findings(prebuilt: &[Prebuilt], source: &SourceTree, published: &Archive) -> Vec<Finding> {
    let members: BTreeSet<Sha256> = published.members.iter().filter_map(|member| member.sha256).collect();
    let prefix = format!("{}/", source.top());
    let is_published = |path: &MemberPath| {
        let file = source.files().iter().find(|(own, _)| own == path);
        file.is_some_and(|(_, sha256)| members.contains(sha256))
    };
    let mut seen: BTreeSet<MemberPath> = BTreeSet::new();
    let (mut findings, mut others) = (Vec::new(), Vec::new());
    for Prebuilt { file, place, what } in prebuilt {
        let path = file.strip_prefix(prefix.as_bytes()).unwrap_or_else(|| file.clone());
        if !seen.insert(path.clone()) {
            continue;
        }
        if !is_published(&path) {
            others.push(format!("{path} ({what})"));
            continue;
        }
        let inside = if *place == file.to_string() { String::new() } else { format!(", inside of it ({place})") };
        let detail =
            format!("the source has {what} there{inside}, and the published file has it as it is: no build made it");
        findings.push(Finding::of(CODE, Severity::Warning, &path, detail));
    }
    if findings.len() > MOST_NAMED {
        let detail = format!("so it is with {} more files", findings.len() - MOST_NAMED);
        findings.truncate(MOST_NAMED);
        findings.push(Finding::whole(CODE, Severity::Warning, detail));
    }
    if let [first, rest @ ..] = others.as_slice() {
        let more = if rest.is_empty() { String::new() } else { format!(", and {} more", rest.len()) };
        let detail =
            format!("the source has compiled code, which no build made, and the published file has not: {first}{more}");
        findings.push(Finding::whole(CODE, Severity::Note, detail));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compiled_code_is_told_by_its_first_bytes() {
        let pe = [&b"MZ"[..], &[0; 58], &64_u32.to_le_bytes(), b"PE\0\0"].concat();
        for (content, what) in [
            (&b"\x7fELF\x02\x01"[..], Some("native code (ELF)")),
            (&pe, Some("native code (PE)")),
            (b"\xca\xfe\xba\xbe\0\0\0\x34", Some("a Java class")),
            (b"\xca\xfe\xba\xbe\0\0\0\x02", Some("native code (Mach-O)")),
            (b"!<arch>\n/               ", Some("a static library")),
            (b"!<arch>\ndebian-binary   ", None),
            (b"\0asm\x01\0\0\0", Some("WebAssembly")),
            (b"\xa7\x0d\r\n\0\0\0\0\0\0\0\0\0\0\0\0\xe3", Some("Python bytecode")),
            (b"\x03\xf3\r\n\0\0\0\0\0\0\0\0\0\0\0\0c", Some("Python bytecode")),
            (b"MZ is a text", None),
            (b"import os\r\n# a long line of a text", None),
            (b"", None),
        ] {
            assert_eq!(compiled(content), what, "{content:?}");
        }
    }
}
