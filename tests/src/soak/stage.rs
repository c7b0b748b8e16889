//! Hub, administrator, teams and their lines, ready to begin.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bienban_core::checklist::{TEA, Template};
use bienban_core::client::{Client, NamedDevice, Settings};
use bienban_core::driver::SyncOptions;
use bienban_core::model::{
    DeviceId, DocumentId, FacilityInput, Genesis, Member, PlanInput, PlannedVisit, Role as InTeam,
    Scope, TemplateId,
};
use bienban_core::net::HubAddress;
use bienban_core::replica::units;
use bienban_core::store::Read;
use bienban_core::sync::Role;
use bienban_core::trust::Grant;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::Plan;
use super::report::Disk;
use crate::gauge::size;
use crate::link::{Path as Line, UdpLink};
use crate::scene::{self, Scene};

/// Phones of one team.
const TEAM: usize = 4;

/// One phone in so many has a bad line.
const BAD_LINE_ONCE_IN: usize = 5;

/// The province whose communes the teams go to.
const PROVINCE: &str = "20";

/// All phones come from one address here, which none do outside.
const SETTINGS: &str = "[limits]\nhandshakes = 4096\nhandshakes_per_address = 4096\n";

/// Acts that an administrator gives the hub at once.
const ACTS_AT_ONCE: usize = 64;

/// A phone and where it sits.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Seat {
    pub(super) number: usize,
    /// Its place in its team.
    pub(super) member: usize,
    pub(super) dir: PathBuf,
    pub(super) inspection: Genesis,
}

/// Everything there is.
pub(super) struct Stage {
    scene: Scene,
    pub(super) seats: Vec<Seat>,
    relays: Vec<UdpLink>,
    cut: Vec<usize>,
}

/// A kill of the hub.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kill {
    /// From its start until it listened.
    pub(super) ready: Duration,
}

impl Stage {
    /// Makes all of it. What takes long over the command line is done by the client.
    pub(super) fn set(plan: &Plan, runtime: &Runtime) -> Self {
        let root = TempDir::new().unwrap();
        let hub_dir = root.path().join("hub");
        std::fs::write(hub_dir.with_extension("toml"), SETTINGS).unwrap();
        let scene = Scene::in_folders(root, hub_dir, 0);
        let hub = scene.hub.as_ref().unwrap().uri.parse::<HubAddress>().unwrap();
        let address = scene.hub.as_ref().unwrap().address;
        let mut stage = Self { scene, seats: Vec::new(), relays: Vec::new(), cut: Vec::new() };
        let communes = communes();
        let admin = scene::open_phone(&stage.scene.admin_dir);
        let template = Template::parse(TEA).unwrap().id();
        let (mut acts, mut plans) = (Vec::new(), Vec::new());
        for (team, first) in (0..plan.phones).step_by(TEAM).enumerate() {
            let commune = communes[team % communes.len()].clone();
            let members = (first..plan.phones.min(first + TEAM)).map(|number| {
                let dir = stage.scene.path(&format!("p{number}"));
                let at = stage.line(number, address, plan.seed, runtime);
                let hub = Some(HubAddress::at(at, hub.key()));
                (number, Client::init(&dir, &Settings { hub }).unwrap(), dir)
            });
            let members: Vec<(usize, DeviceId, PathBuf)> = members.collect();
            for (number, device, _) in &members {
                acts.extend(admin.name_device(named(*number, *device, &commune)).unwrap());
            }
            let devices = members.iter().map(|(_, device, _)| *device).collect();
            plans.push((planned(&admin, template, (team, &commune), devices), members));
        }
        for some in acts.chunks(ACTS_AT_ONCE) {
            let asks = vec![Client::to_enter(some).unwrap()];
            let options = SyncOptions { asks, ..SyncOptions::default() };
            runtime.block_on(admin.sync(options)).unwrap();
        }
        for (plan, members) in plans {
            let inspection = admin.visits(plan).unwrap().remove(0).genesis;
            for (member, (number, _, dir)) in members.into_iter().enumerate() {
                let inspection = inspection.clone();
                stage.seats.push(Seat { number, member, dir, inspection });
            }
        }
        stage
    }

    /// Returns where a phone finds the hub: behind a bad line, some of them.
    fn line(&mut self, number: usize, hub: SocketAddr, seed: u64, runtime: &Runtime) -> SocketAddr {
        if number % BAD_LINE_ONCE_IN != BAD_LINE_ONCE_IN - 1 {
            return hub;
        }
        let bad = Line::lossy(Duration::from_millis(80), 5);
        let bad = Line { jitter: Duration::from_millis(40), doubled_per_mille: 10, ..bad };
        let relay = runtime.block_on(UdpLink::start(seed ^ number as u64, hub, bad, bad)).unwrap();
        let address = relay.address();
        self.relays.push(relay);
        address
    }

