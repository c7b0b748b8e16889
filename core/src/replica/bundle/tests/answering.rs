//! What the hub says it has taken in of a file, and what its answer may claim.

use super::*;

/// A letter to the hub with these packs, by a device.
fn letter(by: u8, packs: Vec<Vec<u8>>) -> Vec<u8> {
    let mut file = Vec::new();
    begin(&mut file).unwrap();
    let maker = key(by);
    let mut letter =
        LetterWriter::new(&mut file, &maker, key(99).device(), NOW, &entropy()()).unwrap();
    write(&mut letter, &Part::Greeting(greeting())).unwrap();
    packs.into_iter().for_each(|pack| write(&mut letter, &Part::Pack(pack)).unwrap());
    letter.finish().unwrap();
    file
}

#[test]
fn a_file_is_taken_in_whole_although_its_maker_has_pushed_all_that_it_may_for_now() {
    let (hub, a, _, genesis) = team();
    a.answer(&genesis, "9.1", "of A");
    let junk = vec![vec![7; 1 << 20]; 65];
    hub.accept(key(1).device(), &junk, later(3)).unwrap();
    assert!(hub.paced(key(1).device(), later(3)).is_some());
    let (answered, _) = at_hub(&hub, &export(&a, &[to_hub()])).unwrap();
    assert_eq!((answered.stored, answered.failure.clone()), (1, None));
    assert!(answered.is_whole(), "{answered:?}");
}

#[test]
fn what_no_hub_could_read_or_place_is_not_called_taken_in() {
    let (hub, a, _, genesis) = team();
    a.answer(&genesis, "9.1", "first");
    let first = a.phone.release(later(1)).unwrap();
    let (answered, _) = at_hub(&hub, &letter(1, vec![vec![7; 300], first[0].clone()])).unwrap();
    assert_eq!((answered.packs, answered.settled, answered.stored), (2, 1, 1));
    assert!(answered.failure.is_some() && !answered.is_whole(), "{answered:?}");
}

#[test]
fn a_pack_whose_forerunner_is_nowhere_is_kept_when_the_file_is_read_again() {
    let (hub, a, _, genesis) = team();
    a.answer(&genesis, "9.1", "first");
    let first = a.phone.release(later(1)).unwrap();
    a.answer(&genesis, "9.5", "second");
    let both = a.phone.release(later(2)).unwrap();
    let second: Vec<_> = both.into_iter().filter(|pack| !first.contains(pack)).collect();
    let file = letter(1, second);
    let (once, _) = at_hub(&hub, &file).unwrap();
    assert_eq!((once.packs, once.settled), (1, 0));
    assert!(!once.is_whole(), "{once:?}");
    let (again, _) = at_hub(&hub, &file).unwrap();
    assert!(again.is_whole(), "{again:?}");
    assert_eq!((again.stored, hub.status().unwrap().quarantined), (0, 1));
    // It enters the record with what was missing, whichever way that comes.
    at_hub(&hub, &letter(1, first)).unwrap();
    assert_eq!(values(hub.replica(), &genesis, "9.5"), ["second"]);
}

#[test]
fn bytes_that_only_say_whose_they_are_bring_nobody_a_letter_and_nothing_in_their_name() {
    let (hub, a, b, genesis) = team();
    b.answer(&genesis, "9.5", "of B");
    let mut forged = b.phone.release(later(1)).unwrap()[0].clone();
    *forged.last_mut().unwrap() ^= 1;
    assert_eq!(PackHeader::peek(&forged).unwrap().device, key(2).device());
    a.answer(&genesis, "9.1", "of A");
    let own = a.phone.release(later(1)).unwrap()[0].clone();
    let (answered, _) = at_hub(&hub, &letter(1, vec![forged, own])).unwrap();
    assert_eq!(answered.receivers, [key(1).device()]);
    assert_eq!((answered.stored, answered.settled), (1, 1));
    assert_eq!(hub.status().unwrap().quarantined, 0, "nothing is kept in its name");
    assert!(hub.notices(key(2).device(), 0).unwrap().1.is_empty());
}

#[test]
fn an_answer_that_would_be_too_long_says_so_and_the_next_one_goes_on() {
    let (hub, a, b, genesis) = team();
    b.answer(&genesis, "9.5", "of B");
    sync_at(&b, &hub, later(1));
    a.answer(&genesis, "9.1", "of A");
    let file = export(&a, &[to_hub()]);
    let position = || a.phone.position().unwrap();
    let before = position();
    // Room for something small, and not for the pack.
    let mut answer = Vec::new();
    let mut open = || Ok(&*file);
    let answered =
        hub.take_bundle_within(&mut open, &mut answer, &mut entropy(), (200, 200), later(3));
    let answered = answered.unwrap();
    assert!(answered.cut && answered.is_whole(), "{answered:?}");
    let bytes: usize = parts_of(&answer, 1)
        .iter()
        .filter(|part| matches!(part, Part::Item(_)))
        .map(|part| encode(part).unwrap().len())
        .sum();
    assert!(bytes <= 200, "{bytes}");
    assert_eq!(import(&a, &answer).unwrap().stored, 1, "receipts fit beside them");
    assert_eq!(position(), before, "what was left out is still to come");
    assert!(a.values(&genesis, "9.5").is_empty());
    let (answered, answer) = at_hub(&hub, &export(&a, &[to_hub()])).unwrap();
    assert!(!answered.cut);
    import(&a, &answer).unwrap();
    assert_eq!(a.values(&genesis, "9.5"), ["of B"]);
    assert_eq!(position(), Some(hub.head().unwrap()));
}

#[test]
fn no_more_devices_are_answered_than_there_is_room_for() {
    let most = u8::try_from(ANSWERED_MAX).unwrap();
    let team: Vec<u8> = (1..=most + 2).collect();
    let hub = hub(&team);
    let courier = side(1);
    sync_at(&courier, &hub, NOW);
    let genesis = visit("06325", 1);
    let mut packs = Vec::new();
    for number in &team {
        let member = side(*number);
        sync_at(&member, &hub, NOW);
        member.answer(&genesis, "9.1", "a word");
        packs.extend(member.phone.release(NOW).unwrap());
    }
    assert_eq!(packs.len(), team.len());
    let (answered, answer) = at_hub(&hub, &letter(1, packs)).unwrap();
    assert_eq!((answered.stored, answered.receivers.len()), (team.len(), 1 + ANSWERED_MAX));
    let mut opened = 0;
    for number in &team {
        opened += usize::from(LetterReader::find(&*answer, &key(*number)).is_ok());
    }
    assert_eq!(opened, 1 + ANSWERED_MAX);
}
