//! Who writes under which name in a document.

use super::ReplicaError;
use super::documents::each_row;
use super::facts::Fact;
use super::phone::Phone;
use super::records::Records;
use super::rows::{self, SOURCE, Source, TIP, TipRow};
use crate::model::{Actor, DocumentId, Owners};
use crate::store::StoreError;
use crate::sync::{FeedItem, PackHeader};

impl Phone {
    /// Returns the device of each name in a document, as signatures tell of what is held and of what
    /// arrived. `own` are names of changes written here.
    ///
    /// A name is made of its device, so a signature for it tells for all its changes.
    pub(super) fn owners(
        &self,
        document: DocumentId,
        own: impl Iterator<Item = Actor>,
        arrived: &[FeedItem],
    ) -> Result<Owners, ReplicaError> {
        let store = self.replica().store();
        let mut owners = Owners::new();
        let mut sources = Vec::new();
        each_row(&**store, &rows::of_document(SOURCE, document), None, |key, value| {
            sources.push(rows::decode::<Source>(key, value)?);
            Ok(())
        })?;
        let mut records = Records::default();
        for source in sources {
            let told = match source {
                Source::Change | Source::Resubmitted { .. } => continue,
                Source::Pack(place) => records.pack(&**store, place).map(|bytes| {
                    owners.extend(
                        PackHeader::peek(&bytes).ok().map(|head| (head.actor, head.device)),
                    );
                }),
                Source::Snapshot { at, index } => records.fact(&**store, at).map(|fact| {
                    if let Fact::Received { items, .. } = fact {
                        tell(items.get(index as usize), document, &mut owners);
                    }
                }),
            };
            match told {
                // A record that is lost is in no document either.
                Ok(()) | Err(StoreError::Damaged { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        each_row(&**store, &rows::of_document(TIP, document), None, |key, value| {
            let row: TipRow = rows::decode(key, value)?;
            owners.insert(row.attestation.actor(), row.attestation.device);
            Ok(())
        })?;
        tell(arrived, document, &mut owners);
        owners.extend(own.map(|actor| (actor, self.device())));
        Ok(owners)
    }
}

fn tell<'i>(
    items: impl IntoIterator<Item = &'i FeedItem>,
    document: DocumentId,
    owners: &mut Owners,
) {
    for item in items {
        match item {
            FeedItem::Pack(bytes) => {
                let head = PackHeader::peek(bytes).ok().filter(|head| head.document == document);
                owners.extend(head.map(|head| (head.actor, head.device)));
            }
            FeedItem::Snapshot(snapshot) if snapshot.genesis.document() == document => {
                let proofs = snapshot.attestations.iter();
                owners.extend(proofs.map(|proof| (proof.actor(), proof.device)));
            }
            _ => {}
        }
    }
}
