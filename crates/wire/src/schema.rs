//! The JSON Schema of the socket's lines, generated from the table of signals.

use serde_json::{Map, Value, json};

use crate::signals::{
    EVENT_SCHEMA, EXPRESSIONS, GAP_SCHEMA, GAP_SIGNALS, Kind, SIGNALS, Signal, TRANSITION, UNKNOWN, Unit,
};

/// The JSON Schema (draft 2020-12) of a line: an event or a gap. Fields may be added within a
/// version, so other fields are allowed; those that are listed are always there.
#[must_use]
pub fn json_schema() -> Value {
    let mut event = object(SIGNALS);
    event.insert("title".into(), EVENT_SCHEMA.into());
    event.insert("allOf".into(), Value::Array(state_rules()));
    let mut gap = object(GAP_SIGNALS);
    gap.insert("title".into(), GAP_SCHEMA.into());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:cabinmood:event:1",
        "title": "A line of Cabinmood's socket",
        "description": "Generated from the table of signals by `cabinmood schema json`; do not edit.",
        "oneOf": [{ "$ref": "#/$defs/event" }, { "$ref": "#/$defs/gap" }],
        "$defs": { "event": event, "gap": gap },
    })
}

fn object(signals: &[Signal]) -> Map<String, Value> {
    let names: Vec<_> = signals.iter().map(|s| s.name).collect();
    let properties: Map<_, _> = signals.iter().map(|s| (s.name.to_owned(), property(s))).collect();
    let mut object = Map::new();
    object.insert("type".into(), "object".into());
    object.insert("required".into(), json!(names));
    object.insert("properties".into(), Value::Object(properties));
    object
}

fn property(signal: &Signal) -> Value {
    let mut schema = match signal.kind {
        Kind::Constant(word) => entries(json!({ "type": "string", "const": word })),
        Kind::Integer(unit) => with_unit(json!({ "type": "integer", "minimum": 0 }), unit),
        Kind::Number(scale) => with_unit(
            json!({
                "type": "number",
                "minimum": scale.min,
                "maximum": scale.max,
                "x-resolution": scale.resolution,
            }),
            scale.unit,
        ),
        Kind::Flag => entries(json!({ "type": "boolean" })),
        Kind::Text => entries(json!({ "type": "string" })),
        Kind::Words(words) => {
            let names: Vec<_> = words.iter().map(|w| w.name).collect();
            entries(json!({ "type": "string", "enum": names }))
        }
        Kind::Object(signals) => object(signals),
    };
    if signal.nullable {
        allow_null(&mut schema);
    }
    schema.insert("description".into(), signal.doc.into());
    schema.insert("x-group".into(), signal.group.name().into());
    Value::Object(schema)
}

fn entries(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn with_unit(value: Value, unit: Unit) -> Map<String, Value> {
    let mut schema = entries(value);
    if unit != Unit::One {
        schema.insert("x-unit".into(), unit.symbol().into());
    }
    schema
}

fn allow_null(schema: &mut Map<String, Value>) {
    if let Some(kind) = schema.get_mut("type") {
        *kind = json!([kind, "null"]);
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.push(Value::Null);
    }
}

/// Which of reason, from, to and progress go with which state.
fn state_rules() -> Vec<Value> {
    let absent = json!({ "type": "null" });
    let told = json!({ "not": { "type": "null" } });
    let nothing = json!({ "const": 0 });
    let steady: Vec<_> = EXPRESSIONS.iter().map(|w| w.name).collect();
    vec![
        when(
            json!({ "enum": steady }),
            json!({
                "reason": absent, "from": absent, "to": absent, "progress": absent, "confidence": told,
            }),
        ),
        when(
            json!({ "const": TRANSITION }),
            json!({ "reason": absent, "from": told, "to": told, "progress": told, "confidence": told }),
        ),
        when(
            json!({ "const": null }),
            json!({
                "reason": absent, "from": absent, "to": absent, "progress": absent,
                "confidence": absent, "intensity": absent,
            }),
        ),
        when(
            json!({ "const": UNKNOWN }),
            json!({
                "reason": told, "from": absent, "to": absent, "progress": absent,
                "confidence": nothing, "intensity": absent,
            }),
        ),
    ]
}

/// `then` must hold of an event whose state is as `state` says.
fn when(state: Value, then: Value) -> Value {
    json!({ "if": { "properties": { "state": state } }, "then": { "properties": then } })
}
