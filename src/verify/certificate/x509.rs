//! X.509 certificates (RFC 5280) as far as a signature needs them: the public key, and from when to when it counts.

use chrono::{DateTime, NaiveDate, Utc};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::verify) struct Certificate {
    /// SubjectPublicKeyInfo, in DER.
    pub public_key: Vec<u8>,
    not_before: DateTime<Utc>,
    not_after: DateTime<Utc>,
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0]`, explicit: the version.
const VERSION: u8 = 0xa0;

impl Certificate {
    /// The first certificate of a PEM text (RFC 7468).
    pub fn from_pem(text: &[u8]) -> Option<Certificate> {
        Certificate::from_der(&CertificateDer::from_pem_slice(text).ok()?)
    }

    /// Section 4.1 of RFC 5280, in its order.
    fn from_der(der: &[u8]) -> Option<Certificate> {
        let mut whole = Der(Der(der).next(SEQUENCE)?.content);
        let mut fields = Der(whole.next(SEQUENCE)?.content);
        if fields.0.first() == Some(&VERSION) {
            fields.next(VERSION)?;
        }
        fields.next(INTEGER)?;
        let _algorithm = fields.next(SEQUENCE)?;
        let _issuer = fields.next(SEQUENCE)?;
        let mut validity = Der(fields.next(SEQUENCE)?.content);
        let _subject = fields.next(SEQUENCE)?;
        let public_key = fields.next(SEQUENCE)?.whole.to_vec();
        Some(Certificate { public_key, not_before: validity.time()?, not_after: validity.time()? })
    }

    pub fn is_valid(&self, now: DateTime<Utc>) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// Elements of DER (ITU-T X.690) that follow one another.
struct Der<'d>(&'d [u8]);

struct Element<'d> {
    tag: u8,
    content: &'d [u8],
    /// With tag and length.
    whole: &'d [u8],
}

impl<'d> Der<'d> {
    /// The next element, which must have this tag.
    fn next(&mut self, tag: u8) -> Option<Element<'d>> {
        self.element().filter(|element| element.tag == tag)
    }

    fn element(&mut self) -> Option<Element<'d>> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            // One to three bytes of length: sixteen megabytes are more than any certificate has.
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first & 3))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        let whole = self.0.get(..self.0.len() - after.len())?;
        self.0 = after;
        Some(Element { tag: *tag, content, whole })
    }

    /// Years have two digits in one of the forms, and those from 50 on belong to the century before (4.1.2.5.1).
    fn time(&mut self) -> Option<DateTime<Utc>> {
        let Element { tag, content, .. } = self.element()?;
        let text = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
        let (year, rest) = match tag {
            UTC_TIME => {
                let (year, rest) = text.split_at_checked(2)?;
                let year: i32 = digits(year)?.try_into().ok()?;
                (if year < 50 { 2000 + year } else { 1900 + year }, rest)
            }
            GENERALIZED_TIME => {
                let (year, rest) = text.split_at_checked(4)?;
                (digits(year)?.try_into().ok()?, rest)
            }
            _ => return None,
        };
        let part = |at: usize| digits(rest.get(at..at + 2)?);
        if rest.len() != 10 {
            return None;
        }
        let date = NaiveDate::from_ymd_opt(year, part(0)?, part(2)?)?;
        Some(date.and_hms_opt(part(4)?, part(6)?, part(8)?)?.and_utc())
    }
}

fn digits(text: &str) -> Option<u32> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// `SEQUENCE { INTEGER 1, UTCTime, GeneralizedTime }`, by hand.
    #[test]
    fn elements_and_times_are_read() {
        let bytes = b"\x30\x23\x02\x01\x01\x17\x0d500102030405Z\x18\x0f20490102030405Z";
        let mut inner = Der(Der(bytes).next(SEQUENCE).unwrap().content);
        assert_eq!(inner.next(INTEGER).unwrap().content, [1]);
        assert_eq!(inner.time().unwrap().to_rfc3339(), "1950-01-02T03:04:05+00:00");
        assert_eq!(inner.time().unwrap().to_rfc3339(), "2049-01-02T03:04:05+00:00");
        assert!(inner.element().is_none());
        assert!(Der(b"\x17\x0d501302030405Z").time().is_none());
        assert!(Der(b"\x17\x0d+50102030405Z").time().is_none());
    }

    #[test]
    fn lengths_beyond_the_end_are_refused() {
        for bytes in [&b"\x30"[..], b"\x30\x01", b"\x30\x80\x00\x00", b"\x30\x84\x00\x00\x00\x00", b"\x30\x82\x01"] {
            assert!(Der(bytes).element().is_none(), "{bytes:?}");
        }
        assert_eq!(Der(b"\x30\x81\x01x").element().unwrap().content, b"x");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(10_000))]

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Certificate::from_der(&bytes);
            let _ = Certificate::from_pem(&bytes);
        }

        #[test]
        fn nested_sequences_do_not_panic(bytes in "(\\x30[\\x00-\\x30]|\\x02[\\x00-\\x05]|\\x17\\x0d[0-9]{12}Z|.){0,24}") {
            let _ = Certificate::from_der(bytes.as_bytes());
        }
    }
}
