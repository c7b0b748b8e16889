//! What must hold after a run.

use std::collections::BTreeMap;

use bienban_core::model::Document;

use crate::node::What;
use crate::world::World;

/// What a run did.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub(crate) edits: u64,
    pub(crate) refused_writes: u64,
    pub(crate) cuts: u64,
    pub(crate) power_cuts: u64,
    pub(crate) restores: u64,
    pub(crate) clones: u64,
    pub(crate) ghosts: u64,
    pub(crate) hub_restores: u64,
    pub(crate) meetings: u64,
    pub(crate) carried: u64,
    pub(crate) conflicts: u64,
    pub(crate) forks: u64,
    /// Seals signed, those that count, their rivals, and places written to late.
    pub(crate) seals: u64,
    pub(crate) registered: u64,
    pub(crate) rivals: u64,
    pub(crate) late: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.edits += other.edits;
        self.refused_writes += other.refused_writes;
        self.cuts += other.cuts;
        self.power_cuts += other.power_cuts;
        self.restores += other.restores;
        self.clones += other.clones;
        self.ghosts += other.ghosts;
        self.hub_restores += other.hub_restores;
        self.meetings += other.meetings;
        self.carried += other.carried;
        self.conflicts += other.conflicts;
        self.forks += other.forks;
        self.seals += other.seals;
        self.registered += other.registered;
        self.rivals += other.rivals;
        self.late += other.late;
    }
}

/// Compares all replicas with each other, and with what people were told.
pub(crate) fn check(world: &mut World) -> Result<Tally, String> {
    let mut tally = world.tally;
    for visit in 0..world.visits.len() {
        let genesis = world.visits[visit].clone();
        let id = genesis.document();
        if world.phones.iter().all(|phone| phone.said.iter().all(|said| said.visit != visit)) {
            continue;
        }
        let at_hub = world.hub.hub.replica().load(id).map_err(|error| format!("hub: {error}"))?;
        let digest = at_hub.view().record().digest();
        for phone in &world.phones {
            let here =
                phone.phone.replica().load(id).map_err(|e| format!("{}: {e}", phone.name))?;
            if here.heads() != at_hub.heads() {
                return Err(format!(
                    "{} has other heads than the hub in visit {visit}",
                    phone.name
                ));
            }
            if here.view().record().digest() != digest {
                return Err(format!("{} has another digest in visit {visit}", phone.name));
            }
        }
        tally.conflicts += at_hub.view().conflicts().len() as u64;
        find_all(world, visit, &at_hub)?;
        crate::sealing::check(world, visit, &at_hub, &mut tally)?;
    }
    for phone in &world.phones {
        let left = phone.phone.only_here().map_err(|error| error.to_string())?;
        if !left.is_empty() {
            return Err(format!("{} still holds edits that are only there", phone.name));
        }
        let carried = phone.phone.carried().map_err(|error| error.to_string())?;
        if !carried.is_empty() {
            return Err(format!("{} still carries packs to the hub", phone.name));
        }
        tally.forks += phone
            .phone
            .notices()
            .map_err(|error| error.to_string())?
            .iter()
            .filter(|notice| format!("{:?}", notice.verdict) == "Equivocation")
            .count() as u64;
        verify(&phone.name, &*phone.store)?;
    }
    verify("hub", &*world.hub.store)?;
    Ok(tally)
}

fn verify(name: &str, store: &dyn bienban_core::store::Store) -> Result<(), String> {
    let verified = store.verify().map_err(|error| error.to_string())?;
    if verified.problems.is_empty() {
        Ok(())
    } else {
        Err(format!("{name}: {:?}", verified.problems))
    }
}

/// Every acknowledged edit is there, once.
fn find_all(world: &World, visit: usize, document: &Document) -> Result<(), String> {
    let view = document.view();
    let inspection = view.inspection().ok_or("not an inspection")?;
    let mut answers: BTreeMap<String, usize> = BTreeMap::new();
    for item in ["1.1", "1.2", "2.1", "2.2"] {
        for said in view.history(item) {
            *answers.entry(said.value.value.clone().unwrap_or_default()).or_default() += 1;
        }
    }
    let notes: String = inspection.notes.values().cloned().collect();
    for phone in &world.phones {
        for said in phone.said.iter().filter(|said| said.visit == visit) {
            let token = &said.token;
            let count = match said.what {
                What::Answer => answers.get(token).copied().unwrap_or(0),
                What::Note => notes.matches(&format!("[{token}]")).count(),
                What::Finding => {
                    let all = inspection.findings.values();
                    all.filter(|finding| finding.text == *token).count()
                }
            };
            if count != 1 {
                let what = said.what;
                return Err(format!("{what:?} {token} is in the record {count} times"));
            }
        }
    }
    Ok(())
}
