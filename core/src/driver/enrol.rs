//! Enrolment on the wire: a phone that the hub does not know claims an invitation and waits for a word.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::serve::Wakeup;
use super::{CONNECT_TIMEOUT, DriverError, blocking, stopped};
use crate::clock;
use crate::model::DeviceId;
use crate::net::{CloseReason, HubAddress, Link, PhoneEndpoint};
use crate::replica::Hub;
use crate::sync::{Frame, PROTOCOL_VERSION};
use crate::trust::enrolment::{Claim, EnrolAnswer, EnrolRefusal};
use crate::trust::log::Turned;

/// How long a newcomer may take to say what it claims: a phone says it with the end of its handshake.
const CLAIM_WAIT: Duration = Duration::from_secs(20);

/// How long the hub keeps a claim's connection open for the administrator's word. The phone comes again
/// after it; a place is not held for a day.
const WORD_WAIT: Duration = Duration::from_secs(60);

/// How long a refused claim holds its place: who tries codes gets a few tries a second for all the places
/// there are, which is nothing against 128 bits.
const REFUSAL_PAUSE: Duration = Duration::from_secs(1);

/// Claims an invitation once, and waits on the line until the hub says more than that it waits, or ends the
/// connection, or `wait` is over. The hub's first word is waited for in any case. `told` hears every word
/// on the way.
///
/// # Errors
///
/// Returns [`DriverError::Net`] when the hub cannot be reached, is not the pinned one, lets no newcomer in
/// now, or the link breaks; [`DriverError::Refused`] when the hub failed.
pub async fn enrol(
    endpoint: &PhoneEndpoint,
    hub: &HubAddress,
    claim: &Claim,
    wait: Duration,
    mut told: impl FnMut(EnrolAnswer),
) -> Result<EnrolAnswer, DriverError> {
    let until = Instant::now() + wait;
    let mut link = endpoint.connect(hub, CONNECT_TIMEOUT).await?;
    let said = Frame::Enrol { protocol: PROTOCOL_VERSION, claim: claim.clone() };
    link.send(&encoded(&said)?).await?;
    let mut last = None;
    loop {
        let received = match last {
            None => link.receive().await?,
            Some(_) => match timeout_at(until, link.receive()).await {
                Ok(received) => received?,
                Err(_) => break,
            },
        };
        let Some(bytes) = received else { break };
        match Frame::decode_enrolled(&bytes).map_err(|_| DriverError::Cut)? {
            Some(Ok(answer)) => {
                told(answer);
                last = Some(answer);
                if !matches!(answer, EnrolAnswer::Waiting { .. }) {
                    // It is said; whether the goodbye arrives changes nothing.
                    drop(link.send(&encoded(&Frame::Bye)?).await);
                    break;
                }
            }
            Some(Err(failure)) => return Err(DriverError::Refused { failure }),
            None => break,
        }
    }
    drop(link.finish().await);
    last.ok_or(DriverError::Cut)
}

/// Hears a phone that nobody knows: one claim, one answer, and a while later what became of it.
///
/// # Errors
///
/// Returns [`DriverError::Net`] when the link breaks and [`DriverError::Replica`] when the store fails.
pub async fn serve_newcomer(
    hub: Arc<Hub>,
    link: Link,
    wakeup: Wakeup,
    mut stop: watch::Receiver<bool>,
) -> Result<(), DriverError> {
    let from = link.peer();
    let grown = wakeup.changes();
    tokio::select! {
        heard = hear(hub, link, from, grown) => heard,
        () = stopped(&mut stop) => Ok(()),
    }
}

async fn hear(
    hub: Arc<Hub>,
    mut link: Link,
    from: DeviceId,
    mut grown: watch::Receiver<u64>,
) -> Result<(), DriverError> {
    let received = timeout_at(Instant::now() + CLAIM_WAIT, link.receive()).await;
    let Ok(Ok(Some(bytes))) = received else {
        link.abort(CloseReason::NoSession);
        return Ok(());
    };
    let Ok((_, claim)) = Frame::decode_enrol(&bytes) else {
        // A device whose rights have ended says what known ones say, and hears what it always heard.
        turned(&hub, from).await?;
        link.abort(CloseReason::DeviceUnknown);
        return Ok(());
    };
    let until = Instant::now() + WORD_WAIT;
    loop {
        let (looking, claimed) = (hub.clone(), claim.clone());
        let answer = blocking(move || looking.claim(&claimed, from, clock::now())).await??;
        if let EnrolAnswer::Refused(_) = answer {
            sleep(REFUSAL_PAUSE).await;
        }
        link.send(&encoded(&Frame::Enrolled(answer))?).await?;
        if !matches!(answer, EnrolAnswer::Waiting { .. }) {
            break;
        }
        // Rights change with the control log, which wakes everybody; whatever else grows only costs a look.
        let changed = timeout_at(until, async {
            loop {
                if grown.changed().await.is_err() || is_decided(&hub, &claim, from).await {
                    return;
                }
            }
        });
        if changed.await.is_err() {
            break;
        }
    }
    drop(link.finish().await);
    Ok(())
}

/// Returns whether something is to be said to a waiting phone.
async fn is_decided(hub: &Arc<Hub>, claim: &Claim, from: DeviceId) -> bool {
    if hub.knows_device(from) {
        return true;
    }
    let (hub, id) = (hub.clone(), claim.invitation);
    let refusal = blocking(move || hub.refusal_of(id, clock::now())).await;
    matches!(refusal, Ok(Ok(Some(EnrolRefusal::Denied | EnrolRefusal::Unknown))))
}

async fn turned(hub: &Arc<Hub>, from: DeviceId) -> Result<(), DriverError> {
    let hub = hub.clone();
    Ok(blocking(move || hub.turned_away(Turned::Stranger, from, 1, clock::now())).await??)
}

fn encoded(frame: &Frame) -> Result<Vec<u8>, DriverError> {
    // Both frames of an enrolment hold only sized fields and a short label.
    frame.encode().map_err(|_| DriverError::Stopped)
}