    /// Returns the folder of all of it.
    pub(super) fn folder(&self) -> PathBuf {
        self.scene.path(".")
    }

    /// Returns the number of the hub's process.
    pub(super) fn hub_id(&self) -> u32 {
        self.scene.hub.as_ref().unwrap().id()
    }

    /// Ends the hub without warning, and starts it again.
    pub(super) fn kill_hub(&mut self) -> Kill {
        self.scene.hub.as_mut().unwrap().kill();
        self.scene.restart_hub();
        Kill { ready: self.scene.hub.as_ref().unwrap().ready }
    }

    /// Does something to a bad line when it is time: it is cut, comes back, or its address changes.
    pub(super) fn spoil(&mut self, runtime: &Runtime, now: Duration, moments: &mut Vec<Duration>) {
        if self.relays.is_empty() || moments.last().is_none_or(|at| *at > now) {
            return;
        }
        let which = moments.len() % self.relays.len();
        let _inside = runtime.enter();
        match moments.len() % 3 {
            0 => self.relays[which].change_addresses(),
            1 => {
                self.relays[which].cut();
                self.cut.push(which);
            }
            _ => self.mend_relays(),
        }
        moments.pop();
    }

    /// Lets everything through again.
    pub(super) fn mend_relays(&mut self) {
        for which in self.cut.drain(..) {
            self.relays[which].restore();
        }
    }

    /// Measures the hub's folder, beside what lives in it.
    pub(super) fn disk(&self) -> Disk {
        let store = self.scene.hub_dir.join("store");
        let reserve = size(&store.join("reserve"));
        Disk { journal: size(&store.join("journal")), all: size(&store) - reserve, rows: 0 }
    }

    /// Ends the hub in order and returns its folder.
    pub(super) fn close_hub(&mut self) -> PathBuf {
        self.scene.stop_hub();
        self.scene.hub_dir.clone()
    }
}

/// Returns how many bytes the rows of a store have.
pub(super) fn row_bytes(rows: &dyn Read) -> u64 {
    let (mut bytes, mut after) = (0, None);
    loop {
        let page = rows.scan(&[], after.as_deref(), 1024).unwrap();
        bytes += page.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum::<u64>();
        match page.last() {
            Some((key, _)) => after = Some(key.clone()),
            None => return bytes,
        }
    }
}

fn communes() -> Vec<Scope> {
    let within = units().within(&PROVINCE.parse().unwrap());
    within.into_iter().filter(|scope| scope.as_str().len() > PROVINCE.len()).collect()
}

fn name(number: usize) -> String {
    format!("Cán bộ {number}")
}

fn named(number: usize, device: DeviceId, commune: &Scope) -> NamedDevice {
    NamedDevice {
        device,
        person: None,
        name: name(number),
        agency: "Trạm Y tế".to_owned(),
        grants: vec![Grant::always(Role::Inspector, commune.clone())],
        told: vec![commune.clone()],
    }
}

/// Makes a facility and a plan that visits it.
fn planned(
    admin: &Client,
    template: TemplateId,
    (team, commune): (usize, &Scope),
    devices: Vec<DeviceId>,
) -> DocumentId {
    let input = FacilityInput {
        name: format!("HTX Chè {team}"),
        code: Some(format!("SK-{team:03}")),
        commune: Some(commune.clone()),
        ..FacilityInput::default()
    };
    let (facility, _) = admin.put_facilities(&[(Err(commune.clone()), input)]).unwrap()[0];
    let visit = PlannedVisit {
        template,
        visit: 1,
        name: format!("HTX Chè {team}"),
        removed: false,
        reason: None,
    };
    let member = |device: &DeviceId| Member {
        name: device.short(),
        agency: "Y tế".to_owned(),
        position: String::new(),
        role: InTeam::Member,
        sections: Vec::new(),
        no_conflict: false,
        removed: false,
    };
    let input = PlanInput {
        title: format!("Đoàn {team}"),
        from: "2026-11-23".to_owned(),
        to: "2026-12-23".to_owned(),
        templates: vec![(template, "Chè".to_owned())],
        facilities: vec![(facility, visit)],
        team: devices.iter().map(|device| (device.to_string(), member(device))).collect(),
        ..PlanInput::default()
    };
    admin.make_plan(commune.clone(), &input).unwrap()
}
