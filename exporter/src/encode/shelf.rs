//! The pages of one snapshot in one format.
//!
//! Lives here: which formats have the same pages, the encoder of each, making a page and its codings, reusing their
//! memory. Not here: which snapshot, and who else asks (`encode`).

use std::sync::{Arc, Weak};
use std::time::Instant;

use bytes::Bytes;
use media_metrics_core::snapshot::Snapshot;

use super::Page;
use crate::compress::{Effort, compress};
use crate::format::negotiate::{Coding, Escaping, Format, Media};
use crate::format::{Settings, openmetrics, openmetrics_2, protobuf, text};

/// What formats have in common that have the same pages: versions of one format differ by what we never write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Look {
    kind: Kind,
    names: Escaping,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Text,
    OpenMetrics,
    OpenMetrics2,
    Protobuf,
}

impl Look {
    /// The look of a page of which some names may be more than letters, digits and underscores, if `utf8`.
    pub(super) fn of(format: Format, utf8: bool) -> Self {
        let kind = match format.media {
            Media::Text004 | Media::Text100 => Kind::Text,
            Media::OpenMetrics001 | Media::OpenMetrics100 => Kind::OpenMetrics,
            Media::OpenMetrics200 => Kind::OpenMetrics2,
            Media::Protobuf => Kind::Protobuf,
        };
        let names = match format.names() {
            // The only scheme that changes names which everybody knows.
            names if utf8 || names == Escaping::Dots => names,
            _ => Escaping::Underscores,
        };
        Self { kind, names }
    }
}

/// The pages of one snapshot in one format.
#[derive(Debug)]
pub(super) struct Shelf {
    encoder: Encoder,
    /// The same for what others record, and the memory for its page.
    along: Encoder,
    along_page: Vec<u8>,
    /// Whose pages these are. Weak, so that a page doesn't keep a snapshot's values in memory; and while
    /// it is held no other snapshot can get the same address.
    of: Weak<Snapshot>,
    plain: Bytes,
    /// In each coding that was ever asked for: whether it is of this snapshot, and the page.
    coded: Vec<(Coding, bool, Bytes)>,
}

#[derive(Debug)]
enum Encoder {
    Text(text::Encoder),
    OpenMetrics(openmetrics::Encoder),
    /// Boxed: these have memory of their own to be filled again and again.
    OpenMetrics2(Box<openmetrics_2::Encoder>),
    Protobuf(Box<protobuf::Encoder>),
}

impl Encoder {
    fn new(kind: Kind, settings: Settings) -> Self {
        match kind {
            Kind::Text => Self::Text(text::Encoder::with(settings)),
            Kind::OpenMetrics => Self::OpenMetrics(openmetrics::Encoder::with(settings)),
            Kind::OpenMetrics2 => {
                Self::OpenMetrics2(Box::new(openmetrics_2::Encoder::with(settings)))
            }
            Kind::Protobuf => Self::Protobuf(Box::new(protobuf::Encoder::with(settings))),
        }
    }

    /// What ends a page, and may stand there only.
    const fn end(&self) -> &'static [u8] {
        match self {
            Self::OpenMetrics(_) | Self::OpenMetrics2(_) => openmetrics::END,
            Self::Text(_) | Self::Protobuf(_) => b"",
        }
    }

    fn left_out(&self) -> usize {
        match self {
            Self::Text(encoder) => encoder.left_out(),
            Self::OpenMetrics(encoder) => encoder.left_out(),
            Self::OpenMetrics2(encoder) => encoder.left_out(),
            Self::Protobuf(encoder) => encoder.left_out(),
        }
    }

    fn encode(&mut self, snapshot: &Snapshot, page: &mut Vec<u8>) {
        match self {
            Self::Text(encoder) => encoder.encode(snapshot, page),
            Self::OpenMetrics(encoder) => encoder.encode(snapshot, page),
            Self::OpenMetrics2(encoder) => encoder.encode(snapshot, page),
            Self::Protobuf(encoder) => encoder.encode(snapshot, page),
        }
    }
}

impl Shelf {
    pub(super) fn new(look: Look, settings: &Settings) -> Self {
        let settings = Settings {
            names: look.names,
            ..settings.clone()
        };
        Self {
            encoder: Encoder::new(look.kind, settings.clone()),
            along: Encoder::new(look.kind, settings),
            along_page: Vec::new(),
            of: Weak::new(),
            plain: Bytes::new(),
            coded: Vec::new(),
        }
    }

    /// The page of `snapshot` and of what others recorded `along`, in `coding` if the library can.
    pub(super) fn get(
        &mut self,
        snapshot: &Arc<Snapshot>,
        along: Option<&Snapshot>,
        coding: Coding,
    ) -> Page {
        let start = Instant::now();
        let (mut made, mut left_out) = (false, 0);
        if self.of.as_ptr() != Arc::as_ptr(snapshot) {
            self.of = Weak::new();
            let mut buffer = reclaim(std::mem::take(&mut self.plain));
            self.encoder.encode(snapshot, &mut buffer);
            left_out = self.encoder.left_out();
            if let Some(along) = along {
                self.append(along, &mut buffer);
                left_out += self.along.left_out();
            }
            self.plain = Bytes::from(buffer);
            self.of = Arc::downgrade(snapshot);
            self.coded
                .iter_mut()
                .for_each(|(_, current, _)| *current = false);
            made = true;
        }
        let coded = (coding != Coding::Identity).then(|| self.coded(coding, &mut made));
        let (bytes, coding) = match coded.flatten() {
            Some(bytes) => (bytes, coding),
            None => (self.plain.clone(), Coding::Identity),
        };
        Page {
            bytes,
            coding,
            encoded_in: made.then(|| start.elapsed()),
            left_out,
        }
    }

    /// Puts what others record behind ours. Two pages of a format make one, but for what ends it.
    fn append(&mut self, along: &Snapshot, page: &mut Vec<u8>) {
        self.along.encode(along, &mut self.along_page);
        page.truncate(page.len() - self.encoder.end().len());
        page.extend_from_slice(&self.along_page);
    }

    /// The page in a coding, and whether that was `made` now; `None` if the library could not.
    fn coded(&mut self, coding: Coding, made: &mut bool) -> Option<Bytes> {
        let at = self.coded.iter().position(|(c, ..)| *c == coding);
        let (_, current, mut bytes) = match at {
            Some(at) => self.coded.swap_remove(at),
            None => (coding, false, Bytes::new()),
        };
        if !current {
            let mut buffer = reclaim(bytes);
            compress(coding, Effort::Quick, &self.plain, &mut buffer).ok()?;
            bytes = Bytes::from(buffer);
            *made = true;
        }
        self.coded.push((coding, true, bytes.clone()));
        Some(bytes)
    }
}

/// The memory of the last page, unless a reader still holds it.
fn reclaim(page: Bytes) -> Vec<u8> {
    match page.try_into_mut() {
        Ok(mut memory) => {
            memory.clear(); // here, not on the `Bytes`: cleared, that would let go of its memory
            memory.into()
        }
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_a_page_that_nobody_reads_is_used_again() {
        let page = Bytes::from(Vec::with_capacity(1_000));
        let reader = page.clone();
        assert_eq!(reclaim(page).capacity(), 0, "somebody reads it");
        assert!(reclaim(reader).capacity() >= 1_000);
        let full = Bytes::from(vec![1; 1_000]); // kept in another way than one with room to spare
        let buffer = reclaim(full);
        assert!(buffer.is_empty() && buffer.capacity() >= 1_000);
    }
}
