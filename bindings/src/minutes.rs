//! *Ký, niêm phong biên bản*: sealing minutes, signing sealed ones too, supplementing them.

use std::collections::BTreeMap;

use bienban_core::client::parts::{Confirmer, Drawn, Ending, Presence, Refusal};
use bienban_core::client::{Client, MemberCheck, SealInput, place_name};
use bienban_core::model::{DeviceId, LifeCycle};

use crate::bienban::Bienban;
use crate::error::{BienbanError, Fault};
use crate::inspections::{day, found};
use crate::records::{Author, MissingThing, Named, count, state_named};

/// A point of a drawn line, in units of the surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Record)]
pub struct Point {
    /// From the left; at most the surface's width.
    pub x: u32,
    /// From the top; at most the surface's height.
    pub y: u32,
}

/// A line that was drawn without lifting the finger.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Stroke {
    /// Its points in the order in which they were drawn.
    pub points: Vec<Point>,
}

/// A signature drawn on the screen: a record of presence (*xác nhận có mặt*), never a digital signature.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct DrawnSignature {
    /// Width of the surface, at most 65,535.
    pub width: u32,
    /// Height of it.
    pub height: u32,
    /// The lines.
    pub strokes: Vec<Stroke>,
}

/// A person who signs, or confirms that the facility did not (*người ký*).
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Signatory {
    /// *Họ tên*.
    pub name: String,
    /// *Chức vụ*.
    pub title: String,
    /// The drawn signature; none where the person signs the printed minutes by hand.
    #[uniffi(default = None)]
    pub drawn: Option<DrawnSignature>,
}

/// What the leader gives when the minutes are signed.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SealDraft {
    /// Who signs for the facility; of a refusal who confirms it.
    pub person: Signatory,
    /// *Lý do từ chối ký*: why the facility did not sign; none where it did.
    #[uniffi(default = None)]
    pub refused: Option<String>,
    /// Of a refusal: the person is the commune's representative and not a witness.
    #[uniffi(default = false)]
    pub confirmed_by_commune: bool,
    /// The leader's own drawn signature.
    #[uniffi(default = None)]
    pub leader_drawn: Option<DrawnSignature>,
    /// Why devices of the team were not heard: enters the minutes, for each that was not. None where all
    /// were.
    #[uniffi(default = None)]
    pub not_heard: Option<String>,
    /// The day of the minutes, as YYYY-MM-DD; none for today.
    #[uniffi(default = None)]
    pub on: Option<String>,
}

/// A device of the team, and whether it was heard.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct TeamDevice {
    /// Whose it is.
    pub author: Author,
    /// Something of it is here, or it signs itself. If not, a reason has to be given.
    pub heard: bool,
    /// Changes of it that are here.
    pub changes: u64,
}

/// What stands between an inspection and its seal.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct SealCheck {
    /// It could be sealed now, with a reason where a device was not heard.
    pub ready: bool,
    /// The digest of the record as it stands, in hexadecimal.
    pub digest: String,
    /// Where the inspection stands.
    pub states: Vec<Named>,
    /// Every device of the team, and every one that wrote.
    pub team: Vec<TeamDevice>,
    /// Places in which values that differ stand: each blocks the seal.
    pub conflicts: Vec<String>,
    /// Authors who are not proven here yet: an exchange brings the proof.
    pub unproven: u32,
    /// What the step to signed minutes lacks.
    pub missing: Vec<MissingThing>,
    /// This device may seal there.
    pub may_seal: bool,
    /// The minutes are sealed already.
    pub sealed: bool,
    /// Items without an answer that counts; they do not hinder the seal.
    pub unanswered: Vec<String>,
    /// How many those are, beyond what is named too.
    pub unanswered_count: u32,
}

impl DrawnSignature {
    fn into_core(self) -> Result<Drawn, Fault> {
        let side = |length: u32| u16::try_from(length).map_err(|_| Fault::Invalid);
        let (width, height) = (side(self.width)?, side(self.height)?);
        let mut strokes = Vec::with_capacity(self.strokes.len());
        for stroke in self.strokes {
            let points =
                stroke.points.into_iter().map(|point| Ok((side(point.x)?, side(point.y)?)));
            strokes.push(points.collect::<Result<Vec<_>, Fault>>()?);
        }
        let drawn = Drawn::Strokes { width, height, strokes };
        drawn.check().map_err(|_| Fault::Invalid)?;
        Ok(drawn)
    }
}

impl Signatory {
    fn into_core(self) -> Result<Presence, Fault> {
        let drawn = self.drawn.map(DrawnSignature::into_core).transpose()?;
        let (name, title) = (self.name.trim().to_owned(), self.title.trim().to_owned());
        if name.is_empty() || title.is_empty() {
            return Err(Fault::Invalid);
        }
        Ok(Presence { name, title, drawn })
    }
}

