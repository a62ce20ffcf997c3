use super::*;
use proptest::prelude::*;

fn tree(patterns: &[&str]) -> PathTree<String> {
    let mut tree = PathTree::default();
    for pattern in patterns {
        let parsed = PathPattern::parse(pattern).unwrap();
        tree.entry(&parsed, || (*pattern).to_owned());
    }
    tree
}

fn found(tree: &PathTree<String>, path: &str) -> Option<(String, Vec<String>)> {
    tree.find(path).unwrap().map(|(pattern, values)| (pattern.clone(), values))
}

fn pattern_of(tree: &PathTree<String>, path: &str) -> Option<String> {
    found(tree, path).map(|(pattern, _)| pattern)
}

#[test]
fn the_most_specific_pattern_wins_whatever_the_order() {
    let mut patterns = vec!["/a/{x}/c", "/a/b/{y}", "/a/b/c", "/a/{*rest}", "/{*rest}", "/{x}/b/c"];
    for _ in 0..patterns.len() {
        patterns.rotate_left(1);
        let tree = tree(&patterns);
        assert_eq!(pattern_of(&tree, "/a/b/c").as_deref(), Some("/a/b/c"));
        assert_eq!(pattern_of(&tree, "/a/b/x").as_deref(), Some("/a/b/{y}"));
        assert_eq!(pattern_of(&tree, "/a/x/c").as_deref(), Some("/a/{x}/c"));
        assert_eq!(pattern_of(&tree, "/a/x/y").as_deref(), Some("/a/{*rest}"));
        assert_eq!(pattern_of(&tree, "/z/b/c").as_deref(), Some("/{x}/b/c"));
        assert_eq!(pattern_of(&tree, "/z").as_deref(), Some("/{*rest}"));
    }
}

#[test]
fn a_dead_end_goes_back_to_the_less_specific_branch_and_forgets_its_values() {
    let tree = tree(&["/{a}/static/{b}", "/x/{*rest}"]);
    assert_eq!(found(&tree, "/x/static/1"), Some(("/x/{*rest}".into(), vec!["static/1".into()])));
    let tree = super::tests::tree(&["/{a}/{b}/end", "/{a}/{*rest}"]);
    assert_eq!(found(&tree, "/1/2/other"), Some(("/{a}/{*rest}".into(), vec!["1".into(), "2/other".into()])));
}

#[test]
fn a_slash_at_the_end_is_another_path_and_nothing_is_collapsed() {
    let tree = tree(&["/a", "/b/", "/c/{*rest}"]);
    assert_eq!(pattern_of(&tree, "/a").as_deref(), Some("/a"));
    assert_eq!(pattern_of(&tree, "/a/"), None);
    assert_eq!(pattern_of(&tree, "//a"), None);
    assert_eq!(pattern_of(&tree, "/b"), None);
    assert_eq!(pattern_of(&tree, "/b/").as_deref(), Some("/b/"));
    assert_eq!(pattern_of(&tree, "/./a"), None);
    assert_eq!(pattern_of(&tree, "/c"), None);
    assert_eq!(found(&tree, "/c/").unwrap().1, [""]);
    assert_eq!(found(&tree, "/c//x").unwrap().1, ["/x"]);
}

#[test]
fn an_encoded_slash_stays_inside_its_segment_and_is_decoded_once() {
    let tree = tree(&["/files/{name}", "/caf\u{e9}/{x}", "/plain%20space"]);
    assert_eq!(found(&tree, "/files/a%2Fb").unwrap().1, ["a/b"]);
    assert_eq!(found(&tree, "/files/a%252Fb").unwrap().1, ["a%2Fb"]);
    assert_eq!(found(&tree, "/caf%C3%A9/1").unwrap().1, ["1"]);
    assert!(found(&tree, "/plain%20space").is_some());
    assert_eq!(tree.find("/files/%zz"), Err(PathError));
    assert_eq!(tree.find("/files/%ff"), Err(PathError));
    assert_eq!(tree.find("/files/%e2%28"), Err(PathError));
}

#[test]
fn a_parameter_is_never_empty() {
    assert_eq!(pattern_of(&tree(&["/a/{x}"]), "/a/"), None);
}

#[test]
fn patterns_that_differ_only_in_names_are_one() {
    let left = PathPattern::parse("/a/{x}/{*y}").unwrap();
    let right = PathPattern::parse("/a/{other}/{*more}").unwrap();
    assert_eq!(left.shape(), right.shape());
    assert_eq!(right.names().collect::<Vec<_>>(), ["other", "more"]);
}

