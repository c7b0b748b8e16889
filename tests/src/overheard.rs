//! What both sides of an exchange with a hub say, for those who listen in.

use bienban_core::model::DeviceId;
use bienban_core::sync::{Frame, FrameError, Names, PackHeader, Pushed};

/// Reads the frames of one session. A hub's may point at what the phone pushed; what it says is given spelled out.
#[derive(Debug, Default)]
pub struct Overheard {
    names: Names,
    pushed: Pushed,
    device: Option<DeviceId>,
    epoch: [u8; 16],
}

impl Overheard {
    /// Reads what the phone says; each frame once, in order.
    ///
    /// # Errors
    ///
    /// As [`Frame::decode`].
    pub fn phone(&mut self, bytes: &[u8]) -> Result<Frame, FrameError> {
        let frame = Frame::decode(bytes)?;
        self.names.note(&frame);
        self.pushed.note(&frame);
        if let Frame::Push { packs } = &frame {
            // A phone that carries packs of others pushes its own first.
            let first = || packs.iter().find_map(|pack| PackHeader::peek(pack).ok());
            self.device = self.device.or_else(|| first().map(|header| header.device));
        }
        Ok(frame)
    }

    /// Reads what the hub says.
    ///
    /// # Errors
    ///
    /// As [`Frame::decode_after`].
    ///
    /// # Panics
    ///
    /// Panics where a receipt names what was not pushed.
    pub fn hub(&mut self, bytes: &[u8]) -> Result<Frame, FrameError> {
        Ok(match Frame::decode_after(bytes, &self.names)? {
            Frame::Stored(stored) => {
                let device = self.device.expect("a receipt is for what was pushed");
                let receipt = self.pushed.receipt(&stored, self.epoch, device);
                Frame::Receipts(receipt.expect("a receipt names what was pushed"))
            }
            Frame::Welcome(welcome) => {
                self.epoch = welcome.epoch;
                Frame::Welcome(welcome)
            }
            other => other,
        })
    }
}
