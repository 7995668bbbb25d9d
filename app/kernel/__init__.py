"""What every room stands on: clock, ids, errors, database, work, outbox, secrets."""
