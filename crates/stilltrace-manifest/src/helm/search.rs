//! Which value sets which scalar: values are changed, and the scalars that move tell.
//!
//! Many values are changed in one run, each in its own way. Values that only print do not disturb
//! each other; those that templates compare are changed apart, and a run that fails or comes out
//! different is repeated with fewer values, as far as the budget goes. Only values whose text occurs
//! in a scalar that is still open are changed at all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::align::{Document, Marked, marks, pairs};
use super::answer;
use super::call::{HelmCall, HelmRefusal, HelmRenderer};
use super::flow::quoted;
use super::layers::{Candidate, Kind, Layers};
use super::markers::Alphabet;
use super::stand_ins::{self, StandIn};
use super::words::Names;
use crate::yaml::Budget;

/// What set a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setter {
    /// A value, by its number; so many of its lines come before the scalar.
    Value { candidate: usize, lines_before: usize },
    /// A fact of the release, by its number.
    Fact(usize),
}

/// How values are changed in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The text, or the number as a text, between markers.
    Marked,
    /// Another number.
    Number,
    /// The text with a suffix that is a part of names.
    Suffixed,
}

/// Values to be changed together.
#[derive(Debug, Clone)]
struct Batch {
    ids: Vec<usize>,
    way: Way,
}

/// The state of a search.
pub(super) struct Search<'a> {
    pub(super) helm: &'a dyn HelmRenderer,
    /// The call that is varied; it prints raw.
    pub(super) call: HelmCall,
    pub(super) layers: &'a Layers,
    pub(super) names: &'a Names,
    pub(super) alphabet: Alphabet,
    pub(super) documents: &'a [Document],
    pub(super) budget: Budget,
    /// Runs that may still be made.
    pub(super) runs_left: usize,
    /// Whether each leaf of each document still needs to be explained.
    pub(super) open: Vec<Vec<bool>>,
    /// What was found for each leaf of each document.
    pub(super) found: Vec<Vec<Option<Setter>>>,
}

/// Runs made side by side before the next are chosen.
const WAVE: usize = 4;

