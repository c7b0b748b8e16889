//! The hub takes in a bundle and answers it. It plays the phone's side of an exchange against the very code
//! that serves phones (rights, quarantine, shares, receipts, the log of what was read), and writes down
//! what the phone would have been told to do.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;

use super::{
    ASKS_BYTES_MAX, ASKS_MAX, Asked, BundleEntropy, Greeting, Part, decode, look_through,
    misplaced, next, read, too_large, write,
};
use crate::model::{Actor, DeviceId, DocumentId, Timestamp};
use crate::replica::documents::each_row;
use crate::replica::errands::Errand;
use crate::replica::hub::Hub;
use crate::replica::rows::{self, TIP};
use crate::replica::runner::HubRunner;
use crate::replica::tree::StoredTree;
use crate::replica::{ReplicaError, access};
use crate::store::{Read, StoreError};
use crate::sync::{
    AdminAnswer, AdminRequest, Apply, DeviceEntry, Ending, Failure, FailureCode, FeedItem, Item,
    ItemKey, ItemTree, MemoryTree, Node, PhoneOutput, PhoneSession, Prefix, Resume, Start,
    TreeError,
};
use crate::trust::bundle::{BundleError, LetterReader, LetterWriter, begin};
use crate::trust::log::Turned;
use crate::trust::{HubReceipt, RECEIPT_ITEMS_MAX, ReceiptItem};

/// Devices besides the maker that one bundle is answered to: a team and some to spare. Others learn at
/// their next contact what the hub has of them.
pub const ANSWERED_MAX: usize = 32;

/// Documents that are given whole to devices whose packs another brought. Of more they learn at their next
/// contact.
const TOUCHED_MAX: usize = 4_096;

/// Bytes of packs handed over at once: about a frame.
const DELIVERED_BYTES: usize = 256 << 10;

/// Packs of other devices of which one bundle brings them receipts. Of more they learn at their next contact.
const RECEIPTED_MAX: usize = 64 << 10;

/// Bytes of records and other entries in the maker's letter: receipts fit beside them into a letter.
const ITEMS_BYTES_MAX: u64 = 512 << 20;

/// Such bytes in the letters to all others together. A bundle asks for them without those devices, and
/// what does not fit they learn at their next contact.
const OTHERS_BYTES_MAX: u64 = 64 << 20;

/// What came of a bundle at the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleAnswered {
    /// Who made it.
    pub maker: DeviceId,
    /// Packs in it.
    pub packs: usize,
    /// Of them, those that the hub has signed for.
    pub stored: usize,
    /// Packs that it does not take, or keeps aside.
    pub declined: usize,
    /// Packs that it has now, in the record or kept aside.
    pub settled: usize,
    /// Requests that it refused.
    pub refused: usize,
    /// Of them, decisions and minutes that it does not have: the file may be the last that holds them.
    pub unentered: usize,
    /// Why the hub took in less than there was, if it did.
    pub failure: Option<Failure>,
    /// Why not all that waits at the hub could be merged, if so.
    pub unmerged: Option<String>,
    /// Entries were left out of the answer because it would be too long.
    pub cut: bool,
    /// Whom the answer is for.
    pub receivers: Vec<DeviceId>,
}

impl BundleAnswered {
    fn of(maker: DeviceId) -> Self {
        Self {
            maker,
            packs: 0,
            stored: 0,
            declined: 0,
            settled: 0,
            refused: 0,
            unentered: 0,
            failure: None,
            unmerged: None,
            cut: false,
            receivers: vec![maker],
        }
    }

    /// Returns whether the hub has all that was in the bundle, so that the file is needed no longer. Of a
    /// device whose rights ended it keeps aside what came, and says at the end that there is nothing for it.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let failed = self.failure.as_ref().filter(|said| said.code != FailureCode::NotAllowed);
        self.settled >= self.packs && self.unentered == 0 && failed.is_none()
    }
}

/// What the hub has signed for of a letter: whose it was, and of what records. Bytes that only say so give
/// nobody a letter.
#[derive(Default)]
struct Signed {
    /// By device, not the maker.
    of_others: BTreeMap<DeviceId, Vec<ReceiptItem>>,
    /// How many these are.
    count: usize,
    touched: BTreeSet<DocumentId>,
}

