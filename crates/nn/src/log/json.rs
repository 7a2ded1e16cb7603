//! A JSON object a line.

use super::Log;
use super::rows::Rows;
use crate::Result;
use serde_json::{Map, Value, json};
use std::path::Path;

/// Lines such as `{"step":3,"loss":0.25}`, in the order of the call. Names may differ from line to line. JSON has no NaN and no infinities: they are the texts
/// `"NaN"`, `"inf"`, `"-inf"`.
#[derive(Debug)]
pub struct JsonLines(Rows);

impl JsonLines {
    /// Opens a file, or makes it and the directories it is in; `first` is the step that the run begins with or goes on from: lines of it and of
    /// later ones are cut off.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: impl AsRef<Path>, first: u64) -> Result<JsonLines> {
        let step = |line: &str| serde_json::from_str::<Map<String, Value>>(line).ok()?.get("step")?.as_u64();
        Rows::open(path.as_ref(), |line| step(line).is_some_and(|step| step < first)).map(JsonLines)
    }
}

impl Log for JsonLines {
    fn scalars(&mut self, step: u64, values: &[(&str, f64)]) -> Result<()> {
        let mut line = format!("{{\"step\":{step}");
        for (name, value) in values {
            let value = if value.is_finite() { json!(value) } else { json!(value.to_string()) };
            line.push_str(&format!(",{}:{value}", json!(name)));
        }
        line.push('}');
        self.0.push(&line)
    }
}
