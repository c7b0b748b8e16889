//! The hub's key, replaced by the next: a device that heard of it follows by itself, one that did not is told
//! the new key by a person and demands that the hub shows that it is the same.

use std::fs;
use std::path::Path;

use super::{Client, ClientError, Settings, settings};
use crate::clock;
use crate::driver::{self, DriverError, SyncOptions, SyncReport};
use crate::model::{DeviceId, Timestamp};
use crate::net::{HubAddress, NetError, PhoneEndpoint};
use crate::replica::ReplicaError;
use crate::trust::control::{Link, SignedAct};

/// There while a person said that the hub's key is another now, and the hub has not shown it yet.
const HEIR_FILE: &str = "hub-new-key";

/// What `field status` says once: from which key the device moved to which, and when.
const MOVED_FILE: &str = "hub-key-moved";

/// The hub's key was replaced, and this device followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubKeyMoved {
    /// The key that was pinned.
    pub from: DeviceId,
    /// The key that is.
    pub to: DeviceId,
    /// When this device followed.
    pub at: Timestamp,
}

impl Client {
    /// Pins a hub, or says that the pinned one has moved. Durable when it returns.
    ///
    /// Another key is another hub, that this device would trust from now on with everything it records
    /// and takes in: it needs `other_key`. What is recorded here stays, and the new hub is offered all
    /// of it.
    ///
    /// # Errors
    ///
    /// As of a key that the hub has replaced, [`ClientError::OtherKey`] without `other_key`, and
    /// [`ClientError::File`] when the settings cannot be written; they are as before then.
    pub fn set_hub(&mut self, hub: HubAddress, other_key: bool) -> Result<(), ClientError> {
        self.check_hub_key(hub.key())?;
        if let Some(pinned) = self.settings.hub.as_ref().map(HubAddress::key)
            && pinned != hub.key()
            && !other_key
        {
            return Err(ClientError::OtherKey { pinned, given: hub.key() });
        }
        let other = self.settings.hub.as_ref().is_some_and(|pinned| pinned.key() != hub.key());
        let settings = Settings { hub: Some(hub) };
        if other {
            // Before the settings: what the other hub says must not be taken for the end of rights that
            // it never gave. It has refused nothing yet either.
            settings::note_unmet(&self.dir, true)?;
            settings::note_refusal(&self.dir, None)?;
        }
        self.forget_new_key()?;
        settings::replace(&self.dir, &settings)?;
        self.settings = settings;
        self.forget_moved_hub();
        Ok(())
    }

    fn note_moved_hub(&self, hub: HubAddress) {
        if let Ok(mut moved) = self.moved.lock() {
            *moved = Some(hub);
        }
    }

    fn forget_moved_hub(&self) {
        if let Ok(mut moved) = self.moved.lock() {
            *moved = None;
        }
    }

    /// Pins another key of the same hub, because a person says that it was replaced. Nothing that is known
    /// of the hub is let go of. The next exchange goes on only where the hub shows that the key pinned so far
    /// announced this one.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NoHub`] when no hub is pinned, [`ReplicaError::KeyReplaced`] for a key that was
    /// replaced itself, and [`ClientError::File`] when it could not be noted; the settings are as before then.
    pub fn replace_hub_key(&mut self, hub: HubAddress) -> Result<(), ClientError> {
        let pinned = self.hub()?;
        self.check_hub_key(hub.key())?;
        let settings = Settings { hub: Some(hub.clone()) };
        if pinned.key() != hub.key() {
            let known = self.phone.replica().hub_keys()?.pinned.unwrap_or_else(|| pinned.key());
            settings::write_beside(&self.dir.join(HEIR_FILE), known.to_string().as_bytes())?;
            settings::note_refusal(&self.dir, None)?;
        }
        settings::replace(&self.dir, &settings)?;
        self.settings = settings;
        self.forget_moved_hub();
        Ok(())
    }

    /// Refuses a key of which this device knows that another took its place: every exchange would ask for
    /// the new one. Where it is pinned still, nothing changes by it.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::KeyReplaced`] with the key that the hub has now, and [`ClientError::Store`] when
    /// reading fails.
    pub fn check_hub_key(&self, given: DeviceId) -> Result<(), ClientError> {
        let next = self.phone.replica().present_key(given)?;
        let pinned = self.settings.hub.as_ref().is_some_and(|hub| hub.key() == given);
        match next == given || pinned {
            true => Ok(()),
            false => Err(ReplicaError::KeyReplaced { key: given, next }.into()),
        }
    }

    /// Returns that this device followed its hub to another key, until [`Client::seen_hub_key_moved`].
    #[must_use]
    pub fn hub_key_moved(&self) -> Option<HubKeyMoved> {
        let text = fs::read_to_string(self.dir.join(MOVED_FILE)).ok()?;
        let mut words = text.split_whitespace();
        let (from, to) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let at = Timestamp(words.next()?.parse().ok()?);
        Some(HubKeyMoved { from, to, at })
    }

    /// Notes that a person has read it.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::File`] when the note cannot be removed.
    pub fn seen_hub_key_moved(&self) -> Result<(), ClientError> {
        settings::remove(self.dir.join(MOVED_FILE))
    }