/// One device's part of the answer.
struct Talk<'a> {
    hub: &'a Arc<Hub>,
    entry: DeviceEntry,
    greeting: Option<Greeting>,
    asks: Vec<(AdminRequest, Asked)>,
    /// What the maker calls what it asked, in the order in which it did.
    asked: Vec<Asked>,
    /// How the log stands was written down: answers stand behind it, as all that is taken in.
    shown: bool,
    /// Answers that came before.
    unwritten: Vec<Part>,
    /// What the device is taken to hold of the record, when it comes to comparing.
    lacks: Lacks,
    /// Bytes of entries that the answer has room for.
    room: u64,
    now: Timestamp,
}

/// What a device is taken to lack.
enum Lacks {
    All,
    These(BTreeMap<ItemKey, Item>),
}

impl Hub {
    /// Takes in the letter to this hub of a bundle, which `open` opens, as if its maker had come and pushed;
    /// and writes the answer to `out`: a letter to the maker, with all that it lacks, and one to each
    /// other device whose packs it brought, with receipts, decisions on rights, and the records concerned.
    /// The letter is checked whole before anything of it is used. Taking in the same once more changes
    /// nothing, and gives an answer that says so.
    ///
    /// # Errors
    ///
    /// Returns [`ReplicaError::Bundle`] when the bundle is not for this hub or does not hold together,
    /// [`ReplicaError::Stranger`] when its maker is not known here, and [`ReplicaError::Store`] when it
    /// could not be recorded. What was taken in by then is kept, and taking it in again changes nothing of
    /// it.
    pub fn take_bundle<R: std::io::Read>(
        self: &Arc<Self>,
        open: &mut dyn FnMut() -> Result<R, BundleError>,
        out: &mut dyn Write,
        entropy: BundleEntropy<'_>,
        now: Timestamp,
    ) -> Result<BundleAnswered, ReplicaError> {
        self.take_bundle_within(open, out, entropy, (ITEMS_BYTES_MAX, OTHERS_BYTES_MAX), now)
    }

    /// As [`Hub::take_bundle`], with so many bytes of entries in the maker's letter and in all others.
    pub(super) fn take_bundle_within<R: std::io::Read>(
        self: &Arc<Self>,
        open: &mut dyn FnMut() -> Result<R, BundleError>,
        out: &mut dyn Write,
        entropy: BundleEntropy<'_>,
        (own_bytes, mut room): (u64, u64),
        now: Timestamp,
    ) -> Result<BundleAnswered, ReplicaError> {
        let mut letter = LetterReader::find(open()?, &self.key)?;
        let maker = letter.head().maker;
        // Nothing of a stranger's is decoded.
        let known = self.replica().device(maker)?;
        let Some(entry) = known.filter(|entry| entry.active || self.lets_leave(maker)) else {
            letter.check()?;
            self.turned_away(Turned::Stranger, maker, 1, now)?;
            return Err(ReplicaError::Stranger { device: maker.short() });
        };
        let mut packs = 0;
        let checked = look_through(&mut letter, &mut |part| {
            packs += usize::from(matches!(decode(part)?, Part::Pack(_)));
            Ok(())
        })?;
        let mut letter = LetterReader::again(open()?, &self.key, &checked)?;
        let (greeting, asks, first) = greeted(&mut letter)?;
        begin(out)?;
        let answered = BundleAnswered { packs, ..BundleAnswered::of(maker) };
        let mut talk = Talk::new(self, entry, (Lacks::All, own_bytes), now);
        (talk.greeting, talk.asks) = (Some(greeting), asks);
        let mut said = Said { answered, signed: Signed::default() };
        talk.write_maker(out, &mut Packs { letter, first }, entropy, &mut said)?;
        let Said { mut answered, signed } = said;
        for (signer, items) in signed.of_others {
            let Some(entry) = self.replica().device(signer)?.filter(|entry| entry.active) else {
                continue;
            };
            let lacks = Lacks::These(self.items_of(&signed.touched, &entry, now)?);
            let mut talk = Talk::new(self, entry, (lacks, room), now);
            answered.receivers.push(signer);
            answered.cut |= talk.write_other(out, items, entropy)?;
            room = talk.room;
        }
        Ok(answered)
    }
}

