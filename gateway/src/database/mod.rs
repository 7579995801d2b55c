//! The only place that speaks SQL: opening the database, and its tables in `people`, `calls`,
//! `devices` and `pushes`.

mod calls;
mod devices;
mod people;
mod pushes;

use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

pub(crate) use calls::Insert;
pub(crate) use devices::Device;
pub(crate) use people::{NewGuest, Place, User};
pub(crate) use pushes::PushRow;

use crate::config::Database;
use crate::error::GatewayError;

/// The database of one gateway.
#[derive(Debug)]
pub(crate) struct Store {
    pool: SqlitePool,
    /// Goes, with all that is in it, when the store does.
    _folder: Option<tempfile::TempDir>,
}

impl Store {
    /// Opens the database and brings its tables to this version.
    pub(crate) async fn open(database: &Database) -> Result<Self, GatewayError> {
        let (path, folder) = match database {
            Database::File(path) => (path.clone(), None),
            Database::Temporary => {
                let folder = tempfile::Builder::new()
                    .prefix("ringwire-")
                    .tempdir()
                    .map_err(GatewayError::Temporary)?;
                (folder.path().join("gateway.db"), Some(folder))
            }
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(Duration::from_secs(5))
            .foreign_keys(true);
        let pool = SqlitePoolOptions::new()
            .max_connections(4)
            .connect_with(options)
            .await?;
        sqlx::migrate!().run(&pool).await?;
        Ok(Self {
            pool,
            _folder: folder,
        })
    }

    /// True when the database answers.
    pub(crate) async fn is_well(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.pool).await.is_ok()
    }

    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// Reads an id that was written here.
fn id<T: std::str::FromStr>(text: &str) -> Result<T, GatewayError>
where
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error: T::Err| GatewayError::Unreadable("an id", error.to_string()))
}
