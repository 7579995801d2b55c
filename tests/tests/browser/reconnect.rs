//! Sockets, pages, paths and gateways that go away in a call, and come back.

use anyhow::Result;
use ringwire_demo::browser::Page;
use serde_json::Value;

use crate::stage::{ACTIVE, Stage, both_see, ended, moves, run, talk, tap, until};
use crate::wire::Wire;

/// The network of this page has changed.
const OTHER_NETWORK: &str = "window.dispatchEvent(new Event('online'))";
/// The page's own user name of ICE, which a restart changes (RFC 8445 §9).
async fn ufrag(page: &Page) -> Result<Value> {
    Ok(run(page, "stats()").await?["ufrag"].clone())
}

/// Alice's page on a wire that can be cut, in a call with Bob's.
async fn on_a_wire() -> Result<(Stage, Wire, Page, Page)> {
    let stage = Stage::set().await?;
    let wire = Wire::to(stage.lab.gateway.address()).await?;
    let alice = stage.page_at(&wire.url(), "alice").await?;
    let bob = stage.page("bob").await?;
    talk(&alice, &bob, "bob").await?;
    Ok((stage, wire, alice, bob))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_flows_while_the_socket_is_lost_and_what_was_switched_is_told_after() -> Result<()> {
    let (stage, wire, alice, bob) = on_a_wire().await?;
    wire.cut();
    until(&alice, "state().call?.status === 'reconnecting'").await?;
    moves(&alice).await?;
    moves(&bob).await?;
    tap(&alice, "microphone").await?;
    wire.mend();
    both_see(&alice, &bob).await?;
    until(&bob, "state().call?.remote.audioEnabled === false").await?;
    run(&bob, "hangUp()").await?;
    assert_eq!(ended(&alice).await?, "completed");
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_ended_while_the_socket_was_lost_is_over_when_it_is_back() -> Result<()> {
    let (stage, wire, alice, bob) = on_a_wire().await?;
    wire.cut();
    until(&alice, "state().call?.status === 'reconnecting'").await?;
    run(&bob, "hangUp()").await?;
    assert_eq!(ended(&bob).await?, "completed");
    wire.mend();
    ended(&alice).await?;
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ring_that_came_while_the_socket_was_lost_rings_when_it_is_back_unless_it_was_cancelled()
-> Result<()> {
    let stage = Stage::set().await?;
    let wire = Wire::to(stage.lab.gateway.address()).await?;
    let alice = stage.page_at(&wire.url(), "alice").await?;
    let bob = stage.page("bob").await?;
    wire.cut();
    until(&alice, "state().socket === 'reconnecting'").await?;
    run(&bob, "call('alice')").await?;
    until(&bob, "state().call?.callId").await?;
    run(&bob, "hangUp()").await?;
    assert_eq!(ended(&bob).await?, "cancelled");
    run(&bob, "call('alice')").await?;
    until(&bob, "state().call?.callId").await?;
    let second = run(&bob, "state().call.callId").await?;
    wire.mend();
    until(&alice, "state().call?.status === 'incoming'").await?;
    assert_eq!(run(&alice, "state().call.callId").await?, second);
    run(&alice, "accept()").await?;
    both_see(&alice, &bob).await?;
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_reloaded_in_a_call_comes_back_whoever_called() -> Result<()> {
    let stage = Stage::set().await?;
    let alice = stage.page("alice").await?;
    let bob = stage.page("bob").await?;
    talk(&alice, &bob, "bob").await?;
    let call = run(&bob, "state().call.callId").await?;
    run(&alice, "setMicrophone(false)").await?;
    until(&bob, "state().call?.remote.audioEnabled === false").await?;
    for page in [&alice, &bob] {
        page.reload().await?;
        both_see(&alice, &bob).await?;
        assert_eq!(run(page, "state().call.callId").await?, call);
    }
    until(&bob, "state().call?.remote.audioEnabled === false").await?;
    run(&alice, "hangUp()").await?;
    assert_eq!(ended(&bob).await?, "completed");
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_reloaded_with_a_call_on_hold_comes_back_to_both() -> Result<()> {
    let stage = Stage::set().await?;
    let alice = stage.page("alice").await?;
    let bob = stage.page("bob").await?;
    let carol = stage.page("carol").await?;
    talk(&alice, &bob, "bob").await?;
    run(&carol, "call('alice')").await?;
    until(&alice, "state().waiting").await?;
    tap(&alice, "hold-accept").await?;
    both_see(&alice, &carol).await?;
    alice.reload().await?;
    both_see(&alice, &carol).await?;
    until(&alice, "state().calls.length === 2").await?;
    until(&bob, "state().call?.remote.held").await?;
    until(&bob, ACTIVE).await?;
    tap(&alice, "swap").await?;
    both_see(&alice, &bob).await?;
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_closed_while_it_calls_cancels_its_call() -> Result<()> {
    let stage = Stage::set().await?;
    let alice = stage.page("alice").await?;
    let bob = stage.page("bob").await?;
    run(&alice, "call('bob')").await?;
    until(&bob, "state().call?.status === 'incoming'").await?;
    alice.goto("about:blank").await?;
    assert_eq!(ended(&bob).await?, "cancelled");
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_flows_while_the_gateway_restarts_and_the_call_goes_on() -> Result<()> {
    let mut stage = Stage::set().await?;
    let alice = stage.page("alice").await?;
    let bob = stage.page("bob").await?;
    talk(&alice, &bob, "bob").await?;
    let call = run(&alice, "state().call.callId").await?;
    stage.lab = stage.lab.restart().await?;
    for page in [&alice, &bob] {
        moves(page).await?;
        until(page, "state().socket === 'connected'").await?;
    }
    both_see(&alice, &bob).await?;
    assert_eq!(run(&alice, "state().call.callId").await?, call);
    tap(&alice, "camera").await?;
    until(&bob, "state().call?.remote.videoEnabled === false").await?;
    run(&bob, "hangUp()").await?;
    assert_eq!(ended(&alice).await?, "completed");
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_network_at_either_end_restarts_ice_and_media_goes_on() -> Result<()> {
    let stage = Stage::set().await?;
    let alice = stage.page("alice").await?;
    let bob = stage.page("bob").await?;
    talk(&alice, &bob, "bob").await?;
    for changed in [&alice, &bob] {
        let before = [ufrag(&alice).await?, ufrag(&bob).await?];
        changed.eval_json(OTHER_NETWORK).await?;
        for (page, before) in [&alice, &bob].into_iter().zip(before) {
            until(
                page,
                &format!("stats().then((s) => s.ufrag && s.ufrag !== {before})"),
            )
            .await?;
        }
        both_see(&alice, &bob).await?;
    }
    stage.strike().await
}

/// Neither page can be asked for an offer, so both make one: the polite side gives way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ends_that_cannot_ask_for_an_offer_restart_ice_at_the_same_time() -> Result<()> {
    let stage = Stage::set().await?;
    let older = "knows=ringing";
    let alice = stage
        .page_at(&stage.lab.url(), &format!("alice&{older}"))
        .await?;
    let bob = stage
        .page_at(&stage.lab.url(), &format!("bob&{older}"))
        .await?;
    talk(&alice, &bob, "bob").await?;
    for _ in 0..4 {
        let before = ufrag(&alice).await?;
        alice.eval_json(OTHER_NETWORK).await?;
        bob.eval_json(OTHER_NETWORK).await?;
        until(
            &alice,
            &format!("stats().then((s) => s.ufrag && s.ufrag !== {before})"),
        )
        .await?;
        both_see(&alice, &bob).await?;
    }
    stage.strike().await
}
