//! Walks a derived struct and the tree of keys side by side, and gathers what does not fit.

mod part;

use std::any::TypeId;
use std::cell::OnceCell;
use std::collections::HashSet;
use std::fmt;
use std::mem;

use etcd_client_core::Prefix;

pub(super) use self::part::Part;
use super::before::Before;
use super::context::{Context, NotText};
use super::pin::{Pin, Pins, pin_path};
use super::place::{CurrentField, OuterField, Place, Stale, roomy};
use super::type_name::TypeName;
use crate::leaf::{self, FieldDefault, IN_SOURCE};
use crate::problem::{Kind, Problem};
use crate::runtime::panics;
use crate::schema::secrecy::Secrecy;
use crate::shape::branch::Member;
use crate::shape::field_key::FieldKey;
use crate::shape::layout::Field;
use crate::tree::{KeyTree, Node, NodeBuf, Raw, Replaced};

/// How deep structs may be nested.
pub(crate) const DEEPEST: usize = 64;

/// What a decoder has found out besides the value.
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    pub(super) pinned: Pins,
    pub(super) secrets: Vec<String>,
    /// A value differs from that of the published snapshot.
    pub(super) differs: bool,
}

/// What a derived struct is read from.
pub struct Decoder<'a> {
    context: Option<&'a Context>,
    root: Place<'a>,
    here: Place<'a>,
    subject: CurrentField,
    depth: usize,
    /// Inside of a `restart` field.
    is_pinned: bool,
    problems: Vec<Problem>,
    /// What `restart` fields read the first time.
    pinned: Pins,
    /// Reads as a process does that begins now: what `restart` fields have read before does not count.
    is_a_start: bool,
    /// The texts of the secrets that were read.
    secrets: Vec<String>,
    /// Which keys are secrets; asked only where something is said about one.
    secrecy: OnceCell<Secrecy<'a>>,
    differs: bool,
    survey: Survey,
}

/// A walk without keys, that only finds out which fields there are.
#[derive(Debug, Default)]
struct Survey {
    /// The structs on the way down.
    path: Vec<TypeId>,
    members: Vec<Member>,
    tries_defaults: bool,
    /// Fields whose default is of no use.
    flawed: HashSet<*const Field>,
}

/// What `validate` names, with its error as text.
pub(super) type CheckFn<T> = fn(&T) -> Result<(), String>;

/// A text and where it comes from.
pub(super) enum FieldText<'a> {
    Stored(&'a str, u64),
    Environment(&'a str, &'static str),
    Absent,
    /// There is something that is no text; the problem is noted.
    Unreadable,
}

impl<'a> Decoder<'a> {
    /// `published` is what has been replaced since the published snapshot, for finding out whether what is read
    /// differs from that.
    pub(super) fn new(
        context: &'a Context,
        tree: &'a KeyTree,
        stale: Stale<'a>,
        published: Option<&'a Replaced>,
    ) -> Self {
        let before = published.map(|since| Before::new(tree.root(), since.places())).unwrap_or_default();
        let place = Place { node: Some(tree.root()), stale, before };
        Self {
            context: Some(context),
            root: place,
            here: place,
            subject: CurrentField {
                key: roomy(tree.prefix().directory()),
                field: String::new(),
                ty: TypeName::Written(context.schema().name()),
                secret: false,
            },
            ..Self::survey(None)
        }
    }

    /// A decoder that reads nothing and notes the fields; below a prefix, also what is wrong with their
    /// literal defaults.
    pub(super) fn survey(prefix: Option<&Prefix>) -> Self {
        let nowhere = Place { node: None, stale: Stale::All, before: Before::default() };
        Self {
            context: None,
            root: nowhere,
            here: nowhere,
            subject: CurrentField {
                key: prefix.map(|prefix| prefix.directory().to_owned()).unwrap_or_default(),
                field: String::new(),
                ty: TypeName::Written(""),
                secret: false,
            },
            depth: 0,
            is_pinned: false,
            problems: Vec::new(),
            pinned: Pins::new(),
            is_a_start: false,
            secrets: Vec::new(),
            secrecy: OnceCell::new(),
            differs: false,
            survey: Survey { tries_defaults: prefix.is_some(), ..Survey::default() },
        }
    }

