//! The drawings of the report: lines over time, bars, dots. Inline SVG whose colours come from the page's style, so that they
//! follow day and night.

use std::fmt::Write as _;
use std::time::Duration;

use posbook::Timestamp;
use posbook_bench::sheet::escape;

use super::curve::Point;
use super::words;

/// Where a drawing has its frame: left, right, top, bottom.
const FRAME: [f64; 4] = [62.0, 392.0, 8.0, 196.0];
/// How high a drawing is, with what stands beneath its frame.
const HEIGHT: f64 = 220.0;

/// A scale of one axis, in equal steps.
struct Axis {
    from: f64,
    to: f64,
    begins: f64,
    ends: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64>, begins: f64, ends: f64) -> Self {
        let (from, to) = values
            .filter(|value| value.is_finite())
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(from, to), value| (from.min(value), to.max(value)));
        let (from, to) = if from <= to { (from, to) } else { (0.0, 1.0) };
        // What does not move is drawn in the middle.
        let (from, to) = if to > from { (from, to) } else { (from - 1.0, to + 1.0) };
        Self { from, to, begins, ends }
    }

    fn at(&self, value: f64) -> f64 {
        self.begins + (value - self.from) / (self.to - self.from) * (self.ends - self.begins)
    }

    /// Round values inside: steps of 1, 2 or 5 times a power of ten.
    fn ticks(&self) -> Vec<f64> {
        let rough = (self.to - self.from) / 4.0;
        let power = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        let first = (self.from / step).ceil();
        (0..12)
            .map(|n| (first + f64::from(n)) * step)
            .take_while(|tick| *tick <= self.to + step * 1e-9)
            .collect()
    }
}

/// A number beside an axis.
fn label(value: f64) -> String {
    let size = value.abs();
    let (value, unit) = match size {
        _ if size >= 1e9 => (value / 1e9, " G"),
        _ if size >= 1e6 => (value / 1e6, " M"),
        _ if size >= 1e4 => (value / 1e3, " k"),
        _ => (value, ""),
    };
    let digits = if value == 0.0 { 0 } else { (2.0 - value.abs().log10().floor()).clamp(0.0, 8.0) as usize };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{}{unit}", text.replace('-', "−"))
}

fn begin(html: &mut String, title: &str, note: &str) {
    let title = escape(title);
    let _ = write!(
        html,
        "<figure><h3>{title}</h3><p class=\"soft\" style=\"margin:0\">{}</p><svg viewBox=\"0 0 400 {HEIGHT}\" role=\"img\" aria-label=\"{title}\">",
        escape(note)
    );
}

fn grid(html: &mut String, y: &Axis) {
    for tick in y.ticks() {
        let at = y.at(tick);
        let class = if tick == 0.0 { "axis zero" } else { "axis" };
        let _ = write!(
            html,
            "<line class=\"{class}\" x1=\"{}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/><text class=\"soft\" x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            FRAME[0],
            FRAME[1],
            FRAME[0] - 5.0,
            at + 4.0,
            label(tick)
        );
    }
}

/// Words beneath the frame, at these places.
fn beneath(html: &mut String, words: &[(f64, String)]) {
    for (n, (x, word)) in words.iter().enumerate() {
        let anchor = match n {
            0 => "start",
            n if n + 1 == words.len() => "end",
            _ => "middle",
        };
        let _ = write!(
            html,
            "<text class=\"soft\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
            FRAME[3] + 17.0,
            escape(word)
        );
    }
}

fn times(between: (Timestamp, Timestamp)) -> Vec<(f64, String)> {
    let (from, to) = between;
    let span = to.since(from);
    let middle = from.plus(span / 2);
    let at = |time| words::brief(time, span);
    let centre = f64::midpoint(FRAME[0], FRAME[1]);
    if span == Duration::ZERO {
        return vec![(FRAME[0], at(from))];
    }
    vec![(FRAME[0], at(from)), (centre, at(middle)), (FRAME[1], at(to))]
}

/// A figure over time. It stands still between two changes, so it is drawn in steps; the area is what is between it and zero.
pub fn line(html: &mut String, title: &str, note: &str, points: &[Point], class: &str) {
    begin(html, title, note);
    let (Some(first), Some(last)) = (points.first(), points.last()) else {
        html.push_str("</svg></figure>");
        return;
    };
    let seconds = |time: Timestamp| time.since(first.time).as_secs_f64();
    let x = Axis::over([0.0, seconds(last.time)].into_iter(), FRAME[0], FRAME[1]);
    let values = points.iter().flat_map(|point| [point.low, point.high]).chain([0.0]);
    let y = Axis::over(values, FRAME[3], FRAME[2]);
    grid(html, &y);
    let (mut path, mut before) = (String::new(), None::<f64>);
    for point in points {
        let at = x.at(seconds(point.time)).min(FRAME[1]);
        if let Some(before) = before {
            let _ = write!(path, "{at:.1},{:.1} ", y.at(before));
        }
        for value in [point.low, point.high, point.last] {
            let _ = write!(path, "{at:.1},{:.1} ", y.at(value));
        }
        before = Some(point.last);
    }
    let end = x.at(seconds(last.time)).min(FRAME[1]);
    let _ = write!(
        html,
        "<polygon class=\"area {class}\" points=\"{:.1},{:.1} {path}{end:.1},{:.1}\"/><polyline class=\"{class}\" points=\"{}\"/>",
        FRAME[0],
        y.at(0.0),
        y.at(0.0),
        path.trim_end()
    );
    beneath(html, &times((first.time, last.time)));
    html.push_str("</svg></figure>");
}

