use super::{FILES, Providers, TABLE, built_in, read};
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
