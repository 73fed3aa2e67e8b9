//! A Python package index on loopback.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{Said, folder, run, twinbuild};

/// An index that serves these paths, and 404 for all others, until the test process ends.
pub(crate) struct Index {
    pub(crate) address: String,
}

impl Index {
    /// An index with the project `demo` of these files, each as name, bytes, and changes to what the page says of it.
    pub(crate) fn new(files: &[(&str, Vec<u8>, Value)], page: &Value) -> Self {
        Self::of("demo", files, page)
    }

    /// The same, with a project of another name.
    pub(crate) fn of(project: &str, files: &[(&str, Vec<u8>, Value)], page: &Value) -> Self {
        let files = files.iter().map(|(name, bytes, changes)| ((*name).to_owned(), bytes.clone(), changes.clone()));
        Self::with(&[(project, files.collect())], page)
    }

    /// An index with several projects.
    pub(crate) fn of_all(projects: &[(&str, Vec<File>)]) -> Self {
        Self::with(projects, &json!({}))
    }

    fn with(projects: &[(&str, Vec<File>)], page: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // Another one for each index, as a port may be given again and caches know indexes by their addresses.
        let unique = folder().path().file_name().unwrap().to_string_lossy().replace('.', "");
        let address = format!("http://{}/{unique}", listener.local_addr().unwrap());
        let mut served: HashMap<String, Vec<u8>> = HashMap::new();
        for (project, files) in projects {
            serve(&mut served, &address, project, files, page);
        }
        let served = Arc::new(served);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let served = Arc::clone(&served);
                std::thread::spawn(move || answer(stream, &served));
            }
        });
        Self { address }
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        let cache = folder();
        let index = format!("{}/simple/", self.address);
        run(twinbuild()
            .env("TWINBUILD_CACHE_DIR", cache.path())
            .args(["--format", "json", "--index-url", &index])
            .args(arguments))
    }

    pub(crate) fn judge(&self) -> (i32, Value) {
        let said = self.run(&["rebuild", "pypi:demo@1.0"]);
        assert!(!said.out.is_empty(), "{said}");
        (said.code, said.json())
    }
}

/// A file of a project: its name, its bytes, and changes to what the page says of it.
pub(crate) type File = (String, Vec<u8>, Value);

/// Adds a project's page and files to what is served.
fn serve(served: &mut HashMap<String, Vec<u8>>, address: &str, project: &str, files: &[File], page: &Value) {
    let mut listed = Vec::new();
    for (name, bytes, changes) in files {
        let mut file = json!({
            "filename": name,
            "url": format!("{address}/files/{name}"),
            "hashes": { "sha256": hex(&Sha256::digest(bytes)) },
            "size": bytes.len(),
            "upload-time": "2020-02-02T00:00:00Z",
            "yanked": false,
        });
        merge(&mut file, changes);
        listed.push(file);
        served.insert(format!("/files/{name}"), bytes.clone());
    }
    let mut body = json!({ "meta": { "api-version": "1.1" }, "name": project, "versions": ["1.0"], "files": listed });
    merge(&mut body, page);
    served.insert(format!("/simple/{project}/"), body.to_string().into_bytes());
}

fn merge(value: &mut Value, changes: &Value) {
    for (key, change) in changes.as_object().unwrap() {
        value[key] = change.clone();
    }
}

fn answer(stream: TcpStream, served: &HashMap<String, Vec<u8>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut request = String::new();
    if reader.read_line(&mut request).is_err() {
        return;
    }
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
        line.clear();
    }
    let path = request.split(' ').nth(1).unwrap_or("/");
    let path = path.char_indices().filter(|(_, c)| *c == '/').nth(1).map_or(path, |(at, _)| &path[at..]);
    let (status, body) = served.get(path).map_or(("404 Not Found", &[][..]), |body| ("200 OK", body.as_slice()));
    let kind =
        if path.starts_with("/simple") { "application/vnd.pypi.simple.v1+json" } else { "application/octet-stream" };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let mut stream = stream;
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)); // a client may hang up
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
