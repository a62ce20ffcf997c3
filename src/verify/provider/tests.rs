use super::{FILES, Providers, TABLE, built_in, read};
use crate::config::spec::ConfidenceSpec;
use crate::diagnostic::Findings;

#[test]
fn every_built_in_provider_compiles_without_a_word() {
    for file in FILES {
        if let Err(error) = read(file) {
            panic!("{error}");
        }
    }
    for (name, spec) in TABLE.iter() {
        let findings = Findings::default();
        let provider = built_in(name, &findings);
        assert_eq!(findings.into_inner(), [], "{name}");
        assert!(provider.is_some(), "{name}");
        assert!(spec.title.is_some() && spec.confidence.is_some(), "{name} has no title or confidence");
    }
}

#[test]
fn no_provider_is_written_twice() {
    let written: usize = FILES.iter().filter_map(|file| read(file).ok()).map(|file| file.len()).sum();
    assert_eq!(TABLE.len(), written);
}

#[test]
fn the_list_is_sorted() {
    let list = Providers::built_in().list();
    assert!(list.is_sorted_by(|left, right| left.name < right.name));
}

/// A page or a library that can be read again when a sender changes.
#[test]
fn what_is_sure_has_a_source() {
    for (name, spec) in TABLE.iter() {
        let sure = spec.confidence.is_some_and(|confidence| confidence < ConfidenceSpec::Seed);
        assert!(!sure || spec.source.is_some(), "{name} has no source");
        let behaves = spec.delivery_id.is_some() || spec.patience.is_some() || spec.retries.is_some();
        let documented = spec.source.as_ref().is_some_and(|source| {
            source.contains("delivery: https://") || source.contains("dev.vk.com") || source.contains("moysklad")
        });
        assert!(!behaves || documented, "{name} behaves in a way that nothing documents");
    }
}
