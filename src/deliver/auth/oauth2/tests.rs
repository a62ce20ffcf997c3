//! Against an endpoint of its own, on paused time.

use super::*;
use crate::deliver::Lasting;
use std::collections::VecDeque;

/// Answers one after the other, each after a second; keeps with which refresh token it was asked.
#[derive(Default)]
struct Listed {
    answers: Mutex<VecDeque<Result<Option<u64>, TokenError>>>,
    asked: Mutex<Vec<Option<String>>>,
}

impl Endpoint for Listed {
    async fn ask(&self, _: &Client, _: &Profile, refresh_token: Option<&Secret>) -> Result<Granted, TokenError> {
        let number = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(refresh_token.map(|token| token.expose().to_owned()));
            asked.len()
        };
        tokio::time::sleep(Duration::from_secs(1)).await;
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Ok(Some(100)));
        let header = HeaderValue::try_from(format!("Bearer {number}")).unwrap();
        let refresh_token = Some(Secret::new(format!("refresh-{number}")));
        answer.map(|expires_in| Granted { header, expires_in, refresh_token })
    }
}

struct Tested {
    tokens: Arc<OAuth2<Listed>>,
    client: Client,
}

impl Tested {
    fn new(answers: &[Result<Option<u64>, TokenError>]) -> Tested {
        let grant = Listed { answers: Mutex::new(answers.iter().copied().collect()), ..Listed::default() };
        let profile = Lasting::default().profiles.documents(&Arc::default());
        let tokens = OAuth2 { grant, profile, state: Mutex::default() };
        Tested { tokens: Arc::new(tokens), client: Client::new().unwrap() }
    }

    async fn token(&self) -> Result<String, TokenError> {
        let token = self.whole().await?;
        Ok(token.header.to_str().unwrap().to_owned())
    }

    async fn whole(&self) -> Result<Token, TokenError> {
        self.tokens.token(&self.client, Instant::now() + Duration::from_secs(10)).await
    }

    async fn renewed(&self, refused: &Token) -> Result<Option<String>, TokenError> {
        let renewed = self.tokens.renewed(&self.client, refused, Instant::now() + Duration::from_secs(10)).await?;
        Ok(renewed.map(|token| token.header.to_str().unwrap().to_owned()))
    }

    fn asked(&self) -> usize {
        self.tokens.grant.asked.lock().unwrap().len()
    }
}

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

const DOWN: TokenError = TokenError::Unwell(Outcome::Connect);

#[tokio::test(start_paused = true)]
async fn many_attempts_wait_for_one_token() {
    let tested = Tested::new(&[]);
    let all = futures_util::future::join_all((0..50).map(|_| tested.token())).await;
    assert!(all.iter().all(|token| token.as_deref() == Ok("Bearer 1")));
    pass(60).await;
    assert_eq!(tested.token().await.as_deref(), Ok("Bearer 1"));
    assert_eq!(tested.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_before_its_end_and_nobody_waits() {
    let tested = Tested::new(&[]);
    tested.token().await.unwrap();
    // A tenth of 100 s before its end, at the latest.
    pass(90).await;
    let before = Instant::now();
    assert_eq!(tested.token().await.as_deref(), Ok("Bearer 1"));
    assert_eq!(before.elapsed(), Duration::ZERO);
    pass(2).await;
    assert_eq!(tested.token().await.as_deref(), Ok("Bearer 2"));
    assert_eq!(tested.asked(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_that_has_ended_is_waited_for() {
    let tested = Tested::new(&[]);
    tested.token().await.unwrap();
    pass(1000).await;
    assert_eq!(tested.token().await.as_deref(), Ok("Bearer 2"));
}

#[tokio::test(start_paused = true)]
async fn an_early_renewal_that_fails_is_tried_again_while_the_token_lasts() {
    let tested = Tested::new(&[Ok(Some(100)), Err(DOWN), Err(DOWN)]);
    tested.token().await.unwrap();
    pass(91).await;
    for _ in 0..3 {
        assert_eq!(tested.token().await.as_deref(), Ok("Bearer 1"));
        pass(2).await;
    }
    assert_eq!(tested.asked(), 4);
    assert_eq!(tested.token().await.as_deref(), Ok("Bearer 4"), "the third renewal");
}

#[tokio::test(start_paused = true)]
async fn a_failed_endpoint_is_left_in_peace_for_a_while() {
    let tested = Tested::new(&[Err(DOWN), Err(TokenError::Refused)]);
    assert_eq!(tested.token().await, Err(DOWN));
    assert_eq!(tested.token().await, Err(DOWN));
    assert_eq!(tested.asked(), 1);
    pass(1).await;
    assert_eq!(tested.token().await, Err(TokenError::Refused));
    pass(9).await;
    assert_eq!(tested.token().await, Err(TokenError::Refused));
    assert_eq!(tested.asked(), 2);
    pass(1).await;
    assert_eq!(tested.token().await.as_deref(), Ok("Bearer 3"));
}

#[tokio::test(start_paused = true)]
async fn whoever_gives_up_takes_nothing_along() {
    let tested = Tested::new(&[]);
    let soon = Instant::now() + Duration::from_millis(10);
    let given_up = tested.tokens.token(&tested.client, soon).await;
    assert_eq!(given_up.err(), Some(TokenError::OutOfTime));
    pass(2).await;
    let now = Instant::now();
    assert_eq!(tested.token().await.as_deref(), Ok("Bearer 1"));
    assert_eq!((now.elapsed(), tested.asked()), (Duration::ZERO, 1));
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_renewed_once() {
    let tested = Tested::new(&[]);
    let first = tested.whole().await.unwrap();
    let renewed = futures_util::future::join_all((0..20).map(|_| tested.renewed(&first))).await;
    assert!(renewed.iter().all(|token| *token == Ok(Some("Bearer 2".to_owned()))), "{renewed:?}");
    assert_eq!(tested.asked(), 2);
    // Somebody still had the first one.
    assert_eq!(tested.renewed(&first).await, Ok(Some("Bearer 2".to_owned())));
    // The new one is refused as well: another would fare no better.
    let second = tested.whole().await.unwrap();
    assert_eq!(tested.renewed(&second).await, Ok(None));
    assert_eq!(tested.asked(), 2);
    pass(10).await;
    assert_eq!(tested.renewed(&second).await, Ok(Some("Bearer 3".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_rotated_refresh_token_is_the_next_to_be_shown() {
    let tested = Tested::new(&[]);
    tested.token().await.unwrap();
    pass(1000).await;
    tested.token().await.unwrap();
    let asked = tested.tokens.grant.asked.lock().unwrap().clone();
    assert_eq!(asked, [None, Some("refresh-1".to_owned())]);
}
