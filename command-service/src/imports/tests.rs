//! Drafts without a database: what rows of a file would change.
