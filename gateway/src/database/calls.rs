//! Calls: each row is one call, written only over the revision that was read. One that cannot be
//! read is set aside, so that it stops nothing and nobody.

use ringwire_life::{Call, Mailbox};
use ringwire_protocol::{CallId, ConversationId, PeerId, Timestamp};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{PushRow, Store};
use crate::error::GatewayError;
use crate::shared::now;

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
    /// Writes a new call and what is to be pushed of it; the first claim of a conversation wins.
    pub(crate) async fn insert_call(
        &self,
        call: &Call,
        deadline: Option<Timestamp>,
        pushes: &[PushRow],
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
        for push in pushes {
            push.insert(&mut transaction).await?;
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
        let row = sqlx::query(
            "SELECT rowid, id, state, mailbox, revision, deadline FROM calls
             WHERE id = ? AND set_aside_at IS NULL",
        )
        .bind(call.as_str())
        .fetch_optional(&self.pool)
        .await?;
        match row {
            Some(row) => self.read(&row).await,
            None => Ok(None),
        }
    }

    /// The call that a conversation has now.
    pub(crate) async fn live_call_in(
        &self,
        conversation: &ConversationId,
    ) -> Result<Option<Kept>, GatewayError> {
        let row = sqlx::query(
            "SELECT rowid, id, state, mailbox, revision, deadline FROM calls
             WHERE conversation_id = ? AND ended_at IS NULL",
        )
        .bind(conversation.as_str())
        .fetch_optional(&self.pool)
        .await?;
        match row {
            Some(row) => self.read(&row).await,
            None => Ok(None),
        }
    }

    /// Calls that have not ended in the conversations of somebody.
    pub(crate) async fn live_calls_of(&self, user: &PeerId) -> Result<Vec<Call>, GatewayError> {
        let rows = sqlx::query(
            "SELECT c.rowid, c.id, c.state, c.mailbox, c.revision, c.deadline FROM call_members m
             JOIN calls c ON c.id = m.call_id
             WHERE m.user_id = ? AND c.ended_at IS NULL ORDER BY c.started_at LIMIT 100",
        )
        .bind(user.as_str())
        .fetch_all(&self.pool)
        .await?;
        self.read_all(&rows).await
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
            "SELECT c.rowid, c.id, c.state, c.mailbox, c.revision, c.deadline FROM call_members m
             JOIN calls c ON c.id = m.call_id
             WHERE m.user_id = ?1 AND (?2 IS NULL OR c.conversation_id = ?2) AND c.started_at < ?3
             AND c.set_aside_at IS NULL ORDER BY c.started_at DESC LIMIT ?4",
        )
        .bind(user.as_str())
        .bind(conversation.map(ConversationId::as_str))
        .bind(before.as_millis())
        .bind(limit)
        .fetch_all(&self.pool)
        .await?;
        self.read_all(&rows).await
    }

    /// Every call that has not ended.
    pub(crate) async fn live_calls(&self) -> Result<Vec<CallId>, GatewayError> {
        let rows = sqlx::query("SELECT rowid, id, revision FROM calls WHERE ended_at IS NULL")
            .fetch_all(&self.pool)
            .await?;
        self.read_ids(&rows).await
    }

    /// Calls whose time has come.
    pub(crate) async fn due_calls(&self, now: Timestamp) -> Result<Vec<CallId>, GatewayError> {
        let rows = sqlx::query(
            "SELECT rowid, id, revision FROM calls WHERE ended_at IS NULL AND deadline <= ?",
        )
        .bind(now.as_millis())
        .fetch_all(&self.pool)
        .await?;
        self.read_ids(&rows).await
    }

    /// When the next call's time comes.
    pub(crate) async fn next_deadline(&self) -> Result<Option<Timestamp>, GatewayError> {
        let row = sqlx::query("SELECT min(deadline) AS next FROM calls WHERE ended_at IS NULL")
            .fetch_one(&self.pool)
            .await?;
        let next: Option<i64> = row.try_get("next")?;
        Ok(next.map(Timestamp::from_millis))
    }

    async fn read(&self, row: &SqliteRow) -> Result<Option<Kept>, GatewayError> {
        let (mut call, revision, deadline) = match state(row) {
            Ok(read) => read,
            Err(problem) => {
                self.set_aside(row, &problem).await?;
                return Ok(None);
            }
        };
        match mailbox(row) {
            Ok(mailbox) => call.mailbox = mailbox,
            Err(problem) => self.empty_mailbox(row, &problem).await?,
        }
        Ok(Some(Kept {
            call,
            revision,
            deadline,
        }))
    }

    async fn read_all(&self, rows: &[SqliteRow]) -> Result<Vec<Call>, GatewayError> {
        let mut calls = Vec::with_capacity(rows.len());
        for row in rows {
            calls.extend(self.read(row).await?.map(|kept| kept.call));
        }
        Ok(calls)
    }

    async fn read_ids(&self, rows: &[SqliteRow]) -> Result<Vec<CallId>, GatewayError> {
        let mut ids = Vec::with_capacity(rows.len());
        for row in rows {
            let id = row
                .try_get("id")
                .map_err(GatewayError::from)
                .and_then(super::id);
            match id {
                Ok(id) => ids.push(id),
                Err(problem) => self.set_aside(row, &problem.to_string()).await?,
            }
        }
        Ok(ids)
    }

    /// Sets aside a call that cannot be read: its conversation is free, its row stays, and the
    /// log says so once.
    async fn set_aside(&self, row: &SqliteRow, problem: &str) -> Result<(), GatewayError> {
        let now = now().as_millis();
        let done = sqlx::query(
            "UPDATE calls SET set_aside_at = ?1, problem = ?2, ended_at = coalesce(ended_at, ?1),
             deadline = NULL WHERE rowid = ?3 AND revision = ?4 AND set_aside_at IS NULL",
        )
        .bind(now)
        .bind(problem)
        .bind(row.try_get::<i64, _>("rowid")?)
        .bind(row.try_get::<i64, _>("revision")?)
        .execute(&self.pool)
        .await?;
        if done.rows_affected() > 0 {
            let call: &str = row.try_get("id").unwrap_or("without a readable id");
            tracing::error!(
                call,
                problem,
                "a call in the database cannot be read and was set aside; its conversation is free. \
                 Its row is kept: look at it with SELECT * FROM calls WHERE set_aside_at IS NOT NULL, \
                 and delete it when it is of no more use"
            );
        }
        Ok(())
    }

    /// Kept signals that cannot be read are dropped: the two negotiate again.
    async fn empty_mailbox(&self, row: &SqliteRow, problem: &str) -> Result<(), GatewayError> {
        let done = sqlx::query("UPDATE calls SET mailbox = '[]' WHERE rowid = ? AND revision = ?")
            .bind(row.try_get::<i64, _>("rowid")?)
            .bind(row.try_get::<i64, _>("revision")?)
            .execute(&self.pool)
            .await?;
        if done.rows_affected() > 0 {
            let call: &str = row.try_get("id").unwrap_or_default();
            tracing::error!(
                call,
                problem,
                "kept signals could not be read and were dropped"
            );
        }
        Ok(())
    }
}

/// What a row says beside its kept signals; the error says what is wrong with it.
fn state(row: &SqliteRow) -> Result<(Call, i64, Option<Timestamp>), String> {
    let call = serde_json::from_str(row.try_get("state").map_err(said)?).map_err(said)?;
    let revision = row.try_get("revision").map_err(said)?;
    let deadline: Option<i64> = row.try_get("deadline").map_err(said)?;
    Ok((call, revision, deadline.map(Timestamp::from_millis)))
}

fn mailbox(row: &SqliteRow) -> Result<Mailbox, String> {
    serde_json::from_str(row.try_get("mailbox").map_err(said)?).map_err(said)
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn text<T: serde::Serialize>(value: &T) -> Result<String, GatewayError> {
    serde_json::to_string(value)
        .map_err(|error| GatewayError::Unreadable("a call", error.to_string()))
}
