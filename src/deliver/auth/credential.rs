//! What every attempt makes anew before it is sent.

use super::aws::Aws;
use super::oauth2::{OAuth2, TokenError};
use super::sign::{Signer, ToSign};
use crate::deliver::attempt::{self, Answered, Broken, Sent};
use crate::deliver::client::Client;
use crate::deliver::field::set;
use crate::deliver::outcome::Outcome;
use crate::deliver::pool::Profile;
use crate::deliver::prepare::ShownHeaders;
use chrono::{DateTime, Utc};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use std::sync::Arc;
use tokio::time::Instant;

/// Cheap to clone.
#[derive(Clone)]
pub(in crate::deliver) enum Credential {
    Token(Arc<OAuth2>),
    Signature(Arc<dyn Signer>),
    Aws(Arc<Aws>),
}

/// How an attempt is made.
pub(in crate::deliver) struct Way<'w> {
    pub(in crate::deliver) client: &'w Client,
    pub(in crate::deliver) profile: &'w Profile,
    pub(in crate::deliver) until: Instant,
    pub(in crate::deliver) answer_max: u64,
    pub(in crate::deliver) started: DateTime<Utc>,
    /// The delivery's.
    pub(in crate::deliver) id: &'w str,
}

impl Way<'_> {
    /// One attempt, with its credential. Sent once, and a second time only where the target refused a token unread, and
    /// with another token.
    pub(in crate::deliver) async fn send(
        &self,
        credential: Option<&Credential>,
        mut sent: Sent<'_>,
    ) -> Result<Answered, Broken> {
        match credential {
            None => {}
            // On the heap, so that attempts without a token carry no room for a second one.
            Some(Credential::Token(oauth2)) => return Box::pin(self.send_with_token(oauth2, sent)).await,
            Some(Credential::Signature(signer)) => {
                let Sent { method, to, headers, body } = &mut sent;
                let mut to_sign = ToSign { method, uri: &to.uri, headers, body, id: self.id };
                signer.sign(&mut to_sign, self.started).map_err(|_| never_sent(Outcome::Expression))?;
            }
            Some(Credential::Aws(aws)) => {
                aws.sign(&mut sent, self.started).map_err(|_| never_sent(Outcome::Expression))?;
            }
        }
        self.exchange(sent).await
    }

    async fn send_with_token(&self, oauth2: &Arc<OAuth2>, mut sent: Sent<'_>) -> Result<Answered, Broken> {
        let token = oauth2.token(self.client, self.until).await.map_err(not_granted)?;
        let again = sent.clone();
        sent.headers.insert(AUTHORIZATION, token.header.clone());
        let answered = self.exchange(sent).await?;
        if answered.status != StatusCode::UNAUTHORIZED {
            return Ok(answered);
        }
        match oauth2.renewed(self.client, &token, self.until).await {
            Ok(Some(token)) => {
                let mut sent = again;
                sent.headers.insert(AUTHORIZATION, token.header.clone());
                self.exchange(sent).await
            }
            Ok(None) => Ok(answered),
            Err(error) => Err(not_granted(error)),
        }
    }

    fn exchange(&self, sent: Sent<'_>) -> impl Future<Output = Result<Answered, Broken>> + Send {
        attempt::exchange(self.client, self.profile, sent, self.until, self.answer_max)
    }
}

fn not_granted(error: TokenError) -> Broken {
    Broken { out_of_time: error == TokenError::OutOfTime, ..never_sent(error.outcome()) }
}

fn never_sent(outcome: Outcome) -> Broken {
    Broken { outcome, status: None, ambiguous: false, out_of_time: false }
}

impl Credential {
    /// The scheme signs the delivery's id: that of a signed webhook which passes through gives way.
    pub(in crate::deliver) fn signs_id(&self) -> bool {
        matches!(self, Credential::Signature(signer) if signer.signs_id())
    }

    /// Puts what stands for it into a request that is built, and not yet sent.
    pub(super) fn show(&self, headers: &mut HeaderMap, shown: &mut ShownHeaders) {
        match self {
            Credential::Token(oauth2) => stand_in(headers, shown, AUTHORIZATION, oauth2.shown().to_owned()),
            Credential::Aws(aws) => {
                for (name, text) in aws.shown() {
                    stand_in(headers, shown, name, text);
                }
            }
            Credential::Signature(signer) => {
                for name in signer.headers() {
                    stand_in(headers, shown, name.clone(), format!("${{sign:{name}}}"));
                }
            }
        }
    }
}

fn stand_in(headers: &mut HeaderMap, shown: &mut ShownHeaders, name: HeaderName, text: String) {
    let value = HeaderValue::from_static("made for each attempt");
    set(headers, shown, &name, (value, Some(text)));
}
