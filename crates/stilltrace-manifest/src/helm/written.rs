//! Which line of which template wrote a part of the answer.
//!
//! Every text and action of the templates is marked, the chart is rendered raw, and the marks that
//! came out are looked up by bytes.

use std::ops::Range;
use std::sync::Arc;

use super::answer::Printed;
use super::call::ChartFiles;
use super::chart::Chart;
use super::lines::{LineMap, Lines};
use super::markers::{Alphabet, MOST, Region};
use super::request::Located;
use super::template::{Depth, Part, Piece, mark, split};
use crate::yaml::{FilePath, Mark};

/// A template of the chart.
#[derive(Debug, Clone)]
struct File {
    path: FilePath,
    text: Arc<str>,
    lines: Lines,
    /// Bytes of its actions.
    actions: Vec<Range<usize>>,
}

/// A part of a template that was marked.
#[derive(Debug, Clone)]
struct Place {
    file: usize,
    part: Part,
    bytes: Range<usize>,
}

/// The templates of a chart with every part marked.
#[derive(Debug, Clone, Default)]
pub(super) struct Written {
    files: Vec<File>,
    places: Vec<Place>,
}

/// A place that was found, and what it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Position {
    /// The place.
    pub(super) mark: Mark,
    /// What stands there.
    pub(super) located: Located,
}

impl Written {
    /// Marks the templates of `chart` in `files`, a copy of the chart's files.
    pub(super) fn mark(
        chart: &Chart,
        alphabet: Alphabet,
        depth: Depth,
        files: &mut ChartFiles,
    ) -> Self {
        let mut written = Self::default();
        for (name, content) in &chart.files {
            let Ok(text) = std::str::from_utf8(content) else { continue };
            if !is_template(name) || written.places.len() >= MOST {
                continue;
            }
            let Some(pieces) = split(text) else { continue };
            let actions = pieces.iter().filter_map(|piece| match piece {
                Piece::Action(action) => Some(action.bytes.clone()),
                Piece::Text(_) => None,
            });
            let (file, places) = (written.files.len(), &mut written.places);
            let marked = mark(text, alphabet, depth, &mut |part, bytes| {
                places.push(Place { file, part, bytes });
                places.len() - 1
            });
            written.files.push(File {
                path: FilePath::from(chart.path_of(name)),
                text: Arc::from(text),
                lines: Lines::of(text),
                actions: actions.collect(),
            });
            if let Some(marked) = marked {
                files.insert(name.clone(), Arc::from(marked.into_bytes()));
            }
        }
        written
    }
}

impl File {
    /// A mark for bytes of the template.
    fn mark_of(&self, bytes: Range<usize>) -> Mark {
        let (line, column) = self.lines.position(&self.text, bytes.start);
        Mark::new(self.path.clone(), line, column, bytes)
    }
}

/// Whether Helm renders this file of a chart.
pub(super) fn is_template(name: &str) -> bool {
    let in_templates = name.starts_with("templates/") || name.contains("/templates/");
    in_templates && !name.ends_with("NOTES.txt")
}

/// One document of the answer with the marks that came out of its template.
#[derive(Debug)]
pub(super) struct Traced<'a> {
    written: &'a Written,
    /// The document as the marked templates wrote it.
    text: &'a str,
    map: LineMap,
    /// Marked texts, which never overlap, in their order.
    texts: Vec<&'a Region>,
    /// Actions outside named templates, which never overlap, in their order.
    actions: Vec<&'a Region>,
}

impl<'a> Traced<'a> {
    /// Looks at `printed`, which is `document` as the marked templates wrote it.
    pub(super) fn new(written: &'a Written, document: &str, printed: &'a Printed<'_>) -> Self {
        let part = |region: &Region| written.places.get(region.id).map(|place| place.part);
        let of = |wanted| {
            let regions = printed.regions.iter().filter(|region| part(region) == Some(wanted));
            let mut regions: Vec<&Region> = regions.collect();
            regions.sort_by_key(|region| (region.bytes.start, region.bytes.end));
            regions
        };
        let map = LineMap::between(document, &printed.text);
        Self { written, text: &printed.text, map, texts: of(Part::Text), actions: of(Part::Action) }
    }

    /// Whether the marks changed nothing.
    pub(super) fn is_exact(&self) -> bool {
        self.map.is_exact()
    }

    /// Where `bytes` of the document were written, if the marks changed none of their lines.
    pub(super) fn locate_same(&self, bytes: &Range<usize>) -> Option<Position> {
        self.locate_in(&self.map.same_lines(bytes)?)
    }

    /// Where `bytes` of the document were written.
    pub(super) fn locate(&self, bytes: &Range<usize>) -> Option<Position> {
        self.locate_in(&self.map.range(bytes)?)
    }

    /// Where `bytes` of the marked document were written.
    fn locate_in(&self, bytes: &Range<usize>) -> Option<Position> {
        let bytes = bytes.clone();
        if let Some(mark) = self.literal(&bytes) {
            return Some(Position { mark, located: Located::Literal });
        }
        if let Some((file, action)) = self.action(&bytes) {
            let text = self.text.get(bytes.clone()).unwrap_or("");
            let (bytes, located) = match constant(&file.text, &action, text) {
                Some(constant) => (constant, Located::Literal),
                None => (action, Located::Template),
            };
            return Some(Position { mark: file.mark_of(bytes), located });
        }
        Some(()).and_then(|()| {
            let before = self.texts.partition_point(|text| text.bytes.start <= bytes.start);
            let nearest = self.texts.get(before.checked_sub(1)?)?;
            let (file, place) = self.place(nearest)?;
            let mark = file.mark_of(place.bytes.clone());
            Some(Position { mark, located: Located::File })
        })
    }

