//! Which headers, query parameters and vars an expression looks at: for the lint, never while an event is decided.

use super::program::{Op, Place};
use super::{Condition, Expression};
use http::HeaderName;

/// A part of the event that an expression looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input<'x> {
    Header(&'x HeaderName),
    /// All of them, or one whose name is computed.
    Headers,
    QueryKey(&'x str),
    Query,
    Var(&'x str),
    Vars,
}

impl Expression {
    /// Tells `visit` each of them, in the order in which they are written.
    pub fn inputs<'x>(&'x self, visit: &mut dyn FnMut(Input<'x>)) {
        self.op.places(&mut |place| place.input().into_iter().for_each(&mut *visit));
    }

    /// It looks at nothing but path parameters, query and headers, and gives the same for the same ones.
    pub fn reads_head_alone(&self) -> bool {
        let mut alone = !self.reads().volatile;
        self.op.places(&mut |place| {
            alone &= matches!(
                place,
                Place::Headers
                    | Place::Header(_)
                    | Place::Query
                    | Place::QueryKey(_)
                    | Place::Params
                    | Place::Param(..)
            );
        });
        alone
    }
}

impl Condition {
    /// As [`Expression::inputs`].
    pub fn inputs<'x>(&'x self, visit: &mut dyn FnMut(Input<'x>)) {
        self.expression().inputs(visit);
    }
}

impl Place {
    fn input(&self) -> Option<Input<'_>> {
        Some(match self {
            Place::Headers => Input::Headers,
            Place::Header(name) => Input::Header(name),
            Place::Query => Input::Query,
            Place::QueryKey(name) => Input::QueryKey(name),
            Place::Vars(_) => Input::Vars,
            Place::Var(_, name) => Input::Var(name),
            _ => return None,
        })
    }
}

impl Op {
    fn places<'x>(&'x self, visit: &mut dyn FnMut(&'x Place)) {
        match self {
            Op::Read(place) | Op::ReadOptional(place) | Op::IsThere(place) => visit(place),
            Op::Constant(_) | Op::Secret(..) | Op::Local(..) | Op::Now | Op::Uuid => {}
            Op::Path(base, _) | Op::Has(base, _) | Op::Not(base) | Op::Negate(base) | Op::Matches(base, _) => {
                base.places(visit);
            }
            Op::Index(left, right)
            | Op::OptionalIndex(left, right)
            | Op::And(left, right)
            | Op::Or(left, right)
            | Op::Arithmetic(_, left, right)
            | Op::Compare(_, left, right)
            | Op::Equal(left, right)
            | Op::NotEqual(left, right)
            | Op::In(left, right)
            | Op::Bind(_, left, right)
            | Op::OrElse(left, right, _) => {
                left.places(visit);
                right.places(visit);
            }
            Op::Conditional(parts) => parts.iter().for_each(|part| part.places(visit)),
            Op::List(items) => items.iter().for_each(|(item, _)| item.places(visit)),
            Op::Map(entries) => entries.iter().for_each(|entry| {
                entry.key.places(visit);
                entry.value.places(visit);
            }),
            Op::Call(_, arguments) => arguments.iter().for_each(|argument| argument.places(visit)),
            Op::Fold(fold) => {
                fold.range.places(visit);
                fold.filter.iter().for_each(|filter| filter.places(visit));
                fold.body.places(visit);
            }
            Op::OptionalMap(map) => {
                map.target.places(visit);
                map.body.places(visit);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{At, Findings};
    use crate::expr::Environment;
    use crate::secret::{Missing, References};
    use std::path::Path;

    fn compiled(source: &str) -> Expression {
        let (findings, references) = (Findings::default(), References::new(Path::new("."), Missing::Fails));
        let at = At::document(&findings, &references, 0);
        let vars = ["kind".to_owned()];
        let params = ["c".into()];
        let environment = Environment { vars: &vars, params: &params, ..Environment::default() };
        let expression = Expression::compile(source, 0, &environment, &at);
        expression.unwrap_or_else(|| panic!("{source}: {:?}", findings.to_vec()))
    }

    fn inputs(source: &str) -> Vec<String> {
        let expression = compiled(source);
        let mut found = Vec::new();
        expression.inputs(&mut |input| {
            found.push(match input {
                Input::Header(name) => format!("h:{name}"),
                Input::Headers => "headers".to_owned(),
                Input::QueryKey(name) => format!("q:{name}"),
                Input::Query => "query".to_owned(),
                Input::Var(name) => format!("v:{name}"),
                Input::Vars => "vars".to_owned(),
            });
        });
        found
    }

    #[test]
    fn names_are_found_wherever_they_stand() {
        for source in [
            r#"headers["x-a"] == "b""#,
            r#"headers[?"x-a"].orValue("") != ''"#,
            r#"body.a && !(headers["x-a"] in ["b"])"#,
            r#"body.items.exists(item, item.id == headers["x-a"])"#,
            r#"(body.b ? headers["x-a"] : "c").matches("d")"#,
            r#"cel.bind(a, headers["x-a"], size(a) > 1)"#,
            r#"{"k": [headers["x-a"]]}.k[0] + "b" < "c""#,
            r#"body.?a.optMap(a, a + headers["x-a"]).hasValue()"#,
        ] {
            assert_eq!(inputs(source), ["h:x-a"], "{source}");
        }
        assert_eq!(inputs("has(query.a) && query['b'] == vars.kind"), ["q:a", "q:b", "v:kind"]);
    }

    #[test]
    fn the_head_is_path_parameters_query_and_headers() {
        for (source, alone) in [
            (r#"headers["x-a"] + query.b + params["c"]"#, true),
            ("size(query) > 1 ? 'a' : headers[query.b]", true),
            ("body.a", false),
            ("headers[text]", false),
            ("request.client_ip", false),
            ("vars.kind", false),
            ("route.name + query.b", false),
            ("string(now())", false),
        ] {
            assert_eq!(compiled(source).reads_head_alone(), alone, "{source}");
        }
    }

    #[test]
    fn a_computed_name_is_any_of_them() {
        assert_eq!(inputs("headers[body.name] == query[body.name]"), ["headers", "query"]);
        assert_eq!(inputs("size(vars) > 0"), ["vars"]);
        assert_eq!(inputs("body.headers.x + params.size() == text"), [""; 0]);
    }
}
