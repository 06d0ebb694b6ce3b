//! Dashboards fit Grafana's own types.

use std::fs;

use media_metrics_forwarder::generate::dashboards;
use media_metrics_tests::grafana;

#[test]
fn dashboards_fit_grafanas_types_and_a_misspelt_property_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let files = dashboards::files();
    let paths: Vec<_> = files
        .iter()
        .enumerate()
        .map(|(number, file)| write(&format!("{number}.json"), &file.text))
        .collect();
    grafana::check_types(&paths).unwrap_or_else(|faults| panic!("{faults}"));

    let wrong = [
        ("\"graphTooltip\"", "\"grafTooltip\"", "the dashboard"),
        ("\"lineWidth\"", "\"lineWeight\"", "custom"),
        (
            "\"graphMode\": \"area\"",
            "\"graphMode\": \"aria\"",
            "options",
        ),
    ];
    for (right, broken, place) in wrong {
        let text = &files[0].text;
        assert!(text.contains(right), "{right}");
        let path = write("broken.json", &text.replace(right, broken));
        let faults = grafana::check_types(&[path]).unwrap_err();
        assert!(faults.contains(place), "{broken}: {faults}");
    }
}
