//! The page's own files, as they are in this crate's folder `page`.
//!
//! Lives here: the table of them, entity tags, the compressed form, and the headers that keep the page to itself. Not
//! here: who may ask for them (`http::desk`).
//!
//! Nothing of the page comes from anywhere else, and the policy sent with it lets nothing else in: no other host, no
//! script or style but these files, no frame around it.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::OnceLock;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderName, HeaderValue, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};

use crate::compress::{Effort, compress};
use crate::conditional::is_known;
use crate::format::negotiate::Coding;

/// Where files lie that the page is made of.
pub(crate) const PREFIX: &str = "/page/";

/// What may be loaded, and from where.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'";

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JS: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

macro_rules! files {
    ($($path:literal: $kind:expr,)+) => {
        /// All files; the first is the page itself.
        static FILES: [File; [$($path),+].len()] =
            [$(File::new($path, $kind, include_bytes!(concat!("../../page/", $path)))),+];
    };
}

files! {
    "index.html": HTML,
    "style.css": CSS,
    "icon.svg": SVG,
    "main.js": JS,
    "backfill.js": JS,
    "charts.js": JS,
    "dom.js": JS,
    "families.js": JS,
    "feed.js": JS,
    "figures.js": JS,
    "format.js": JS,
    "health.js": JS,
    "heatmap.js": JS,
    "hlog.js": JS,
    "panels.js": JS,
    "series.js": JS,
    "state.js": JS,
    "stream.js": JS,
    "theme.js": JS,
    "tiles.js": JS,
    "worst.js": JS,
    "vendor/uplot/uPlot.iife.min.js": JS,
    "vendor/uplot/uPlot.min.css": CSS,
}

/// One file.
#[derive(Debug)]
pub(crate) struct File {
    path: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
    /// Both made when they are asked for first.
    tag: OnceLock<String>,
    coded: OnceLock<Vec<(Coding, Bytes)>>,
}

impl File {
    const fn new(path: &'static str, kind: &'static str, bytes: &'static [u8]) -> Self {
        Self {
            path,
            kind,
            bytes,
            tag: OnceLock::new(),
            coded: OnceLock::new(),
        }
    }

    /// What the content is called, without quotes.
    fn tag(&self) -> &str {
        self.tag.get_or_init(|| {
            let mut hasher = DefaultHasher::new();
            self.bytes.hash(&mut hasher);
            format!("{:016x}", hasher.finish())
        })
    }

    /// The file in a coding; as it is if that makes it no smaller.
    fn coded(&self, coding: Coding) -> (Coding, Bytes) {
        let all = self.coded.get_or_init(|| {
            let form = |&coding: &Coding| {
                let mut out = Vec::new();
                compress(coding, Effort::Thorough, self.bytes, &mut out).ok()?;
                (out.len() < self.bytes.len()).then(|| (coding, out.into()))
            };
            Coding::ALL.iter().filter_map(form).collect()
        });
        let there = all.iter().find(|(made, _)| *made == coding).cloned();
        there.unwrap_or((Coding::Identity, Bytes::from_static(self.bytes)))
    }
}

/// The file at a path of the server; `None` if there is none.
pub(crate) fn file(path: &str) -> Option<&'static File> {
    let name = match path {
        "/" => return FILES.first(),
        _ => path.strip_prefix(PREFIX)?,
    };
    FILES.iter().skip(1).find(|file| file.path == name)
}