impl Hub {
    /// Returns the items of some documents, as far as a device may see them.
    fn items_of(
        &self,
        documents: &BTreeSet<DocumentId>,
        entry: &DeviceEntry,
        now: Timestamp,
    ) -> Result<BTreeMap<ItemKey, Item>, ReplicaError> {
        let rows = self.replica().store().clone();
        let tree = tree(&*rows, entry, now);
        let mut items = BTreeMap::new();
        for document in documents {
            let mut actors = Vec::new();
            each_row(&*rows, &rows::of_document(TIP, *document), None, |key, _| {
                actors.extend(rows::actor_in(key));
                Ok(())
            })?;
            for actor in actors {
                let item = tree.item(*document, actor);
                let item = item.map_err(|error| StoreError::Damaged { what: error.to_string() })?;
                items.extend(item.map(|item| (item.key(), item)));
            }
        }
        Ok(items)
    }
}

impl Signed {
    /// Notes what the hub has signed for as the maker brought it.
    fn note(
        &mut self,
        hub: &Hub,
        maker: DeviceId,
        items: &[ReceiptItem],
    ) -> Result<(), ReplicaError> {
        for item in items {
            if self.touched.len() < TOUCHED_MAX {
                self.touched.insert(item.document);
            }
            let signer = hub.replica().author(item.document, item.actor)?;
            let Some(signer) = signer.filter(|signer| *signer != maker) else { continue };
            let more = self.of_others.len() < ANSWERED_MAX || self.of_others.contains_key(&signer);
            if more && self.count < RECEIPTED_MAX {
                self.count += 1;
                self.of_others.entry(signer).or_default().push(*item);
            }
        }
        Ok(())
    }
}

/// Reads what stands before the packs, and the first of them.
type Greeted = (Greeting, Vec<(AdminRequest, Asked)>, Option<Vec<u8>>);

fn greeted<R: std::io::Read>(letter: &mut LetterReader<R>) -> Result<Greeted, ReplicaError> {
    let Some(Part::Greeting(greeting)) = read(letter)? else { return Err(misplaced()) };
    let (mut asks, mut length) = (Vec::new(), 0);
    loop {
        let Some(bytes) = next(letter)? else { return Ok((greeting, asks, None)) };
        let part = decode(&bytes)?;
        if matches!(part, Part::Ask(..)) {
            length += bytes.len();
        }
        match part {
            Part::Ask(..) if asks.len() == ASKS_MAX => {
                return Err(too_large("requests", ASKS_MAX));
            }
            Part::Ask(..) if length > ASKS_BYTES_MAX => {
                return Err(too_large("bytes of requests", ASKS_BYTES_MAX));
            }
            Part::Ask(request, of) => asks.push((request, of)),
            Part::Pack(pack) => return Ok((greeting, asks, Some(pack))),
            _ => return Err(misplaced()),
        }
    }
}

/// The packs of a letter.
struct Packs<R> {
    letter: LetterReader<R>,
    first: Option<Vec<u8>>,
}

/// What came of the maker's part.
struct Said {
    answered: BundleAnswered,
    signed: Signed,
}

impl<R: std::io::Read> Packs<R> {
    /// Returns the next packs, and whether others follow.
    fn next(&mut self) -> Result<(Vec<Vec<u8>>, bool), ReplicaError> {
        let (mut packs, mut bytes) = (Vec::new(), 0);
        while bytes < DELIVERED_BYTES {
            let pack = match self.first.take() {
                Some(pack) => pack,
                None => match read(&mut self.letter)? {
                    Some(Part::Pack(pack)) => pack,
                    None => return Ok((packs, false)),
                    Some(_) => return Err(misplaced()),
                },
            };
            bytes += pack.len();
            packs.push(pack);
        }
        Ok((packs, true))
    }
}

impl<'a> Talk<'a> {
    fn new(
        hub: &'a Arc<Hub>,
        entry: DeviceEntry,
        (lacks, room): (Lacks, u64),
        now: Timestamp,
    ) -> Self {
        let (greeting, asks, asked) = (None, Vec::new(), Vec::new());
        let (shown, unwritten) = (false, Vec::new());
        Self { hub, entry, greeting, asks, asked, shown, unwritten, lacks, room, now }
    }
}

