//! Apps that die in mid-call, without a word to anybody, and start again.

use anyhow::Result;
use ringwire_client::{CallKey, CallState};
use ringwire_tests::{Lab, Line, Person, VIDEO};

use crate::pair::{Pair, rings, talk};

/// Alice talks with Bob over a line that can be cut.
async fn talking_over_lines(lab: &Lab) -> Result<(Pair, [Line; 2])> {
    let lines = [lab.line(true).await?, lab.line(true).await?];
    let alice = start(lab, "alice", "alice-phone", &lines[0]).await?;
    let bob = start(lab, "bob", "bob-phone", &lines[1]).await?;
    let pair = talk(rings(lab, alice, bob).await?).await?;
    Ok((pair, lines))
}

async fn start(lab: &Lab, name: &str, device: &str, line: &Line) -> Result<Person> {
    let person = lab.device_with(name, device, |config| config.url = line.url())?;
    person.until("connected", |now| now.me.is_some()).await?;
    Ok(person)
}

/// The app dies: its socket and its media are gone, and nobody was told.
async fn crash(person: Person, line: &Line) -> Result<()> {
    line.cut();
    person
        .until("cut off", |now| {
            now.socket != ringwire_client::SocketState::Connected
        })
        .await?;
    person.client.close().await;
    line.open();
    Ok(())
}

/// Started again on the same device, the app is offered the call, and joins.
async fn again(lab: &Lab, name: &str, device: &str, line: &Line) -> Result<(Person, CallKey)> {
    let person = start(lab, name, device, line).await?;
    let offered = person
        .until_call("offered", |call| call.state == CallState::Offered)
        .await?;
    person.client.join(offered.key, VIDEO)?;
    Ok((person, offered.key))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_callee_dies_in_mid_call_and_joins_again() -> Result<()> {
    let lab = Lab::start().await?;
    let (pair, lines) = talking_over_lines(&lab).await?;
    let Pair {
        mut alice,
        mine,
        bob,
        theirs,
    } = pair;
    alice.film()?;
    bob.until_picture(theirs).await?;
    crash(bob, &lines[1]).await?;
    let (mut bob, theirs) = again(&lab, "bob", "bob-phone", &lines[1]).await?;
    bob.film()?;
    bob.until_active(theirs).await?;
    bob.until_picture(theirs).await?;
    alice.until_picture(mine).await?;
    bob.client.hang_up(theirs)?;
    assert_eq!(alice.until_ended(mine).await?, "completed");
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_caller_dies_in_mid_call_and_joins_again() -> Result<()> {
    let lab = Lab::start().await?;
    let (pair, lines) = talking_over_lines(&lab).await?;
    let Pair {
        alice,
        mine,
        mut bob,
        theirs,
    } = pair;
    bob.film()?;
    alice.until_picture(mine).await?;
    crash(alice, &lines[0]).await?;
    let (mut alice, mine) = again(&lab, "alice", "alice-phone", &lines[0]).await?;
    alice.film()?;
    alice.until_active(mine).await?;
    alice.until_picture(mine).await?;
    bob.until_picture(theirs).await?;
    alice.client.hang_up(mine)?;
    assert_eq!(bob.until_ended(theirs).await?, "completed");
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_that_a_crash_left_busy_is_freed_by_force() -> Result<()> {
    let lab = Lab::start().await?;
    let (pair, lines) = talking_over_lines(&lab).await?;
    let Pair {
        alice, bob, theirs, ..
    } = pair;
    crash(alice, &lines[0]).await?;
    // Installed anew: nothing is known of the device before.
    let alice = lab.device("alice", "alice-new").await?;
    let place = lab.conversation("alice", "bob")?;
    let refused = alice.call(&place)?;
    alice
        .until_call("offered", |call| {
            call.key == refused && call.state == CallState::Offered
        })
        .await?;
    alice.client.force_leave(place.clone())?;
    assert_eq!(alice.until_ended(refused).await?, "cancelled");
    assert_eq!(bob.until_ended(theirs).await?, "completed");
    let mine = alice.call(&place)?;
    let theirs = bob.until_rings().await?;
    bob.client.accept(theirs, VIDEO)?;
    alice.until_active(mine).await?;
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_flows_while_a_socket_is_lost_and_what_was_said_meanwhile_is_found() -> Result<()> {
    let lab = Lab::start().await?;
    let (pair, lines) = talking_over_lines(&lab).await?;
    let Pair {
        mut alice,
        mine,
        bob,
        theirs,
    } = pair;
    alice.film()?;
    bob.until_picture(theirs).await?;
    lines[1].cut();
    bob.until("cut off", |now| {
        now.socket != ringwire_client::SocketState::Connected
    })
    .await?;
    alice.client.set_microphone(mine, false)?;
    alice
        .until_call("muted", |call| !call.media.microphone)
        .await?;
    bob.until_picture(theirs).await?;
    lines[1].open();
    bob.client.network_changed()?;
    bob.until_call("muted there", |call| {
        call.people.iter().any(|person| !person.audio_enabled)
    })
    .await?;
    bob.until_picture(theirs).await?;
    lab.gateway.shutdown().await;
    Ok(())
}