fn ending(draft: &SealDraft, person: Presence) -> Ending {
    let Some(reason) = &draft.refused else { return Ending::Signed(person) };
    let as_what = match draft.confirmed_by_commune {
        true => Confirmer::Commune,
        false => Confirmer::Witness,
    };
    Ending::Refused(Refusal { reason: reason.clone(), confirmed: vec![(as_what, person)] })
}

fn unheard(members: &[MemberCheck], reason: Option<&String>) -> BTreeMap<DeviceId, String> {
    let Some(reason) = reason else { return BTreeMap::new() };
    let silent = members.iter().filter(|member| member.is_silent());
    silent.map(|member| (member.device, reason.clone())).collect()
}

fn check_of(client: &Client, inspection: &str) -> Result<SealCheck, Fault> {
    let inspection = found(client, inspection)?;
    let check = client.seal_check(&inspection)?;
    let life = client.life(&inspection, None)?;
    let step = life.next.iter().find(|step| step.to == LifeCycle::MinutesSigned);
    let lacks = step.map(|step| step.missing.as_slice()).unwrap_or_default();
    let signed = [LifeCycle::MinutesSigned, LifeCycle::MinutesRefused];
    let stands =
        step.is_some() || check.without_step || signed.iter().any(|state| check.states == [*state]);
    let sealed = check.minutes.is_sealed();
    let free = check.conflicts.is_empty() && check.unproven == 0 && lacks.is_empty();
    let member = |member: &MemberCheck| TeamDevice {
        author: Author::of(&member.author),
        heard: !member.is_silent(),
        changes: member.heard.iter().map(|line| line.seq).sum(),
    };
    let (listed, _) = &check.unanswered;
    let unanswered = listed.at.iter().map(|at| match &at.row {
        Some(row) => format!("{row}/{}", at.item),
        None => at.item.clone(),
    });
    Ok(SealCheck {
        ready: stands && free && !sealed && check.not_leader.is_none(),
        digest: hex::encode(check.digest),
        states: check.state_names.iter().map(|name| state_named(name)).collect(),
        team: check.members.iter().map(member).collect(),
        conflicts: check.conflicts.iter().map(|open| place_name(&open.place)).collect(),
        unproven: count(check.unproven),
        missing: lacks.iter().map(MissingThing::of).collect(),
        may_seal: check.not_leader.is_none(),
        sealed,
        unanswered: unanswered.collect(),
        unanswered_count: count(listed.count),
    })
}

#[uniffi::export]
impl Bienban {
    /// Returns what stands between an inspection and its seal. Writes nothing.
    ///
    /// # Errors
    ///
    /// As [`Bienban::inspection`].
    pub async fn seal_check(&self, inspection: String) -> Result<SealCheck, BienbanError> {
        self.engine.read("seal_check", move |client| check_of(client, &inspection)).await
    }

    /// Signs and seals the minutes as the team's leader, and returns the seal's id. Works offline: durable
    /// when it returns, registered and numbered once the server has it.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::NotAllowed`] when this device may not, [`BienbanError::Final`] when they are
    /// sealed, [`BienbanError::Conflict`] while values that differ stand, and [`BienbanError::NotReady`]
    /// for what is missing and for devices that were not heard.
    pub async fn seal(&self, inspection: String, draft: SealDraft) -> Result<String, BienbanError> {
        let work = move |client: &Client| {
            let person = draft.person.clone().into_core()?;
            let inspection = found(client, &inspection)?;
            let members = client.seal_check(&inspection)?.members;
            let leader = draft.leader_drawn.clone().map(DrawnSignature::into_core).transpose()?;
            let input = SealInput {
                ending: ending(&draft, person),
                leader_drawn: leader,
                unheard: unheard(&members, draft.not_heard.as_ref()),
                on: day(draft.on.as_ref())?,
            };
            Ok(client.seal(&inspection, input)?.to_string())
        };
        self.engine.write("seal", work).await
    }

    /// Signs sealed minutes too, as a member of the team (*thành viên đoàn ký*), and returns their seal.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::NotFound`] when no sealed minutes are here, [`BienbanError::Final`] when the
    /// holder of this device has signed, and [`BienbanError::NotAllowed`] when it is no member.
    pub async fn countersign(&self, inspection: String) -> Result<String, BienbanError> {
        let work = move |client: &Client| {
            let (seal, _) = client.countersign(&found(client, &inspection)?)?;
            Ok(seal.to_string())
        };
        self.engine.write("countersign", work).await
    }

    /// Begins a record that supplements sealed minutes (*biên bản bổ sung*), and returns its id. Nothing
    /// unseals.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::NotFound`] when no sealed minutes are here.
    pub async fn supplement(&self, inspection: String) -> Result<String, BienbanError> {
        let work = move |client: &Client| {
            let (genesis, _) = client.supplement(&found(client, &inspection)?)?;
            Ok(genesis.document().to_string())
        };
        self.engine.write("supplement", work).await
    }
}
