//! Requests to the hub: redirects, the token, broken connections, and cancellation at any moment.
//!
//! Each exchange runs on a separate thread, which sends its bytes over a short channel. The caller can therefore stop waiting
//! at once, during name resolution, connecting or silence; the thread ends at its next time-out. Redirects are followed here,
//! because only the hub may receive the token and because only the first answer states hash and length.

use std::cell::OnceCell;
use std::io::Read as _;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, Method, Request, Uri, header};
use ureq::{Agent, Timeout};

use super::address::{display, escape, host, is_same_origin, is_web, join, without_query};
use super::error::{HubError, foreign};
use super::options::HubOptions;
use super::tls;

/// The default hub, which `HF_ENDPOINT` overrides.
const HUB: &str = "https://huggingface.co";
const USER_AGENT: &str = concat!("undertone/", env!("CARGO_PKG_VERSION"));
/// The maximum number of redirects.
const MAX_REDIRECTS: usize = 10;
/// The time-out for name resolution, connecting and the next byte.
const PATIENCE: Duration = Duration::from_secs(30);
/// The interval of cancellation checks while waiting.
const POLL: Duration = Duration::from_millis(50);
/// The size of a piece in bytes, and the number of pieces that may be queued.
const PIECE: usize = 128 * 1024;
const WAITING_PIECES: usize = 4;

/// Returns whether the user has cancelled.
pub(super) type Cancelled<'a> = &'a dyn Fn() -> bool;

/// The client for the hub.
pub(super) struct Client {
    endpoint: Uri,
    token: Option<String>,
    plain: OnceCell<Agent>,
    secure: OnceCell<Agent>,
    /// The pause before a retry.
    pub(super) retry_pause: Duration,
}

/// Why an exchange failed.
pub(super) enum Trouble {
    /// The connection broke or was never made; a retry may succeed.
    Broken {
        /// Whether a connection was made.
        is_connected: bool,
        host: String,
        why: String,
    },
    /// A retry would fail the same way.
    Final(HubError),
}

impl From<HubError> for Trouble {
    fn from(error: HubError) -> Self {
        Self::Final(error)
    }
}

impl Trouble {
    /// Converts to the error to report if there is no retry.
    pub(super) fn into_error(self) -> HubError {
        match self {
            Self::Broken { host, why, .. } => HubError::Unreachable { host, why },
            Self::Final(error) => error,
        }
    }
}

/// A server's answer, whose body is still to be received.
pub(super) struct Reply {
    pub(super) status: u16,
    headers: HeaderMap,
    /// The address after redirects.
    url: Uri,
    body: Receiver<Message>,
}

/// A message from an exchange's thread.
enum Message {
    Head(u16, HeaderMap),
    Piece(Vec<u8>),
    End,
    Failed(ureq::Error),
}

impl Client {
    /// Creates a client; sends nothing.
    pub(super) fn new(options: &HubOptions) -> Result<Self, HubError> {
        let refuse = |why: &str| HubError::Setting {
            name: "HF_ENDPOINT",
            why: why.to_owned(),
        };
        let endpoint = options.endpoint.as_deref().unwrap_or(HUB);
        let endpoint: Uri = endpoint
            .trim_end_matches('/')
            .parse()
            .map_err(|_| refuse("it is not an address"))?;
        if !is_web(&endpoint) {
            return Err(refuse("it must begin with https:// or http://"));
        }
        let is_sendable = |token: &String| token.bytes().all(|byte| byte.is_ascii_graphic());
        if options
            .token
            .as_ref()
            .is_some_and(|token| !is_sendable(token))
        {
            return Err(HubError::Setting {
                name: "HF_TOKEN",
                why: "it holds characters that no token has".to_owned(),
            });
        }
        Ok(Self {
            endpoint,
            token: options.token.clone(),
            plain: OnceCell::new(),
            secure: OnceCell::new(),
            retry_pause: options.retry_pause,
        })
    }

    /// Returns whether a token is sent.
    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Builds a hub address; the parts are escaped.
    pub(super) fn url(&self, parts: &[&str]) -> String {
        let mut url = self.endpoint.to_string().trim_end_matches('/').to_owned();
        for part in parts {
            url.push('/');
            url += &escape(part);
        }
        url
    }

    /// Requests a file or an answer, starting at a byte, and follows all redirects.
    pub(super) fn get(
        &self,
        url: &str,
        from: u64,
        cancelled: Cancelled<'_>,
    ) -> Result<Reply, Trouble> {
        self.follow(&Method::GET, url, from, cancelled)
    }

    /// Requests a file's metadata; stops at the answer that states it, even if that redirects to the contents.
    pub(super) fn head(&self, url: &str, cancelled: Cancelled<'_>) -> Result<Reply, Trouble> {
        self.follow(&Method::HEAD, url, 0, cancelled)
    }