/// The answer to who asks for a file, with these headers and taking these codings.
pub(crate) fn answer<'a>(
    file: &'static File,
    headers: &HeaderMap,
    codings: impl Iterator<Item = &'a str> + Clone,
) -> Response<Full<Bytes>> {
    let (coding, bytes) = file.coded(Coding::accepted(codings));
    let tag = format!("\"{}-{}\"", file.tag(), coding.name());
    let same = is_known(headers, &tag);
    let body = if same { Bytes::new() } else { bytes };
    let mut response = Response::new(Full::new(body));
    if same {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let fixed: &[(HeaderName, &'static str)] = &[
        // Asked for each time, and told by its tag that it is still the same.
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CONTENT_TYPE, file.kind),
        (REFERRER_POLICY, "no-referrer"),
        (VARY, "Accept-Encoding"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let told = response.headers_mut();
    for (name, value) in fixed {
        told.insert(name, HeaderValue::from_static(value));
    }
    if coding != Coding::Identity && !same {
        told.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
    }
    // Of digits, letters and quotes: it can't fail.
    if let Ok(tag) = HeaderValue::try_from(tag) {
        told.insert(ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::IF_NONE_MATCH;
    use std::collections::BTreeSet;
    use std::path::Path;

    fn ask(path: &str, coding: &str, known: &str) -> Response<Full<Bytes>> {
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, known.parse().unwrap());
        answer(file(path).unwrap(), &headers, [coding].into_iter())
    }

    fn body(response: Response<Full<Bytes>>) -> Bytes {
        use http_body_util::BodyExt as _;
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let body = runtime.unwrap().block_on(response.into_body().collect());
        body.unwrap().to_bytes()
    }

    /// A file that is forgotten in the table is not found by the browser; one that nobody loads is dead weight.
    #[test]
    fn the_table_has_the_folders_files_and_each_is_asked_for() {
        fn walk(folder: &Path, root: &Path, found: &mut BTreeSet<String>) {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let name = path
                    .strip_prefix(root)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                let told = ["md", "txt"].map(|kind| name.ends_with(kind));
                match path.is_dir() {
                    true => walk(&path, root, found),
                    false if told.contains(&true) => {}
                    false => _ = found.insert(name),
                }
            }
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("page");
        let mut found = BTreeSet::new();
        walk(&root, &root, &mut found);
        let table: BTreeSet<String> = FILES.iter().map(|file| file.path.to_owned()).collect();
        assert_eq!(table, found);
        let texts = FILES.iter().filter(|file| !file.path.starts_with("vendor"));
        let texts: Vec<&str> = texts
            .map(|file| std::str::from_utf8(file.bytes).unwrap())
            .collect();
        for file in FILES.iter().skip(1) {
            let name = file.path.rsplit('/').next().unwrap();
            let asked_for = texts.iter().any(|text| text.contains(&format!("/{name}")));
            assert!(asked_for, "{} is loaded by nobody", file.path);
        }
    }

    #[test]
    fn nothing_on_the_page_names_another_host_or_stands_inline() {
        for file in FILES.iter().filter(|file| !file.path.starts_with("vendor")) {
            let text = std::str::from_utf8(file.bytes).unwrap();
            let text = text.replace("http://www.w3.org/2000/svg", ""); // a name, not a place
            for foreign in [
                "http://",
                "https://",
                "//cdn",
                "@import",
                "<style",
                " style=",
                " onclick=",
                "javascript:",
            ] {
                assert!(!text.contains(foreign), "{}: {foreign}", file.path);
            }
        }
    }

    #[test]
    fn what_is_known_is_not_sent_again() {
        let page = ask("/", "", "\"other\"");
        assert_eq!(page.status(), 200);
        assert_eq!(page.headers()[CONTENT_TYPE], HTML);
        assert_eq!(page.headers()[CONTENT_SECURITY_POLICY], POLICY);
        let tag = page.headers()[ETAG].to_str().unwrap().to_owned();
        assert!(body(page).starts_with(b"<!doctype html>"));
        for known in [tag.clone(), format!("\"x\", W/{tag}")] {
            let same = ask("/", "", &known);
            assert_eq!(same.status(), 304);
            assert_eq!(same.headers()[ETAG], *tag);
            assert!(body(same).is_empty());
        }
        let other = ask("/page/main.js", "", &tag);
        assert_eq!(other.status(), 200);
    }

    #[cfg(feature = "gzip")]
    #[test]
    fn the_compressed_form_is_the_same_file_and_has_a_tag_of_its_own() {
        use std::io::Read as _;
        for file in &FILES {
            let path = format!("{PREFIX}{}", file.path).replace("/page/index.html", "/");
            let (plain, coded) = (ask(&path, "", "x"), ask(&path, "gzip", "x"));
            assert_ne!(plain.headers()[ETAG], coded.headers()[ETAG], "{path}");
            assert_eq!(coded.headers()[CONTENT_ENCODING], "gzip");
            let coded = body(coded);
            let mut text = Vec::new();
            let mut decoder = flate2::read::GzDecoder::new(&*coded);
            decoder.read_to_end(&mut text).unwrap();
            assert!(text == file.bytes && body(plain) == file.bytes, "{path}");
            assert!(coded.len() < file.bytes.len(), "{path}");
        }
    }

    #[test]
    fn other_paths_are_no_files() {
        for path in [
            "",
            "/page",
            "/page/",
            "/index.html",
            "/page/index.html",
            "/page/../page/main.js",
            "/page/MAIN.js",
        ] {
            assert!(file(path).is_none(), "{path}");
        }
    }
}
