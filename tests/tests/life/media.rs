//! Cameras that come late, and screens beside them.

use anyhow::Result;
use ringwire_client::LocalMedia;
use ringwire_protocol::CallType;
use ringwire_tests::Lab;

use crate::pair::{Pair, talking};

const SOUND: LocalMedia = LocalMedia {
    microphone: true,
    camera: false,
    screen: false,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_comes_on_at_either_end_of_a_call_that_began_with_sound() -> Result<()> {
    let lab = Lab::start().await?;
    let (mut alice, mut bob) = (lab.person("alice").await?, lab.person("bob").await?);
    alice.film()?;
    bob.film()?;
    let place = lab.conversation("alice", "bob")?;
    let mine = alice.client.call(place, CallType::Audio, SOUND)?;
    let theirs = bob.until_rings().await?;
    bob.client.accept(theirs, SOUND)?;
    alice.until_active(mine).await?;
    alice.until_sound(mine).await?;
    bob.until_sound(theirs).await?;

    alice.client.set_camera(mine, true)?;
    bob.until_call("seen there", |call| {
        call.people.iter().any(|person| person.video_enabled)
    })
    .await?;
    bob.until_picture(theirs).await?;
    assert!(
        alice
            .client
            .stats(mine)
            .is_none_or(|it| it.frames_received == 0)
    );
    bob.client.set_camera(theirs, true)?;
    alice.until_picture(mine).await?;
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn camera_and_screen_go_side_by_side_in_both_directions() -> Result<()> {
    let lab = Lab::start().await?;
    let Pair {
        mut alice,
        mine,
        mut bob,
        theirs,
    } = talking(&lab).await?;
    for person in [&mut alice, &mut bob] {
        person.film()?;
        person.share()?;
    }
    alice.client.set_screen(mine, true)?;
    bob.until_call("shared there", |call| {
        call.people.iter().any(|person| person.screen_enabled)
    })
    .await?;
    bob.until_screen(theirs).await?;
    bob.until_picture(theirs).await?;
    bob.client.set_screen(theirs, true)?;
    alice.until_screen(mine).await?;
    alice.until_picture(mine).await?;
    bob.client.set_screen(theirs, false)?;
    alice
        .until_call("shared no more", |call| {
            call.people.iter().all(|person| !person.screen_enabled)
        })
        .await?;
    alice.until_picture(mine).await?;
    lab.gateway.shutdown().await;
    Ok(())
}
