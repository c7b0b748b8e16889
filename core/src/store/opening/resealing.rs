//! Seals a store under the present key while it is opened: a plain one, or one with an older key.

use std::path::Path;
use std::sync::Arc;

use super::{INDEX_ROOM_BYTES, Opening, Place};
use crate::store::StoreError;
use crate::store::entry::StoreId;
use crate::store::files::{Files, failed};
use crate::store::index::Index;
use crate::store::repair::{ResealFault, Site, reseal, settle_interrupted};
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
    /// Seals the journal anew where the present key does not seal all of it, and says whether its files
    /// are others now. Under an older key it may stay for want of room; plain records may not.
    pub(super) fn reseal(
        &mut self,
        found: &Scan,
        store: StoreId,
        index: Option<&Index>,
    ) -> Result<bool, StoreError> {
        let Some(sealing) = &self.place.options.sealing else { return Ok(false) };
        let (key, segments) = (sealing.key(), &found.found.segments);
        let older = segments.iter().any(|segment| segment.key != key);
        if self.poison.is_some() {
            // What lies behind damage was not looked at, nor what a plain store had set aside.
            let plain = self.plain || sealing.takes_plain();
            self.opened.older_keys = older || plain || found.damage.is_some();
            return Ok(false);
        }
        if self.plain || sealing.takes_plain() {
            // Also where no segment is plain: a repair may have set plain ones aside a moment ago.
            if let Err(error) = self.seal_asides(&**sealing) {
                return Ok(self.gave_up(error));
            }
        }
        if !older {
            return Ok(false);
        }
        let plain = segments.iter().any(|segment| segment.key == 0);
        let (folder, files) = (self.place.journal_folder(), &self.place.options.files);
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
        let room = bytes_in(&**files, &folder)? + INDEX_ROOM_BYTES;
        let written = if self.place.has_room(room) {
            reseal(&site, index, found.found.head.position)
        } else {
            Err(ResealFault::Before(StoreError::Full { action: "seal the journal anew" }))
        };
        match written {
            Ok(()) => Ok(true),
            Err(ResealFault::Before(error @ StoreError::OtherKey { .. })) => Err(error),
            Err(ResealFault::Before(StoreError::Full { .. })) if !plain => {
                self.opened.older_keys = true;
                Ok(false)
            }
            Err(ResealFault::Before(error)) => Ok(self.gave_up(error)),
            Err(ResealFault::Amid(error)) => {
                self.gave_up(error.clone());
                // Best effort, so that what is there can be read; the next opening does it again.
                drop(settle_interrupted(self.place.files(), &folder));
                if self.place.journal_folder().exists() { Ok(true) } else { Err(error) }
            }
        }
    }

    /// Nothing is written until the store is opened again, and older keys stay. Returns that no file of
    /// the journal changed.
    fn gave_up(&mut self, error: StoreError) -> bool {
        self.opened.older_keys = true;
        self.poison.get_or_insert(error);
        false
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
