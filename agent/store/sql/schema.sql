-- name: table_names
-- Every table of the file, to tell an empty or older store from somebody else's database.
SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%';

-- name: create_schema_version
-- One row for each migration that was applied.
CREATE TABLE IF NOT EXISTS schema_version (
    name TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    at REAL NOT NULL
) WITHOUT ROWID;

-- name: applied_migrations
-- What was applied to this file, by this or another release.
SELECT name, version FROM schema_version;

-- name: note_migration
-- Written in the same transaction as the migration itself.
INSERT INTO schema_version (name, version, at) VALUES (?, ?, ?);
