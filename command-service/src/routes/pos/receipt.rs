//! Where the receipt of what was just sold is: a field that an answer gets on its way out.
//!
//! Not stored with the answer, since it follows from the sale's id and the position (docs/receipts.md). Not here: the
//! receipt, which is a read model's.

use schemas::{Position, SaleId};
use serde::Deserialize;

use crate::http::CommandAnswer;

/// What the address is made of.
#[derive(Deserialize)]
struct Sold {
    sale_id: SaleId,
    /// Of an exchange: the sale of the goods that went out.
    #[serde(default)]
    new_sale_id: Option<SaleId>,
    position: Position,
}

/// Adds `receipt_url`. An answer that names no sale stays as it is.
pub(super) fn with_receipt<T, const STATUS: u16>(
    answer: CommandAnswer<T, STATUS>,
) -> CommandAnswer<T, STATUS> {
    let (bytes, replayed) = answer.into_parts();
    let bytes = with_url(&bytes).unwrap_or(bytes);
    CommandAnswer::composed(bytes, replayed)
}

/// The answer with one field more. Ids and numbers need no escapes, neither in an address nor in JSON.
fn with_url(answer: &[u8]) -> Option<Vec<u8>> {
    let sold: Sold = serde_json::from_slice(answer).ok()?;
    let (sale_id, position) = (sold.new_sale_id.unwrap_or(sold.sale_id), sold.position);
    let url = format!(r#","receipt_url":"/api/v1/pos/receipt/{sale_id}?min_position={position}"}}"#);
    Some([answer.strip_suffix(b"}")?, url.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn url_of(answer: &Value) -> Option<Value> {
        let bytes = with_url(answer.to_string().as_bytes())?;
        let mut with: Value = serde_json::from_slice(&bytes).unwrap();
        let url = with.as_object_mut().unwrap().remove("receipt_url");
        assert_eq!(&with, answer, "nothing else changes");
        url
    }

    #[test]
    fn a_sale_and_an_exchange_say_where_their_receipt_is_from_which_position_on() {
        let sale = json!({ "sale_id": "v-1", "total_minor": 5, "position": 7 });
        let url = "/api/v1/pos/receipt/v-1?min_position=7";
        assert_eq!(url_of(&sale), Some(json!(url)));
        let exchange = json!({ "sale_id": "v-1", "new_sale_id": "v-2", "position": 8 });
        let url = "/api/v1/pos/receipt/v-2?min_position=8";
        assert_eq!(url_of(&exchange), Some(json!(url)));
        assert_eq!(url_of(&json!({ "position": 8 })), None);
    }
}
