//! Bob has a phone and a tablet.

use anyhow::Result;
use ringwire_client::{CallKey, CallState};
use ringwire_tests::{Lab, Person, VIDEO, assets};

/// Alice calls Bob, and it rings on both of his devices.
struct Ringing {
    alice: Person,
    mine: CallKey,
    phone: Person,
    on_phone: CallKey,
    tablet: Person,
    on_tablet: CallKey,
}

async fn ringing(lab: &Lab) -> Result<Ringing> {
    // The clip may have to be made, and nobody waits for that while it rings.
    assets()?;
    let alice = lab.person("alice").await?;
    let phone = lab.device("bob", "phone").await?;
    let tablet = lab.device("bob", "tablet").await?;
    let mine = alice.call(&lab.conversation("alice", "bob")?)?;
    let (on_phone, on_tablet) = (phone.until_rings().await?, tablet.until_rings().await?);
    Ok(Ringing {
        alice,
        mine,
        phone,
        on_phone,
        tablet,
        on_tablet,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answered_on_the_phone_the_tablet_says_elsewhere() -> Result<()> {
    let lab = Lab::start().await?;
    let Ringing {
        alice,
        mine,
        phone,
        on_phone,
        tablet,
        on_tablet,
    } = ringing(&lab).await?;
    phone.client.accept(on_phone, VIDEO)?;
    assert_eq!(tablet.until_ended(on_tablet).await?, "answeredElsewhere");
    alice.until_active(mine).await?;
    phone.until_active(on_phone).await?;
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn declined_on_the_phone_the_tablet_says_elsewhere() -> Result<()> {
    let lab = Lab::start().await?;
    let Ringing {
        alice,
        mine,
        phone,
        on_phone,
        tablet,
        on_tablet,
    } = ringing(&lab).await?;
    phone.client.decline(on_phone)?;
    assert_eq!(tablet.until_ended(on_tablet).await?, "declinedElsewhere");
    assert_eq!(phone.until_ended(on_phone).await?, "rejected");
    assert_eq!(alice.until_ended(mine).await?, "rejected");
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_tablet_takes_the_call_over_and_the_phone_is_put_out() -> Result<()> {
    let lab = Lab::start().await?;
    let Ringing {
        mut alice,
        mine,
        mut phone,
        on_phone,
        mut tablet,
        on_tablet,
    } = ringing(&lab).await?;
    phone.client.accept(on_phone, VIDEO)?;
    for person in [&mut alice, &mut phone, &mut tablet] {
        person.film()?;
    }
    phone.until_picture(on_phone).await?;
    assert_eq!(tablet.until_ended(on_tablet).await?, "answeredElsewhere");

    let again = tablet.call(&lab.conversation("alice", "bob")?)?;
    tablet
        .until_call("offered", |call| {
            call.key == again && call.state == CallState::Offered
        })
        .await?;
    tablet.client.join(again, VIDEO)?;
    assert_eq!(phone.until_ended(on_phone).await?, "answeredElsewhere");
    tablet.until_active(again).await?;
    tablet.until_picture(again).await?;
    alice.until_picture(mine).await?;
    alice
        .until_call("with the tablet", |call| {
            call.people
                .iter()
                .any(|it| it.device.as_ref().is_some_and(|it| it.as_str() == "tablet"))
        })
        .await?;
    tablet.client.hang_up(again)?;
    assert_eq!(alice.until_ended(mine).await?, "completed");
    lab.gateway.shutdown().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_was_away_does_not_take_the_call_back_from_the_tablet() -> Result<()> {
    let lab = Lab::start().await?;
    let line = lab.line(true).await?;
    let alice = lab.person("alice").await?;
    let phone = lab.device_with("bob", "phone", |config| config.url = line.url())?;
    phone.until("connected", |now| now.me.is_some()).await?;
    let mine = alice.call(&lab.conversation("alice", "bob")?)?;
    let on_phone = phone.until_rings().await?;
    phone.client.accept(on_phone, VIDEO)?;
    alice.until_active(mine).await?;
    phone.until_active(on_phone).await?;
    line.cut();

    let tablet = lab.device("bob", "tablet").await?;
    let again = tablet.call(&lab.conversation("alice", "bob")?)?;
    tablet
        .until_call("offered", |call| call.state == CallState::Offered)
        .await?;
    tablet.client.join(again, VIDEO)?;
    tablet.until_active(again).await?;
    line.open();
    phone.client.network_changed()?;
    assert_eq!(phone.until_ended(on_phone).await?, "answeredElsewhere");
    tablet
        .until_call("connected", |call| call.key == again && call.connected)
        .await?;
    lab.gateway.shutdown().await;
    Ok(())
}