    /// Reads one field; called by derived code.
    pub fn read<P: Part>(
        &mut self,
        field: &'static Field,
        target: Option<&mut P::Value>,
        part: &P,
    ) -> Option<P::Value> {
        if self.context.is_none() {
            self.note(field, part);
            return None;
        }
        let outer = self.enter(field, part.presence(), target.is_some())?;
        let replaced = match target {
            None => part.read(field, self, None),
            Some(target) => {
                let base = if matches!(self.here.stale, Stale::All) { None } else { Some(&mut *target) };
                if let Some(value) = part.read(field, self, base) {
                    *target = value;
                }
                None
            }
        };
        self.leave(outer);
        replaced
    }

    /// How many problems there are; called by derived code, before the fields.
    pub fn problems(&self) -> usize {
        self.problems.len()
    }

    /// Runs a struct's own checks, unless its fields have problems already; called by derived code.
    pub fn check<T>(&mut self, before: usize, value: &T, checks: &[CheckFn<T>]) -> bool {
        if self.context.is_none() || self.problems.len() > before {
            return false;
        }
        for refusal in checks.iter().filter_map(|check| check(value).err()) {
            self.refuse(&refusal);
        }
        self.problems.len() == before
    }

    /// Notes what a field is.
    fn note<P: Part>(&mut self, field: &'static Field, part: &P) {
        let outer = self.move_to(self.here, field.key, field.name, TypeName::Written(field.ty), field.secret);
        if let (FieldDefault::Text(text), true) = (field.default, self.survey.tries_defaults) {
            let before = self.problems.len();
            if let Err(panic) = panics::caught(|| drop(part.by_default(text, self))) {
                self.default_panicked(text, &panic);
            }
            // A struct may be in many places; what is wrong in it is wrong in the source once.
            if self.problems.len() > before && !self.survey.flawed.insert(std::ptr::from_ref(field)) {
                self.problems.truncate(before);
            }
        }
        let content = part.survey(self);
        self.leave(outer);
        self.survey.members.push(Member { field, content });
    }

    /// The user's code panics when it is given the value of a literal default.
    fn default_panicked(&mut self, text: &'static str, panic: &str) {
        let what = if self.is_secret() {
            format!("(secret) makes its type or its check panic{IN_SOURCE}")
        } else {
            let (text, panic) = (leaf::quote(text), panics::shown(panic));
            format!("{text} makes its type or its check panic: {panic}{IN_SOURCE}")
        };
        self.problem(Kind::Refused, what, Some(text), None);
    }

    /// The same decoder, as of a process that begins now.
    pub(super) fn at_a_start(self) -> Self {
        Self { is_a_start: true, ..self }
    }

