//! *Phần đầu biên bản*: what stands in the header of the minutes, and writing it.

use super::planning::law;
use super::read::{Authors, wrong_kind};
use super::{Client, ClientError};
use crate::checklist::header::{HeaderForm, HeaderSheet, HeaderSources};
use crate::model::{EditError, Editor, Genesis, InspectionView, Kind};
use crate::replica::EditOutcome;

/// Returns the fields of the header that this program knows.
#[must_use]
pub fn header_form() -> &'static HeaderForm {
    law().header
}

impl Client {
    /// Returns the header of the minutes: every known field with what stands in it, what is missing
    /// and what does not fit; and who wrote it.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Replica`] when the inspection is not here.
    pub fn header(&self, inspection: &Genesis) -> Result<(HeaderSheet, Authors), ClientError> {
        let document = self.open_inspection(inspection)?;
        let read = document.view().inspection();
        let read = read.ok_or_else(|| wrong_kind(inspection, Kind::Inspection))?;
        let sheet = self.header_of(inspection, &read)?;
        Ok((sheet, self.authors(inspection.document(), &document)?))
    }

    /// Reads the header of an inspection that is open already.
    pub(super) fn header_of(
        &self,
        inspection: &Genesis,
        read: &InspectionView,
    ) -> Result<HeaderSheet, ClientError> {
        let around = self.around(inspection)?;
        Ok(header_form().sheet(around.sources(read)))
    }

    /// Writes a field of the minutes' header, for instance `witness`, as a person types it. An empty
    /// text takes it back.
    ///
    /// # Errors
    ///
    /// Returns [`ClientError::Header`] for a field that there is not, and for a value that does not
    /// fit it or the other fields, [`ClientError::Replica`] while values that differ stand in it (see
    /// [`Client::resolve_header`]), or when it could not be recorded.
    pub fn set_header(
        &self,
        inspection: &Genesis,
        name: &str,
        typed: &str,
    ) -> Result<EditOutcome<()>, ClientError> {
        self.check_rights(inspection)?;
        let value = header_form().read(name, typed)?;
        let around = self.around(inspection)?;
        let mut failed = None;
        let edit = |editor: &mut Editor<'_>| {
            let Some(read) = editor.before().view().inspection() else {
                return editor.set_header(name, &value);
            };
            if let Err(error) = header_form().check_order(name, &value, around.sources(&read)) {
                failed = Some(error);
                // An error leaves the document as it was.
                return Err(EditError::Internal);
            }
            editor.set_header(name, &value)
        };
        let outcome = self.edit(inspection, edit);
        match failed {
            Some(error) => Err(error.into()),
            None => outcome,
        }
    }
}

impl super::life::Around {
    pub(super) fn sources<'a>(&'a self, inspection: &'a InspectionView) -> HeaderSources<'a> {
        HeaderSources {
            inspection,
            plan: self.plan.as_ref(),
            facility_id: self.facility.as_deref(),
            facility: self.facility_read.as_ref(),
            unit: Some(&self.unit),
        }
    }
}
