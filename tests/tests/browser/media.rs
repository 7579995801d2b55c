//! What is sent in a call between two pages: screen, late video, codecs.

use anyhow::Result;
use ringwire_demo::browser::Page;
use serde_json::json;

use crate::stage::{Stage, both_see, more, moves, run, talk, tap, until};

/// Shares a screen: a browser asks which one only within a tap.
async fn share(page: &Page) -> Result<()> {
    page.click("#share").await?;
    until(page, "state().call?.screen").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_is_shown_beside_the_camera_in_both_directions() -> Result<()> {
    let stage = Stage::set().await?;
    let alice = stage.page("alice").await?;
    let bob = stage.page("bob").await?;
    talk(&alice, &bob, "bob").await?;
    for (shows, sees) in [(&alice, &bob), (&bob, &alice)] {
        share(shows).await?;
        until(sees, "state().call?.remote.screenEnabled").await?;
        more(sees, "screenDecoded").await?;
        moves(sees).await?;
        until(
            sees,
            "document.getElementById('call').dataset.screen === 'yes'",
        )
        .await?;
    }
    for (shows, sees) in [(&alice, &bob), (&bob, &alice)] {
        shows.click("#share").await?;
        until(sees, "state().call?.remote.screenEnabled === false").await?;
        moves(sees).await?;
    }
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_screen_takes_the_place_of_the_camera_where_the_other_end_knows_no_other() -> Result<()> {
    let stage = Stage::set().await?;
    let alice = stage.page("alice").await?;
    let bob = stage
        .page_at(&stage.lab.url(), "bob&knows=ringing,negotiate")
        .await?;
    talk(&alice, &bob, "bob").await?;
    run(&alice, "setCamera(false)").await?;
    until(&bob, "state().call?.remote.videoEnabled === false").await?;
    share(&alice).await?;
    until(&bob, "state().call?.remote.videoEnabled").await?;
    moves(&bob).await?;
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn video_comes_late_into_an_audio_call_from_both_ends() -> Result<()> {
    let stage = Stage::set().await?;
    let alice = stage.page("alice").await?;
    let bob = stage.page("bob").await?;
    run(&alice, "call('bob', { video: false })").await?;
    until(&bob, "state().call?.status === 'incoming'").await?;
    run(&bob, "accept()").await?;
    for page in [&alice, &bob] {
        until(page, "state().call?.status === 'active'").await?;
        until(page, "stats().then((s) => s.audioEnergy > 0)").await?;
    }
    tap(&alice, "camera").await?;
    until(&bob, "state().call?.remote.videoEnabled").await?;
    moves(&bob).await?;
    tap(&bob, "camera").await?;
    until(&alice, "state().call?.remote.videoEnabled").await?;
    moves(&alice).await?;
    stage.strike().await
}

/// What a browser can send, by its own word.
async fn can_send(page: &Page, codec: &str) -> Result<bool> {
    let script = "return RTCRtpSender.getCapabilities('video').codecs
        .some(({ mimeType }) => mimeType === `video/${args.codec}`)";
    let answer = page.eval_with(script, json!({ "codec": codec })).await?;
    Ok(answer == true)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_codec_that_the_answerer_names_first_is_taken_in_both_directions() -> Result<()> {
    let stage = Stage::set().await?;
    for (caller, callee, wanted) in [
        ("alice&codec=h264", "bob", "H264"),
        ("alice", "bob&codec=h264", "H264"),
        ("alice&codec=h264", "bob&codec=vp8", "VP8"),
        ("alice", "bob", "VP8"),
    ] {
        let url = stage.lab.url();
        let alice = stage.page_at(&url, caller).await?;
        let bob = stage.page_at(&url, callee).await?;
        let wanted = match can_send(&alice, wanted).await? {
            true => wanted,
            false => "VP8",
        };
        talk(&alice, &bob, "bob").await?;
        for page in [&alice, &bob] {
            let stats = run(page, "stats()").await?;
            let codecs = (&stats["codec"], &stats["sentCodec"]);
            assert_eq!(
                codecs,
                (&json!(wanted), &json!(wanted)),
                "{caller} calls {callee}"
            );
        }
        both_see(&alice, &bob).await?;
        run(&alice, "hangUp()").await?;
        until(&bob, "state().call === null").await?;
        alice.close().await?;
        bob.close().await?;
    }
    stage.strike().await
}
