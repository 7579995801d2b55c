//! Calls: each row is one call, written only over the revision that was read.

use ringwire_life::{Call, Mailbox};
use ringwire_protocol::{CallId, ConversationId, PeerId, Timestamp};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::Store;
use crate::error::GatewayError;

/// A call, and what else its row says.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) call: Call,
    pub(crate) revision: i64,
    pub(crate) deadline: Option<Timestamp>,
}

/// What became of a new call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Insert {
    /// It is in.
    Done,
    /// The conversation has a call already.
    Taken,
}

impl Store {
    /// Writes a new call; the first claim of a conversation wins.
    pub(crate) async fn insert_call(
        &self,
        call: &Call,
        deadline: Option<Timestamp>,
    ) -> Result<Insert, GatewayError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let made = sqlx::query(
            "INSERT INTO calls (id, conversation_id, revision, started_at, deadline, state, mailbox)
             VALUES (?, ?, 1, ?, ?, ?, ?)",
        )
        .bind(call.id.as_str())
        .bind(call.conversation.id.as_str())
        .bind(call.started_at.as_millis())
        .bind(deadline.map(Timestamp::as_millis))
        .bind(text(call)?)
        .bind(text(&call.mailbox)?)
        .execute(&mut *transaction)
        .await;
        match made {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                return Ok(Insert::Taken);
            }
            made => made?,
        };
        for member in &call.members {
            sqlx::query("INSERT INTO call_members (call_id, user_id) VALUES (?, ?)")
                .bind(call.id.as_str())
                .bind(member.peer.as_str())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(Insert::Done)
    }

    /// Writes a call over what was read; false when somebody else wrote first.
    pub(crate) async fn save_call(
        &self,
        before: &Kept,
        call: &Call,
        deadline: Option<Timestamp>,
    ) -> Result<bool, GatewayError> {
        let ended = call.end.as_ref().map(|end| end.at.as_millis());
        let deadline = deadline.map(Timestamp::as_millis);
        let query = match call.mailbox == before.call.mailbox {
            true => sqlx::query(
                "UPDATE calls SET revision = revision + 1, ended_at = ?, deadline = ?, state = ?
                 WHERE id = ? AND revision = ?",
            )
            .bind(ended)
            .bind(deadline)
            .bind(text(call)?),
            false => sqlx::query(
                "UPDATE calls SET revision = revision + 1, ended_at = ?, deadline = ?, state = ?,
                 mailbox = ? WHERE id = ? AND revision = ?",
            )
            .bind(ended)
            .bind(deadline)
            .bind(text(call)?)
            .bind(text(&call.mailbox)?),
        };
        let written = query
            .bind(call.id.as_str())
            .bind(before.revision)
            .execute(&self.pool)
            .await?;
        Ok(written.rows_affected() == 1)
    }

    pub(crate) async fn call(&self, call: &CallId) -> Result<Option<Kept>, GatewayError> {
        let row = sqlx::query("SELECT state, mailbox, revision, deadline FROM calls WHERE id = ?")
            .bind(call.as_str())
            .fetch_optional(&self.pool)
            .await?;
        row.as_ref().map(kept).transpose()
    }

    /// The call that a conversation has now.
    pub(crate) async fn live_call_in(
        &self,
        conversation: &ConversationId,
    ) -> Result<Option<Kept>, GatewayError> {
        let row = sqlx::query(
            "SELECT state, mailbox, revision, deadline FROM calls
             WHERE conversation_id = ? AND ended_at IS NULL",
        )
        .bind(conversation.as_str())
        .fetch_optional(&self.pool)
        .await?;
        row.as_ref().map(kept).transpose()
    }

    /// Calls that have not ended in the conversations of somebody.
    pub(crate) async fn live_calls_of(&self, user: &PeerId) -> Result<Vec<Call>, GatewayError> {
        let rows = sqlx::query(
            "SELECT c.id, c.state, c.mailbox, c.revision, c.deadline FROM call_members m
             JOIN calls c ON c.id = m.call_id
             WHERE m.user_id = ? AND c.ended_at IS NULL ORDER BY c.started_at LIMIT 100",
        )
        .bind(user.as_str())
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.iter().filter_map(readable).collect())
    }

    /// Calls of somebody, in one conversation or all, the newest first.
    pub(crate) async fn history(
        &self,
        user: &PeerId,
        conversation: Option<&ConversationId>,
        before: Timestamp,
        limit: i64,
    ) -> Result<Vec<Call>, GatewayError> {
        let rows = sqlx::query(
            "SELECT c.id, c.state, c.mailbox, c.revision, c.deadline FROM call_members m
             JOIN calls c ON c.id = m.call_id
             WHERE m.user_id = ?1 AND (?2 IS NULL OR c.conversation_id = ?2) AND c.started_at < ?3
             ORDER BY c.started_at DESC LIMIT ?4",
        )
        .bind(user.as_str())
        .bind(conversation.map(ConversationId::as_str))
        .bind(before.as_millis())
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        Ok(rows.iter().filter_map(readable).collect())
    }

    /// Every call that has not ended.
    pub(crate) async fn live_calls(&self) -> Result<Vec<CallId>, GatewayError> {
        let rows = sqlx::query("SELECT id FROM calls WHERE ended_at IS NULL")
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.iter().filter_map(readable_id).collect())
    }

    /// Calls whose time has come.
    pub(crate) async fn due_calls(&self, now: Timestamp) -> Result<Vec<CallId>, GatewayError> {
        let rows = sqlx::query("SELECT id FROM calls WHERE ended_at IS NULL AND deadline <= ?")
            .bind(now.as_millis())
            .fetch_all(&self.pool)
            .await?;
        Ok(rows.iter().filter_map(readable_id).collect())
    }

    /// When the next call's time comes.
    pub(crate) async fn next_deadline(&self) -> Result<Option<Timestamp>, GatewayError> {
        let row = sqlx::query("SELECT min(deadline) AS next FROM calls WHERE ended_at IS NULL")
            .fetch_one(&self.pool)
            .await?;
        let next: Option<i64> = row.try_get("next")?;
        Ok(next.map(Timestamp::from_millis))
    }
}

fn kept(row: &SqliteRow) -> Result<Kept, GatewayError> {
    let unreadable =
        |error: serde_json::Error| GatewayError::Unreadable("a call", error.to_string());
    let mut call: Call = serde_json::from_str(row.try_get("state")?).map_err(unreadable)?;
    let mailbox: Mailbox = serde_json::from_str(row.try_get("mailbox")?).map_err(unreadable)?;
    call.mailbox = mailbox;
    Ok(Kept {
        call,
        revision: row.try_get("revision")?,
        deadline: row
            .try_get::<Option<i64>, _>("deadline")?
            .map(Timestamp::from_millis),
    })
}

/// The call of a row in a list; one that cannot be read is left out.
fn readable(row: &SqliteRow) -> Option<Call> {
    kept(row)
        .map(|kept| kept.call)
        .inspect_err(|error| skipped(row, error))
        .ok()
}

fn readable_id(row: &SqliteRow) -> Option<CallId> {
    row.try_get("id")
        .map_err(GatewayError::from)
        .and_then(super::id)
        .inspect_err(|error| skipped(row, error))
        .ok()
}

fn skipped(row: &SqliteRow, error: &GatewayError) {
    let call: &str = row.try_get("id").unwrap_or("without a readable id");
    tracing::error!(call, %error, "a call was left out of a list");
}

fn text<T: serde::Serialize>(value: &T) -> Result<String, GatewayError> {
    serde_json::to_string(value)
        .map_err(|error| GatewayError::Unreadable("a call", error.to_string()))
}