    /// Exchanges with the hub; where it presents another key than the pinned one, and that was announced to
    /// this device, the device follows it.
    pub(super) async fn exchange(&self, options: SyncOptions) -> Result<SyncReport, ClientError> {
        let hub = self.hub()?;
        if self.dir.join(HEIR_FILE).exists() {
            self.phone.expect_successor(hub.key());
        }
        let present = self.present_hub(&hub)?;
        if present.key() != hub.key() {
            let report = self.exchange_with(&present, options).await?;
            self.follow(&hub, present)?;
            return Ok(report);
        }
        let retry = options.clone();
        let outcome = self.exchange_with(&hub, options).await;
        if !matches!(&outcome, Err(error) if is_other_key(error)) {
            if outcome.is_ok() {
                self.settle_new_key(hub.key());
            }
            return outcome;
        }
        for next in self.phone.replica().hub_keys()?.after {
            let Ok(at_next) = HubAddress::parse(&hub.host_and_port(), next) else { continue };
            match self.exchange_with(&at_next, retry.clone()).await {
                Err(error) if is_other_key(&error) => {}
                Ok(report) => {
                    self.follow(&hub, at_next)?;
                    return Ok(report);
                }
                failed => return failed,
            }
        }
        outcome
    }

    /// Returns the key that the pinned hub has now, as far as this device heard.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::NoHub`] when no hub is pinned, and [`ClientError::Store`] when reading fails.
    pub fn hub_key(&self) -> Result<DeviceId, ClientError> {
        Ok(self.phone.replica().present_key(self.hub()?.key())?)
    }

    /// Returns the hub under the key that it has now, as far as this device heard.
    pub(super) fn present_hub(&self, hub: &HubAddress) -> Result<HubAddress, ClientError> {
        let key = self.phone.replica().present_key(hub.key())?;
        if key == hub.key() {
            return Ok(hub.clone());
        }
        Ok(HubAddress::parse(&hub.host_and_port(), key)?)
    }

    async fn exchange_with(
        &self,
        hub: &HubAddress,
        options: SyncOptions,
    ) -> Result<SyncReport, ClientError> {
        let mut endpoint = PhoneEndpoint::bind(&self.seed)?;
        if options.live.is_none() {
            endpoint = endpoint.for_short_exchanges();
        }
        self.recall_way(&endpoint, hub.key());
        let report = driver::exchange(&self.phone, &endpoint, hub, options).await;
        self.note_way(&endpoint, hub.key());
        let report = report?;
        endpoint.wait_idle(std::time::Duration::from_millis(200)).await;
        Ok(report)
    }

    /// Pins the key that the hub has shown to follow.
    pub(super) fn follow(&self, from: &HubAddress, to: HubAddress) -> Result<(), ClientError> {
        settings::replace(&self.dir, &Settings { hub: Some(to.clone()) })?;
        note_moved(&self.dir, from.key(), to.key());
        self.note_moved_hub(to);
        Ok(())
    }

    /// A person's word on the new key was shown to be right.
    fn settle_new_key(&self, to: DeviceId) {
        let path = self.dir.join(HEIR_FILE);
        let Ok(text) = fs::read_to_string(&path) else { return };
        if let Ok(from) = text.trim().parse() {
            note_moved(&self.dir, from, to);
        }
        // One that stays is only asked for once more.
        drop(settings::remove(path));
    }

    /// Forgets that the hub's key was said to be replaced.
    pub(super) fn forget_new_key(&self) -> Result<(), ClientError> {
        settings::remove(self.dir.join(HEIR_FILE))
    }

    /// Returns the announcements by which the hub's keys follow each other, one line of digits each, for
    /// `bienban verify --hub-keys`.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Store`] when reading fails.
    pub fn hub_announcements(&self) -> Result<String, ClientError> {
        let acts = self.phone.replica().announcements()?;
        Ok(acts.into_iter().map(|act| hex::encode(act) + "\n").collect())
    }
}

/// Reads announcements of hubs' keys, one line of digits each; nothing where a line is none, or does not hold.
#[must_use]
pub fn read_announcements(text: &str) -> Option<Vec<Link>> {
    let line = |line: &str| Link::of(&SignedAct::decode(&hex::decode(line.trim()).ok()?).ok()?);
    text.lines().filter(|text| !text.trim().is_empty()).map(line).collect()
}

/// It is told once; where it cannot be noted, the log of the program is told instead.
fn note_moved(dir: &Path, from: DeviceId, to: DeviceId) {
    let text = format!("{from} {to} {}", clock::now().0);
    if let Err(error) = fs::write(dir.join(MOVED_FILE), text) {
        tracing::warn!(%error, "cannot note that the hub's key was replaced");
    }
}

/// Whether what answered does not hold the key that it was asked for.
fn is_other_key(error: &ClientError) -> bool {
    match error {
        ClientError::Net(error) => matches!(error, NetError::HubKeyMismatch { .. }),
        ClientError::Driver(DriverError::Net(error)) => {
            matches!(**error, NetError::HubKeyMismatch { .. })
        }
        _ => false,
    }
}
