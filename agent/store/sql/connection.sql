-- name: begin
-- Takes the write lock at once, so that a transaction never fails half way for want of it.
BEGIN IMMEDIATE;

-- name: commit
-- Returns after the log is synced to the disk.
COMMIT;

-- name: rollback
-- Nothing of the transaction stays.
ROLLBACK;

-- name: use_wal
-- Readers see the last commit while the writer writes the next; answers with the mode in force.
PRAGMA journal_mode = WAL;

-- name: sync_every_commit
-- A commit that returned survives the loss of power.
PRAGMA synchronous = FULL;

-- name: no_memory_map
-- A mapped file turns a disk error into a dead process.
PRAGMA mmap_size = 0;

-- name: bound_log
-- After a checkpoint the log file is cut to 64 MiB.
PRAGMA journal_size_limit = 67108864;

-- name: fold_seldom
-- The log is copied into the database every 32 MiB instead of every 4: most of its pages are the
-- same few, written again and again, and while they are copied a commit waits.
PRAGMA wal_autocheckpoint = 8192;

-- name: distrust_schema
-- Functions with side effects cannot be called from a schema somebody tampered with.
PRAGMA trusted_schema = OFF;

-- name: read_only
-- This connection can only read, whatever it is asked.
PRAGMA query_only = ON;

-- name: fold_log
-- The whole log is copied into the database and emptied; only ever on the writing connection.
PRAGMA wal_checkpoint(TRUNCATE);