impl Search<'_> {
    /// Changes values until every scalar is explained or the budget is used up. `facts` is a call
    /// with other facts of the release, run along with the first values.
    pub(super) fn run(&mut self, facts: Option<(HelmCall, Vec<StandIn>)>) {
        let mut queue = self.first_batches();
        let mut facts = facts.filter(|_| self.runs_left > 0);
        while self.runs_left > 0 && (facts.is_some() || !queue.is_empty()) {
            let mut wave: Vec<Batch> = Vec::new();
            let free = self.runs_left.min(WAVE) - usize::from(facts.is_some());
            while wave.len() < free {
                let Some(batch) = queue.pop_front() else { break };
                let batch = self.still_relevant(batch);
                if !batch.ids.is_empty() {
                    wave.push(batch);
                }
            }
            let mut calls: Vec<HelmCall> = wave.iter().map(|batch| self.changed(batch)).collect();
            let with_facts = facts.take();
            calls.extend(with_facts.iter().map(|(call, _)| call.clone()));
            if calls.is_empty() {
                break;
            }
            self.runs_left -= calls.len();
            let mut answers = self.helm.render_all(&calls);
            let about_facts = if with_facts.is_some() { answers.pop() } else { None };
            for (batch, answer) in wave.into_iter().zip(answers) {
                self.learn(batch, answer, &mut queue);
            }
            if let (Some((_, stand_ins)), Some(Ok(answer))) = (with_facts, about_facts) {
                let answer = stand_ins::resolve(&answer, &stand_ins, self.alphabet);
                self.read(&answer, |marked| Setter::Fact(marked.id));
            }
        }
    }

    /// Values that only print; values that are compared; empty values nobody asks about.
    fn first_batches(&self) -> VecDeque<Batch> {
        let open = self.open_texts();
        let (mut printed, mut compared, mut empty, mut asked) = (vec![], vec![], vec![], vec![]);
        for (id, candidate) in self.layers.candidates.iter().enumerate() {
            if !is_relevant(candidate, &open) {
                continue;
            }
            let name = candidate.key.as_ref().map(|(key, _)| key.as_str());
            let is_compared = name.is_some_and(|name| self.names.compared.contains(name));
            let is_asked = name.is_some_and(|name| self.names.chosen_by.contains(name));
            match (is_empty(candidate), is_compared, is_asked) {
                (false, false, _) => printed.push(id),
                (false, true, _) => compared.push(id),
                (true, false, false) => empty.push(id),
                (true, ..) => asked.push(id),
            }
        }
        let batches = [printed, compared, empty, asked];
        batches.into_iter().map(|ids| Batch { ids, way: Way::Marked }).collect()
    }

    /// The texts of scalars that are still open.
    fn open_texts(&self) -> BTreeSet<&str> {
        self.texts(&self.open)
    }

    /// The texts of the leaves that are chosen.
    fn texts(&self, chosen: &[Vec<bool>]) -> BTreeSet<&str> {
        let leaves = self.documents.iter().flat_map(|document| &document.leaves);
        let chosen = leaves.zip(chosen.iter().flatten()).filter(|(_, chosen)| **chosen);
        chosen.filter_map(|(leaf, _)| leaf.text.as_deref()).collect()
    }

    fn still_relevant(&self, mut batch: Batch) -> Batch {
        let open = self.open_texts();
        batch.ids.retain(|id| {
            let candidate = self.layers.candidates.get(*id);
            candidate.is_some_and(|candidate| is_relevant(candidate, &open))
        });
        batch
    }

    /// The call with the values of a batch changed.
    fn changed(&self, batch: &Batch) -> HelmCall {
        let replaced = batch.ids.iter().filter_map(|id| {
            let candidate = self.layers.candidates.get(*id)?;
            let text = match batch.way {
                Way::Marked => self.alphabet.wrap(*id, &candidate.text),
                Way::Number => return Some((*id, stand_ins::number(*id))),
                Way::Suffixed => candidate.text.clone() + &stand_ins::suffix(*id),
            };
            let setting = self.layers.is_setting(candidate);
            Some((*id, if setting { text } else { quoted(&text) }))
        });
        let replaced: BTreeMap<usize, String> = replaced.collect();
        self.layers.replaced(&self.call, &replaced)
    }

    /// Reads an answer and queues what is to be tried next.
    fn learn(
        &mut self,
        batch: Batch,
        answer: Result<String, HelmRefusal>,
        queue: &mut VecDeque<Batch>,
    ) {
        let answer = match answer {
            Ok(answer) => answer,
            Err(refusal) => return self.split_after(&refusal, batch, queue),
        };
        let stand_ins: Vec<StandIn> = match batch.way {
            Way::Marked => Vec::new(),
            way => batch.ids.iter().filter_map(|id| self.stand_in(*id, way)).collect(),
        };
        let answer = stand_ins::resolve(&answer, &stand_ins, self.alphabet);
        let unread = self.read(&answer, |marked| Setter::Value {
            candidate: marked.id,
            lines_before: marked.lines_before,
        });
        let mut left = self.still_relevant(batch);
        let found = self.found.iter().flatten().filter_map(|setter| match setter {
            Some(Setter::Value { candidate, .. }) => Some(*candidate),
            _ => None,
        });
        let found: BTreeSet<usize> = found.collect();
        left.ids.retain(|id| !found.contains(id));
        // Scalars that came out as before without a mark are not set by any of these values.
        let unread = self.texts(&unread);
        let (disturbing, rest): (Vec<usize>, Vec<usize>) = left.ids.iter().partition(|id| {
            let candidate = self.layers.candidates.get(**id);
            candidate.is_some_and(|candidate| is_relevant(candidate, &unread))
        });
        let way = left.way;
        self.another_way(&Batch { ids: rest, way }, queue);
        if disturbing.len() > 1 && way == Way::Marked {
            halve(Batch { ids: disturbing, way }, queue);
        } else {
            self.another_way(&Batch { ids: disturbing, way }, queue);
        }
    }

    fn stand_in(&self, id: usize, way: Way) -> Option<StandIn> {
        let value = self.layers.candidates.get(id)?.text.clone();
        let text = match way {
            Way::Number => stand_ins::number(id),
            Way::Marked | Way::Suffixed => value.clone() + &stand_ins::suffix(id),
        };
        Some(StandIn { text, value, id })
    }

    /// Tries values that did not come out marked in another way, once.
    fn another_way(&self, batch: &Batch, queue: &mut VecDeque<Batch>) {
        if batch.way != Way::Marked {
            return;
        }
        let of_kind = |kind| {
            let ids = batch.ids.iter().copied();
            ids.filter(|id| {
                let candidate = self.layers.candidates.get(*id);
                candidate.is_some_and(|one| one.kind == kind && !one.text.is_empty())
            })
            .collect::<Vec<_>>()
        };
        for (kind, way) in [(Kind::Number, Way::Number), (Kind::Text, Way::Suffixed)] {
            let ids = of_kind(kind);
            if !ids.is_empty() {
                queue.push_back(Batch { ids, way });
            }
        }
    }

    /// After a refusal: the values that Helm names apart from the others, or else half of them.
    fn split_after(&self, refusal: &HelmRefusal, batch: Batch, queue: &mut VecDeque<Batch>) {
        if batch.ids.len() <= 1 {
            return self.another_way(&batch, queue);
        }
        let text = refusal.to_string();
        let way = batch.way;
        let named = names_in(&text);
        let is_named = |id: &usize| {
            let candidate = self.layers.candidates.get(*id);
            let key = candidate.and_then(|candidate| candidate.key.as_ref());
            key.is_some_and(|(key, _)| named.contains(key.as_str()))
        };
        let (guilty, rest): (Vec<usize>, Vec<usize>) =
            batch.ids.iter().partition(|id| is_named(id));
        if guilty.is_empty() || rest.is_empty() {
            return halve(batch, queue);
        }
        queue.push_front(Batch { ids: rest, way });
        if way == Way::Marked {
            self.another_way(&Batch { ids: guilty, way }, queue);
        }
    }

    /// Notes what the marks of an answer show. Gives the open leaves that it does not show as they
    /// were.
    fn read(&mut self, answer: &str, setter: impl Fn(&Marked) -> Setter) -> Vec<Vec<bool>> {
        let printed = answer::documents(answer, Some(self.alphabet));
        let pairs = pairs(self.documents, &printed, self.alphabet, &self.budget);
        let mut unread = self.open.clone();
        for (index, (document, pair)) in self.documents.iter().zip(pairs).enumerate() {
            let Some(other) = pair.and_then(|pair| printed.get(pair)) else { continue };
            let marks = marks(document, other, self.alphabet, &self.budget);
            let open = self.open.get_mut(index).into_iter().flatten();
            let found = self.found.get_mut(index).into_iter().flatten();
            let unread = unread.get_mut(index).into_iter().flatten();
            for (((open, found), unread), marks) in open.zip(found).zip(unread).zip(marks) {
                let Some(marks) = marks else { continue };
                *unread = false;
                // The longest part names the scalar; of equal parts the first, which is innermost.
                let longest = marks.iter().rev().max_by_key(|marked| marked.length);
                if let Some(longest) = longest.filter(|_| *open) {
                    *found = Some(setter(longest));
                    *open = false;
                }
            }
        }
        unread
    }
}

