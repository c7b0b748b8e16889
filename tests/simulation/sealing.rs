//! Sealing in the simulation: every phone is a leader's, so rivals arise; edits go on, so late ones do.

use bienban_core::model::Document;
use bienban_core::replica::Replica;
use bienban_core::trust::control::{Act, Deed};
use bienban_core::trust::seal::{
    Ending, Hearing, MemberHeard, Presence, Seal, SealId, SealStatement, Signing,
};
use rand::Rng;

use crate::oracle;
use crate::tally::Seen;
use crate::world::World;

impl World {
    /// A leader seals a visit as it stands on that phone, if nothing stands in the way.
    pub(crate) fn seal(&mut self, at: usize) {
        let visit = self.rng.random_range(0..self.visits.len());
        if at == self.desk || !self.phones[at].reads(&self.visits[visit].scope) {
            return;
        }
        let (nonce, now) = (self.rng.random::<[u8; 16]>(), self.now(at));
        let genesis = self.visits[visit].clone();
        let phone = self.phones[at].phone.clone();
        let Ok(document) = phone.replica().load(genesis.document()) else { return };
        let (heard, unproven) = phone.replica().heard(&document).unwrap();
        if unproven > 0 {
            return;
        }
        let members = heard
            .into_iter()
            .map(|(device, lines)| MemberHeard { device, hearing: Hearing::UpTo(lines) });
        let owner = Presence { name: "Mận".to_owned(), title: "Chủ".to_owned(), drawn: None };
        let checklist = (genesis.template.unwrap(), "SIM 1".to_owned(), false);
        let signing = Signing {
            checklist,
            supplements: None,
            members: members.collect(),
            ending: Ending::Signed(owner),
            leader_drawn: None,
            at: now,
        };
        // Values that differ stand in the way, as they should.
        let Ok(statement) = SealStatement::of(&document, phone.device(), signing) else { return };
        let seal = phone.sign_seal(statement).unwrap();
        let id = seal.id().unwrap();
        let deed = Deed::Seal { document: genesis.document(), seal: id.0 };
        let (hub, by, scope) = (self.hub.hub.device(), phone.device(), genesis.scope.clone());
        let act = phone.sign_act(Act { hub, by, scope, nonce, at: now, deed }).unwrap();
        if phone.seal(&act, &seal).is_ok() {
            self.say(|| format!("phone {at} seals visit {visit}: {}", id.short()));
            self.tally.note(Seen::Seals);
            if self.phones[at].exchange.is_some() {
                self.tally.note(Seen::SealsMidway);
            }
            if phone.only_here().is_ok_and(|left| left.contains(&genesis.document())) {
                self.tally.note(Seen::SealsWithEdits);
            }
            let after = self.phones[at].said.len();
            self.phones[at].sealed.push((after, visit, id));
        }
    }
}

/// What a replica says of the minutes of a visit: which seal counts, its number, its rivals.
fn told(replica: &Replica, document: &Document) -> Result<String, String> {
    let registered = replica.registered(document.genesis()).map_err(|error| error.to_string())?;
    Ok(format!("{registered:?}"))
}

/// Every replica names the same seal and the same rivals, holds the same bytes of them, reads the same record at the
/// seal and lists the same as late; whoever signed a seal still holds it.
pub(crate) fn check(world: &mut World, visit: usize, at_hub: &Document) -> Result<(), String> {
    let hub = world.hub.hub.clone();
    let said = told(hub.replica(), at_hub)?;
    let (mut late, mut bytes) = (None, None);
    let mut replicas = vec![("the hub".to_owned(), hub.replica())];
    for (at, phone) in world.phones.iter().enumerate() {
        if !world.is_ended(at) && phone.reads(&world.visits[visit].scope) {
            let here = phone.phone.replica().load(at_hub.id()).map_err(|e| e.to_string())?;
            if here.heads() != at_hub.heads()
                && oracle::lacks_only_what_it_set_aside(world, at, &here, at_hub)?
            {
                continue;
            }
            replicas.push((phone.name.clone(), phone.phone.replica()));
        }
    }
    for (name, replica) in replicas {
        let document = replica.load(at_hub.id()).map_err(|error| error.to_string())?;
        let here = told(replica, &document)?;
        if here != said {
            return Err(format!("{name} has other minutes in visit {visit}: {here}, not {said}"));
        }
        let minutes = replica.minutes(document.id()).map_err(|error| error.to_string())?;
        if !minutes.missing.is_empty() {
            return Err(format!("{name} lacks seals of visit {visit}: {:?}", minutes.missing));
        }
        let registered =
            replica.registered(document.genesis()).map_err(|error| error.to_string())?;
        let Some(registered) = registered else { continue };
        let here = replica.seal_bytes(SealId(registered.seal)).map_err(|e| e.to_string())?;
        let here = here.unwrap_or_default();
        let seal = Seal::decode(&here).map_err(|error| error.to_string())?;
        if *bytes.get_or_insert_with(|| here.clone()) != here {
            return Err(format!("{name} holds other bytes of the seal of visit {visit}"));
        }
        let breaches = seal.verify_record(&document);
        if !breaches.is_empty() {
            return Err(format!("{name}: the seal of visit {visit} does not hold: {breaches:?}"));
        }
        let touched = document.touched_since(&seal.statement.heads);
        let touched = touched.ok_or("a sealed head is not here")?;
        if late.is_none() {
            world.tally.note(Seen::Registered);
            world.tally.notes(Seen::Rivals, registered.rivals.len());
            world.tally.notes(Seen::Late, touched.len());
        }
        if *late.get_or_insert_with(|| touched.clone()) != touched {
            return Err(format!("{name} lists other late changes in visit {visit}"));
        }
    }
    for phone in &world.phones {
        let held = phone.phone.replica().seals_of(at_hub.id()).map_err(|e| e.to_string())?;
        for (_, of, id) in phone.sealed.iter().filter(|(_, of, _)| *of == visit) {
            if !held.contains(id) {
                return Err(format!("{} lost a seal of visit {of}: {}", phone.name, id.short()));
            }
        }
    }
    Ok(())
}
