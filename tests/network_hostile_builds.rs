//! What builds meet, and what comes of sources and requirements that are not honest. What builds attack is in `network_containment`.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::fixtures::{RECIPE, add_to_sdist, project};
use crate::local_index::{Index, hex};
use crate::support::{finding, folder, rebuild, run, text, twinbuild};

/// Rebuilds the demo project whose backend runs `before`, with more arguments.
fn judge(before: &str, more: &[&str]) -> (i32, Value) {
    let folder = folder();
    let project = project(folder.path(), before);
    let arguments = [text(&project.wheel), "--source", text(&project.sdist), "--recipe", text(&project.recipe)];
    rebuild(&[&arguments, more].concat())
}

/// Runs a Python expression in both twins, and gives what it was worth in the first, as text.
fn inside(expression: &str) -> String {
    let folder = folder();
    let kept = folder.path().join("kept");
    let before = format!("print('ANSWER', repr({expression}))");
    let (_, verdict) = judge(&before, &["--keep", text(&kept)]);
    assert_eq!(verdict["outcome"], "reproduced", "{verdict:#}");
    let log = std::fs::read_to_string(kept.join("first.log")).unwrap();
    let line = log.lines().find_map(|line| line.strip_prefix("ANSWER ")).unwrap_or_else(|| panic!("{log}"));
    line.to_owned()
}

