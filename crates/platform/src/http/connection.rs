//! One connection of the server: which of its times runs, and what ends it.
//!
//! A connection is idle, reads a head, waits for the answer or writes it, and each of these has a limit of its own.
//! The bytes that pass and the answer's body tell which one it is; everything happens in the connection's task, so that
//! a request costs no timer and no other task. Not here: accepting, and the limits' values (`server`).

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// How long each phase may last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub head: Duration,
    pub keep_alive: Duration,
    /// From the head to the answer; the guard answers before.
    pub request: Duration,
    pub answer: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing of a request has come; `is_first` when none ever did.
    Idle {
        is_first: bool,
    },
    Head,
    Request,
    Answer {
        is_body_done: bool,
    },
}

#[derive(Debug)]
struct State {
    phase: Phase,
    deadline: Instant,
}

/// What a connection does now; shared by its stream, its service and its answers' bodies.
#[derive(Debug, Clone)]
pub(super) struct Activity {
    times: Times,
    state: Arc<Mutex<State>>,
}

impl Activity {
    pub(super) fn new(times: Times) -> Self {
        // A client that connects is expected to ask.
        let state = State {
            phase: Phase::Idle { is_first: true },
            deadline: Instant::now() + times.head,
        };
        Self {
            times,
            state: Arc::new(Mutex::new(state)),
        }
    }

    fn change(&self, next: impl FnOnce(Phase) -> Option<(Phase, Duration)>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((phase, limit)) = next(state.phase) {
            *state = State {
                phase,
                deadline: Instant::now() + limit,
            };
        }
    }

    fn bytes_came(&self) {
        self.change(|phase| match phase {
            // The first head's time runs from the connection.
            Phase::Idle { is_first: false } => Some((Phase::Head, self.times.head)),
            _ => None,
        });
    }

    pub(super) fn request_began(&self) {
        self.change(|_| Some((Phase::Request, self.times.request)));
    }

    pub(super) fn answer_began(&self) {
        let phase = Phase::Answer { is_body_done: false };
        self.change(|_| Some((phase, self.times.answer)));
    }

    /// The body was handed over; its last bytes may still have to be written.
    fn body_done(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Phase::Answer { is_body_done } = &mut state.phase {
            *is_body_done = true;
        }
    }

    fn flushed(&self) {
        self.change(|phase| match phase {
            Phase::Answer { is_body_done: true } => {
                Some((Phase::Idle { is_first: false }, self.times.keep_alive))
            }
            _ => None,
        });
    }

    pub(super) fn is_idle(&self) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.phase == Phase::Idle { is_first: false }
    }

    /// Runs until the present phase has lasted too long, however often it changes; says which one it was. Polled after
    /// what changes the phase, in the same task.
    pub(super) fn overdue(&self) -> impl Future<Output = &'static str> + use<> {
        let activity = self.clone();
        let mut timer = Box::pin(tokio::time::sleep_until(activity.deadline()));
        std::future::poll_fn(move |cx| {
            loop {
                let deadline = activity.deadline();
                // A timer that rings too early is set again then: this way most requests never touch it.
                if deadline < timer.deadline() {
                    timer.as_mut().reset(deadline);
                }
                if timer.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                if activity.deadline() <= Instant::now() {
                    return Poll::Ready(activity.name());
                }
                timer.as_mut().reset(activity.deadline());
            }
        })
    }

    fn deadline(&self) -> Instant {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).deadline
    }

    fn name(&self) -> &'static str {
        match self.state.lock().unwrap_or_else(PoisonError::into_inner).phase {
            Phase::Idle { is_first: false } => "idle",
            Phase::Idle { is_first: true } | Phase::Head => "head",
            Phase::Request => "request",
            Phase::Answer { .. } => "answer",
        }
    }
}

/// A stream that tells what passes.
pub(super) struct Watched<S> {
    stream: S,
    activity: Activity,
}

impl<S> Watched<S> {
    pub(super) fn new(stream: S, activity: Activity) -> Self {
        Self { stream, activity }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.activity.bytes_came();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// Asked for once everything that was buffered is written.
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.activity.flushed();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// An answer's body that tells when it is done, or no longer wanted.
pub(super) struct WatchedBody<B> {
    body: B,
    activity: Activity,
}

impl<B> WatchedBody<B> {
    pub(super) fn new(body: B, activity: Activity) -> Self {
        Self { body, activity }
    }
}

impl<B> Drop for WatchedBody<B> {
    fn drop(&mut self) {
        self.activity.body_done();
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for WatchedBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