#[test]
fn malformed_patterns_say_why() {
    let error = |written: &str| PathPattern::parse(written).unwrap_err();
    assert_eq!(error("a"), PathPatternError::NotAbsolute);
    assert_eq!(error("/a{x}"), PathPatternError::BadParameter("a{x".into()));
    assert_eq!(error("/{}"), PathPatternError::BadParameter("".into()));
    assert_eq!(error("/{1x}"), PathPatternError::BadParameter("1x".into()));
    assert_eq!(error("/{*r}/x"), PathPatternError::RestNotLast("r".into()));
    assert_eq!(error("/{x}/{x}"), PathPatternError::Repeated("x".into()));
    assert_eq!(error("/a?b=1"), PathPatternError::Query);
    assert_eq!(error("/%zz"), PathPatternError::BadEncoding("%zz".into()));
    assert_eq!(error(&"/a".repeat(65)), PathPatternError::TooDeep);
}

#[test]
fn hosts_go_from_exact_over_the_longest_wildcard_to_any() {
    let mut hosts: Hosts<Vec<&str>> = Hosts::default();
    let mut put = |written: Option<&str>, value| {
        let pattern = written.map(|written| HostPattern::parse(written).unwrap());
        hosts.entry(pattern.as_ref()).push(value);
    };
    put(Some("*.example.com"), "short");
    put(Some("*.eu.example.com"), "long");
    put(Some("Hooks.eu.Example.com"), "exact");
    put(None, "any");
    let order = |host: &str| hosts.candidates(host).flatten().copied().collect::<Vec<_>>();
    assert_eq!(order("hooks.eu.example.com"), ["exact", "long", "short", "any"]);
    assert_eq!(order("a.b.eu.example.com."), ["long", "short", "any"]);
    assert_eq!(order("example.com"), ["any"]);
    assert_eq!(order("badexample.com"), ["any"]);
    assert_eq!(HostPattern::parse("a.*.com"), Err(HostPatternError::Wildcard));
    assert_eq!(HostPattern::parse("http://a"), Err(HostPatternError::NotAName));
    assert_eq!(HostPattern::parse("a:80"), Err(HostPatternError::NotAName));
}

#[test]
fn a_glob_matches_the_whole_value() {
    assert!(Glob::new("order.*").matches("order.created"));
    assert!(!Glob::new("order.*").matches("preorder.created"));
    assert!(!Glob::new("order").matches("order.created"));
    assert!(Glob::new("*").matches(""));
    assert!(Glob::new("").matches(""));
    assert!(!Glob::new("").matches("x"));
    assert!(Glob::new("?b*d").matches("abcd"));
    assert!(!Glob::new("?").matches(""));
    assert!(Glob::new(r"a\*").matches("a*"));
    assert!(!Glob::new(r"a\*").matches("ab"));
    assert!(Glob::new("a*b*c").matches("a-b-b-c"));
    assert!(!Glob::new("Order").matches("order"));
}

#[test]
fn a_glob_of_many_stars_is_not_exponential() {
    let glob = Glob::new(&"*a".repeat(200));
    assert!(!glob.matches(&"a".repeat(199)));
    assert!(glob.matches(&"a".repeat(5000)));
}

proptest! {
    #[test]
    fn a_glob_agrees_with_the_textbook(pattern in "[ab*?]{0,8}", value in "[ab]{0,8}") {
        fn textbook(pattern: &[u8], value: &[u8]) -> bool {
            match (pattern.first(), value.first()) {
                (None, None) => true,
                (Some(b'*'), _) => textbook(&pattern[1..], value) || (!value.is_empty() && textbook(pattern, &value[1..])),
                (Some(b'?'), Some(_)) => textbook(&pattern[1..], &value[1..]),
                (Some(left), Some(right)) if left == right => textbook(&pattern[1..], &value[1..]),
                _ => false,
            }
        }
        prop_assert_eq!(Glob::new(&pattern).matches(&value), textbook(pattern.as_bytes(), value.as_bytes()));
    }

    #[test]
    fn no_path_panics(path in "(/|%|[a-z0-9]|\\PC){0,40}") {
        let _ = tree(&["/a/{x}/{*rest}", "/{x}", "/%41"]).find(&path);
    }

    #[test]
    fn a_parameter_gives_back_what_was_encoded(value in "\\PC{1,20}") {
        let encoded = percent_encoding::utf8_percent_encode(&value, percent_encoding::NON_ALPHANUMERIC).to_string();
        let path = format!("/a/{encoded}");
        prop_assert_eq!(found(&tree(&["/a/{x}"]), &path).unwrap().1, vec![value]);
    }

    #[test]
    fn no_pattern_panics(written in "(/|\\{|\\}|\\*|%|[a-z]|\\PC){0,40}") {
        let _ = PathPattern::parse(&written);
    }
}
