//! Seals a store under the present key while it is opened: a plain one, or one with an older key.

use std::path::Path;
use std::sync::Arc;

use super::{INDEX_ROOM_BYTES, Opening, Place};
use crate::store::StoreError;
use crate::store::entry::StoreId;
use crate::store::files::{Files, failed};
use crate::store::index::Index;
use crate::store::repair::{Site, reseal};
use crate::store::rows::Engine;
use crate::store::scan::{Scan, segment_files};
use crate::store::sealing::{SealedEngine, Sealing};
use crate::store::takeover::seal_aside;

impl Place {
    /// Lays the seal over an engine. What is in memory only stays as it is.
    pub(super) fn seal_rows(&self, engine: Box<dyn Engine>) -> Box<dyn Engine> {
        match &self.options.sealing {
            Some(sealing) if !self.options.index_in_memory => {
                Box::new(SealedEngine { engine, sealing: Arc::clone(sealing) })
            }
            _ => engine,
        }
    }
}

impl Opening<'_> {
    /// Seals the journal anew where the present key does not seal all of it, and says whether it did.
    /// Under an older key it may stay for want of room; plain records may not.
    pub(super) fn reseal(
        &mut self,
        found: &Scan,
        store: StoreId,
        index: Option<&Index>,
    ) -> Result<bool, StoreError> {
        let Some(sealing) = &self.place.options.sealing else { return Ok(false) };
        let (key, segments) = (sealing.key(), &found.found.segments);
        if self.poison.is_some() || segments.iter().all(|segment| segment.key == key) {
            return Ok(false);
        }
        let (folder, files) = (self.place.journal_folder(), &self.place.options.files);
        let plain = segments.iter().any(|segment| segment.key == 0);
        let site = Site {
            files,
            folder: &folder,
            store,
            sealing: Some(sealing),
            named: true,
            segment_bytes: self.place.options.segment_bytes,
            now_millis: self.place.now(),
        };
        let index = index.filter(|index| index.meta().store == store);
        let aside = if plain { self.seal_asides(&**sealing) } else { Ok(()) };
        let written = aside.and_then(|()| {
            if !self.place.has_room(bytes_in(&**files, &folder)? + INDEX_ROOM_BYTES) {
                return Err(StoreError::Full { action: "seal the journal anew" });
            }
            reseal(&site, index, found.found.head.position)
        });
        match written {
            Ok(()) => Ok(true),
            Err(StoreError::Full { .. }) if !plain => {
                self.opened.older_keys = true;
                Ok(false)
            }
            Err(error) => {
                self.opened.older_keys = true;
                self.poison.get_or_insert(error);
                Ok(false)
            }
        }
    }

    /// What a plain store set aside is sealed, or removed where it can be made again.
    fn seal_asides(&self, sealing: &dyn Sealing) -> Result<(), StoreError> {
        self.drop_old_indexes();
        seal_aside(self.place.files(), &self.place.root, sealing)
    }

    pub(super) fn seal_records(&self, index: Index) -> Index {
        index.with_sealing(self.place.options.sealing.clone())
    }

    pub(super) fn remove_index(&self, folder: &Path) -> Result<(), StoreError> {
        let files = self.place.files();
        let removed =
            files.remove_folder(folder).and_then(|()| files.sync_folder(&self.place.root));
        removed.map_err(|source| failed("remove", folder, source))
    }
}

/// Returns how long the files of a journal are together.
fn bytes_in(files: &dyn Files, folder: &Path) -> Result<u64, StoreError> {
    let mut bytes = 0;
    for (_, path) in segment_files(files, folder)? {
        let length = files.read_start(&path, 0).map_err(|source| failed("read", &path, source))?;
        bytes += length.1;
    }
    Ok(bytes)
}
