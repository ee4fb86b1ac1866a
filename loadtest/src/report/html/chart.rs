//! The latency histogram as SVG: a bar for each bucket, and the percentiles across them.

use std::fmt::Write;

use maud::{Markup, PreEscaped, html};

use crate::report::distribution::Bucket;
use crate::report::html::plot::{BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, figure, frame};
use crate::report::html::scale::Scale;
use crate::report::schema::LatencySummary;
use crate::report::units::{grouped, time};

/// Between two bars, in units of the drawing.
const GAP: f64 = 1.5;

/// Draws the buckets; `row` holds the percentiles of the same latencies.
pub fn histogram(buckets: &[Bucket], row: &LatencySummary) -> Markup {
    if buckets.is_empty() {
        return html! {};
    }
    let most = buckets.iter().map(|bucket| bucket.count).max().unwrap_or(1) as f64;
    let low = |bucket: &Bucket| bucket.above_us.max(1) as f64;
    let bounds = buckets.iter().flat_map(|bucket| [low(bucket), bucket.up_to_us as f64]);
    let (x, y) = (Scale::times(bounds), Scale::counts(most));
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let across = |value: f64| LEFT + x.place(value) * (right - LEFT);

    let mut bars = String::new();
    // Writing into a String does not fail; numbers and units of our own need no escapes.
    for bucket in buckets.iter().filter(|bucket| bucket.count > 0) {
        let (from, to) = (across(low(bucket)), across(bucket.up_to_us as f64));
        let height = (y.place(bucket.count as f64) * (bottom - TOP)).max(1.0);
        let _ = write!(
            bars,
            "<rect class=\"bar\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\">\
             <title>{} to {}: {}</title></rect>",
            from + GAP / 2.0,
            bottom - height,
            (to - from - GAP).max(1.0),
            time(bucket.above_us),
            time(bucket.up_to_us),
            grouped(bucket.count),
        );
    }
    let mut last = f64::MIN;
    for (name, us) in [("p50", row.p50), ("p90", row.p90), ("p99", row.p99), ("p99.9", row.p999)] {
        let at = across(us.max(1) as f64);
        let _ = write!(bars, "<path class=\"mark\" d=\"M{at:.1} {TOP}V{bottom}\"/>");
        // Names that would overlap go one below the other.
        let line = if at - last < 36.0 { 26.0 } else { 10.0 };
        last = if line > 20.0 { f64::MIN } else { at };
        let _ =
            write!(bars, "<text class=\"mark\" x=\"{:.1}\" y=\"{:.1}\">{name}</text>", at + 3.0, TOP + line);
    }
    let drawing = html! { (frame(&x, &y)) (PreEscaped(bars)) };
    figure("Delivery latency", &html! {}, &drawing)
}
