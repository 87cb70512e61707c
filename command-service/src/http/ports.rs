//! What handlers need of the engine and the vault, as traits, so that tests of HTTP need neither.

use domain::State;
use futures::FutureExt;
use futures::future::BoxFuture;
use platform::vault::{Vault, VaultError};
use schemas::ids::TenantId;
use schemas::{Sealed, StreamName};

use crate::engine::{Engine, Reply, Submission, SubmitError};

/// Decides commands and shows committed state.
pub trait Commands: Send + Sync + 'static {
    /// See [`Engine::submit`].
    fn submit(&self, submission: Submission) -> BoxFuture<'_, Result<Reply, SubmitError>>;

    /// See [`Engine::peek`].
    fn peek<'a>(
        &'a self,
        tenant: &'a TenantId,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<State, SubmitError>>;
}

impl Commands for Engine {
    fn submit(&self, submission: Submission) -> BoxFuture<'_, Result<Reply, SubmitError>> {
        Engine::submit(self, submission).boxed()
    }

    fn peek<'a>(
        &'a self,
        tenant: &'a TenantId,
        stream: &'a StreamName,
    ) -> BoxFuture<'a, Result<State, SubmitError>> {
        Engine::peek(self, tenant, stream).boxed()
    }
}

type Outcome<'a, T> = BoxFuture<'a, Result<T, VaultError>>;

/// Seals and opens what must not stand in the log in the clear.
pub trait PersonalData: Send + Sync + 'static {
    /// See [`Vault::seal_fields`].
    fn seal_fields<'a>(
        &'a self,
        tenant: &'a TenantId,
        person: &'a str,
        fields: &'a [(&'a str, &'a str)],
    ) -> Outcome<'a, Vec<Sealed>>;

    /// See [`Vault::open_person`].
    fn open_person<'a>(
        &'a self,
        tenant: &'a TenantId,
        person: &'a str,
        field: &'a str,
        sealed: &'a Sealed,
    ) -> Outcome<'a, Option<String>>;

    /// See [`Vault::put_secret`].
    fn put_secret<'a>(&'a self, tenant: &'a TenantId, id: &'a str, plaintext: &'a [u8]) -> Outcome<'a, ()>;

    /// See [`Vault::get_secret`].
    fn get_secret<'a>(&'a self, tenant: &'a TenantId, id: &'a str) -> Outcome<'a, Option<Vec<u8>>>;

    /// See [`Vault::delete_secret`].
    fn delete_secret<'a>(&'a self, tenant: &'a TenantId, id: &'a str) -> Outcome<'a, bool>;
}

impl PersonalData for Vault {
    fn seal_fields<'a>(
        &'a self,
        tenant: &'a TenantId,
        person: &'a str,
        fields: &'a [(&'a str, &'a str)],
    ) -> Outcome<'a, Vec<Sealed>> {
        Vault::seal_fields(self, tenant, person, fields).boxed()
    }

    fn open_person<'a>(
        &'a self,
        tenant: &'a TenantId,
        person: &'a str,
        field: &'a str,
        sealed: &'a Sealed,
    ) -> Outcome<'a, Option<String>> {
        Vault::open_person(self, tenant, person, field, sealed).boxed()
    }

    fn put_secret<'a>(&'a self, tenant: &'a TenantId, id: &'a str, plaintext: &'a [u8]) -> Outcome<'a, ()> {
        Vault::put_secret(self, tenant, id, plaintext).boxed()
    }

    fn get_secret<'a>(&'a self, tenant: &'a TenantId, id: &'a str) -> Outcome<'a, Option<Vec<u8>>> {
        Vault::get_secret(self, tenant, id).boxed()
    }

    fn delete_secret<'a>(&'a self, tenant: &'a TenantId, id: &'a str) -> Outcome<'a, bool> {
        Vault::delete_secret(self, tenant, id).boxed()
    }
}
