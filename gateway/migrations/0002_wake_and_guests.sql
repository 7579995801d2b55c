-- Rows that cannot be read, guests who came by a link, and pushes of rings.

-- A call that cannot be read is set aside: it counts as ended, and its row is kept to be looked at.
ALTER TABLE calls ADD COLUMN set_aside_at INTEGER;
ALTER TABLE calls ADD COLUMN problem TEXT;

-- A guest's invite, and when the guest goes.
ALTER TABLE users ADD COLUMN invite TEXT;
ALTER TABLE users ADD COLUMN expires_at INTEGER;

CREATE INDEX guests_by_invite ON users (invite) WHERE invite IS NOT NULL;
CREATE INDEX guests_by_expiry ON users (expires_at) WHERE expires_at IS NOT NULL;

CREATE INDEX devices_by_token ON devices (token);

-- What was pushed to a registered device of somebody who is called; gone when nothing is left to do.
CREATE TABLE ring_pushes (
    call_id   TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    user_id   TEXT NOT NULL,
    device_id TEXT NOT NULL,
    due_at    INTEGER NOT NULL,
    pushed    INTEGER NOT NULL DEFAULT 0,
    settled   INTEGER NOT NULL DEFAULT 0,
    rang      INTEGER NOT NULL DEFAULT 0,
    next_at   INTEGER NOT NULL,
    PRIMARY KEY (call_id, user_id, device_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX ring_pushes_by_time ON ring_pushes (next_at);
