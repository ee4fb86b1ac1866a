//! Curves over two axes, as SVG.

use std::fmt::Write;

use maud::{Markup, PreEscaped, html};

use crate::report::html::scale::Scale;

/// The drawing's size and its margins, in its own units.
pub const WIDTH: f64 = 560.0;
/// See [`WIDTH`].
pub const HEIGHT: f64 = 260.0;
/// Space for the labels of the vertical axis.
pub const LEFT: f64 = 66.0;
/// Space above.
pub const TOP: f64 = 12.0;
/// Space for the labels of the horizontal axis.
pub const BOTTOM: f64 = 30.0;
/// Space for half of the last label.
pub const RIGHT: f64 = 22.0;

/// A curve with its name.
pub struct Curve {
    /// The name, for the legend.
    pub name: &'static str,
    /// From left to right.
    pub points: Vec<(f64, f64)>,
}

impl Curve {
    /// Creates a curve through these points.
    pub fn new(name: &'static str, points: Vec<(f64, f64)>) -> Self {
        Self { name, points }
    }
}

/// A plot.
pub struct Plot {
    /// The title.
    pub name: &'static str,
    /// From left to right.
    pub x: Scale,
    /// From bottom to top.
    pub y: Scale,
    /// The curves.
    pub lines: Vec<Curve>,
    /// Set when the area under the first curve is filled.
    pub filled: bool,
}

impl Plot {
    /// Renders the plot.
    pub fn render(&self) -> Markup {
        let across = |value: f64| LEFT + self.x.place(value) * (WIDTH - LEFT - RIGHT);
        let up = |value: f64| HEIGHT - BOTTOM - self.y.place(value) * (HEIGHT - BOTTOM - TOP);
        let path = |line: &Curve| {
            let mut path = String::new();
            for (index, &(x, y)) in line.points.iter().enumerate() {
                // Writing into a String does not fail.
                let _ = write!(path, "{}{:.1} {:.1}", if index == 0 { "M" } else { "L" }, across(x), up(y));
            }
            path
        };
        let ground = |line: &Curve| {
            let (Some(first), Some(last)) = (line.points.first(), line.points.last()) else {
                return String::new();
            };
            let bottom = HEIGHT - BOTTOM;
            format!("{}L{:.1} {bottom}L{:.1} {bottom}Z", path(line), across(last.0), across(first.0))
        };
        let legend = html! {
            @if self.lines.len() > 1 {
                span.legend {
                    @for (index, line) in self.lines.iter().enumerate() {
                        i class={ "c" (index) } {}
                        (line.name)
                    }
                }
            }
        };
        let drawing = html! {
            (frame(&self.x, &self.y))
            @if let Some(line) = self.lines.first().filter(|_| self.filled) {
                path.ground.c0 d=(ground(line)) {}
            }
            @for (index, line) in self.lines.iter().enumerate() {
                path class={ "line c" (index) } d=(path(line)) {}
            }
        };
        figure(self.name, &legend, &drawing)
    }
}

/// Renders a drawing with its title and legend.
pub fn figure(name: &str, legend: &Markup, drawing: &Markup) -> Markup {
    html! {
        figure {
            figcaption { (name) (legend) }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-label=(name) { (drawing) }
        }
    }
}

/// Renders the axes, with a grid line at each label.
pub fn frame(x: &Scale, y: &Scale) -> Markup {
    let mut out = String::new();
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    for (value, said) in &y.ticks {
        let at = bottom - y.place(*value) * (bottom - TOP);
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/>\
             <text class=\"y\" x=\"{:.1}\" y=\"{:.1}\">{said}</text>",
            LEFT - 8.0,
            at + 4.0
        );
    }
    for (value, said) in &x.ticks {
        let at = LEFT + x.place(*value) * (right - LEFT);
        let _ = write!(
            out,
            "<path class=\"grid\" d=\"M{at:.1} {bottom}v5\"/>\
             <text class=\"x\" x=\"{at:.1}\" y=\"{:.1}\">{said}</text>",
            bottom + 19.0
        );
    }
    // Numbers and units of our own need no escapes.
    PreEscaped(out)
}
