//! Values of labels: closed sets as enums, and what becomes of text that comes from outside.
//!
//! Lives here: the sets and their text, `Key` (how a closed set is numbered). In `media`, `session`, `rpc`: the
//! sets by subject. In `text`: free text made harmless. Not here: which family has which (`catalog`), series.
//!
//! A label whose values anybody can invent is a way to fill a registry. So every label is either an enum, or
//! text that `text` has let pass and `Open` counts.

mod media;
mod rpc;
mod session;
pub(super) mod text;

pub use media::{
    Direction, Layer, MimeKind, ParticipantKind, PubSubDirection, Sdk, StreamKind, TrackKind,
    TrackSource,
};
pub use rpc::{
    ClaimOutcome, NegotiationError, PsrpcError, Role, ServiceOperation, SignalDirection, Success,
    TwirpCode, WebhookDrop, WebhookOutcome,
};
pub use session::{
    ConnectionState, JoinState, PublishState, SubscribeError, SubscribeState, Transport,
};
pub use text::Country;

/// Value of a label whose own value is in no closed set.
pub(super) const OTHER: &str = "other";

/// An enum of label values, with its text.
macro_rules! label {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$of])* $variant,)+ }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The label's value.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// The one with exactly this text, if there is one.
            #[must_use]
            pub fn from_name(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|v| v.as_str() == text)
            }
        }

        impl $crate::livekit::families::labels::Key for $name {
            const COUNT: usize = Self::ALL.len();

            fn all() -> Vec<Self> {
                Self::ALL.to_vec()
            }

            fn index(self) -> usize {
                self as usize
            }

            fn values(self) -> Vec<&'static str> {
                vec![self.as_str()]
            }
        }
    };
}
pub(super) use label;

/// A combination of label values out of a closed set, so that each can have a handle in a list.
pub(super) trait Key: Copy + Eq {
    /// How many there are.
    const COUNT: usize;

    /// All combinations.
    fn all() -> Vec<Self>;

    /// Position in [`all`](Self::all).
    fn index(self) -> usize;

    /// The values, in the order of the labels.
    fn values(self) -> Vec<&'static str>;
}

impl<A: Key, B: Key> Key for (A, B) {
    const COUNT: usize = A::COUNT * B::COUNT;

    fn all() -> Vec<Self> {
        let second = B::all();
        let with_each = |a: A| second.iter().map(move |&b| (a, b));
        A::all().into_iter().flat_map(with_each).collect()
    }

    fn index(self) -> usize {
        self.0.index() * B::COUNT + self.1.index()
    }

    fn values(self) -> Vec<&'static str> {
        [self.0.values(), self.1.values()].concat()
    }
}

label! {
    /// What a node does: LiveKit's `NodeType`.
    NodeType {
        /// Everything: the usual server.
        Server = "SERVER",
        /// Controls other nodes.
        Controller = "CONTROLLER",
        /// Forwards media only.
        Media = "MEDIA",
        /// A TURN server of its own.
        Turn = "TURN",
        /// Cleans up behind others.
        Sweeper = "SWEEPER",
        /// Directs participants to nodes.
        Director = "DIRECTOR",
        /// Runs agents.
        HostedAgent = "HOSTED_AGENT",
        /// Holds settings.
        Settings = "SETTINGS",
    }
}

/// Who a node is: the labels `node_id` and `node_type` on all its series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeIdentity {
    /// The node's id, as LiveKit makes them: `ND_` and letters and digits. Any text will do.
    pub node_id: String,
    /// What it does.
    pub node_type: NodeType,
}

impl NodeIdentity {
    /// The identity of a node.
    #[must_use]
    pub fn new(node_id: impl Into<String>, node_type: NodeType) -> Self {
        Self {
            node_id: node_id.into(),
            node_type,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fmt::Debug;

    use super::*;

    fn numbered<K: Key + Debug>() {
        let all = K::all();
        assert_eq!(all.len(), K::COUNT, "{all:?}");
        let texts: HashSet<_> = all.iter().map(|k| k.values()).collect();
        assert_eq!(texts.len(), all.len(), "two of {all:?} have one text");
        for (i, key) in all.iter().enumerate() {
            assert_eq!(key.index(), i, "{key:?}");
        }
    }

    #[test]
    fn every_key_has_a_place_and_a_text_of_its_own() {
        numbered::<NodeType>();
        numbered::<Direction>();
        numbered::<(Layer, Direction)>();
        numbered::<crate::quality::Rating>();
        numbered::<TrackSource>();
        numbered::<TrackKind>();
        numbered::<ParticipantKind>();
        numbered::<Sdk>();
        numbered::<PubSubDirection>();
        numbered::<(StreamKind, MimeKind)>();
        numbered::<(TrackKind, PublishState)>();
        numbered::<SubscribeState>();
        numbered::<JoinState>();
        numbered::<(Transport, ConnectionState)>();
        numbered::<(Success, SignalDirection)>();
        numbered::<ServiceOperation>();
        numbered::<TwirpCode>();
        numbered::<PsrpcError>();
        numbered::<ClaimOutcome>();
        numbered::<WebhookOutcome>();
    }

    #[test]
    fn names_come_back() {
        for sdk in Sdk::ALL {
            assert_eq!(Sdk::from_name(sdk.as_str()), Some(*sdk));
        }
        assert_eq!(Sdk::from_name("js"), None); // to the letter
    }
}