impl Talk<'_> {
    /// Plays the exchange with the maker and writes its letter.
    fn write_maker<R: std::io::Read>(
        &mut self,
        out: &mut dyn Write,
        packs: &mut Packs<R>,
        entropy: BundleEntropy<'_>,
        said: &mut Said,
    ) -> Result<(), ReplicaError> {
        let mut letter = self.letter(out, entropy)?;
        let settled = self.play(&mut letter, &mut || packs.next(), said)?;
        said.answered.settled = settled;
        Ok(letter.finish()?)
    }

    /// Writes the letter to a device whose packs the maker brought: what the hub has signed for of them, as
    /// the maker's receipt says. It brought nothing itself. Returns whether something was left out.
    fn write_other(
        &mut self,
        out: &mut dyn Write,
        items: Vec<ReceiptItem>,
        entropy: BundleEntropy<'_>,
    ) -> Result<bool, ReplicaError> {
        let (hub, device, now) = (self.hub, self.entry.device, self.now);
        let mut letter = self.letter(out, entropy)?;
        // Of an exchange that brings nothing there is nothing to count.
        let mut said = Said { answered: BundleAnswered::of(device), signed: Signed::default() };
        self.play(&mut letter, &mut || Ok((Vec::new(), false)), &mut said)?;
        let epoch = hub.head()?.epoch;
        for some in items.chunks(RECEIPT_ITEMS_MAX) {
            let receipt = HubReceipt::sign(&hub.key, epoch, device, some.to_vec(), now)
                .map_err(|source| ReplicaError::Trust { source: Arc::new(source) })?;
            write(&mut letter, &Part::Receipt(receipt))?;
        }
        for ReceiptItem { document, actor, seq, .. } in items {
            if hub.has_merged(document, actor, seq)? {
                write(&mut letter, &Part::Item(FeedItem::Yours { document, actor, seq }))?;
            }
        }
        write(&mut letter, &Part::Reached(None))?;
        letter.finish()?;
        Ok(said.answered.cut)
    }

    /// Begins the device's letter.
    fn letter<'w>(
        &self,
        out: &'w mut dyn Write,
        entropy: BundleEntropy<'_>,
    ) -> Result<LetterWriter<'w>, ReplicaError>
    where
        Self: 'w,
    {
        let seed = zeroize::Zeroizing::new(entropy());
        let mut letter = LetterWriter::new(out, &self.hub.key, self.entry.device, self.now, &seed)?;
        let epoch = self.hub.head()?.epoch;
        write(&mut letter, &Part::Answer { epoch, greeting: self.greeting.clone() })?;
        Ok(letter)
    }

    /// Carries frames from one side to the other until both have said all they had.
    /// Returns how many of the packs the hub has.
    fn play(
        &mut self,
        letter: &mut LetterWriter<'_>,
        packs: &mut dyn FnMut() -> Result<(Vec<Vec<u8>>, bool), ReplicaError>,
        said: &mut Said,
    ) -> Result<usize, ReplicaError> {
        let runner = HubRunner::start(self.hub.clone(), self.entry.clone(), self.now)?;
        let runner = &mut runner.by_file();
        let session = &mut PhoneSession::new(self.start());
        let (mut to_hub, mut to_phone) = (None, None);
        let mut over = false;
        loop {
            let mut moved = false;
            while to_hub.is_none()
                && let Some(output) = session.poll_output()
            {
                moved = true;
                match output {
                    PhoneOutput::Send(frame) => to_hub = Some(frame),
                    PhoneOutput::Deliver => {
                        let (some, more) = packs()?;
                        session.handle_delivery(some, more);
                    }
                    PhoneOutput::Finished(outcome) => {
                        over = true;
                        if let Ending::Told(failure) | Ending::Refused(failure) = outcome.ending {
                            // Before what it refused of the wishes: of this the packs are.
                            said.answered.failure = Some(failure);
                        }
                    }
                    output => self.tell(letter, session, output, said)?,
                }
            }
            if runner.wants_input()
                && let Some(frame) = to_hub.take()
            {
                moved = true;
                // What no session allows ends this one too, after a last frame that says why.
                drop(runner.handle(&frame));
            }
            if to_phone.is_none() {
                to_phone = runner.poll_frame(self.now)?;
                moved |= to_phone.is_some();
            }
            if runner.take_announced() {
                // What the maker decided is in the log by now, and to be told to the maker too.
                moved = true;
                runner.grown()?;
            }
            if over {
                // Nobody listens any more.
                to_phone = None;
            } else if session.wants_input()
                && let Some(frame) = to_phone.take()
            {
                moved = true;
                self.hear(session, &frame)?;
            }
            if !moved && !merge(self.hub, runner, &mut said.answered, self.now)? {
                return Ok(runner.settled());
            }
        }
    }

    /// What the device would begin an exchange with.
    fn start(&mut self) -> Start {
        let (asks, asked): (Vec<_>, Vec<_>) = std::mem::take(&mut self.asks).into_iter().unzip();
        self.asked = asked;
        let greeting = self.greeting.as_ref();
        Start {
            position: greeting.and_then(|greeting| greeting.position),
            notices: greeting.map_or(0, |greeting| greeting.notices),
            root: Node::default().fingerprint(),
            empty: greeting.is_some_and(|greeting| greeting.empty),
            outbox: Vec::new(),
            deliver: true,
            asks: (0..).zip(asks).collect(),
            heads: greeting.map_or_else(Vec::new, |greeting| greeting.heads.clone()),
            live: false,
            // How its keys follow each other is a few bytes, and the phone may know an older one.
            asks_keys: true,
            hub: self.hub.device(),
            device: self.entry.device,
            now: self.now,
        }
    }

    fn hear(&self, session: &mut PhoneSession, frame: &[u8]) -> Result<(), ReplicaError> {
        match &self.lacks {
            Lacks::All => session.handle_frame(frame, &MemoryTree::default())?,
            Lacks::These(left_out) => {
                let rows = self.hub.replica().store().clone();
                let stored = tree(&*rows, &self.entry, self.now);
                session.handle_frame(frame, &Without { stored, left_out })?;
            }
        }
        Ok(())
    }

    /// Writes down what the phone is to do, and says that it did.
    fn tell(
        &mut self,
        letter: &mut LetterWriter<'_>,
        session: &mut PhoneSession,
        output: PhoneOutput,
        said: &mut Said,
    ) -> Result<(), ReplicaError> {
        let answered = &mut said.answered;
        match output {
            PhoneOutput::Apply(Apply { items, position }) => {
                // After a comparison that this side has played alone the phone knows no place: what the hub
                // lacks of it only the phone itself can see.
                let resume = session.welcome().map(|(resume, _)| resume);
                let placed = self.greeting.is_some() && resume != Some(Resume::Reconcile);
                for item in items {
                    answered.cut |= !self.write_item(letter, item, answered.cut)?;
                }
                // Where something was left out the device stays where it was.
                let placed = placed && !answered.cut;
                write(letter, &Part::Reached(position.filter(|_| placed)))?;
                session.handle_applied(true);
            }
            PhoneOutput::Receipts(receipt) => {
                answered.stored += receipt.items.len();
                said.signed.note(self.hub, self.entry.device, &receipt.items)?;
                write(letter, &Part::Receipt(receipt))?;
            }
            PhoneOutput::Notices { upto, notices } => {
                write(letter, &Part::Notices { upto, notices })?;
            }
            PhoneOutput::Declined(notices) => {
                answered.declined += notices.len();
                write(letter, &Part::Declined(notices))?;
            }
            PhoneOutput::Keys(acts) => {
                if !acts.is_empty() {
                    write(letter, &Part::Keys(acts))?;
                }
                session.handle_keys(true);
            }
            PhoneOutput::Judge(shown) => {
                write(letter, &Part::Shown(shown))?;
                self.shown = true;
                for part in self.unwritten.drain(..) {
                    write(letter, &part)?;
                }
                session.handle_judged(true);
            }
            PhoneOutput::Provide(_) => session.handle_provided(Vec::new(), false),
            PhoneOutput::Answered { answer: AdminAnswer::Mark(mark), .. } => {
                write(letter, &Part::Mark(mark))?;
            }
            PhoneOutput::Answered { answer: AdminAnswer::Refused(said), request_id } => {
                answered.refused += 1;
                answered.unentered += usize::from(self.lacks_asked(request_id)?);
                if passes(said.code) {
                    answered.failure.get_or_insert_with(|| said.clone());
                }
                self.answer(letter, request_id, Some(said))?;
            }
            PhoneOutput::Answered { answer: AdminAnswer::Done, request_id } => {
                self.answer(letter, request_id, None)?;
            }
            PhoneOutput::Answered { .. }
            | PhoneOutput::Equivocations(_)
            | PhoneOutput::Caught(_)
            | PhoneOutput::Send(_)
            | PhoneOutput::Deliver
            | PhoneOutput::Finished(_) => {}
        }
        Ok(())
    }
}