    fn follow(
        &self,
        method: &Method,
        url: &str,
        from: u64,
        cancelled: Cancelled<'_>,
    ) -> Result<Reply, Trouble> {
        let mut uri: Uri = url
            .parse()
            .map_err(|_| bad_redirect(url, "it is not an address"))?;
        let mut visited = vec![uri.clone()];
        loop {
            let reply = self.exchange(method, &uri, from, cancelled)?;
            let is_redirect = matches!(reply.status, 301 | 302 | 303 | 307 | 308);
            let describes = *method == Method::HEAD && reply.header("x-linked-etag").is_some();
            if !is_redirect || describes {
                return Ok(reply);
            }
            let location = reply.header("location").unwrap_or_default();
            let next = join(&uri, &location)
                .ok_or_else(|| bad_redirect(&location, "it is not an address"))?;
            if uri.scheme_str() == Some("https") && next.scheme_str() != Some("https") {
                return Err(bad_redirect(&location, "redirect from HTTPS to plain HTTP").into());
            }
            if visited.contains(&next) {
                return Err(bad_redirect(&location, "redirect loop").into());
            }
            if visited.len() > MAX_REDIRECTS {
                return Err(bad_redirect(&location, "too many redirects").into());
            }
            visited.push(next.clone());
            uri = next;
        }
    }

    fn exchange(
        &self,
        method: &Method,
        uri: &Uri,
        from: u64,
        cancelled: Cancelled<'_>,
    ) -> Result<Reply, Trouble> {
        let host = host(uri);
        let mut request = Request::builder().method(method.clone()).uri(uri);
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        if let Some(token) = &self.token
            && is_same_origin(uri, &self.endpoint)
        {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = request
            .body(())
            .map_err(|_| bad_redirect(&uri.to_string(), "it is not an address"))?;
        let agent = self.agent(uri)?;
        let (sender, body) = sync_channel(WAITING_PIECES);
        thread::Builder::new()
            .name("download".to_owned())
            .spawn(move || converse(&agent, request, &sender))
            .map_err(|error| HubError::Unreachable {
                host: host.clone(),
                why: format!("no thread for it: {error}"),
            })?;
        match receive(&body, cancelled)? {
            Message::Head(status, headers) => Ok(Reply {
                status,
                headers,
                url: uri.clone(),
                body,
            }),
            Message::Failed(error) => Err(trouble(&error, host)),
            Message::Piece(_) | Message::End => Err(Trouble::Broken {
                is_connected: true,
                host,
                why: "it ended without an answer".to_owned(),
            }),
        }
    }

    /// Returns the agent for an address; the secure one is created on first use.
    fn agent(&self, uri: &Uri) -> Result<Agent, HubError> {
        let is_secure = uri.scheme_str() == Some("https");
        let cell = if is_secure { &self.secure } else { &self.plain };
        if let Some(agent) = cell.get() {
            return Ok(agent.clone());
        }
        let mut config = Agent::config_builder()
            .user_agent(USER_AGENT)
            .accept_encoding("identity")
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_resolve(Some(PATIENCE))
            .timeout_connect(Some(PATIENCE))
            .timeout_per_read(Some(PATIENCE))
            .timeout_per_write(Some(PATIENCE));
        if is_secure {
            let tls = tls::config().map_err(|why| HubError::Insecure {
                host: host(uri),
                why,
            })?;
            config = config.tls_config(tls);
        }
        let agent = config.build().new_agent();
        Ok(cell.get_or_init(|| agent).clone())
    }
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<String> {
        let value = self.headers.get(name)?.as_bytes();
        Some(String::from_utf8_lossy(value).trim().to_owned())
    }

    /// Returns a header as a number.
    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.parse().ok()
    }

    /// Returns the address after redirects, cleaned.
    pub(super) fn url(&self) -> String {
        display(&self.url)
    }

    /// Returns whether the answer is a web page.
    pub(super) fn is_web_page(&self) -> bool {
        self.header("content-type")
            .is_some_and(|kind| kind.to_lowercase().starts_with("text/html"))
    }

    /// Returns the next bytes; `None` at the end.
    pub(super) fn next(&self, cancelled: Cancelled<'_>) -> Result<Option<Vec<u8>>, Trouble> {
        match receive(&self.body, cancelled)? {
            Message::Piece(piece) => Ok(Some(piece)),
            Message::End => Ok(None),
            Message::Failed(error) => Err(trouble(&error, host(&self.url))),
            Message::Head(..) => Err(HubError::Answer {
                url: self.url(),
                why: "it answered twice".to_owned(),
            }
            .into()),
        }
    }

