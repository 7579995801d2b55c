//! The file that a user can send when a call was bad: the core's memory of the call and the log, in JSON.

use std::borrow::Cow;

use ringwire_client::diagnostics::CallDiagnostics;
use serde_json::{Value, json};

use crate::logs;
use crate::redact::redacted;

/// Version of the file's shape.
const FORMAT: u32 = 1;

/// Which app it is.
pub(crate) struct App {
    pub(crate) name: String,
    pub(crate) version: String,
}

/// The text of the file.
pub(crate) fn file(app: &App, call: &CallDiagnostics) -> String {
    let log: Vec<_> = logs::remembered()
        .into_iter()
        .map(|line| {
            json!({
                "atMs": line.at_ms,
                "level": format!("{:?}", line.level).to_lowercase(),
                "target": line.target,
                "message": line.message,
            })
        })
        .collect();
    let mut file = json!({
        "format": FORMAT,
        "ringwire": env!("CARGO_PKG_VERSION"),
        "platform": format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
        "app": { "name": app.name, "version": app.version },
        "call": call,
        "log": log,
    });
    clean(&mut file);
    file.to_string()
}

/// Redacts every text in it.
fn clean(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Cow::Owned(clean) = redacted(text) {
                *text = clean;
            }
        }
        Value::Array(list) => list.iter_mut().for_each(clean),
        Value::Object(map) => map.values_mut().for_each(clean),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_in_the_file_is_redacted_and_it_stays_json() {
        let mut file = json!({"a": [{"b": "from \"10.0.0.1\" with token: x", "c": 1}], "d": null});
        clean(&mut file);
        let wanted =
            json!({"a": [{"b": "from \"<address>\" with token: <secret>", "c": 1}], "d": null});
        assert_eq!(file, wanted);
    }
}