impl Talk<'_> {
    /// Returns whether a request that was refused brought a decision, or minutes, that the hub does not have.
    fn lacks_asked(&self, request_id: u64) -> Result<bool, ReplicaError> {
        let place = usize::try_from(request_id).unwrap_or(usize::MAX);
        Ok(match self.asked.get(place).map(|asked| &asked.errand) {
            Some(Errand::Act(_)) => true,
            Some(Errand::Seal(act)) => !self.hub.keeps_seal_of(*act)?,
            _ => false,
        })
    }

    /// Writes down what the hub says to a request.
    fn answer(
        &mut self,
        letter: &mut LetterWriter<'_>,
        request_id: u64,
        refused: Option<Failure>,
    ) -> Result<(), ReplicaError> {
        let place = usize::try_from(request_id).unwrap_or(usize::MAX);
        let Some(of) = self.asked.get(place).cloned() else { return Ok(()) };
        let part = Part::Answered { of, refused };
        if self.shown {
            return write(letter, &part);
        }
        self.unwritten.push(part);
        Ok(())
    }

    /// Writes an entry, if there is room for it and none was left out before. Returns whether it is written.
    fn write_item(
        &mut self,
        letter: &mut LetterWriter<'_>,
        item: FeedItem,
        cut: bool,
    ) -> Result<bool, ReplicaError> {
        let part = postcard::to_stdvec(&Part::Item(item))
            .map_err(|source| BundleError::Encode { source })?;
        let room = self.room.checked_sub(part.len() as u64).filter(|_| !cut);
        let Some(room) = room else { return Ok(false) };
        self.room = room;
        letter.part(&part)?;
        Ok(true)
    }
}

