//! A web site of a test, on loopback: it says exactly the bytes that it is told to, and remembers what it
//! was asked. One that nobody may reach is a canary: it counts who came.

use std::{
    io::{BufRead, BufReader, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The target, as in `/path?query`.
    pub target: String,
    /// Names (lower-case) and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Asked {
    /// The first header of this (lower-case) name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    fn read(from: &mut impl BufRead) -> Option<Self> {
        let mut line = String::new();
        from.read_line(&mut line).ok().filter(|count| *count > 0)?;
        let mut words = line.split_whitespace().map(str::to_owned);
        let (method, target) = (words.next()?, words.next()?);
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            from.read_line(&mut line).ok().filter(|count| *count > 0)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut asked = Self {
            method,
            target,
            headers,
            body: Vec::new(),
        };
        let length = asked.header("content-length").unwrap_or("0");
        asked.body.resize(length.parse().ok()?, 0);
        from.read_exact(&mut asked.body).ok()?;
        Some(asked)
    }
}

/// A site that serves until the test ends.
pub struct Site {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    connections: Arc<AtomicUsize>,
}

impl Site {
    /// Serves on a free port. `answer` writes what it likes; a connection lasts until one side ends it.
    ///
    /// # Panics
    /// Where no port is free.
    pub fn serving(answer: impl Fn(&Asked, &mut TcpStream) + Send + Sync + 'static) -> Self {
        Self::serving_at("127.0.0.1:0", answer)
    }

    /// The same, at an address.
    ///
    /// # Panics
    /// Where it is taken.
    pub fn serving_at(
        address: &str,
        answer: impl Fn(&Asked, &mut TcpStream) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).expect("a port");
        let address = listener.local_addr().expect("its address");
        let (asked, connections) = (Arc::default(), Arc::new(AtomicUsize::new(0)));
        let site = Self {
            address,
            asked: Arc::clone(&asked),
            connections: Arc::clone(&connections),
        };
        let answer = Arc::new(answer);
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (asked, answer) = (Arc::clone(&asked), Arc::clone(&answer));
                thread::spawn(move || serve(stream, &asked, &*answer));
            }
        });
        site
    }

    /// Serves this text to all who ask.
    pub fn saying(body: &'static str) -> Self {
        Self::serving(move |_, stream| {
            say(stream, "200 OK", &[("Content-Type", "text/plain")], body);
        })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// A URL of it, by its address.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All that it was asked.
    ///
    /// # Panics
    /// A thread of it did.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("what was asked").clone()
    }

    /// How many connections there were.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

fn serve(
    mut stream: TcpStream,
    asked: &Mutex<Vec<Asked>>,
    answer: &dyn Fn(&Asked, &mut TcpStream),
) {
    let mut reader = BufReader::new(stream.try_clone().expect("the same stream"));
    while let Some(request) = Asked::read(&mut reader) {
        asked.lock().expect("what was asked").push(request.clone());
        answer(&request, &mut stream);
    }
    let _ = stream.shutdown(Shutdown::Both);
}

/// Writes an answer that has a length.
pub fn say(stream: &mut TcpStream, status: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) {
    let body = body.as_ref();
    let mut head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    // A client that went away is a test's own business.
    let _ = stream
        .write_all(head.as_bytes())
        .and_then(|()| stream.write_all(body));
}
