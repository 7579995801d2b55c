//! More than one call, tab or person: call waiting, hold, glare, calls on other tabs, guests, limits.

use anyhow::{Context, Result};
use ringwire_demo::browser::Page;
use ringwire_gateway::demo;
use serde_json::json;

use crate::stage::{ACTIVE, STANDS_STILL, Stage, both_see, ended, moves, run, talk, tap, until};
use crate::wire::Wire;

/// Alice talks with Bob, and Carol calls Alice.
struct Waiting {
    stage: Stage,
    alice: Page,
    bob: Page,
    carol: Page,
}

impl Waiting {
    async fn set() -> Result<Self> {
        let stage = Stage::set().await?;
        let alice = stage.page("alice").await?;
        let bob = stage.page("bob").await?;
        let carol = stage.page("carol").await?;
        talk(&alice, &bob, "bob").await?;
        run(&carol, "call('alice')").await?;
        until(&alice, "state().waiting?.peer.username === 'carol'").await?;
        until(&carol, "state().call?.status === 'ringing'").await?;
        Ok(Self {
            stage,
            alice,
            bob,
            carol,
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_pages_see_each_other() -> Result<()> {
    let stage = Stage::set().await?;
    let alice = stage.page("alice").await?;
    let carol = stage.page("carol").await?;
    talk(&carol, &alice, "alice").await?;
    run(&carol, "hangUp()").await?;
    assert_eq!(ended(&alice).await?, "completed");
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_call_is_accepted_while_the_first_is_held_and_they_change_places() -> Result<()> {
    let Waiting {
        stage,
        alice,
        bob,
        carol,
    } = Waiting::set().await?;
    tap(&alice, "hold-accept").await?;
    until(&bob, "state().call?.remote.held").await?;
    both_see(&alice, &carol).await?;
    until(&bob, STANDS_STILL).await?;

    tap(&alice, "swap").await?;
    until(&carol, "state().call?.remote.held").await?;
    until(&bob, "state().call?.remote.held === false").await?;
    both_see(&alice, &bob).await?;
    assert_eq!(run(&alice, "state().call.peer.username").await?, "bob");

    run(&bob, "hangUp()").await?;
    until(&alice, "state().call?.status === 'held'").await?;
    tap(&alice, "hold").await?;
    both_see(&alice, &carol).await?;
    run(&alice, "hangUp()").await?;
    assert_eq!(ended(&carol).await?, "completed");
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_call_is_accepted_and_the_first_is_over() -> Result<()> {
    let Waiting {
        stage,
        alice,
        bob,
        carol,
    } = Waiting::set().await?;
    tap(&alice, "end-accept").await?;
    assert_eq!(ended(&bob).await?, "completed");
    both_see(&alice, &carol).await?;
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_call_is_declined_as_busy_and_the_first_goes_on() -> Result<()> {
    let Waiting {
        stage,
        alice,
        bob,
        carol,
    } = Waiting::set().await?;
    tap(&alice, "decline-waiting").await?;
    assert_eq!(ended(&carol).await?, "busy");
    both_see(&alice, &bob).await?;
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_call_waiting_a_second_caller_is_busy_at_once() -> Result<()> {
    let stage = Stage::set().await?;
    let alice = stage.page_at(&stage.lab.url(), "alice&waiting=off").await?;
    let bob = stage.page("bob").await?;
    let carol = stage.page("carol").await?;
    talk(&bob, &alice, "alice").await?;
    run(&carol, "call('alice')").await?;
    assert_eq!(ended(&carol).await?, "busy");
    both_see(&alice, &bob).await?;
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hold_stops_sound_and_picture_in_both_directions_until_it_is_taken_back() -> Result<()> {
    let stage = Stage::set().await?;
    let alice = stage.page("alice").await?;
    let bob = stage.page("bob").await?;
    talk(&alice, &bob, "bob").await?;
    tap(&bob, "hold").await?;
    until(&alice, "state().call?.remote.held").await?;
    until(&alice, STANDS_STILL).await?;
    until(&bob, "state().call?.status === 'held'").await?;
    let silent = "return document.getElementById('sound').srcObject === null";
    assert_eq!(
        bob.eval_json(silent).await?,
        true,
        "Bob sees nothing on hold"
    );
    tap(&bob, "hold").await?;
    until(&alice, "state().call?.remote.held === false").await?;
    both_see(&alice, &bob).await?;
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_call_each_other_at_the_same_moment_end_up_in_one_call() -> Result<()> {
    let stage = Stage::set().await?;
    let alice = stage.page("alice").await?;
    let wire = Wire::to(stage.lab.gateway.address()).await?;
    let bob = stage.page_at(&wire.url(), "bob").await?;
    wire.hold_back();
    run(&alice, "call('bob')").await?;
    until(&alice, "state().call?.callId").await?;
    run(&bob, "call('alice')").await?;
    until(&bob, "state().call?.status === 'calling'").await?;
    wire.mend();
    both_see(&alice, &bob).await?;
    let call = run(&alice, "state().call.callId").await?;
    assert_eq!(run(&bob, "state().call.callId").await?, call);
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_on_another_tab_is_asked_about_and_moved_here() -> Result<()> {
    let stage = Stage::set().await?;
    let first = stage.page("alice").await?;
    let bob = stage.page("bob").await?;
    let second = stage.page("alice").await?;
    talk(&first, &bob, "bob").await?;
    run(&second, "call('bob')").await?;
    until(&second, "state().call?.status === 'asking'").await?;
    tap(&second, "join-found").await?;
    assert_eq!(ended(&first).await?, "answeredElsewhere");
    both_see(&second, &bob).await?;
    run(&bob, "hangUp()").await?;
    assert_eq!(ended(&second).await?, "completed");
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_a_lost_tab_left_behind_is_ended_and_made_anew() -> Result<()> {
    let stage = Stage::set().await?;
    let wire = Wire::to(stage.lab.gateway.address()).await?;
    let lost = stage.page_at(&wire.url(), "alice").await?;
    let bob = stage.page("bob").await?;
    talk(&lost, &bob, "bob").await?;
    wire.cut();
    let alice = stage.page("alice").await?;
    run(&alice, "call('bob')").await?;
    until(&alice, "state().call?.status === 'asking'").await?;
    tap(&alice, "free-found").await?;
    until(&bob, "state().call?.status === 'incoming'").await?;
    run(&bob, "accept()").await?;
    both_see(&alice, &bob).await?;
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answered_in_one_tab_is_silent_in_the_other_which_can_take_the_call_over() -> Result<()> {
    let stage = Stage::set().await?;
    let first = stage.page("alice").await?;
    let second = stage.page("alice").await?;
    let bob = stage.page("bob").await?;
    run(&bob, "call('alice')").await?;
    for tab in [&first, &second] {
        until(tab, "state().call?.status === 'incoming'").await?;
    }
    run(&first, "accept()").await?;
    assert_eq!(ended(&second).await?, "answeredElsewhere");
    both_see(&first, &bob).await?;

    tap(&second, "dismiss").await?;
    until(&second, "state().elsewhere.length === 1").await?;
    tap(&second, "take-over").await?;
    assert_eq!(ended(&first).await?, "answeredElsewhere");
    both_see(&second, &bob).await?;
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn declined_in_one_tab_is_declined_in_the_other() -> Result<()> {
    let stage = Stage::set().await?;
    let first = stage.page("alice").await?;
    let second = stage.page("alice").await?;
    let bob = stage.page("bob").await?;
    run(&bob, "call('alice')").await?;
    for tab in [&first, &second] {
        until(tab, "state().call?.status === 'incoming'").await?;
    }
    tap(&first, "decline").await?;
    assert_eq!(ended(&second).await?, "declinedElsewhere");
    assert_eq!(ended(&bob).await?, "rejected");
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_with_an_invitation_calls_and_is_called_back() -> Result<()> {
    let stage = Stage::set().await?;
    let alice = stage.page("alice").await?;
    let link = "const answer = await fetch(`/api/conversations/${args.group}/invites`, {
            method: 'POST', headers: { authorization: `Bearer ${args.token}` },
        });
        return (await answer.json()).invite";
    let token = stage.lab.token("alice")?;
    let invite = alice
        .eval_with(link, json!({ "group": demo::GROUP, "token": token }))
        .await?;
    let invite = invite.as_str().context("no link")?;
    let address = format!("{}/?raw#invite={invite}", stage.lab.url());
    let gil = stage.browser.open(&address).await?;
    until(&gil, "!document.getElementById('guest').hidden").await?;
    gil.eval_json(
        "document.getElementById('guest-name').value = 'Gil';
         document.getElementById('guest').requestSubmit();",
    )
    .await?;
    until(
        &gil,
        "state().socket === 'connected' && window.ringwire.people().length === 1",
    )
    .await?;
    tap(&gil, "call-video").await?;
    until(&alice, "state().call?.peer.displayName === 'Gil'").await?;
    run(&alice, "accept()").await?;
    both_see(&gil, &alice).await?;
    assert_eq!(run(&gil, "state().call.peer.displayName").await?, "Alice");
    run(&gil, "hangUp()").await?;
    assert_eq!(ended(&alice).await?, "completed");

    tap(&alice, "call-again").await?;
    until(&gil, "state().call?.status === 'incoming'").await?;
    run(&gil, "accept()").await?;
    both_see(&alice, &gil).await?;
    gil.reload().await?;
    both_see(&alice, &gil).await?;
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_that_is_not_valid_says_why() -> Result<()> {
    let stage = Stage::set().await?;
    let address = format!("{}/#invite=a.b.c", stage.lab.url());
    let page = stage.browser.open(&address).await?;
    until(&page, "!document.getElementById('guest').hidden").await?;
    page.eval_json(
        "document.getElementById('guest-name').value = 'Gil';
         document.getElementById('guest').requestSubmit();",
    )
    .await?;
    until(
        &page,
        "document.getElementById('sign-in-note').textContent.includes('invitation')",
    )
    .await?;
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_survives_more_toggles_than_the_limit_and_calls_that_come_too_often_say_so()
-> Result<()> {
    let stage = Stage::set().await?;
    let alice = stage.page("alice").await?;
    let bob = stage.page("bob").await?;
    talk(&alice, &bob, "bob").await?;
    let many = "for (let i = 0; i < 60; i += 1) window.ringwire.setMicrophone(i % 2 === 1)";
    alice.eval_json(many).await?;
    until(&bob, "state().call?.remote.audioEnabled").await?;
    both_see(&alice, &bob).await?;
    run(&alice, "hangUp()").await?;
    ended(&bob).await?;

    for _ in 0..4 {
        run(&alice, "call('bob')").await?;
        until(&bob, "state().call?.status === 'incoming'").await?;
        run(&alice, "hangUp()").await?;
        assert_eq!(ended(&bob).await?, "cancelled");
    }
    run(&alice, "call('bob')").await?;
    assert_eq!(ended(&alice).await?, "failed");
    let code = run(&alice, "state().lastEnded.error.code").await?;
    assert_eq!(code, "RATE_LIMIT_EXCEEDED");
    talk(&bob, &alice, "alice").await?;
    moves(&alice).await?;
    until(&alice, ACTIVE).await?;
    stage.strike().await
}
