//! Where a request goes: over HTTP, to standard output, or to a file.

use super::pool::Place;
use std::path::PathBuf;
use url::Url;

/// A URL, understood.
pub(super) enum Destination {
    Http(Place),
    Stdout,
    File(PathBuf),
}

/// Says what is wrong, never the URL: it may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum DestinationError {
    #[error("the URL is not valid, or has no host")]
    Invalid,
    #[error("the URL's scheme is none of http, https, stdout and file")]
    Scheme,
    #[error("the URL has a user name or password: write auth: {{basic: {{username: …, password: …}}}} instead")]
    UserInfo,
    #[error("stdout:// takes nothing after it")]
    Stdout,
    #[error("a file is written file:///absolute/path")]
    FilePath,
}

impl Destination {
    pub(super) fn parse(written: &str) -> Result<Destination, DestinationError> {
        let mut url = Url::parse(written).map_err(|_| DestinationError::Invalid)?;
        match url.scheme() {
            "http" | "https" => {
                if !url.username().is_empty() || url.password().is_some() {
                    return Err(DestinationError::UserInfo);
                }
                url.set_fragment(None);
                // The parser takes a backslash for a slash, and others do not: two readers would see two hosts.
                if written.contains('\\') {
                    return Err(DestinationError::Invalid);
                }
                // Stricter in places than the URL standard, and what is sent in the end.
                let uri = url.as_str().parse().map_err(|_| DestinationError::Invalid)?;
                Ok(Destination::Http(Place::new(uri)))
            }
            "stdout" => match url.as_str() {
                "stdout://" | "stdout:///" => Ok(Destination::Stdout),
                _ => Err(DestinationError::Stdout),
            },
            "file" => file(&url).map(Destination::File).ok_or(DestinationError::FilePath),
            _ => Err(DestinationError::Scheme),
        }
    }
}

fn file(url: &Url) -> Option<PathBuf> {
    if url.host_str().is_some_and(|host| !host.is_empty()) || url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    if url.path().ends_with('/') {
        return None;
    }
    url.to_file_path().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_four_schemes() {
        for url in ["http://h", "https://h:8443/p?q=1", "http://[::1]:8080/"] {
            assert!(matches!(Destination::parse(url), Ok(Destination::Http(_))), "{url}");
        }
        assert!(matches!(Destination::parse("stdout://"), Ok(Destination::Stdout)));
        let Ok(Destination::File(path)) = Destination::parse("file:///var/log/a%20b") else { panic!() };
        assert_eq!(path, PathBuf::from("/var/log/a b"));
    }

    #[test]
    fn a_fragment_is_not_sent() {
        let Ok(Destination::Http(place)) = Destination::parse("http://h/p?q#part") else { panic!() };
        assert_eq!(*place.uri, "http://h/p?q");
    }

    #[test]
    fn each_mistake_has_its_name() {
        let error = |url: &str| Destination::parse(url).err();
        assert_eq!(error("ftp://h/x"), Some(DestinationError::Scheme));
        assert_eq!(error("https://user:pass@h/"), Some(DestinationError::UserInfo));
        assert_eq!(error("https://user@h/"), Some(DestinationError::UserInfo));
        assert_eq!(error("stdout://here"), Some(DestinationError::Stdout));
        for url in ["file://host/path", "file:///", "file:///a?b", "file:///a/"] {
            assert_eq!(error(url), Some(DestinationError::FilePath), "{url}");
        }
        for url in ["", "http://", "h/p", "https://{{host}}/", "http://h:99999/", "http://a\\@b/"] {
            assert_eq!(error(url), Some(DestinationError::Invalid), "{url}");
        }
    }

    proptest! {
        #[test]
        fn parsing_never_panics(url in "(https?|file|stdout)?:?/{0,3}\\PC*") {
            let _ = Destination::parse(&url);
        }
    }
}
