//! The vault on a real Postgres, as the role that services use.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schemas::sealed::Sealed;
use sqlx::Executor;

use super::*;
use crate::db::{self, DbRole};

struct Setting {
    database: testkit::Database,
    pool: PgPool,
}

impl Setting {
    async fn new() -> Self {
        let database = testkit::database().await;
        db::migrate(database.url(), MIGRATIONS).await.unwrap();
        let pool = db::pool(database.url(), DbRole::Engine, 8).await.unwrap();
        Self { database, pool }
    }

    /// A vault with nothing in memory, as in a fresh process.
    fn vault(&self) -> Vault {
        Vault::open(self.pool.clone(), kek(7))
    }
}

fn kek(byte: u8) -> Kek {
    Kek::from_base64(&STANDARD.encode([byte; 32])).unwrap()
}

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

const ANA: &str = "customer/ana";
const EVA: &str = "customer/eva";

fn is_unreadable<T>(result: Result<T, VaultError>) -> bool {
    matches!(result, Err(VaultError::Unreadable(_)))
}

#[tokio::test]
async fn a_sealed_field_opens_in_another_process_and_shows_nothing() {
    let setting = Setting::new().await;
    let shop = tenant("shop");
    let sealed = setting
        .vault()
        .seal_person(&shop, ANA, "name", "Ana Núñez")
        .await
        .unwrap();
    assert!(sealed.sealed.starts_with("v1.") && !sealed.sealed.contains("Ana"));
    let other = setting.vault();
    assert_eq!(
        other
            .open_person(&shop, ANA, "name", &sealed)
            .await
            .unwrap()
            .as_deref(),
        Some("Ana Núñez")
    );
    let again = other.seal_person(&shop, ANA, "name", "Ana Núñez").await.unwrap();
    assert!(again != sealed, "two sealings of one text must differ");
}

#[tokio::test]
async fn a_ciphertext_opens_for_no_other_tenant_person_or_field() {
    let setting = Setting::new().await;
    let vault = setting.vault();
    let (shop, rival) = (tenant("shop"), tenant("rival"));
    let sealed = vault.seal_person(&shop, ANA, "name", "Ana").await.unwrap();
    for (owner, person) in [(&shop, EVA), (&rival, ANA)] {
        vault
            .seal_person(owner, person, "name", "somebody")
            .await
            .unwrap();
        assert!(is_unreadable(
            vault.open_person(owner, person, "name", &sealed).await
        ));
    }
    assert!(is_unreadable(
        vault.open_person(&shop, ANA, "email", &sealed).await
    ));
    assert!(is_unreadable(
        vault.open_person(&shop, "customer/nobody", "name", &sealed).await
    ));
    let damaged = Sealed {
        sealed: format!("{}A", sealed.sealed),
    };
    assert!(is_unreadable(
        vault.open_person(&shop, ANA, "name", &damaged).await
    ));
    assert!(is_unreadable(
        vault
            .open_person(
                &shop,
                ANA,
                "name",
                &Sealed {
                    sealed: "v2.AAAA".into()
                }
            )
            .await
    ));
}

#[tokio::test]
async fn wrapped_keys_that_are_swapped_in_the_database_do_not_open() {
    let setting = Setting::new().await;
    let shop = tenant("shop");
    let vault = setting.vault();
    let sealed = vault.seal_person(&shop, ANA, "name", "Ana").await.unwrap();
    vault.seal_person(&shop, EVA, "name", "Eva").await.unwrap();
    let swap = "update person_keys k set (key_id, wrapped) = (select key_id, wrapped from person_keys o where o.person <> k.person)";
    setting.pool.execute(swap).await.unwrap();
    assert!(is_unreadable(
        setting.vault().open_person(&shop, ANA, "name", &sealed).await
    ));
}

