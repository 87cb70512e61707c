//! Which crate may know which. Dev-dependencies are free: a test may look at anything.

const SERVICES: [&str; 4] = ["command-service", "projector", "query-service", "dispatcher"];
const WORKSPACE: [&str; 16] = [
    "bench",
    "imports",
    "schemas",
    "command-service",
    "projector",
    "query-service",
    "dispatcher",
    "standalone",
    "bus",
    "domain",
    "event-store",
    "lab",
    "platform",
    "private-servers",
    "testkit",
    "xtask",
];
/// What would bring I/O, an executor or a clock into the pure core.
const IMPURE: [&str; 9] = [
    "tokio",
    "sqlx",
    "poem",
    "poem-openapi",
    "async-nats",
    "reqwest",
    "futures",
    "rand",
    "tracing",
];

/// What a manifest's `[dependencies]` do that the architecture forbids.
pub fn problems(manifest: &str) -> Vec<String> {
    let (name, dependencies) = parse(manifest);
    let forbidden = dependencies.iter().filter_map(|dependency| {
        let why = reason_against(&name, dependency)?;
        Some(format!("{name} must not depend on {dependency}: {why}"))
    });
    forbidden.collect()
}

fn reason_against(name: &str, dependency: &str) -> Option<&'static str> {
    let is_ours = WORKSPACE.contains(&dependency);
    let is_service = SERVICES.contains(&name);
    match name {
        "xtask" => Some("it is built before anything is installed"),
        "schemas" if is_ours => Some("the wire contract is a leaf"),
        "domain" if IMPURE.contains(&dependency) => Some("deciders are pure"),
        "domain" | "event-store" | "bus" | "platform" | "imports" if is_ours && dependency != "schemas" => {
            Some("of our crates it knows only schemas")
        }
        "private-servers" if is_ours => Some("it knows nothing of the product"),
        _ if is_service && SERVICES.contains(&dependency) => Some("services meet in the log, not in code"),
        "lab" if is_ours => Some("the checker is independent of what it checks"),
        // It measures them from inside, and nothing depends on it.
        "standalone" | "tests" | "bench" => None,
        _ if SERVICES.contains(&dependency) || dependency == "standalone" => {
            Some("only standalone puts services together")
        }
        _ if dependency == "testkit" => Some("testkit is for tests alone"),
        _ => None,
    }
}

/// The package's name, and the keys of its `[dependencies]`, sub-tables included.
fn parse(manifest: &str) -> (String, Vec<String>) {
    let (mut name, mut dependencies, mut section) = (String::new(), Vec::new(), "");
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']');
            if let Some(dependency) = section.strip_prefix("dependencies.") {
                dependencies.push(dependency.to_owned());
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let key = key.trim().trim_matches('"');
        match section {
            "package" if key == "name" => name = value.trim().trim_matches('"').to_owned(),
            "dependencies" if !line.starts_with('#') => {
                dependencies.push(key.split('.').next().unwrap_or(key).to_owned());
            }
            _ => {}
        }
    }
    (name, dependencies)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(name: &str, dependencies: &str) -> String {
        format!(
            "[package]\nname = \"{name}\"\n\n[dependencies]\n{dependencies}\n\n[dev-dependencies]\ntokio.workspace = true\n"
        )
    }

    #[test]
    fn the_domain_may_not_know_an_executor_but_its_tests_may() {
        assert!(problems(&manifest("domain", "schemas.workspace = true\nserde = \"1\"")).is_empty());
        assert_eq!(
            problems(&manifest("domain", "tokio = { workspace = true }")).len(),
            1
        );
        assert_eq!(
            problems(&manifest("domain", "platform.workspace = true")).len(),
            1
        );
        assert_eq!(
            problems("[package]\nname = \"domain\"\n[dependencies.sqlx]\nworkspace = true\n").len(),
            1
        );
    }

    #[test]
    fn services_do_not_know_each_other() {
        assert_eq!(
            problems(&manifest("dispatcher", "command-service.workspace = true")).len(),
            1
        );
        assert_eq!(
            problems(&manifest("projector", "query-service.workspace = true")).len(),
            1
        );
        assert_eq!(
            problems(&manifest("query-service", "projector.workspace = true")).len(),
            1
        );
        assert!(
            problems(&manifest(
                "standalone",
                "projector.workspace = true\ndispatcher.workspace = true"
            ))
            .is_empty()
        );
    }

    #[test]
    fn crates_do_not_know_services_and_nothing_ships_the_testkit() {
        assert_eq!(problems(&manifest("bus", "dispatcher.workspace = true")).len(), 1);
        assert_eq!(
            problems(&manifest("projector", "testkit.workspace = true")).len(),
            1
        );
        assert!(problems(&manifest("tests", "testkit.workspace = true")).is_empty());
        assert_eq!(problems(&manifest("lab", "schemas.workspace = true")).len(), 1);
        assert_eq!(problems(&manifest("xtask", "anyhow = \"1\"")).len(), 1);
    }
}
