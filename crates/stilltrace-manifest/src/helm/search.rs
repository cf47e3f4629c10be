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
use super::keys::Keys;
use super::layers::{Kind, Layers};
use super::markers::Alphabet;
use super::release::Facts;
use super::relevance::{is_empty, is_key_relevant, is_relevant};
use super::stand_ins::{self, SUFFIXES};
use super::words::Names;
use crate::yaml::Budget;

/// What set a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setter {
    /// A value, by its number; so many of its lines come before the scalar.
    Value { candidate: usize, lines_before: usize },
    /// A key of the values, by its number.
    Key(usize),
    /// A fact of the release, by its number.
    Fact(usize),
    /// Chance or the clock: it is another one in every rendering.
    Chance,
}

/// What is changed in a run, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Values: the text, or the number as a text, between markers.
    Marked,
    /// Values: another number.
    Number,
    /// Values: the text with a suffix that is a part of names.
    Suffixed,
    /// Keys with a suffix.
    Keys,
    /// The facts of the release with a suffix, all of them.
    Facts,
}

/// Values or keys to be changed together.
#[derive(Debug, Clone)]
struct Batch {
    ids: Vec<usize>,
    what: What,
}

/// The state of a search.
pub(super) struct Search<'a> {
    pub(super) helm: &'a dyn HelmRenderer,
    /// The call that is varied; it prints raw.
    pub(super) call: HelmCall,
    pub(super) layers: &'a Layers,
    pub(super) keys: &'a Keys,
    /// The facts of the release, and the call with other ones.
    pub(super) facts: (&'a Facts, HelmCall),
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
    /// Changes values until every scalar is explained or the budget is used up.
    pub(super) fn run(&mut self) {
        let mut queue = self.first_batches();
        while self.runs_left > 0 {
            let mut wave: Vec<Batch> = Vec::new();
            while wave.len() < self.runs_left.min(WAVE) {
                let Some(batch) = queue.pop_front() else { break };
                let batch = self.still_relevant(&batch);
                if !batch.ids.is_empty() {
                    wave.push(batch);
                }
            }
            if wave.is_empty() {
                break;
            }
            self.runs_left -= wave.len();
            let calls: Vec<HelmCall> = wave.iter().map(|batch| self.changed(batch)).collect();
            let answers = self.helm.render_all(&calls);
            for (batch, answer) in wave.into_iter().zip(answers) {
                self.learn(batch, answer, &mut queue);
            }
        }
    }

    /// Values that only print, the facts of the release, keys; then values that are compared, and
    /// empty ones.
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
        let (mut keys, mut used) = (vec![], vec![]);
        for (id, key) in self.keys.keys.iter().enumerate().take(SUFFIXES) {
            if is_key_relevant(&key.text, &open) {
                let is_used = self.names.used.contains(&key.text);
                if !is_used {
                    keys.push(id);
                } else if key.is_dependency {
                    used.push(id);
                }
            }
        }
        let facts = (0..self.facts.0.marks.len()).collect();
        let batches = [
            (printed, What::Marked),
            (facts, What::Facts),
            (keys, What::Keys),
            (compared, What::Marked),
            (empty, What::Marked),
            (asked, What::Marked),
            (used, What::Keys),
        ];
        batches.into_iter().map(|(ids, what)| Batch { ids, what }).collect()
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

    fn still_relevant(&self, batch: &Batch) -> Batch {
        let open = self.open_texts();
        let (ids, _) = self.relevant(batch, &open);
        Batch { ids, what: batch.what }
    }

    /// The ids of a batch that may be in one of the texts, and the others.
    fn relevant(&self, batch: &Batch, texts: &BTreeSet<&str>) -> (Vec<usize>, Vec<usize>) {
        batch.ids.iter().partition(|id| match batch.what {
            What::Facts => !texts.is_empty(),
            What::Keys => {
                let key = self.keys.keys.get(**id);
                key.is_some_and(|key| is_key_relevant(&key.text, texts))
            }
            What::Marked | What::Number | What::Suffixed => {
                let candidate = self.layers.candidates.get(**id);
                candidate.is_some_and(|candidate| is_relevant(candidate, texts))
            }
        })
    }

    /// The call with what a batch names changed.
    fn changed(&self, batch: &Batch) -> HelmCall {
        match batch.what {
            What::Facts => return self.facts.1.clone(),
            What::Keys => return self.keys.renamed(&self.call, self.layers, &batch.ids),
            What::Marked | What::Number | What::Suffixed => {}
        }
        let replaced = batch.ids.iter().filter_map(|id| {
            let candidate = self.layers.candidates.get(*id)?;
            let text = match batch.what {
                What::Marked => self.alphabet.wrap(*id, &candidate.text),
                What::Number => return Some((*id, stand_ins::number(*id))),
                _ => candidate.text.clone() + &stand_ins::suffix(*id),
            };
            let setting = self.layers.is_setting(candidate);
            Some((*id, if setting { text } else { quoted(&text) }))
        });
        self.layers.changed(&self.call, &replaced.collect(), &BTreeMap::new())
    }

    /// An answer with markers where a batch's changes came out.
    fn resolved(&self, batch: &Batch, answer: String) -> String {
        let ids = batch.ids.iter().copied();
        let texts = || {
            let candidates = &self.layers.candidates;
            ids.clone().filter_map(|id| Some((id, candidates.get(id)?.text.clone()))).collect()
        };
        match batch.what {
            What::Marked => answer,
            What::Number => stand_ins::resolve_numbers(&answer, &texts(), self.alphabet),
            What::Suffixed => stand_ins::resolve_suffixes(&answer, &texts(), self.alphabet),
            What::Facts => {
                stand_ins::resolve_suffixes(&answer, &self.facts.0.values, self.alphabet)
            }
            What::Keys => {
                let keys = ids.filter_map(|id| Some((id, self.keys.keys.get(id)?.text.clone())));
                stand_ins::resolve_suffixes(&answer, &keys.collect(), self.alphabet)
            }
        }
    }

    /// Reads an answer and queues what is to be tried next.
    fn learn(
        &mut self,
        batch: Batch,
        answer: Result<String, HelmRefusal>,
        queue: &mut VecDeque<Batch>,
    ) {
        let answer = match answer {
            Ok(answer) => self.resolved(&batch, answer),
            Err(refusal) => return self.split_after(&refusal, batch, queue),
        };
        let unread = self.read(&answer, |marked| match batch.what {
            What::Facts => Setter::Fact(marked.id),
            What::Keys => Setter::Key(marked.id),
            _ => Setter::Value { candidate: marked.id, lines_before: marked.lines_before },
        });
        let what = batch.what;
        let left = self.still_relevant(&batch);
        let found: BTreeSet<usize> = self
            .found
            .iter()
            .flatten()
            .filter_map(|setter| number_of(setter.as_ref()?, what))
            .collect();
        // Scalars that came out as before without a mark are not set by any of these.
        let (mut disturbing, mut rest) = self.relevant(&left, &self.texts(&unread));
        rest.retain(|id| !found.contains(id));
        disturbing.retain(|id| !found.contains(id) || self.is_compared(*id, what));
        self.another_way(&Batch { ids: rest, what }, queue);
        let disturbing = Batch { ids: disturbing, what };
        if disturbing.ids.len() > 1 && matches!(what, What::Marked | What::Keys) {
            halve(disturbing, queue);
        } else {
            self.another_way(&disturbing, queue);
        }
    }

    /// Whether templates compare the value, so that what it prints may not come out with others.
    fn is_compared(&self, id: usize, what: What) -> bool {
        let candidate = self.layers.candidates.get(id).filter(|_| what == What::Marked);
        let key = candidate.and_then(|candidate| candidate.key.as_ref());
        key.is_some_and(|(key, _)| self.names.compared.contains(key))
    }

    /// Tries values that did not come out marked in another way, once.
    fn another_way(&self, batch: &Batch, queue: &mut VecDeque<Batch>) {
        if batch.what != What::Marked {
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
        for (kind, what) in [(Kind::Number, What::Number), (Kind::Text, What::Suffixed)] {
            let ids = of_kind(kind);
            if !ids.is_empty() {
                queue.push_back(Batch { ids, what });
            }
        }
    }

    /// After a refusal: the values that Helm names apart from the others, or else half of them.
    fn split_after(&self, refusal: &HelmRefusal, batch: Batch, queue: &mut VecDeque<Batch>) {
        let what = batch.what;
        if batch.ids.len() <= 1 || what == What::Facts {
            return self.another_way(&batch, queue);
        }
        let text = refusal.to_string();
        let named = names_in(&text);
        let is_named = |id: &usize| {
            let key = self.keys.keys.get(*id).filter(|_| what == What::Keys);
            let value = self.layers.candidates.get(*id).filter(|_| what != What::Keys);
            let name = value.and_then(|value| value.key.as_ref()).map(|(name, _)| name.as_str());
            let name = name.or(key.map(|key| key.text.as_str()));
            name.is_some_and(|name| named.contains(name))
        };
        let (guilty, rest): (Vec<usize>, Vec<usize>) =
            batch.ids.iter().partition(|id| is_named(id));
        if guilty.is_empty() || rest.is_empty() {
            return halve(batch, queue);
        }
        queue.push_front(Batch { ids: rest, what });
        self.another_way(&Batch { ids: guilty, what }, queue);
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

/// The number that a setter names, if it is of the kind that a run changes.
fn number_of(setter: &Setter, what: What) -> Option<usize> {
    match (setter, what) {
        (Setter::Value { candidate, .. }, What::Marked | What::Number | What::Suffixed) => {
            Some(*candidate)
        }
        (Setter::Key(number), What::Keys) | (Setter::Fact(number), What::Facts) => Some(*number),
        _ => None,
    }
}

/// Queues the two halves of a batch.
fn halve(mut batch: Batch, queue: &mut VecDeque<Batch>) {
    let ids = batch.ids.split_off(batch.ids.len() / 2);
    let what = batch.what;
    queue.push_back(batch);
    queue.push_back(Batch { ids, what });
}

/// The names in the expressions that Helm's message quotes, as in `at <.Values.image.tag>`.
fn names_in(message: &str) -> BTreeSet<&str> {
    let quoted = message.split('<').skip(1).filter_map(|part| part.split('>').next());
    let words = quoted.flat_map(|part| {
        part.split(|letter: char| !letter.is_alphanumeric() && letter != '_' && letter != '-')
    });
    words.filter(|word| !word.is_empty()).collect()
}
