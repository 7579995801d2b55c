//! Reads a type from JSON and knows at which field it stopped. Small in what ships: it wraps no visitor, so a type is
//! compiled once.

use serde::Deserializer;
use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Error, Value};

/// Reads a value. The error comes with the path of the field, such as `signal.candidates[2]`; of the whole it is empty.
pub(crate) fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, (String, Error)> {
    let mut path = String::new();
    let read = T::deserialize(Reader {
        value,
        path: &mut path,
    });
    read.map_err(|error| (path, error))
}

struct Reader<'a> {
    value: Value,
    /// After an error, from `value` to the field that is wrong.
    path: &'a mut String,
}

impl<'de> Deserializer<'de> for Reader<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(so) => visitor.visit_bool(so),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), _, _) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (_, _, Some(number)) => visitor.visit_f64(number),
                _ => Err(Error::custom("a number that is out of every range")),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Array(array) => {
                let count = array.len();
                let mut seq = Elements {
                    rest: array.into_iter(),
                    at: 0,
                    path: self.path,
                };
                let read = visitor.visit_seq(&mut seq)?;
                match seq.rest.len() {
                    0 => Ok(read),
                    _ => Err(Error::invalid_length(count, &"fewer elements in array")),
                }
            }
            Value::Object(object) => visitor.visit_map(Fields {
                rest: object.into_iter(),
                next: None,
                path: self.path,
            }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

/// Puts the name of a field, or the place of an element, before the rest of the path.
fn before(path: &mut String, step: &str) {
    if !(path.is_empty() || path.starts_with('[')) {
        path.insert(0, '.');
    }
    path.insert_str(0, step);
}

struct Elements<'a> {
    rest: std::vec::IntoIter<Value>,
    at: usize,
    path: &'a mut String,
}

impl<'de> SeqAccess<'de> for &mut Elements<'_> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Some(value) = self.rest.next() else {
            return Ok(None);
        };
        let at = self.at;
        self.at += 1;
        let path = &mut *self.path;
        let read = seed.deserialize(Reader { value, path });
        if read.is_err() {
            before(self.path, &format!("[{at}]"));
        }
        read.map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

struct Fields<'a> {
    rest: serde_json::map::IntoIter,
    /// The field whose name was read last.
    next: Option<(String, Value)>,
    path: &'a mut String,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Some((name, value)) = self.rest.next() else {
            return Ok(None);
        };
        let key = seed.deserialize(StrDeserializer::new(&name))?;
        self.next = Some((name, value));
        Ok(Some(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let (name, value) = self.next.take().unwrap_or_default();
        let path = &mut *self.path;
        let read = seed.deserialize(Reader { value, path });
        if read.is_err() {
            before(self.path, &name);
        }
        read
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::{Map, json};

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct All {
        small: u8,
        signed: i64,
        float: f64,
        text: Option<String>,
        list: Vec<(bool, String)>,
        inner: Option<Box<All>>,
        more: Map<String, Value>,
        named: BTreeMap<String, Kind>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        One,
        Other(u8),
    }

    fn all() -> Value {
        json!({
            "small": 200, "signed": -7, "float": 1.5, "text": null, "list": [[true, "a"], [false, "b"]],
            "inner": null, "more": { "x": [1, null, { "y": "z" }] }, "named": { "a": "one", "b": { "other": 3 } },
            "unknown": { "is": ["ignored"] },
        })
    }

    #[test]
    fn what_is_read_is_what_serde_json_reads() {
        let read: All = from_value(all()).unwrap();
        assert_eq!(read, serde_json::from_value(all()).unwrap());
        assert_eq!(read.named["b"], Kind::Other(3));
    }

    #[test]
    fn the_field_that_is_wrong_is_named_and_the_problem_is_that_of_serde_json() {
        for (pointer, wrong, path) in [
            ("/small", json!(256), "small"),
            ("/signed", json!(1.5), "signed"),
            ("/text", json!(7), "text"),
            ("/list/1/0", json!("no"), "list[1][0]"),
            ("/list/1", json!([true, "a", 1]), "list[1]"),
            ("/list", json!({}), "list"),
            ("/inner", json!({ "small": null }), "inner.small"),
            ("/named/a", json!("three"), "named.a"),
            ("", json!([]), ""),
        ] {
            let mut value = all();
            *value.pointer_mut(pointer).unwrap() = wrong;
            let expected = serde_json::from_value::<All>(value.clone()).unwrap_err();
            let (at, error) = from_value::<All>(value).unwrap_err();
            assert_eq!(at, path, "{error}");
            assert_eq!(error.to_string(), expected.to_string(), "{path}");
        }
    }
}
