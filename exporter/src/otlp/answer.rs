//! What a receiver's answer says, beyond its status.
//!
//! Lives here: reading `ExportMetricsServiceResponse` and, of refusals, `google.rpc.Status`, as the OTLP specification
//! has them ("OTLP/HTTP Response"). Pure, and prepared for bytes of any content: a receiver may lie. Not here: who waits
//! for answers, and which status means what.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceResponse;
use prost::Message;

/// Most characters that are kept of what a receiver says.
const MAX_CHARS: usize = 256;

/// What a receiver said about a request that it took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// Data points that it did not take, at most all.
    pub(super) rejected: u64,
    /// Why, or a warning; empty, if all is well.
    pub(super) message: String,
}

/// The body of an answer with status 200 to a request of so many `points`. One that can't be read says nothing: the
/// status alone counts then.
pub(super) fn taken(body: &[u8], points: u64) -> Taken {
    let answer = ExportMetricsServiceResponse::decode(body).unwrap_or_default();
    let partial = answer.partial_success.unwrap_or_default();
    Taken {
        rejected: u64::try_from(partial.rejected_data_points)
            .unwrap_or(0)
            .min(points),
        message: printable(&partial.error_message),
    }
}

/// The reason in the body of a refusal; empty, if it gives none.
pub(super) fn reason(body: &[u8]) -> String {
    match Status::decode(body) {
        Ok(status) => printable(&status.message),
        // What stands in between, such as a proxy, speaks plain text, if anything.
        Err(_) => printable(&String::from_utf8_lossy(
            body.get(..MAX_CHARS).unwrap_or(body),
        )),
    }
}

/// `google.rpc.Status`, of which the specification uses the message alone.
#[derive(Clone, PartialEq, Message)]
struct Status {
    #[prost(string, tag = "2")]
    message: String,
}

/// The beginning of a text, with nothing in it that a terminal would obey.
fn printable(text: &str) -> String {
    let harmless = |c: char| match c.is_control() {
        true => ' ',
        false => c,
    };
    let text: String = text.chars().take(MAX_CHARS).map(harmless).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsPartialSuccess;

    fn partial(rejected: i64, message: &str) -> Vec<u8> {
        let partial = ExportMetricsPartialSuccess {
            rejected_data_points: rejected,
            error_message: message.to_owned(),
        };
        let answer = ExportMetricsServiceResponse {
            partial_success: Some(partial),
        };
        answer.encode_to_vec()
    }

    #[test]
    fn rejected_points_are_told_and_no_more_than_there_were() {
        let read = |body: &[u8]| {
            let taken = taken(body, 10);
            (taken.rejected, taken.message)
        };
        assert_eq!(read(&[]), (0, String::new()));
        assert_eq!(read(&partial(3, "too old")), (3, "too old".to_owned()));
        assert_eq!(read(&partial(0, "a warning")), (0, "a warning".to_owned()));
        assert_eq!(read(&partial(i64::MAX, "")), (10, String::new()));
        assert_eq!(read(&partial(-1, "")), (0, String::new()));
        assert_eq!(read(b"<html>no protobuf"), (0, String::new()));
    }

    #[test]
    fn reasons_are_short_and_harmless() {
        let status = |message: &str| {
            let message = message.to_owned();
            reason(&Status { message }.encode_to_vec())
        };
        assert_eq!(status("bad\x1b[31m data\r\n"), "bad [31m data");
        assert_eq!(status(&"é".repeat(10_000)).chars().count(), MAX_CHARS);
        assert_eq!(
            reason(b"<html>Bad Gateway</html>"),
            "<html>Bad Gateway</html>"
        );
        assert_eq!(reason(&[0xff; 10_000]).chars().count(), MAX_CHARS);
        assert_eq!(reason(b""), "");
    }
}
