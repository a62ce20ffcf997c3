use super::*;
use crate::server::admission::Admission;
use http_body::{Frame, SizeHint};
use std::collections::VecDeque;
use std::task::{Context, Poll};

/// A body of given frames, that then ends, breaks off or stalls.
struct Frames {
    frames: VecDeque<Bytes>,
    announced: Option<u64>,
    then: Then,
}

#[derive(Clone, Copy)]
enum Then {
    Ends,
    Breaks,
    Stalls,
}

impl Body for Frames {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match (self.frames.pop_front(), self.then) {
            (Some(data), _) => Poll::Ready(Some(Ok(Frame::data(data)))),
            (None, Then::Ends) => Poll::Ready(None),
            (None, Then::Breaks) => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
            (None, Then::Stalls) => Poll::Pending,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.announced.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

fn frames(parts: &[&str], announced: Option<u64>, then: Then) -> Frames {
    let frames = parts.iter().map(|part| Bytes::copy_from_slice(part.as_bytes())).collect();
    Frames { frames, announced, then }
}

fn bounds(max_size: usize) -> Bounds {
    Bounds { max_size, timeout: Duration::from_millis(20) }
}

async fn read_with(body: Frames, max_size: usize, max_bytes: usize) -> (Result<Bytes, BodyError>, usize) {
    let admission = Admission::new(1, max_bytes);
    let mut permit = admission.enter().unwrap();
    let result = read(body, bounds(max_size), &mut permit).await;
    (result, permit.bytes())
}

#[tokio::test]
async fn one_frame_is_handed_on_without_a_copy() {
    let data = Bytes::from_static(b"hello");
    let body = Frames { frames: [data.clone()].into(), announced: Some(5), then: Then::Ends };
    let (read, held) = read_with(body, 5, 5).await;
    assert_eq!(read.as_deref(), Ok(&b"hello"[..]));
    assert_eq!(read.unwrap().as_ptr(), data.as_ptr());
    assert_eq!(held, 5);
}

#[tokio::test]
async fn frames_are_joined_in_order_and_accounted_for() {
    for announced in [None, Some(9)] {
        let (read, held) = read_with(frames(&["one", "", "two", "six"], announced, Then::Ends), 9, 9).await;
        assert_eq!(read.as_deref(), Ok(&b"onetwosix"[..]));
        assert_eq!(held, 9);
    }
}

#[tokio::test]
async fn an_empty_body_is_empty() {
    let (read, held) = read_with(frames(&[], Some(0), Then::Ends), 0, 0).await;
    assert_eq!((read.as_deref(), held), (Ok(&b""[..]), 0));
}

#[tokio::test]
async fn a_length_over_the_bound_is_refused_before_anything_is_read() {
    let (read, held) = read_with(frames(&[], Some(6), Then::Stalls), 5, 100).await;
    assert_eq!((read, held), (Err(BodyError::TooLarge { max_size: 5 }), 0));
    let (read, _) = read_with(frames(&[], Some(u64::MAX), Then::Stalls), 5, 100).await;
    assert_eq!(read, Err(BodyError::TooLarge { max_size: 5 }));
}

#[tokio::test]
async fn an_unannounced_length_is_counted_while_reading() {
    let (read, _) = read_with(frames(&["abc", "def"], None, Then::Stalls), 5, 100).await;
    assert_eq!(read, Err(BodyError::TooLarge { max_size: 5 }));
}

#[tokio::test]
async fn bytes_in_flight_are_bounded_for_both_kinds() {
    let (read, held) = read_with(frames(&[], Some(50), Then::Stalls), 100, 49).await;
    assert_eq!((read, held), (Err(BodyError::Overload), 0));
    let (read, held) = read_with(frames(&["abc", "def"], None, Then::Ends), 100, 5).await;
    assert_eq!((read, held), (Err(BodyError::Overload), 3));
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let (read, _) = read_with(frames(&["abc"], Some(5), Then::Stalls), 5, 5).await;
    assert_eq!(read, Err(BodyError::Timeout));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_body() {
    let (read, _) = read_with(frames(&["abc"], Some(5), Then::Breaks), 5, 5).await;
    assert_eq!(read, Err(BodyError::Aborted));
}
