//! The registry's methods about quality.
//!
//! Lives here: who is scored from when on. Not here: scoring.

use std::sync::Arc;

use super::metrics::QualityMetrics;
use super::subject::{Judged, Reading, Source};
use super::{Participant, ParticipantSnapshot, QualityControl};
use crate::clock::uptime;
use crate::error::RegisterError;
use crate::quality::Config;
use crate::registry::Registry;
use crate::registry::shared::is_named;
use crate::stream::{SendStream, Stream};

impl Registry {
    /// Scores `stream` from now on, a window each five seconds (or what
    /// [`quality_window`](crate::registry::RegistryBuilder::quality_window) says; the first is shorter), for as long
    /// as it lives.
    ///
    /// What it did before is not judged, only compared with.
    ///
    /// The score becomes part of the distributions of the stream's label group
    /// (`media_rtp_quality_score`), of the participant's quality, and of
    /// [`StreamSnapshot::quality`](crate::stream::StreamSnapshot::quality). To judge a stream twice is to
    /// count it twice.
    ///
    /// - **Memory**: at most 1.5 KiB a stream, given back when they ended.
    /// - **Cost**: nothing for the stream's packets; about a microsecond a window for the reporter.
    ///
    /// # Errors
    /// The stream is another registry's, or a limit on series is met.
    ///
    /// ```
    /// use media_metrics_core::quality::{Codec, Config};
    /// use media_metrics_core::{Registry, StreamConfig};
    ///
    /// let registry = Registry::new()?;
    /// let group = registry.group(&["incoming", "audio"])?;
    /// let stream = registry.stream(&group, StreamConfig::new(7, 48_000))?;
    /// let alice = registry.participant("alice");
    /// let opus = Config::inbound(Codec::Opus.loss_weight(true));
    /// let control = registry.judge(&stream, opus, Some(&alice))?;
    /// control.set_muted(true);
    /// # Ok::<(), media_metrics_core::RegisterError>(())
    /// ```
    pub fn judge(
        &self,
        stream: &Stream,
        config: Config,
        participant: Option<&Participant>,
    ) -> Result<QualityControl, RegisterError> {
        let group = stream.group();
        self.shared.check_home(&group.packets)?;
        let source = Source::Received(Arc::clone(stream.shared_block()));
        let so_far = Reading::of_received(&stream.stats());
        self.judge_source(source, &so_far, &group.values, config, participant)
    }

    /// As [`judge`](Self::judge), for a stream that is sent from here: by what its receiver reports
    /// ([`Config::outbound`]). Judged from its first packet on, its first report is judged; else that one is
    /// also about what came before, and only compared with.
    ///
    /// A receiver that sends no reports is POOR, then LOST: judge the streams of those who speak RTCP.
    ///
    /// # Errors
    /// As for [`judge`](Self::judge).
    pub fn judge_sender(
        &self,
        stream: &SendStream,
        config: Config,
        participant: Option<&Participant>,
    ) -> Result<QualityControl, RegisterError> {
        let group = stream.group();
        self.shared.check_home(&group.packets)?;
        let source = Source::Sent(Arc::clone(stream.shared_block()));
        let so_far = Reading::of_sent(&stream.stats());
        self.judge_source(source, &so_far, &group.values, config, participant)
    }

    fn judge_source(
        &self,
        source: Source,
        so_far: &Reading,
        group: &[Box<str>],
        config: Config,
        participant: Option<&Participant>,
    ) -> Result<QualityControl, RegisterError> {
        let shared = &self.shared;
        let values: Vec<&str> = group.iter().map(|v| &**v).collect();
        let metrics = shared.group_of(
            &mut shared.books.groups(),
            |metrics: &QualityMetrics| is_named(&metrics.values, &values),
            |table, names, _| QualityMetrics::new(table, &shared.home, names, &values),
        )?;
        if participant.is_some() {
            shared.books.make_participants(shared)?;
        }
        let control = QualityControl::new();
        let participant = participant.cloned();
        let judged = Judged::new(
            source,
            so_far,
            config,
            control.clone(),
            metrics,
            participant,
            uptime(),
        );
        shared.books.new.push(Box::new(judged));
        Ok(control)
    }

    /// Somebody with streams of their own, to be given to [`judge`](Self::judge). Each call makes another
    /// participant, whatever the name: hosts have ids of their own.
    #[must_use]
    pub fn participant(&self, name: &str) -> Participant {
        Participant::new(name)
    }

    /// Every participant with a live scored stream, by name, as of the last time that participants were
    /// judged. On demand; takes the reporter's lock.
    #[must_use]
    pub fn participants(&self) -> Vec<ParticipantSnapshot> {
        self.shared.collector().participants()
    }
}
