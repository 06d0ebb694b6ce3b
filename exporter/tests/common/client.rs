//! HTTP by hand, with a time limit on everything: a server that hangs fails the test.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What takes longer than this, of a server or of a push, does hang.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Sends a request's head, in one write.
pub(crate) fn ask(socket: &mut impl Write, method: &str, path: &str) {
    let request = format!("{method} {path} HTTP/1.1\r\nHost: test\r\n\r\n");
    socket.write_all(request.as_bytes()).unwrap();
}

/// Reads one answer, and not a byte more.
pub(crate) fn answer(socket: &mut impl Read, has_body: bool) -> Answer {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        socket.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answer = Answer {
        status,
        head,
        body: Vec::new(),
    };
    let length = answer
        .header("content-length")
        .map_or(0, |n| n.parse().unwrap());
    if has_body {
        answer.body = vec![0; length];
        socket.read_exact(&mut answer.body).unwrap();
    }
    answer
}

/// One request with more headers, each ended as on the wire, on a connection of its own.
pub(crate) fn get_with(address: SocketAddr, path: &str, headers: &str) -> Answer {
    let mut socket = connect(address);
    let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n{headers}\r\n");
    socket.write_all(request.as_bytes()).unwrap();
    answer(&mut socket, true)
}

/// One request on a connection of its own.
pub(crate) fn get(address: SocketAddr, path: &str) -> Answer {
    let mut socket = connect(address);
    ask(&mut socket, "GET", path);
    answer(&mut socket, true)
}

/// Reads until the server closes; how many bytes came. A reset counts as closed.
pub(crate) fn drain(socket: &mut TcpStream) -> usize {
    let mut buffer = vec![0; 1 << 16];
    let mut total = 0;
    loop {
        match socket.read(&mut buffer) {
            Ok(0) => return total,
            Ok(n) => total += n,
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => return total,
            Err(e) => panic!("the server did not close: {e}"),
        }
    }
}
