//! A bench as a picture: a panel for each metric, a line for each case, a dot for each competitor. The dots of a curve,
//! whose cases are sizes, are joined.
//!
//! It shows dots and not bars: the scale is logarithmic, and has no zero at which a bar could begin. The
//! picture has no background. It takes the colours of its text from the page around it, light or dark.

#![allow(
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "a picture has few pixels, and all of them to the right of its left edge"
)]

use std::error::Error;

use millchat_benches::Unit;
use millchat_benches::results::Figures;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// Text and grid lines on a light background. [`STYLE`] names them again.
const INK: RGBColor = RGBColor(0x24, 0x29, 0x2F);
const GRID: RGBColor = RGBColor(0xD0, 0xD7, 0xDE);
/// Their colours on a dark background.
const STYLE: &str = "<style>@media (prefers-color-scheme: dark) { \
    [fill=\"#24292F\"] { fill: #E6EDF3 } [stroke=\"#24292F\"] { stroke: #E6EDF3 } \
    [fill=\"#D0D7DE\"] { fill: #3D444D } [stroke=\"#D0D7DE\"] { stroke: #3D444D } }</style>";
/// Ours, then the others; distinguishable on both backgrounds, and for people who cannot tell red from green.
const DOTS: [RGBColor; 3] =
    [RGBColor(0x2F, 0x81, 0xF7), RGBColor(0xE0, 0x7B, 0x1F), RGBColor(0x8B, 0x94, 0x9E)];

/// Pixels.
const WIDTH: i32 = 860;
const LEGEND: i32 = 34;
const ROW: i32 = 30;
/// Space above a panel's rows for its title, and below for its scale.
const ABOVE: i32 = 30;
const BELOW: i32 = 30;
/// Space left of the first panel for the names of the cases, and between panels.
const NAMES: i32 = 190;
const BETWEEN: i32 = 34;
/// The least value of a scale, of its greatest.
const LEAST_SHARE: f64 = 1e-9;
/// Ratio of the ends of a curve's scale, at least: what hardly grows is to look so.
const CURVE_WIDTH_MIN: f64 = 30.0;
/// More panels would be too narrow to read.
const PANELS_MAX: usize = 3;

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = Result<(), Box<dyn Error>>;

/// Renders the picture as SVG; `None` when the bench has nothing to compare.
pub fn draw(found: &Figures) -> Option<String> {
    let compared = |metric: &&str| {
        let of = found.rows.iter().filter(|row| row.metric == *metric);
        of.clone().any(|row| row.competitor != found.ours) && of.count() > 2
    };
    render(found, &found.each(|row| &row.metric).into_iter().filter(compared).collect::<Vec<_>>())
}

/// Renders the picture of a curve, which has no competitors; `None` when it has too few sizes.
pub fn draw_curve(found: &Figures) -> Option<String> {
    let is_long = |metric: &&str| found.rows.iter().filter(|row| row.metric == *metric).count() > 2;
    render(found, &found.each(|row| &row.metric).into_iter().filter(is_long).collect::<Vec<_>>())
}

fn render(found: &Figures, metrics: &[&str]) -> Option<String> {
    let metrics = &metrics[..metrics.len().min(PANELS_MAX)];
    if metrics.is_empty() {
        return None;
    }
    let mut svg = String::new();
    picture(found, metrics, &mut svg).expect("a string takes a picture");
    // Behind the opening tag.
    let tag = svg.find("<svg").and_then(|at| Some(at + svg[at..].find('>')? + 1))?;
    svg.insert_str(tag, STYLE);
    Some(svg)
}

fn picture(found: &Figures, metrics: &[&str], svg: &mut String) -> Drawn {
    let cases: Vec<&str> = found.each(|row| &row.case);
    let height = LEGEND + ABOVE + ROW * cases.len() as i32 + BELOW;
    let root = SVGBackend::with_string(svg, (WIDTH as u32, height as u32)).into_drawing_area();
    legend(found, &root)?;
    for (row, case) in cases.iter().enumerate() {
        let y = row_y(row);
        text(&root, case, (NAMES - 14, y), (HPos::Right, VPos::Center), 14)?;
    }
    let each = (WIDTH - NAMES - BETWEEN * (metrics.len() as i32 - 1) - 20) / metrics.len() as i32;
    for (panel, metric) in metrics.iter().enumerate() {
        let left = NAMES + panel as i32 * (each + BETWEEN);
        draw_panel(found, metric, &cases, (left, left + each), &root)?;
    }
    root.present()?;
    Ok(())
}

fn row_y(row: usize) -> i32 {
    LEGEND + ABOVE + ROW * row as i32 + ROW / 2
}

