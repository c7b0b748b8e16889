//! What a supervisor decides, comments and asks for, and what the team replies.

use bienban_core::client::{Client, Sending};
use bienban_core::model::{ChangeHash, Genesis};

use crate::bienban::Bienban;
use crate::error::{BienbanError, Fault};
use crate::inspections::{Edited, found};

/// What was written to a review.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct Sent {
    /// Its id.
    pub id: String,
}

/// Reads the heads that a person saw; none for what is here now.
fn seen(
    client: &Client,
    inspection: &Genesis,
    heads: Vec<String>,
) -> Result<Option<Vec<ChangeHash>>, Fault> {
    if heads.is_empty() {
        return Ok(None);
    }
    let document = client.open_inspection(inspection)?;
    Ok(Some(client.find_heads(&document, &heads)?))
}

#[uniffi::export]
impl Bienban {
    /// Accepts an inspection (*chấp nhận*) as it was at the heads that the person saw, which
    /// [`InspectionScreen::heads`](crate::InspectionScreen::heads) tells; without any as it is here now.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::Conflict`] while values that differ stand and `despite` gives no reason, and
    /// [`BienbanError::NotAllowed`] when this device may not judge.
    pub async fn accept(
        &self,
        inspection: String,
        text: String,
        seen_heads: Vec<String>,
        despite: Option<String>,
    ) -> Result<Edited, BienbanError> {
        let work = move |client: &Client| {
            let inspection = found(client, &inspection)?;
            let heads = seen(client, &inspection, seen_heads)?;
            let outcome =
                client.accept(&inspection, &text, heads.as_deref(), despite.as_deref())?;
            Ok(Edited { recorded: outcome.recorded.is_some() })
        };
        self.engine.write("accept", work).await
    }

    /// Pins a comment to an item, or to the whole inspection.
    ///
    /// # Errors
    ///
    /// As [`Bienban::accept`], and [`BienbanError::Invalid`] for an item that the checklist does not have.
    pub async fn comment(
        &self,
        inspection: String,
        item: Option<String>,
        text: String,
    ) -> Result<Sent, BienbanError> {
        let work = move |client: &Client| {
            let (id, _) = client.comment(&found(client, &inspection)?, item.as_deref(), &text)?;
            Ok(Sent { id: hex::encode(id) })
        };
        self.engine.write("comment", work).await
    }

    /// Sends an inspection back (*trả lại để bổ sung*), as a whole or to one item.
    ///
    /// # Errors
    ///
    /// As [`Bienban::comment`].
    pub async fn send_back(
        &self,
        inspection: String,
        item: Option<String>,
        text: String,
        seen_heads: Vec<String>,
    ) -> Result<Sent, BienbanError> {
        let work = move |client: &Client| {
            let inspection = found(client, &inspection)?;
            let heads = seen(client, &inspection, seen_heads)?;
            let (id, _) = client.send_back(&inspection, &Sending { item, text, seen: heads })?;
            Ok(Sent { id: hex::encode(id) })
        };
        self.engine.write("send_back", work).await
    }

    /// Replies to a comment or request, by its id. A request counts as answered then.
    ///
    /// # Errors
    ///
    /// Returns [`BienbanError::NotFound`] for an id that there is not.
    pub async fn reply(
        &self,
        inspection: String,
        to: String,
        text: String,
    ) -> Result<Sent, BienbanError> {
        let work = move |client: &Client| {
            let (id, _) = client.reply(&found(client, &inspection)?, &to, &text)?;
            Ok(Sent { id: hex::encode(id) })
        };
        self.engine.write("reply", work).await
    }
}
