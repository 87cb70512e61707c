//! x
#[derive(Debug, clap::Args)]
pub struct Arguments {}
pub async fn run(_: Arguments) -> anyhow::Result<bool> { Ok(true) }
