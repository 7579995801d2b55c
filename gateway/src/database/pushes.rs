//! What was pushed of a ring to which device, until nothing is left to do: the gateway's queue of
//! pushes is this table.

use ringwire_life::PushState;
use ringwire_protocol::{CallId, DeviceId, PeerId, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite, Transaction};

use super::{Device, Store, id};
use crate::error::GatewayError;

/// Most calls that are looked at in one go.
const MAX_DUE: i64 = 256;

/// One device, and what was pushed to it of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PushRow {
    pub(crate) call: CallId,
    pub(crate) peer: PeerId,
    pub(crate) device: DeviceId,
    /// When it is to be woken.
    pub(crate) due: Timestamp,
    /// A ring was pushed, or may have been.
    pub(crate) pushed: bool,
    /// That push has been dealt with.
    pub(crate) settled: bool,
    /// The device has said `call:ringing`.
    pub(crate) rang: bool,
    /// When to look again.
    pub(crate) next: Timestamp,
}

impl PushRow {
    /// A device that is to be woken at `due`.
    pub(crate) fn new(call: CallId, peer: PeerId, device: DeviceId, due: Timestamp) -> Self {
        Self {
            call,
            peer,
            device,
            due,
            pushed: false,
            settled: false,
            rang: false,
            next: due,
        }
    }

    /// True for rows of one device and one call.
    pub(crate) fn is_same_device(&self, other: &Self) -> bool {
        self.call == other.call && self.peer == other.peer && self.device == other.device
    }

    /// As the rules take it.
    pub(crate) fn state(&self, online: bool) -> PushState {
        PushState {
            due: self.due,
            pushed: self.pushed,
            settled: self.settled,
            rang: self.rang,
            online,
        }
    }

    pub(super) async fn insert(
        &self,
        transaction: &mut Transaction<'_, Sqlite>,
    ) -> Result<(), GatewayError> {
        sqlx::query(
            "INSERT INTO ring_pushes (call_id, user_id, device_id, due_at, next_at)
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(self.call.as_str())
        .bind(self.peer.as_str())
        .bind(self.device.as_str())
        .bind(self.due.as_millis())
        .bind(self.next.as_millis())
        .execute(&mut **transaction)
        .await?;
        Ok(())
    }
}

impl Store {
    /// Looks at every row again soon: what is known of sockets is new.
    pub(crate) async fn wake_pushes(&self) -> Result<(), GatewayError> {
        sqlx::query("UPDATE ring_pushes SET next_at = 0")
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Calls of which something may be to push.
    pub(crate) async fn due_pushes(&self, now: Timestamp) -> Result<Vec<CallId>, GatewayError> {
        let rows =
            sqlx::query("SELECT DISTINCT call_id FROM ring_pushes WHERE next_at <= ? LIMIT ?")
                .bind(now.as_millis())
                .bind(MAX_DUE)
                .fetch_all(&self.pool)
                .await?;
        rows.iter().map(|row| id(row.try_get("call_id")?)).collect()
    }

    /// When something may be to push next.
    pub(crate) async fn next_push(&self) -> Result<Option<Timestamp>, GatewayError> {
        let row = sqlx::query("SELECT min(next_at) AS next FROM ring_pushes")
            .fetch_one(&self.pool)
            .await?;
        let next: Option<i64> = row.try_get("next")?;
        Ok(next.map(Timestamp::from_millis))
    }

    /// The rows of a call, each with its device where it is still registered.
    pub(crate) async fn pushes_of(
        &self,
        call: &CallId,
    ) -> Result<Vec<(PushRow, Option<Device>)>, GatewayError> {
        let rows = sqlx::query(
            "SELECT p.user_id, p.device_id, p.due_at, p.pushed, p.settled, p.rang, p.next_at,
             d.platform, d.token, d.voip_token, d.environment FROM ring_pushes p
             LEFT JOIN devices d ON d.user_id = p.user_id AND d.device_id = p.device_id
             WHERE p.call_id = ?",
        )
        .bind(call.as_str())
        .fetch_all(&self.pool)
        .await?;
        rows.iter().map(|row| read(call, row)).collect()
    }

    /// Writes what has become of a row.
    pub(crate) async fn keep_push(&self, row: &PushRow) -> Result<(), GatewayError> {
        sqlx::query(
            "UPDATE ring_pushes SET pushed = ?, settled = ?, rang = ?, next_at = ?
             WHERE call_id = ? AND user_id = ? AND device_id = ?",
        )
        .bind(row.pushed)
        .bind(row.settled)
        .bind(row.rang)
        .bind(row.next.as_millis())
        .bind(row.call.as_str())
        .bind(row.peer.as_str())
        .bind(row.device.as_str())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Forgets a row: nothing is left to do.
    pub(crate) async fn drop_push(&self, row: &PushRow) -> Result<(), GatewayError> {
        sqlx::query("DELETE FROM ring_pushes WHERE call_id = ? AND user_id = ? AND device_id = ?")
            .bind(row.call.as_str())
            .bind(row.peer.as_str())
            .bind(row.device.as_str())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

fn read(call: &CallId, row: &SqliteRow) -> Result<(PushRow, Option<Device>), GatewayError> {
    let device: DeviceId = id(row.try_get("device_id")?)?;
    let token: Option<String> = row.try_get("token")?;
    let registered = match token {
        Some(token) => Some(Device {
            device_id: device.clone(),
            platform: row.try_get("platform")?,
            token,
            voip_token: row.try_get("voip_token")?,
            environment: row.try_get("environment")?,
        }),
        None => None,
    };
    let push = PushRow {
        call: call.clone(),
        peer: id(row.try_get("user_id")?)?,
        device,
        due: Timestamp::from_millis(row.try_get("due_at")?),
        pushed: row.try_get("pushed")?,
        settled: row.try_get("settled")?,
        rang: row.try_get("rang")?,
        next: Timestamp::from_millis(row.try_get("next_at")?),
    };
    Ok((push, registered))
}
