//! *Ghi danh*: taking up an administrator's invitation, until a person has compared six digits.

use std::sync::Arc;
use std::time::Duration;

use bienban_core::client::parts::{CheckDigits, EnrolAnswer, EnrolRefusal, EnrolUri, HubAddress};
use bienban_core::client::{Client, Remedy};
use tokio::sync::watch;

use crate::bienban::{Bienban, Me, me};
use crate::engine::{Engine, EnrolmentTurn, joined};
use crate::error::{BienbanError, Fault};

/// How long one attempt waits for the administrator. The claim is kept by the server; another attempt
/// follows until the invitation ends, and a line that breaks costs one attempt.
const ATTEMPT: Duration = Duration::from_secs(60);

/// Between two attempts after the line broke.
const AGAIN: Duration = Duration::from_secs(3);

/// Where an enrolment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum EnrolmentState {
    /// The server was not reached yet.
    Claiming,
    /// The server keeps the claim, and an administrator is to confirm it: show the digits.
    Waiting,
    /// The server knows this device.
    Admitted,
    /// It ended without that; [`Enrolment::wait`] tells why.
    Ended,
}

/// An enrolment as a screen shows it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct EnrolmentStatus {
    /// Where it stands.
    pub state: EnrolmentState,
    /// The six digits that a person compares with the administrator's.
    pub digits: String,
    /// The same in two groups, as they are read out.
    pub digits_grouped: String,
    /// Until when the claim may be confirmed, in milliseconds since 1970, by the server's clock; none while
    /// it was not reached.
    pub until_ms: Option<i64>,
}

/// What it comes to.
#[derive(Debug, Clone)]
struct Course {
    status: EnrolmentStatus,
    ended: Option<Result<Me, BienbanError>>,
}

/// An enrolment under way.
#[derive(uniffi::Object)]
pub struct Enrolment {
    course: watch::Receiver<Course>,
    cancel: watch::Sender<bool>,
}

#[uniffi::export]
impl Enrolment {
    /// Returns where it stands.
    ///
    /// # Errors
    ///
    /// None so far.
    pub fn status(&self) -> Result<EnrolmentStatus, BienbanError> {
        Ok(self.course.borrow().status.clone())
    }

    /// Waits until the server keeps the claim, and returns the digits to show; at once if it does.
    ///
    /// # Errors
    ///
    /// As [`Enrolment::wait`], where it ended before.
    pub async fn wait_for_digits(&self) -> Result<EnrolmentStatus, BienbanError> {
        let mut course = self.course.clone();
        let come = |course: &Course| {
            course.ended.is_some() || course.status.state != EnrolmentState::Claiming
        };
        let now = course.wait_for(come).await.map(|course| course.clone());
        let now = now.map_err(|_| Fault::Closed.told("enrol"))?;
        match now.ended {
            Some(Err(error)) => Err(error),
            _ => Ok(now.status),
        }
    }

    /// Waits until an administrator has confirmed this device, and returns who it is. Several may wait;
    /// dropping the future ends nothing.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::NotEnrolled`] when the server refused the claim or nobody confirmed it in
    /// time, [`BienbanError::Cancelled`] after [`Enrolment::cancel`], [`BienbanError::Network`] when the
    /// server was never reached, and [`BienbanError::WrongHub`] when another answers.
    pub async fn wait(&self) -> Result<Me, BienbanError> {
        let mut course = self.course.clone();
        let ended = course.wait_for(|course| course.ended.is_some()).await;
        let ended = ended.map(|course| course.ended.clone());
        // The task that tells is gone with its runtime: the folder was closed.
        ended.ok().flatten().unwrap_or_else(|| Err(Fault::Closed.told("enrol")))
    }

    /// Ends waiting, at any time and as often as one likes. The claim stays with the server;
    /// [`Bienban::resume_enrolment`] goes on with it, also after a restart.
    ///
    /// # Errors
    ///
    /// None so far.
    pub fn cancel(&self) -> Result<(), BienbanError> {
        self.cancel.send_replace(true);
        Ok(())
    }
}

