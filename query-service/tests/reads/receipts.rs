//! Receipts on paper, on the page where anybody verifies one, and as figures: what each says, and what it keeps to itself.

use std::sync::Arc;
use std::time::Duration;

use platform::auth::{SigningKey, TokenIssuer, TokenSettings};
use platform::clock::SystemClock;
use platform::http::{Features, Gateway, GuardSettings, Principal};
use poem::http::StatusCode;
use poem::test::TestClient;
use schemas::events::admin::Role;
use schemas::{Event, TenantId, Username};
use serde_json::{Value, json};

use crate::api::Api;
use crate::pdf_text::lines;
use crate::support::events as shop;
use crate::support::{Log, event};

const LEGAL_NAME: &str = "Comercial Ñandú, S. de R. L.";

/// An answer's status, content type and body.
type Answer = (StatusCode, String, Vec<u8>);

/// The service behind the guard, as clients meet it.
struct Front {
    client: TestClient<Gateway>,
    token: String,
}

impl Front {
    fn of(api: &Api) -> Self {
        let settings = TokenSettings {
            issuer: "i".into(),
            audience: "a".into(),
            ttl: Duration::from_secs(60),
        };
        let key = SigningKey::from_seed("k".into(), &[1; 32]).unwrap();
        let issuer = TokenIssuer::new(settings, vec![key], Arc::new(SystemClock)).unwrap();
        let principal = Principal {
            tenant: TenantId::new("t1").unwrap(),
            username: Username::new("ana").unwrap(),
            role: Role::Cashier,
            session_version: 1,
            terminal: None,
        };
        let guard = GuardSettings {
            fingerprint_key: [3; 32],
            max_body_bytes: 1000,
            body_read_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            trusted_proxies: vec!["0.0.0.0".parse().unwrap()],
            features: Features::default(),
            denials: None,
        };
        let verifier = Arc::new(issuer.verifier().unwrap());
        let gateway = Gateway::new(vec![api.service.service()], verifier, guard).unwrap();
        Self {
            client: TestClient::new(gateway),
            token: format!("Bearer {}", issuer.issue(&principal).unwrap().token),
        }
    }

