//! Inputs from real traffic: replicas that exchange, meet, export and seal, and what they say and write.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use bienban_core::model::{ChangeHash, PersonId, Timestamp};
use bienban_core::net::{EnrolUri, HubAddress};
use bienban_core::replica::{Fact, Gathered, KeptHead, MergeJob, Receiver};
use bienban_core::store::{Position, Store as _};
use bienban_core::sync::reconcile::{Differences, Item, MemoryTree, Reconciler};
use bienban_core::sync::{FRAME_VERSION, Frame, PROTOCOL_VERSION};
use bienban_core::trust::bundle::LetterReader;
use bienban_core::trust::control::{Act, Deed, Whom};
use bienban_core::trust::enrolment::{CheckDigits, Claim, Code};
use bienban_core::trust::log::Release;
use bienban_core::trust::proof::WitnessHead;
use bienban_core::trust::rest::{Cost, KeyFile, StoreKey};
use bienban_core::trust::seal::{
    Drawn, Ending, Hearing, MemberHeard, Presence, SealStatement, Signing,
};
use bienban_core::trust::{Grant, HubMark, Role};
use bienban_server::import::SAMPLE_CSV;
use bienban_tests::fleet::{self, NOW, SHORT};
use bienban_tests::fuzzing::bytes::pieces;
use bienban_tests::fuzzing::stage::{self, HONEST, HOSTILE, stage};
use image::{GrayImage, ImageFormat, Luma};
use qrcode::{Color, QrCode};

type Inputs = Vec<Vec<u8>>;

/// Returns the name of a saved input: the first digits of its hash.
pub(crate) fn name_of(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex()[..16].to_owned()
}

/// Returns saved inputs by target.
pub(crate) fn record() -> Vec<(&'static str, Inputs)> {
    vec![
        ("answers", files("core/data/examples", "ex")),
        ("bundles", bundles()),
        ("changes", changes()),
        ("comparison", comparison()),
        ("control", control()),
        ("drawings", drawings()),
        ("expressions", expressions()),
        ("facilities_csv", lists()),
        ("facilities_xlsx", workbooks()),
        ("facts", facts()),
        ("foreign_hub", foreign_hub()),
        ("frames", frames()),
        ("journal", journal()),
        ("key_files", key_files()),
        ("log", log()),
        ("meeting", steps(&[1], &[20], stage().met.len())),
        ("packs", packs()),
        ("pictures", pictures()),
        ("receipts", receipts()),
        ("records", records()),
        ("seals", seals()),
        ("session", sessions()),
        ("templates", templates()),
        ("texts", texts()),
        ("work", work()),
    ]
}

/// Files of the repository whose names begin so.
fn files(folder: &str, start: &str) -> Inputs {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.file_name().unwrap().to_string_lossy().starts_with(start));
    paths.sort();
    paths.into_iter().map(|path| fs::read(path).unwrap()).collect()
}

fn templates() -> Inputs {
    let mut all = files("core/data/templates", "tea");
    all.extend(files("core/data/examples", "ex8-template"));
    all.push(SHORT.to_vec());
    all
}

/// Steps that say the saved frames in order.
fn steps(start: &[u8], each: &[u8], frames: usize) -> Inputs {
    let mut input = start.to_vec();
    for frame in 0..frames {
        input.extend_from_slice(each);
        input.extend([0, u8::try_from(frame).unwrap()]);
    }
    let mut cut = input.clone();
    cut.truncate(input.len() / 2);
    vec![[&cut[..], &[8], &input].concat(), cut, input]
}

