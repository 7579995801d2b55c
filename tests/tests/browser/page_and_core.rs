//! What the page and the core do to each other in a call: hold, screens, H.264, waiting, glare, and
//! everything that goes away and comes back.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use ringwire_client::{CallKey, CallState, VideoCodec, VideoSink};
use ringwire_demo::browser::Page;
use ringwire_demo::echo::play;
use ringwire_tests::{DEADLINE, Person, VIDEO, assets, x264};
use tokio::time::Instant;

use crate::calls::Pair;
use crate::stage::{ACTIVE, STANDS_STILL, Stage, ended, more, moves, run, tap, until};
use crate::wire::Wire;

const OTHER_NETWORK: &str = "window.dispatchEvent(new Event('online'))";

/// Ten whole pictures out of a sink; the codec of the last.
async fn pictures(sink: &VideoSink) -> Result<VideoCodec> {
    let mut codec = None;
    for count in 0..10 {
        let picture = tokio::time::timeout(DEADLINE, sink.next_async()).await;
        let picture = picture.with_context(|| format!("only {count} pictures came"))?;
        codec = Some(picture.context("the call is over")?.codec);
    }
    codec.context("no picture")
}

/// A call that the page makes and the core answers, or the other way round.
async fn talk(pair: &Pair, page_calls: bool) -> Result<CallKey> {
    let key = if page_calls {
        let key = pair.page_calls().await?;
        pair.bob.client.accept(key, VIDEO)?;
        key
    } else {
        let key = pair.core_calls().await?;
        run(&pair.alice, "accept()").await?;
        key
    };
    pair.both_see(key).await?;
    Ok(key)
}