    /// Returns the whole body; fails if it exceeds `limit`.
    pub(super) fn read_all(
        &self,
        limit: usize,
        cancelled: Cancelled<'_>,
    ) -> Result<Vec<u8>, Trouble> {
        let mut all = Vec::new();
        while let Some(piece) = self.next(cancelled)? {
            if all.len() + piece.len() > limit {
                return Err(HubError::Answer {
                    url: self.url(),
                    why: format!("it is longer than {limit} bytes"),
                }
                .into());
            }
            all.extend(piece);
        }
        if self
            .number("content-length")
            .is_some_and(|length| length > all.len() as u64)
        {
            return Err(Trouble::Broken {
                is_connected: true,
                host: host(&self.url),
                why: "the answer broke off".to_owned(),
            });
        }
        Ok(all)
    }
}

/// Sleeps for `length`; returns early on cancellation.
pub(super) fn pause(length: Duration, cancelled: Cancelled<'_>) -> Result<(), HubError> {
    let until = Instant::now() + length;
    loop {
        if cancelled() {
            return Err(HubError::Cancelled);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        thread::park_timeout(left.min(POLL));
    }
}

/// Runs one exchange on its thread; ends when the receiver is dropped.
fn converse(agent: &Agent, request: Request<()>, sender: &SyncSender<Message>) {
    let response = match agent.run(request) {
        Ok(response) => response,
        Err(error) => {
            let _ = sender.send(Message::Failed(error));
            return;
        }
    };
    let (head, body) = response.into_parts();
    if sender
        .send(Message::Head(head.status.as_u16(), head.headers))
        .is_err()
    {
        return;
    }
    let mut reader = body.into_reader();
    loop {
        let mut piece = vec![0; PIECE];
        let message = match reader.read(&mut piece) {
            Ok(0) => Message::End,
            Ok(n) => {
                piece.truncate(n);
                Message::Piece(piece)
            }
            Err(error) => Message::Failed(ureq::Error::from(error)),
        };
        let is_last = !matches!(message, Message::Piece(_));
        if sender.send(message).is_err() || is_last {
            return;
        }
    }
}

fn receive(messages: &Receiver<Message>, cancelled: Cancelled<'_>) -> Result<Message, HubError> {
    loop {
        if cancelled() {
            return Err(HubError::Cancelled);
        }
        match messages.recv_timeout(POLL) {
            Ok(message) => return Ok(message),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(Message::End),
        }
    }
}

/// Converts an error of the HTTP client.
fn trouble(error: &ureq::Error, host: String) -> Trouble {
    use std::io::ErrorKind;
    use ureq::Error as E;
    let why = foreign(&error.to_string());
    match error {
        E::Rustls(_) | E::Tls(_) | E::TlsRequired => HubError::Insecure { host, why }.into(),
        // A rejected certificate arrives as invalid data.
        E::Io(io) if io.kind() == ErrorKind::InvalidData => HubError::Insecure { host, why }.into(),
        E::Io(io) => Trouble::Broken {
            is_connected: !matches!(
                io.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::NetworkUnreachable
                    | ErrorKind::HostUnreachable
                    | ErrorKind::AddrNotAvailable
                    | ErrorKind::NetworkDown
            ),
            host,
            why,
        },
        E::Timeout(Timeout::Resolve | Timeout::Connect)
        | E::HostNotFound
        | E::ConnectionFailed
        | E::ConnectProxyFailed(_)
        | E::InvalidProxyUrl => Trouble::Broken {
            is_connected: false,
            host,
            why,
        },
        E::Timeout(_) | E::BodyStalled => Trouble::Broken {
            is_connected: true,
            host,
            why: format!("no data received for {} s", PATIENCE.as_secs()),
        },
        _ => HubError::Answer { url: host, why }.into(),
    }
}

fn bad_redirect(url: &str, why: &'static str) -> HubError {
    HubError::Redirect {
        url: foreign(without_query(url)),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_be_used_are_refused_without_telling_the_secret() {
        let endpoint = |text: &str| HubOptions {
            endpoint: Some(text.to_owned()),
            ..HubOptions::default()
        };
        for text in ["hub.example", "ftp://hub.example", "https://", "a b"] {
            assert!(Client::new(&endpoint(text)).is_err(), "{text}");
        }
        let client = Client::new(&endpoint("http://127.0.0.1:9/hub/")).ok();
        let url = client.map(|client| client.url(&["api/models", "a/b", "x y"]));
        assert_eq!(
            url.as_deref(),
            Some("http://127.0.0.1:9/hub/api/models/a/b/x%20y")
        );
        let token = HubOptions {
            token: Some("hf_secret\nX: y".to_owned()),
            ..HubOptions::default()
        };
        let error = Client::new(&token).err().expect("refused");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
