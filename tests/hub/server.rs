//! A small local hub: the routes that a client uses, a second origin for large files, and faults.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use sha2::{Digest as _, Sha256};

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

#[derive(Debug, Clone)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub from: Option<u64>,
    pub has_token: bool,
    pub is_cdn: bool,
    /// Bytes of the body sent.
    pub sent: usize,
}

/// A one-time fault in the response to a request for a file.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The connection ends after `n` bytes.
    Cut(usize),
    /// Sends `n` bytes, then nothing until the client disconnects.
    Hold(usize),
    /// Announces and sends another length.
    Length(usize),
    /// Sends more bytes than the hub stated, without a length.
    Endless,
    /// Sends other bytes of the same length.
    Garble,
    /// Sends a status without a body.
    Status(u16),
    /// Sends a web page.
    WebPage,
    /// Sends the whole file, whatever part was requested.
    Whole,
    /// The connection ends after `n` bytes; a part starts later than requested.
    WrongRange(usize),
    /// Sends the whole file, whatever part was requested, cut after `n` bytes.
    CutWhole(usize),
    /// Sends `n` bytes without stating a length.
    Unstated(usize),
    /// Redirects to this address.
    Redirect(String),
}

#[derive(Debug, Clone)]
pub struct File {
    pub bytes: Vec<u8>,
    pub is_large: bool,
    /// Replaces the entity tag.
    pub etag: Option<String>,
    /// Whether its length is never stated.
    pub hides_length: bool,
    pub faults: VecDeque<Fault>,
}

/// The contents of the hub, and the requests it received.
#[derive(Debug, Default)]
pub struct State {
    /// Files by repository and path.
    pub files: BTreeMap<(String, String), File>,
    /// Repositories that require a token.
    pub gated: Vec<String>,
    /// Listings that replace the true ones, by repository.
    pub listings: BTreeMap<String, String>,
    /// Statuses for the next requests for listings.
    pub listing_faults: VecDeque<u16>,
    pub seen: Vec<Seen>,
}

