//! Promise: payload, metadata and outcome come back as the exact bytes that were appended.

use event_store::{LogReader, LogWriter};
use schemas::{Position, Version};

use crate::fixture::{Store, command, event, json, key, stream, tenant, write};

const ODD: &[&str] = &[
    r#"{ "b" : 1 ,  "a":	2 }"#,
    "{\n  \"z\": [ 1 , 2,3 ],\r\n  \"a\": {}\n}",
    r#"{"twice":1,"twice":2}"#,
    r#"{"escaped":"\u00f1\u0041\/\ud83d\ude00","plain":"ñA/😀"}"#,
    r#"{"nul":"\u0000","lone":"\ud800"}"#,
    r#"{"big":123456789012345678901234567890.000,"exp":1E400,"tiny":-0.0e-0,"i":9007199254740993}"#,
    "[]",
    "\"text\"",
    "1.10",
    "null",
];

pub async fn payloads_keep_their_exact_bytes<S: Store>(store: &S) {
    let mut writer = store.writer().await.unwrap();
    let mut batch = Vec::new();
    for (n, text) in ODD.iter().enumerate() {
        let mut append = command(vec![write(&format!("sale/{n}"), 0, 0)]);
        append.writes[0].events.push(event(text));
        append.meta = json(text);
        append.record.outcome = json(text);
        batch.push(append);
    }
    // The first half goes one by one (the single-row path), the rest as a batch.
    let (singly, together) = batch.split_at(ODD.len() / 2);
    for append in singly {
        writer.append(std::slice::from_ref(append)).await.unwrap();
    }
    writer.append(together).await.unwrap();

    let reader = store.reader();
    let asked: Vec<_> = (0..ODD.len())
        .map(|n| (tenant("t"), stream(&format!("sale/{n}")), Version::EMPTY))
        .collect();
    let bulk = reader.read_streams(&asked, 10).await.unwrap();
    let all = reader.read_all(Position::START, 100).await.unwrap();
    let ids: Vec<_> = batch.iter().map(key).collect();
    let outcomes = reader.commands(&ids).await.unwrap();
    for (n, text) in ODD.iter().enumerate() {
        let one = reader
            .read_stream(&asked[n].0, &asked[n].1, Version::EMPTY, 1)
            .await
            .unwrap();
        for event in [&all[n], &one[0], &bulk[n][0]] {
            assert_eq!(event.data.get(), *text);
            assert_eq!(event.meta.get(), *text);
            assert_eq!(event.id, batch[n].writes[0].events[0].id);
            assert_eq!((&*event.event_type, event.schema_version), ("stock.adjusted", 1));
        }
        assert_eq!(outcomes[n].as_ref().unwrap().outcome.get(), *text);
    }
}