    fn place(&self, region: &Region) -> Option<(&'a File, &'a Place)> {
        let place = self.written.places.get(region.id)?;
        Some((self.written.files.get(place.file)?, place))
    }

    /// The place of bytes that are text of one template, as written there.
    fn literal(&self, bytes: &Range<usize>) -> Option<Mark> {
        if bytes.is_empty() {
            return self.literal_nothing(bytes.start);
        }
        let first = self.texts.partition_point(|text| text.bytes.end <= bytes.start);
        let touching = self.texts.get(first..)?.iter();
        let mut at = bytes.start;
        let mut pieces: Vec<(&File, Range<usize>)> = Vec::new();
        for text in touching.take_while(|text| text.bytes.start < bytes.end) {
            let start = text.bytes.start.max(at);
            let end = text.bytes.end.min(bytes.end);
            if !is_blank(self.text.get(at..start)?) {
                return None;
            }
            let (file, whole) = self.place(text)?;
            let inside = whole.bytes.start + (start - text.bytes.start);
            let inside = inside..inside + (end - start);
            if file.text.get(inside.clone()) != self.text.get(start..end) {
                return None;
            }
            pieces.push((file, inside));
            at = end;
        }
        if !is_blank(self.text.get(at..bytes.end)?) {
            return None;
        }
        let (file, bytes) = joined(&pieces)?;
        Some(file.mark_of(bytes))
    }

    /// The place of a value that is not there: text before it on the line and no action behind.
    fn literal_nothing(&self, at: usize) -> Option<Mark> {
        let line_end = self.text.get(at..)?.find('\n').map_or(self.text.len(), |end| at + end);
        let line_start = self.text.get(..at)?.rfind('\n').map_or(0, |start| start + 1);
        let on_line =
            |region: &&&Region| line_start <= region.bytes.start && region.bytes.start <= line_end;
        if self.actions.iter().any(|action| on_line(&action)) {
            return None;
        }
        let text = self.texts.iter().rfind(|text| on_line(text) && text.bytes.start <= at)?;
        let (file, place) = self.place(text)?;
        Some(file.mark_of(place.bytes.end..place.bytes.end))
    }

    /// The action that wrote the beginning of `bytes`, or the first one within.
    fn action(&self, bytes: &Range<usize>) -> Option<(&'a File, Range<usize>)> {
        let first = self.actions.partition_point(|action| action.bytes.end < bytes.start);
        let mut touching = self.actions.get(first..)?.iter();
        let action = touching.find(|action| {
            let touches = action.bytes.start < bytes.end && bytes.start < action.bytes.end;
            touches
                || (action.bytes.is_empty() && action.bytes.start <= bytes.end)
                || (bytes.is_empty() && action.bytes.contains(&bytes.start))
        });
        let action = action.filter(|action| action.bytes.start <= bytes.end)?;
        if let Some(inner) = self.inner_action(bytes, action) {
            return Some(inner);
        }
        let (file, place) = self.place(action)?;
        Some((file, place.bytes.clone()))
    }

    /// The action of a named template that follows the text before `bytes` on the same line.
    fn inner_action(
        &self,
        bytes: &Range<usize>,
        outer: &Region,
    ) -> Option<(&'a File, Range<usize>)> {
        let before = self.texts.partition_point(|text| text.bytes.start <= bytes.start);
        let text = self.texts.get(before.checked_sub(1)?)?;
        let inside = outer.bytes.start <= text.bytes.start;
        let between = self.text.get(text.bytes.end.min(bytes.start)..bytes.start)?;
        if !inside || between.contains('\n') {
            return None;
        }
        let (file, place) = self.place(text)?;
        let next = file.actions.partition_point(|action| action.start < place.bytes.end);
        let action = file.actions.get(next)?;
        let between = file.text.get(place.bytes.end..action.start)?;
        is_blank(between).then(|| (file, action.clone()))
    }
}

/// The bytes of pieces of one text: all of them when they stand one behind the other, or the one
/// between quotes when actions that print nothing stand between.
fn joined<'f>(pieces: &[(&'f File, Range<usize>)]) -> Option<(&'f File, Range<usize>)> {
    let ((file, first), (_, last)) = (pieces.first()?, pieces.last()?);
    let follow = pieces.windows(2).all(|pair| match pair {
        [(one, before), (other, after)] => {
            let between = one.text.get(before.end..after.start);
            one.path == other.path && between.is_some_and(is_blank)
        }
        _ => true,
    });
    if follow {
        return Some((file, first.start..last.end));
    }
    let is_content = |piece: &&(&File, Range<usize>)| {
        let text = piece.0.text.get(piece.1.clone()).unwrap_or("");
        !text.trim_matches(['"', '\'', ' ']).is_empty()
    };
    let mut content = pieces.iter().filter(is_content);
    let (file, bytes) = content.next()?;
    let text = file.text.get(bytes.clone())?;
    let start = bytes.start + text.len() - text.trim_start_matches(['"', '\'']).len();
    let end = bytes.end - (text.len() - text.trim_end_matches(['"', '\'']).len());
    content.next().is_none().then_some((*file, start..end))
}

/// The bytes of a quoted constant in an action that reads as `printed`, quotes included.
fn constant(template: &str, action: &Range<usize>, printed: &str) -> Option<Range<usize>> {
    let printed = printed.trim_matches(['"', '\'', ' ', '\n']);
    if printed.is_empty() {
        return None;
    }
    let text = template.get(action.clone())?;
    ['"', '`'].into_iter().find_map(|quote| {
        let constant = format!("{quote}{printed}{quote}");
        let at = action.start + text.find(&constant)?;
        Some(at..at + constant.len())
    })
}

fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_whitespace())
}