    async fn answer(&self, path: &str, headers: [(&'static str, &str); 2]) -> Answer {
        let mut request = self.client.get(path);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let response = request.send().await.0;
        let kind = response.content_type().unwrap_or_default().to_owned();
        let status = response.status();
        let body = response.into_body().into_vec().await.unwrap();
        (status, kind, body)
    }

    /// As somebody with a telephone.
    async fn visitor(&self, path: &str, accept: &str, language: &str) -> Answer {
        let headers = [("accept", accept), ("accept-language", language)];
        self.answer(path, headers).await
    }

    /// What somebody without a sign-in is told about a receipt, as a page and as figures.
    async fn verified(&self, code: &str) -> (String, Value) {
        let path = format!("/verify/receipt/{code}");
        let (status, kind, page) = self.visitor(&path, "text/html", "es").await;
        assert_eq!(
            (status, kind.as_str()),
            (StatusCode::OK, "text/html; charset=utf-8")
        );
        let (status, _, figures) = self.visitor(&path, "application/json", "es").await;
        assert_eq!(status, StatusCode::OK);
        let figures = serde_json::from_slice(&figures).unwrap();
        (String::from_utf8(page).unwrap(), figures)
    }

    /// As a cashier.
    async fn cashier(&self, path: &str) -> Vec<u8> {
        let headers = [("authorization", self.token.as_str()), ("accept-language", "es")];
        let (status, _, body) = self.answer(path, headers).await;
        assert_eq!(status, StatusCode::OK, "{}", String::from_utf8_lossy(&body));
        body
    }

    async fn receipt(&self, sale_id: &str) -> Value {
        let path = format!("/api/v1/pos/receipt/{sale_id}?format=json");
        serde_json::from_slice(&self.cashier(&path).await).unwrap()
    }

    /// The lines that are printed, without their columns.
    async fn printed(&self, sale_id: &str, paper: &str) -> Vec<String> {
        let path = format!("/api/v1/pos/receipt/{sale_id}?format={paper}&lang=es");
        let squeezed = |line: String| line.split_whitespace().collect::<Vec<_>>().join(" ");
        lines(&self.cashier(&path).await)
            .into_iter()
            .map(squeezed)
            .collect()
    }
}

/// Seven pieces at 3.33 less 3.03 and a phone at 115.00, with 15 % of tax in the prices or on top of them.
fn sold(sale_id: &str, tax_and_total: [(i64, i64); 2]) -> Event {
    let [(tax, total), (phone_tax, phone_total)] = tax_and_total;
    let sum = total + phone_total;
    event(
        "sale.completed",
        json!({"sale_id": sale_id, "store": "centro", "cashier": "ana", "currency": "HNL", "lines": [
                   {"line": 1, "sku": "SECRETO", "name": "Cafe\u{301}", "quantity": 7, "unit_price_minor": 333,
                    "gross_minor": 2331, "discount_minor": 303, "tax_rate_ppm": 150_000, "tax_minor": tax,
                    "total_minor": total},
                   {"line": 2, "sku": "PHONE", "unit": "imei:490154203237518", "name": "Teléfono", "quantity": 1,
                    "unit_price_minor": 11_500, "gross_minor": 11_500, "discount_minor": 0, "tax_rate_ppm": 150_000,
                    "tax_minor": phone_tax, "total_minor": phone_total}],
               "payments": [{"method": "transfer", "amount_minor": sum, "tendered_minor": sum}],
               "gross_minor": 13_831, "discount_minor": 303, "tax_minor": tax + phone_tax, "total_minor": sum,
               "change_minor": 0, "occurred_at": "2026-11-01T10:00:00-06:00", "business_day": "2026-11-01"}),
    )
}

const INCLUDED: [(i64, i64); 2] = [(265, 2_028), (1_500, 11_500)];
const ADDED: [(i64, i64); 2] = [(304, 2_332), (1_725, 13_225)];

/// A shop with a letterhead, and two sales: `in` with the tax in its prices, `on` with the tax on top of them.
async fn two_sales() -> (Api, Front) {
    let api = Api::new().await;
    let mut log = Log::new();
    let letterhead = event("admin.letterhead_set", json!({ "legal_name": LEGAL_NAME }));
    log.append("t1", vec![("tenant/self", shop::tenant_created("t1"))])
        .await;
    log.append("t1", vec![("tenant/self", letterhead)]).await;
    log.append("t1", vec![("store/centro", shop::store_opened("centro"))])
        .await;
    for (sale_id, figures) in [("in", INCLUDED), ("on", ADDED)] {
        let stream = format!("sale/{sale_id}");
        log.append("t1", vec![(&stream, sold(sale_id, figures))]).await;
    }
    api.project(&log).await;
    let front = Front::of(&api);
    (api, front)
}

#[tokio::test]
async fn what_is_drawn_adds_up_on_both_papers_and_in_both_kinds_of_shops() {
    let (_api, front) = two_sales().await;
    let lines = ["Café", "SECRETO", "7 x 3.33 23.31", "Descuento -3.03"];
    let phone = ["Teléfono", "imei:490154203237518", "1 x 115.00 115.00"];
    let sums = ["Subtotal 138.31", "Descuento -3.03"];
    for paper in ["80mm", "a4"] {
        for (sale_id, total) in [
            (
                "in",
                [
                    "TOTAL HNL 135.28",
                    "Impuesto incluido 17.65",
                    "Transferencia 135.28",
                ],
            ),
            (
                "on",
                ["Impuesto 20.29", "TOTAL HNL 155.57", "Transferencia 155.57"],
            ),
        ] {
            let printed = front.printed(sale_id, paper).await;
            let first = printed.iter().position(|line| line == lines[0]);
            let first = first.unwrap_or_else(|| panic!("{printed:#?}"));
            let expected = [&lines[..], &phone, &sums, &total].concat();
            assert_eq!(printed[first..first + expected.len()], expected, "{paper}");
        }
    }
    for (sale_id, tax) in [("in", "Impuesto incluido"), ("on", "Impuesto")] {
        let code = front.receipt(sale_id).await["verification"]["code"].clone();
        let (page, figures) = front.verified(code.as_str().unwrap()).await;
        assert!(page.contains(&format!("<dt>{tax}</dt>")), "{page}");
        assert_eq!(figures["tax_is_added"], sale_id == "on");
    }
}

#[tokio::test]
async fn paper_page_and_figures_name_the_same_business() {
    let (_api, front) = two_sales().await;
    assert_eq!(front.printed("in", "a4").await[0], LEGAL_NAME);
    let receipt = front.receipt("in").await;
    assert_eq!(receipt["business_name"], LEGAL_NAME);
    let (page, figures) = front
        .verified(receipt["verification"]["code"].as_str().unwrap())
        .await;
    assert!(
        page.contains(&format!("<dd class=\"\">{LEGAL_NAME}</dd>")),
        "{page}"
    );
    assert_eq!(figures["business_name"], LEGAL_NAME);
}

#[tokio::test]
async fn anybody_is_told_that_a_receipt_is_ours_and_not_what_was_bought_or_how_it_was_paid() {
    let (_api, front) = two_sales().await;
    let proof = front.receipt("in").await["verification"].clone();
    let signed = proof["signed"].as_str().unwrap();
    assert!(signed.contains("SECRETO") && signed.contains("490154203237518"));
    let (page, figures) = front.verified(proof["code"].as_str().unwrap()).await;
    for said in [page, figures.to_string()] {
        for private in [
            "SECRETO",
            "Caf",
            "PHONE",
            "490154203237518",
            "transfer",
            "ransferencia",
        ] {
            assert!(!said.contains(private), "{private} is in {said}");
        }
    }
    let public = &figures["verification"];
    let fields: Vec<&String> = public.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["code", "public_key", "signature_sha256", "url"]);
    for same in ["code", "public_key", "url"] {
        assert_eq!(public[same], proof[same]);
    }
    // Whoever holds the proof finds it in what anybody is told, and in the code on paper.
    use sha2::{Digest as _, Sha256};
    let digest = Sha256::digest(proof["signature"].as_str().unwrap());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(public["signature_sha256"], digest.as_str());
    assert!(public["url"].as_str().unwrap().ends_with(&digest[..20]));
}

/// What the first version that printed receipts printed on this one.
const PRINTED_LONG_AGO: &str = "t1.0000-0000-0004-a7ea-6aba-d83e-70d5-d756";

#[tokio::test]
async fn a_receipt_that_was_printed_long_ago_is_ours_still() {
    let (_api, front) = two_sales().await;
    let (_, figures) = front.verified(PRINTED_LONG_AGO).await;
    assert_eq!(
        (&figures["sale_id"], &figures["valid"]),
        (&json!("in"), &json!(true))
    );
    let receipt = front.receipt("in").await;
    assert_eq!(receipt["verification"]["code"], PRINTED_LONG_AGO);
}

#[tokio::test]
async fn a_code_that_is_none_of_ours_is_answered_with_a_page_to_people() {
    let (_api, front) = two_sales().await;
    let code = front.receipt("in").await["verification"]["url"].clone();
    let code = code.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let forged = code[..code.len() - 4].to_owned() + "zzzz";
    let other = if code.ends_with('0') { "1" } else { "0" };
    let mistyped = code[..code.len() - 1].to_owned() + other;
    for code in ["x", "nadie.00", &forged, &mistyped] {
        let path = format!("/verify/receipt/{code}");
        for (language, words) in [
            ("es", "No conocemos este recibo"),
            ("en", "We do not know this receipt"),
        ] {
            let (status, kind, body) = front.visitor(&path, "text/html", language).await;
            let body = String::from_utf8(body).unwrap();
            assert_eq!(status, StatusCode::NOT_FOUND, "{body}");
            assert_eq!(kind, "text/html; charset=utf-8", "{body}");
            assert!(body.contains(words), "{body}");
        }
        let (status, kind, _) = front.visitor(&path, "application/json", "es").await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(kind, "application/problem+json");
    }
    let (status, kind, body) = front.visitor("/verify/receipts", "text/html", "es").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(kind, "application/problem+json");
    assert!(String::from_utf8(body).unwrap().contains("request.path_unknown"));
}