fn sessions() -> Inputs {
    let whole = steps(&[1, 0], &[4], stage().up.len());
    let settled: &[u8] = &[92, 100, 92, 100, 110];
    let mut all: Inputs = whole.iter().map(|input| [input, settled].concat()).collect();
    all.extend(whole.iter().map(|input| [input, &[113, 1, 80][..], input, &[110]].concat()));
    // Packs spoilt and spliced; a crafted change; wishes of an administrator.
    all.push(vec![1, 80, 4, 5, 3, 0, 0, 1, 1, 0, 0, 2, 1, 3, 1, 20, 0, 7, 4, 0, 3, 92, 110]);
    all.push(vec![1, 80, 4, 6, 0, 0, 0, 40, 0, 0, 3, 4, 0, 3, 92, 100]);
    for wish in 0..18_u8 {
        all.push(vec![1, 80, 4, 7, 1, 3, 0, wish, 0, 0, 4, 0, 3]);
    }
    all.push(vec![0, 80, 80, 128 + 80, 84, 104, 200, 0, 84, 104, 0, 255, 110, 108]);
    let claim = claim();
    all.push([&[2, 115][..], &pieces([claim])].concat());
    all
}

fn claim() -> Vec<u8> {
    let claim = Claim::make(&code(), stage::hub_key().device(), stage::device(9), "Điện thoại 9");
    Frame::Enrol { protocol: PROTOCOL_VERSION, claim }.encode().unwrap()
}

fn code() -> Code {
    Code::new([77; 16])
}

fn foreign_hub() -> Inputs {
    let mut all = steps(&[0], &[20], stage().down.len());
    let said = [0, 20, 0, 0, 20, 0, 1];
    for (number, act) in acts().into_iter().enumerate() {
        let act = postcard::to_stdvec(&act).unwrap();
        let by = u8::try_from(number % 2).unwrap();
        all.push([&said[..], &[20, 8, by], &pieces([act]), &[1]].concat());
    }
    for receipt in receipts() {
        all.push([&said[..], &[20, 9], &pieces([receipt])].concat());
    }
    all
}

fn all_frames() -> Inputs {
    [&stage().up, &stage().down, &stage().met].into_iter().flatten().cloned().collect()
}

fn frames() -> Inputs {
    let mut all = Inputs::new();
    for frame in all_frames() {
        all.push(frame[2..].to_vec());
        all.push(Frame::decode(&frame).unwrap().encode().unwrap());
    }
    all.push(claim());
    let requests = [vec![3, 1, 2], vec![3, 1, 3], vec![3, 1, 12], vec![3, 1, 16]];
    all.extend(requests.map(|payload| [&[FRAME_VERSION, 0][..], &payload].concat()));
    all
}

fn packs() -> Inputs {
    let mut all = Inputs::new();
    for pack in &stage().packs {
        all.push(pack.clone());
        // With a body as it is, where it came compressed.
        let zstd = [0x28, 0xb5, 0x2f, 0xfd];
        let at = pack.windows(4).position(|window| window == zstd).filter(|_| pack[1] == 1);
        if let Some(at) = at {
            let body = zstd::decode_all(&pack[at..]).unwrap();
            all.push([&[pack[0], 0], &pack[2..at], &body].concat());
        }
    }
    all
}

fn changes() -> Inputs {
    let all = &stage().changes;
    let mut inputs: Inputs =
        all.iter().map(|change| [&[1][..], &pieces([change.bytes()])].concat()).collect();
    inputs.push([&[1][..], &pieces(all.iter().map(|change| change.bytes()))].concat());
    inputs.push([&[0][..], &stage().document.save()].concat());
    inputs
}

