//! A running `trastienda standalone --demo`, as a newcomer would have it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::OnceCell;

use crate::client::{Client, http};

/// How long a start may take, initdb included, on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// A standalone and its data folder.
pub struct Product {
    child: Child,
    pub data: PathBuf,
    pub demo: Value,
    args: Vec<String>,
    /// What it runs under, such as `env` with variables; may be empty.
    wrapper: Vec<String>,
}

/// Where `cargo xtask test` put the binaries: beside this test's own.
pub fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let profile = own.parent().and_then(Path::parent).unwrap();
    let path = profile.join(name);
    assert!(
        path.exists(),
        "{} is missing: run the tests with `cargo xtask test`",
        path.display()
    );
    path
}

pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// Where `cargo xtask test` put what other languages need.
pub fn tools(below: &str) -> PathBuf {
    let folder =
        std::env::var_os("TRASTIENDA_TOOLS").map_or_else(|| repository().join(".tools"), PathBuf::from);
    folder.join(below)
}

/// Whether this is continuous integration, where nothing may be skipped.
pub fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| value == "true")
}

/// Whether a test must be skipped for want of something. It says so; in CI the absence is a failure.
pub fn is_absent(path: &Path) -> bool {
    if path.exists() {
        return false;
    }
    assert!(!is_ci(), "{} is absent", path.display());
    eprintln!("SKIPPED: {} is absent", path.display());
    true
}

/// A fresh folder below `target`, named after the test.
pub fn scratch(name: &str) -> PathBuf {
    let folder = repository()
        .join("target/it")
        .join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(folder.parent().unwrap()).unwrap();
    folder
}

/// Starts a process that dies with this test process, from a thread that lives as long as it.
pub fn spawn(program: &Path, args: &[String], log: &Path) -> Child {
    type Order = (Command, mpsc::Sender<Child>);
    static SPAWNER: std::sync::OnceLock<mpsc::Sender<Order>> = std::sync::OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in orders {
                reply.send(command.spawn().unwrap()).unwrap();
            }
        });
        sender
    });
    let out = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)
        .unwrap();
    let mut command = Command::new("setpriv");
    command
        .args(["--pdeathsig", "TERM", "--"])
        .arg(program)
        .args(args)
        .current_dir(repository())
        // These are ours; the product refuses settings that it does not know.
        .env_remove("TRASTIENDA_NATS_SERVER")
        .env_remove("TRASTIENDA_TOOLS")
        .stdin(Stdio::null())
        .stdout(out.try_clone().unwrap())
        .stderr(out);
    let (reply, child) = mpsc::channel();
    spawner.send((command, reply)).unwrap();
    child.recv().unwrap()
}

impl Product {
    /// A product of its own, for tests that kill or stop it.
    pub async fn start(name: &str, extra: &[&str]) -> Self {
        Self::start_under(&[], name, extra).await
    }

    /// As [`Self::start`], run by another program, which must become it (as `env` does).
    pub async fn start_under(wrapper: &[&str], name: &str, extra: &[&str]) -> Self {
        let data = scratch(name);
        let mut args: Vec<String> = ["standalone", "--demo", "--port", "0", "--data"]
            .iter()
            .map(|arg| (*arg).to_owned())
            .collect();
        args.push(data.to_string_lossy().into_owned());
        args.extend(extra.iter().map(|arg| (*arg).to_owned()));
        let wrapper: Vec<String> = wrapper.iter().map(|word| (*word).to_owned()).collect();
        let mut product = Self {
            child: Self::launch(&wrapper, &data, &args),
            data,
            demo: Value::Null,
            args,
            wrapper,
        };
        product.wait_until_ready().await;
        product
    }

    fn launch(wrapper: &[String], data: &Path, args: &[String]) -> Child {
        let _ = std::fs::remove_file(data.join("demo.json"));
        let (program, log) = (binary("trastienda"), data.with_extension("log"));
        match wrapper.split_first() {
            None => spawn(&program, args, &log),
            Some((first, rest)) => {
                let words = [rest, &[program.to_string_lossy().into_owned()], args].concat();
                spawn(Path::new(first), &words, &log)
            }
        }
    }

    /// The one that harmless tests share.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Product> = OnceCell::const_new();
        SHARED
            .get_or_init(|| Product::start("shared", &["--allow-outbound", "127.0.0.1:18098"]))
            .await
    }

    async fn wait_until_ready(&mut self) {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the standalone ended with {status}:\n{}", self.log());
            }
            assert!(Instant::now() < deadline, "not ready in time:\n{}", self.log());
            if let Ok(text) = std::fs::read_to_string(self.data.join("demo.json")) {
                self.demo = serde_json::from_str(&text).unwrap();
                let ready = http().get(format!("{}/readyz", self.base_url())).send().await;
                if ready.is_ok_and(|answer| answer.status().is_success()) {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.with_extension("log")).unwrap_or_default()
    }

    pub fn base_url(&self) -> &str {
        self.demo["base_url"].as_str().unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Signs in as a demo user.
    pub async fn client(&self, tenant: &str, role: &str) -> Client {
        let (username, password) = self.credentials(tenant, role);
        Client::sign_in(self.base_url(), tenant, username, password).await
    }

    /// Signs in as a demo user, at a till.
    pub async fn client_at(&self, tenant: &str, role: &str, terminal: &str) -> Client {
        let (username, password) = self.credentials(tenant, role);
        Client::sign_in_at(self.base_url(), terminal, (tenant, username, password)).await
    }

    fn credentials(&self, tenant: &str, role: &str) -> (&str, &str) {
        let tenants = self.demo["tenants"].as_array().unwrap();
        let found = tenants.iter().find(|t| t["id"] == tenant).unwrap();
        let user = found["users"]
            .as_array()
            .unwrap()
            .iter()
            .find(|u| u["role"] == role)
            .unwrap();
        (
            user["username"].as_str().unwrap(),
            user["password"].as_str().unwrap(),
        )
    }

    pub fn signal(&self, signal: testkit::signal::Signal) {
        assert!(testkit::signal::send(self.pid(), signal));
    }

    /// Waits for the end of the process and returns its exit code.
    pub async fn wait(&mut self) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(
                Instant::now() < deadline,
                "the standalone did not end:\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Starts again on the same data.
    pub async fn restart(&mut self) {
        self.child = Self::launch(&self.wrapper, &self.data, &self.args);
        self.wait_until_ready().await;
    }

    /// Starts again on the same data, run by another program.
    pub async fn restart_under(&mut self, wrapper: &[&str]) {
        self.wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
        self.restart().await;
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        testkit::signal::send(self.pid(), testkit::signal::TERM);
        let _ = self.child.wait();
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.data);
        }
    }
}
