//! What entries of the hub's log say, in the words of a person.

use bienban_core::trust::log::{Act, Refusal, Turned};

use crate::messages::Messages;

/// Returns what an administrator or auditor did.
pub(super) fn act(m: &Messages, act: Act) -> String {
    match act {
        Act::Trust => m.text("audit.act.trust", &[]),
        Act::Publish => m.text("audit.act.publish", &[]),
        Act::Acknowledge => m.text("audit.act.acknowledge", &[]),
        Act::ReadLog => m.text("audit.act.read_log", &[]),
        Act::ReadStatus => m.text("audit.act.read_status", &[]),
        Act::ReadWaiting => m.text("audit.act.read_waiting", &[]),
        Act::Refused => m.text("audit.act.refused", &[]),
        Act::ReadAside => m.text("audit.act.read_aside", &[]),
    }
}

/// Returns why a session was turned away or ended.
pub(super) fn turned(m: &Messages, why: Turned) -> String {
    match why {
        Turned::Stranger => m.text("audit.turned.stranger", &[]),
        Turned::Misbehaved => m.text("audit.turned.misbehaved", &[]),
        Turned::NotKept => m.text("audit.turned.not_kept", &[]),
        Turned::NotAllowed => m.text("audit.turned.not_allowed", &[]),
        Turned::TooMuch => m.text("audit.turned.too_much", &[]),
    }
}

/// Returns why changes were set aside.
pub(super) fn refusal(m: &Messages, why: Refusal) -> String {
    match why {
        Refusal::Equivocation => m.text("audit.refusal.equivocation", &[]),
        Refusal::Poison => m.text("audit.refusal.poison", &[]),
        Refusal::ChainBroken => m.text("audit.refusal.chain_broken", &[]),
        Refusal::NotAllowed => m.text("audit.refusal.not_allowed", &[]),
        Refusal::Orphan => m.text("audit.refusal.orphan", &[]),
        Refusal::OverQuota => m.text("audit.refusal.over_quota", &[]),
        Refusal::Unreadable => m.text("audit.refusal.unreadable", &[]),
        Refusal::OnRefused => m.text("audit.refusal.on_refused", &[]),
        Refusal::Full => m.text("audit.refusal.full", &[]),
    }
}

/// Returns what a record says that has no entry of its own, by its kind's number.
pub(super) fn record(m: &Messages, kind: u8) -> String {
    match kind {
        22 => m.text("audit.record.troubled", &[]),
        23 => m.text("audit.record.acknowledged", &[]),
        35 => m.text("audit.record.invited", &[]),
        36 => m.text("audit.record.claimed", &[]),
        37 => m.text("audit.record.denied", &[]),
        39 => m.text("audit.record.switched", &[]),
        41 => m.text("audit.record.presented", &[]),
        44 => m.text("audit.record.seal_refused", &[]),
        47 => m.text("audit.record.seals_seen", &[]),
        56 => m.text("audit.record.backed_up", &[]),
        58 => m.text("audit.record.seal_unentered", &[]),
        61 => m.text("audit.record.marked", &[]),
        // Of a later program, or one that no hub writes.
        other => m.text("audit.recorded", &[("kind", &other.to_string())]),
    }
}

/// Returns that a new life of the hub's store begins, and what is known of the lives before it.
pub(super) fn epoch(m: &Messages, lost: u64, continues: u64) -> String {
    let mut text = m.text("audit.epoch", &[]);
    if lost > 0 {
        text.push_str(&m.text("audit.epoch_lost", &[("lost", &lost.to_string())]));
    }
    text.push_str(&match continues {
        0 => m.text("audit.epoch_unknown", &[]),
        count => m.text("audit.epoch_whole", &[("count", &count.to_string())]),
    });
    text
}

#[cfg(test)]
mod tests {
    use bienban_core::model::Timestamp;
    use bienban_core::replica::Fact;
    use bienban_core::trust::merkle::TreeHash;

    use super::*;
    use crate::messages::Lang;

    #[test]
    fn a_record_that_a_hub_writes_is_told_in_words() {
        let at = Timestamp(1);
        let facts =
            [Fact::Marked { size: 0, root: TreeHash([0; 32]) }, Fact::Acknowledged { upto: 0, at }];
        for lang in [Lang::En, Lang::Vi] {
            let m = Messages::new(lang);
            for fact in &facts {
                let kind = fact.record().unwrap().kind;
                let number = m.text("audit.recorded", &[("kind", &kind.to_string())]);
                assert_ne!(record(&m, kind), number);
            }
            assert_eq!(record(&m, 250), m.text("audit.recorded", &[("kind", "250")]));
        }
    }

    #[test]
    fn a_life_that_lost_no_known_record_is_not_told_as_one_that_lost_none() {
        let m = Messages::new(Lang::En);
        let set_back = epoch(&m, 0, 0);
        assert!(set_back.contains("not known") && !set_back.contains('0'), "{set_back}");
        assert!(epoch(&m, 2, 0).contains("2 records are lost"));
        let whole = epoch(&m, 0, 7);
        assert!(whole.contains("7 leaves") && !whole.contains("lost"), "{whole}");
    }
}
