//! Lists that are read page by page: what one was asked for, the conditions that filters and cursor come to, the page.
//!
//! Not here: a list's columns, its own conditions and its sort key, which stand in its endpoint.

use platform::http::{CursorKey, Page, PageRequest, Problem};
use schemas::TenantId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{Encode, Postgres, QueryBuilder, Type};

use crate::QueryService;
use crate::snapshot::{Row, Snapshot};

/// A list as it was asked for. Its scope binds cursors to the list, the tenant and the filters.
pub struct List<'a, K> {
    asked: PageRequest<K>,
    scope: String,
    key: &'a CursorKey,
}

impl<'a, K: Serialize + DeserializeOwned> List<'a, K> {
    /// `filters` are those that change which rows the list has.
    ///
    /// # Errors
    /// 400 for a limit or cursor that this list does not accept.
    pub fn new(
        service: &'a QueryService,
        name: &str,
        tenant: &TenantId,
        filters: &[Option<&str>],
        limit: Option<i64>,
        cursor: Option<impl AsRef<str>>,
    ) -> Result<Self, Problem> {
        let key = &service.cursor_key;
        let scope = serde_json::to_string(&(name, tenant, filters)).unwrap_or_default();
        let cursor = cursor.as_ref().map(AsRef::as_ref);
        let asked = PageRequest::new(limit, cursor, &scope, key)?;
        Ok(Self { asked, scope, key })
    }

    /// Rows of a page.
    pub fn limit(&self) -> i64 {
        self.asked.limit
    }

    /// Rows to ask the database for: one more, which tells whether there is a next page.
    pub fn fetch(&self) -> i64 {
        self.asked.fetch()
    }

    /// The sort key of the last row of the page before.
    pub fn after(&self) -> Option<&K> {
        self.asked.after.as_ref()
    }

    /// The cursor of a page that ends behind this sort key, for lists that find their rows in another way.
    pub fn cursor_after(&self, last: &K) -> String {
        self.key.encode(&self.scope, last)
    }

    /// The page from one row more than it holds.
    pub fn cut<T>(&self, rows: Vec<T>, position: i64, sort_key: impl Fn(&T) -> K) -> Page<T> {
        Page::cut(rows, &self.asked, position, &self.scope, self.key, sort_key)
    }

    /// The page of a query that asks for [`List::fetch`] rows, and the end of the snapshot.
    ///
    /// # Errors
    /// 503 when the database fails.
    pub async fn page<T: Row>(
        &self,
        mut snapshot: Snapshot,
        query: QueryBuilder<Postgres>,
        sort_key: impl Fn(&T) -> K,
    ) -> Result<Page<T>, Problem> {
        let page = self.page_in(&mut snapshot, query, sort_key).await?;
        snapshot.close().await?;
        Ok(page)
    }

    /// The page of such a query, where more of its rows is to be read from the same snapshot.
    ///
    /// # Errors
    /// 503 when the database fails.
    pub async fn page_in<T: Row>(
        &self,
        snapshot: &mut Snapshot,
        mut query: QueryBuilder<Postgres>,
        sort_key: impl Fn(&T) -> K,
    ) -> Result<Page<T>, Problem> {
        let rows = snapshot.rows(query.build_query_as()).await?;
        Ok(self.cut(rows, snapshot.position, sort_key))
    }
}

impl<'q, K: Serialize + DeserializeOwned + Encode<'q, Postgres> + Type<Postgres>> List<'_, K> {
    /// The end of a query in the order of one column, in which no two of its rows are equal.
    pub fn ascending(&self, query: &mut QueryBuilder<Postgres>, column: &str) {
        if let Some(after) = self.after() {
            query.push(format!(" and {column} > ")).push_bind(after);
        }
        query
            .push(format!(" order by {column} limit "))
            .push_bind(self.fetch());
    }

    /// The same, the largest first.
    pub fn descending(&self, query: &mut QueryBuilder<Postgres>, column: &str) {
        if let Some(after) = self.after() {
            query.push(format!(" and {column} < ")).push_bind(after);
        }
        query
            .push(format!(" order by {column} desc limit "))
            .push_bind(self.fetch());
    }
}

impl List<'_, (String, String)> {
    /// The end of a query in the order of two columns, such as `store, sku`; no two of its rows are equal in both.
    pub fn ascending_pair(&self, query: &mut QueryBuilder<Postgres>, columns: &str) {
        if let Some((first, second)) = self.after() {
            query.push(format!(" and ({columns}) > (")).push_bind(first);
            query.push(", ").push_bind(second).push(")");
        }
        query
            .push(format!(" order by {columns} limit "))
            .push_bind(self.fetch());
    }
}

/// Adds ` and column = value` for a filter that is there.
pub fn push_equal(query: &mut QueryBuilder<Postgres>, column: &str, value: Option<&str>) {
    if let Some(value) = value {
        query.push(format!(" and {column} = ")).push_bind(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list<K>(key: &CursorKey, after: Option<K>) -> List<'_, K> {
        List {
            asked: PageRequest { limit: 2, after },
            scope: "items".to_owned(),
            key,
        }
    }

    #[test]
    fn a_page_goes_on_behind_its_cursor_in_the_order_of_its_list() {
        let key = CursorKey::new([7; 32]);
        let sql = |end: &dyn Fn(&mut QueryBuilder<Postgres>)| {
            let mut query = QueryBuilder::new("where true");
            end(&mut query);
            query.into_string()
        };
        assert_eq!(
            sql(&|query| list(&key, None::<i64>).ascending(query, "line")),
            "where true order by line limit $1"
        );
        assert_eq!(
            sql(&|query| list(&key, Some(9_i64)).ascending(query, "line")),
            "where true and line > $1 order by line limit $2"
        );
        assert_eq!(
            sql(&|query| list(&key, Some(9_i64)).descending(query, "position")),
            "where true and position < $1 order by position desc limit $2"
        );
        let shelf = ("centro".to_owned(), "A1".to_owned());
        assert_eq!(
            sql(&|query| list(&key, Some(shelf.clone())).ascending_pair(query, "store, sku")),
            "where true and (store, sku) > ($1, $2) order by store, sku limit $3"
        );
    }

    #[test]
    fn a_filter_that_is_absent_leaves_no_condition() {
        let mut query = QueryBuilder::new("where true");
        push_equal(&mut query, "store", None);
        push_equal(&mut query, "sku", Some("A1"));
        assert_eq!(query.into_string(), "where true and sku = $1");
    }
}
