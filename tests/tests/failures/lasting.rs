//! Calls that last: credentials that run out, a gateway that restarts, a machine that is busy.

use std::collections::VecDeque;
use std::future::Future as _;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context as TaskContext, Wake, Waker};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ringwire_client::{CallEvent, CallState, SocketState};
use ringwire_gateway::Turn;
use ringwire_tests::tap::{Frame, Packet, Verdict, Way};
use ringwire_tests::{DEADLINE, VIDEO};
use serde_json::{Value, json};

use crate::scene::{Scene, Seat};

/// Failure 3. TURN credentials ran out in mid-call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turn_credentials_are_renewed_in_mid_call() -> Result<()> {
    let scene = Scene::set_with(|config| {
        config.turn = Some(Turn {
            // Nobody listens there: the call goes past it.
            urls: vec!["turn:127.0.0.1:9".into()],
            secret: "of the laboratory".into(),
        });
    })
    .await?;
    let (mut alice, bob) = (scene.seat("alice").await?, scene.seat("bob").await?);
    alice.person.film()?;
    // The credentials of the call's start live for a second.
    alice.tap.rule(|way, packet| {
        let Packet::Ack { id, payload } = packet else {
            return Verdict::Pass;
        };
        let mut payload = payload.clone();
        match payload["data"].get_mut("ttl") {
            Some(ttl) if way == Way::Down => *ttl = json!(1),
            _ => return Verdict::Pass,
        }
        Verdict::Replace(vec![Packet::Ack { id: *id, payload }])
    });
    let (_, theirs) = scene.talking((&alice, "alice"), (&bob, "bob")).await?;
    let expiry = |servers: &Value| -> Result<u64> {
        let name = servers[0]["username"].as_str().context("no credentials")?;
        let (expiry, _) = name.split_once(':').context("no expiry")?;
        Ok(expiry.parse()?)
    };
    let first = scene
        .log
        .until_one("the first credentials", |frame| {
            frame.by == "alice" && frame.packet.payload()["data"]["ttl"] == 1
        })
        .await?;
    let fresh = scene
        .log
        .until_one("fresh credentials", |frame| {
            frame.is_told("alice", "call:ice-servers-refreshed")
        })
        .await?;
    let fresh = expiry(&fresh.packet.payload()["iceServers"])?;
    assert!(fresh > expiry(&first.packet.payload()["data"]["iceServers"])?);
    bob.person.until_picture(theirs).await?;
    assert_eq!((alice.ends(), bob.ends()), (0, 0));
    Ok(())
}

/// Failure 7. A restart of the server ended every call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_the_gateway_ends_no_call() -> Result<()> {
    let Scene { lab, log } = Scene::set_with(|config| {
        config.timers.initiator_gone = Duration::from_secs(60);
    })
    .await?;
    let scene = Scene { lab, log };
    let (mut alice, bob) = (scene.seat("alice").await?, scene.seat("bob").await?);
    let (carol, echo) = (scene.seat("carol").await?, scene.seat("echo").await?);
    alice.person.film()?;
    let (mine, theirs) = scene.talking((&alice, "alice"), (&bob, "bob")).await?;
    let (calling, rings) = scene.ringing((&carol, "carol"), (&echo, "echo")).await?;
    bob.person.until_picture(theirs).await?;

    let scene = Scene {
        lab: scene.lab.restart().await?,
        log: scene.log,
    };
    bob.person.until_picture(theirs).await?;
    for seat in [&alice, &bob, &carol, &echo] {
        let back = |now: &ringwire_client::Snapshot| now.socket == SocketState::Connected;
        seat.person.until("connected again", back).await?;
    }
    alice.person.client.set_microphone(mine, false)?;
    bob.until_muted(true).await?;
    echo.person.client.accept(rings, VIDEO)?;
    carol.person.until_active(calling).await?;
    echo.person.until_active(rings).await?;
    assert_eq!(
        (alice.ends(), bob.ends(), carol.ends(), echo.ends()),
        (0, 0, 0, 0)
    );

    bob.person.client.hang_up(theirs)?;
    assert_eq!(alice.person.until_ended(mine).await?, "completed");
    scene.lab.gateway.shutdown().await;
    Ok(())
}

