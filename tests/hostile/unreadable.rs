//! A device that means well, with a pack among others that the hub cannot read: damaged on its disk,
//! or made by a newer program.

use bienban_core::model::Kind;
use bienban_core::sync::{FailureCode, Frame, PACK_VERSION_LONG, Verdict};
use bienban_tests::process::{Batch, run, text};
use bienban_tests::scene::{self, Scene, Typed};

use crate::device::{Heard, Hostile, push};
use crate::plot::{Plot, life};
use crate::process::Honest;

/// How many packs the hub signed for.
fn signed(heard: &Heard) -> usize {
    let receipts = heard.frames.iter().map(|frame| match frame {
        Frame::Receipts(receipt) => receipt.items.len(),
        _ => 0,
    });
    receipts.sum()
}

fn was_served(heard: &Heard) -> bool {
    heard.error.is_none() && heard.frames.iter().any(|frame| matches!(frame, Frame::Caught { .. }))
}

/// A pack of one change in a facility of its own.
fn pack(device: &Hostile, nonce: u8) -> (Vec<u8>, String) {
    let mut plot = Plot::new(device, Kind::Facility, scene::COMMUNE, nonce);
    let change = plot.change(life(nonce), "well meant");
    (plot.seal(life(nonce), None, change), plot.genesis.document().to_string())
}

#[test]
fn one_unreadable_pack_holds_up_nobody_and_is_named_to_its_signer() {
    let mut scene = Scene::with_phones(1);
    let dir = scene.add_device("skewed", "inspector", scene::COMMUNE);
    let device = Hostile::in_scene(&scene, &dir);
    let honest = Honest::start(&scene, scene.phones[0].clone());
    // Damaged behind its head, which still says whose it is: between two good ones, in one frame.
    let ((first, _), (mut bad, document), (last, _)) =
        (pack(&device, 1), pack(&device, 2), pack(&device, 3));
    let end = bad.len() - 1;
    bad[end] ^= 0x10;
    let heard = device.say(&push(vec![first, bad.clone(), last]));
    assert_eq!(signed(&heard), 2, "{heard:?}");
    assert!(was_served(&heard) && !heard.was_thrown_out(), "{heard:?}");
    let told = heard.frames.iter().find_map(|frame| match frame {
        Frame::Notices { notices, .. } => Some(notices.clone()),
        _ => None,
    });
    let told = told.expect("nobody told the signer");
    assert_eq!((told.len(), told[0].document.to_string()), (1, document.clone()));
    assert_eq!(told[0].verdict, Verdict::Unreadable);
    // Again, as a device does that has not read its notice: no second one, no harm.
    let (other, _) = pack(&device, 4);
    let heard = device.say(&push(vec![bad, other]));
    assert_eq!(signed(&heard), 1, "{heard:?}");
    assert!(was_served(&heard) && !heard.was_thrown_out(), "{heard:?}");
    // Of a version that the hub does not know: nothing in it can be named, its reason can.
    let ((mut newer, _), (good, _)) = (pack(&device, 5), pack(&device, 6));
    newer[0] = PACK_VERSION_LONG + 1;
    for _ in 0..2 {
        let heard = device.say(&push(vec![newer.clone(), good.clone()]));
        assert_eq!(signed(&heard), 1, "{heard:?}");
        assert!(was_served(&heard), "{heard:?}");
        let Some(Frame::Failed(failure)) = heard.frames.last() else { panic!("{heard:?}") };
        assert_eq!(failure.code, FailureCode::Version);
        assert!(failure.message.contains("version"), "{failure:?}");
    }
    let told = its_program_reads_the_notice_and_goes_on(&scene, &dir, &document);
    let (mut all, _) = honest.end();
    all.push(told);
    scene.phones.push(dir);
    scene.settle();
    scene.stop_hub();
    scene::expect_same(&scene).expect_all("the record", &all);
}

/// The device's own program is told once, shows it by the document's name, and works on.
fn its_program_reads_the_notice_and_goes_on(
    scene: &Scene,
    dir: &std::path::Path,
    document: &str,
) -> Typed {
    let ran = run(["field", "--dir", text(dir), "sync"]);
    assert_eq!(ran.code, Some(6), "{} {}", ran.data, ran.errors);
    let status = scene.field(dir, &["status"]);
    let notices = status["notices"].as_array().unwrap();
    assert_eq!(notices.len(), 1, "{status}");
    assert_eq!(notices[0]["document"], *document, "{status}");
    assert_eq!(notices[0]["verdict"], "unreadable", "{status}");
    let mut phone = Batch::start(dir);
    let item = &scene::items()[0];
    phone.ask(&format!("answer {} {item} dat --value skewed", scene.inspection)).done();
    let synced = phone.ask("sync").done();
    assert_eq!((&synced["refused"], &synced["only_here"]), (&0.into(), &0.into()), "{synced}");
    assert!(phone.end().success());
    Typed::Answer("skewed".to_owned())
}
