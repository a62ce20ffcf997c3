//! A parsed body as the validator wants to see it: nothing is copied but what two values are compared by.

use crate::document::{Document, Kind, Node};
use jsonschema::JsonType;
use jsonschema::json::{self, Json, JsonNumber, NodeIdentity, cmp, unique};
use serde_json::Value;
use std::borrow::Cow;
use std::cell::Cell;

/// The representation: our documents.
pub(super) struct Documents;

/// What a search for violations has found so far. A body of a megabyte can be wrong in half a million places: the search
/// goes into nothing further once it has found [`Effort::MAX`], branches of unions included.
#[derive(Default)]
pub(super) struct Effort(Cell<usize>);

impl Effort {
    /// Far more than are told, because the branches of a union count.
    const MAX: usize = 1000;

    fn is_spent(&self) -> bool {
        self.0.get() >= Effort::MAX
    }
}

#[derive(Clone, Copy)]
pub(super) struct View<'d> {
    what: What<'d>,
    effort: Option<&'d Effort>,
}

#[derive(Clone, Copy)]
enum What<'d> {
    Node(Node<'d>),
    /// The name of a member, which a schema may describe as a string.
    Name(&'d str),
}

impl<'d> View<'d> {
    pub fn of(body: &'d Document, effort: &'d Effort) -> View<'d> {
        View { what: What::Node(body.root()), effort: Some(effort) }
    }

    fn node(self) -> Option<Node<'d>> {
        match self.what {
            What::Node(node) => Some(node),
            What::Name(_) => None,
        }
    }

    fn kind(self) -> Kind {
        self.node().map_or(Kind::String, Node::kind)
    }

    fn with(self, node: Node<'d>) -> View<'d> {
        View { what: What::Node(node), ..self }
    }

    fn goes_on(self) -> impl Fn() -> bool + 'd {
        move || self.effort.is_none_or(|effort| !effort.is_spent())
    }

    fn value(self) -> Value {
        match self.what {
            What::Node(node) => node.to_value(),
            What::Name(name) => Value::from(name),
        }
    }
}

impl Json for Documents {
    type Node<'a> = View<'a>;
    type PreparedKey = Box<str>;
    type StringBuffer = ();

    fn prepare_key(key: &str) -> Box<str> {
        key.into()
    }

    fn with_string_node<T>(_buffer: &mut (), string: &str, f: impl FnOnce(View<'_>) -> T) -> T {
        f(View { what: What::Name(string), effort: None })
    }
}

impl<'a> json::Node<'a, Documents> for View<'a> {
    type Object = View<'a>;
    type Array = View<'a>;
    type Number = Text<'a>;

    fn as_object(&self) -> Option<View<'a>> {
        (self.kind() == Kind::Map).then_some(*self)
    }

    fn as_array(&self) -> Option<View<'a>> {
        (self.kind() == Kind::List).then_some(*self)
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self.what {
            What::Node(node) => node.as_str().map(Cow::Borrowed),
            What::Name(name) => Some(Cow::Borrowed(name)),
        }
    }

    fn as_number(&self) -> Option<Text<'a>> {
        self.node().and_then(Node::number_text).map(Text)
    }

    fn as_boolean(&self) -> Option<bool> {
        self.node().and_then(Node::as_bool)
    }

    fn is_null(&self) -> bool {
        self.kind() == Kind::Null
    }

    fn json_type(&self) -> JsonType {
        match self.kind() {
            Kind::Null => JsonType::Null,
            Kind::Bool => JsonType::Boolean,
            Kind::Number => JsonType::Number,
            Kind::String => JsonType::String,
            Kind::List => JsonType::Array,
            Kind::Map => JsonType::Object,
        }
    }

    /// Only what may be equal is copied.
    fn equals_value(&self, expected: &Value) -> bool {
        match (self.kind(), expected) {
            (Kind::Null, Value::Null) => true,
            (Kind::Bool, Value::Bool(expected)) => self.as_boolean() == Some(*expected),
            (Kind::String, Value::String(expected)) => self.as_string().as_deref() == Some(expected.as_str()),
            (Kind::Number, Value::Number(_)) => cmp::equal(&self.value(), expected),
            (Kind::List, Value::Array(items)) => {
                self.node().map_or(0, Node::len) == items.len() && cmp::equal(&self.value(), expected)
            }
            (Kind::Map, Value::Object(members)) => {
                self.node().map_or(0, Node::len) == members.len() && cmp::equal(&self.value(), expected)
            }
            _ => false,
        }
    }

    /// Asked for where something is wrong: violations hold no values, so that they need none.
    fn to_value(&self) -> Cow<'a, Value> {
        if let Some(effort) = self.effort {
            effort.0.set(effort.0.get().saturating_add(1));
        }
        Cow::Owned(Value::Null)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(match self.what {
            What::Node(node) => {
                let (document, index) = node.identity();
                NodeIdentity::tagged(document, index)
            }
            // No document has so many values.
            What::Name(name) => NodeIdentity::tagged(name.as_ptr().addr(), u32::MAX),
        })
    }
}

impl<'a> json::Object<'a, Documents> for View<'a> {
    type Node = View<'a>;
    type MemberName = &'a str;
    type MembersIter = Box<dyn Iterator<Item = (&'a str, View<'a>)> + 'a>;

    fn len(&self) -> usize {
        self.node().map_or(0, Node::len)
    }

    fn get(&self, key: &Box<str>) -> Option<View<'a>> {
        self.node()?.get(key).map(|node| self.with(node))
    }

    fn members(&self) -> Self::MembersIter {
        let (view, goes_on) = (*self, self.goes_on());
        let entries = self.node().into_iter().flat_map(Node::entries);
        Box::new(entries.map(move |(key, node)| (key, view.with(node))).take_while(move |_| goes_on()))
    }
}

impl<'a> json::Array<'a, Documents> for View<'a> {
    type Node = View<'a>;
    type ElementsIter = Box<dyn Iterator<Item = View<'a>> + 'a>;

    fn len(&self) -> usize {
        self.node().map_or(0, Node::len)
    }

    fn elements(&self) -> Self::ElementsIter {
        let (view, goes_on) = (*self, self.goes_on());
        let items = self.node().into_iter().flat_map(Node::items);
        Box::new(items.map(move |node| view.with(node)).take_while(move |_| goes_on()))
    }

    fn is_unique(&self) -> bool {
        let values: Vec<Value> = self.node().into_iter().flat_map(Node::items).map(Node::to_value).collect();
        unique::is_unique(&values)
    }
}

/// A number by its own text.
pub(super) struct Text<'a>(&'a str);

impl JsonNumber for Text<'_> {
    fn as_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    fn as_f64(&self) -> Option<f64> {
        self.0.parse().ok()
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.0)
    }

    /// What no double holds (`1e999`) becomes the largest one: it is as far beyond any limit.
    fn to_number(&self) -> Cow<'_, serde_json::Number> {
        let largest = || if self.0.starts_with('-') { f64::MIN } else { f64::MAX };
        let number = self.0.parse().ok().or_else(|| serde_json::Number::from_f64(largest()));
        Cow::Owned(number.unwrap_or_else(|| serde_json::Number::from(0)))
    }
}
