//! Who answers what, where the services are processes of their own. Not here: asking (`client`).

use reqwest::Method;

use crate::api::Call;

/// The services' addresses.
#[derive(Debug, Clone)]
pub struct Routes {
    /// Command-services: one owns the log, the others answer 503 and are asked in turn.
    pub writes: Vec<String>,
    /// The query-service.
    pub reads: String,
    /// Dispatchers; any of them knows the deliveries.
    pub deliveries: Vec<String>,
}

impl Routes {
    /// The addresses that can answer this call.
    pub(super) fn targets(&self, call: &Call) -> &[String] {
        if call.method != Method::GET {
            &self.writes
        } else if call.path.contains("/webhooks/") {
            &self.deliveries
        } else {
            std::slice::from_ref(&self.reads)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api;

    #[test]
    fn each_call_goes_to_the_service_that_answers_it() {
        let routes = Routes {
            writes: vec!["w1".to_owned(), "w2".to_owned()],
            reads: "r".to_owned(),
            deliveries: vec!["d".to_owned()],
        };
        assert_eq!(routes.targets(&api::open_store("s", "S")), ["w1", "w2"]);
        assert_eq!(routes.targets(&api::tenant()), ["r"]);
        assert_eq!(routes.targets(&api::endpoint_statistics("e")), ["d"]);
    }
}
