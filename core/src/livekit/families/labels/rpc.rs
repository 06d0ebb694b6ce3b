//! Requests and messages between programs: signalling, operations, server API, RPC, webhooks.

use super::{Key, label};

label! {
    /// Whether it went well.
    Success {
        /// It did.
        Success = "success",
        /// It did not.
        Failure = "failure",
    }
}

impl Success {
    /// Of a flag.
    #[must_use]
    pub const fn of(ok: bool) -> Self {
        if ok { Self::Success } else { Self::Failure }
    }
}

label! {
    /// Which way a relayed signalling message goes.
    SignalDirection {
        /// From the client to the media node; also a relay that could not be opened.
        Request = "request",
        /// From the media node to the client.
        Response = "response",
    }
}

label! {
    /// What went wrong with an offer or answer.
    NegotiationError {
        /// It could not be made.
        Create = "create",
        /// It was no local description.
        LocalDescription = "local_description",
        /// It was no remote description.
        RemoteDescription = "remote_description",
        /// It could not be sent.
        WriteMessage = "write_message",
    }
}

/// An operation of the service, and how it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceOperation {
    /// A participant joined.
    ParticipantJoin,
    /// A participant joined, but could not be sent the response.
    ParticipantJoinUnsent,
    /// A participant's peer connection connected for the first time.
    PeerConnection,
    /// An offer was made and sent.
    Offer,
    /// An offer went wrong.
    OfferFailed(NegotiationError),
    /// An answer was made and sent.
    Answer,
    /// An answer went wrong.
    AnswerFailed(NegotiationError),
}

impl Key for ServiceOperation {
    const COUNT: usize = 5 + 2 * NegotiationError::COUNT;

    fn all() -> Vec<Self> {
        let errors = NegotiationError::ALL.iter().copied();
        [Self::ParticipantJoin, Self::ParticipantJoinUnsent]
            .into_iter()
            .chain([Self::PeerConnection, Self::Offer, Self::Answer])
            .chain(errors.clone().map(Self::OfferFailed))
            .chain(errors.map(Self::AnswerFailed))
            .collect()
    }

    fn index(self) -> usize {
        match self {
            Self::ParticipantJoin => 0,
            Self::ParticipantJoinUnsent => 1,
            Self::PeerConnection => 2,
            Self::Offer => 3,
            Self::Answer => 4,
            Self::OfferFailed(error) => 5 + error.index(),
            Self::AnswerFailed(error) => 5 + NegotiationError::COUNT + error.index(),
        }
    }

    fn values(self) -> Vec<&'static str> {
        match self {
            Self::ParticipantJoin => vec!["participant_join", "success", ""],
            Self::ParticipantJoinUnsent => vec!["participant_join", "error", "send_response"],
            Self::PeerConnection => vec!["peer_connection", "success", ""],
            Self::Offer => vec!["offer", "success", ""],
            Self::OfferFailed(error) => vec!["offer", "error", error.as_str()],
            Self::Answer => vec!["answer", "success", ""],
            Self::AnswerFailed(error) => vec!["answer", "error", error.as_str()],
        }
    }
}

label! {
    /// Error codes of the server API (Twirp, protocol version 7).
    TwirpCode {
        /// The caller gave up.
        Canceled = "canceled",
        /// An error that says no more.
        Unknown = "unknown",
        /// An argument that is wrong whatever the state.
        InvalidArgument = "invalid_argument",
        /// A request that could not be read.
        Malformed = "malformed",
        /// Too late.
        DeadlineExceeded = "deadline_exceeded",
        /// There is no such thing.
        NotFound = "not_found",
        /// There is no such method.
        BadRoute = "bad_route",
        /// There is one already.
        AlreadyExists = "already_exists",
        /// Not allowed.
        PermissionDenied = "permission_denied",
        /// Nobody knows who asks.
        Unauthenticated = "unauthenticated",
        /// Too much.
        ResourceExhausted = "resource_exhausted",
        /// Not in this state.
        FailedPrecondition = "failed_precondition",
        /// Broken off.
        Aborted = "aborted",
        /// Beyond an end.
        OutOfRange = "out_of_range",
        /// Not made yet.
        Unimplemented = "unimplemented",
        /// A fault of the server.
        Internal = "internal",
        /// Not now.
        Unavailable = "unavailable",
        /// Data are gone.
        DataLoss = "data_loss",
        /// A code that this library does not know.
        Other = "other",
    }
}

impl TwirpCode {
    /// Of a response's code; `None` for the empty text, which is no error.
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        (!code.is_empty()).then(|| Self::from_name(code).unwrap_or(Self::Other))
    }
}

