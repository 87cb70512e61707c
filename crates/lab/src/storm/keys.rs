//! The keys of a storm: each sent several times at once, every answer journalled and held against the others.

use std::time::{Duration, Instant};

use anyhow::Context;
use futures::future::try_join_all;
use futures::stream::{FuturesUnordered, StreamExt};

use crate::api;
use crate::client::{Answer, Client};
use crate::journal::Journal;
use crate::verify::Ack;

const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Keys under way when each is sent once more, with nobody killed.
const AGAIN_AT_ONCE: usize = 64;

pub(super) struct Keys<'a> {
    pub prefix: String,
    pub keys: usize,
    pub at_once: usize,
    /// Deaths that the keys are spread over.
    pub kills: usize,
    pub tenant: &'a str,
    pub store: &'a str,
    pub skus: usize,
    pub clients: &'a [Client],
    pub acks: &'a Journal,
}

/// What all copies were told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// By the key's number.
    pub answers: Vec<String>,
    pub answered: usize,
    pub replayed: usize,
    /// Keys whose copies were told different things.
    pub differing: usize,
    /// The longest that a key took until all of its copies were answered.
    pub longest: Duration,
}

/// What came when each key was sent once more.
#[derive(Debug, Default)]
pub(super) struct Again {
    pub differing: usize,
    /// Answers that were no replays.
    pub fresh: usize,
}

pub(super) fn sku(number: usize) -> String {
    format!("STORM-{number:02}")
}

/// An answer as far as copies must agree: all but whether it was a replay.
fn text_of(answer: &Answer) -> (String, bool) {
    match answer {
        Answer::Accepted(accepted) => (format!("accepted {}", accepted.body), accepted.replayed),
        Answer::Refused(refused) => (
            format!("refused {} {}", refused.status, refused.code),
            refused.replayed,
        ),
    }
}

impl Keys<'_> {
    /// Sends every key; they are spread over the deaths, so that the last death still finds work.
    pub(super) async fn storm(&self, deaths: impl Fn() -> usize) -> anyhow::Result<Told> {
        let mut told = Told {
            answers: vec![String::new(); self.keys],
            ..Told::default()
        };
        let (mut next, mut under_way) = (0, FuturesUnordered::new());
        while next < self.keys || !under_way.is_empty() {
            let allowed = self.keys * (deaths() + 1) / (self.kills + 1) + self.at_once;
            let may_start = next < self.keys.min(allowed) && under_way.len() < self.at_once;
            if may_start {
                under_way.push(self.send(next));
                next += 1;
                continue;
            }
            tokio::select! {
                Some(answers) = under_way.next(), if !under_way.is_empty() => {
                    let (number, answers, took): (usize, Vec<(String, bool)>, Duration) = answers?;
                    take(&mut told, number, &answers, took);
                }
                () = tokio::time::sleep(LOOK_EVERY), if under_way.is_empty() => {}
            }
        }
        Ok(told)
    }

    /// All copies of one key.
    async fn send(&self, number: usize) -> anyhow::Result<(usize, Vec<(String, bool)>, Duration)> {
        let started = Instant::now();
        let copies = self.clients.iter().map(|client| self.copy(client, number));
        let answers = try_join_all(copies).await?;
        Ok((number, answers, started.elapsed()))
    }

    async fn copy(&self, client: &Client, number: usize) -> anyhow::Result<(String, bool)> {
        let key = format!("{}-key-{number}", self.prefix);
        let call = api::adjust_stock(self.store, &sku(number % self.skus), 1, "storm").keyed(key.clone());
        let answer = client.call(&call).await?;
        let (status, position, code) = match &answer {
            Answer::Accepted(accepted) => (200, accepted.position(), None),
            Answer::Refused(refused) => (refused.status, None, Some(refused.code.clone())),
        };
        let ack = Ack {
            tenant: self.tenant.to_owned(),
            key,
            status,
            position,
            code,
        };
        self.acks.write(&ack).await?;
        Ok(text_of(&answer))
    }

    /// Every key once more: the same answer, as a replay.
    pub(super) async fn again(&self, answers: &[String]) -> anyhow::Result<Again> {
        let client = self.clients.first().context("no copies")?;
        let mut again = Again::default();
        let mut replies = futures::stream::iter(0..self.keys)
            .map(|number| async move { anyhow::Ok((number, self.copy(client, number).await?)) })
            .buffer_unordered(AGAIN_AT_ONCE);
        while let Some(reply) = replies.next().await {
            let (number, (text, replayed)) = reply?;
            again.differing += usize::from(answers.get(number) != Some(&text));
            again.fresh += usize::from(!replayed);
        }
        Ok(again)
    }
}

/// Takes one key's answers into account.
fn take(told: &mut Told, number: usize, answers: &[(String, bool)], took: Duration) {
    told.answered += answers.len();
    told.replayed += answers.iter().filter(|(_, replayed)| *replayed).count();
    told.longest = told.longest.max(took);
    let Some((first, _)) = answers.first() else { return };
    let is_accepted = first.starts_with("accepted");
    if !is_accepted || answers.iter().any(|(text, _)| text != first) {
        told.differing += 1;
    }
    if let Some(place) = told.answers.get_mut(number) {
        place.clone_from(first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_that_are_told_different_things_are_counted() {
        let mut told = Told {
            answers: vec![String::new(); 3],
            ..Told::default()
        };
        let answer = |text: &str| (format!("accepted {text}"), false);
        take(&mut told, 0, &[answer("a"), answer("a")], Duration::ZERO);
        assert_eq!((told.differing, told.answered), (0, 2));
        take(&mut told, 1, &[answer("a"), answer("b")], Duration::ZERO);
        assert_eq!(told.differing, 1);
        take(
            &mut told,
            2,
            &[("refused 409 x".to_owned(), false)],
            Duration::ZERO,
        );
        assert_eq!(told.differing, 2, "nothing refuses these commands");
    }
}
