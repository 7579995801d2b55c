//! Devices that can be woken by a push.

use ringwire_protocol::{DeviceId, PeerId, Timestamp};
use sqlx::Row as _;

use super::Store;
use crate::error::GatewayError;

/// Most devices of one user.
const MAX_DEVICES: i64 = 32;

/// A device that can be woken by a push.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Device {
    pub(crate) device_id: DeviceId,
    /// `android`, `ios` or `web`.
    pub(crate) platform: String,
    /// For FCM or ordinary APNs.
    pub(crate) token: String,
    /// For APNs VoIP.
    #[serde(default)]
    pub(crate) voip_token: Option<String>,
    /// `production` or `sandbox`.
    #[serde(default)]
    pub(crate) environment: String,
}

impl Store {
    /// Keeps a device, or what is new about it. A user's devices are bounded: false when this
    /// one is too many.
    pub(crate) async fn keep_device(
        &self,
        user: &PeerId,
        device: &Device,
        now: Timestamp,
    ) -> Result<bool, GatewayError> {
        let others = sqlx::query(
            "SELECT count(*) AS others FROM devices WHERE user_id = ? AND device_id <> ?",
        )
        .bind(user.as_str())
        .bind(device.device_id.as_str())
        .fetch_one(&self.pool)
        .await?;
        if others.try_get::<i64, _>("others")? >= MAX_DEVICES {
            return Ok(false);
        }
        // A phone that somebody else signs in on rings for its new owner only.
        sqlx::query("DELETE FROM devices WHERE token = ? AND (user_id, device_id) <> (?, ?)")
            .bind(&device.token)
            .bind(user.as_str())
            .bind(device.device_id.as_str())
            .execute(&self.pool)
            .await?;
        sqlx::query(
            "INSERT INTO devices (user_id, device_id, platform, token, voip_token, environment, seen_at)
             VALUES (?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (user_id, device_id) DO UPDATE SET platform = excluded.platform,
             token = excluded.token, voip_token = excluded.voip_token,
             environment = excluded.environment, seen_at = excluded.seen_at",
        )
        .bind(user.as_str())
        .bind(device.device_id.as_str())
        .bind(&device.platform)
        .bind(&device.token)
        .bind(&device.voip_token)
        .bind(&device.environment)
        .bind(now.as_millis())
        .execute(&self.pool)
        .await?;
        Ok(true)
    }

    /// The registered devices of these people.
    pub(crate) async fn devices_of(
        &self,
        people: &[PeerId],
    ) -> Result<Vec<(PeerId, DeviceId)>, GatewayError> {
        let people = serde_json::to_string(people)
            .map_err(|error| GatewayError::Unreadable("a list of ids", error.to_string()))?;
        let rows = sqlx::query(
            "SELECT user_id, device_id FROM devices
             WHERE user_id IN (SELECT value FROM json_each(?))",
        )
        .bind(people)
        .fetch_all(&self.pool)
        .await?;
        rows.iter()
            .map(|row| {
                Ok((
                    super::id(row.try_get("user_id")?)?,
                    super::id(row.try_get("device_id")?)?,
                ))
            })
            .collect()
    }

    /// Forgets a device; false when there was none.
    pub(crate) async fn drop_device(
        &self,
        user: &PeerId,
        device: &DeviceId,
    ) -> Result<bool, GatewayError> {
        let gone = sqlx::query("DELETE FROM devices WHERE user_id = ? AND device_id = ?")
            .bind(user.as_str())
            .bind(device.as_str())
            .execute(&self.pool)
            .await?;
        Ok(gone.rows_affected() > 0)
    }
}