#[tokio::test]
async fn many_fields_open_in_their_order_each_with_its_own_outcome() {
    let setting = Setting::new().await;
    let shop = tenant("shop");
    let vault = setting.vault();
    let ana = vault
        .seal_fields(&shop, ANA, &[("name", "Ana"), ("email", "ana@example.com")])
        .await
        .unwrap();
    let eva = vault.seal_fields(&shop, EVA, &[("name", "Eva")]).await.unwrap();
    let gone = vault
        .seal_fields(&shop, "customer/gone", &[("name", "Gon")])
        .await
        .unwrap();
    assert!(vault.destroy_person(&shop, "customer/gone").await.unwrap());
    let values = [
        (EVA, "name", &eva[0]),
        (ANA, "email", &ana[1]),
        ("customer/gone", "name", &gone[0]),
        (EVA, "name", &ana[0]),
        (ANA, "name", &ana[0]),
    ];
    let texts = [
        Ok(Some("Eva")),
        Ok(Some("ana@example.com")),
        Ok(None),
        Err(Unreadable),
        Ok(Some("Ana")),
    ];
    // Once with the keys in memory and once without.
    for vault in [vault, setting.vault()] {
        let opened = vault.open_many(&shop, &values).await.unwrap();
        assert_eq!(opened, texts.map(|text| text.map(|text| text.map(str::to_owned))));
    }
}

#[tokio::test]
async fn a_destroyed_person_stays_closed_and_takes_nothing_new() {
    let setting = Setting::new().await;
    let shop = tenant("shop");
    let vault = setting.vault();
    let sealed = vault.seal_person(&shop, ANA, "name", "Ana").await.unwrap();
    assert!(vault.destroy_person(&shop, ANA).await.unwrap());
    assert!(!vault.destroy_person(&shop, ANA).await.unwrap());
    for vault in [vault, setting.vault()] {
        assert_eq!(
            vault.open_person(&shop, ANA, "name", &sealed).await.unwrap(),
            None
        );
        assert!(matches!(
            vault.seal_person(&shop, ANA, "name", "Ana").await,
            Err(VaultError::Erased)
        ));
    }
    let kept: Vec<Option<Vec<u8>>> = sqlx::query_scalar("select wrapped from person_keys")
        .fetch_all(&setting.pool)
        .await
        .unwrap();
    assert_eq!(kept, [None]);
}

#[tokio::test]
async fn somebody_without_a_key_can_be_destroyed_beforehand() {
    let setting = Setting::new().await;
    let shop = tenant("shop");
    assert!(!setting.vault().destroy_person(&shop, ANA).await.unwrap());
    assert!(matches!(
        setting.vault().seal_person(&shop, ANA, "name", "Ana").await,
        Err(VaultError::Erased)
    ));
}

#[tokio::test]
async fn processes_that_make_a_key_at_the_same_time_agree_on_one() {
    let setting = Setting::new().await;
    let shop = tenant("shop");
    let vaults: Vec<Vault> = (0..16).map(|_| setting.vault()).collect();
    let seals = vaults
        .iter()
        .map(|vault| vault.seal_person(&shop, ANA, "name", "Ana"));
    let sealed = futures::future::try_join_all(seals).await.unwrap();
    let fresh = setting.vault();
    for sealed in &sealed {
        assert_eq!(
            fresh
                .open_person(&shop, ANA, "name", sealed)
                .await
                .unwrap()
                .as_deref(),
            Some("Ana")
        );
    }
    let rows: (i64, i64) =
        sqlx::query_as("select (select count(*) from tenant_keys), (select count(*) from person_keys)")
            .fetch_one(&setting.pool)
            .await
            .unwrap();
    assert_eq!(rows, (1, 1));
}

#[tokio::test]
async fn another_key_encryption_key_is_named_and_opens_nothing() {
    let setting = Setting::new().await;
    let shop = tenant("shop");
    let sealed = setting
        .vault()
        .seal_person(&shop, ANA, "name", "Ana")
        .await
        .unwrap();
    let stranger = Vault::open(setting.pool.clone(), kek(8));
    let error = stranger
        .open_person(&shop, ANA, "name", &sealed)
        .await
        .unwrap_err();
    assert!(
        matches!(&error, VaultError::OtherKek { found, .. } if found == kek(7).id()),
        "{error}"
    );
    assert!(stranger.put_secret(&shop, "s", b"x").await.is_err());
}

