//! What an app holds: one folder on the device, opened as typed calls.
//!
//! A folder contains the device's key, its settings and its store, sealed unless it is made plain. Everything typed is durable when
//! a call returns; nothing here talks to the network but [`Client::sync`].

mod bundle;
mod changes;
mod corrections;
mod decide;
mod enrolling;
mod find;
mod groups;
mod header;
mod holders;
mod hub_key;
mod in_force;
mod keeping;
mod leaving;
mod life;
mod moving;
mod notes;
mod overview;
pub mod parts;
mod planning;
mod plans;
mod proof;
mod quarantine;
mod read;
mod rechecks;
mod recognise;
mod remarks;
mod rest;
mod samples;
mod seal;
mod settings;
mod settle;
mod status;
mod trouble;
mod work;

use rest::{KEY_TRIES, Rest};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::checklist::header::HeaderError;
use crate::checklist::lifecycle::Missing;
use crate::checklist::{AnswerError, ClocksError, MoveError};
use crate::clock;
use crate::driver::{DriverError, SyncOptions, SyncReport};
use crate::model::{ChangeHash, DeviceId, IdError, Incarnation, Kind, Timestamp};
use crate::net::{AddressError, EnrolUriError, HubAddress, NetError};
use crate::replica::{Condensed, Phone, Projection, ReplicaError, watch_shown};
use crate::store::{DiskStore, Options, Store as _, StoreError, Touched};
use crate::sync::{FailureCode, Verdict};
use crate::trust::DeviceKey;
use crate::trust::rest::{RestError, Way};

pub use crate::model::place_name;
pub use changes::{Changed, ChangedRecord, Seen};
pub use corrections::{ActionDraft, ActionShown, Corrections, OverdueRow, ProofDraft};
pub use decide::NamedDevice;
pub use enrolling::{Enrolment, Invited, Invitee, Prepared};
pub use find::{Candidate, CandidateDevice, CandidatePlan, DIGITS_MIN};
pub use header::header_form;
pub use hub_key::{HubKeyMoved, read_announcements};
pub use keeping::{Keeper, METERED_EVERY, METERED_GATHER, Network, Touch, Turn};
pub use leaving::Leave;
pub use life::{Life, NextStep, StepToTake};
pub use moving::{Confirmed, Editions, Reading};
pub use overview::{InspectionRow, ReviewRow};
pub use planning::{Clash, law};
pub use plans::{Cancelled, PlanChange, PlanEvent, TeamGap};
pub use proof::{Exported, Unhelped};
pub use quarantine::{AsideChange, AsidePack, AsideShown, QUARANTINE_LISTED_MAX, Quarantined};
pub use read::{Author, Authors, Named, Shown, Since};
pub use rechecks::{Looked, RecheckDraft};
pub use recognise::{Recognised, Recognition};
pub use remarks::{Bound, DayOf, WrittenInto};
pub use rest::{OpenWith, Protection, protection, read_key, read_passphrase};
pub use seal::{MemberCheck, MinutesShown, SealCheck, SealInput};
pub use settings::{Settings, check_name, holds_device};
pub use settle::{PLACES, Settled, is_of_followup, is_of_text, register_text};
pub use status::RecordStatus;
pub use trouble::{Remedy, Trouble};
pub use work::{Draft, Note, Sending, Visit};

