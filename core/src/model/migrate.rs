//! Reading what older programs wrote.
//!
//! A document keeps the first change it was born with, because that is computed and shared; so old
//! content is never rewritten but read upwards, one step for each form of answers. A newer schema
//! that only adds containers needs no step here (see `layout`). A newer document is kept as bytes
//! and not opened (`DocumentError::NewerSchema`).

use serde_json::Value;

use super::canonical::canonical_bytes;
use super::layout::BORN;

/// Turns an answer of one schema into an answer of the next.
type Step = fn(Value) -> Value;

/// `STEPS[n]` reads an answer of schema `n` as one of schema `n + 1`. Schema 2 writes them as 1 did.
const STEPS: [Step; BORN as usize] = [from_0];

/// Schema 0, the trial of October 2026: the grade was called `result` with the abbreviations of the
/// paper form, and the time `at`.
fn from_0(mut answer: Value) -> Value {
    let Some(fields) = answer.as_object_mut() else { return answer };
    if let Some(result) = fields.remove("result") {
        let grade = match result.as_str() {
            Some("Dat") => Value::from("pass"),
            Some("Mi") => Value::from("minor"),
            Some("Ma") => Value::from("major"),
            Some("Se") => Value::from("serious"),
            Some("KAD") => Value::from("na"),
            _ => result,
        };
        fields.insert("grade".to_owned(), grade);
    }
    if let Some(at) = fields.remove("at") {
        fields.insert("claimed_at".to_owned(), at);
    }
    answer
}

/// Returns an answer's text as the newest schema writes it; what is no JSON stays as it is.
pub(crate) fn answer(schema: u32, raw: &str) -> String {
    let steps = STEPS.get(schema as usize..).unwrap_or_default();
    if steps.is_empty() {
        return raw.to_owned();
    }
    let Ok(mut value) = serde_json::from_str::<Value>(raw) else { return raw.to_owned() };
    for step in steps {
        value = step(value);
    }
    String::from_utf8(canonical_bytes(&value)).unwrap_or_else(|_| raw.to_owned())
}
