//! What happens inside a second, against the dashboard that does not show it, drawn in text.
//!
//! Both panels have the same height and the same scale, so that the flat line is flat because the
//! average is, not because of the drawing. Where the page is too narrow, neighbouring columns are
//! joined: peaks by their highest value, so that none disappears, the others by their mean. A
//! picture that is still too wide is cut to the columns around the onset.

use std::ops::Range;

use stilltrace_model::Timestamp;

use super::frames::HANG;
use crate::{
    document::SubSecond,
    number::{lasting, quantity},
    page::{Page, Span, Tone, cut},
};

/// Rows of a panel; each row has eight steps.
const ROWS: usize = 3;
/// Columns kept on the right for the values: a space and `limit 0.095 cores`.
const RIGHT: usize = 18;
/// Fewest columns of a picture; it takes more wherever the page has them.
const FEWEST: usize = 7;
/// Length of the span behind one value of a dashboard, in seconds.
const DASHBOARD_SECONDS: f64 = 15.0;

const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Writes both panels, the share of time stood still, and where the symptom began.
pub(crate) fn write(page: &mut Page, picture: &SubSecond) {
    let columns = Columns::of(picture, page.width());
    let peaks = columns.take(&picture.peaks, highest);
    if peaks.is_empty() {
        return;
    }
    let average = columns.take(&dashboard(picture), mean);
    let stalled = columns.take(&picture.stalled, mean);
    let limit = picture.limit.filter(|limit| *limit > 0.0);
    let top = peaks.iter().chain(&average).copied().flatten().chain(limit).fold(0.0, f64::max);

    let title = format!(
        "{}: CPU from {} in columns of {}",
        picture.container,
        clock(picture, columns.shown.start * columns.join),
        length(seconds(picture) * columns.join as f64)
    );
    page.paragraph(&[Span::plain(" ".repeat(HANG))], HANG, &[Span::plain(title)]);
    panel(page, ["100 ms", "peaks"], &peaks, top, limit);
    panel(page, ["15 s", "average"], &average, top, limit);
    share(page, &stalled);
    if let Some(column) = columns.onset {
        mark(page, "onset", HANG + column);
    }
}

/// Which columns of the picture are shown.
struct Columns {
    /// How many columns of the picture make one of the page.
    join: usize,
    /// The columns of the page that fit, counted after joining.
    shown: Range<usize>,
    /// The column of the page in which the symptom began.
    onset: Option<usize>,
}

impl Columns {
    fn of(picture: &SubSecond, width: usize) -> Self {
        let room = width.saturating_sub(HANG + RIGHT).max(FEWEST);
        let length = picture.peaks.len();
        let onset = picture.onset_column.filter(|&column| column < length);
        // Bursts are told apart best with few columns in one, so half may be cut off if it is
        // known which half matters.
        let fits = if onset.is_some() { 2 * room } else { room };
        let join = length.div_ceil(fits).max(1);
        let joined = length.div_ceil(join);
        // A third of the page shows the time before the onset.
        let before_onset = onset.map_or(0, |onset| (onset / join).saturating_sub(room / 3));
        let first = before_onset.min(joined.saturating_sub(room));
        let onset = onset.map(|onset| (onset / join).saturating_sub(first));
        Self { join, shown: first..(first + room).min(joined), onset }
    }

    /// Joins the values that are there and keeps those that are shown.
    fn take(&self, values: &[Option<f64>], by: impl Fn(&[f64]) -> Option<f64>) -> Vec<Option<f64>> {
        let joined = values
            .chunks(self.join)
            .map(|chunk| by(&chunk.iter().copied().flatten().collect::<Vec<f64>>()));
        joined.skip(self.shown.start).take(self.shown.len()).collect()
    }
}

