//! Basic authentication.

use super::credentials::{Tenant, of};
use crate::config::spec::{BasicSpec, ByKeyTextSpec};
use crate::deliver::field::{ShownValue, Visibility};
use crate::deliver::union;
use crate::diagnostic::At;
use crate::expr::{Environment, Evaluation, EvaluationError, Reads};
use crate::secret::holds_stand_in;
use crate::transform::{Rendered, Text, header_value};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// `authorization: Basic …` (RFC 7617, in UTF-8).
pub(super) struct Basic {
    username: Text,
    password: Text,
    constant: Option<ShownValue>,
}

impl Basic {
    pub(super) fn compile(
        spec: &BasicSpec,
        tenant: Tenant<'_>,
        environment: &Environment<'_>,
        at: &At<'_>,
    ) -> Option<Basic> {
        let text = |written: &ByKeyTextSpec, key: &str| {
            let (written, at) = of(written, tenant, &at.key(key))?;
            Text::compile(written, environment, &at)
        };
        let (username, password) = (text(&spec.username, "username"), text(&spec.password, "password"));
        let mut basic = Basic { username: username?, password: password?, constant: None };
        if let (Some(username), Some(password)) = (basic.username.constant(), basic.password.constant()) {
            match basic_value(username, password) {
                Ok(value) => basic.constant = Some(value),
                Err(error) => {
                    at.error("basic-auth", error.to_string(), None);
                    return None;
                }
            }
        }
        Some(basic)
    }

    pub(super) fn reads(&self) -> Reads {
        union(self.username.reads(), self.password.reads())
    }

    pub(super) fn value(&self, evaluation: &mut Evaluation<'_>) -> Result<ShownValue, EvaluationError> {
        if let Some(constant) = &self.constant {
            return Ok(constant.clone());
        }
        let username = self.username.rendered(evaluation)?.unwrap_or_default();
        let password = self.password.rendered(evaluation)?.unwrap_or_default();
        basic_value(&username, &password)
    }
}

/// RFC 7617, section 2: the first colon ends the user name, and neither part has control characters.
fn basic_value(username: &Rendered, password: &Rendered) -> Result<ShownValue, EvaluationError> {
    let wrong = |message: &str| Err(EvaluationError::Wrong(message.to_owned()));
    if username.real().contains(':') && !holds_stand_in(username.real()) {
        return wrong("the user name of basic auth has a colon, which would end it");
    }
    if username.real().chars().chain(password.real().chars()).any(char::is_control) {
        return wrong("the user name or password of basic auth has a control character");
    }
    let pair = Zeroizing::new(format!("{}:{}", username.real(), password.real()));
    let mut value = header_value(&format!("Basic {}", STANDARD.encode(pair.as_bytes())))?;
    value.set_sensitive(true);
    let password = Visibility::Credential.shown(password).unwrap_or_default();
    Ok((value, Some(format!("Basic {}:{password}", username.shown()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_cannot_stand_in_a_user_name() {
        let value = |username: &str, password: &str| basic_value(&Rendered::open(username), &Rendered::open(password));
        assert!(value("us:er", "password").is_err());
        assert!(value("user", "pass\nword").is_err());
        // The example of RFC 7617, section 2.
        let (header, shown) = value("Aladdin", "open sesame").unwrap();
        assert_eq!(header, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(shown.as_deref(), Some("Basic Aladdin:…"));
        assert!(header.is_sensitive());
    }

    #[test]
    fn utf_8_is_the_charset() {
        // The example of RFC 7617, section 2.1.
        assert_eq!(basic_value(&Rendered::open("test"), &Rendered::open("123£")).unwrap().0, "Basic dGVzdDoxMjPCow==");
    }
}