fn comparison() -> Inputs {
    let item = |number: u8, seq: u64| Item {
        document: bienban_core::model::DocumentId([number; 32]),
        actor: bienban_core::model::Actor([number / 2; 16]),
        seq,
        hash: ChangeHash([number; 32]),
    };
    let (mut one, mut two) = (MemoryTree::default(), MemoryTree::default());
    (1..=48).for_each(|number| one.put(item(number, number.into())));
    (20..=80).for_each(|number| two.put(item(number, u64::from(number / 3))));
    let (mut here, mut there) = (Reconciler::default(), Reconciler::default());
    let (mut found, mut also) = (Differences::default(), Differences::default());
    let mut said = vec![Reconciler::open(&two).unwrap()];
    let mut all = Vec::new();
    while !said.is_empty() {
        all.extend(said.iter().map(|message| postcard::to_stdvec(message).unwrap()));
        let mut answers = Vec::new();
        for message in said.drain(..) {
            answers.extend(here.handle(message, &one, &mut found).unwrap());
        }
        for message in answers {
            said.extend(there.handle(message, &two, &mut also).unwrap());
        }
    }
    vec![pieces(&all), pieces(&all[..1])]
}

/// Decisions of each kind.
fn acts() -> Vec<Act> {
    let unit: bienban_core::model::Scope = "06325".parse().unwrap();
    let person = PersonId::of_device(stage::device(HONEST));
    let (document, device) = (stage().document.id(), stage::device(HOSTILE));
    let grant = Grant::always(Role::Leader, unit.clone());
    let (name, agency) = ("Lộc Thị Mai".to_owned(), "Trạm Y tế".to_owned());
    let deeds = [
        Deed::Certify { device: stage::device(HONEST), person, name, agency },
        Deed::Grant { person, grant },
        Deed::Assign { inspection: document, persons: vec![person] },
        Deed::Template { template: stage().template, from: NOW },
        Deed::Seal { document, seal: [1; 32] },
        Deed::Countersign { document, seal: [1; 32] },
        Deed::Revoke { whom: Whom::Device(device), lost_since: Some(NOW) },
        Deed::Revoke { whom: Whom::Person(person), lost_since: None },
        Deed::Switch { from: stage::hub_key().device() },
    ];
    let by = stage::hub_key().device();
    let act = |(number, deed)| Act {
        hub: by,
        by,
        scope: if matches!(deed, Deed::Switch { .. }) {
            "00".parse().unwrap()
        } else {
            unit.clone()
        },
        nonce: [number; 16],
        at: NOW,
        deed,
    };
    (1..).zip(deeds).map(act).collect()
}

fn control() -> Inputs {
    let store = stage::store_on(&stage().hub);
    let mut all = Inputs::new();
    for at in 1..=store.position().0 {
        let record = store.record(Position(at)).unwrap().unwrap();
        if let Ok(Fact::Controlled { entries, .. }) = Fact::read(Position(at), &record) {
            all.extend(entries);
        }
    }
    let act = acts().remove(0).sign(&stage::hub_key()).unwrap();
    all.push(act.encode().unwrap());
    let mut whole = Vec::new();
    for (number, act) in (0..).zip(acts()) {
        let flags: u8 = [0, 0, 1, 0, 9, 1, 0, 36, 2][number % 9];
        whole.extend([&[flags][..], &pieces([postcard::to_stdvec(&act).unwrap()])].concat());
    }
    all.push(whole);
    all
}

fn log() -> Inputs {
    let (hub, _) = stage::hub();
    let mut all = hub.log_page(0, NOW).unwrap().leaves;
    all.truncate(8);
    let head = hub.log_head(NOW).unwrap();
    let _ = hub.publish(bienban_core::checklist::TEA.to_vec()).unwrap();
    let shown = hub.show_log(&[head], NOW).unwrap();
    let mut judged = vec![0; 24];
    judged.extend(postcard::to_stdvec(&vec![head]).unwrap());
    judged.extend(postcard::to_stdvec(&shown).unwrap());
    all.push(judged);
    for bend in 0..6 {
        all.push(vec![20, 7, 9, 11, 1, bend, 2, 1, bend, 2, 0, 0, 0, 9, 0, 1, 0, 0]);
    }
    all
}