pub struct Hub {
    pub address: SocketAddr,
    cdn: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

/// Pseudo-random bytes.
pub fn contents(length: usize, seed: u32) -> Vec<u8> {
    let mut x = seed | 1;
    let next = || {
        x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (x >> 24) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

pub fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

impl Hub {
    pub fn start() -> Self {
        let hub = TcpListener::bind("127.0.0.1:0").unwrap();
        let cdn = TcpListener::bind("127.0.0.1:0").unwrap();
        let this = Self {
            address: hub.local_addr().unwrap(),
            cdn: cdn.local_addr().unwrap(),
            state: Arc::default(),
        };
        for (listener, is_cdn) in [(hub, false), (cdn, true)] {
            let (state, cdn) = (Arc::clone(&this.state), this.cdn);
            thread::spawn(move || {
                for stream in listener.incoming().flatten() {
                    let state = Arc::clone(&state);
                    thread::spawn(move || serve(stream, &state, is_cdn, cdn));
                }
            });
        }
        this
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn state<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.state.0.lock().unwrap())
    }

    /// Adds a file; large ones are served by the second origin.
    pub fn add(&self, repo: &str, path: &str, bytes: &[u8], is_large: bool) {
        let file = File {
            bytes: bytes.to_owned(),
            is_large,
            etag: None,
            hides_length: false,
            faults: VecDeque::new(),
        };
        let key = (repo.to_owned(), path.to_owned());
        self.state(|state| state.files.insert(key, file));
    }

    pub fn change(&self, repo: &str, path: &str, change: impl FnOnce(&mut File)) {
        let key = (repo.to_owned(), path.to_owned());
        self.state(|state| change(state.files.get_mut(&key).unwrap()));
    }

    /// Makes the next requests for the contents of a file fail, one after the other.
    pub fn fail(&self, repo: &str, path: &str, faults: &[Fault]) {
        self.change(repo, path, |file| {
            file.faults.extend(faults.iter().cloned());
        });
    }

    /// The requests to the second origin for a file.
    pub fn transfers(&self, path: &str) -> Vec<Seen> {
        let all = self.state(|state| state.seen.clone());
        all.into_iter()
            .filter(|seen| seen.is_cdn && seen.method == "GET" && seen.path.contains(path))
            .collect()
    }

    pub fn n_requests(&self) -> usize {
        self.state(|state| state.seen.len())
    }

    /// Waits until a request has sent `bytes` bytes.
    pub fn wait_until_sent(&self, path: &str, bytes: usize) {
        let (state, changed) = &*self.state;
        let guard = state.lock().unwrap();
        let _held = changed
            .wait_while(guard, |state| {
                !state
                    .seen
                    .iter()
                    .any(|seen| seen.path.contains(path) && seen.sent >= bytes)
            })
            .unwrap();
    }
}

struct Head {
    status: u16,
    headers: Vec<(&'static str, String)>,
}

fn head(status: u16) -> Head {
    Head {
        status,
        headers: Vec::new(),
    }
}

impl Head {
    #[allow(clippy::needless_pass_by_value, reason = "numbers and texts alike")]
    fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        self.headers.push((name, value.to_string()));
        self
    }

    fn send(&self, stream: &mut TcpStream, body: &[u8]) {
        let mut text = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        // A client that disconnected is expected here.
        let _ = stream.write_all((text + "\r\n").as_bytes());
        let _ = stream.write_all(body);
    }
}

fn serve(mut stream: TcpStream, shared: &(Mutex<State>, Condvar), is_cdn: bool, cdn: SocketAddr) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(first)) = lines.next() else {
        return;
    };
    let mut words = first.split(' ');
    let method = words.next().unwrap().to_owned();
    let path = words.next().unwrap().to_owned();
    let (mut from, mut has_token) = (None, false);
    for line in lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
    {
        let lower = line.to_lowercase();
        if let Some(range) = lower.strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().ok();
        }
        has_token |= lower.starts_with("authorization: bearer ");
    }
    let (state, changed) = shared;
    let number = {
        let mut state = state.lock().unwrap();
        state.seen.push(Seen {
            method: method.clone(),
            path: path.clone(),
            from,
            has_token,
            is_cdn,
            sent: 0,
        });
        state.seen.len() - 1
    };
    let sent = |bytes: usize| {
        state.lock().unwrap().seen[number].sent = bytes;
        changed.notify_all();
    };
    let is_head = method == "HEAD";
    let path = path.split('?').next().unwrap();
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    if let ["api", "models", owner, name, "revision", _] = parts[..] {
        list(&mut stream, state, &format!("{owner}/{name}"), has_token);
    } else if let [owner, name, "resolve", _, ..] = parts[..] {
        let key = (format!("{owner}/{name}"), parts[4..].join("/"));
        let mut guard = state.lock().unwrap();
        // The storage behind the hub trusts the signature in the address.
        if guard.gated.contains(&key.0) && !has_token && !is_cdn {
            drop(guard);
            head(401)
                .with("X-Error-Code", "GatedRepo")
                .with(
                    "X-Error-Message",
                    "Access to this model is \u{202e}restricted",
                )
                .with("Content-Length", 0)
                .send(&mut stream, &[]);
            return;
        }
        let Some(file) = guard.files.get_mut(&key) else {
            drop(guard);
            head(404)
                .with("X-Error-Code", "EntryNotFound")
                .with("Content-Length", 0)
                .send(&mut stream, &[]);
            return;
        };
        let described = describe(file);
        if is_cdn {
            let fault = file.faults.pop_front();
            let bytes = file.bytes.clone();
            drop(guard);
            transfer(&mut stream, &bytes, from.unwrap_or(0), fault, &sent);
        } else if file.is_large {
            drop(guard);
            described
                .with("Location", format!("http://{cdn}{path}?signature=secret"))
                .with("Content-Length", 0)
                .send(&mut stream, &[]);
        } else {
            let (bytes, hides_length) = (file.bytes.clone(), file.hides_length);
            let fault = if is_head {
                None
            } else {
                file.faults.pop_front()
            };
            drop(guard);
            if is_head && hides_length {
                described.send(&mut stream, &[]);
            } else if is_head {
                described
                    .with("Content-Length", bytes.len())
                    .send(&mut stream, &[]);
            } else {
                transfer(&mut stream, &bytes, from.unwrap_or(0), fault, &sent);
            }
        }
    } else {
        head(404).with("Content-Length", 0).send(&mut stream, &[]);
    }
    let _ = stream.shutdown(Shutdown::Both);
}