impl Drop for Enrolment {
    fn drop(&mut self) {
        self.cancel.send_replace(true);
    }
}

fn refusal(why: EnrolRefusal) -> Fault {
    Fault::Enrolment(match why {
        EnrolRefusal::Unknown => "enrol_unknown",
        EnrolRefusal::Expired => "enrol_expired",
        EnrolRefusal::Taken => "enrol_taken",
        EnrolRefusal::Denied => "enrol_denied",
        EnrolRefusal::Revoked => "enrol_revoked",
        EnrolRefusal::Malformed => "enrol_malformed",
    })
}

fn status(digits: CheckDigits) -> EnrolmentStatus {
    let digits = digits.to_string();
    let digits_grouped = match digits.split_at_checked(3) {
        Some((first, second)) => format!("{first} {second}"),
        None => digits.clone(),
    };
    EnrolmentStatus { state: EnrolmentState::Claiming, digits, digits_grouped, until_ms: None }
}

/// Takes the invitation up that was begun, on threads of this library.
fn go_on(engine: &Arc<Engine>, turn: EnrolmentTurn, digits: CheckDigits) -> Arc<Enrolment> {
    let begun = Course { status: status(digits), ended: None };
    let (tell, course) = watch::channel(begun);
    let tell = Arc::new(tell);
    let (cancel, cancelled) = watch::channel(false);
    let working = Arc::clone(engine);
    drop(engine.spawn(async move {
        let telling = Arc::clone(&tell);
        let outcome = enrolled(working, telling, Ends { cancelled, turn }).await;
        let outcome = outcome.map_err(|fault| fault.told("enrol"));
        tell.send_modify(|course| {
            course.status.state = match &outcome {
                Ok(_) => EnrolmentState::Admitted,
                Err(_) => EnrolmentState::Ended,
            };
            course.ended = Some(outcome);
        });
    }));
    Arc::new(Enrolment { course, cancel })
}

/// What ends an enrolment from outside.
struct Ends {
    cancelled: watch::Receiver<bool>,
    turn: EnrolmentTurn,
}

impl Ends {
    /// Ends, with the reason, when it is to end.
    async fn come(&mut self, engine: &Engine) -> Fault {
        tokio::select! {
            _ = self.cancelled.wait_for(|cancelled| *cancelled) => Fault::Cancelled,
            () = self.turn.overtaken() => Fault::Cancelled,
            () = engine.closing() => Fault::Closed,
        }
    }
}

async fn enrolled(
    engine: Arc<Engine>,
    tell: Arc<watch::Sender<Course>>,
    mut ends: Ends,
) -> Result<Me, Fault> {
    let mut work = engine.spawn(claimed(Arc::clone(&engine), Arc::clone(&tell)));
    let hub = tokio::select! {
        biased;
        outcome = &mut work => joined(outcome),
        why = ends.come(&engine) => {
            if tell.borrow().status.state != EnrolmentState::Admitted {
                work.abort();
            }
            // So that nothing of it is under way when the next begins. Where the server has said yes meanwhile, that
            // goes before: it must be noted.
            match work.await {
                Ok(Ok(hub)) => Ok(hub),
                _ => Err(why),
            }
        }
    }?;
    // From here on nobody ends it: the server knows this device, and that must be noted.
    let changing = Arc::clone(&engine);
    let admit = async move { changing.change(move |client| Ok(client.admit(hub)?)).await };
    joined(engine.spawn(admit).await)?;
    // The first exchange brings who this device is. Where it fails, the next one does.
    let first = engine.spawn(crate::sync::once(Arc::clone(&engine)));
    let abort = first.abort_handle();
    let outcome = tokio::select! {
        outcome = first => joined(outcome).map(drop),
        why = ends.come(&engine) => {
            abort.abort();
            Err(why)
        }
    };
    if let Err(fault) = outcome {
        drop(fault.told("first_sync"));
    }
    let held = engine.hold().await?;
    crate::engine::blocking(move || held.as_ref().ok_or(Fault::Closed).and_then(me)).await
}