fn receipts() -> Inputs {
    let mut all = Inputs::new();
    let (hub, _) = stage::hub();
    let (phone, _) = stage::honest();
    drop(fleet::exchange_heard(&phone, &hub, NOW, &mut |_, frame| {
        if let Frame::Receipts(receipt) = frame {
            all.push(postcard::to_stdvec(receipt).unwrap());
        }
    }));
    let backed = (true, 2, Timestamp(5));
    let mark = HubMark::sign(&stage::hub_key(), ([9; 16], 3, [4; 32]), backed, NOW);
    all.push(postcard::to_stdvec(&mark).unwrap());
    all
}

fn records() -> Inputs {
    let (hub, _) = stage::hub();
    let (phone, _) = stage::honest();
    let document = stage().document.id();
    let alone = phone.export(document, &Gathered::default(), NOW).unwrap();
    drop(fleet::exchange(&phone, &hub));
    let pages = vec![hub.log_proofs(document, 0, NOW).unwrap()];
    let newest = pages[0].head;
    let heads = phone.heads_kept().unwrap().into_iter().map(|head| KeptHead {
        head,
        proof: hub.log_growth(head.size, newest.size).unwrap(),
        named: false,
    });
    let gathered = Gathered { heads: heads.collect(), pages };
    vec![alone, phone.export(document, &gathered, NOW).unwrap()]
}

fn bundles() -> Inputs {
    let (hub, _) = stage::hub();
    let (phone, _) = stage::honest();
    let mut count = 0;
    let mut entropy = || {
        count += 1;
        [count; 32]
    };
    let hostile = fleet::phone_over(stage::store_on(&stage().hostile), HOSTILE);
    let (mut to_hub, mut to_phone, mut answer) = (Vec::new(), Vec::new(), Vec::new());
    let receivers = [Receiver::Hub(hub.device())];
    drop(phone.write_bundle(&mut to_hub, &receivers, true, &mut entropy, NOW).unwrap());
    let receivers = [Receiver::Device(stage::peer(HONEST))];
    drop(hostile.write_bundle(&mut to_phone, &receivers, true, &mut entropy, NOW).unwrap());
    let mut open = || Ok(Cursor::new(&to_hub));
    drop(hub.take_bundle(&mut open, &mut answer, &mut entropy, NOW).unwrap());
    let parts = |bytes: &[u8], key, kind: u8| {
        let mut letter = LetterReader::find(Cursor::new(bytes), &key).unwrap();
        let mut parts = Vec::new();
        while let Some(part) = letter.next_part().unwrap() {
            parts.push(part);
        }
        [&[kind][..], &pieces(parts)].concat()
    };
    vec![
        [&[0], &to_hub[..]].concat(),
        [&[8], &to_phone[..]].concat(),
        parts(&to_hub, stage::hub_key(), 1),
        parts(&to_phone, stage::key(HONEST), 6),
        parts(&answer, stage::key(HONEST), 4),
    ]
}

fn seals() -> Inputs {
    let (hub, _) = stage::hub();
    let document = &stage().document;
    let (heard, _) = hub.replica().heard(document).unwrap();
    let members = heard
        .into_iter()
        .map(|(device, lines)| MemberHeard { device, hearing: Hearing::UpTo(lines) });
    let strokes = vec![vec![(1, 1), (20, 30)], vec![(4, 4), (5, 9)]];
    let drawn = Some(Drawn::Strokes { width: 600, height: 200, strokes });
    let owner = Presence { name: "Mận".to_owned(), title: "Chủ".to_owned(), drawn };
    let signing = Signing {
        checklist: (stage().template, "SIM 1".to_owned(), false),
        supplements: None,
        members: members.collect(),
        ending: Ending::Signed(owner),
        leader_drawn: None,
        at: NOW,
    };
    let statement = SealStatement::of(document, stage::device(HONEST), signing).unwrap();
    vec![statement.sign(&stage::key(HONEST)).unwrap().encode().unwrap()]
}

