//! A receiver of pushes over bare sockets: it reads whole requests, and answers as a script says, however badly.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::client::PATIENCE;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) line: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) at: Instant,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(n, _)| n == name);
        let value = found.next().map(|(_, value)| value.as_str());
        assert!(found.next().is_none(), "{name} twice: {self:?}");
        value
    }
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// These bytes; then the next request of the connection.
    Bytes(Vec<u8>),
    /// These bytes, then the end of the connection.
    Last(Vec<u8>),
    /// These bytes one by one, slowly, for ever.
    Drip(Vec<u8>),
    /// Nothing, for ever.
    Hang,
}

/// An answer with a status, headers and no body.
pub(crate) fn status(code: u16, headers: &str) -> Reply {
    Reply::Bytes(format!("HTTP/1.1 {code} X\r\n{headers}Content-Length: 0\r\n\r\n").into_bytes())
}

/// Both ways of a connection.
trait Stream: Read + Write + Send {}

impl<S: Read + Write + Send> Stream for S {}

type Script = dyn Fn(usize, &Received) -> Reply + Send + Sync;

/// A running receiver; its threads end with the process.
pub(crate) struct Receiver {
    scheme: &'static str,
    address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<Received>>,
    changed: Condvar,
}

impl Receiver {
    /// Answers the n-th request, from 0, as `script` says.
    pub(crate) fn start(
        script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::behind(script, |socket| Some(Box::new(socket)))
    }

    /// The same over TLS, with this certificate; the URL says so.
    #[cfg(feature = "tls")]
    pub(crate) fn start_tls(
        pair: &super::authority::Pair,
        script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
    ) -> Self {
        use tokio_rustls::rustls::crypto::ring::default_provider;
        use tokio_rustls::rustls::pki_types::pem::PemObject as _;
        use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
        use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};
        let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        let config = Arc::new(config);
        let mut receiver = Self::behind(script, move |socket| {
            let connection = ServerConnection::new(Arc::clone(&config)).ok()?;
            Some(Box::new(StreamOwned::new(connection, socket)))
        });
        receiver.scheme = "https";
        receiver
    }

    fn behind(
        script: impl Fn(usize, &Received) -> Reply + Send + Sync + 'static,
        open: impl Fn(TcpStream) -> Option<Box<dyn Stream>> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Seen::default());
        let script: Arc<Script> = Arc::new(script);
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (seen, script) = (Arc::clone(&shared), Arc::clone(&script));
                let Some(stream) = open(socket) else { continue };
                thread::spawn(move || serve(stream, &seen, &*script));
            }
        });
        Self {
            scheme: "http",
            address,
            seen,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}/api/v1/write", self.scheme, self.address)
    }

    /// All requests so far.
    pub(crate) fn requests(&self) -> Vec<Received> {
        self.seen.requests.lock().unwrap().clone()
    }

    /// Waits for so many requests, and returns all that there are.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Received> {
        let guard = self.seen.requests.lock().unwrap();
        let (guard, result) = self
            .seen
            .changed
            .wait_timeout_while(guard, PATIENCE, |requests| requests.len() < count)
            .unwrap();
        assert!(!result.timed_out(), "{} of {count} requests", guard.len());
        guard.clone()
    }
}

fn serve(stream: Box<dyn Stream>, seen: &Seen, script: &Script) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let number = {
            let mut requests = seen.requests.lock().unwrap();
            requests.push(request.clone());
            requests.len() - 1
        };
        seen.changed.notify_all();
        let answer = script(number, &request);
        let writer = reader.get_mut();
        match answer {
            Reply::Bytes(bytes) => {
                if writer.write_all(&bytes).is_err() {
                    return;
                }
            }
            Reply::Last(bytes) => {
                let _ = writer.write_all(&bytes);
                return;
            }
            Reply::Drip(bytes) => {
                for byte in bytes.iter().cycle() {
                    if writer.write_all(&[*byte]).is_err() {
                        return;
                    }
                    thread::sleep(Duration::from_millis(20));
                }
            }
            Reply::Hang => loop {
                thread::park();
            },
        }
    }
}

/// One request, whole; none if the connection ends.
fn read(reader: &mut impl BufRead) -> Option<Received> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|&n| n > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok().filter(|&n| n > 0)?;
        let Some((name, value)) = header.trim_end().split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, n)| n.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    Some(Received {
        line: line.trim_end().to_owned(),
        headers,
        body,
        at: Instant::now(),
    })
}
