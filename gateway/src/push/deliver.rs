//! One push on its way: time-out, a few retries, and an end when it is not wanted any more.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::push::{Parcel, PushError, PushSender};
use crate::shared::now;

/// Longest that one try may take.
const TRY: Duration = Duration::from_secs(5);
/// Tries of one push.
const TRIES: u32 = 4;
/// Wait before the second try; each further wait is three times as long.
const FIRST_WAIT: Duration = Duration::from_millis(300);

/// What became of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Sent, given up, or not wanted any more.
    Settled,
    /// The device is not there any more.
    Gone,
}

/// Sends a push until it is taken, refused, too late, tried often enough or not wanted.
pub(super) async fn deliver(
    sender: Arc<dyn PushSender>,
    parcel: Parcel,
    mut wanted: watch::Receiver<bool>,
) -> Outcome {
    let mut wait = FIRST_WAIT;
    for left in (0..TRIES).rev() {
        let late = now() >= parcel.expires_at;
        if late || !*wanted.borrow() {
            tracing::debug!(?parcel, "a push is not wanted any more");
            return Outcome::Settled;
        }
        let why = match tokio::time::timeout(TRY, sender.send(&parcel)).await {
            Ok(Ok(())) => {
                tracing::debug!(?parcel, "pushed");
                return Outcome::Settled;
            }
            Ok(Err(PushError::Gone)) => {
                tracing::info!(?parcel, "the device is not there any more");
                return Outcome::Gone;
            }
            Ok(Err(PushError::Refused(why))) => {
                tracing::warn!(?parcel, why, "a push was refused");
                return Outcome::Settled;
            }
            Ok(Err(PushError::Unreachable(why))) => why,
            Err(_) => "no answer in time".to_owned(),
        };
        if left == 0 {
            tracing::warn!(?parcel, why, "a push was given up");
            break;
        }
        tracing::debug!(?parcel, why, "a push is tried again");
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            // An error means that nobody waits for the outcome.
            _ = wanted.wait_for(|wanted| !*wanted) => {}
        }
        wait *= 3;
    }
    Outcome::Settled
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::Channel;
    use async_trait::async_trait;
    use parking_lot::Mutex;
    use ringwire_protocol::{CallId, Push, Timestamp};

    /// Answers with these, the last one first, then takes everything.
    #[derive(Debug, Default)]
    struct Script {
        answers: Mutex<Vec<PushError>>,
        tries: Mutex<u32>,
    }

    #[async_trait]
    impl PushSender for Script {
        async fn send(&self, _: &Parcel) -> Result<(), PushError> {
            *self.tries.lock() += 1;
            let answer = self.answers.lock().pop();
            match answer {
                Some(PushError::Unreachable(why)) if why == "never answers" => {
                    std::future::pending().await
                }
                Some(error) => Err(error),
                None => Ok(()),
            }
        }
    }

    fn unreachable(why: &str) -> PushError {
        PushError::Unreachable(why.into())
    }

    async fn outcome(answers: Vec<PushError>, late: bool, wanted: bool) -> (Outcome, u32) {
        let script = Arc::new(Script {
            answers: Mutex::new(answers),
            ..Script::default()
        });
        let expires = if late { 0 } else { i64::MAX };
        let parcel = Parcel {
            channel: Channel::Fcm,
            priority: "high",
            token: "t".into(),
            user_id: "u".parse().unwrap(),
            device_id: "d".parse().unwrap(),
            platform: "android".into(),
            environment: String::new(),
            expires_at: Timestamp::from_millis(expires),
            push: Push::Cancel(CallId::new("c").unwrap()),
        };
        let (_keep, wanted) = watch::channel(wanted);
        let outcome = deliver(script.clone(), parcel, wanted).await;
        let tries = *script.tries.lock();
        (outcome, tries)
    }

    #[tokio::test(start_paused = true)]
    async fn a_push_is_tried_again_while_it_may_help() {
        let settled = Outcome::Settled;
        let down = || unreachable("down");
        assert_eq!(outcome(vec![], false, true).await, (settled, 1));
        assert_eq!(
            outcome(vec![down(), down()], false, true).await,
            (settled, 3)
        );
        let silent = vec![unreachable("never answers")];
        assert_eq!(outcome(silent, false, true).await, (settled, 2));
        assert_eq!(
            outcome(vec![down(); 9], false, true).await,
            (settled, TRIES)
        );
        let refused = vec![PushError::Refused("no".into())];
        assert_eq!(outcome(refused, false, true).await, (settled, 1));
        let gone = vec![PushError::Gone];
        assert_eq!(outcome(gone, false, true).await, (Outcome::Gone, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_push_that_is_too_late_or_not_wanted_is_not_sent() {
        assert_eq!(outcome(vec![], true, true).await, (Outcome::Settled, 0));
        assert_eq!(outcome(vec![], false, false).await, (Outcome::Settled, 0));
    }

    #[test]
    fn a_parcel_on_the_wire_and_in_logs() {
        let parcel = Parcel {
            channel: Channel::ApnsVoip,
            priority: "high",
            token: "secret-token".into(),
            user_id: "u".parse().unwrap(),
            device_id: "d".parse().unwrap(),
            platform: "ios".into(),
            environment: "sandbox".into(),
            expires_at: Timestamp::from_millis(0),
            push: Push::AnsweredElsewhere(CallId::new("c").unwrap()),
        };
        assert_eq!(
            serde_json::to_value(&parcel).unwrap(),
            serde_json::json!({
                "channel": "apnsVoip", "priority": "high", "token": "secret-token",
                "userId": "u", "deviceId": "d", "platform": "ios", "environment": "sandbox",
                "expiresAt": "1970-01-01T00:00:00Z",
                "data": { "type": "call_answered_elsewhere", "callId": "c" },
            })
        );
        assert!(!format!("{parcel:?}").contains("secret-token"));
    }
}
