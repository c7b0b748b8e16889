//! Where this device's work has arrived, truthfully; and the exported record.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bienban_core::client::parts::Notice as CoreNotice;
use bienban_core::client::{Client, ClientError, Exported as MadeRecord, Unhelped};
use tokio::sync::watch;

use crate::bienban::Bienban;
use crate::engine::{Engine, blocking, joined};
use crate::error::{BienbanError, Fault};
use crate::inspections::found;
use crate::records::{Arrival, DocumentKind, kind_of};

/// How far this device's work on one record has come.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct LedgerRow {
    /// The record.
    pub document: String,
    /// Its kind.
    pub kind: DocumentKind,
    /// What to call it; may be empty.
    pub title: String,
    /// How far it has come.
    pub arrival: Arrival,
    /// Edits of others that came from their devices and that the server is not known to have.
    pub carried: u64,
}

/// A change that the server did not take into the record. It is kept here and there.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Notice {
    /// The record.
    pub document: String,
    /// The change, in hexadecimal.
    pub change: String,
    /// Why, by its name: `NotAllowed`, `Orphan`, `Limits` and so on.
    pub verdict: String,
}

/// An edit of this device that is not in the record: it can be made once more by hand.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct RejectedWork {
    /// The record.
    pub document: String,
    /// The change, in hexadecimal.
    pub change: String,
    /// When it was made, in milliseconds since 1970, by this device's clock.
    pub at_ms: i64,
    /// What it wrote: the places' names, an item's among them; of typed text nothing.
    pub places: Vec<String>,
    /// What stood there: values as stored, and typed characters.
    pub texts: Vec<String>,
}

/// Minutes that were sealed on this device and that are not registered yet.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct WaitingMinutes {
    /// The inspection.
    pub document: String,
    /// *Mã tạm*: the first digits of the seal.
    pub code: String,
    /// When they were sealed, in milliseconds since 1970.
    pub at_ms: i64,
    /// The server refused them.
    pub refused: bool,
}

/// A decision of this device that the server has not entered, a countersignature for instance.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct WaitingDecision {
    /// Its name's first digits.
    pub code: String,
    /// When it was signed, in milliseconds since 1970, by this device's clock.
    pub at_ms: i64,
    /// The server refused it; if not, it waits for the next exchange.
    pub refused: bool,
}

/// Where this device's work has arrived.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Ledger {
    /// Every record that this device has edited, or carries for others: those with work that is only here
    /// first.
    pub records: Vec<LedgerRow>,
    /// Edits that are nowhere but here, over all records.
    pub only_here: u64,
    /// Of these, edits that the server keeps aside: no exchange changes that.
    pub set_aside: u64,
    /// Edits of others that are only known to be here.
    pub carried: u64,
    /// What the server did not take into the record, oldest first.
    pub notices: Vec<Notice>,
    /// Edits of this device that are not in the record.
    pub rejected: Vec<RejectedWork>,
    /// Minutes that wait for their number.
    pub minutes: Vec<WaitingMinutes>,
    /// Decisions of this device that the server has not entered, countersignatures among them.
    pub decisions: Vec<WaitingDecision>,
    /// What this device's store lost: nothing on a sound phone.
    pub losses: u32,
    /// The server refused this device when it was asked last, in milliseconds since 1970.
    pub refused_at_ms: Option<i64>,
}

/// An exported record.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Exported {
    /// The file's length in bytes.
    pub bytes: u64,
    /// Leaves of the server's log that are proved in it; none where the server was not asked or reached.
    pub leaves: Option<u64>,
    /// The server was asked and did not help: the file cannot show that the record is in its log.
    pub unhelped: bool,
}

