//! The tenant's users. Display names stay sealed, as in `customers`.
//!
//! Deliberately absent: password hashes.

use schemas::Event;
use schemas::events::AdminEvent;
use time::OffsetDateTime;

use crate::fact::Fact;
use crate::row::{FoldError, ReadModel};

crate::read_model_row! {
    /// One user.
    UserRow, UserKey {
        key { tenant: String, username: String }
        role: String,
        display_name_sealed: String,
        disabled: bool,
        last_position: i64,
        created_at: OffsetDateTime,
        changed_at: OffsetDateTime,
    }
}

impl ReadModel for UserRow {
    const NAME: &'static str = "users";
    const VERSION: i32 = 2;

    fn keys(fact: &Fact) -> Vec<UserKey> {
        let Event::Admin(event) = &fact.event else {
            return Vec::new();
        };
        let username = match event {
            AdminEvent::UserCreated(e) => &e.username,
            AdminEvent::UserRenamed(e) => &e.username,
            AdminEvent::UserRoleChanged(e) => &e.username,
            AdminEvent::UserPasswordChanged(e) => &e.username,
            AdminEvent::UserDisabled(e) => &e.username,
            AdminEvent::UserEnabled(e) => &e.username,
            _ => return Vec::new(),
        };
        vec![UserKey {
            tenant: fact.tenant.clone(),
            username: username.to_string(),
        }]
    }

    fn fold(row: Option<Self>, key: &UserKey, fact: &Fact) -> Result<Self, FoldError> {
        let Event::Admin(event) = &fact.event else {
            return Err(FoldError::foreign(fact));
        };
        if let AdminEvent::UserCreated(e) = event {
            return Ok(UserRow {
                tenant: key.tenant.clone(),
                username: key.username.clone(),
                role: e.role.as_str().to_owned(),
                display_name_sealed: e.display_name.sealed.clone(),
                disabled: false,
                last_position: fact.position,
                created_at: fact.recorded_at,
                changed_at: fact.recorded_at,
            });
        }
        let mut row = row.ok_or_else(|| FoldError::missing_row(fact))?;
        match event {
            AdminEvent::UserRenamed(e) => row.display_name_sealed.clone_from(&e.display_name.sealed),
            AdminEvent::UserRoleChanged(e) => row.role = e.role.as_str().to_owned(),
            AdminEvent::UserDisabled(_) => row.disabled = true,
            AdminEvent::UserEnabled(_) => row.disabled = false,
            AdminEvent::UserPasswordChanged(_) => {}
            _ => return Err(FoldError::foreign(fact)),
        }
        row.last_position = fact.position;
        row.changed_at = fact.recorded_at;
        Ok(row)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fact::given::{event, folded};

    #[test]
    fn a_user_keeps_the_last_role_and_can_be_disabled() {
        let rows = folded::<UserRow>([
            event(
                "admin.user_created",
                json!({"username": "ana", "role": "cashier", "display_name": {"sealed": "v1.n"}, "password_hash": {"sealed": "v1.h"}}),
            ),
            event("admin.user_role_changed", json!({"username": "ana", "role": "manager"})),
            event("admin.user_disabled", json!({"username": "ana"})),
            event("admin.user_renamed", json!({"username": "ana", "display_name": {"sealed": "v1.m"}})),
        ])
        .unwrap();
        assert_eq!((rows[0].role.as_str(), rows[0].disabled), ("manager", true));
        assert_eq!(rows[0].display_name_sealed, "v1.m");
        assert!(
            !format!("{:?}", rows[0]).contains("v1.h"),
            "no password hash leaves the log"
        );
    }
}
