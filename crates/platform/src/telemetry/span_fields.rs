//! Spans' fields as JSON text that grows at its end.
//!
//! `tracing_subscriber`'s own formatter builds a map for each span, and parses and writes the whole of it again for each
//! field that is recorded later; every request paid 4 % for lines that are hardly ever printed. A field that is recorded
//! twice stands twice, and the last one counts: the printer reads the text into a map. Not here: lines.

use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FormatFields, FormattedFields};

/// For the JSON lines.
#[derive(Debug, Default)]
pub(super) struct SpanFields;

impl<'writer> FormatFields<'writer> for SpanFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        writer.write_char('{')?;
        let mut members = Members {
            out: &mut writer,
            is_first: true,
            result: Ok(()),
        };
        fields.record(&mut members);
        members.result?;
        writer.write_char('}')
    }

    fn add_fields(&self, current: &'writer mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let out = &mut current.fields;
        match out.pop() {
            None => out.push('{'),
            Some('}') => {}
            Some(other) => out.push(other),
        }
        let mut members = Members {
            is_first: out.ends_with('{'),
            out,
            result: Ok(()),
        };
        fields.record(&mut members);
        members.result?;
        out.write_char('}')
    }
}

/// Writes one member after the other.
struct Members<'a, W> {
    out: &'a mut W,
    is_first: bool,
    result: fmt::Result,
}

impl<W: Write> Members<'_, W> {
    fn member(&mut self, field: &Field, value: impl FnOnce(&mut W) -> fmt::Result) {
        if self.result.is_err() {
            return;
        }
        let name = field.name();
        let comma = if std::mem::replace(&mut self.is_first, false) {
            ""
        } else {
            ","
        };
        self.result = write!(
            self.out,
            "{comma}\"{}\":",
            name.strip_prefix("r#").unwrap_or(name)
        )
        .and_then(|()| value(self.out));
    }
}

/// Names of fields are literals in our own code and need no escaping; values do.
fn text(out: &mut impl Write, value: &str) -> fmt::Result {
    let is_plain = value
        .bytes()
        .all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
    if is_plain {
        write!(out, "\"{value}\"")
    } else {
        write!(out, "{}", serde_json::Value::from(value))
    }
}

impl<W: Write> Visit for Members<'_, W> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // What is no number becomes null.
        self.member(field, |out| write!(out, "{}", serde_json::Value::from(value)));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.member(field, |out| write!(out, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.member(field, |out| write!(out, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.member(field, |out| write!(out, "{value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.member(field, |out| text(out, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.member(field, |out| text(out, &format!("{value:?}")));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl MakeWriter<'_> for Lines {
        type Writer = Self;

        fn make_writer(&self) -> Self {
            self.clone()
        }
    }

    /// What one line within a span says of the span.
    fn printed(work: impl FnOnce()) -> serde_json::Value {
        let lines = Lines::default();
        let layer = super::super::json_lines(lines.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
        let written = lines.0.lock().unwrap();
        let line: serde_json::Value = serde_json::from_slice(&written).unwrap();
        line["span"].clone()
    }

    #[test]
    fn a_line_has_the_fields_of_its_span_with_those_that_were_recorded_later() {
        let span = printed(|| {
            let span = tracing::info_span!(
                "request",
                otel.name = "adjust",
                count = 3_u64,
                delta = -2_i64,
                share = 0.5_f64,
                held = true,
                method = %"POST",
                tenant = tracing::field::Empty,
                status = tracing::field::Empty,
            );
            span.record("tenant", "tienda");
            span.record("status", 409_u16);
            span.record("tenant", "otra");
            span.in_scope(|| tracing::warn!("late"));
        });
        assert_eq!(
            span,
            serde_json::json!({"name": "request", "otel.name": "adjust", "count": 3, "delta": -2, "share": 0.5,
                "held": true, "method": "POST", "tenant": "otra", "status": 409})
        );
    }

    #[test]
    fn quotes_and_control_characters_cannot_break_a_line() {
        let span = printed(|| {
            let span = tracing::info_span!("s", said = "a\"b\\c\nd\u{7}", odd = f64::NAN, debugged = ?"x\ny");
            span.in_scope(|| tracing::warn!("line"));
        });
        assert_eq!(span["said"], "a\"b\\c\nd\u{7}");
        assert_eq!(span["odd"], serde_json::Value::Null);
        assert_eq!(span["debugged"], "\"x\\ny\"");
    }

    #[test]
    fn a_span_without_fields_takes_some_later_or_none() {
        let span = printed(|| {
            let span = tracing::info_span!("s", later = tracing::field::Empty);
            span.record("later", 1_i64);
            span.in_scope(|| tracing::warn!("line"));
        });
        assert_eq!(span, serde_json::json!({"name": "s", "later": 1}));
        let span = printed(|| tracing::info_span!("s").in_scope(|| tracing::warn!("line")));
        assert_eq!(span, serde_json::json!({"name": "s"}));
    }
}
