//! Users, guests, conversations and who is a member of them.

use ringwire_life::{Conversation, ConversationKind, Member};
use ringwire_protocol::{ConversationId, PeerId, Timestamp};
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::{Store, id};
use crate::error::GatewayError;
use crate::ids;

/// Most members of a conversation.
const MAX_MEMBERS: i64 = 256;

/// A user or guest.
#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: PeerId,
    pub(crate) username: String,
    pub(crate) display_name: Option<String>,
    pub(crate) avatar: Option<String>,
    pub(crate) language: Option<String>,
    pub(crate) anonymous: bool,
}

/// A guest who comes in.
#[derive(Debug, Clone)]
pub(crate) struct NewGuest {
    pub(crate) id: PeerId,
    pub(crate) name: String,
    pub(crate) expires: Timestamp,
    /// The link that the guest came by.
    pub(crate) invite: Option<String>,
}

/// A conversation with everybody in it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) conversation: Conversation,
    pub(crate) closed: bool,
    pub(crate) members: Vec<Member>,
}

impl Store {
    /// Adds a user or guest, unless there is one of that id.
    pub(crate) async fn add_user(
        &self,
        user: &PeerId,
        username: &str,
        display_name: Option<&str>,
        anonymous: bool,
    ) -> Result<(), GatewayError> {
        sqlx::query(
            "INSERT INTO users (id, username, display_name, anonymous) VALUES (?, ?, ?, ?)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(user.as_str())
        .bind(username)
        .bind(display_name)
        .bind(anonymous)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Adds a conversation and its members, unless they are there.
    pub(crate) async fn add_conversation(
        &self,
        conversation: &ConversationId,
        kind: ConversationKind,
        title: Option<&str>,
        members: &[PeerId],
    ) -> Result<(), GatewayError> {
        sqlx::query(
            "INSERT INTO conversations (id, kind, title) VALUES (?, ?, ?)
             ON CONFLICT (id) DO NOTHING",
        )
        .bind(conversation.as_str())
        .bind(kind.as_str())
        .bind(title)
        .execute(&self.pool)
        .await?;
        for member in members {
            self.add_member(conversation, member).await?;
        }
        Ok(())
    }

    /// Adds a member, unless they are one.
    pub(crate) async fn add_member(
        &self,
        conversation: &ConversationId,
        member: &PeerId,
    ) -> Result<(), GatewayError> {
        sqlx::query(
            "INSERT INTO members (id, conversation_id, user_id) VALUES (?, ?, ?)
             ON CONFLICT (conversation_id, user_id) DO NOTHING",
        )
        .bind(ids::fresh())
        .bind(conversation.as_str())
        .bind(member.as_str())
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Adds a guest to a conversation, as long as it has room and the link has not let in
    /// `most` guests already; false when it has.
    pub(crate) async fn add_guest(
        &self,
        conversation: &ConversationId,
        guest: &NewGuest,
        most: i64,
    ) -> Result<bool, GatewayError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let counted = sqlx::query(
            "SELECT (SELECT count(*) FROM users WHERE invite = ?) AS guests,
             (SELECT count(*) FROM members WHERE conversation_id = ?) AS members",
        )
        .bind(&guest.invite)
        .bind(conversation.as_str())
        .fetch_one(&mut *transaction)
        .await?;
        let full = counted.try_get::<i64, _>("members")? >= MAX_MEMBERS;
        if full || counted.try_get::<i64, _>("guests")? >= most {
            return Ok(false);
        }
        sqlx::query(
            "INSERT INTO users (id, username, display_name, anonymous, invite, expires_at)
             VALUES (?, ?, ?, 1, ?, ?)",
        )
        .bind(guest.id.as_str())
        .bind(format!("guest-{}", guest.id))
        .bind(&guest.name)
        .bind(&guest.invite)
        .bind(guest.expires.as_millis())
        .execute(&mut *transaction)
        .await?;
        sqlx::query("INSERT INTO members (id, conversation_id, user_id) VALUES (?, ?, ?)")
            .bind(ids::fresh())
            .bind(conversation.as_str())
            .bind(guest.id.as_str())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Guests whose time is over go out of their conversations; calls keep their names.
    pub(crate) async fn expire_guests(&self, now: Timestamp) -> Result<(), GatewayError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        for sql in [
            "DELETE FROM members WHERE user_id IN (SELECT id FROM users WHERE expires_at <= ?)",
            "DELETE FROM devices WHERE user_id IN (SELECT id FROM users WHERE expires_at <= ?)",
            "DELETE FROM users WHERE expires_at <= ?",
        ] {
            sqlx::query(sql)
                .bind(now.as_millis())
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    pub(crate) async fn user(&self, user: &PeerId) -> Result<Option<User>, GatewayError> {
        let row = sqlx::query(
            "SELECT id, username, display_name, avatar, language, anonymous FROM users
             WHERE id = ?",
        )
        .bind(user.as_str())
        .fetch_optional(&self.pool)
        .await?;
        row.map(|row| {
            Ok(User {
                id: id(row.try_get("id")?)?,
                username: row.try_get("username")?,
                display_name: row.try_get("display_name")?,
                avatar: row.try_get("avatar")?,
                language: row.try_get("language")?,
                anonymous: row.try_get("anonymous")?,
            })
        })
        .transpose()
    }

    /// A conversation with everybody in it.
    pub(crate) async fn place(
        &self,
        conversation: &ConversationId,
    ) -> Result<Option<Place>, GatewayError> {
        let row = sqlx::query("SELECT id, kind, title, closed FROM conversations WHERE id = ?")
            .bind(conversation.as_str())
            .fetch_optional(&self.pool)
            .await?;
        match row {
            Some(row) => self.with_members(&row).await.map(Some),
            None => Ok(None),
        }
    }

    /// All conversations of somebody.
    pub(crate) async fn places_of(&self, user: &PeerId) -> Result<Vec<Place>, GatewayError> {
        let rows = sqlx::query(
            "SELECT c.id, c.kind, c.title, c.closed FROM conversations c
             JOIN members m ON m.conversation_id = c.id WHERE m.user_id = ?
             ORDER BY c.id LIMIT 1000",
        )
        .bind(user.as_str())
        .fetch_all(&self.pool)
        .await?;
        let mut places = Vec::with_capacity(rows.len());
        for row in &rows {
            places.push(self.with_members(row).await?);
        }
        Ok(places)
    }

    async fn with_members(&self, row: &SqliteRow) -> Result<Place, GatewayError> {
        let conversation: &str = row.try_get("id")?;
        let members = sqlx::query(
            "SELECT m.id, m.user_id, u.username, u.display_name, u.avatar, u.anonymous
             FROM members m JOIN users u ON u.id = m.user_id
             WHERE m.conversation_id = ? ORDER BY u.username LIMIT ?",
        )
        .bind(conversation)
        .bind(MAX_MEMBERS)
        .fetch_all(&self.pool)
        .await?;
        let kind: &str = row.try_get("kind")?;
        Ok(Place {
            conversation: Conversation {
                id: id(conversation)?,
                kind: match kind {
                    "direct" => ConversationKind::Direct,
                    _ => ConversationKind::Group,
                },
                title: row.try_get("title")?,
            },
            closed: row.try_get("closed")?,
            members: members.iter().map(member).collect::<Result<_, _>>()?,
        })
    }
}

fn member(row: &SqliteRow) -> Result<Member, GatewayError> {
    Ok(Member {
        peer: id(row.try_get("user_id")?)?,
        anonymous: row.try_get("anonymous")?,
        participant: id(row.try_get("id")?)?,
        username: row.try_get("username")?,
        display_name: row.try_get("display_name")?,
        avatar: row.try_get("avatar")?,
    })
}
