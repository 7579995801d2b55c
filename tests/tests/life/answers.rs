//! What an app waits for: answers, snapshots; what is remembered of a call; and what a panic does.

use std::time::Duration;

use anyhow::{Context, Result};
use ringwire_client::protocol::{CallEndReason, ErrorCode};
use ringwire_client::{CallKey, Event, NotAnswered, SocketState};
use ringwire_tests::{DEADLINE, Lab};

use crate::pair::{Pair, rings, talk, talking};

async fn pair(lab: &Lab) -> Result<Pair> {
    let (alice, bob) = (lab.person("alice").await?, lab.person("bob").await?);
    rings(lab, alice, bob).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_an_answer_gets_it_at_both_ends() -> Result<()> {
    let lab = Lab::start().await?;
    let pair = pair(&lab).await?;
    let mine = pair.alice.client.answered(pair.mine)?;
    let theirs = pair.bob.client.answered(pair.theirs)?;
    assert_eq!(theirs.wait().await, Err(NotAnswered::NotAccepted));
    let pair = talk(pair).await?;
    assert_eq!(
        tokio::time::timeout(DEADLINE, mine.wait()).await?,
        Ok(pair.mine)
    );
    assert_eq!(mine.wait().await, Ok(pair.mine), "any number of times");
    let theirs = pair.bob.client.answered(pair.theirs)?;
    assert_eq!(
        tokio::time::timeout(DEADLINE, theirs.wait()).await?,
        Ok(pair.theirs)
    );
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_an_answer_is_told_why_there_is_none() -> Result<()> {
    let lab = Lab::start().await?;
    let pair = pair(&lab).await?;
    let declined = pair.alice.client.answered(pair.mine)?;
    pair.bob.client.decline(pair.theirs)?;
    let ended = Err(NotAnswered::Ended(CallEndReason::Rejected));
    assert_eq!(
        tokio::time::timeout(DEADLINE, declined.wait()).await?,
        ended
    );

    let nowhere = pair.alice.client.answered(CallKey::from_raw(4_242))?;
    assert_eq!(nowhere.wait().await, Err(NotAnswered::Unknown));

    let stranger = ringwire_client::protocol::ConversationId::new("65a1f0c2d3e4b5a6978fffff")?;
    let refused = pair.alice.client.answered(pair.alice.call(&stranger)?)?;
    let refused = tokio::time::timeout(DEADLINE, refused.wait()).await?;
    let Err(NotAnswered::Refused(error)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(error.code, ErrorCode::ConversationNotFound);

    let again = pair.alice.call(&lab.conversation("alice", "carol")?)?;
    let closing = pair.alice.client.answered(again)?;
    drop(pair.alice);
    let closed = tokio::time::timeout(DEADLINE, closing.wait()).await?;
    // The call is hung up on the way.
    let cancelled = NotAnswered::Ended(CallEndReason::Cancelled);
    assert!(
        closed == Err(NotAnswered::Closed) || closed == Err(cancelled),
        "{closed:?}"
    );
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_begin_with_the_present_and_end_with_the_client() -> Result<()> {
    let lab = Lab::start().await?;
    let alice = lab.person("alice").await?;
    let snapshots = alice.client.snapshots();
    let first = snapshots.next().await.context("there is a present")?;
    assert_eq!(first.socket, SocketState::Connected);
    let nothing = tokio::time::timeout(Duration::ZERO, snapshots.next()).await;
    assert!(nothing.is_err(), "it is still the same state");

    let key = alice.call(&lab.conversation("alice", "bob")?)?;
    let calls = async {
        while let Some(now) = snapshots.next().await {
            if now.call(key).is_some() {
                return true;
            }
        }
        false
    };
    assert!(tokio::time::timeout(DEADLINE, calls).await?);
    drop(alice);
    let last = async {
        let mut last = None;
        while let Some(now) = snapshots.next().await {
            last = Some(now.socket.clone());
        }
        last
    };
    let last = tokio::time::timeout(DEADLINE, last).await?;
    assert_eq!(last, Some(SocketState::Closed));
    assert!(snapshots.next().await.is_none());
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_beside_the_task_ends_that_client_and_its_peer_only_loses_the_call() -> Result<()> {
    let lab = Lab::start().await?;
    let pair = talking(&lab).await?;
    let broken = pair.alice.client.alarm().guard(|| panic!("on purpose"));
    assert_eq!(broken, Err::<(), _>("on purpose".to_owned()));
    let mut told = Vec::new();
    let telling = async {
        while let Some(event) = pair.alice.client.next_event().await {
            told.push(event);
        }
    };
    tokio::time::timeout(DEADLINE, telling).await?;
    let failed = told
        .iter()
        .position(|event| matches!(event, Event::Failed { .. }));
    let failed = failed.context("it is told")?;
    assert_eq!(told.last(), Some(&Event::Socket(SocketState::Closed)));
    assert!(failed < told.len() - 1);
    assert!(pair.alice.client.hang_up(pair.mine).is_err());

    assert_eq!(pair.bob.until_ended(pair.theirs).await?, "completed");
    let carol = lab.person("carol").await?;
    pair.bob.call(&lab.conversation("bob", "carol")?)?;
    carol.until_rings().await?;
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happened_and_was_measured_in_a_call_is_remembered_after_it() -> Result<()> {
    let lab = Lab::start().await?;
    let mut pair = talking(&lab).await?;
    pair.alice.film()?;
    pair.bob.until_picture(pair.theirs).await?;
    // A measurement is taken each second.
    let measured = async {
        loop {
            let known = pair.bob.client.diagnostics(pair.theirs);
            if known.is_some_and(|known| known.statistics.iter().any(|at| at.pictures_received > 0))
            {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(DEADLINE, measured).await?;
    pair.alice.client.hang_up(pair.mine)?;
    pair.bob.until_ended(pair.theirs).await?;

    let known = pair
        .bob
        .client
        .diagnostics(pair.theirs)
        .context("it is remembered")?;
    assert_eq!(
        (known.call, known.state.as_str()),
        (pair.theirs.get(), "ended: completed")
    );
    let at = |way: &str, what: &str| {
        let step = known
            .timeline
            .iter()
            .position(|step| step.way == way && step.what == what);
        step.with_context(|| format!("no {way} {what}: {:#?}", known.timeline))
    };
    let story = [
        at("in", "call:initiated")?,
        at("told", "incoming")?,
        at("in", "command accept")?,
        at("out", "call:join")?,
        at("in", "path connected")?,
        at("in", "call:ended")?,
        at("told", "ended: completed")?,
    ];
    assert!(story.is_sorted(), "{story:?}");
    assert!(
        pair.bob
            .client
            .diagnostics(CallKey::from_raw(4_242))
            .is_none()
    );
    lab.gateway.shutdown().await;
    Ok(())
}