fn list(stream: &mut TcpStream, state: &Mutex<State>, repo: &str, has_token: bool) {
    let mut state = state.lock().unwrap();
    let fault = state.listing_faults.pop_front();
    let files = state.files.iter().filter(|((owner, _), _)| owner == repo);
    let siblings: Vec<serde_json::Value> = files
        .map(|((_, path), file)| {
            let size = (!file.hides_length).then_some(file.bytes.len());
            let mut sibling = serde_json::json!({"rfilename": path, "size": size});
            if file.is_large {
                sibling["lfs"] = serde_json::json!({
                    "sha256": sha256(&file.bytes), "size": file.bytes.len(), "pointerSize": 134,
                });
            }
            sibling
        })
        .collect();
    let is_known = !siblings.is_empty();
    let body = state.listings.get(repo).cloned().unwrap_or_else(|| {
        serde_json::json!({"id": repo, "sha": COMMIT, "siblings": siblings}).to_string()
    });
    drop(state);
    if let Some(status) = fault {
        return head(status).with("Content-Length", 0).send(stream, &[]);
    }
    if !is_known {
        // Without a token, a private repository is indistinguishable from a missing one.
        let status = if has_token { 404 } else { 401 };
        return head(status)
            .with("X-Error-Code", "RepoNotFound")
            .with("Content-Length", 0)
            .send(stream, &[]);
    }
    let kind = if body.starts_with('<') {
        "text/html; charset=utf-8"
    } else {
        "application/json"
    };
    head(200)
        .with("Content-Type", kind)
        .with("Content-Length", body.len())
        .send(stream, body.as_bytes());
}

/// The hub's metadata of a file.
fn describe(file: &File) -> Head {
    let tag = |bytes: &[u8]| sha256(bytes)[..40].to_owned();
    if file.is_large {
        let etag = file.etag.clone().unwrap_or_else(|| sha256(&file.bytes));
        head(302)
            .with("X-Repo-Commit", COMMIT)
            .with("X-Linked-Etag", format!("\"{etag}\""))
            .with("X-Linked-Size", file.bytes.len())
    } else {
        let etag = file.etag.clone().unwrap_or_else(|| tag(&file.bytes));
        head(200)
            .with("X-Repo-Commit", COMMIT)
            .with("ETag", format!("W/\"{etag}\""))
    }
}

/// Sends the contents, altered by the fault.
fn transfer(
    stream: &mut TcpStream,
    bytes: &[u8],
    from: u64,
    fault: Option<Fault>,
    sent: &dyn Fn(usize),
) {
    let total = bytes.len();
    let start = if matches!(fault, Some(Fault::Whole | Fault::CutWhole(_))) {
        0
    } else {
        usize::try_from(from).unwrap()
    };
    if start > total {
        return head(416).with("Content-Length", 0).send(stream, &[]);
    }
    let rest = &bytes[start..];
    let part = |length: usize| {
        let head = if start > 0 {
            let range = format!("bytes {start}-{}/{total}", total - 1);
            head(206).with("Content-Range", range)
        } else {
            head(200)
        };
        head.with("Content-Length", length)
            .with("Content-Type", "application/octet-stream")
    };
    match fault {
        Some(Fault::Cut(n) | Fault::CutWhole(n)) => {
            part(rest.len()).send(stream, &rest[..n]);
            sent(n);
        }
        Some(Fault::WrongRange(n)) => {
            let sent_of = &rest[..n.min(rest.len())];
            let range = format!("bytes {}-{}/{total}", start + 5, total - 1);
            let wrong = if start > 0 {
                head(206).with("Content-Range", range)
            } else {
                head(200)
            };
            wrong
                .with("Content-Length", rest.len())
                .send(stream, sent_of);
            sent(sent_of.len());
        }
        Some(Fault::Unstated(n)) => {
            head(200).send(stream, &vec![b' '; n]);
            sent(n);
        }
        Some(Fault::Hold(n)) => {
            part(rest.len()).send(stream, &rest[..n]);
            sent(n);
            // Ends when the client goes away.
            let _ = stream.read(&mut [0; 1]);
        }
        Some(Fault::Length(n)) => {
            part(n).send(stream, &vec![7; n]);
            sent(n);
        }
        Some(Fault::Endless) => {
            head(200).send(stream, &[bytes, bytes].concat());
            sent(2 * total);
        }
        Some(Fault::Garble) => {
            let garbled: Vec<u8> = rest.iter().map(|byte| byte ^ 1).collect();
            part(rest.len()).send(stream, &garbled);
            sent(rest.len());
        }
        Some(Fault::Status(status)) => {
            head(status).with("Content-Length", 0).send(stream, &[]);
        }
        Some(Fault::WebPage) => {
            let page = " \n<!DOCTYPE html><title>Log in</title>".as_bytes();
            let padded = [page, &vec![b' '; total.saturating_sub(page.len())]].concat();
            head(200)
                .with("Content-Length", padded.len())
                .send(stream, &padded);
        }
        Some(Fault::Redirect(to)) => {
            head(302)
                .with("Location", to)
                .with("Content-Length", 0)
                .send(stream, &[]);
        }
        Some(Fault::Whole) | None => {
            part(rest.len()).send(stream, rest);
            sent(rest.len());
        }
    }
}