/// Records of both journals, some to an input.
fn facts() -> Inputs {
    let mut all = Inputs::new();
    for (of_hub, disk) in [(0_u8, &stage().hub), (1, &stage().honest)] {
        let store = stage::store_on(disk);
        let record = |at| store.record(Position(at)).unwrap().unwrap();
        let records: Vec<_> = (1..=store.position().0).map(record).collect();
        for run in records.chunks(4) {
            let mut input = vec![of_hub];
            for record in run.iter().filter(|record| record.payload.len() < 4_000) {
                input.push(record.kind);
                input.extend(pieces([&record.payload]));
            }
            all.push(input);
        }
    }
    all
}

/// Damage of each file in each way.
fn journal() -> Inputs {
    let mut all = Inputs::new();
    for file in 0..8 {
        all.push(vec![file, 1, 200, 0]);
        all.push(vec![file, 0]);
        all.push(vec![file, 2, 10, 0, 0, 255, 130, 0, 3, 1, 2, 3, 4, 210, 0, 0, 7]);
        all.push(vec![file, 6, 130, 0, 0, 1, 136, 0, 0, 3, 204, 0, 2, 1, 1, 1]);
    }
    all
}

fn key_files() -> Inputs {
    let key = StoreKey::key(&[3; 32]);
    let mut file = KeyFile::create(&key, Cost::default(), &[1; 32], [2; 16]).unwrap();
    let first = file.encode(&[5; 32]);
    file.add_data_key(&[7; 32]).unwrap();
    file.set_whole();
    let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    let passphrase = StoreKey::passphrase("mười hai chữ");
    let typed = KeyFile::create(&passphrase, cost, &[1; 32], [2; 16]).unwrap();
    vec![first, file.encode(&[6; 32]), typed.encode(&[7; 32]), KeyFile::destroyed()]
}

fn drawings() -> Inputs {
    let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 100">
<path d="M10 10 C 60 0, 90 90, 110 60 S 10 20 30 40 L 210 60 Q 1 2 3 4 A 5 5 0 0 1 9 9 Z"/>
<polyline points="10,80 20,90 30,80"/></svg>"#;
    let strokes =
        r#"{"width": 600, "height": 200, "strokes": [[[1, 2], [3, 4]], [[5, 6], [7, 8]]]}"#;
    let mut png = Vec::new();
    let image = GrayImage::from_fn(8, 8, |x, y| Luma([u8::try_from(x * y).unwrap()]));
    image.write_to(&mut Cursor::new(&mut png), ImageFormat::Png).unwrap();
    vec![svg.into(), strokes.into(), png]
}

