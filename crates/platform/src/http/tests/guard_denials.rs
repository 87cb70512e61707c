//! Tests of the guard: what it turns away, cuts short and notes.

use super::*;

#[tokio::test]
async fn a_body_by_position_is_no_body() {
    let request = put("/notes/1").content_type("application/json").body(r#" ["x"]"#);
    assert_eq!(code(request).await, (400, "request.body_invalid".into()));
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_told_to_come_back() {
    let response = put("/notes/stuck").body_json(&note()).send().await;
    assert_eq!(response.0.header("retry-after"), Some("5"));
    let (status, body) = status_and_body(response).await;
    assert_eq!(
        (status.as_u16(), body["code"].as_str()),
        (503, Some("service.unavailable"))
    );
}

#[tokio::test]
async fn every_403_is_noted_and_no_401() {
    let denials = DenialLog::new();
    let client = client_with(Some(denials.clone()));
    let request = |path: &str, token: String| {
        let request = client.put(path).header("authorization", token);
        request.header("x-reason", "motivo").body_json(&note())
    };
    request("/notes/1", token(Role::Cashier)).send().await;
    request("/notes/2", token(Role::Auditor)).send().await;
    request("/notes/not-you", token(Role::Admin)).send().await;
    request("/notes/refused", token(Role::Admin)).send().await;
    request("/notes/1", "Bearer x.y.z".to_owned()).send().await;
    let mut noted = denials.noted();
    noted.sort_unstable();
    assert_eq!(
        noted,
        [
            ("ana".to_owned(), "put_note", "auth.role_forbidden", 2),
            ("ana".to_owned(), "put_note", "user.self_change", 1),
        ]
    );
}