label! {
    /// Which end of an RPC.
    Role {
        /// The one that calls.
        Client = "client",
        /// The one that is called.
        Server = "server",
    }
}

label! {
    /// Error codes of RPC (psrpc).
    PsrpcError {
        /// The caller gave up.
        Canceled = "canceled",
        /// A request that could not be read.
        MalformedRequest = "malformed_request",
        /// A response that could not be read.
        MalformedResponse = "malformed_result",
        /// Too late.
        DeadlineExceeded = "deadline_exceeded",
        /// Nobody there, or nobody free.
        Unavailable = "unavailable",
        /// An error without a code.
        Unknown = "unknown",
        /// An argument that is wrong.
        InvalidArgument = "invalid_argument",
        /// There is no such thing.
        NotFound = "not_found",
        /// Not in the form asked for.
        NotAcceptable = "not_acceptable",
        /// There is one already.
        AlreadyExists = "already_exists",
        /// Not allowed.
        PermissionDenied = "permission_denied",
        /// Too much.
        ResourceExhausted = "resource_exhausted",
        /// Not in this state.
        FailedPrecondition = "failed_precondition",
        /// Broken off.
        Aborted = "aborted",
        /// Beyond an end.
        OutOfRange = "out_of_range",
        /// Not made yet.
        Unimplemented = "unimplemented",
        /// A fault of the server.
        Internal = "internal",
        /// Data are gone.
        DataLoss = "data_loss",
        /// Nobody knows who asks.
        Unauthenticated = "unauthenticated",
        /// A code that this library does not know.
        Other = "other",
    }
}

impl PsrpcError {
    /// Of an error's code. An error without one (the empty text) is [`Unknown`](Self::Unknown).
    #[must_use]
    pub fn of(code: &str) -> Self {
        if code.is_empty() {
            return Self::Unknown;
        }
        Self::from_name(code).unwrap_or(Self::Other)
    }
}

label! {
    /// How a server's claim on a request ended.
    ClaimOutcome {
        /// It may answer.
        Granted = "granted",
        /// Another server may.
        LostToPeer = "lost_to_peer",
        /// The client never said.
        TimedOut = "timed_out",
        /// An outcome that this library does not know.
        Other = "other",
    }
}

label! {
    /// Why a webhook was dropped.
    WebhookDrop {
        /// It was too old.
        Age = "age",
        /// Too many were waiting.
        Overflow = "overflow",
        /// The queue took no more.
        QueueFull = "queue is full",
        /// The queue was closed.
        QueueClosed = "queue is closed",
        /// Anything else.
        Other = "other",
    }
}

impl WebhookDrop {
    /// Of a reason, or of an error's text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self::from_name(text).unwrap_or(Self::Other)
    }
}

/// What became of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WebhookOutcome {
    /// It was delivered.
    Success,
    /// It could not be delivered.
    Failure,
    /// Nobody tried.
    Drop(WebhookDrop),
}

impl Key for WebhookOutcome {
    const COUNT: usize = 2 + WebhookDrop::COUNT;

    fn all() -> Vec<Self> {
        let drops = WebhookDrop::ALL.iter().map(|d| Self::Drop(*d));
        [Self::Success, Self::Failure]
            .into_iter()
            .chain(drops)
            .collect()
    }

    fn index(self) -> usize {
        match self {
            Self::Success => 0,
            Self::Failure => 1,
            Self::Drop(reason) => 2 + reason.index(),
        }
    }

    fn values(self) -> Vec<&'static str> {
        match self {
            Self::Success => vec!["success", ""],
            Self::Failure => vec!["failure", ""],
            Self::Drop(reason) => vec!["drop", reason.as_str()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_known_or_other_and_none_has_a_meaning() {
        assert_eq!(TwirpCode::of(""), None);
        assert_eq!(TwirpCode::of("not_found"), Some(TwirpCode::NotFound));
        assert_eq!(TwirpCode::of("teapot"), Some(TwirpCode::Other));
        assert_eq!(PsrpcError::of(""), PsrpcError::Unknown);
        assert_eq!(
            PsrpcError::of("malformed_result"),
            PsrpcError::MalformedResponse
        );
        assert_eq!(PsrpcError::of("teapot"), PsrpcError::Other);
        assert_eq!(WebhookDrop::of("queue is full"), WebhookDrop::QueueFull);
        assert_eq!(WebhookDrop::of("out of luck"), WebhookDrop::Other);
    }
}
