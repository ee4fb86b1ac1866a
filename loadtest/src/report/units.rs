//! Numbers as people read them.

use std::fmt::Display;

/// The whole number nearest to one that is not negative.
#[expect(clippy::cast_sign_loss, reason = "what is negative becomes 0")]
pub fn whole(value: f64) -> usize {
    value.round() as usize
}

/// A latency in the unit that suits it, in three digits.
pub fn time(micros: u64) -> String {
    let three = |value: f64, unit: &str| {
        let decimals = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
        format!("{value:.decimals$} {unit}")
    };
    match micros {
        0..1_000 => format!("{micros} µs"),
        1_000..999_500 => three(micros as f64 / 1e3, "ms"),
        _ => three(micros as f64 / 1e6, "s"),
    }
}

/// A whole number with its thousands set apart.
pub fn grouped(number: impl Display) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Formats a number of things: `1 room`, `1,000 rooms`.
pub fn counted(number: u64, thing: &str) -> String {
    format!("{} {thing}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// Bytes in the unit that suits them.
pub fn bytes(count: f64) -> String {
    let (mut value, mut unit) = (count, "B");
    for larger in ["KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, larger);
    }
    if unit == "B" { format!("{value:.0} B") } else { format!("{value:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
        assert_eq!([999, 1_500, 12_345, 123_456].map(time), ["999 µs", "1.50 ms", "12.3 ms", "123 ms"]);
        assert_eq!([999_999, 61_000_000].map(time), ["1.00 s", "61.0 s"]);
        assert_eq!(counted(1, "room"), "1 room");
        assert_eq!(counted(2000, "room"), "2,000 rooms");
        assert_eq!([12.0, 1_677.0, 3.5e9].map(bytes), ["12 B", "1.6 KiB", "3.3 GiB"]);
    }
}