fn legend(found: &Figures, root: &Area<'_>) -> Drawn {
    let mut x = NAMES;
    for (name, colour) in competitors(found) {
        root.draw(&Circle::new((x, LEGEND / 2), 6, colour.filled()))?;
        text(root, name, (x + 12, LEGEND / 2), (HPos::Left, VPos::Center), 14)?;
        x += 40 + 8 * name.chars().count() as i32;
    }
    Ok(())
}

/// Returns the competitors with their colours, ours first.
fn competitors(found: &Figures) -> impl Iterator<Item = (&str, RGBColor)> {
    let mut names = found.each(|row| &row.competitor);
    names.sort_by_key(|name| *name != found.ours);
    names.into_iter().zip(DOTS)
}

fn draw_panel(
    found: &Figures,
    metric: &str,
    cases: &[&str],
    (left, right): (i32, i32),
    root: &Area<'_>,
) -> Drawn {
    let rows: Vec<_> = found.rows.iter().filter(|row| row.metric == metric).collect();
    let unit = rows[0].unit;
    let is_curve = competitors(found).count() == 1;
    let (low, high) =
        bounds(rows.iter().map(|row| row.median()), if is_curve { CURVE_WIDTH_MIN } else { 1.0 });
    let x = |value: f64| {
        let share = (value / low).ln() / (high / low).ln();
        left + (share * f64::from(right - left)).round() as i32
    };
    let (top, bottom) = (LEGEND + ABOVE, row_y(cases.len()) - ROW / 2);
    let better = if unit == Unit::PerSecond { "more is better" } else { "less is better" };
    text(root, &format!("{metric} ({better})"), (left, LEGEND + ABOVE / 2), (HPos::Left, VPos::Center), 13)?;
    for tick in ticks(low, high, (right - left) / 60) {
        root.draw(&PathElement::new([(x(tick), top), (x(tick), bottom)], GRID))?;
        text(root, &unit.show_round(tick), (x(tick), bottom + 8), (HPos::Center, VPos::Top), 12)?;
    }
    if is_curve {
        let at = |(row, case): (usize, &&str)| {
            Some((x(found.row(case, metric, &found.ours)?.median()), row_y(row)))
        };
        let points: Vec<_> = cases.iter().enumerate().filter_map(at).collect();
        root.draw(&PathElement::new(points, DOTS[0].stroke_width(2)))?;
    }
    for (row, case) in cases.iter().enumerate() {
        let y = row_y(row);
        let dots: Vec<_> = competitors(found)
            .filter_map(|(name, colour)| Some((x(found.row(case, metric, name)?.median()), colour)))
            .collect();
        let ends = (dots.iter().map(|dot| dot.0).min(), dots.iter().map(|dot| dot.0).max());
        if let (Some(first), Some(last)) = ends {
            root.draw(&PathElement::new([(first, y), (last, y)], GRID.stroke_width(3)))?;
        }
        // Ours last, so that it lies on top.
        for (at, colour) in dots.into_iter().rev() {
            root.draw(&Circle::new((at, y), 6, colour.filled()))?;
        }
    }
    Ok(())
}

/// Returns bounds around all values, with a margin, and with at least this ratio between them.
fn bounds(values: impl Iterator<Item = f64>, ratio_min: f64) -> (f64, f64) {
    let values: Vec<f64> = values.collect();
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let margin = (ratio_min * low / high).sqrt().max(1.3);
    (low / margin, high * margin)
}

/// Returns at most `most` round values between two.
fn ticks(low: f64, high: f64, most: i32) -> Vec<f64> {
    // A scale of logarithms has no zero, and steps without end below what is next to it.
    let low = low.max(high * LEAST_SHARE);
    let powers = low.log10().floor() as i32..=high.log10().ceil() as i32;
    let of = |steps: &[f64]| -> Vec<f64> {
        let all = powers.clone().flat_map(|power| steps.iter().map(move |step| step * 10f64.powi(power)));
        all.filter(|tick| (low..=high).contains(tick)).collect()
    };
    let choices = [of(&[1.0, 2.0, 5.0]), of(&[1.0, 3.0]), of(&[1.0])];
    let few = choices.iter().find(|ticks| ticks.len() <= most.max(2) as usize);
    few.unwrap_or(&choices[2]).clone()
}

fn text(root: &Area<'_>, words: &str, at: (i32, i32), (h, v): (HPos, VPos), size: i32) -> Drawn {
    let style = ("sans-serif", size).into_font().color(&INK).pos(Pos::new(h, v));
    root.draw(&Text::new(words.to_owned(), at, style))?;
    Ok(())
}