/// Failure 12. Pings timed out on a busy machine, and the session with them. The pings of this server
/// come often and must be heard within 6 s, and both threads of the core are kept busy for longer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_outlive_a_busy_machine() -> Result<()> {
    let scene = Scene::set().await?;
    let mut seats = Vec::new();
    for who in ["alice", "bob"] {
        let tap = scene.lab.tap(who, &scene.log).await?;
        let pings = Pings::default();
        tap.rule(pings.rule());
        let person = scene.lab.device_at(&tap.url(), who, who).await?;
        seats.push((Seat { person, tap }, pings));
    }
    let seats = Arc::new(seats);
    let pinging = Arc::clone(&seats);
    let pinging = tokio::spawn(async move {
        let mut beat = tokio::time::interval(Duration::from_millis(500));
        loop {
            beat.tick().await;
            for (seat, pings) in pinging.iter() {
                pings.ours();
                // A line that is being set up again gets its pings later.
                let _ = seat.tap.add(Way::Down, Packet::Engine("2".into()));
            }
        }
    });
    let (alice, bob) = (&seats[0].0, &seats[1].0);
    let (mine, _) = scene.talking((alice, "alice"), (bob, "bob")).await?;

    // The next event of each is told on one of the core's threads, which is not given back.
    let busy = Arc::new(Busy::default());
    {
        let mut waiting = Vec::new();
        for seat in [alice, bob] {
            let _ = seat.person.count_told(|_| true);
            let client = seat.person.client.clone();
            waiting.push(Box::pin(async move { client.next_event().await }));
        }
        let waker = Waker::from(Arc::clone(&busy));
        for waiting in &mut waiting {
            let told = pin!(waiting).poll(&mut TaskContext::from_waker(&waker));
            ensure!(told.is_pending(), "an event was left");
        }
        alice.person.client.set_microphone(mine, false)?;
        let blocked = Arc::clone(&busy);
        tokio::task::spawn_blocking(move || blocked.until(2)).await??;
        let pongs = |frame: &Frame| frame.packet == Packet::Engine("3".into());
        let before = scene.log.count(pongs);
        // Said now, heard by the core when it is free again: before or after the pings.
        alice.person.client.set_camera(mine, false)?;
        tokio::time::sleep(Duration::from_secs(8)).await;
        assert_eq!(scene.log.count(pongs), before, "the core was not busy");
        busy.free();
    }

    bob.until_muted(true).await?;
    alice.person.client.set_microphone(mine, true)?;
    bob.until_muted(false).await?;
    pinging.abort();
    for who in ["alice", "bob"] {
        let connects = |frame: &Frame| {
            frame.by == who && frame.way == Way::Up && matches!(frame.packet, Packet::Connect(_))
        };
        assert_eq!(scene.log.count(connects), 1, "{who} has connected again");
    }
    assert_eq!((alice.ends(), bob.ends()), (0, 0));
    let lost = |event: &CallEvent| matches!(event, CallEvent::Failed { .. });
    assert_eq!(
        (alice.person.count_told(lost), bob.person.count_told(lost)),
        (0, 0)
    );
    let now = alice.person.client.snapshot();
    let state = now.call(mine).map(|call| call.state.clone());
    assert!(
        !matches!(state, None | Some(CallState::Ended { .. })),
        "{state:?}"
    );
    Ok(())
}

/// Pings of a tap among those of the gateway: each end hears the answers to its own.
#[derive(Clone, Default)]
struct Pings(Arc<Mutex<VecDeque<Whose>>>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    Taps,
    Gateways,
}

impl Pings {
    fn ours(&self) {
        self.push(Whose::Taps);
    }

    fn push(&self, whose: Whose) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back(whose);
    }

    fn answered(&self) -> Option<Whose> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front()
    }

    /// A server that must be heard within 6 s.
    fn rule(&self) -> impl FnMut(Way, &Packet) -> Verdict + Send + 'static {
        let pings = self.clone();
        move |way, packet| match packet {
            Packet::Open(greeting) => {
                let mut greeting = greeting.clone();
                greeting["pingInterval"] = json!(3_000);
                greeting["pingTimeout"] = json!(3_000);
                Verdict::Replace(vec![Packet::Open(greeting)])
            }
            Packet::Engine(text) if way == Way::Down && text == "2" => {
                pings.push(Whose::Gateways);
                Verdict::Pass
            }
            Packet::Engine(text) if way == Way::Up && text == "3" => match pings.answered() {
                Some(Whose::Gateways) => Verdict::Pass,
                Some(Whose::Taps) | None => Verdict::Drop,
            },
            _ => Verdict::Pass,
        }
    }
}

/// Whoever wakes it is held until it is free again: how an app's callback keeps a thread busy.
#[derive(Default)]
struct Busy {
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Busy {
    /// Waits until so many threads are held.
    fn until(&self, count: usize) -> Result<()> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (state, _) = self
            .changed
            .wait_timeout_while(state, DEADLINE, |(held, _)| *held < count)
            .unwrap_or_else(PoisonError::into_inner);
        ensure!(state.0 >= count, "only {} threads were held", state.0);
        Ok(())
    }

    fn free(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).1 = true;
        self.changed.notify_all();
    }
}

impl Wake for Busy {
    fn wake(self: Arc<Self>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 += 1;
        self.changed.notify_all();
        let held = self
            .changed
            .wait_timeout_while(state, DEADLINE, |(_, free)| !*free);
        drop(held);
    }
}
