//! Addresses: validation, redirect targets and display.

use ureq::http::Uri;

use super::error::foreign;

/// Formats an address for a message: cleaned and without its query, which may contain a signature.
pub(super) fn display(uri: &Uri) -> String {
    foreign(without_query(&uri.to_string()))
}

pub(super) fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or(url)
}

pub(super) fn host(uri: &Uri) -> String {
    foreign(uri.host().unwrap_or("the hub"))
}

pub(super) fn is_web(uri: &Uri) -> bool {
    matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some()
}

pub(super) fn is_same_origin(one: &Uri, other: &Uri) -> bool {
    let port = |uri: &Uri| {
        let default = if uri.scheme_str() == Some("https") {
            443
        } else {
            80
        };
        uri.port_u16().unwrap_or(default)
    };
    one.scheme() == other.scheme() && one.host() == other.host() && port(one) == port(other)
}

/// Returns the target of a redirect, relative to the redirecting address.
pub(super) fn join(base: &Uri, location: &str) -> Option<Uri> {
    let scheme = base.scheme_str()?;
    let authority = base.authority()?;
    let whole = if location.is_empty() {
        return None;
    } else if location.contains("://") {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let folder = base
            .path()
            .rsplit_once('/')
            .map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    let uri: Uri = without_fragment(&whole).parse().ok()?;
    is_web(&uri).then_some(uri)
}

fn without_fragment(url: &str) -> &str {
    url.split('#').next().unwrap_or(url)
}

/// Escapes a path for an address, except its slashes.
pub(super) fn escape(path: &str) -> String {
    let mut escaped = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped += &format!("%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri {
        text.parse().expect("an address")
    }

    #[test]
    fn redirects_are_joined_and_strange_ones_refused() {
        let base = uri("https://hub.example/a/resolve/main/x.bin?y");
        let table = [
            ("/b/c?d=e", Some("https://hub.example/b/c?d=e")),
            ("https://cdn.example/x", Some("https://cdn.example/x")),
            ("//cdn.example/x", Some("https://cdn.example/x")),
            ("y.bin", Some("https://hub.example/a/resolve/main/y.bin")),
            ("/x#part", Some("https://hub.example/x")),
            ("file:///etc/passwd", None),
            ("", None),
        ];
        for (location, expected) in table {
            assert_eq!(join(&base, location), expected.map(uri), "{location:?}");
        }
    }

    #[test]
    fn the_token_stays_with_its_origin() {
        let hub = uri("https://hub.example");
        assert!(is_same_origin(&uri("https://hub.example:443/x"), &hub));
        for other in [
            "http://hub.example/x",
            "https://hub.example:8443/x",
            "https://cdn.hub.example/x",
        ] {
            assert!(!is_same_origin(&uri(other), &hub), "{other}");
        }
    }
}