#[tokio::test]
async fn secrets_are_kept_replaced_listed_and_removed_per_tenant() {
    let setting = Setting::new().await;
    let (shop, rival) = (tenant("shop"), tenant("rival"));
    let vault = setting.vault();
    vault.put_secret(&shop, "a", b"first").await.unwrap();
    vault.put_secret(&shop, "a", b"second").await.unwrap();
    vault.put_secret(&shop, "b", b"other").await.unwrap();
    let fresh = setting.vault();
    assert_eq!(
        fresh.get_secret(&shop, "a").await.unwrap().as_deref(),
        Some(b"second".as_slice())
    );
    assert_eq!(fresh.get_secret(&rival, "a").await.unwrap(), None);
    let listed = fresh.get_secrets(&shop, &["b", "none", "a"]).await.unwrap();
    assert_eq!(listed, [Some(b"other".to_vec()), None, Some(b"second".to_vec())]);
    assert!(vault.delete_secret(&shop, "b").await.unwrap());
    assert!(!vault.delete_secret(&shop, "b").await.unwrap());
    setting.pool.execute("update secrets set id = 'c'").await.unwrap();
    assert!(is_unreadable(fresh.get_secret(&shop, "c").await));
}

#[tokio::test]
async fn signing_keys_are_listed_the_oldest_first_and_bound_to_their_public_part() {
    let setting = Setting::new().await;
    let vault = setting.vault();
    assert!(
        vault
            .put_signing_key("k1", b"private 1", b"public 1")
            .await
            .unwrap()
    );
    assert!(
        vault
            .put_signing_key("k2", b"private 2", b"public 2")
            .await
            .unwrap()
    );
    assert!(!vault.put_signing_key("k1", b"another", b"public").await.unwrap());
    let keys = setting.vault().signing_keys().await.unwrap();
    let listed: Vec<(&str, &[u8], &[u8])> = keys
        .iter()
        .map(|k| (k.id.as_str(), &k.private[..], &k.public[..]))
        .collect();
    assert_eq!(
        listed,
        [
            ("k1", &b"private 1"[..], &b"public 1"[..]),
            ("k2", b"private 2", b"public 2")
        ]
    );
    assert!(!format!("{keys:?}").contains("private"));
    setting
        .pool
        .execute("update signing_keys set public = 'x' where id = 'k1'")
        .await
        .unwrap();
    assert!(is_unreadable(vault.signing_keys().await));
}

#[tokio::test]
async fn the_database_never_sees_a_plain_text_and_the_api_role_sees_no_row() {
    let setting = Setting::new().await;
    let shop = tenant("shop");
    let vault = setting.vault();
    vault.seal_person(&shop, ANA, "name", "Ana").await.unwrap();
    vault.put_secret(&shop, "a", b"whsec_plain").await.unwrap();
    vault
        .put_signing_key("k1", b"private 1", b"public 1")
        .await
        .unwrap();
    for (table, column, plain) in [
        ("secrets", "sealed", "whsec_plain"),
        ("signing_keys", "sealed", "private 1"),
    ] {
        let sql = format!("select position(convert_to('{plain}', 'utf8') in {column}) from {table}");
        let found: i32 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(&setting.pool)
            .await
            .unwrap();
        assert_eq!(found, 0, "{table}");
    }
    let api = db::pool(setting.database.url(), DbRole::Api, 1).await.unwrap();
    for table in ["tenant_keys", "person_keys", "secrets", "signing_keys"] {
        let mut transaction = db::tenant_transaction(&api, &shop).await.unwrap();
        let sql = sqlx::AssertSqlSafe(format!("select 1 from {table}"));
        let error = sqlx::query(sql).execute(&mut *transaction).await.unwrap_err();
        assert_eq!(
            error.as_database_error().unwrap().code().unwrap(),
            "42501",
            "{table}"
        );
    }
}

#[tokio::test]
async fn a_text_beyond_the_bound_is_refused() {
    let setting = Setting::new().await;
    let long = "x".repeat(MAX_FIELD_BYTES + 1);
    let result = setting
        .vault()
        .seal_person(&tenant("shop"), ANA, "name", &long)
        .await;
    assert!(matches!(result, Err(VaultError::TooLong { .. })));
}
