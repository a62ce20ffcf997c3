//! Egress at the connection: names are resolved by a list, servers are on loopback, which `allow` names where they are
//! to be reached.

mod ssrf;

use super::*;
use crate::config::spec::EgressSpec;
use crate::deliver::attempt::{Answered, Broken, Sent, exchange};
use crate::deliver::client::Client;
use crate::deliver::outcome::Outcome;
use crate::deliver::pool::{Place, Profile, Profiles};
use crate::deliver::tests::support::{Server, headers};
use crate::diagnostic::{At, Findings};
use crate::secret::{Missing, References};
use bytes::Bytes;
use http::Method;
use hyper_util::client::legacy::connect::dns::Name;
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Mutex;
use tokio::time::Instant;

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// Answers for each name, one after the other; the last for ever after.
#[derive(Default)]
struct Listed {
    names: HashMap<&'static str, Vec<Vec<IpAddr>>>,
    asked: Mutex<Vec<String>>,
}

impl Listed {
    fn new(names: &[(&'static str, &[&str])]) -> Arc<Listed> {
        let addresses = |one: &&str| one.split(' ').map(|address| address.parse().unwrap()).collect();
        let names = names.iter().map(|(name, answers)| (*name, answers.iter().map(addresses).collect()));
        Arc::new(Listed { names: names.collect(), asked: Mutex::default() })
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Resolve for Listed {
    fn resolve(&self, name: Name) -> Resolving {
        let mut asked = self.asked.lock().unwrap();
        let before = asked.iter().filter(|other| *other == name.as_str()).count();
        asked.push(name.as_str().to_owned());
        let answers = self.names.get(name.as_str());
        let answer = answers.and_then(|answers| answers.get(before).or(answers.last())).cloned();
        let found = answer.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound));
        Box::pin(async move { Ok(found?.into_iter().map(|address| SocketAddr::new(address, 0)).collect()) })
    }
}

/// A client with its rules, for hosts of either origin.
struct Outside {
    client: Client,
    egress: Arc<Egress>,
    profiles: Profiles,
    resolver: Arc<Listed>,
}

impl Outside {
    fn new(egress: &str, names: &[(&'static str, &[&str])]) -> Outside {
        let resolver = Listed::new(names);
        let client = Client::resolving(resolver.clone()).unwrap();
        Outside { client, egress: Arc::new(rules(egress)), profiles: Profiles::default(), resolver }
    }

    fn profile(&self, origin: Origin) -> Arc<Profile> {
        self.profiles.profile(&self.egress, origin, Tls::default())
    }

    async fn post(&self, profile: &Profile, url: &str) -> Result<Answered, Broken> {
        let sent = Sent {
            method: Method::POST,
            to: &Place::new(url.parse().unwrap()),
            headers: headers(&[]),
            body: Bytes::from("{}"),
        };
        exchange(&self.client, profile, sent, Instant::now() + Duration::from_secs(20), 1000).await
    }

    async fn outcome(&self, origin: Origin, url: &str) -> Outcome {
        match self.post(&self.profile(origin), url).await {
            Ok(answered) if answered.status == 200 => Outcome::Success,
            Ok(answered) => panic!("{}", answered.status),
            Err(broken) => {
                assert!(broken.outcome != Outcome::Egress || !broken.ambiguous, "nothing was sent");
                broken.outcome
            }
        }
    }
}

fn rules(yaml: &str) -> Egress {
    let spec: EgressSpec = serde_yaml::from_str(yaml).unwrap();
    let (findings, references) = (Findings::default(), References::new(Path::new("."), Missing::Fails));
    Egress::compile(Some(&spec), &At::document(&findings, &references, 0)).unwrap()
}

#[tokio::test]
async fn a_written_host_may_be_here_and_a_computed_one_may_not() {
    let server = Server::answering(&[OK]).await;
    let outside = Outside::new("{dynamic_hosts: ['*']}", &[("local.test", &["127.0.0.1"])]);
    for host in ["127.0.0.1", "local.test"] {
        let url = format!("http://{host}:{}/", server.address.port());
        assert_eq!(outside.outcome(Origin::Written, &url).await, Outcome::Success, "{url}");
        let connections = server.connections();
        assert_eq!(outside.outcome(Origin::Computed, &url).await, Outcome::Egress, "{url}");
        assert_eq!(server.connections(), connections, "the connection kept for the written host was not used");
    }
}

#[tokio::test]
async fn allow_and_dynamic_hosts_open_the_way() {
    let server = Server::answering(&[OK]).await;
    let names: &[(&str, &[&str])] = &[("a.in.test", &["127.0.0.1"]), ("b.out.test", &["127.0.0.1"])];
    let outside = Outside::new("{allow: [127.0.0.0/8], dynamic_hosts: ['*.in.test']}", names);
    let url = |host: &str| format!("http://{host}:{}/", server.address.port());
    assert_eq!(outside.outcome(Origin::Computed, &url("a.in.test")).await, Outcome::Success);
    assert_eq!(outside.outcome(Origin::Computed, &url("b.out.test")).await, Outcome::Egress);
    assert_eq!(outside.resolver.asked(), 1, "a host that is not named is not even resolved");
    let by_name = Outside::new("{allow: [a.in.test], dynamic_hosts: ['*']}", names);
    assert_eq!(
        by_name.outcome(Origin::Computed, &url("A.in.test.")).await,
        Outcome::Dns,
        "allowed; the list has no dot"
    );
    assert_eq!(by_name.outcome(Origin::Computed, &url("a.in.test")).await, Outcome::Success);
    assert_eq!(by_name.outcome(Origin::Computed, &url("b.out.test")).await, Outcome::Egress);
}

#[tokio::test]
async fn one_denied_address_denies_the_host() {
    let server = Server::answering(&[OK]).await;
    let names: &[(&str, &[&str])] =
        &[("mixed.test", &["127.0.0.1 10.0.0.1"]), ("six.test", &["127.0.0.1 64:ff9b::a9fe:a9fe"])];
    let outside = Outside::new("{allow: [127.0.0.1], dynamic_hosts: ['*']}", names);
    let url = |host: &str| format!("http://{host}:{}/", server.address.port());
    assert_eq!(outside.outcome(Origin::Computed, &url("mixed.test")).await, Outcome::Egress);
    assert_eq!(outside.outcome(Origin::Written, &url("six.test")).await, Outcome::Egress);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_checked_each_time_and_resolved_once() {
    let server = Server::answering(&["HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"]).await;
    let outside =
        Outside::new("{allow: [127.0.0.1], dynamic_hosts: ['*']}", &[("rebind.test", &["127.0.0.1", "127.0.0.2"])]);
    let url = format!("http://rebind.test:{}/", server.address.port());
    assert_eq!(outside.outcome(Origin::Computed, &url).await, Outcome::Success);
    assert_eq!(outside.resolver.asked(), 1, "what was checked is what is connected to");
    // Whether the closed connection is noticed before the next request is a race that both ways end here.
    let mut second = outside.outcome(Origin::Computed, &url).await;
    if second == Outcome::Reset {
        second = outside.outcome(Origin::Computed, &url).await;
    }
    assert_eq!(second, Outcome::Egress);
    assert_eq!((server.connections(), outside.resolver.asked()), (1, 2));
}

#[tokio::test]
async fn metadata_is_denied_to_all_and_deny_is_the_last_word() {
    let names: &[(&str, &[&str])] = &[("meta.test", &["169.254.169.254"]), ("denied.test", &["127.0.0.1"])];
    let outside = Outside::new("{allow: [127.0.0.0/8], deny: [127.0.0.1, '*.bad.test'], dynamic_hosts: ['*']}", names);
    for host in
        ["meta.test", "denied.test", "a.bad.test", "A.BAD.test.", "127.0.0.1", "[::ffff:127.0.0.1]", "[fd00:ec2::254]"]
    {
        for origin in [Origin::Written, Origin::Computed] {
            assert_eq!(outside.outcome(origin, &format!("http://{host}:9/")).await, Outcome::Egress, "{host}");
        }
    }
}

#[tokio::test]
async fn other_rules_have_other_pools_and_the_same_rules_have_the_same() {
    let outside = Outside::new("{}", &[]);
    let first = outside.profile(Origin::Written);
    assert!(Arc::ptr_eq(&first, &outside.profile(Origin::Written)));
    let same = outside.profiles.profile(&Arc::new(rules("{}")), Origin::Written, Tls::default());
    assert!(Arc::ptr_eq(&first, &same), "a reload that changes nothing of it");
    let other = outside.profiles.profile(&Arc::new(rules("{deny: [h]}")), Origin::Written, Tls::default());
    assert!(!Arc::ptr_eq(&first, &other));
    assert!(!Arc::ptr_eq(&first, &outside.profile(Origin::Computed)));
}

/// A proxy that answers by itself, without going anywhere.
fn through(proxy: &Server, more: &str, names: &[(&'static str, &[&str])]) -> Outside {
    Outside::new(&format!("{{proxy: 'http://me:secret@{}'{more}}}", proxy.address), names)
}

#[tokio::test]
async fn a_proxy_is_asked_for_the_whole_url_of_a_written_http_host() {
    let proxy = Server::answering(&[OK]).await;
    let outside = through(&proxy, "", &[]);
    assert_eq!(outside.outcome(Origin::Written, "http://only-the-proxy-knows.test/a?b=c").await, Outcome::Success);
    let request = proxy.requests().remove(0);
    assert!(request.starts_with("POST http://only-the-proxy-knows.test/a?b=c HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("\r\nproxy-authorization: Basic bWU6c2VjcmV0\r\n"), "{request}");
    assert!(request.contains("\r\nhost: only-the-proxy-knows.test\r\n"), "{request}");
}

#[tokio::test]
async fn a_computed_host_is_named_to_the_proxy_by_its_checked_address() {
    let proxy = Server::answering(&["HTTP/1.1 200 Connected\r\n\r\n", OK]).await;
    let names: &[(&str, &[&str])] = &[("public.test", &["198.41.0.4"]), ("private.test", &["10.0.0.1"])];
    let outside = through(&proxy, ", dynamic_hosts: ['*']", names);
    assert_eq!(outside.outcome(Origin::Computed, "http://public.test/a").await, Outcome::Success);
    let requests = proxy.requests();
    assert!(requests[0].starts_with("CONNECT 198.41.0.4:80 HTTP/1.1\r\n"), "{}", requests[0]);
    assert!(requests[0].contains("\r\nproxy-authorization: Basic bWU6c2VjcmV0\r\n"), "{}", requests[0]);
    assert!(requests[1].starts_with("POST /a HTTP/1.1\r\n"), "{}", requests[1]);
    assert!(!requests[1].contains("proxy-authorization"), "the target is told nothing of the proxy: {}", requests[1]);
    for host in ["private.test", "10.0.0.1", "2130706433", "unknown.test"] {
        let expected = if host == "unknown.test" || host == "2130706433" { Outcome::Dns } else { Outcome::Egress };
        assert_eq!(outside.outcome(Origin::Computed, &format!("http://{host}/")).await, expected, "{host}");
    }
    assert_eq!(proxy.connections(), 1, "the proxy was not asked");
}

#[tokio::test]
async fn the_rules_hold_behind_a_proxy() {
    let proxy = Server::answering(&[OK]).await;
    let outside = through(&proxy, ", deny: [deny.test]", &[("meta.test", &["169.254.169.254"])]);
    for host in ["meta.test", "deny.test", "169.254.169.254", "metadata.google.internal"] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}/");
            assert_eq!(outside.outcome(Origin::Written, &url).await, Outcome::Egress, "{url}");
        }
    }
    assert_eq!(proxy.connections(), 0);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_a_connection_that_failed() {
    let proxy = Server::answering(&["HTTP/1.1 407 Who\r\ncontent-length: 0\r\n\r\n"]).await;
    let outside = through(&proxy, "", &[]);
    assert_eq!(outside.outcome(Origin::Written, "https://a.test/").await, Outcome::Connect);
    assert!(proxy.requests()[0].starts_with("CONNECT a.test:443 HTTP/1.1\r\n"));
}

#[tokio::test]
async fn what_is_bypassed_is_reached_directly() {
    let (proxy, server) = (Server::answering(&[OK]).await, Server::answering(&[OK]).await);
    let egress = format!("{{proxy: {{url: 'http://{}', bypass: [127.0.0.1, '*.in.test']}}}}", proxy.address);
    let outside = Outside::new(&egress, &[("a.in.test", &["127.0.0.1"])]);
    for host in ["127.0.0.1", "a.in.test"] {
        let url = format!("http://{host}:{}/", server.address.port());
        assert_eq!(outside.outcome(Origin::Written, &url).await, Outcome::Success);
    }
    assert_eq!((proxy.connections(), server.connections()), (0, 2));
}
