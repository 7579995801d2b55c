//! Why a gateway does not start, or cannot do what its own process asks.

/// An error of the gateway itself; what clients do wrong is answered to them instead.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// The address is taken or not ours.
    #[error("cannot listen: {0}")]
    Listen(#[source] std::io::Error),
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// The database is of another version.
    #[error("database: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The database holds something that is not readable.
    #[error("database: {0} is not readable: {1}")]
    Unreadable(&'static str, String),
    /// No place for a temporary database.
    #[error("no temporary folder: {0}")]
    Temporary(#[source] std::io::Error),
    /// Certificate or key are not usable.
    #[error("TLS: {0}")]
    Tls(String),
    /// Pushes cannot be sent like this.
    #[error("pushes: {0}")]
    Push(String),
    /// A token could not be made.
    #[error("token: {0}")]
    Token(#[from] jsonwebtoken::errors::Error),
    /// There is no such user or conversation.
    #[error("there is no {0}")]
    Missing(String),
}
