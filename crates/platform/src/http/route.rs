//! The route table: one row per operation, and the matcher that finds a request's row.
//!
//! A row says who may call and whether a reason is needed; `guard` enforces it and the OpenAPI document repeats it.
//! Deliberately absent: handlers (each service's own endpoint) and reading of headers (`request`).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use poem::http::Method;
use schemas::events::admin::Role;

/// The HTTP methods that operations use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    pub(super) const ALL: [Verb; 5] = [Verb::Get, Verb::Post, Verb::Put, Verb::Patch, Verb::Delete];

    /// `HEAD` is served by the row of `GET`; other methods have no rows.
    pub fn of(method: &Method) -> Option<Verb> {
        match method.as_str() {
            "GET" | "HEAD" => Some(Verb::Get),
            "POST" => Some(Verb::Post),
            "PUT" => Some(Verb::Put),
            "PATCH" => Some(Verb::Patch),
            "DELETE" => Some(Verb::Delete),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Get => "GET",
            Verb::Post => "POST",
            Verb::Put => "PUT",
            Verb::Patch => "PATCH",
            Verb::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether `X-Reason` belongs to a request (API-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasonRule {
    /// Missing or too short: 400.
    Required,
    /// Kept when given; still refused when too short or too long.
    Optional,
    /// Ignored.
    Never,
}

/// Who may call at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Without a credential.
    Public,
    /// With a bearer token whose role the row lists.
    User,
    /// With `X-Integration-Token` and no bearer token; the handler finds out whose it is.
    Connector,
    /// With `Authorization: ApiKey` of a key that has the row's scope, and no bearer token.
    Key,
    /// As [`Access::User`], or as [`Access::Key`] with such a credential. For reads alone: an idempotency key does not
    /// tell whose request it was.
    UserOrKey,
}

impl Access {
    /// Whether a user's token can open the row.
    pub fn takes_users(self) -> bool {
        matches!(self, Access::User | Access::UserOrKey)
    }

    /// Whether an external system's key can open the row.
    pub fn takes_keys(self) -> bool {
        matches!(self, Access::Key | Access::UserOrKey)
    }
}

/// One operation.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    pub method: Verb,
    /// Such as `/api/v1/pos/sale/{sale_id}`, without a trailing slash.
    pub path: &'static str,
    /// The `operationId` of the OpenAPI document, and the label of metrics and spans.
    pub operation: &'static str,
    /// Empty for rows without users.
    pub roles: &'static [Role],
    pub reason: ReasonRule,
    /// What a key needs on rows that take keys, such as `stock:leer`; on others a word for people, such as `pos:write`.
    pub scope: &'static str,
    pub access: Access,
}

impl Route {
    /// A row that asks for no credential.
    pub const fn public(method: Verb, path: &'static str, operation: &'static str) -> Self {
        Self {
            method,
            path,
            operation,
            roles: &[],
            reason: ReasonRule::Never,
            scope: "",
            access: Access::Public,
        }
    }
}

/// What a path leads to.
#[derive(Debug)]
pub enum Found<'m> {
    /// A row, and the index of the table it stands in.
    Route {
        table: usize,
        route: &'static Route,
    },
    /// The path exists with these methods only.
    OtherMethods(&'m BTreeSet<Verb>),
    Unknown,
}

/// More segments than any route has.
const MAX_SEGMENTS: usize = 16;

#[derive(Debug, Default)]
struct Node {
    literals: BTreeMap<&'static str, Node>,
    parameter: Option<Box<Node>>,
    rows: Vec<(usize, &'static Route)>,
    methods: BTreeSet<Verb>,
}

/// Finds rows by method and path. Literal segments win over parameters.
#[derive(Debug, Default)]
pub struct Matcher {
    root: Node,
}

impl Matcher {
    /// # Errors
    /// When two rows have the same method and path; the text names them.
    pub fn new(tables: &[&'static [Route]]) -> Result<Self, String> {
        let mut root = Node::default();
        for (table, routes) in tables.iter().enumerate() {
            for route in *routes {
                let mut node = &mut root;
                for segment in route.path.split('/').skip(1) {
                    node = if segment.starts_with('{') {
                        node.parameter.get_or_insert_with(Box::default)
                    } else {
                        node.literals.entry(segment).or_default()
                    };
                }
                if !node.methods.insert(route.method) {
                    return Err(format!(
                        "{} {} stands twice in the route tables",
                        route.method, route.path
                    ));
                }
                node.rows.push((table, route));
            }
        }
        Ok(Self { root })
    }

    /// Finds the row of a path as it came, percent-encoded; a trailing slash is tolerated.
    pub fn find(&self, method: &Method, path: &str) -> Found<'_> {
        let path = without_trailing_slash(path);
        let segments: Vec<&str> = path.split('/').skip(1).take(MAX_SEGMENTS + 1).collect();
        if segments.len() > MAX_SEGMENTS || !path.starts_with('/') {
            return Found::Unknown;
        }
        let Some(node) = descend(&self.root, &segments) else {
            return Found::Unknown;
        };
        let row = Verb::of(method).and_then(|verb| node.rows.iter().find(|(_, route)| route.method == verb));
        match row {
            Some(&(table, route)) => Found::Route { table, route },
            None => Found::OtherMethods(&node.methods),
        }
    }
}

fn descend<'m>(node: &'m Node, segments: &[&str]) -> Option<&'m Node> {
    let Some((first, rest)) = segments.split_first() else {
        return (!node.rows.is_empty()).then_some(node);
    };
    let literal = node.literals.get(*first).and_then(|next| descend(next, rest));
    literal.or_else(|| {
        let next = node.parameter.as_ref().filter(|_| !first.is_empty())?;
        descend(next, rest)
    })
}

