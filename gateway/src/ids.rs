//! Fresh ids: 24 hex digits, random.

use rand::Rng as _;

/// 24 hex digits.
pub(crate) fn fresh() -> String {
    let mut bytes = [0_u8; 12];
    rand::rng().fill_bytes(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A fresh id of any kind.
pub(crate) fn id<T: std::str::FromStr>() -> T
where
    T::Err: std::fmt::Debug,
{
    fresh()
        .parse()
        .expect("24 hex digits obey the rules of all ids")
}
