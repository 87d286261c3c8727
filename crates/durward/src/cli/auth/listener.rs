//! Where the browser comes back to: a listener on loopback for one login (RFC 8252 section 7.3).

use std::{io, time::Duration};

use durward_core::Secret;
use durward_guard::oauth::OAuthFault;
use futures_util::{StreamExt, stream::FuturesUnordered};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};

/// The path that it comes back to.
const PATH: &str = "/callback";
/// The longest request that is read, and how long it may take.
const LONGEST: usize = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);
/// Connections at a time. Browsers open some that they never use.
const CONNECTIONS: usize = 16;

/// A listener for one answer.
pub(super) struct Listener {
    listener: TcpListener,
    /// The address that the browser is sent to.
    pub(super) redirect: String,
}

impl Listener {
    /// At the address of an earlier login if that is free, else anywhere on loopback.
    pub(super) async fn bind(before: Option<&str>) -> io::Result<Self> {
        let earlier = before
            .and_then(|url| url.strip_prefix("http://127.0.0.1:")?.strip_suffix(PATH))
            .and_then(|port| port.parse::<u16>().ok());
        let listener = match earlier {
            Some(port) => TcpListener::bind(("127.0.0.1", port)).await.ok(),
            None => None,
        };
        let listener = match listener {
            Some(listener) => listener,
            None => TcpListener::bind(("127.0.0.1", 0)).await?,
        };
        let redirect = format!("http://{}{PATH}", listener.local_addr()?);
        Ok(Self { listener, redirect })
    }

    /// Waits for the answer to this login; what is none is told so, and waited on.
    pub(super) async fn answer(
        &self,
        judge: impl Fn(&str) -> Result<Secret, OAuthFault>,
    ) -> Result<Secret, OAuthFault> {
        let mut open = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if open.len() < CONNECTIONS => {
                    if let Ok((stream, _)) = accepted {
                        open.push(timeout(PATIENCE, serve(stream, &judge)));
                    }
                }
                Some(served) = open.next() => {
                    if let Ok(Some(judged)) = served {
                        return judged;
                    }
                }
            }
        }
    }
}

/// One request. `None` where it does not end the login.
async fn serve(
    mut stream: TcpStream,
    judge: &impl Fn(&str) -> Result<Secret, OAuthFault>,
) -> Option<Result<Secret, OAuthFault>> {
    let target = target(&mut stream).await?;
    let query = target.strip_prefix(PATH)?.strip_prefix('?');
    let judged = match query.map(judge) {
        None | Some(Err(OAuthFault::OtherState)) => None,
        Some(judged) => Some(judged),
    };
    let (status, sentence) = match &judged {
        None => (
            "400 Bad Request",
            "This is no answer to a login of durward.",
        ),
        Some(Ok(_)) => ("200 OK", "You can close this page and go back to durward."),
        Some(Err(_)) => (
            "200 OK",
            "There is no login. Durward says why, where it was started.",
        ),
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{sentence}",
        sentence.len()
    );
    // Whether the browser still listens changes nothing.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    judged
}

/// The target of a GET.
async fn target(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        if request.parse(&head).ok()?.is_complete() {
            let path = request.path.filter(|_| request.method == Some("GET"))?;
            return Some(path.to_owned());
        }
        if head.len() >= LONGEST || stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(port: &str, text: &str) -> String {
        #[expect(clippy::disallowed_methods, reason = "a test is the browser")]
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))
            .await
            .unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }

    #[tokio::test]
    async fn only_the_answer_to_this_login_ends_it() {
        let listener = Listener::bind(None).await.unwrap();
        let port = listener
            .redirect
            .split([':', '/'])
            .nth(4)
            .unwrap()
            .to_owned();
        let judge = |query: &str| match query {
            "good" => Ok("code".into()),
            "no" => Err(OAuthFault::OtherSender),
            _ => Err(OAuthFault::OtherState),
        };
        let browser = async {
            #[expect(clippy::disallowed_methods, reason = "a test is the browser")]
            let _unused = TcpStream::connect(format!("127.0.0.1:{port}"))
                .await
                .unwrap();
            for bad in [
                "GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET /callback HTTP/1.1\r\nHost: x\r\n\r\n",
                "GET /callback?other HTTP/1.1\r\nHost: x\r\n\r\n",
                "POST /callback?good HTTP/1.1\r\nHost: x\r\n\r\n",
                "\0\r\n\r\n",
            ] {
                let answer = ask(&port, bad).await;
                assert!(!answer.contains("200 OK"), "{bad}: {answer}");
            }
            let good = "GET /callback?good HTTP/1.1\r\nHost: x\r\n\r\n";
            assert!(ask(&port, good).await.contains("200 OK"));
        };
        let (code, ()) = tokio::join!(listener.answer(judge), browser);
        assert_eq!(code.unwrap().expose(), "code");
    }

    #[tokio::test]
    async fn the_address_of_before_is_used_again_where_it_can_be() {
        let first = Listener::bind(None).await.unwrap();
        let redirect = first.redirect.clone();
        let other = Listener::bind(Some(&redirect)).await.unwrap();
        assert_ne!(other.redirect, redirect);
        drop(first);
        let again = Listener::bind(Some(&redirect)).await.unwrap();
        assert_eq!(again.redirect, redirect);
    }
}
