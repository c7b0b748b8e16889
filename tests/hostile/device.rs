//! A device that says to a hub whatever it likes: raw frames over the real transport.

use std::net::SocketAddr;
use std::path::Path;

use bienban_core::clock;
use bienban_core::net::{HubAddress, NetError, PhoneEndpoint};
use bienban_core::sync::{Fingerprint, Frame, Hello, LogMessage, PROTOCOL_VERSION};
use bienban_core::trust::DeviceKey;
use bienban_core::trust::enrolment::EnrolAnswer;
use bienban_tests::overheard::Overheard;
use bienban_tests::process::PATIENCE;
use bienban_tests::scene::{self, Scene};
use tokio::runtime::Runtime;

/// How a session of the hostile device went.
#[derive(Debug)]
pub(crate) struct Heard {
    /// What the hub said.
    pub(crate) frames: Vec<Frame>,
    /// How the link ended, if not in order.
    pub(crate) error: Option<NetError>,
}

impl Heard {
    /// Whether the hub ended the session because of what it was sent.
    pub(crate) fn was_thrown_out(&self) -> bool {
        self.error.is_some() || self.frames.iter().any(|frame| matches!(frame, Frame::Failed(_)))
    }
}

/// The hostile device.
pub(crate) struct Hostile {
    pub(crate) key: DeviceKey,
    pub(crate) hub: HubAddress,
    pub(crate) address: SocketAddr,
    pub(crate) seed: [u8; 32],
    runtime: Runtime,
}

impl Hostile {
    pub(crate) fn new(seed: [u8; 32], hub: HubAddress, address: SocketAddr) -> Self {
        let runtime = Runtime::new().unwrap();
        Self { key: DeviceKey::from_seed(&seed), hub, address, seed, runtime }
    }

    /// The device of a phone's folder, at the hub of a scene.
    pub(crate) fn in_scene(scene: &Scene, dir: &Path) -> Self {
        let hub = scene.hub.as_ref().unwrap();
        Self::new(*scene::open_phone(dir).secret(), hub.uri.parse().unwrap(), hub.address)
    }

    /// Says these frames, whatever they are, and listens until the hub ends the session or has
    /// nothing more to say.
    pub(crate) fn say(&self, frames: &[Vec<u8>]) -> Heard {
        self.say_as(&self.seed, frames)
    }

    /// As [`Self::say`], with another key.
    pub(crate) fn say_as(&self, seed: &[u8; 32], frames: &[Vec<u8>]) -> Heard {
        self.runtime.block_on(async {
            match tokio::time::timeout(PATIENCE, self.session(seed, frames)).await {
                Ok(heard) => heard,
                Err(_) => panic!("the hub neither answers nor ends a session"),
            }
        })
    }

    /// Claims an invitation with another key; returns the hub's word.
    pub(crate) fn claim_as(&self, seed: &[u8; 32], frame: Vec<u8>) -> EnrolAnswer {
        self.runtime.block_on(async {
            let endpoint = PhoneEndpoint::bind(seed).unwrap();
            let mut link = endpoint.connect(&self.hub, PATIENCE).await.unwrap();
            link.send(&frame).await.unwrap();
            let heard = tokio::time::timeout(PATIENCE, link.receive()).await.unwrap().unwrap();
            Frame::decode_enrolled(&heard.unwrap()).unwrap().unwrap().unwrap()
        })
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    async fn session(&self, seed: &[u8; 32], frames: &[Vec<u8>]) -> Heard {
        let mut heard = Heard { frames: Vec::new(), error: None };
        let endpoint = PhoneEndpoint::bind(seed).unwrap();
        let link = match endpoint.connect(&self.hub, PATIENCE).await {
            Ok(link) => link,
            Err(error) => return Heard { error: Some(error), ..heard },
        };
        let (mut sender, mut receiver) = link.split();
        let (said, frames) = (frames, frames.to_vec());
        let mut sending = Some(tokio::spawn(async move {
            for frame in frames {
                // Being thrown out half-way is what the receiving side reports.
                if sender.send(&frame).await.is_err() {
                    break;
                }
            }
            sender
        }));
        let (mut own, mut answered) = (None, 0);
        let mut overheard = Overheard::default();
        said.iter().for_each(|frame| drop(overheard.phone(frame)));
        loop {
            match receiver.receive().await {
                Ok(Some(bytes)) => heard.frames.push(overheard.hub(&bytes).unwrap()),
                Ok(None) => break,
                Err(error) => {
                    heard.error = Some(error);
                    break;
                }
            }
            let answer = match heard.frames.last() {
                // It is asked for what it will not send.
                Some(Frame::Need(_)) => {
                    answered += 1;
                    Frame::Pushed { answered }
                }
                Some(Frame::Caught { .. }) => Frame::Bye,
                _ => continue,
            };
            if let Some(sending) = sending.take() {
                own = Some(sending.await.unwrap());
            }
            if let Some(sender) = &mut own {
                sender.send(&answer.encode().unwrap()).await.ok();
            }
        }
        if let Some(sending) = sending {
            drop(sending.await);
        }
        heard
    }
}

/// First words of a phone that holds nothing.
pub(crate) fn hello() -> Vec<u8> {
    hello_after(0)
}

/// As [`hello`], from a device that has notices up to a number.
fn hello_after(notices: u64) -> Vec<u8> {
    let hello = Hello {
        protocol: PROTOCOL_VERSION,
        device_time: clock::now(),
        position: None,
        notices,
        live: false,
        root: Fingerprint::EMPTY,
        empty: true,
    };
    Frame::Hello(hello).encode().unwrap()
}

/// What follows the first words of a phone that holds no head of the hub's log.
pub(crate) fn kept() -> Vec<u8> {
    Frame::Log(LogMessage::Kept { heads: Vec::new() }).encode().unwrap()
}

/// A first flight that pushes packs.
pub(crate) fn push(packs: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    push_after(0, packs)
}

/// As [`push`], from a device that has notices up to a number.
pub(crate) fn push_after(notices: u64, packs: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let pushed = Frame::Pushed { answered: 0 };
    vec![
        hello_after(notices),
        kept(),
        Frame::Push { packs }.encode().unwrap(),
        pushed.encode().unwrap(),
    ]
}
