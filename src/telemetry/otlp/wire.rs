//! The wire format of protocol buffers (<https://protobuf.dev/programming-guides/encoding/>), as far as OTLP needs it:
//! written straight into the bytes that are sent, without trees of messages in between.

/// Field numbers and wire types.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const BYTES: u64 = 2;
const FIXED32: u64 = 5;

/// One message, written field by field.
pub struct Message<'a>(&'a mut Vec<u8>);

impl<'a> Message<'a> {
    pub fn new(out: &'a mut Vec<u8>) -> Message<'a> {
        Message(out)
    }

    pub fn text(&mut self, field: u64, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    /// Several pieces as one text.
    pub fn texts(&mut self, field: u64, pieces: &[&str]) {
        self.tag(field, BYTES);
        self.varint(pieces.iter().map(|piece| piece.len() as u64).sum());
        pieces.iter().for_each(|piece| self.0.extend_from_slice(piece.as_bytes()));
    }

    pub fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.tag(field, BYTES);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Fields that are written already.
    pub fn raw(&mut self, fields: &[u8]) {
        self.0.extend_from_slice(fields);
    }

    pub fn number(&mut self, field: u64, number: u64) {
        self.tag(field, VARINT);
        self.varint(number);
    }

    pub fn fixed64(&mut self, field: u64, number: u64) {
        self.tag(field, FIXED64);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub fn fixed32(&mut self, field: u64, number: u32) {
        self.tag(field, FIXED32);
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    pub fn double(&mut self, field: u64, number: f64) {
        self.fixed64(field, number.to_bits());
    }

    /// A list of numbers of eight bytes each, packed.
    pub fn packed(&mut self, field: u64, numbers: impl ExactSizeIterator<Item = u64>) {
        self.tag(field, BYTES);
        self.varint(numbers.len() as u64 * 8);
        numbers.for_each(|number| self.0.extend_from_slice(&number.to_le_bytes()));
    }

    /// A message inside this one. Its length is known only afterwards: one byte is kept free for it, which is enough for
    /// most.
    pub fn nested(&mut self, field: u64, write: impl FnOnce(&mut Message<'_>)) {
        self.tag(field, BYTES);
        let place = self.0.len();
        self.0.push(0);
        write(self);
        let length = self.0.len() - place - 1;
        match (u8::try_from(length), self.0.get_mut(place)) {
            (Ok(short @ ..=0x7f), Some(byte)) => *byte = short,
            _ => self.lengthen(place, length),
        }
    }

    /// Puts a length of several bytes where one was kept free.
    fn lengthen(&mut self, place: usize, mut length: usize) {
        let mut digits = [0; usize::BITS as usize / 7 + 1];
        let mut count = 0;
        for digit in &mut digits {
            count += 1;
            *digit = (length & 0x7f) as u8;
            length >>= 7;
            if length == 0 {
                break;
            }
            *digit |= 0x80;
        }
        self.0.splice(place..=place, digits.into_iter().take(count));
    }

    /// `KeyValue`s.
    pub fn attributes(&mut self, field: u64) -> Attributes<'_, 'a> {
        Attributes { message: self, field }
    }

    /// `AnyValue` with a text.
    pub fn any_text(&mut self, field: u64, text: &str) {
        self.nested(field, |value| value.text(1, text));
    }

    fn tag(&mut self, field: u64, wire_type: u64) {
        self.varint(field << 3 | wire_type);
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

/// A repeated field of `opentelemetry.proto.common.v1.KeyValue`.
pub struct Attributes<'m, 'a> {
    message: &'m mut Message<'a>,
    field: u64,
}

impl Attributes<'_, '_> {
    pub fn text(&mut self, key: &str, text: &str) {
        self.one(&[key], |value| value.text(1, text));
    }

    /// A text that is not empty.
    pub fn given(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.text(key, text);
        }
    }

    /// With a key in two pieces.
    pub fn named(&mut self, prefix: &str, name: &str, text: &str) {
        self.one(&[prefix, name], |value| value.text(1, text));
    }

    pub fn number(&mut self, key: &str, number: u64) {
        self.one(&[key], |value| value.number(3, number));
    }

    pub fn switch(&mut self, key: &str, on: bool) {
        self.one(&[key], |value| value.number(2, u64::from(on)));
    }

    pub fn double(&mut self, key: &str, number: f64) {
        self.one(&[key], |value| value.double(4, number));
    }

    pub fn map<K: AsRef<str>, V: AsRef<str>>(&mut self, key: &str, entries: &[(K, V)]) {
        self.one(&[key], |value| {
            value.nested(6, |map| {
                let mut map = map.attributes(1);
                entries.iter().for_each(|(key, text)| map.text(key.as_ref(), text.as_ref()));
            });
        });
    }

    fn one(&mut self, key: &[&str], write: impl FnOnce(&mut Message<'_>)) {
        self.message.nested(self.field, |pair| {
            pair.texts(1, key);
            pair.nested(2, write);
        });
    }
}

/// The number in `partial_success.rejected_…` of an answer: 0 where there is none, or where it is not understood.
pub fn rejected(answer: &[u8]) -> u64 {
    let Some(partial) = field(answer, 1) else { return 0 };
    let Found::Bytes(partial) = partial else { return 0 };
    match field(partial, 1) {
        Some(Found::Number(rejected)) => rejected,
        _ => 0,
    }
}

enum Found<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

/// The first field with this number.
fn field(mut bytes: &[u8], wanted: u64) -> Option<Found<'_>> {
    while !bytes.is_empty() {
        let tag = read_varint(&mut bytes)?;
        let found = match tag & 7 {
            VARINT => Found::Number(read_varint(&mut bytes)?),
            FIXED64 => read(&mut bytes, 8).map(|_| Found::Other)?,
            FIXED32 => read(&mut bytes, 4).map(|_| Found::Other)?,
            BYTES => {
                let length = usize::try_from(read_varint(&mut bytes)?).ok()?;
                Found::Bytes(read(&mut bytes, length)?)
            }
            _ => return None,
        };
        if tag >> 3 == wanted {
            return Some(found);
        }
    }
    None
}

fn read<'b>(bytes: &mut &'b [u8], length: usize) -> Option<&'b [u8]> {
    let (read, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(read)
}

fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let byte = *read(bytes, 1)?.first()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry_proto::tonic::collector::trace::v1::{ExportTracePartialSuccess, ExportTraceServiceResponse};
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValueList, any_value::Value};
    use proptest::prelude::*;
    use prost::Message as _;

    proptest! {
        #[test]
        fn what_is_written_is_what_another_reader_reads(key in "\\PC{0,300}", text in "\\PC{0,20000}", number: u64, double: f64, on: bool) {
            let mut out = Vec::new();
            let mut message = Message::new(&mut out);
            let mut attributes = message.attributes(1);
            attributes.text(&key, &text);
            attributes.number("n", number);
            attributes.double("d", double);
            attributes.switch("b", on);
            attributes.map("m", &[(&key, &text)]);
            let read = KeyValueList::decode(&out[..]).unwrap().values;
            let value = |at: usize| read[at].value.clone().unwrap().value.unwrap();
            prop_assert_eq!(&read[0].key, &key);
            prop_assert_eq!(value(0), Value::StringValue(text.clone()));
            prop_assert_eq!(value(1), Value::IntValue(number.cast_signed()));
            prop_assert!(matches!(value(2), Value::DoubleValue(read) if read.to_bits() == double.to_bits()));
            prop_assert_eq!(value(3), Value::BoolValue(on));
            let Value::KvlistValue(map) = value(4) else { panic!() };
            prop_assert_eq!(map.values[0].value.clone(), Some(AnyValue { value: Some(Value::StringValue(text)) }));
        }

        #[test]
        fn what_a_collector_rejected_is_read(rejected_spans in 0i64.., error_message in "\\PC{0,200}") {
            let partial_success = Some(ExportTracePartialSuccess { rejected_spans, error_message });
            let answer = ExportTraceServiceResponse { partial_success }.encode_to_vec();
            prop_assert_eq!(rejected(&answer), rejected_spans.cast_unsigned());
        }

        #[test]
        fn whatever_a_collector_answers_it_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = rejected(&bytes);
        }
    }
}
