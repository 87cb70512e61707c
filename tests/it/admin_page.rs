//! The administration page in a real browser, against the built product (ADM-1). What is done there is `admin_page.mjs`;
//! without the browser, what the product serves (`query-service/src/pages/tests.rs`).

use std::path::Path;
use std::time::Duration;

use crate::client::http;
use crate::product::{Product, is_absent, repository, tools};

/// Debian's package, which `cargo xtask test` installs where nobody works.
const BROWSER: &str = "/usr/bin/chromium";
/// All scenes together, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

#[tokio::test]
async fn the_page_keeps_what_was_typed_repeats_nothing_and_fits_a_phone() {
    let modules = tools("js/node_modules");
    if is_absent(&modules.join("playwright-core")) || is_absent(Path::new(BROWSER)) {
        return;
    }
    let product = Product::start("admin-page", &[]).await;
    // Modules are looked for beside the script, hence a copy of it.
    let script = product.data.join("admin_page.mjs");
    std::fs::copy(repository().join("tests/it/admin_page.mjs"), &script).unwrap();
    std::os::unix::fs::symlink(&modules, product.data.join("node_modules")).unwrap();
    let mut node = tokio::process::Command::new("node");
    node.arg(&script)
        .arg(product.data.join("demo.json"))
        .arg(BROWSER)
        .arg(&product.data)
        .kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, node.output())
        .await
        .unwrap()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[tokio::test]
async fn the_page_is_on_the_products_one_port_and_its_assets_are_not_the_apis() {
    let product = Product::shared().await;
    let page = http()
        .get(format!("{}/admin", product.base_url()))
        .send()
        .await
        .unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    let etag = page.headers()["etag"].clone();
    let again = http().get(format!("{}/admin/", product.base_url()));
    let again = again.header("if-none-match", etag).send().await.unwrap();
    assert_eq!(again.status().as_u16(), 304);
    let posted = http()
        .post(format!("{}/admin", product.base_url()))
        .send()
        .await
        .unwrap();
    assert_eq!(posted.status().as_u16(), 405);
    let absent = http()
        .get(format!("{}/admin/none.js", product.base_url()))
        .send()
        .await
        .unwrap();
    assert_eq!(absent.headers()["content-type"], "application/problem+json");
}