async fn until_held(bob: &Person, key: CallKey, held: bool) -> Result<()> {
    let is = |person: &ringwire_client::PersonView| person.held == held;
    bob.until_call("held there", |call| {
        call.key == key && call.people.iter().any(is)
    })
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_end_puts_the_other_on_hold_and_takes_the_call_back() -> Result<()> {
    let pair = Pair::set().await?;
    for page_calls in [true, false] {
        let key = talk(&pair, page_calls).await?;
        pair.bob.client.hold(key, true)?;
        until(&pair.alice, "state().call?.remote.held").await?;
        until(&pair.alice, STANDS_STILL).await?;
        pair.bob.client.hold(key, false)?;
        until(&pair.alice, "state().call?.remote.held === false").await?;
        moves(&pair.alice).await?;

        tap(&pair.alice, "hold").await?;
        until_held(&pair.bob, key, true).await?;
        tap(&pair.alice, "hold").await?;
        until_held(&pair.bob, key, false).await?;
        pair.both_see(key).await?;
        pair.bob.client.hang_up(key)?;
        assert_eq!(ended(&pair.alice).await?, "completed");
    }
    pair.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_end_shows_its_screen_beside_its_camera() -> Result<()> {
    let pair = Pair::set().await?;
    let screen = play::show(
        Arc::clone(&assets()?),
        pair.bob.client.screen_source(),
        Instant::now(),
    );
    let screen = tokio::spawn(screen);
    for page_calls in [true, false] {
        let key = talk(&pair, page_calls).await?;
        pair.bob.client.set_screen(key, true)?;
        until(&pair.alice, "state().call?.remote.screenEnabled").await?;
        more(&pair.alice, "screenDecoded").await?;
        moves(&pair.alice).await?;

        pair.alice.click("#share").await?;
        pair.bob
            .until_call("a screen there", |call| {
                call.people.iter().any(|person| person.screen_enabled)
            })
            .await?;
        pictures(&pair.bob.client.screen_sink(key)).await?;
        pair.bob.until_picture(key).await?;

        pair.bob.client.set_screen(key, false)?;
        until(&pair.alice, "state().call?.remote.screenEnabled === false").await?;
        moves(&pair.alice).await?;
        pair.bob.client.hang_up(key)?;
        assert_eq!(ended(&pair.alice).await?, "completed");
    }
    screen.abort();
    pair.strike().await
}

/// The page sees the core, the core gets the page's pictures, both in this codec.
async fn both_send(page: &Page, bob: &Person, key: CallKey, wanted: VideoCodec) -> Result<()> {
    bob.until_active(key).await?;
    until(page, ACTIVE).await?;
    moves(page).await?;
    assert_eq!(pictures(&bob.client.video_sink(key)).await?, wanted);
    let name = if wanted == VideoCodec::H264 {
        "H264"
    } else {
        "VP8"
    };
    let stats = run(page, "stats()").await?;
    assert_eq!(
        (&stats["codec"], &stats["sentCodec"]),
        (&name.into(), &name.into())
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn h264_goes_both_ways_between_page_and_core_whoever_calls() -> Result<()> {
    use VideoCodec::{H264, Vp8};
    let stage = Stage::set().await?;
    let alice = stage.page_at(&stage.lab.url(), "alice&codec=h264").await?;
    let sends = alice.eval_json(
        "return RTCRtpSender.getCapabilities('video').codecs.some(({ mimeType }) => mimeType === 'video/H264')",
    );
    ensure!(sends.await? == true, "this Chromium sends no H.264");
    let bob = stage.lab.device_with("bob", "phone", |config| {
        config.video_codecs = vec![H264, Vp8];
    })?;
    bob.until("connected", |now| now.me.is_some()).await?;
    let film = tokio::spawn(x264::show(x264::clip()?, bob.client.video_source()));

    run(&alice, "call('bob')").await?;
    let key = bob.until_rings().await?;
    bob.client.accept(key, VIDEO)?;
    both_send(&alice, &bob, key, H264).await?;
    bob.client.hang_up(key)?;
    assert_eq!(ended(&alice).await?, "completed");

    let key = bob.call(&stage.lab.conversation("alice", "bob")?)?;
    until(&alice, "state().call?.status === 'incoming'").await?;
    run(&alice, "accept()").await?;
    both_send(&alice, &bob, key, H264).await?;
    film.abort();
    bob.client.close().await;
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_core_that_knows_vp8_only_gets_and_sends_it_to_a_page_that_would_rather_have_h264()
-> Result<()> {
    let stage = Stage::set().await?;
    let alice = stage.page_at(&stage.lab.url(), "alice&codec=h264").await?;
    let mut bob = stage.lab.person("bob").await?;
    bob.film()?;
    run(&alice, "call('bob')").await?;
    let key = bob.until_rings().await?;
    bob.client.accept(key, VIDEO)?;
    both_send(&alice, &bob, key, VideoCodec::Vp8).await?;
    bob.client.close().await;
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_core_holds_the_page_for_a_second_page_and_comes_back_to_it() -> Result<()> {
    let pair = Pair::set().await?;
    let carol = pair.stage.page("carol").await?;
    let first = talk(&pair, true).await?;
    run(&carol, "call('bob')").await?;
    let second = pair.bob.until_rings().await?;
    pair.bob.client.accept(second, VIDEO)?;
    until(&pair.alice, "state().call?.remote.held").await?;
    until(&carol, ACTIVE).await?;
    moves(&carol).await?;
    pair.bob.client.hang_up(second)?;
    assert_eq!(ended(&carol).await?, "completed");
    pair.bob.client.hold(first, false)?;
    until(&pair.alice, "state().call?.remote.held === false").await?;
    pair.both_see(first).await?;
    pair.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn page_and_core_that_call_each_other_end_up_in_one_call_whoever_loses() -> Result<()> {
    let stage = Stage::set().await?;
    let wire = Wire::to(stage.lab.gateway.address()).await?;
    let conversation = stage.lab.conversation("alice", "bob")?;
    let alice = stage.page_at(&wire.url(), "alice").await?;
    let mut bob = stage.lab.person("bob").await?;
    bob.film()?;
    wire.hold_back();
    let key = bob.call(&conversation)?;
    bob.until_call("made", |call| call.id.is_some()).await?;
    run(&alice, "call('bob')").await?;
    until(&alice, "state().call?.status === 'calling'").await?;
    wire.mend();
    bob.until_active(key).await?;
    moves(&alice).await?;
    bob.client.close().await;
    assert_eq!(ended(&alice).await?, "completed");

    let mut bob = stage.lab.device_at(&wire.url(), "bob", "tablet").await?;
    bob.film()?;
    let alice = stage.page("alice").await?;
    wire.hold_back();
    run(&alice, "call('bob')").await?;
    until(&alice, "state().call?.callId").await?;
    let key = bob.call(&conversation)?;
    bob.until_call("asking", |call| call.state == CallState::Calling)
        .await?;
    wire.mend();
    bob.until_active(key).await?;
    until(&alice, ACTIVE).await?;
    moves(&alice).await?;
    bob.client.close().await;
    stage.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_is_reloaded_in_a_call_with_a_core_comes_back_whoever_called() -> Result<()> {
    let pair = Pair::set().await?;
    for page_calls in [true, false] {
        let key = talk(&pair, page_calls).await?;
        let call = run(&pair.alice, "state().call.callId").await?;
        pair.alice.reload().await?;
        pair.both_see(key).await?;
        assert_eq!(run(&pair.alice, "state().call.callId").await?, call);
        pair.bob.client.hang_up(key)?;
        assert_eq!(ended(&pair.alice).await?, "completed");
    }
    pair.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_network_at_the_page_restarts_ice_whoever_called() -> Result<()> {
    let pair = Pair::set().await?;
    for page_calls in [true, false] {
        let key = talk(&pair, page_calls).await?;
        let before = run(&pair.alice, "stats()").await?["ufrag"].clone();
        pair.alice.eval_json(OTHER_NETWORK).await?;
        let changed = format!("stats().then((s) => s.ufrag && s.ufrag !== {before})");
        until(&pair.alice, &changed).await?;
        pair.both_see(key).await?;
        pair.bob.client.hang_up(key)?;
        assert_eq!(ended(&pair.alice).await?, "completed");
    }
    pair.strike().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_flows_between_page_and_core_while_the_gateway_restarts() -> Result<()> {
    let mut pair = Pair::set().await?;
    let key = talk(&pair, false).await?;
    pair.stage.lab = pair.stage.lab.restart().await?;
    moves(&pair.alice).await?;
    pair.bob.until_picture(key).await?;
    until(&pair.alice, "state().socket === 'connected'").await?;
    pair.both_see(key).await?;
    tap(&pair.alice, "microphone").await?;
    pair.bob
        .until_call("muted there", |call| {
            call.people.iter().any(|person| !person.audio_enabled)
        })
        .await?;
    pair.bob.client.hang_up(key)?;
    assert_eq!(ended(&pair.alice).await?, "completed");
    pair.strike().await
}
