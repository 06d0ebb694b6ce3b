//! Where the bytes of a capture come from.
//!
//! Lives here: files, standard input, and gzip (RFC 1952) on a thread of its own, so that inflating and
//! reading packets overlap. Not here: what the bytes mean.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::path::Path;
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use flate2::read::MultiGzDecoder;
use indicatif::ProgressBar;

/// Bytes that the inflating thread hands over at once.
const CHUNK: usize = 256 << 10;

/// Chunks that wait at most: memory stays at a megabyte.
const WAITING: usize = 4;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Plain bytes, whatever they were packed in.
pub(crate) struct Source(Box<dyn Read + Send>);

impl Source {
    /// The file at `path`, or standard input for `-`. `progress` sees the bytes as they are read.
    ///
    /// # Errors
    /// As the system tells: it is not there, or may not be read.
    pub(crate) fn open(path: &Path, progress: &ProgressBar) -> io::Result<Self> {
        if path == Path::new("-") {
            return Self::new(progress.wrap_read(io::stdin()));
        }
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(io::Error::new(
                io::ErrorKind::IsADirectory,
                "it is a directory",
            ));
        }
        Self::new(progress.wrap_read(file))
    }

    /// What `raw` gives, inflated if it is gzip.
    ///
    /// # Errors
    /// The first read's.
    pub(crate) fn new(mut raw: impl Read + Send + 'static) -> io::Result<Self> {
        let mut head = Vec::with_capacity(GZIP.len());
        raw.by_ref()
            .take(GZIP.len() as u64)
            .read_to_end(&mut head)?;
        let packed = head == GZIP;
        let whole = Cursor::new(head).chain(raw);
        Ok(Self(match packed {
            true => Box::new(Inflated::start(whole)?),
            false => Box::new(whole),
        }))
    }
}

impl Read for Source {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.0.read(space)
    }
}

/// The reading end of the inflating thread.
struct Inflated {
    full: Receiver<io::Result<Vec<u8>>>,
    empty: Sender<Vec<u8>>,
    chunk: Cursor<Vec<u8>>,
}

impl Inflated {
    fn start(packed: impl Read + Send + 'static) -> io::Result<Self> {
        let (give, full) = bounded(WAITING);
        let (empty, used) = bounded(WAITING + 2);
        // It ends when the file does, or when nobody takes what it gives.
        thread::Builder::new()
            .name("inflate".to_owned())
            .spawn(move || inflate(packed, &give, &used))?;
        Ok(Self {
            full,
            empty,
            chunk: Cursor::new(Vec::new()),
        })
    }
}

fn inflate(packed: impl Read, give: &Sender<io::Result<Vec<u8>>>, used: &Receiver<Vec<u8>>) {
    let mut plain = MultiGzDecoder::new(BufReader::with_capacity(CHUNK, packed));
    loop {
        let mut chunk = used.try_recv().unwrap_or_default();
        chunk.clear();
        // What came before an error is in the chunk.
        let done = plain.by_ref().take(CHUNK as u64).read_to_end(&mut chunk);
        let last = chunk.len() < CHUNK;
        if give.send(Ok(chunk)).is_err() {
            return;
        }
        if let Err(error) = done {
            let _ = give.send(Err(error)); // nobody there to take it is no news
            return;
        }
        if last {
            return;
        }
    }
}

impl Read for Inflated {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        loop {
            let n = self.chunk.read(space)?;
            if n > 0 || space.is_empty() {
                return Ok(n);
            }
            let Ok(next) = self.full.recv() else {
                return Ok(0); // the thread is done
            };
            let used = std::mem::replace(&mut self.chunk, Cursor::new(next?)).into_inner();
            let _ = self.empty.try_send(used); // a buffer too many is freed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    fn packed(plain: &[u8]) -> Vec<u8> {
        let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
        gz.write_all(plain).unwrap();
        gz.finish().unwrap()
    }

    fn unpacked(bytes: Vec<u8>) -> (Vec<u8>, io::Result<usize>) {
        let mut plain = Vec::new();
        let mut source = Source::new(Cursor::new(bytes)).unwrap();
        let done = source.read_to_end(&mut plain);
        (plain, done)
    }

    #[test]
    fn gzip_of_several_members_is_one_file() {
        let plain: Vec<u8> = (0..3 * CHUNK as u32)
            .flat_map(|i| (i / 7).to_le_bytes())
            .collect();
        let (first, second) = plain.split_at(CHUNK + 5);
        let both = [packed(first), packed(second)].concat();
        assert!(both.len() < plain.len() / 2, "it was packed");
        assert!(unpacked(both).0 == plain);
        assert_eq!(unpacked(b"plain".to_vec()).0, b"plain");
        assert_eq!(unpacked(Vec::new()).0, b"");
    }

    #[test]
    fn what_came_before_the_damage_is_there() {
        let plain: Vec<u8> = (0..CHUNK as u32).flat_map(u32::to_le_bytes).collect();
        let mut cut = packed(&plain);
        cut.truncate(cut.len() / 2);
        let (got, done) = unpacked(cut);
        assert_eq!(done.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(
            got.len() > plain.len() / 4 && plain.starts_with(&got),
            "{}",
            got.len()
        );
    }
}
