//! Two people in a call, which most stories begin with.

use anyhow::Result;
use ringwire_client::CallKey;
use ringwire_tests::{Lab, Person, VIDEO, assets};

/// Alice and Bob, whom she has called, with the key of the call at each.
pub(crate) struct Pair {
    pub(crate) alice: Person,
    pub(crate) mine: CallKey,
    pub(crate) bob: Person,
    pub(crate) theirs: CallKey,
}

/// Alice, who is here already, calls Bob, and it rings there.
pub(crate) async fn rings(lab: &Lab, alice: Person, bob: Person) -> Result<Pair> {
    // The clip may have to be made, and nobody waits for that while it rings.
    assets()?;
    let mine = alice.call(&lab.conversation("alice", "bob")?)?;
    let theirs = bob.until_rings().await?;
    Ok(Pair {
        alice,
        mine,
        bob,
        theirs,
    })
}

/// Bob accepts, and both are in the call.
pub(crate) async fn talk(pair: Pair) -> Result<Pair> {
    pair.bob.client.accept(pair.theirs, VIDEO)?;
    pair.alice.until_active(pair.mine).await?;
    pair.bob.until_active(pair.theirs).await?;
    Ok(pair)
}

/// Both sign in, Alice calls, Bob accepts.
pub(crate) async fn talking(lab: &Lab) -> Result<Pair> {
    let (alice, bob) = (lab.person("alice").await?, lab.person("bob").await?);
    talk(rings(lab, alice, bob).await?).await
}
