use super::*;
use crate::diagnostic::{Finding, Findings};
use crate::secret::{Missing, References};
use std::ffi::OsString;
use std::path::Path;

fn references(missing: Missing) -> References {
    References::with_lookup(Path::new("/nowhere"), missing, |name| match name {
        "PORT" => Some(OsString::from("8080")),
        "WORD" => Some(OsString::from("planted-secret")),
        "EMPTY" => Some(OsString::new()),
        "TRICKY" => Some(OsString::from("${env:PORT}")),
        _ => None,
    })
}

fn with<T>(missing: Missing, read: impl FnOnce(&At<'_>) -> Option<T>) -> (Option<T>, Vec<Finding>) {
    let (findings, references) = (Findings::default(), references(missing));
    let value = read(&At::document(&findings, &references, 0));
    (value, findings.into_inner())
}

fn fails<T>(read: impl FnOnce(&At<'_>) -> Option<T>) -> Vec<Finding> {
    let (value, findings) = with(Missing::Fails, read);
    assert!(value.is_none());
    assert!(!findings.is_empty());
    assert!(findings.iter().all(|finding| !finding.message.contains("planted-secret")), "{findings:?}");
    findings
}

#[test]
fn references_are_replaced_once() {
    let (value, findings) = with(Missing::Fails, |at| plain("/a/${env:PORT}/$${x}", at));
    assert_eq!((value.as_deref(), findings.len()), (Some("/a/8080/${x}"), 0));
    let (value, _) = with(Missing::Fails, |at| plain("${env:TRICKY}", at));
    assert_eq!(value.as_deref(), Some("${env:PORT}"), "a resolved value is never scanned again");
}

#[test]
fn an_expression_in_a_plain_string_is_an_error_at_its_place() {
    let findings = fails(|at| plain("/a/${body.x}", at));
    assert_eq!((findings[0].code, findings[0].inside), ("expr-not-here", Some((3, 12))));
}

#[test]
fn every_missing_reference_is_named_at_its_place() {
    let findings = fails(|at| plain("${env:A}-${env:B}", at));
    let places: Vec<_> = findings.iter().map(|finding| finding.inside).collect();
    assert_eq!(places, [Some((0, 8)), Some((9, 17))]);
    assert!(findings[1].message.contains('B'));
}

#[test]
fn a_secret_shows_its_references_alone() {
    let (value, _) = with(Missing::Fails, |at| secret("prefix-${env:WORD}", at));
    let (secret, shown) = value.unwrap();
    assert_eq!((secret.expose(), shown.as_str()), ("prefix-planted-secret", "…${env:WORD}"));
    let (value, _) = with(Missing::Fails, |at| super::secret("${env:NONE:-planted-secret}", at));
    assert_eq!(value.unwrap().1, "${env:NONE}");
}

#[test]
fn an_empty_secret_is_an_error() {
    for written in ["", "${env:EMPTY}", "${env:NONE:-}"] {
        assert_eq!(fails(|at| secret(written, at))[0].code, "secret-empty", "{written}");
    }
}

#[test]
fn scalars_are_coerced_to_their_type() {
    let (value, _) = with(Missing::Fails, |at| scalar(&Scalar::<u16>::Reference("${env:PORT}".into()), at));
    assert_eq!(value, Some(8080));
    let (value, _) = with(Missing::Fails, |at| scalar(&Scalar::<bool>::Reference("${env:NO:-true}".into()), at));
    assert_eq!(value, Some(true));
    assert_eq!(with(Missing::Fails, |at| scalar(&Scalar::Value(7_u32), at)).0, Some(7));
    let findings = fails(|at| scalar(&Scalar::<u16>::Reference("${env:WORD}".into()), at));
    assert_eq!(findings[0].message, "expected a whole number, but the value of ${env:WORD} is none");
}

#[test]
fn durations_and_sizes() {
    assert_eq!(with(Missing::Fails, |at| duration("1h30m", at)).0, Some(Duration::from_secs(5400)));
    assert_eq!(with(Missing::Fails, |at| size("64KiB", at)).0, Some(65536));
    assert_eq!(fails(|at| duration("30", at))[0].code, "unit");
    fails(|at| duration("${env:WORD}", at));
    fails(|at| size("${env:WORD}", at));
}

#[test]
fn offline_a_missing_reference_is_no_mistake() {
    let offline = Missing::StandsForItself;
    assert_eq!(with(offline, |at| plain("x-${env:NONE}", at)).0.as_deref(), Some("x-${env:NONE}"));
    assert_eq!(with(offline, |at| scalar(&Scalar::<u32>::Reference("${env:NONE}".into()), at)).0, Some(1));
    assert_eq!(with(offline, |at| scalar(&Scalar::<bool>::Reference("${env:NONE}".into()), at)).0, Some(true));
    assert!(with(offline, |at| duration("${env:NONE}", at)).0.is_some());
    assert!(with(offline, |at| size("${env:NONE}", at)).0.is_some());
}
