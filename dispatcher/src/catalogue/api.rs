//! The catalogue over HTTP. It says nothing about anybody's data, so it asks for no credential.

use platform::http::{JsonAnswer, Page, PageAnswer, PageRequest, Problem, codes};
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::{Head, Kind, find, kinds};
use crate::api::{DeliveryReads, Group};

/// Reads of the catalogue.
pub struct EventTypeReads(pub DeliveryReads);

#[OpenApi(tag = "Group::Events")]
impl EventTypeReads {
    /// The types of events that can be subscribed to, in the order of the alphabet.
    ///
    /// The list does not depend on the log, hence its `position` is 0.
    #[oai(
        path = "/api/v1/events/types",
        method = "get",
        operation_id = "list_event_types"
    )]
    async fn list_event_types(
        &self,
        /// Only types of this module, such as `sale` or `transfer_order`.
        module: Query<Option<String>>,
        /// Rows of a page, at most 200.
        limit: Query<Option<i64>>,
        /// `next` of the page before.
        cursor: Query<Option<String>>,
    ) -> Result<PageAnswer<Head>, Problem> {
        let module = module.0.unwrap_or_default();
        let scope = format!("event_types/{module}");
        let key = self.0.cursor_key();
        let page: PageRequest<String> = PageRequest::new(limit.0, cursor.0.as_deref(), &scope, key)?;
        let fetch = usize::try_from(page.fetch()).unwrap_or(usize::MAX);
        let rows = kinds().iter().map(|kind| &kind.head);
        let rows = rows
            .filter(|head| module.is_empty() || head.module == module)
            .filter(|head| page.after.as_ref().is_none_or(|after| head.event_type > *after))
            .take(fetch)
            .cloned()
            .collect();
        Ok(PageAnswer(Page::cut(
            rows,
            &page,
            0,
            &scope,
            key,
            |head: &Head| head.event_type.clone(),
        )))
    }

    /// One type: the JSON Schema of what is posted, in full and as a summary, with examples.
    #[oai(
        path = "/api/v1/events/types/:event_type",
        method = "get",
        operation_id = "get_event_type"
    )]
    async fn get_event_type(
        &self,
        /// The type or an alias, such as `sale.completed` or `stock_bajo`.
        event_type: Path<String>,
    ) -> Result<JsonAnswer<Kind>, Problem> {
        let kind = find(&event_type.0).ok_or_else(|| Problem::new(&codes::NOT_FOUND))?;
        Ok(JsonAnswer(kind.clone()))
    }
}