fn ledger(client: &Client) -> Result<Ledger, Fault> {
    let status = client.status()?;
    let notices = client.refused()?;
    let (only_here, set_aside) = client.only_here()?;
    let rejected = client.rejected()?;
    let told = |notice: &CoreNotice| Notice {
        document: notice.document.to_string(),
        change: notice.hash.to_string(),
        verdict: format!("{:?}", notice.verdict),
    };
    let mut minutes = client.unregistered_minutes()?;
    minutes.retain(|one| one.given_up.is_none());
    Ok(Ledger {
        only_here,
        set_aside,
        carried: status.iter().map(|row| row.carried).sum(),
        records: status
            .into_iter()
            .map(|row| LedgerRow {
                document: row.document.to_string(),
                kind: kind_of(row.kind),
                title: row.title,
                arrival: Arrival::of(&row.arrival),
                carried: row.carried,
            })
            .collect(),
        notices: notices.iter().map(told).collect(),
        rejected: rejected
            .iter()
            .map(|edit| RejectedWork {
                document: edit.document.to_string(),
                change: edit.change.to_string(),
                at_ms: edit.at.0,
                places: edit.written.iter().filter_map(|one| one.key.clone()).collect(),
                texts: edit.written.iter().map(|one| one.text.clone()).collect(),
            })
            .collect(),
        minutes: minutes
            .iter()
            .map(|one| WaitingMinutes {
                document: one.document.to_string(),
                code: one.seal.short(),
                at_ms: one.at.0,
                refused: one.refused,
            })
            .collect(),
        decisions: client
            .decisions()?
            .iter()
            .map(|acting| WaitingDecision {
                code: acting.id.short(),
                at_ms: acting.act.act.at.0,
                refused: acting.refused,
            })
            .collect(),
        losses: crate::records::count(client.troubles()?.len()),
        refused_at_ms: client.refused_at()?.map(|at| at.0),
    })
}

/// Writes a file so that a power cut leaves nothing or all of it under its name.
fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let random = bienban_core::client::parts::random::<8>().map_err(ClientError::from)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}.part", hex::encode(random)));
    let write = || {
        let mut file = std::fs::File::create_new(&beside)?;
        std::io::Write::write_all(&mut file, bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    };
    let failed = |source| ClientError::File { action: "write", path: path.to_owned(), source };
    let written = write().map_err(failed);
    if written.is_err() {
        // It may never have been made; what matters is told.
        std::fs::remove_file(&beside).ok();
    }
    Ok(written?)
}

#[uniffi::export]
impl Bienban {
    /// Returns where this device's work has arrived. Loads no document.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Damaged`] when reading fails.
    pub async fn ledger(&self) -> Result<Ledger, BienbanError> {
        self.engine.read("ledger", ledger).await
    }

    /// Gives up minutes that the server has refused, with a reason that stays here; the seal stays too. Where the
    /// rights of this device were ended, minutes that wait as well.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::NotFound`] for a code that none has, and [`BienbanError::Final`] for minutes that
    /// the server keeps or has yet to answer.
    pub async fn give_up_minutes(&self, code: String, reason: String) -> Result<(), BienbanError> {
        let work = move |client: &Client| {
            let found = client.find_unregistered(&code)?;
            Ok(client.drop_minutes(&found, &reason)?)
        };
        self.engine.write("give_up_minutes", work).await
    }

    /// Gives up a decision that the server has refused; what was signed stays in the journal. Where the rights
    /// of this device were ended, one that waits too.
    ///
    /// # Errors
    ///
    /// As [`Bienban::give_up_minutes`].
    pub async fn give_up_decision(&self, code: String) -> Result<(), BienbanError> {
        let work = move |client: &Client| {
            let found = client.find_decision(&code)?;
            Ok(client.drop_decision(&found)?)
        };
        self.engine.write("give_up_decision", work).await
    }

    /// Writes a record with its evidence into a file, which anybody checks without this app. Unless
    /// `offline`, everything is exchanged first and the server proves that the record is in its log. Dropping the
    /// future ends it, and writes no file.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::NotFound`] when the record is not here, and [`BienbanError::Full`] or
    /// [`BienbanError::Damaged`] when the file cannot be written. That the server did not help is no error.
    pub async fn export_record(
        &self,
        inspection: String,
        path: String,
        offline: bool,
    ) -> Result<Exported, BienbanError> {
        // Dropped with the future, the run is cancelled.
        self.start_export(inspection, path, offline)?.wait().await
    }