/// Whether a refusal is not the last word: the same wish may be granted when it comes again.
fn passes(code: FailureCode) -> bool {
    match code {
        FailureCode::Busy
        | FailureCode::Full
        | FailureCode::Closing
        | FailureCode::Internal
        | FailureCode::Changed => true,
        FailureCode::Misbehaved
        | FailureCode::Version
        | FailureCode::NotAllowed
        | FailureCode::TooLarge => false,
    }
}

/// Merges what waits. Returns whether the exchange goes on.
fn merge(
    hub: &Hub,
    runner: &mut HubRunner,
    said: &mut BundleAnswered,
    now: Timestamp,
) -> Result<bool, ReplicaError> {
    if !runner.waits_for_merge() {
        return Ok(false);
    }
    match hub.merge_all(now) {
        Ok(_) => {}
        // What came is durable. That another document is damaged, or nothing can merge now, is found and said by
        // the hub's own merging.
        Err(error) if hub.replica().takes_writes() => {
            said.unmerged.get_or_insert_with(|| error.to_string());
        }
        Err(error) => return Err(error),
    }
    runner.grown()?;
    if runner.waits_for_merge() {
        // Stored and signed for; what cannot be merged yet the device learns another time.
        runner.stop_waiting();
    }
    Ok(true)
}

/// Returns the items that a device may see.
fn tree<'a>(rows: &'a dyn Read, entry: &DeviceEntry, now: Timestamp) -> StoredTree<'a> {
    let entry = entry.clone().in_force(now);
    match access::is_everywhere(&entry) {
        true => StoredTree::new(rows),
        false => StoredTree::of_scopes(rows, &access::readable(&entry)),
    }
}

/// A tree without some items.
struct Without<'a> {
    stored: StoredTree<'a>,
    left_out: &'a BTreeMap<ItemKey, Item>,
}

impl ItemTree for Without<'_> {
    fn node(&self, prefix: &Prefix) -> Result<Node, TreeError> {
        let mut node = self.stored.node(prefix)?;
        let (first, last) = prefix.range();
        self.left_out.range(first..=last).for_each(|(_, item)| node.remove(item));
        Ok(node)
    }

    fn items(&self, prefix: &Prefix, limit: usize) -> Result<Vec<Item>, TreeError> {
        let (first, last) = prefix.range();
        let more = self.left_out.range(first..=last).count();
        let mut items = self.stored.items(prefix, limit.saturating_add(more))?;
        items.retain(|item| !self.left_out.contains_key(&item.key()));
        items.truncate(limit);
        Ok(items)
    }

    fn item(&self, document: DocumentId, actor: Actor) -> Result<Option<Item>, TreeError> {
        match self.left_out.contains_key(&ItemKey::of(document, actor)) {
            true => Ok(None),
            false => self.stored.item(document, actor),
        }
    }
}
