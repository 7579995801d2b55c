-- People, conversations, calls and devices. Instants are milliseconds since the Unix epoch.

CREATE TABLE users (
    id           TEXT PRIMARY KEY NOT NULL,
    username     TEXT NOT NULL UNIQUE,
    display_name TEXT,
    avatar       TEXT,
    language     TEXT,
    anonymous    INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE conversations (
    id     TEXT PRIMARY KEY NOT NULL,
    kind   TEXT NOT NULL CHECK (kind IN ('direct', 'group')),
    title  TEXT,
    closed INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE members (
    id              TEXT PRIMARY KEY NOT NULL,
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    user_id         TEXT NOT NULL REFERENCES users (id),
    UNIQUE (conversation_id, user_id)
) STRICT;

CREATE INDEX members_of_user ON members (user_id);

-- `state` is the call as the room `life` keeps it, `mailbox` its kept signals.
CREATE TABLE calls (
    id              TEXT PRIMARY KEY NOT NULL,
    conversation_id TEXT NOT NULL REFERENCES conversations (id),
    revision        INTEGER NOT NULL,
    started_at      INTEGER NOT NULL,
    ended_at        INTEGER,
    deadline        INTEGER,
    state           TEXT NOT NULL,
    mailbox         TEXT NOT NULL
) STRICT;

-- The first claim of a conversation wins.
CREATE UNIQUE INDEX one_call_at_a_time ON calls (conversation_id) WHERE ended_at IS NULL;
CREATE INDEX calls_by_deadline ON calls (deadline) WHERE ended_at IS NULL;
CREATE INDEX calls_of_conversation ON calls (conversation_id, started_at);

CREATE TABLE call_members (
    call_id TEXT NOT NULL REFERENCES calls (id),
    user_id TEXT NOT NULL,
    PRIMARY KEY (call_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX calls_of_user ON call_members (user_id);

CREATE TABLE devices (
    user_id     TEXT NOT NULL REFERENCES users (id),
    device_id   TEXT NOT NULL,
    platform    TEXT NOT NULL,
    token       TEXT NOT NULL,
    voip_token  TEXT,
    environment TEXT NOT NULL,
    seen_at     INTEGER NOT NULL,
    PRIMARY KEY (user_id, device_id)
) STRICT, WITHOUT ROWID;
