//! `ringwire-lab COMMAND …`: runs a command beside a gateway and Echo, both on loopback and both gone when the command
//! ends. What it finds in the variable `RINGWIRE_LAB`, a JSON object:
//!
//! | key | value |
//! | --- | --- |
//! | `url` | address of the gateway |
//! | `tokens` | token of each person: `alice`, `bob`, `carol`. `echo` answers every call after a fifth of a second |
//! | `ids` | user id of each person, `echo` too |
//! | `conversations` | id of the direct conversation of each two: `alice-bob`, `alice-carol`, `alice-echo`, … |
//! | `clip` | path of a moving picture: IVF, VP8, 640x360, 30 pictures a second, a key frame at least each second |
//! | `clipH264` | path of one in H.264: Annex B, 320x240, 15 a second, an access unit delimiter before each picture |
//!
//! Each may do a thousand times as much in a minute as the contract allows: many tests share it. It ends as the
//! command ends.

use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result};
use ringwire_demo::echo::{Answer, Echo, EchoConfig};
use ringwire_gateway::demo::{PEOPLE, direct};
use ringwire_tests::{DEADLINE, Lab, assets, assets_folder, x264};
use serde_json::{Map, Value, json};
use tokio::process::Command;

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let mut words = std::env::args_os().skip(1);
    let program = words.next().context("usage: ringwire-lab COMMAND …")?;
    let lab = Lab::start_with(|config| config.rate_factor = 1_000).await?;
    let mut config = EchoConfig::new(lab.url(), lab.token("echo")?, assets()?);
    config.answer = Answer::Accept {
        after: Duration::from_millis(200),
    };
    let echo = Echo::start(config).await?;
    echo.connected(DEADLINE).await?;

    let mut command = Command::new(program);
    command
        .args(words)
        .env("RINGWIRE_LAB", offer(&lab).await?.to_string())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ended = command.status().await.context("cannot start the command")?;
    echo.close().await;
    lab.gateway.shutdown().await;
    let code = ended.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// What the command is told.
async fn offer(lab: &Lab) -> Result<Value> {
    let (mut tokens, mut ids, mut conversations) = (Map::new(), Map::new(), Map::new());
    for (place, (id, one, _)) in PEOPLE.iter().enumerate() {
        ids.insert((*one).to_owned(), json!(id));
        if *one != "echo" {
            tokens.insert((*one).to_owned(), json!(lab.token(one)?));
        }
        for (_, other, _) in &PEOPLE[place + 1..] {
            let conversation = direct(one, other).context("both are demo people")?;
            conversations.insert(format!("{one}-{other}"), json!(conversation.as_str()));
        }
    }
    let folder = assets_folder();
    let clip_h264 = folder.join("pictures.h264");
    if !clip_h264.exists() {
        std::fs::write(&clip_h264, x264::clip().await?.concat())?;
    }
    Ok(json!({
        "url": lab.url(),
        "tokens": tokens,
        "ids": ids,
        "conversations": conversations,
        "clip": folder.join("echo.ivf").canonicalize()?,
        "clipH264": clip_h264.canonicalize()?,
    }))
}
