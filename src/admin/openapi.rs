//! `/openapi.json`: what can be asked and what is answered, for programs. Written by hand; tests hold it against the pages
//! that there are and against what they answer.

pub(super) const DOCUMENT: &str = include_str!("openapi.json");

#[cfg(test)]
pub(super) mod tests {
    use super::super::page::Page;
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).unwrap()
    }

    /// Every page, one of each kind of file aside.
    const PATHS: [&str; 15] = [
        "/",
        "/livez",
        "/readyz",
        "/metrics",
        "/config",
        "/routes",
        "/handshakes",
        "/events",
        "/events/stream",
        "/deliveries",
        "/deliveries/stream",
        "/reload",
        "/explain",
        "/targets/{route}/{target}/test",
        "/openapi.json",
    ];

    #[test]
    fn it_tells_of_every_page_and_of_no_other() {
        let document = document();
        let told = document["paths"].as_object().unwrap();
        let paths: BTreeSet<&str> = told.keys().map(String::as_str).collect();
        assert_eq!(paths, PATHS.into());
        let mut pages = BTreeSet::new();
        for (path, operations) in told {
            let page = Page::at(path).unwrap();
            pages.insert(format!("{page:?}").split('(').next().unwrap().to_owned());
            let methods: Vec<String> = operations.as_object().unwrap().keys().map(|name| name.to_uppercase()).collect();
            assert_eq!(methods, [page.allow().split(',').next().unwrap()], "{path}");
            let is_open = operations["get"]["security"].as_array().is_some_and(Vec::is_empty);
            assert_eq!(is_open, page.access() != super::super::page::Access::Guarded, "{path}");
        }
        assert_eq!(pages.len(), Page::KINDS, "a page that is not told of");
    }

    #[test]
    fn its_references_lead_somewhere_and_its_schemas_are_some() {
        let document = document();
        assert_eq!(document["openapi"], "3.1.0");
        for rest in DOCUMENT.split("\"$ref\": \"#").skip(1) {
            let pointer = rest.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
        }
        for name in document["components"]["schemas"].as_object().unwrap().keys() {
            schema(name);
        }
    }

    /// One of the document's schemas, ready to be held against an answer.
    pub(crate) fn schema(name: &str) -> jsonschema::Validator {
        let components = document()["components"].clone();
        let schema = serde_json::json!({"$ref": format!("#/components/schemas/{name}"), "components": components});
        jsonschema::options().with_draft(jsonschema::Draft::Draft202012).build(&schema).unwrap()
    }
}
