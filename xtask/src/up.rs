//! `cargo xtask up`: installs, builds, and becomes the standalone, so that Ctrl-C and the exit code are its own.

use std::ffi::OsString;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use crate::commands::{built, cargo, run as run_command};
use crate::{Failure, Result, data_folder, provision};

const DEFAULT_PORT: u16 = 8080;
/// Where `listen` and `replay` receive by default.
const DEFAULT_RECEIVER: &str = "127.0.0.1:18099";

/// The options of `up`.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    data: PathBuf,
    port: u16,
    is_fresh: bool,
    allow_outbound: Vec<String>,
}

/// Installs, builds, removes the data if asked to, and runs; comes back only when that fails.
pub fn run(arguments: &[OsString]) -> Result {
    let options = parse(arguments).map_err(|message| Failure { message, code: 2 })?;
    provision::servers()?;
    run_command(cargo().args([
        "build",
        "--release",
        "--package",
        "standalone",
        "--bin",
        "trastienda",
    ]))?;
    if options.is_fresh {
        // Before anything is removed: with a busy port nothing would be started in its place.
        TcpListener::bind(("127.0.0.1", options.port))
            .map_err(|error| format!("port {} is not free: {error}", options.port))?;
        data_folder::remove(&options.data)?;
    }
    let program = built("release", "trastienda");
    let error = Command::new(&program).args(arguments_of(&options)).exec();
    Err(format!("cannot run {}: {error}", program.display()).into())
}

fn parse(arguments: &[OsString]) -> Result<Options, String> {
    let mut options = Options {
        data: PathBuf::from("data"),
        port: DEFAULT_PORT,
        is_fresh: false,
        allow_outbound: vec![DEFAULT_RECEIVER.to_owned()],
    };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let text = argument.to_str().ok_or("an option is not valid text")?;
        // `--port 8081` and `--port=8081` alike.
        let (name, attached) = match text.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (text, None),
        };
        let mut value = || {
            attached
                .clone()
                .or_else(|| arguments.next().cloned())
                .ok_or(format!("{name} needs a value"))
        };
        let mut text_value = || {
            value()?
                .into_string()
                .map_err(|_| format!("{name} is not valid text"))
        };
        match name {
            "--fresh" if attached.is_none() => options.is_fresh = true,
            "--port" => {
                let port = text_value()?;
                options.port = port.parse().map_err(|_| format!("{port:?} is not a port"))?;
            }
            "--allow-outbound" => {
                let address = text_value()?;
                let port = address
                    .rsplit_once(':')
                    .and_then(|(host, port)| (!host.is_empty()).then(|| port.parse::<u16>()));
                if !matches!(port, Some(Ok(_))) {
                    return Err(format!("{address:?} is not HOST:PORT"));
                }
                if !options.allow_outbound.contains(&address) {
                    options.allow_outbound.push(address);
                }
            }
            "--data" => options.data = value()?.into(),
            _ => return Err(format!("no option {text:?}; try `cargo xtask help`")),
        }
    }
    // Relative to the caller, whatever folder the standalone runs in.
    options.data = std::path::absolute(&options.data).map_err(|error| format!("--data: {error}"))?;
    Ok(options)
}

fn arguments_of(options: &Options) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["standalone".into(), "--demo".into()];
    words.extend([
        "--data".into(),
        options.data.clone().into(),
        "--port".into(),
        options.port.to_string().into(),
    ]);
    words.extend(["--nats-server".into(), provision::nats_server().into()]);
    for address in &options.allow_outbound {
        words.extend(["--allow-outbound".into(), address.into()]);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Options, String> {
        parse(&words.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn the_defaults_are_what_the_readme_says() {
        let options = parsed(&[]).unwrap();
        assert_eq!(options.data, std::env::current_dir().unwrap().join("data"));
        assert_eq!((options.port, options.is_fresh), (8080, false));
        assert_eq!(options.allow_outbound, ["127.0.0.1:18099"]);
    }

    #[test]
    fn every_option_reaches_the_standalone() {
        let options = parsed(&[
            "--data",
            "/srv/x",
            "--port=0",
            "--fresh",
            "--allow-outbound",
            "localhost:9",
            "--allow-outbound=[::1]:7",
        ])
        .unwrap();
        assert!(options.is_fresh);
        let words: Vec<_> = arguments_of(&options)
            .into_iter()
            .map(|word| word.into_string().unwrap())
            .collect();
        let line = words.join(" ");
        assert!(
            line.starts_with("standalone --demo --data /srv/x --port 0 --nats-server "),
            "{line}"
        );
        let allowed =
            "--allow-outbound 127.0.0.1:18099 --allow-outbound localhost:9 --allow-outbound [::1]:7";
        assert!(line.ends_with(allowed), "{line}");
    }

    #[test]
    fn mistakes_are_named() {
        for wrong in [
            &["--prot", "1"][..],
            &["--port"],
            &["--port", "70000"],
            &["--allow-outbound", "9000"],
            &["--fresh=no"],
        ] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }
}
