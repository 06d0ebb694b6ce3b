//! What is forwarded, by whom and to whom: directions, sources, kinds.

use super::label;

label! {
    /// Which way media or messages go.
    Direction {
        /// From publishers to the server.
        Incoming = "incoming",
        /// From the server to subscribers.
        Outgoing = "outgoing",
    }
}

label! {
    /// What carries messages that are no RTP.
    Layer {
        /// A data channel.
        DataChannel = "data_channel",
        /// Signalling.
        Signal = "signal",
        /// A socket of a TURN server.
        Turn = "turn",
    }
}

label! {
    /// What a track shows: LiveKit's `TrackSource`.
    TrackSource {
        /// Not said.
        Unknown = "UNKNOWN",
        /// A camera.
        Camera = "CAMERA",
        /// A microphone.
        Microphone = "MICROPHONE",
        /// A shared screen.
        ScreenShare = "SCREEN_SHARE",
        /// The sound of a shared screen.
        ScreenShareAudio = "SCREEN_SHARE_AUDIO",
    }
}

label! {
    /// What a track is made of: LiveKit's `TrackType`.
    TrackKind {
        /// Sound.
        Audio = "AUDIO",
        /// Pictures.
        Video = "VIDEO",
        /// Data.
        Data = "DATA",
    }
}

label! {
    /// Who takes part: LiveKit's `ParticipantInfo.Kind`.
    ParticipantKind {
        /// A person, most often.
        Standard = "STANDARD",
        /// Media from outside.
        Ingress = "INGRESS",
        /// A recording.
        Egress = "EGRESS",
        /// A telephone.
        Sip = "SIP",
        /// A program.
        Agent = "AGENT",
        /// Another service.
        Connector = "CONNECTOR",
        /// Another system.
        Bridge = "BRIDGE",
        /// A kind that this library does not know.
        Other = "other",
    }
}

label! {
    /// What a client is written with: LiveKit's `ClientInfo.SDK`.
    Sdk {
        /// Not said.
        Unknown = "UNKNOWN",
        /// JavaScript.
        Js = "JS",
        /// Swift.
        Swift = "SWIFT",
        /// Android.
        Android = "ANDROID",
        /// Flutter.
        Flutter = "FLUTTER",
        /// Go.
        Go = "GO",
        /// Unity.
        Unity = "UNITY",
        /// React Native.
        ReactNative = "REACT_NATIVE",
        /// Rust.
        Rust = "RUST",
        /// Python.
        Python = "PYTHON",
        /// C++.
        Cpp = "CPP",
        /// Unity in a browser.
        UnityWeb = "UNITY_WEB",
        /// Node.js.
        Node = "NODE",
        /// Unreal.
        Unreal = "UNREAL",
        /// ESP32.
        Esp32 = "ESP32",
        /// .NET.
        DotNet = "DOTNET",
        /// One that this library does not know.
        Other = "other",
    }
}

label! {
    /// Which wait of a publication or subscription was measured.
    PubSubDirection {
        /// From the request to publish to the published track.
        Publish = "publish",
        /// From the wish to subscribe to the bound track.
        Subscribe = "subscribe",
        /// From the subscription to the first media.
        SubscribeStreamStart = "subscribe-stream-start",
    }
}

label! {
    /// What a data stream carries.
    StreamKind {
        /// Text.
        Text = "text",
        /// Bytes: a file.
        Bytes = "bytes",
        /// Not said.
        Unknown = "unknown",
    }
}

label! {
    /// The first half of a data stream's MIME type.
    MimeKind {
        /// `text/…`.
        Text = "text",
        /// `image/…`.
        Image = "image",
        /// `application/…`.
        Application = "application",
        /// `audio/…`.
        Audio = "audio",
        /// `video/…`.
        Video = "video",
        /// Anything else.
        Unknown = "unknown",
    }
}

impl MimeKind {
    /// Of a MIME type such as `image/png`, in any case.
    #[must_use]
    pub fn of(mime_type: &str) -> Self {
        let first = mime_type.split_once('/').map_or("", |(first, _)| first);
        let known = Self::ALL
            .iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(first));
        known.copied().unwrap_or(Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mime_type_counts_by_its_first_half() {
        assert_eq!(MimeKind::of("image/png"), MimeKind::Image);
        assert_eq!(MimeKind::of("TEXT/plain; charset=utf-8"), MimeKind::Text);
        for unknown in ["", "image", "font/woff", "unknown/x", "imagery/png", "/"] {
            assert_eq!(MimeKind::of(unknown), MimeKind::Unknown, "{unknown:?}");
        }
    }
}