/// The path without one slash at its end; the root stays.
pub fn without_trailing_slash(path: &str) -> &str {
    path.strip_suffix('/')
        .filter(|rest| !rest.is_empty())
        .unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn row(method: Verb, path: &'static str) -> Route {
        Route {
            method,
            path,
            operation: path,
            roles: &[],
            reason: ReasonRule::Never,
            scope: "",
            access: Access::Public,
        }
    }

    const TABLE: &[Route] = &[
        row(Verb::Get, "/a/{id}"),
        row(Verb::Get, "/a/mine"),
        row(Verb::Post, "/a/{id}/done"),
        row(Verb::Delete, "/a/{id}"),
    ];

    fn found(method: &Method, path: &str) -> String {
        match Matcher::new(&[TABLE]).unwrap().find(method, path) {
            Found::Route { route, .. } => format!("{} {}", route.method, route.path),
            Found::OtherMethods(methods) => format!("only {methods:?}"),
            Found::Unknown => "unknown".to_owned(),
        }
    }

    #[test]
    fn literal_segments_win_over_parameters() {
        assert_eq!(found(&Method::GET, "/a/mine"), "GET /a/mine");
        assert_eq!(found(&Method::GET, "/a/other"), "GET /a/{id}");
    }

    #[test]
    fn a_literal_that_leads_nowhere_falls_back_to_the_parameter() {
        assert_eq!(found(&Method::POST, "/a/mine/done"), "POST /a/{id}/done");
    }

    #[test]
    fn an_encoded_slash_stays_inside_its_segment() {
        assert_eq!(found(&Method::GET, "/a/x%2Fy"), "GET /a/{id}");
    }

    #[test]
    fn one_trailing_slash_is_tolerated_and_no_more() {
        assert_eq!(found(&Method::GET, "/a/x/"), "GET /a/{id}");
        assert_eq!(found(&Method::GET, "/a/x//"), "unknown");
        assert_eq!(found(&Method::GET, "/a//"), "unknown");
    }

    #[test]
    fn a_known_path_with_another_method_names_the_methods_it_has() {
        assert_eq!(found(&Method::PUT, "/a/x"), "only {Get, Delete}");
        assert_eq!(found(&Method::OPTIONS, "/a/mine"), "only {Get}");
        assert_eq!(found(&Method::GET, "/b"), "unknown");
    }

    #[test]
    fn two_rows_of_one_method_and_path_are_an_error() {
        const TWICE: &[Route] = &[row(Verb::Get, "/a/{x}"), row(Verb::Get, "/a/{y}")];
        assert!(Matcher::new(&[TWICE]).is_err());
    }
}