/// Claims the invitation until the server knows this device, and returns the server's address.
async fn claimed(
    engine: Arc<Engine>,
    tell: Arc<watch::Sender<Course>>,
) -> Result<HubAddress, Fault> {
    loop {
        let held = engine.hold().await?;
        let client = held.as_ref().ok_or(Fault::Closed)?;
        let telling = Arc::clone(&tell);
        let told = move |answer, _| {
            telling.send_modify(|course| match answer {
                EnrolAnswer::Waiting { until, .. } => {
                    course.status.state = EnrolmentState::Waiting;
                    course.status.until_ms = Some(until.0);
                }
                EnrolAnswer::Admitted => course.status.state = EnrolmentState::Admitted,
                EnrolAnswer::Refused(_) => {}
            });
        };
        let claimed = client.claim(ATTEMPT, told).await;
        let was_kept = tell.borrow().status.state == EnrolmentState::Waiting;
        match claimed {
            Ok((EnrolAnswer::Admitted, Some(hub))) => return Ok(hub),
            Ok((EnrolAnswer::Refused(why), _)) => {
                client.forget_enrolment()?;
                return Err(refusal(why));
            }
            Ok(_) => {}
            // A claim that the server keeps stays so: a line that breaks is waited out.
            Err(error) if was_kept && error.trouble().remedy() == Remedy::Retry => {
                drop(held);
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

#[uniffi::export]
impl Bienban {
    /// Takes up an invitation that was scanned or pasted. `label` is how the phone or its holder is called:
    /// the administrator is shown it with the claim. An enrolment that is under way ends as cancelled.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::NotEnrolled`] for what is no invitation, and [`BienbanError::WrongHub`] when
    /// this device pins another server and `other_hub` does not say that this is meant.
    pub async fn enrol(
        &self,
        invitation: String,
        label: String,
        other_hub: bool,
    ) -> Result<Arc<Enrolment>, BienbanError> {
        let checked = move |client: &Client| {
            let uri: EnrolUri =
                invitation.trim().parse().map_err(bienban_core::client::ClientError::from)?;
            client.check_hub_key(uri.key())?;
            if let Some(pinned) = client.settings().hub.as_ref().map(|hub| hub.key())
                && pinned != uri.key()
                && !other_hub
            {
                let given = uri.key();
                let error = bienban_core::client::ClientError::OtherKey { pinned, given };
                return Err(error.into());
            }
            Ok(uri)
        };
        // Before the turn: what is no invitation ends no enrolment.
        let uri = self.engine.read("enrol", checked).await?;
        let work = move |client: &Client| {
            client.begin_enrolment(&uri, &label)?;
            let digits = client.enrolment_digits()?;
            digits.ok_or_else(|| bienban_core::client::ClientError::NoEnrolment.into())
        };
        let turn = self.engine.enrolment_turn().await;
        let digits = self.engine.read("enrol", work).await?;
        Ok(go_on(&self.engine, turn, digits))
    }

    /// Goes on with the invitation that was begun, also after a restart; none where none was. An enrolment that is
    /// under way ends as cancelled.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Damaged`] when the note of it cannot be read.
    pub async fn resume_enrolment(&self) -> Result<Option<Arc<Enrolment>>, BienbanError> {
        let work = |client: &Client| Ok(client.enrolment_digits()?);
        let turn = self.engine.enrolment_turn().await;
        let digits = self.engine.read("resume_enrolment", work).await?;
        Ok(digits.map(|digits| go_on(&self.engine, turn, digits)))
    }

    /// Forgets the invitation that was begun; an enrolment that is under way ends as cancelled.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Damaged`] when the note of it cannot be removed.
    pub async fn forget_enrolment(&self) -> Result<(), BienbanError> {
        let _turn = self.engine.enrolment_turn().await;
        let work = |client: &Client| Ok(client.forget_enrolment()?);
        self.engine.read("forget_enrolment", work).await
    }
}