/// A bar: what it says when it is pointed at, and its height.
pub struct Bar {
    pub name: String,
    pub value: f64,
}

/// Bars side by side, those below zero in another colour; `words` stand beneath them.
pub fn bars(html: &mut String, title: &str, note: &str, bars: &[Bar], words: &[String]) {
    begin(html, title, note);
    let y = Axis::over(bars.iter().map(|bar| bar.value).chain([0.0]), FRAME[3], FRAME[2]);
    grid(html, &y);
    let each = (FRAME[1] - FRAME[0]) / (bars.len().max(1) as f64);
    // A single bar is not a wall.
    let width = (each * 0.8).min(48.0);
    for (n, bar) in bars.iter().enumerate() {
        let (zero, top) = (y.at(0.0), y.at(bar.value));
        let class = if bar.value < 0.0 { "bad" } else { "good" };
        let _ = write!(
            html,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\"><title>{}</title></rect>",
            FRAME[0] + each * (n as f64 + 0.5) - width / 2.0,
            zero.min(top),
            (zero - top).abs().max(if bar.value == 0.0 { 0.0 } else { 0.8 }),
            escape(&bar.name)
        );
    }
    let count = words.len();
    let place = |n: usize| FRAME[0] + (FRAME[1] - FRAME[0]) * (n as f64) / (count.max(2) as f64 - 1.0);
    let words: Vec<_> = words.iter().enumerate().map(|(n, word)| (place(n), word.clone())).collect();
    beneath(html, &words);
    html.push_str("</svg></figure>");
}

/// How many results fell where: bars over equal ranges, those below zero in another colour.
pub fn distribution(html: &mut String, title: &str, unit: &str, results: &[f64]) {
    const RANGES: f64 = 25.0;
    let of = |pick: fn(f64, f64) -> f64, start: f64| results.iter().copied().fold(start, pick);
    let (least, most) = (of(f64::min, 0.0), of(f64::max, 0.0));
    // Zero is a border, so that no range has wins and losses.
    let width = ((most - least) / RANGES).max(f64::MIN_POSITIVE);
    let below = (-least / width).ceil();
    let ranges = ((most / width).ceil() + below).max(1.0) as usize;
    let mut counts = vec![0_u64; ranges];
    for result in results {
        let range = (result / width + below).floor().max(0.0) as usize;
        if let Some(count) = counts.get_mut(range.min(ranges - 1)) {
            *count += 1;
        }
    }
    let from = |range: usize| (range as f64 - below) * width;
    let all: Vec<Bar> = counts
        .iter()
        .enumerate()
        .map(|(range, count)| Bar {
            name: format!("{count} lives from {} to {} {unit}", label(from(range)), label(from(range + 1))),
            value: *count as f64,
        })
        .collect();
    begin(html, title, &format!("lives by what each earned, {unit}; {} in all", results.len()));
    let y = Axis::over(all.iter().map(|bar| bar.value).chain([0.0]), FRAME[3], FRAME[2]);
    grid(html, &y);
    let x = Axis { from: from(0), to: from(ranges), begins: FRAME[0], ends: FRAME[1] };
    for (range, bar) in all.iter().enumerate() {
        let (left, right) = (x.at(from(range)), x.at(from(range + 1)));
        let class = if from(range) < -width / 2.0 { "bad" } else { "good" };
        let top = y.at(bar.value);
        let _ = write!(
            html,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{}</title></rect>",
            left + 0.5,
            (right - left - 1.0).max(0.5),
            FRAME[3] - top,
            escape(&bar.name)
        );
    }
    let middle = x.ticks();
    let words: Vec<_> = middle.iter().map(|tick| (x.at(*tick), label(*tick))).collect();
    for (at, word) in words {
        let _ = write!(
            html,
            "<text class=\"soft\" x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{word}</text>",
            FRAME[3] + 17.0
        );
    }
    html.push_str("</svg></figure>");
}

/// Dots: one axis against the other, winners and losers in two colours.
pub fn dots(html: &mut String, title: &str, note: &str, dots: &[(f64, f64, f64)]) {
    begin(html, title, note);
    let x = Axis::over(dots.iter().map(|dot| dot.0).chain([0.0]), FRAME[0], FRAME[1]);
    let y = Axis::over(dots.iter().map(|dot| dot.1).chain([0.0]), FRAME[3], FRAME[2]);
    grid(html, &y);
    for (adverse, favourable, result) in dots {
        let class = if *result < 0.0 { "bad" } else { "good" };
        let _ = write!(
            html,
            "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"/>",
            x.at(*adverse),
            y.at(*favourable)
        );
    }
    for tick in x.ticks() {
        let _ = write!(
            html,
            "<text class=\"soft\" x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            x.at(tick),
            FRAME[3] + 17.0,
            label(tick)
        );
    }
    html.push_str("</svg></figure>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_labels_short() {
        let axis = Axis::over([-37.0, 62.0].into_iter(), 0.0, 1.0);
        assert_eq!(axis.ticks(), [0.0, 50.0]);
        assert_eq!([0.0, -0.25, 12_500.0, 3e6].map(label), ["0", "−0.25", "12.5 k", "3 M"].map(String::from));
        assert!(Axis::over([].into_iter(), 0.0, 1.0).at(0.5).is_finite());
        assert!(Axis::over([2.0, 2.0].into_iter(), 0.0, 1.0).at(2.0).is_finite());
    }
}
