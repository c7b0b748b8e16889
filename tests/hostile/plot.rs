//! Documents and packs of a hostile device: signed as they should be, whatever they hold.

use automerge::legacy::{ElementId, Key, ObjectId, Op, OpId, OpType};
use automerge::{ActorId, Change, ExpandedChange, ScalarValue};
use bienban_core::clock;
use bienban_core::model::{
    Actor, AnswerInput, Document, FacilityInput, Genesis, Grade, Incarnation, Kind, Origin,
    PlanInput, RawChange, Shape,
};
use bienban_core::sync::Pack;
use bienban_core::trust::Tip;

use crate::device::Hostile;

/// A document of the hostile device.
pub(crate) struct Plot<'h> {
    pub(crate) hostile: &'h Hostile,
    pub(crate) genesis: Genesis,
    document: Document,
}

impl<'h> Plot<'h> {
    pub(crate) fn new(hostile: &'h Hostile, kind: Kind, scope: &str, nonce: u8) -> Self {
        let origin = Origin::Device { creator: hostile.key.device(), nonce: [nonce; 16] };
        let scope = scope.parse().unwrap();
        let genesis = Genesis { kind, scope, template: None, origin };
        let shape = if kind == Kind::Plan { Shape::Plan } else { Shape::Facility };
        Self { hostile, document: Document::create(&genesis, &shape), genesis }
    }

    /// A document that others know too.
    pub(crate) fn of(hostile: &'h Hostile, genesis: Genesis, shape: &Shape) -> Self {
        Self { hostile, document: Document::create(&genesis, shape), genesis }
    }

    /// Writes one answer.
    pub(crate) fn answer(&mut self, life: Incarnation, item: &str, said: AnswerInput) -> RawChange {
        let actor = self.actor(life);
        let edited = self.document.edit(actor, clock::now(), |editor| editor.answer(item, said));
        edited.unwrap().1.unwrap()
    }

    /// Takes in a change; returns how many were refused.
    pub(crate) fn applied(&mut self, change: &RawChange) -> usize {
        self.document.apply(std::slice::from_ref(change)).refused.len()
    }

    fn actor(&self, life: Incarnation) -> Actor {
        Actor::derive(self.hostile.key.device(), self.genesis.document(), life)
    }

    /// Writes one change under a life of the device.
    pub(crate) fn change(&mut self, life: Incarnation, name: &str) -> RawChange {
        let actor = self.actor(life);
        let kind = self.genesis.kind;
        let edited = self.document.edit(actor, clock::now(), |editor| match kind {
            Kind::Plan => editor.plan(&plan(name)),
            _ => editor.facility(&facility(name)),
        });
        edited.unwrap().1.unwrap()
    }

    /// Writes one change that an honest program would never make.
    pub(crate) fn forged(
        &mut self,
        life: Incarnation,
        forge: impl FnOnce(&mut ExpandedChange),
    ) -> RawChange {
        let base = self.document.heads();
        let shape = self.document.shape().clone();
        let honest = self.change(life, "forged");
        self.document = Document::create(&self.genesis, &shape);
        assert_eq!(base, self.document.heads(), "forge on a fresh document");
        let mut expanded = Change::from_bytes(honest.into_bytes()).unwrap().decode();
        forge(&mut expanded);
        expanded.hash = None;
        RawChange::inspect(Change::from(expanded).raw_bytes().to_vec()).unwrap()
    }

    /// Writes an answer whose operations are another one.
    pub(crate) fn forged_answer(&mut self, life: Incarnation, item: &str, op: Op) -> RawChange {
        let said = AnswerInput {
            grade: Grade::Pass,
            value: None,
            evidence: Vec::new(),
            claimed_at: clock::now(),
            resolves: false,
        };
        let honest = self.answer(life, item, said);
        let mut change = Change::from_bytes(honest.into_bytes()).unwrap().decode();
        change.operations = vec![op];
        change.hash = None;
        RawChange::inspect(Change::from(change).raw_bytes().to_vec()).unwrap()
    }

    pub(crate) fn seal(
        &self,
        life: Incarnation,
        previous: Option<Tip>,
        change: RawChange,
    ) -> Vec<u8> {
        let genesis = self.genesis.clone();
        Pack::seal(&self.hostile.key, genesis, life, previous, vec![change]).unwrap().encode()
    }
}

fn facility(name: &str) -> FacilityInput {
    FacilityInput { name: name.to_owned(), ..FacilityInput::default() }
}

fn plan(title: &str) -> PlanInput {
    PlanInput { title: title.to_owned(), ..PlanInput::default() }
}

pub(crate) const fn life(number: u8) -> Incarnation {
    Incarnation([number; 16])
}

/// Operations that refer to what does not exist.
pub(crate) fn poisons() -> Vec<Op> {
    let nowhere = OpId(5, ActorId::from([0x77_u8; 16]));
    let op = |obj, key, insert, pred: Vec<OpId>, action| Op {
        action,
        obj,
        key,
        pred: pred.into(),
        insert,
    };
    let put = || OpType::Put(ScalarValue::Int(1));
    let object = || ObjectId::Id(nowhere.clone());
    let named = || Key::Map("x".into());
    vec![
        op(object(), named(), false, vec![], put()),
        op(object(), Key::Seq(ElementId::Head), true, vec![], put()),
        op(ObjectId::Root, named(), false, vec![nowhere.clone()], put()),
        op(ObjectId::Root, named(), false, vec![nowhere.clone()], OpType::Delete),
        op(ObjectId::Root, named(), false, vec![], OpType::Delete),
        op(ObjectId::Root, Key::Seq(ElementId::Head), true, vec![], put()),
        op(ObjectId::Root, named(), false, vec![], OpType::Increment(1)),
    ]
}
