//! A receipt as the cashier prints it and as anybody verifies it (POS-3).

use serde_json::{Value, json};

use crate::client::{http, send};
use crate::pdf_text::lines;
use crate::product::{Product, scratch};

const TENANT: &str = "telefonia-teg";

async fn sold(product: &Product) -> (crate::client::Client, String, Value) {
    let cashier = product.client(TENANT, "cashier").await;
    let sale = json!({ "store": "centro", "lines": [{ "sku": "USBC-1M", "quantity": 1 }],
                       "payments": [{ "method": "cash", "amount_minor": 100_000 }] });
    let sold = cashier.post("/api/v1/pos/sale", &sale).await.ok();
    let id = sold["sale_id"].as_str().unwrap().to_owned();
    (cashier, id, sold["position"].clone())
}

/// What stands on the paper is what the JSON says: sale, goods, total, payment and the code to verify it by.
fn says_what_was_sold(pdf: &[u8], receipt: &Value) {
    let plain = |text: &str| -> String {
        let kept = text
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, '-' | ','));
        kept.collect::<String>().to_lowercase()
    };
    // Long words are wrapped, and the code is grouped.
    let paper = plain(&lines(pdf).join(""));
    let amount = |minor: &Value| {
        let minor = minor.as_i64().unwrap();
        format!("{}.{:02}", minor / 100, minor % 100)
    };
    let line = &receipt["lines"][0];
    let said = [
        receipt["sale_id"].as_str().unwrap().to_owned(),
        line["name"].as_str().unwrap().to_owned(),
        line["sku"].as_str().unwrap().to_owned(),
        "TOTAL".to_owned(),
        amount(&receipt["total_minor"]),
        amount(&json!(100_000)),
        amount(&receipt["change_minor"]),
        receipt["verification"]["code"].as_str().unwrap().to_owned(),
        "Served by".to_owned(),
    ];
    for words in said {
        assert!(paper.contains(&plain(&words)), "{words} is not in {paper}");
    }
}

#[tokio::test]
async fn a_receipt_is_a_pdf_whose_code_anybody_verifies_and_no_other_figures_fit() {
    let product = Product::shared().await;
    let (cashier, id, position) = sold(product).await;
    let path = format!("/api/v1/pos/receipt/{id}?min_position={position}");
    let receipt = cashier.get(&format!("{path}&format=json")).await.ok();
    let code = receipt["verification"]["code"].as_str().unwrap().to_owned();
    for format in ["80mm", "a4"] {
        let request = cashier.request(reqwest::Method::GET, &format!("{path}&format={format}&lang=en"));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/pdf");
        let pdf = answer.bytes().await.unwrap();
        assert!(pdf.starts_with(b"%PDF-"));
        says_what_was_sold(&pdf, &receipt);
    }
    let base = product.base_url();
    let verify = |code: String, accept: &'static str| {
        let url = format!("{base}/verify/receipt/{code}");
        async move { http().get(url).header("accept", accept).send().await.unwrap() }
    };
    let answer = verify(code.clone(), "application/json").await;
    assert_eq!(answer.status(), 200);
    let verified: Value = answer.json().await.unwrap();
    assert_eq!(
        (&verified["valid"], &verified["sale_id"]),
        (&json!(true), &json!(id))
    );
    assert_eq!(verified["total_minor"], receipt["total_minor"]);
    // The code is printed in groups; its last twenty digits are of the signature's digest.
    let digest = verified["verification"]["signature_sha256"].as_str().unwrap();
    assert!(code.replace('-', "").ends_with(&digest[..20]), "{code} {digest}");
    assert_eq!(verified["business_name"], receipt["business_name"]);
    assert!(verified.get("customer_name").is_none());
    for private in ["USBC-1M", "cash", "signed\":"] {
        assert!(!verified.to_string().contains(private), "{verified}");
    }
    let page = verify(code.to_uppercase(), "text/html").await;
    assert_eq!(page.status(), 200);
    assert!(
        page.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'none'")
    );
    assert!(page.text().await.unwrap().contains(&id));

    let mut wrong = code.clone();
    let last = if wrong.pop() == Some('0') { '1' } else { '0' };
    wrong.push(last);
    for unknown in [
        wrong,
        code.replace(TENANT, "libreria-scl"),
        "x".to_owned(),
        "nadie.00".to_owned(),
    ] {
        for (accept, kind) in [
            ("application/json", "application/problem+json"),
            ("text/html", "text/html; charset=utf-8"),
        ] {
            let answer = verify(unknown.clone(), accept).await;
            assert_eq!(answer.status(), 404, "{unknown}");
            assert_eq!(answer.headers()["content-type"], kind, "{unknown}");
        }
    }
}

