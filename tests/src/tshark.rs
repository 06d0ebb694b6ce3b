//! tshark's stream tap, `-z rtp,streams`: the tool that everybody compares with.
//!
//! Lives here: running it and reading its table. What it means by its figures is in
//! [`crate::disagreement`].

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::figures::{Figure, Figures, Id};

/// Half of the last digit that tshark prints, and a little for the printing itself.
pub const ROUNDING_MS: f64 = 0.000_51;

/// The figures of each stream of a capture, by who they are. `ports` are the destinations of RTP.
///
/// A name of a dynamic payload type, and with it the clock rate, tshark has from an SDP in the capture
/// only.
#[must_use]
pub fn streams(capture: &Path, ports: &[u16]) -> BTreeMap<Id, Figures> {
    let mut command = Command::new("tshark");
    command.args(["-n", "-q", "-z", "rtp,streams", "-r"]);
    command.arg(capture).env("LC_ALL", "C");
    for port in ports {
        command.arg("-d").arg(format!("udp.port=={port},rtp"));
    }
    // The payload is noise: what is inside of it is nobody's business here.
    for codec in ["h261", "h264", "vp8"] {
        command.args(["--disable-protocol", codec]);
    }
    let output = command
        .output()
        .unwrap_or_else(|e| panic!("can't start tshark: {e}: `cargo xtask setup` installs it"));
    let text = String::from_utf8_lossy(&output.stdout);
    let streams: BTreeMap<Id, Figures> = text.lines().filter_map(stream).collect();
    assert!(
        output.status.success() && !streams.is_empty(),
        "tshark found no RTP in {}:\n{text}{}",
        capture.display(),
        String::from_utf8_lossy(&output.stderr)
    );
    streams
}

/// A line of the table. Names of payloads hold blanks, so the columns behind them count from the end.
fn stream(line: &str) -> Option<(Id, Figures)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let words = match words.split_last()? {
        (&"X", rest) => rest,
        _ => &words,
    };
    let [_begin, _end, from, from_port, to, to_port, ssrc, ..] = words else {
        return None;
    };
    let address = |ip: &str, port: &str| format!("{ip}:{port}").parse().ok();
    let id = Id {
        ssrc: u32::from_str_radix(ssrc.strip_prefix("0x")?, 16).ok()?,
        from: address(from, from_port)?,
        to: address(to, to_port)?,
    };
    let [.., packets, lost, _percent, _, _, max_delta, _, mean, max] = words else {
        return None;
    };
    let mut figures = Figures::new();
    for (figure, word) in [
        (Figure::Packets, packets),
        (Figure::CumulativeLost, lost),
        (Figure::MaxDelta, max_delta),
        (Figure::JitterMean, mean),
        (Figure::JitterMax, max),
    ] {
        figures.insert(figure, word.parse().ok()?);
    }
    Some((id, figures))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_is_read_from_both_ends() {
        let line = "     0.000000      0.139929     192.168.0.3 49176     192.168.0.1 10000 0x0E05384E \
                    ITU-T G.711 PCMU, rtpevent    10    -2 (-25.0%)           0.041          15.548     \
                          20.072          -1.000           0.100           0.200 X";
        let (id, figures) = stream(line).unwrap();
        assert_eq!((id.ssrc, id.to.port()), (0x0e05_384e, 10_000));
        let wanted = [
            (Figure::Packets, 10.0),
            (Figure::CumulativeLost, -2.0),
            (Figure::MaxDelta, 20.072),
            (Figure::JitterMean, 0.1),
            (Figure::JitterMax, 0.2),
        ];
        assert_eq!(figures, wanted.into());
        assert_eq!(stream("=== RTP Streams ==="), None);
        assert_eq!(stream("Start time End time Src IP addr Port SSRC"), None);
    }
}