    /// Begins what [`Bienban::export_record`] does and returns at once: what is returned waits, and cancels. Dropped,
    /// it is cancelled.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Closed`] after [`Bienban::shutdown`].
    pub fn start_export(
        &self,
        inspection: String,
        path: String,
        offline: bool,
    ) -> Result<Arc<ExportRun>, BienbanError> {
        let engine = Arc::clone(&self.engine);
        engine.check_open().map_err(|fault| fault.told("start_export"))?;
        let (tell, ended) = watch::channel(None);
        let (cancel, mut cancelled) = watch::channel(false);
        drop(self.engine.spawn(async move {
            let work = made(Arc::clone(&engine), inspection, offline);
            let mut work = engine.spawn(work);
            let made = tokio::select! {
                made = &mut work => joined(made),
                _ = cancelled.wait_for(|cancelled| *cancelled) => Err(Fault::Cancelled),
                () = engine.closing() => Err(Fault::Closed),
            };
            if !work.is_finished() {
                work.abort();
                drop(work.await);
                engine.events.look();
            }
            // From here on the file is written whole or not at all, whoever cancels.
            let outcome = match made {
                Ok((told, bytes)) => {
                    let writing = Arc::clone(&engine);
                    let written = move || {
                        // The order to erase what is here may have come since; no copy is written after it.
                        writing.check_open()?;
                        write_file(&PathBuf::from(path), &bytes)
                    };
                    blocking(written).await.map(|()| told)
                }
                Err(fault) => Err(fault),
            };
            tell.send_replace(Some(outcome.map_err(|fault| fault.told("export_record"))));
        }));
        Ok(Arc::new(ExportRun { ended, cancel }))
    }
}

/// Makes an exported record, in memory.
async fn made(
    engine: Arc<Engine>,
    inspection: String,
    offline: bool,
) -> Result<(Exported, Vec<u8>), Fault> {
    let made = match offline {
        // It waits for nobody, and would keep a thread of the network busy until it is done.
        true => {
            let threads = engine.threads();
            let making = move |client: &Client| {
                let document = found(client, &inspection)?.document();
                Ok(threads.block_on(client.export_record(document, &[], true))?)
            };
            engine.run(making).await
        }
        false => helped(&engine, &inspection).await,
    };
    engine.events.look();
    let made = made?;
    let told = Exported {
        bytes: u64::try_from(made.bytes.len()).unwrap_or(u64::MAX),
        leaves: made.leaves.and_then(|leaves| u64::try_from(leaves).ok()),
        unhelped: made.unhelped.is_some(),
    };
    if let Some(Unhelped::Cut(error)) = &made.unhelped {
        engine.note_end(error);
    }
    // Where that was the order to erase what is here, no copy of it is written any more.
    engine.check_open()?;
    Ok((told, made.bytes))
}

/// Exchanges everything, and has the server prove the record where it can.
async fn helped(engine: &Engine, inspection: &str) -> Result<MadeRecord, Fault> {
    let _turn = engine.keeper.turn().await;
    let held = engine.hold().await?;
    let client = held.as_ref().ok_or(Fault::Closed)?;
    let document = found(client, inspection)?.document();
    Ok(client.export_record(document, &[], false).await?)
}

/// What an export ends with.
type Ended = Option<Result<Exported, BienbanError>>;

/// An export under way.
#[derive(uniffi::Object)]
pub struct ExportRun {
    ended: watch::Receiver<Ended>,
    cancel: watch::Sender<bool>,
}

#[uniffi::export]
impl ExportRun {
    /// Waits for the end. Several may wait; dropping the future ends nothing.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Cancelled`] after [`ExportRun::cancel`], and others as [`Bienban::export_record`]
    /// tells them.
    pub async fn wait(&self) -> Result<Exported, BienbanError> {
        let mut ended = self.ended.clone();
        let outcome = ended.wait_for(Option::is_some).await.map(|outcome| outcome.clone());
        // The task that tells is gone with its runtime: the folder was closed.
        outcome.ok().flatten().unwrap_or_else(|| Err(Fault::Closed.told("export_record")))
    }

    /// Ends it, at any time and as often as one likes; no file is written unless that has begun.
    ///
    /// # Errors
    ///
    /// None so far.
    pub fn cancel(&self) -> Result<(), BienbanError> {
        self.cancel.send_replace(true);
        Ok(())
    }
}

impl Drop for ExportRun {
    fn drop(&mut self) {
        self.cancel.send_replace(true);
    }
}