/// Why a client could not do as asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The folder has an empty name: its files would lie in whatever folder is the current one.
    #[error("the name of the folder is empty; give the folder a name")]
    NoFolderName,
    /// The folder holds no device.
    #[error("there is no device in {path}; make one with `init`")]
    NoDevice {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds a device already.
    #[error("{path} already holds a device; choose another folder")]
    HasDevice {
        /// The folder.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("cannot {action} {path}")]
    File {
        /// What was being done.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// A bundle cannot be made or used.
    #[error("bundle {path}")]
    Bundle {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ReplicaError,
    },
    /// The folder is sealed, and nothing that opens it was given.
    #[error("{path} is sealed; give the {} that opens it", needed.name())]
    Locked {
        /// The folder.
        path: PathBuf,
        /// What opens it.
        needed: Way,
    },
    /// The keys of a sealed folder are gone.
    #[error(
        "{path} is missing, and without it nothing opens this folder; put a copy of it back in place"
    )]
    NoKeyFile {
        /// The key file.
        path: PathBuf,
    },
    /// The folder is plain, so it has no key to change.
    #[error("{path} is not sealed; open it with a key, and it will be")]
    NotSealed {
        /// The folder.
        path: PathBuf,
    },
    /// A file that should hold a key holds something else.
    #[error("{path} must hold a key of 64 hexadecimal digits")]
    KeyText {
        /// The file.
        path: PathBuf,
    },
    /// A file with a key or passphrase may be read by others.
    #[error("{path} may be read by others (mode {mode:o}); run `chmod 600` on it first")]
    KeyReadable {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The folder's keys cannot be had.
    #[error(transparent)]
    Rest(#[from] RestError),
    /// The rights of this device were ended for good, and something is still only here.
    #[error(
        "the rights of this device were ended; {left} things are still only here, {unentered} of them minutes and decisions to give up, and its keys are destroyed once the hub has the others"
    )]
    RightsEnded {
        /// Packs, lines, minutes and decisions.
        left: u64,
        /// How many of them are minutes and decisions: no exchange brings them any more, a person gives them up.
        unentered: u64,
    },
    /// The rights of this device were ended for good; the hub has what it held.
    #[error(
        "the rights of this device were ended; the hub has what it held, and its keys are destroyed"
    )]
    Wiped,
    /// The settings do not read.
    #[error("the settings in {path} cannot be read: {reason}")]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// No hub is known yet.
    #[error("this device knows no hub; give its address and key with `hub --set`")]
    NoHub,
    /// The holder of this device is administrator of no unit that the decision concerns.
    #[error("only an administrator of a unit that the person has a grant in decides this")]
    NotAdministrator,
    /// All rights of the person for whose next device an invitation was made have ended since.
    #[error(
        "all rights of {name} were withdrawn since the invitation was made; give new ones, or deny it"
    )]
    NoRightsLeft {
        /// The person's name, as in the invitation.
        name: String,
    },
    /// Another key is another hub, and nobody said that this is meant.
    #[error("the hub given has the key {given}, and this device pins {pinned}")]
    OtherKey {
        /// The key that this device pins.
        pinned: DeviceId,
        /// The key of the hub that was given.
        given: DeviceId,
    },
    /// The hub's address does not read.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// An invitation does not read.
    #[error(transparent)]
    Invitation {
        /// Why.
        source: EnrolUriError,
    },
    /// No invitation was begun on this device.
    #[error("this device takes up no invitation; give the one that the administrator shows")]
    NoEnrolment,
    /// A name does not read.
    #[error(transparent)]
    Id(#[from] IdError),
    /// Nothing here has such a name.
    #[error("there is no {what} {name} here; sync, or check the name")]
    NotFound {
        /// What was looked for, for instance `inspection`.
        what: &'static str,
        /// What was given.
        name: String,
    },
    /// More than one thing has such a name.
    #[error("{name} names more than one {what}: {}", find::list(candidates))]
    Ambiguous {
        /// What was looked for.
        what: &'static str,
        /// What was given.
        name: String,
        /// Some of them, each with what tells it from the others.
        candidates: Vec<Candidate>,
    },
    /// A value that was to be chosen does not stand in the place.
    #[error(
        "change {change} wrote none of the values that stand in {place} now; choose one of those that do"
    )]
    NotStanding {
        /// The place, as `place_name` names it.
        place: String,
        /// What was given.
        change: String,
        /// Whether the change wrote a value there that something replaced since.
        before: bool,
    },
    /// The answer does not fit the checklist.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// A field of the minutes' header does not take the value.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The hub's table of devices does not let this one write such a document.
    #[error("a device of role {role} may not write any {kind}; use another device's folder", kind = kind.name())]
    NotYours {
        /// The roles that the hub gave this device.
        role: String,
        /// The kind of document.
        kind: Kind,
    },
    /// Only a supervisor decides, comments and asks in a review.
    #[error(
        "a device of role {role} may reply in a review, and neither decide nor comment; a supervisor does"
    )]
    NotReviewer {
        /// The roles that the hub gave this device.
        role: String,
    },
    /// The hub's table of devices does not let this one write in the unit.
    #[error("this device may not write in unit {scope}, only in {}", scopes.join(", "))]
    NotHere {
        /// The unit of the document.
        scope: String,
        /// The units that the hub gave this device.
        scopes: Vec<String>,
    },
    /// The system gave no entropy.
    #[error(transparent)]
    Entropy(#[from] clock::EntropyError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The documents failed.
    #[error(transparent)]
    Replica(#[from] ReplicaError),
    /// The network failed.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The exchange failed.
    #[error(transparent)]
    Driver(#[from] DriverError),
    /// The disk has too little room for a device's folder.
    #[error("a device needs {needed} bytes free in {path}, and there are {free}")]
    NoRoom {
        /// The folder.
        path: PathBuf,
        /// Bytes that must be free.
        needed: u64,
        /// Bytes that are.
        free: u64,
    },
    /// A document is not of the kind asked for.
    #[error("document {document} is a {found}, not a {wanted}")]
    WrongKind {
        /// Its name.
        document: String,
        /// What it is.
        found: &'static str,
        /// What was wanted.
        wanted: &'static str,
    },
    /// The record cannot be moved to another edition of its checklist.
    #[error(transparent)]
    Move(#[from] MoveError),
    /// The plan was cancelled, and nobody had begun the visit.
    #[error("the plan {title} was cancelled: {reason}")]
    PlanCancelled {
        /// What the plan is called.
        title: String,
        /// Why it was cancelled.
        reason: String,
    },
    /// A visit cannot leave its plan once its inspection has begun.
    #[error("the inspection of {facility} has begun and stays in its plan")]
    VisitBegun {
        /// What the facility is called.
        facility: String,
    },
    /// A team has a leader.
    #[error("{name} leads the team; name another leader first")]
    NeedsLeader {
        /// Who leads it.
        name: String,
    },
    /// The person is not in the plan's team.
    #[error("{name} is not in the team of this plan")]
    NotInTeam {
        /// Who was named.
        name: String,
    },
    /// The days of a plan are in the wrong order.
    #[error("the plan ends ({to}) before it begins ({from})")]
    PlanDays {
        /// The first day.
        from: String,
        /// The last day.
        to: String,
    },
    /// The checklist does not ask what a product was recognised with.
    #[error(
        "checklist {code} asks for no recognition; use a check of a recognised product, HELD-01 to HELD-26"
    )]
    NoRecognition {
        /// The checklist.
        code: String,
    },
    /// The facility is not in the plan.
    #[error("the plan does not visit this facility")]
    NotPlanned,
    /// The life cycle has such a step, and things that it needs are missing.
    #[error("the inspection cannot become {to} yet; {} things are missing", missing.len())]
    NotReady {
        /// The state that was asked for.
        to: &'static str,
        /// Everything that is missing, each with what to do about it.
        missing: Vec<Missing>,
    },
    /// Facilities would be inspected more often than the law allows without a reason.
    #[error("{} facilities are inspected in the same year already, which asks for a reason", clashes.len())]
    AsksReason {
        /// Each facility with the inspections that there are.
        clashes: Vec<Clash>,
    },
    /// A reason that no rule accepts.
    #[error("{given} is no reason that the law accepts; choose one of {known}")]
    UnknownReason {
        /// What was given.
        given: String,
        /// The reasons there are.
        known: String,
    },
    /// Values that differ stand in an inspection that somebody wants to accept.
    #[error(
        "values that differ stand in {}; settle them, or say why it is accepted all the same", places.join(", ")
    )]
    Disputed {
        /// Where, as `conflicts` names it.
        places: Vec<String>,
    },
    /// A finding of another person is to be deleted, and nobody says why.
    #[error("finding {finding} was written by {}; say why it is deleted", author.name)]
    OthersFinding {
        /// The finding as it was named.
        finding: String,
        /// Who wrote it.
        author: Author,
    },
    /// The day of a step that another took is to be set right.
    #[error("the step to {state} was taken by {}, who alone sets its day right", author.name)]
    OthersStep {
        /// The state that it led to.
        state: &'static str,
        /// Who took it.
        author: Author,
    },
    /// A day of something that happened lies after today.
    #[error("{given} lies ahead: today is {today} by the clock of this device")]
    DayAhead {
        /// The day that was given.
        given: String,
        /// Today.
        today: String,
    },
    /// A sample with this code is there already.
    #[error("a sample with code {code} is recorded already, as {id}; give this one another code")]
    SampleThere {
        /// The code.
        code: String,
        /// The first digits of the other's id.
        id: String,
    },
    /// A deadline lies behind the longest time for a corrective action.
    #[error("the deadline {given} is later than {latest}, the last day that the law allows")]
    DeadlineTooLate {
        /// The day that was given.
        given: String,
        /// The last day there is.
        latest: String,
    },
    /// No time runs for an inspection, so there is nothing to extend.
    #[error(
        "no time runs for the inspection yet; it begins with its announcement, and is counted by the agency's level"
    )]
    NoClock,
    /// The time for an inspection is over, so it cannot be extended.
    #[error("the time for the inspection ended with {due}, or the inspection ended before it")]
    ClockOver {
        /// The last day of it.
        due: String,
    },
    /// The minutes are sealed: nothing is added to them.
    #[error(
        "the minutes are sealed ({}); record what is new in a supplementary record", official.as_ref().unwrap_or(seal)
    )]
    AlreadySealed {
        /// The first digits of the seal, which are its temporary code.
        seal: String,
        /// *Số biên bản*, once it is registered.
        official: Option<String>,
    },
    /// There are no sealed minutes of it here.
    #[error("there are no sealed minutes of inspection {document} here; sync, or seal them")]
    NoMinutes {
        /// Its short name.
        document: String,
    },
    /// Only a team's leader seals minutes.
    #[error("a device of role {role} does not seal minutes; the team's leader does")]
    NotLeader {
        /// The roles that the hub gave this device.
        role: String,
    },
    /// Only members of the team sign its minutes too.
    #[error(
        "the holder of this device is no inspector or leader of the team of inspection {document}"
    )]
    NotOfTeam {
        /// The inspection's short name.
        document: String,
    },
    /// The holder of this device signed the minutes before.
    #[error("the holder of this device has signed the minutes {seal} already")]
    SignedAlready {
        /// The first digits of the seal, which are its temporary code.
        seal: String,
        /// When, by the hub's clock; while the signature waits for the hub, by this device's.
        at: Timestamp,
    },
    /// Devices of the team were not heard, and nobody says why.
    #[error("{} devices of the team were not heard; say why for each, or exchange with them first", devices.len())]
    Unheard {
        /// Whose they are.
        devices: Vec<Author>,
    },
    /// Somebody wrote in the record of whom no proof has arrived.
    #[error("{lines} authors of the record are not proven here yet; sync first")]
    Unproven {
        /// How many lines of changes.
        lines: usize,
    },
    /// A decision waits for the hub's answer, so it is not given up.
    #[error("decision {decision} waits for the hub; sync, and give it up if the hub refuses it")]
    Waits {
        /// Its short name.
        decision: String,
    },
    /// The hub ended the exchange without an answer to what it was asked.
    #[error("the hub ended the exchange without an answer")]
    NoAnswer,
    /// The hub gave something else than what it named.
    #[error(
        "what the hub gives as change {} is not that change, or its device did not sign it; do not decide on it, and read the hub's log with `admin audit verify`", change.short()
    )]
    OtherEvidence {
        /// The change that was asked for.
        change: ChangeHash,
    },
    /// What is kept aside can enter no record.
    #[error("change {} is kept aside as {verdict:?}, and cannot be admitted; quote it instead", change.short())]
    StaysOut {
        /// Its change.
        change: ChangeHash,
        /// Why it is kept aside.
        verdict: Verdict,
    },
    /// Only a supervisor decides of what is kept aside.
    #[error(
        "a device of role {role} does not decide of what is kept aside; a supervisor of unit {scope} does"
    )]
    NotSupervisor {
        /// The roles that the hub gave this device.
        role: String,
        /// The unit of the document.
        scope: String,
    },
    /// The clocks of the law could not be counted.
    #[error(transparent)]
    Clocks(#[from] ClocksError),
}

