//! Documents, taken apart.
//!
//! Lives here: which documents there are, and their links, anchors, blocks of code and words. Not here: what must be true of
//! them.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use media_metrics_tests::workspace::root;
use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd};

/// A document.
pub(crate) struct Document {
    /// Below the root of the checkout.
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// A block of code.
pub(crate) struct Block {
    /// What stands behind the fence, `rust,no_run`; or `indented`, which rustdoc takes for Rust.
    pub(crate) language: String,
    pub(crate) text: String,
}

/// Folders that hold no documents of ours.
pub(crate) const SKIPPED: [&str; 6] = [
    ".git",
    "target",
    "node_modules",
    "artifacts",
    "corpus",
    ".venv",
];

/// Every document of the checkout, by path.
pub(crate) fn documents() -> Vec<Document> {
    let mut found = Vec::new();
    collect(&root(), Path::new(""), &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 40, "only {} documents", found.len());
    found
}

fn collect(root: &Path, below: &Path, found: &mut Vec<Document>) {
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        let path = below.join(&name);
        if entry.file_type().unwrap().is_dir() {
            if !SKIPPED.iter().any(|skipped| name == *skipped) {
                collect(root, &path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            let text = fs::read_to_string(root.join(&path)).unwrap();
            found.push(Document { path, text });
        }
    }
}

impl Document {
    pub(crate) fn parse(text: &str) -> Self {
        let (path, text) = (PathBuf::from("it.md"), text.to_owned());
        Self { path, text }
    }

    fn events(&self) -> impl Iterator<Item = Event<'_>> {
        Parser::new_ext(&self.text, Options::ENABLE_TABLES)
    }

    /// Where links and pictures lead to, HTML's too.
    pub(crate) fn links(&self) -> Vec<String> {
        let mut links = Vec::new();
        for event in self.events() {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    links.push(dest_url.into_string());
                }
                Event::Html(html) | Event::InlineHtml(html) => {
                    for attribute in ["href=\"", "src=\"", "srcset=\""] {
                        let parts = html.split(attribute).skip(1);
                        let values = parts.filter_map(|part| Some(part.split_once('"')?.0));
                        links.extend(values.map(str::to_owned));
                    }
                }
                _ => {}
            }
        }
        links
    }

    /// What stands behind `#` in links to here, as GitHub makes it of headings: a second one of a kind gets `-1`.
    pub(crate) fn anchors(&self) -> BTreeSet<String> {
        let mut anchors = BTreeSet::new();
        let mut seen: HashMap<String, usize> = HashMap::new();
        let mut heading: Option<String> = None;
        for event in self.events() {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::End(TagEnd::Heading(_)) => {
                    let slug = slug(&heading.take().unwrap_or_default());
                    let times = seen.entry(slug.clone()).or_default();
                    anchors.insert(match *times {
                        0 => slug,
                        n => format!("{slug}-{n}"),
                    });
                    *times += 1;
                }
                _ => {}
            }
        }
        anchors
    }

    /// Blocks of code, in order.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut open: Option<Block> = None;
        for event in self.events() {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let language = match kind {
                        CodeBlockKind::Fenced(language) => language,
                        CodeBlockKind::Indented => CowStr::Borrowed("indented"),
                    };
                    open = Some(Block {
                        language: language.into_string(),
                        text: String::new(),
                    });
                }
                Event::Text(text) => {
                    if let Some(block) = &mut open {
                        block.text.push_str(&text);
                    }
                }
                Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
                _ => {}
            }
        }
        blocks
    }

    /// What stands between backticks in sentences and tables.
    pub(crate) fn inline(&self) -> Vec<String> {
        let code = |event| match event {
            Event::Code(code) => Some(code.into_string()),
            _ => None,
        };
        self.events().filter_map(code).collect()
    }
}

/// Letters and digits in lower case, `-` for blanks, `-` and `_` as they are; the rest is left out.
fn slug(heading: &str) -> String {
    let kept = |c: char| match c {
        ' ' => Some('-'),
        '-' | '_' => Some(c),
        c if c.is_alphanumeric() => Some(c),
        _ => None,
    };
    heading.to_lowercase().chars().filter_map(kept).collect()
}

#[test]
fn a_document_is_taken_apart() {
    let document = Document::parse(
        "# `a_b`, c: d-e\n\n## Same\n\n## Same\n\n[to](x.md#y) ![pic](p.png) `cargo xtask` <img src=\"q.png\">\n\n\
         - in a list\n\n  ```yaml\n  # c\n  k: [v](no)\n  ```\n",
    );
    assert_eq!(document.links(), ["x.md#y", "p.png", "q.png"]);
    assert!(
        document
            .anchors()
            .iter()
            .eq(["a_b-c-d-e", "same", "same-1"])
    );
    assert_eq!(document.inline(), ["a_b", "cargo xtask"]);
    let [block] = &document.blocks()[..] else {
        panic!("one block");
    };
    assert_eq!(
        (&*block.language, &*block.text),
        ("yaml", "# c\nk: [v](no)\n")
    );
}
