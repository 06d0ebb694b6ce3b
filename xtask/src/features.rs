//! Which features a package of ours has.
//!
//! Lives here: reading the table of a manifest. May not: know what features do.

use std::fs;

use crate::step::{Failure, root};

/// The features of the package in `folder`, in the manifest's order, each with what it turns on.
pub(crate) fn features_of(folder: &str) -> Result<Vec<(String, Vec<String>)>, Failure> {
    let path = root().join(folder).join("Cargo.toml");
    let manifest = fs::read_to_string(&path)
        .map_err(|e| Failure::new(format!("can't read {}: {e}", path.display())))?;
    let features = features(&manifest);
    if features.is_empty() {
        let sentence = format!("{} has no features", path.display());
        return Err(Failure::new(sentence));
    }
    Ok(features)
}

/// The features of a manifest, in its order, each with what it turns on. A line each, as ours are written.
fn features(manifest: &str) -> Vec<(String, Vec<String>)> {
    let table = manifest.split("[features]").nth(1).unwrap_or_default();
    let own = table.lines().take_while(|line| !line.starts_with('['));
    own.filter_map(|line| {
        let (name, on) = line.split_once(" = [")?;
        let words = on.split(|c: char| "[],\" ".contains(c));
        let words = words.filter(|w| !w.is_empty()).map(str::to_owned);
        Some((name.trim().to_owned(), words.collect()))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_those_of_the_table() {
        let manifest = "[package]\nkeywords = [\"a\"]\n\n# c\n[features]\n# d\nexporter = [\"dep:x\"]\n\
            gzip = [\"exporter\", \"x/gzip\"]\n\n[dependencies]\nz = [\"no\"]\n";
        let expected = [
            ("exporter", vec!["dep:x"]),
            ("gzip", vec!["exporter", "x/gzip"]),
        ];
        let owned = expected.map(|(name, on)| {
            let on: Vec<String> = on.into_iter().map(str::to_owned).collect();
            (name.to_owned(), on)
        });
        assert_eq!(features(manifest), owned);
    }

    #[test]
    fn the_packages_have_features() {
        for folder in ["benches/weight", "core", "exporter"] {
            assert!(features_of(folder).is_ok(), "{folder}");
        }
    }
}