fn expressions() -> Inputs {
    [
        "${5.5} = 'major'\n. > 0 and . < 10\ntrue()\n\nsum(${w})\nconcat(${t}, 'x')\nselected(${many}, 'a')\n\
         today()\nn=3\nt=chè\n5.5=major\nmany=pass minor\nyes=true\nd=2026-11-23\na/w=1.5\nb/w=!2",
        "\n\n\ncount(${lots}) > 1\nif(${n} > 1, ${n} div 3, 0 - 2)\nstring(${n})\nregex(${t}, '^[a-z]+$')\n\
         date('2026-02-28')\nn=!7\nt=\na/w=na\n5.5=na",
        "not(${yes})\n\n\n\nround(${n} * 0.333, 2)\n\n${d} < today() or ${n} mod 2 = 0\n\nn=-4\nd=2030-01-01",
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec()
}

fn lists() -> Inputs {
    let wrong = "mã;tên;loại hình;mã xã;vĩ độ;kinh độ;sản phẩm\r\n\
        \"A-1\";\"HTX \"\"Chè\"\"\nXanh\";HTX;06325;21,9;106,3;chè|mật\r\n;;;;;;\r\nA-1;x;hộ;99999;200;x;\r\n";
    vec![SAMPLE_CSV.as_bytes().to_vec(), wrong.as_bytes().to_vec()]
}

fn workbooks() -> Inputs {
    let mut all = Inputs::new();
    for sheet in ["co_so", "Sheet1"] {
        let mut book = rust_xlsxwriter::Workbook::new();
        let page = book.add_worksheet();
        page.set_name(sheet).unwrap();
        for (row, line) in (0..).zip(SAMPLE_CSV.lines().take(6)) {
            for (column, cell) in (0..).zip(line.split(',')) {
                match cell.parse::<f64>() {
                    Ok(number) if column > 3 => page.write(row, column, number).unwrap(),
                    _ => page.write(row, column, cell).unwrap(),
                };
            }
        }
        all.push(book.save_to_buffer().unwrap());
    }
    all
}

fn uri() -> String {
    let key = stage::hub_key().device();
    let hubs = ["hub.langson.vn:4433", "10.0.0.7:4433", "[fe80::1]:4433"];
    let hubs = hubs.map(|text| HubAddress::parse(text, key).unwrap()).to_vec();
    EnrolUri::new(hubs, code(), NOW).unwrap().reveal().to_string()
}

fn pictures() -> Inputs {
    let mut all = Inputs::new();
    for text in [uri(), "bienban://enrol?".to_owned()] {
        let code = QrCode::new(text).unwrap();
        let (side, colors) = (code.width(), code.to_colors());
        let quiet = 4;
        let width = side + 2 * quiet;
        let dark = |x: usize, y: usize| {
            let inside = (quiet..quiet + side).contains(&x) && (quiet..quiet + side).contains(&y);
            inside && colors[(y - quiet) * side + x - quiet] == Color::Dark
        };
        let pixels = u32::try_from(width).unwrap() * 3;
        let image = GrayImage::from_fn(pixels, pixels, |x, y| {
            Luma([if dark(x as usize / 3, y as usize / 3) { 0 } else { 255 }])
        });
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            let mut bytes = Vec::new();
            image.write_to(&mut Cursor::new(&mut bytes), format).unwrap();
            all.push(bytes);
        }
        let mut painted = vec![0; 1 + (width * width).div_ceil(8)];
        painted[0] = u8::try_from(width - 1).unwrap();
        for at in (0..width * width).filter(|at| dark(at % width, at / width)) {
            painted[1 + at / 8] |= 1 << (at % 8);
        }
        all.push(painted);
    }
    all
}

fn texts() -> Inputs {
    let (hub, _) = stage::hub();
    let (key, device) = (stage::hub_key().device(), stage::device(HONEST));
    let head = WitnessHead { hub: key, head: hub.log_head(NOW).unwrap() };
    let release = Release::sign(&stage::key(HONEST), device, [3; 32]);
    let digits = CheckDigits::of(&code(), key, device).to_string();
    let announced = acts().into_iter().filter(|act| matches!(act.deed, Deed::Switch { .. }));
    let announced: String = announced
        .map(|act| hex::encode(act.sign(&stage::hub_key()).unwrap().encode().unwrap()) + "\n")
        .collect();
    let address = HubAddress::parse("hub.langson.vn:4433", key).unwrap();
    let mut all = vec![
        uri(),
        address.to_string(),
        "hub.langson.vn:4433".to_owned(),
        "[::1]:4433".to_owned(),
        code().reveal().to_string(),
        digits,
        head.to_text(),
        release.to_text(),
        announced,
        stage().document.id().to_string(),
    ];
    all.extend(
        ["06325", "inspection", "2026-02-28", "-12.50", "1e3", "000 001"].map(str::to_owned),
    );
    all.into_iter().map(String::into_bytes).collect()
}

fn work() -> Inputs {
    let job = &stage().job;
    let done = MergeJob::decode(job).unwrap().perform().unwrap().encode().unwrap();
    vec![[&[0], &job[..]].concat(), [&[1], &done[..]].concat(), vec![3, 0], vec![2, 0, 0]]
}