#[test]
fn an_honest_build_of_the_same_files_is_reproduced() {
    let (code, verdict) = judge("", &[]);
    assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{verdict:#}");
    assert_eq!(verdict["level"], "repacked");
}

#[test]
fn one_who_was_refused_something_at_a_limit_is_not_accused() {
    let fill = |then: &str| {
        format!(
            "import os\n    try:\n        with open('/tmp/filled', 'wb') as file:\n            for _ in range(64):\n                file.write(bytes(1 << 20))\n    except OSError as error:\n        print('met', error)\n        {then}\n    else:\n        raise SystemExit('never full')"
        )
    };
    let limits = ["--limit", "scratch-bytes=33554432"];
    // A reader of the whole file system has seen it before it is made room again.
    let make_room = "import time; time.sleep(1); os.remove('/tmp/filled')";
    let (code, verdict) = judge(&fill(make_room), &limits);
    assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{verdict:#}");
    assert_eq!(finding(&verdict, "limit-reached")["severity"], "warning");
    let other = format!("{make_room}; files['demo.py'] += b'import os'");
    let (code, verdict) = judge(&fill(&other), &limits);
    assert_eq!((code, verdict["outcome"].as_str()), (2, Some("inconclusive")), "{verdict:#}");
    assert_eq!(verdict["reason"]["class"], "limit");
    let findings = verdict["findings"].as_array().unwrap();
    assert!(findings.iter().all(|finding| finding["severity"] != "alert"), "{verdict:#}");
}

#[test]
fn one_who_leaves_a_link_in_the_output_was_seen_all_the_same() {
    let link = "import socket\n    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect_ex(('192.0.2.1', 80))\n    os.symlink('/etc/passwd', os.path.join(directory, 'link'))";
    let (code, verdict) = judge(link, &[]);
    assert_eq!((code, verdict["outcome"].as_str()), (2, Some("unbuildable")), "{verdict:#}");
    assert_eq!(verdict["reason"]["class"], "output-refused");
    for rebuild in verdict["rebuilds"].as_array().unwrap() {
        assert!(rebuild["networkAttempts"].as_u64().unwrap() >= 1, "{rebuild}");
        let programs = rebuild["evidence"]["programs"].as_array().unwrap();
        assert!(programs.contains(&json!("/usr/bin/python3.11")), "{rebuild}");
        let is_effective = |variation: &Value| variation["effective"] == true;
        assert!(rebuild["variations"].as_array().unwrap().iter().any(is_effective), "{rebuild}");
    }
}

#[test]
fn there_is_no_route_and_attempts_are_counted() {
    let connect = "import socket\n    for family, host in ((socket.AF_INET, '192.0.2.1'), (socket.AF_INET6, '2001:db8::1')):\n        try:\n            socket.create_connection((host, 80), 1)\n        except OSError as error:\n            print('refused', error)";
    let (code, verdict) = judge(connect, &[]);
    assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{verdict:#}");
    for rebuild in verdict["rebuilds"].as_array().unwrap() {
        assert!(rebuild["networkAttempts"].as_u64().unwrap() >= 1, "{rebuild}");
    }
    let attempted = finding(&verdict, "network-attempted");
    assert_eq!(attempted["severity"], "warning");
    assert!(
        attempted["detail"].as_str().unwrap().contains("/usr/bin/python3.11 tried 192.0.2.1 port 80"),
        "{attempted}"
    );
    let program = "/usr/bin/python3.11";
    let expected = json!([
        {"family": "ipv4", "address": "192.0.2.1", "port": 80, "program": program},
        {"family": "ipv6", "address": "2001:db8::1", "port": 80, "program": program},
    ]);
    assert_eq!(verdict["rebuilds"][0]["evidence"]["connections"], expected);
    let interfaces = inside("open('/proc/net/dev').read().count(':')");
    assert_eq!(interfaces, "1", "lo is the only interface");
    let routes = inside("len(open('/proc/net/route').readlines())");
    assert!(["0", "1"].contains(&routes.as_str()), "only the heading: {routes}");
}

#[test]
fn looking_up_a_name_is_counted() {
    let look_up = "import socket\n    try:\n        socket.getaddrinfo('example.invalid', 80)\n    except OSError as error:\n        print('refused', error)";
    let (_, verdict) = judge(look_up, &[]);
    assert!(verdict["rebuilds"][0]["networkAttempts"].as_u64().unwrap() >= 1, "{verdict:#}");
    let attempted = finding(&verdict, "network-attempted");
    assert!(attempted["detail"].as_str().unwrap().contains("looked up a name"), "{attempted}");
}

#[test]
fn what_a_build_executes_and_is_refused_is_told() {
    let before =
        "import ctypes, subprocess; subprocess.run(['/usr/bin/env', 'true']); ctypes.CDLL(None).unshare(0x10000000)";
    let (code, verdict) = judge(before, &[]);
    assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{verdict:#}");
    let refused = finding(&verdict, "privileged-call-refused");
    assert!(refused["detail"].as_str().unwrap().contains("/usr/bin/python3.11 called unshare"), "{refused}");
    for rebuild in verdict["rebuilds"].as_array().unwrap() {
        let programs = rebuild["evidence"]["programs"].as_array().unwrap();
        assert!(programs.contains(&json!("/usr/bin/env")), "{rebuild:#}");
        assert_eq!(rebuild["evidence"]["isComplete"], true);
        let activity = &verdict["run"]["activity"][rebuild["name"].as_str().unwrap()];
        let executions = activity["executions"].as_array().unwrap();
        let found = executions.iter().find(|execution| execution["program"] == "/usr/bin/env").unwrap();
        assert_eq!(found["arguments"], json!(["/usr/bin/env", "true"]));
        let parent = usize::try_from(found["parent"].as_u64().unwrap()).unwrap();
        assert_eq!(executions[parent]["program"], "/env/bin/python");
    }
}

#[test]
fn a_build_that_meets_a_limit_is_inconclusive_and_what_it_did_is_told() {
    let connect = "import socket\n    try:\n        socket.create_connection(('192.0.2.1', 80), 1)\n    except OSError:\n        pass\n    ";
    let fork = "pids = []\n    try:\n        while True:\n            pid = os.fork()\n            if pid == 0:\n                import time; time.sleep(600)\n    except OSError:\n        sys.exit(1)";
    let allocate = "kept = []\n    while True: kept.append(b'x' * (64 << 20))";
    for (before, named) in [(fork, "processes"), (allocate, "memory")] {
        let (code, verdict) = judge(&format!("{connect}{before}"), &[]);
        assert_eq!((code, verdict["outcome"].as_str()), (2, Some("inconclusive")), "{verdict:#}");
        assert_eq!(verdict["reason"]["class"], "limit", "{verdict:#}");
        assert!(verdict["reason"]["detail"].as_str().unwrap().contains(named), "{verdict:#}");
        assert!(finding(&verdict, "network-attempted")["detail"].as_str().unwrap().contains("192.0.2.1"));
        assert!(verdict["run"]["limitMechanisms"]["first-memory-bytes"].is_string(), "{verdict:#}");
    }
}

#[test]
fn there_is_no_device_beyond_the_harmless_six() {
    let devices = inside(
        "sorted(name for name in __import__('os').listdir('/dev') if __import__('stat').S_ISCHR(__import__('os').stat('/dev/' + name).st_mode) or __import__('stat').S_ISBLK(__import__('os').stat('/dev/' + name).st_mode))",
    );
    let allowed = ["full", "null", "random", "tty", "urandom", "zero"];
    for device in devices.trim_matches(['[', ']']).split(", ") {
        assert!(allowed.contains(&device.trim_matches('\'')), "{devices}");
    }
    for needed in ["null", "zero", "full", "random", "urandom"] {
        assert!(devices.contains(needed), "{devices}");
    }
}

#[test]
fn a_build_that_fails_is_unbuildable_and_its_log_cannot_steer_a_terminal() {
    let (code, verdict) = judge("print('\\x1b[2Jhere'); sys.exit('no')", &[]);
    assert_eq!((code, verdict["outcome"].as_str()), (2, Some("unbuildable")), "{verdict:#}");
    assert_eq!(verdict["reason"]["stage"], "wheel");
    let tail = verdict["run"]["logTail"].as_str().unwrap();
    assert!(tail.contains("here") && !tail.contains('\x1b'), "{tail}");
}

#[test]
fn a_source_that_holds_the_published_file_is_never_reproduced() {
    let folder = folder();
    let built = project(folder.path(), "");
    // The source holds it in a zip in a zip.
    let mut nested = std::fs::read(&built.wheel).unwrap();
    for name in ["inner.whl", "outer.zip"] {
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut writer, &nested).unwrap();
        nested = writer.finish().unwrap().into_inner();
    }
    add_to_sdist(&built.sdist, "data.bin", &nested);
    let arguments = [text(&built.wheel), "--source", text(&built.sdist), "--recipe", text(&built.recipe)];
    let (code, verdict) = rebuild(&arguments);
    assert_eq!((code, verdict["outcome"].as_str()), (1, Some("not-reproduced")), "{verdict:#}");
    assert_eq!(verdict["mismatch"], "unsourced");
    assert!(finding(&verdict, "source-embeds-artifact")["detail"].as_str().unwrap().contains("outer.zip / inner.whl"));
}

/// A wheel with one file beside its metadata.
fn requirement(file: &str, content: &[u8]) -> Vec<u8> {
    let metadata = b"Metadata-Version: 2.1\nName: helper\nVersion: 1.0\n";
    let wheel = b"Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let record = format!(
        "{file},,\nhelper-1.0.dist-info/METADATA,,\nhelper-1.0.dist-info/WHEEL,,\nhelper-1.0.dist-info/RECORD,,\n"
    );
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in [
        (file, content),
        ("helper-1.0.dist-info/METADATA", metadata),
        ("helper-1.0.dist-info/WHEEL", wheel),
        ("helper-1.0.dist-info/RECORD", record.as_bytes()),
    ] {
        writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut writer, content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Rebuilds the demo project with this wheel as its one build requirement.
fn judge_with(wheel: &[u8], uploaded: &str, before: &str) -> (i32, Value) {
    const NAME: &str = "helper-1.0-py3-none-any.whl";
    let folder = folder();
    let project = project(folder.path(), before);
    let index = Index::of("helper", &[(NAME, wheel.to_vec(), json!({ "upload-time": uploaded }))], &json!({}));
    let digest = hex(&Sha256::digest(wheel));
    let locked =
        format!("locked = [{{ name = \"helper\", version = \"1.0\", file-name = {NAME:?}, sha256 = {digest:?} }}]");
    std::fs::write(&project.recipe, RECIPE.replace("locked = []", &locked)).unwrap();
    let arguments = [text(&project.wheel), "--source", text(&project.sdist), "--recipe", text(&project.recipe)];
    let index_url = format!("{}/simple/", index.address);
    rebuild(&[&arguments[..], &["--index-url", &index_url]].concat())
}

#[test]
fn a_requirement_cannot_forge_what_is_observed() {
    // A line of a path file runs at every start of the environment's interpreter: it writes a report of its own, and
    // makes both twins believe that they are the same.
    let forger = b"import os, socket; os.getuid = lambda: 7; socket.gethostname = lambda: 'same'; p = os.environ.get('TWINBUILD_REPORT_FD'); p and os.write(int(p), b'{}\\n')\n";
    let wheel = requirement("forger.pth", forger);
    let (code, verdict) = judge_with(&wheel, "2019-01-01T00:00:00Z", "");
    assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{verdict:#}");
    for variation in verdict["rebuilds"][0]["variations"].as_array().unwrap() {
        if ["user-id", "host-name", "build-path"].contains(&variation["name"].as_str().unwrap()) {
            assert_eq!(variation["effective"], true, "{variation}");
        }
    }
}

#[test]
fn a_requirement_from_after_the_cut_off_is_refused() {
    let wheel = requirement("helper.py", b"");
    let (code, verdict) = judge_with(&wheel, "2026-01-01T00:00:00Z", "");
    assert_eq!((code, verdict["reason"]["class"].as_str()), (2, Some("requirement-refused")), "{verdict:#}");
}

#[test]
fn a_requirement_that_holds_the_published_file_is_refused() {
    let folder = folder();
    let published = std::fs::read(project(folder.path(), "").wheel).unwrap();
    let wheel = requirement("helper.bin", &published);
    let (code, verdict) = judge_with(&wheel, "2019-01-01T00:00:00Z", "");
    assert_eq!((code, verdict["outcome"].as_str()), (2, Some("unbuildable")), "{verdict:#}");
    assert_eq!(finding(&verdict, "requirement-embeds-artifact")["severity"], "alert");
}

#[test]
fn compiled_code_in_a_source_is_said() {
    let folder = folder();
    let project = project(folder.path(), "");
    add_to_sdist(&project.sdist, "vendor/tool", b"\x7fELF\x02\x01\x01 and so on");
    let arguments = [text(&project.wheel), "--source", text(&project.sdist), "--recipe", text(&project.recipe)];
    let (code, verdict) = rebuild(&arguments);
    assert_eq!((code, verdict["outcome"].as_str()), (0, Some("reproduced")), "{}", verdict["findings"]);
    let finding = finding(&verdict, "prebuilt-binary");
    assert_eq!(finding["severity"], "note");
    assert!(finding["detail"].as_str().unwrap().contains("vendor/tool (native code (ELF))"), "{finding}");
}

#[test]
fn text_is_for_people_and_has_no_colour_in_a_pipe() {
    let folder = folder();
    let project = project(folder.path(), "");
    let arguments = [text(&project.wheel), "--source", text(&project.sdist), "--recipe", text(&project.recipe)];
    let said = run(twinbuild().arg("rebuild").args(arguments));
    assert!(said.out.starts_with("reproduced (repacked; source: given by the user)  demo-1.0"), "{said}");
    assert!(!said.out.contains('\x1b'), "{said}");
}