    /// The text at this place.
    pub(super) fn text(&mut self, field: &'static Field) -> FieldText<'a> {
        if let Some((context, name)) = self.context.zip(field.env) {
            match context.variable(name) {
                Some(Ok(text)) => return FieldText::Environment(text, name),
                Some(Err(NotText)) => {
                    let what = format!("the environment variable {name} is not UTF-8");
                    self.problem(Kind::Undecodable, what, None, None);
                    return FieldText::Unreadable;
                }
                None => {}
            }
        }
        let Some(raw) = self.here.node.and_then(|node| node.value) else {
            return FieldText::Absent;
        };
        if let Ok(text) = std::str::from_utf8(raw.value) {
            return FieldText::Stored(text, raw.revision());
        }
        let what = leaf::not_text(raw.value, self.is_secret());
        self.problem(Kind::Undecodable, what, None, Some(raw.revision()));
        FieldText::Unreadable
    }

    pub(super) fn missing(&mut self) {
        let below = self.here.node.is_some_and(|node| !node.children.is_empty());
        let what = if below {
            "required, but there is no such key, only a directory of that name"
        } else {
            Problem::NO_SUCH_KEY
        };
        self.problem(Kind::Missing, what.to_owned(), None, None);
    }

    /// Whether what is wrong with literal defaults is known already, of all of them at once.
    pub(super) fn knows_defaults(&self) -> bool {
        self.context.is_some_and(|context| !context.default_problems().is_empty())
    }

    /// The literal default that was read at this place.
    pub(super) fn default_read(&self, field: &'static Field) -> Option<&'static str> {
        let is_set = field
            .env
            .is_some_and(|name| self.context.is_some_and(|context| context.variable(name).is_some()));
        let is_stored = self.here.node.is_some_and(|node| node.value.is_some());
        match field.default {
            FieldDefault::Text(text) if !is_set && !is_stored => Some(text),
            _ => None,
        }
    }

    pub(super) fn refuse(&mut self, refusal: &str) {
        // A value beside a directory is not what was checked.
        let leaf = self.here.node.filter(|node| node.children.is_empty());
        let raw = leaf.and_then(|node| node.value);
        let revision = raw.map(Raw::revision);
        let value = raw.and_then(|raw| std::str::from_utf8(raw.value).ok()).map(str::to_owned);
        let what = leaf::refused(value.as_deref(), refusal, self.is_secret());
        self.problem(Kind::Refused, what, value.as_deref(), revision);
    }

    pub(super) fn problem(&mut self, kind: Kind, what: String, value: Option<&str>, revision: Option<u64>) {
        let key = match self.subject.key.strip_suffix('/') {
            Some("") | None => self.subject.key.clone(),
            Some(key) => key.to_owned(),
        };
        self.problems.push(Problem {
            kind,
            key,
            field: self.subject.field.clone(),
            expected: self.subject.ty.to_string(),
            what,
            value: value.filter(|_| !self.is_secret()).map(leaf::cut),
            revision,
        });
    }

    /// Whether the value at this place is shown nowhere: this field calls it secret, or another one
    /// that reads the same key does.
    pub(super) fn is_secret(&self) -> bool {
        self.subject.secret
            || self.context.is_some_and(|context| {
                let secrecy =
                    self.secrecy.get_or_init(|| Secrecy::of(context.schema().branch(), context.prefix()));
                let path = context.prefix().relative(self.subject.key.as_bytes());
                path.is_some_and(|path| secrecy.is_secret(path))
            })
    }

    /// Remembers a text, where it is a secret.
    pub(super) fn note_secret(&mut self, text: &str) {
        if self.subject.secret {
            self.secrets.push(text.to_owned());
        }
    }

    pub(super) fn type_name(&self) -> String {
        self.subject.ty.to_string()
    }

    pub(super) fn place(&self) -> Place<'a> {
        self.here
    }

    /// Compares what was stored here with what is, unless a difference is known already.
    pub(super) fn compare(&mut self, is_same: impl FnOnce(Option<Raw<'a>>) -> bool) {
        let before = self.here.before;
        if !self.differs && before.may_differ() {
            self.differs = !is_same(before.raw());
        }
    }

    /// Compares whether there was anything here with whether there is, by what `is_present` says.
    pub(super) fn compare_presence(&mut self, is_present: fn(Node<'_>) -> bool) {
        let Place { node, before, .. } = self.here;
        if !self.differs && before.may_differ() {
            self.differs =
                before.outline().is_some_and(|was| is_present(was.read())) != node.is_some_and(is_present);
        }
    }

    /// Compares the entries of the directory here with those that were there.
    pub(super) fn compare_entries(&mut self, is_same: impl Fn(Place<'a>) -> bool) {
        let here = self.here;
        if !self.differs && here.before.may_differ() {
            let mut names = here.before.touched_names().filter(|name| !name.is_empty());
            self.differs = here.before.is_moved() || !names.all(|name| is_same(here.descend(name)));
        }
    }

    /// Reads an entry of the directory at this place.
    pub(super) fn entry<R>(&mut self, name: &str, ty: TypeName, read: impl FnOnce(&mut Self) -> R) -> R {
        let outer = self.move_to(self.here.descend(name), name, name, ty, false);
        let read = read(self);
        self.leave(outer);
        read
    }

    /// Goes one struct deeper.
    pub(super) fn deeper<R>(&mut self, read: impl FnOnce(&mut Self) -> Option<R>) -> Option<R> {
        if self.depth >= DEEPEST {
            let what = format!("nested more than {DEEPEST} structs deep");
            self.problem(Kind::TooDeep, what, None, None);
            return None;
        }
        self.depth += 1;
        let value = read(self);
        self.depth -= 1;
        value
    }

    /// The members that `read` reads, or how many levels up they have been read already.
    pub(super) fn members(&mut self, ty: TypeId, read: fn(&mut Decoder<'_>)) -> Result<Vec<Member>, usize> {
        if let Some(up) = self.survey.path.iter().rev().position(|above| *above == ty) {
            return Err(up);
        }
        self.survey.path.push(ty);
        let outer = mem::take(&mut self.survey.members);
        read(self);
        self.survey.path.pop();
        let mut members = mem::replace(&mut self.survey.members, outer);
        // They stay as long as the configuration.
        members.shrink_to_fit();
        Ok(members)
    }

    pub(super) fn finish(self) -> Findings {
        let Self { problems, pinned, secrets, differs, .. } = self;
        Findings { problems, pinned, secrets, differs }
    }

    /// Goes to a field's place. `None` if the value that is brought up to date is right as it is.
    fn enter(
        &mut self,
        field: &'static Field,
        is_there: fn(Node<'_>) -> bool,
        is_update: bool,
    ) -> Option<Outer<'a>> {
        let Some((mut place, mut name)) = self.locate(field, is_there) else {
            self.report_outside(field);
            return None;
        };
        if is_update && matches!(place.stale, Stale::Nothing) {
            return None;
        }
        // What a field around this one has kept is its directory, in which no absolute key is.
        let is_elsewhere = || field.names().any(|name| matches!(name, FieldKey::Absolute(_)));
        if (field.restart || self.is_pinned && is_elsewhere())
            && let Some(context) = self.context
        {
            let pin = context.pinned(&self.subject.field, field.name).filter(|_| !self.is_a_start);
            match pin {
                Some(_) if is_update => return None,
                // It stays as it was first read.
                Some(pin) => {
                    (place.node, name) = (pin.node.as_ref().map(NodeBuf::read), pin.name);
                    place.before = Before::default();
                }
                None => {
                    let (directory, node) = (self.subject.key.clone(), place.node.map(Node::to_buf));
                    let path = pin_path(&self.subject.field, field.name);
                    self.pinned.insert(path, Pin { directory, field, is_there, name, node });
                }
            }
        }
        let outer =
            self.move_to(place, name.written(), field.name, TypeName::Written(field.ty), field.secret);
        self.is_pinned |= field.restart;
        Some(outer)
    }

    /// The place that a field reads: its key, or the first of its aliases that is there.
    fn locate(&self, field: &'static Field, is_there: fn(Node<'_>) -> bool) -> Option<(Place<'a>, FieldKey)> {
        let look = |name| self.look(name);
        let (name, mut place) = field.resolve(look, |place| place.node.is_some_and(is_there))?;
        if field.aliases.is_empty() {
            return Some((place, name));
        }
        let is_touched = |place: Place<'_>| !matches!(place.stale, Stale::Nothing);
        if !field.names().filter_map(look).any(is_touched) {
            place.stale = Stale::Nothing;
            return Some((place, name));
        }
        // The value may have moved from one name to another: the target is read anew.
        place.stale = Stale::All;
        let was_there = |place: &Place<'_>| place.before.outline().is_some_and(|was| is_there(was.read()));
        let before = field.resolve(look, was_there);
        if let Some((_, Place { before, .. })) =
            before.filter(|(old, place)| *old != name && was_there(place))
        {
            place.before = before.moved();
        }
        Some((place, name))
    }

    /// The place that has a name here; `None` where that is not below the prefix.
    fn look(&self, name: FieldKey) -> Option<Place<'a>> {
        match name {
            FieldKey::Relative(path) => Some(self.here.descend(path)),
            FieldKey::Absolute(_) => Some(self.root.descend(name.below(self.context?.prefix())?)),
        }
    }

    fn report_outside(&mut self, field: &'static Field) {
        let prefix = self.context.map(|context| context.prefix().to_string()).unwrap_or_default();
        let what = format!("outside of {prefix}, and only what is below it is watched");
        let outer = self.move_to(self.here, field.key, field.name, TypeName::Written(field.ty), field.secret);
        self.problem(Kind::OutsidePrefix, what, None, None);
        self.leave(outer);
    }

    fn move_to(&mut self, place: Place<'a>, key: &str, name: &str, ty: TypeName, secret: bool) -> Outer<'a> {
        Outer {
            here: mem::replace(&mut self.here, place),
            is_pinned: self.is_pinned,
            subject: self.subject.move_to(key, name, ty, secret),
        }
    }

    fn leave(&mut self, outer: Outer<'a>) {
        self.here = outer.here;
        self.is_pinned = outer.is_pinned;
        self.subject.move_back(outer.subject);
    }
}

/// Shows where it is, and nothing that may be a secret.
impl fmt::Debug for Decoder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").field("field", &self.subject.field).finish_non_exhaustive()
    }
}

/// Where the decoder comes back to.
struct Outer<'a> {
    here: Place<'a>,
    is_pinned: bool,
    subject: OuterField,
}