/// Queues the two halves of a batch.
fn halve(mut batch: Batch, queue: &mut VecDeque<Batch>) {
    let second = batch.ids.split_off(batch.ids.len() / 2);
    let way = batch.way;
    queue.push_back(batch);
    queue.push_back(Batch { ids: second, way });
}

/// Whether templates take the value for empty.
fn is_empty(candidate: &Candidate) -> bool {
    match candidate.kind {
        Kind::Null => true,
        Kind::Text => candidate.text.is_empty(),
        Kind::Boolean => {
            !candidate.text.to_ascii_lowercase().starts_with(['t', 'y', 'o'])
                || candidate.text.eq_ignore_ascii_case("off")
        }
        Kind::Number => candidate.text.trim_matches(['0', '.', '-', '+']).is_empty(),
    }
}

/// Whether the value may be in a scalar that is still open.
fn is_relevant(candidate: &Candidate, open: &BTreeSet<&str>) -> bool {
    let text = candidate.text.trim();
    if text.is_empty() || candidate.kind == Kind::Boolean {
        return open.contains(text)
            || (!text.is_empty() && open.iter().any(|one| has_word(one, text)));
    }
    if text.contains("{{") {
        return true;
    }
    let first = text.lines().next().unwrap_or(text);
    if candidate.kind == Kind::Number || text.len() < 3 {
        let number = text.parse::<f64>().ok();
        let is_it = |one: &&str| number.is_some() && one.parse::<f64>().ok() == number;
        return open.iter().any(|one| has_word(one, text) || is_it(one));
    }
    // A text of several lines may be indented, or be a list that is split.
    let lower = first.to_lowercase();
    open.iter().any(|one| {
        one.contains(first) || one.contains(&lower) || (!one.is_empty() && text.contains(*one))
    })
}

/// Whether `text` holds `word`, not as a part of a longer word.
fn has_word(text: &str, word: &str) -> bool {
    let is_part = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        let digits = word.starts_with(|letter: char| letter.is_ascii_digit());
        // A number may carry a unit.
        let ends = if digits {
            !after.starts_with(|letter: char| letter.is_ascii_digit())
        } else {
            !is_part(after.chars().next())
        };
        ends && !is_part(before.chars().next_back())
    })
}

/// The names in the expressions that Helm's message quotes, as in `at <.Values.image.tag>`.
fn names_in(message: &str) -> BTreeSet<&str> {
    let quoted = message.split('<').skip(1).filter_map(|part| part.split('>').next());
    let words = quoted.flat_map(|part| {
        part.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '-')
    });
    words.filter(|word| !word.is_empty()).collect()
}