/// One device's folder, open.
pub struct Client {
    dir: PathBuf,
    settings: Settings,
    phone: Arc<Phone>,
    seed: zeroize::Zeroizing<[u8; 32]>,
    /// The folder's keys; none where it is plain.
    rest: Option<Rest>,
    /// Which rows were written since this was opened.
    touched: Arc<Touched>,
    /// The hub as it is pinned since this was opened, where this device followed it to another key.
    moved: Mutex<Option<HubAddress>>,
}

impl Client {
    /// Makes a device in a folder: its key and, if given, the hub it pins. Nothing in it is sealed; see
    /// [`Client::init_sealed`].
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::HasDevice`] when the folder holds one already, [`ClientError::NoRoom`] when the
    /// disk is too full for it to record anything, and [`ClientError::NoFolderName`].
    pub fn init(dir: &Path, settings: &Settings) -> Result<DeviceId, ClientError> {
        let seed = Self::prepare(dir)?;
        settings::create(dir, settings, settings::digits(&seed).as_bytes())?;
        Ok(DeviceKey::from_seed(&seed).device())
    }

    /// Opens a device's folder.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NoDevice`] when there is none, [`StoreError::InUse`] when another process has it
    /// open, and [`ClientError::NoFolderName`].
    pub fn open(dir: &Path) -> Result<Self, ClientError> {
        Self::open_as(dir, "", Duration::ZERO)
    }

    /// As [`Client::open`]; while another process has the folder open it waits for at most `patience`,
    /// and whoever waits for this one is told `holder`, for instance the name of a command.
    ///
    /// # Errors
    ///
    /// As [`Client::open`].
    pub fn open_as(dir: &Path, holder: &str, patience: Duration) -> Result<Self, ClientError> {
        Self::open_with(dir, OpenWith { key: None, holder, patience })
    }

    /// As [`Client::open_as`], with the key of a sealed folder. A plain folder for which a key is given
    /// is sealed under it.
    ///
    /// # Errors
    ///
    /// As [`Client::open`]. Returns [`ClientError::Locked`] when the folder is sealed and no key is
    /// given, [`ClientError::Rest`] when the key is another or was destroyed; nothing was changed then.
    pub fn open_with(dir: &Path, with: OpenWith<'_>) -> Result<Self, ClientError> {
        check_name(dir)?;
        if !holds_device(dir) {
            return Err(ClientError::NoDevice { path: dir.to_owned() });
        }
        let settings = settings::read(dir)?;
        // Before keys are made for a plain folder that is to be sealed.
        DiskStore::refuse_newer(&dir.join("store"), &Projection)?;
        let now = clock::now();
        let touched = Arc::new(watch_shown());
        let (store, mut rest) = Self::open_store(dir, with, &touched)?;
        let seed = settings::read_seed(dir, rest.as_ref())?;
        let fresh = Incarnation(clock::random()?);
        let older_keys = store.opened().older_keys;
        let phone = Phone::open(Arc::new(store), DeviceKey::from_seed(&seed), fresh, now)?;
        if settings::had_store(dir) && phone.replica().store().opened().created {
            phone.note_lost_store(now)?;
        }
        if let Some(rest) = &mut rest {
            rest.settle(&seed, older_keys)?;
        }
        match settings::note_store(dir) {
            // Reading needs no room; it is noted at another opening.
            Err(ClientError::File { source, .. })
                if source.kind() == std::io::ErrorKind::StorageFull => {}
            noted => noted?,
        }
        let client = Self {
            dir: dir.to_owned(),
            settings,
            phone: Arc::new(phone),
            seed,
            rest,
            touched,
            moved: Mutex::default(),
        };
        client.phone.replica().refresh(usize::MAX)?;
        Ok(client)
    }

    /// Opens the store under the key file as it is once the store is held: another process may have
    /// changed its keys while this one waited.
    fn open_store(
        dir: &Path,
        with: OpenWith<'_>,
        touched: &Arc<Touched>,
    ) -> Result<(DiskStore, Option<Rest>), ClientError> {
        let mut tries = 0;
        loop {
            tries += 1;
            let rest = Rest::open(dir, with.key)?;
            let mut options = store_options();
            options.holder = with.holder.to_owned();
            options.patience = with.patience;
            options.sealing = rest.as_ref().map(Rest::sealing);
            options.touched = Some(Arc::clone(touched));
            let opened = DiskStore::open(dir.join("store"), Arc::new(Projection), options);
            let changed = rest.as_ref().is_some_and(|rest| rest.changed().unwrap_or(true));
            match opened {
                Ok(_) | Err(StoreError::OtherKey { .. }) if changed && tries < KEY_TRIES => {}
                opened => return Ok((opened?, rest)),
            }
        }
    }

    /// Returns the folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the device.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        self.phone.device()
    }

    /// Returns the device's secret key, for who speaks to the hub by other means than this client.
    #[must_use]
    pub fn secret(&self) -> &[u8; 32] {
        &self.seed
    }

    /// Returns the replica.
    #[must_use]
    pub fn phone(&self) -> &Arc<Phone> {
        &self.phone
    }

    /// Returns the hub that this device pins.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NoHub`] when none was given.
    pub fn hub(&self) -> Result<HubAddress, ClientError> {
        let moved = self.moved.lock().map_or(None, |moved| moved.clone());
        moved.or_else(|| self.settings.hub.clone()).ok_or(ClientError::NoHub)
    }

    /// Exchanges everything with the hub.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Driver`] when the hub cannot be reached or the exchange broke off;
    /// what had arrived stays, and the next exchange goes on from there. Returns
    /// [`ClientError::File`] when it cannot be noted that the hub refused this device, or took it in.
    ///
    /// A device whose rights were ended brings what it holds and destroys its keys:
    /// [`ClientError::Wiped`], or [`ClientError::RightsEnded`] while something is still only here.
    pub async fn sync(&self, options: SyncOptions) -> Result<SyncReport, ClientError> {
        let outcome = self.exchange(options).await;
        match &outcome {
            // Both mean that the door is shut: at the handshake, or in an exchange under way.
            // That it could not be noted matters less than the refusal itself, which is told.
            Err(error) if is_shut(error) => {
                drop(settings::note_refusal(&self.dir, Some(clock::now())));
            }
            Err(_) => {}
            Ok(_) => {
                settings::note_refusal(&self.dir, None)?;
                settings::note_unmet(&self.dir, false)?;
            }
        }
        self.leave_or(outcome).await
    }

    /// Writes one closed part of this device's journal shorter where that pays, and returns what it came to;
    /// nothing where none is due. For idle minutes, best on the charger: edits and exchanges go on beside
    /// it. Nothing is taken out of the record.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the store fails; what was acknowledged is not touched by that.
    pub fn condense(&self) -> Result<Option<Condensed>, ClientError> {
        Ok(self.phone().replica().condense(clock::now())?)
    }

    /// Returns whether this device has exchanged with the hub that it pins; what it knows of its own
    /// rights is from that hub then.
    #[must_use]
    pub fn has_met_hub(&self) -> bool {
        !settings::is_unmet(&self.dir)
    }

    /// Returns when the hub last refused this device; none if it has exchanged with it since.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::File`] when the note cannot be read.
    pub fn refused_at(&self) -> Result<Option<Timestamp>, ClientError> {
        settings::refusal(&self.dir)
    }
}

/// How a device's store works: by the system's clock, for the folder may be open for weeks.
fn store_options() -> Options {
    Options::new(Arc::new(|| clock::now().0))
}

/// Whether the hub does not, or no longer, take this device in.
fn is_shut(error: &ClientError) -> bool {
    match error {
        ClientError::Net(error) => matches!(error, NetError::DeviceUnknown { .. }),
        ClientError::Driver(DriverError::Net(error)) => {
            matches!(**error, NetError::DeviceUnknown { .. })
        }
        ClientError::Driver(DriverError::Refused { failure }) => {
            failure.code == FailureCode::NotAllowed
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_of_a_store_goes_on_while_it_is_open() {
        let options = store_options();
        let opened = clock::now();
        while clock::now() <= opened {
            std::hint::spin_loop();
        }
        assert!((options.clock)() > opened.0);
    }
}