#[tokio::test]
async fn the_signature_holds_for_an_independent_implementation() {
    let product = Product::shared().await;
    let (cashier, id, position) = sold(product).await;
    let path = format!("/api/v1/pos/receipt/{id}?format=json&min_position={position}");
    let receipt = cashier.get(&path).await.ok();
    let proof = &receipt["verification"];
    let bytes = |name: &str| {
        use base64::Engine as _;
        let text = proof[name].as_str().unwrap();
        base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(text)
            .unwrap()
    };
    // SubjectPublicKeyInfo of an Ed25519 key (RFC 8410), for openssl.
    let prefix = [
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ];
    let write = |name: &str, bytes: &[u8]| {
        let path = scratch(&format!("receipt-{name}"));
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let key = write("key.der", &[prefix.as_slice(), &bytes("public_key")].concat());
    let signature = write("signature", &bytes("signature"));
    let signed = proof["signed"].as_str().unwrap();
    for (text, holds) in [
        (signed.to_owned(), true),
        (signed.replace("total_minor", "total_Minor"), false),
    ] {
        let message = write("message", text.as_bytes());
        let mut openssl = std::process::Command::new("openssl");
        openssl.args([
            "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-rawin", "-inkey",
        ]);
        openssl
            .arg(&key)
            .arg("-sigfile")
            .arg(&signature)
            .arg("-in")
            .arg(&message);
        match openssl.output() {
            Ok(output) => assert_eq!(output.status.success(), holds, "{output:?}"),
            Err(error) => return eprintln!("SKIPPED: no openssl here ({error})"),
        }
    }
}

#[tokio::test]
async fn a_voided_sale_stays_verifiable_and_says_that_it_is_voided() {
    let product = Product::shared().await;
    let (cashier, id, _) = sold(product).await;
    let code = |receipt: &Value| receipt["verification"]["code"].clone();
    let before = cashier
        .get(&format!("/api/v1/pos/receipt/{id}?format=json"))
        .await;
    let voided = cashier
        .post(&format!("/api/v1/pos/sale/{id}/void"), &json!({}))
        .await
        .ok();
    let position = &voided["position"];
    let after = cashier
        .get(&format!(
            "/api/v1/pos/receipt/{id}?format=json&min_position={position}"
        ))
        .await
        .ok();
    if before.status == 200 {
        assert_eq!(code(&before.body), code(&after));
    }
    let url = format!(
        "{}/verify/receipt/{}",
        product.base_url(),
        code(&after).as_str().unwrap()
    );
    let verified = send(http().get(url).header("accept", "application/json"))
        .await
        .ok();
    assert_eq!(verified["status"], "voided");
    let draft = json!({ "draft": true, "store": "centro", "lines": [{ "sku": "USBC-1M", "quantity": 1 }] });
    let draft = cashier.post("/api/v1/pos/sale", &draft).await.ok();
    let path = format!(
        "/api/v1/pos/receipt/{}?min_position={}",
        draft["sale_id"].as_str().unwrap(),
        draft["position"]
    );
    assert_eq!(cashier.get(&path).await.status, 404);
}