/// Rows from the top; in the row of the limit, empty cells show a dashed line.
fn panel(page: &mut Page, names: [&str; 2], values: &[Option<f64>], top: f64, limit: Option<f64>) {
    let steps: Vec<usize> = values.iter().map(|value| height(*value, top)).collect();
    let limit_row = limit.map(|limit| height(Some(limit), top).saturating_sub(1) / STEPS.len());
    let max_row = usize::from(limit_row == Some(0));
    for row in (0..ROWS).rev() {
        let name = names.get(ROWS - 1 - row).copied().unwrap_or_default();
        let empty = if limit_row == Some(row) { '┄' } else { ' ' };
        let cells: String = steps.iter().map(|&step| cell(step, row, empty)).collect();
        let remark = match limit {
            Some(limit) if limit_row == Some(row) => format!("limit {}", cores(limit)),
            _ if row == max_row => format!("max {}", cores(most(values))),
            _ => String::new(),
        };
        line(page, name, Span::plain(cells), &remark);
    }
}

/// One row: the share of each column in which the container stood still, full height is all of it.
/// Linux books a stop when it ends, and one for each CPU, so a column may hold more than its length.
fn share(page: &mut Page, values: &[Option<f64>]) {
    let step = |value: &Option<f64>| {
        (value.unwrap_or(0.0).clamp(0.0, 1.0) * STEPS.len() as f64).ceil() as usize
    };
    let cells: String = values.iter().map(|value| cell(step(value), 0, '·')).collect();
    if !values.is_empty() {
        let remark = format!("max {}", quantity(most(values).min(1.0), "share"));
        line(page, "stalled", Span::new(Tone::Bad, cells), &remark);
    }
}

fn line(page: &mut Page, name: &str, cells: Span, remark: &str) {
    let room = page.width().saturating_sub(HANG + cells.width() + 1);
    page.line(&[
        Span::new(Tone::Label, format!("{name:>width$}  ", width = HANG - 2)),
        cells,
        Span::plain(format!(" {}", cut(remark, room))),
    ]);
}

/// A mark below a column, with its words after it where there is room, else before it.
fn mark(page: &mut Page, words: &str, column: usize) {
    let text = if column + 2 + words.len() <= page.width() {
        format!("{}^ {words}", " ".repeat(column))
    } else {
        format!("{}{words} ^", " ".repeat(column.saturating_sub(words.len() + 1)))
    };
    page.line(&[Span::plain(text)]);
}

fn cell(step: usize, row: usize, empty: char) -> char {
    let above = step.saturating_sub(row * STEPS.len()).min(STEPS.len());
    above.checked_sub(1).and_then(|index| STEPS.get(index)).copied().unwrap_or(empty)
}

/// Steps of a value: 0 where there is none, at least 1 for anything above zero.
fn height(value: Option<f64>, top: f64) -> usize {
    let value = value.unwrap_or(0.0).max(0.0);
    if top <= 0.0 || value <= 0.0 {
        return 0;
    }
    ((value / top * (ROWS * STEPS.len()) as f64).round() as usize).clamp(1, ROWS * STEPS.len())
}

/// The dashboard's value for each column of the picture.
fn dashboard(picture: &SubSecond) -> Vec<Option<f64>> {
    (0..picture.peaks.len())
        .map(|column| {
            let middle = (column as f64 + 0.5) * seconds(picture);
            let span = (middle / DASHBOARD_SECONDS).floor();
            let value = (span >= 0.0).then(|| picture.dashboard.get(span as usize)).flatten();
            value.copied().flatten()
        })
        .collect()
}

fn seconds(picture: &SubSecond) -> f64 {
    picture.column_seconds.unwrap_or(f64::NAN)
}

/// The time of day at the start of a column of the picture.
fn clock(picture: &SubSecond, column: usize) -> String {
    Timestamp::parse(&picture.start).map_or_else(
        || "an unknown time".to_owned(),
        |start| start.plus_seconds(column as f64 * seconds(picture)).clock(),
    )
}

fn most(values: &[Option<f64>]) -> f64 {
    values.iter().copied().flatten().fold(0.0, f64::max)
}

fn highest(values: &[f64]) -> Option<f64> {
    values.iter().copied().reduce(f64::max)
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn cores(value: f64) -> String {
    quantity(value, "cores")
}

/// The length of a column: `1 s`, `500 ms`, `2 min`.
fn length(seconds: f64) -> String {
    if seconds.fract() == 0.0 { lasting(seconds) } else { quantity(seconds, "s") }
}
