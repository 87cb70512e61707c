//! `demo.json`: where a running standalone is, and who may sign in.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Deserialize;

/// What `cargo xtask up` writes into its data folder.
#[derive(Debug, Clone, Deserialize)]
pub struct Demo {
    pub base_url: String,
    /// The owner's; for the checker alone.
    #[serde(default)]
    pub database_url: Option<String>,
    pub tenants: Vec<Tenant>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Tenant {
    pub id: String,
    pub currency: String,
    pub users: Vec<User>,
    /// Absent in files of before, and when somebody rotated or revoked it.
    #[serde(default)]
    pub connector: Option<Connector>,
}

/// A pull connector of the tenant.
#[derive(Debug, Clone, Deserialize)]
pub struct Connector {
    pub slug: String,
    /// For `X-Integration-Token`.
    pub token: String,
}

#[derive(Debug, Clone, Deserialize)]
pub struct User {
    pub role: String,
    pub username: String,
    pub password: String,
}

impl Demo {
    /// # Errors
    /// When the file is absent (is the standalone running?) or has another shape.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| {
            format!(
                "cannot read {} (start the standalone with `cargo xtask up`)",
                path.display()
            )
        })?;
        serde_json::from_str(&text).with_context(|| format!("{} is not a demo.json", path.display()))
    }

    /// # Errors
    /// When there is no such tenant.
    pub fn tenant(&self, id: &str) -> anyhow::Result<&Tenant> {
        self.tenants
            .iter()
            .find(|tenant| tenant.id == id)
            .with_context(|| format!("demo.json names no tenant {id}"))
    }
}

impl Tenant {
    /// # Errors
    /// When nobody has this role.
    pub fn user(&self, role: &str) -> anyhow::Result<&User> {
        self.users
            .iter()
            .find(|user| user.role == role)
            .with_context(|| format!("tenant {} has no user with role {role}", self.id))
    }
}

/// The folder beside `demo.json` in which the lab keeps what it must know at its next run.
pub fn state_folder(demo: &Path) -> PathBuf {
    data_folder(demo).join("replay")
}

/// The folder that `demo.json` lies in: the product's data.
pub fn data_folder(demo: &Path) -> PathBuf {
    let folder = demo.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new(".")).to_owned()
}
