package vn.bienban

import java.io.File
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.conflate
import kotlinx.coroutines.flow.filter
import kotlinx.coroutines.flow.map
import kotlinx.coroutines.flow.mapNotNull
import kotlinx.coroutines.withContext
import vn.bienban.generated.Bienban as GeneratedBienban

/**
 * One folder with a device, open: everything an app does goes through it.
 *
 * Any number of calls may run at once, from any thread. A call that suspends never holds its thread, the
 * screen's neither: it works on threads of the library, and what crosses is copied on [Dispatchers.Default].
 * Every call fails with a [BienbanException] and nothing else.
 *
 * A cancelled coroutine does not take an edit back: it is made whole or was never begun. It ends an exchange
 * ([sync]) and an enrolment ([enrol] with `show`); what had arrived stays.
 *
 * Left to the garbage collector without [close], it closes itself in the background; do not rely on when.
 */
public class Bienban private constructor(
    private val inner: GeneratedBienban,
    /** The device's id: its public key, in hexadecimal. */
    public val device: String,
) : SuspendCloseable {
    private val events = EventSource { observer -> inner.observe(observer) }

    public companion object {
        /**
         * Opens a folder, or makes a device in it with a key of its own; all that lies in it is sealed under a
         * key that the platform's keystore keeps. Cancelled, it leaves nothing open.
         *
         * @throws BienbanException [BienbanException.Locked] when the keystore fails or has lost the key,
         * [BienbanException.InUse] when another process has the folder open, [BienbanException.Wiped] when its
         * data was erased by order, [BienbanException.Full] without room for a new one, and
         * [BienbanException.Damaged] for what a later version wrote.
         */
        public suspend fun open(
            dir: File,
            keyStore: KeyStore,
            options: OpenOptions = OpenOptions(),
        ): Bienban {
            var made: Bienban? = null
            try {
                return withContext(Dispatchers.Default) {
                    translated {
                        val keys = KeyStoreAdapter(keyStore)
                        val inner = GeneratedBienban.open(dir.absolutePath, keys, options.generated())
                        Bienban(inner, inner.device()).also { made = it }
                    }
                }
            } catch (cancelled: CancellationException) {
                // It may have come just after the folder was opened: nobody else can close it then.
                made?.close()
                throw cancelled
            }
        }

        /** Returns the last errors of this process, at most 64, oldest first: what an app sends with a report. */
        public suspend fun recentReports(): List<ReportLine> =
            withContext(Dispatchers.Default) {
                translated { vn.bienban.generated.recentReports().map { it.own() } }
            }
    }

    /** Whether [close] was called. Answers from memory. */
    public val isClosed: Boolean
        get() = translated { inner.isClosed() }

    /**
     * Closes the folder and frees what was open, at any time and as often as one likes. Edits that were begun are
     * recorded first, exchanges and enrolments end, and flows of events complete. When it returns another process can
     * open the folder; every later call fails with [BienbanException.Closed].
     *
     * It goes on to its end in a coroutine that is cancelled, too. See [use].
     */
    override suspend fun close() {
        withContext(NonCancellable + Dispatchers.Default) {
            translated { inner.shutdown() }
            events.end()
        }
    }

    /**
     * What changes in documents and lists, from the moment of collecting on. A slow collector is told once of
     * everything that came meanwhile. See [watch] for a screen that reads first and again after each change.
     *
     * Collecting fails with [BienbanException.Closed] after [close]; a flow that is being collected completes then.
     */
    public val changes: Flow<Changes>
        get() = events.flow().mapNotNull { (it as? Event.Changed)?.changes }

    /** How exchanges go, the background's too. A slow collector is told the latest. Begins and ends as [changes]. */
    public val syncProgress: Flow<SyncProgress>
        get() = events.flow().mapNotNull { (it as? Event.Progress)?.progress }

    /** That this device's rights were ended for good. Begins and ends as [changes]. */
    public val wipeOrders: Flow<WipeOrder>
        get() = events.flow().mapNotNull { (it as? Event.Wipe)?.order }

    /**
     * Reads something at once and again whenever something changed that concerns it; no change between is missed,
     * and a slow collector is told the latest. Completes with [close], fails where `read` fails.
     *
     * ```
     * app.watch({ it.inspections }) { it.inspections() }.collect { page -> show(page.rows) }
     * ```
     */
    public fun <T> watch(
        concerns: (Changes) -> Boolean = { true },
        read: suspend (Bienban) -> T,
    ): Flow<T> =
        events.flow()
            .filter { it is Event.Watching || it is Event.Changed && concerns(it.changes) }
            .conflate()
            .map { read(this) }

    /**
     * The screen of an inspection, at once and again whenever it shows something else. See [watch].
     *
     * @throws BienbanException when collected, as [inspection].
     */
    public fun watchInspection(id: String): Flow<InspectionScreen> =
        watch({ changes -> changes.more || changes.documents.any { it.inspection == id } }) { it.inspection(id) }

    /**
     * Takes up an invitation that was scanned or pasted. `label` is how the phone or its holder is called:
     * the administrator is shown it with the claim. [Enrolment.cancel] ends it, the end of a coroutine does not.
     *
     * @throws BienbanException [BienbanException.NotEnrolled] for what is no invitation, and
     * [BienbanException.WrongHub] when this device pins another server and `otherHub` does not say that this is meant.
     */
    public suspend fun enrol(
        invitation: String,
        label: String,
        otherHub: Boolean = false,
    ): Enrolment = made({ it.cancel() }) { Enrolment(inner.enrol(invitation, label, otherHub)) }

    /**
     * Takes up an invitation, shows the six digits that an administrator compares, and waits until that was done.
     * A cancelled coroutine ends it; the claim stays with the server, and [resumeEnrolment] goes on with it.
     *
     * @throws BienbanException as [enrol] and [Enrolment.await].
     */
    public suspend fun enrol(
        invitation: String,
        label: String,
        otherHub: Boolean = false,
        show: suspend (EnrolmentStatus) -> Unit,
    ): Me = enrol(invitation, label, otherHub).toItsEnd(show)

    /**
     * Goes on with the invitation that was begun, also after a restart; null where none was.
     *
     * @throws BienbanException [BienbanException.Damaged] when the note of it cannot be read.
     */
    public suspend fun resumeEnrolment(): Enrolment? =
        made({ it?.cancel() }) { inner.resumeEnrolment()?.let(::Enrolment) }

    /**
     * Goes on with the invitation that was begun, as [enrol] with `show`; returns null at once where none was.
     *
     * @throws BienbanException as [resumeEnrolment] and [Enrolment.await].
     */
    public suspend fun resumeEnrolment(show: suspend (EnrolmentStatus) -> Unit): Me? =
        resumeEnrolment()?.toItsEnd(show)

    /**
     * Returns who this device is, as far as the server has told it.
     *
     * @throws BienbanException [BienbanException.Damaged] when reading fails.
     */
    public suspend fun me(): Me = call { it.me().own() }

    /**
     * Forgets the invitation that was begun.
     *
     * @throws BienbanException [BienbanException.Damaged] when the note of it cannot be removed.
     */
    public suspend fun forgetEnrolment(): Unit = call { it.forgetEnrolment() }

    /**
     * Lists plans.
     *
     * @throws BienbanException as [facilities].
     */
    public suspend fun plans(query: ListQuery = ListQuery()): PlanPage = call { it.plans(query.generated()).own() }

    /**
     * Lists the visits that a plan foresees, those taken off it too.
     *
     * @throws BienbanException [BienbanException.NotFound] when the plan is not here.
     */
    public suspend fun visits(plan: String): List<VisitRow> = call { it.visits(plan).map { it.own() } }

    /**
     * Lists facilities.
     *
     * @throws BienbanException [BienbanException.Invalid] for a cursor that no page gave.
     */
    public suspend fun facilities(query: ListQuery = ListQuery()): FacilityPage = call { it.facilities(query.generated()).own() }

    /**
     * Lists the checklists that are here.
     *
     * @throws BienbanException [BienbanException.Damaged] when one cannot be read.
     */
    public suspend fun checklists(): List<ChecklistRow> = call { it.checklists().map { it.own() } }

    /**
     * Lists inspections that somebody has begun. Visits that nobody has begun are in
     * [visits].
     *
     * @throws BienbanException as [facilities].
     */
    public suspend fun inspections(
        query: ListQuery = ListQuery(),
        filter: InspectionFilter = InspectionFilter(),
    ): InspectionPage = call { it.inspections(query.generated(), filter.generated()).own() }

    /**
     * Opens a planned visit and returns the inspection's id, the same on every device. Nothing is recorded
     * before the first edit. Works offline.
     *
     * @throws BienbanException [BienbanException.NotFound] when the plan does not visit the facility or was cancelled, and
     * [BienbanException.NotReady] when the checklist has not arrived.
     */
    public suspend fun openVisit(
        plan: String,
        facility: String,
        visit: Int? = null,
    ): String = call { it.openVisit(plan, facility, visit?.toUInt()) }

    /**
     * Returns an inspection as a screen shows it, whole.
     *
     * @throws BienbanException [BienbanException.NotFound] when it is not here, and [BienbanException.NotReady] when its
     * checklist has not arrived.
     */
    public suspend fun inspection(id: String): InspectionScreen = call { it.inspection(id).own() }

    /**
     * Returns the digest of an inspection's record, 32 bytes in hexadecimal: equal on every device that
     * holds the same. Once minutes are sealed it is that of the record as it was sealed.
     *
     * @throws BienbanException as [inspection].
     */
    public suspend fun digest(id: String): String = call { it.digest(id) }

    /**
     * Returns what an inspection amounts to so far.
     *
     * @throws BienbanException as [inspection].
     */
    public suspend fun grade(id: String): GradeView = call { it.grade(id).own() }

    /**
     * Returns why an inspection amounts to what it does, from the result down to each answer and clause.
     *
     * @throws BienbanException as [inspection].
     */
    public suspend fun explain(id: String): List<ExplanationLine> = call { it.explain(id).map { it.own() } }

    /**
     * Answers an item. An earlier answer that this device has seen is replaced; it stays in the history.
     *
     * @throws BienbanException [BienbanException.Invalid] when the checklist does not have the item or takes something else,
     * [BienbanException.Conflict] while several answers stand (see [resolveAnswer]),
     * [BienbanException.NotAllowed] when this device may not, and [BienbanException.Final] once the
     * minutes are sealed.
     */
    public suspend fun answer(
        inspection: String,
        answer: AnswerDraft,
    ): Edited = call { it.answer(inspection, answer.generated()).own() }

    /**
     * Edits the note of an item.
     *
     * @throws BienbanException as [answer].
     */
    public suspend fun note(
        inspection: String,
        item: String,
        edit: TextEdit,
    ): Edited = call { it.note(inspection, item, edit.generated()).own() }

    /**
     * Adds a finding and returns its id.
     *
     * @throws BienbanException as [answer]; [BienbanException.Invalid] too for a deadline that is too late.
     */
    public suspend fun addFinding(
        inspection: String,
        finding: FindingDraft,
    ): String = call { it.addFinding(inspection, finding.generated()) }

    /**
     * Deletes a finding. It stays visible with who and why, and so does what others write to it meanwhile.
     *
     * @throws BienbanException [BienbanException.NotAllowed] when another wrote it and no reason is given.
     */
    public suspend fun deleteFinding(
        inspection: String,
        finding: String,
        reason: String,
    ): Edited = call { it.deleteFinding(inspection, finding, reason).own() }

    /**
     * Brings a deleted finding back.
     *
     * @throws BienbanException as [answer].
     */
    public suspend fun restoreFinding(
        inspection: String,
        finding: String,
    ): Edited = call { it.restoreFinding(inspection, finding).own() }

    /**
     * Adds a row to a repeated section, by the section's code, and returns its id.
     *
     * @throws BienbanException as [answer]; [BienbanException.Invalid] too when the section has all its rows.
     */
    public suspend fun addRow(
        inspection: String,
        section: String,
        note: String? = null,
    ): String = call { it.addRow(inspection, section, note) }

    /**
     * Removes a row, or brings a removed one back. It stays visible.
     *
     * @throws BienbanException as [answer].
     */
    public suspend fun removeRow(
        inspection: String,
        row: String,
        removed: Boolean = true,
    ): Edited = call { it.removeRow(inspection, row, removed).own() }

    /**
     * Edits the note of a row.
     *
     * @throws BienbanException as [answer].
     */
    public suspend fun rowNote(
        inspection: String,
        row: String,
        edit: TextEdit,
    ): Edited = call { it.rowNote(inspection, row, edit.generated()).own() }

    /**
     * Writes a field of the minutes' header, as a person types it; an empty text takes it back.
     *
     * @throws BienbanException [BienbanException.Invalid] for a field that there is not and a value that does not fit, and
     * [BienbanException.Conflict] while values that differ stand in it.
     */
    public suspend fun setHeader(
        inspection: String,
        field: String,
        value: String,
    ): Edited = call { it.setHeader(inspection, field, value).own() }

    /**
     * Writes an opinion: of the facility, of others, or the conclusion of the team.
     *
     * @throws BienbanException as [answer].
     */
    public suspend fun opinion(
        inspection: String,
        opinion: Opinion,
        edit: TextEdit,
    ): Edited = call { it.opinion(inspection, opinion.generated(), edit.generated()).own() }

    /**
     * Moves an inspection on in its life cycle (*vòng đời cuộc kiểm tra*), one step.
     *
     * @throws BienbanException [BienbanException.NotReady] with everything that the step lacks, or where no standing state
     * leads there.
     */
    public suspend fun takeStep(
        inspection: String,
        step: StepDraft,
    ): Edited = call { it.takeStep(inspection, step.generated()).own() }

    /**
     * Returns the places of an inspection and of its corrective actions in which values that differ stand.
     *
     * @throws BienbanException as [inspection].
     */
    public suspend fun conflicts(inspection: String): List<ConflictView> = call { it.conflicts(inspection).map { it.own() } }

    /**
     * Settles an item in which several answers stand, by an answer that names them. All that was written
     * stays in the history.
     *
     * @throws BienbanException as [answer], and [BienbanException.Conflict] when there is nothing to settle.
     */
    public suspend fun resolveAnswer(
        inspection: String,
        answer: AnswerDraft,
    ): Settled = call { it.resolveAnswer(inspection, answer.generated()).own() }

    /**
     * Settles any place by one of the values that stand in it, named by the change that wrote it.
     *
     * @throws BienbanException [BienbanException.Conflict] when the value does not stand there any more or nothing is to be
     * settled.
     */
    public suspend fun choose(
        inspection: String,
        place: String,
        change: String,
    ): Settled = call { it.choose(inspection, place, change).own() }

    /**
     * Settles a text that several replaced apart by a text that a person made of them.
     *
     * @throws BienbanException as [choose], and [BienbanException.Invalid] where no text stands or it is too long.
     */
    public suspend fun resolveText(
        inspection: String,
        place: String,
        text: String,
    ): Settled = call { it.resolveText(inspection, place, text).own() }

    /**
     * Settles a field of the header by a value that a person types.
     *
     * @throws BienbanException as [setHeader], and [BienbanException.Conflict] when there is nothing to settle.
     */
    public suspend fun resolveHeader(
        inspection: String,
        field: String,
        value: String,
    ): Settled = call { it.resolveHeader(inspection, field, value).own() }

    /**
     * Returns every answer ever given to an item, oldest first.
     *
     * @throws BienbanException [BienbanException.Invalid] for an item that the checklist does not have, and without a row
     * for one that is answered in rows.
     */
    public suspend fun answerHistory(
        inspection: String,
        item: String,
        row: String? = null,
    ): List<AnswerGiven> = call { it.answerHistory(inspection, item, row).map { it.own() } }

    /**
     * Returns every value ever written to a place, oldest first; of a text what each change made of it.
     *
     * @throws BienbanException as [inspection].
     */
    public suspend fun placeHistory(
        inspection: String,
        place: String,
    ): List<HistoryLine> = call { it.placeHistory(inspection, place).map { it.own() } }

    /**
     * Accepts an inspection (*chấp nhận*) as it was at the heads that the person saw, which
     * [InspectionScreen.heads] tells; without any as it is here now.
     *
     * @throws BienbanException [BienbanException.Conflict] while values that differ stand and `despite` gives no reason, and
     * [BienbanException.NotAllowed] when this device may not judge.
     */
    public suspend fun accept(
        inspection: String,
        text: String,
        seenHeads: List<String> = emptyList(),
        despite: String? = null,
    ): Edited = call { it.accept(inspection, text, seenHeads, despite).own() }

    /**
     * Pins a comment to an item, or to the whole inspection.
     *
     * @throws BienbanException as [accept], and [BienbanException.Invalid] for an item that the checklist does not have.
     */
    public suspend fun comment(
        inspection: String,
        item: String?,
        text: String,
    ): Sent = call { it.comment(inspection, item, text).own() }

    /**
     * Sends an inspection back (*trả lại để bổ sung*), as a whole or to one item.
     *
     * @throws BienbanException as [comment].
     */
    public suspend fun sendBack(
        inspection: String,
        item: String?,
        text: String,
        seenHeads: List<String> = emptyList(),
    ): Sent = call { it.sendBack(inspection, item, text, seenHeads).own() }

    /**
     * Replies to a comment or request, by its id. A request counts as answered then.
     *
     * @throws BienbanException [BienbanException.NotFound] for an id that there is not.
     */
    public suspend fun reply(inspection: String, to: String, text: String): Sent = call { it.reply(inspection, to, text).own() }

    /**
     * Returns what stands between an inspection and its seal. Writes nothing.
     *
     * @throws BienbanException as [inspection].
     */
    public suspend fun sealCheck(inspection: String): SealCheck = call { it.sealCheck(inspection).own() }

    /**
     * Signs and seals the minutes as the team's leader, and returns the seal's id. Works offline: durable
     * when it returns, registered and numbered once the server has it.
     *
     * @throws BienbanException [BienbanException.NotAllowed] when this device may not, [BienbanException.Final] when they are
     * sealed, [BienbanException.Conflict] while values that differ stand, and [BienbanException.NotReady]
     * for what is missing and for devices that were not heard.
     */
    public suspend fun seal(inspection: String, draft: SealDraft): String = call { it.seal(inspection, draft.generated()) }

    /**
     * Signs sealed minutes too, as a member of the team (*thành viên đoàn ký*), and returns their seal.
     *
     * @throws BienbanException [BienbanException.NotFound] when no sealed minutes are here, [BienbanException.Final] when the
     * holder of this device has signed, and [BienbanException.NotAllowed] when it is no member.
     */
    public suspend fun countersign(inspection: String): String = call { it.countersign(inspection) }

    /**
     * Begins a record that supplements sealed minutes (*biên bản bổ sung*), and returns its id. Nothing
     * unseals.
     *
     * @throws BienbanException [BienbanException.NotFound] when no sealed minutes are here.
     */
    public suspend fun supplement(inspection: String): String = call { it.supplement(inspection) }

    /**
     * Returns where this device's work has arrived. Loads no document.
     *
     * @throws BienbanException [BienbanException.Damaged] when reading fails.
     */
    public suspend fun ledger(): Ledger = call { it.ledger().own() }

    /**
     * Gives up minutes that the server has refused, with a reason that stays here; the seal stays too. Where the
     * rights of this device were ended, minutes that wait as well.
     *
     * @throws BienbanException [BienbanException.NotFound] for a code that none has, and [BienbanException.Final] for
     * minutes that the server keeps or has yet to answer.
     */
    public suspend fun giveUpMinutes(code: String, reason: String): Unit = call { it.giveUpMinutes(code, reason) }

    /**
     * Gives up a decision that the server has refused; what was signed stays in the journal. Where the rights
     * of this device were ended, one that waits too.
     *
     * @throws BienbanException as [giveUpMinutes].
     */
    public suspend fun giveUpDecision(code: String): Unit = call { it.giveUpDecision(code) }

    /**
     * Begins to keep in touch in the background, unless that is under way: connected while a network is
     * there, in short exchanges where data costs money. [syncProgress] tells how it goes.
     *
     * @throws BienbanException [BienbanException.Closed] after [close].
     */
    public suspend fun startBackgroundSync(): Unit = call { it.startBackgroundSync() }

    /**
     * Ends keeping in touch, and waits until it has ended.
     *
     * @throws BienbanException [BienbanException.Closed] after [close].
     */
    public suspend fun stopBackgroundSync(): Unit = call { it.stopBackgroundSync() }

    /**
     * Exchanges everything with the server once. A cancelled coroutine ends the exchange; what had arrived stays.
     *
     * @throws BienbanException [BienbanException.NotEnrolled] before an enrolment, [BienbanException.Network] when the
     * server cannot be reached or the line broke, [BienbanException.WrongHub] when another answers,
     * [BienbanException.Refused] when it does not know this device, and [BienbanException.Wiped] or
     * [BienbanException.RightsEnded] when this device's rights were ended.
     */
    public suspend fun sync(): SyncOutcome = call { it.sync().own() }

    /**
     * Begins to exchange once and returns at once: what is returned waits, and cancels. Hold on to it: left to the
     * garbage collector, it is cancelled. Answers from memory.
     *
     * @throws BienbanException [BienbanException.Closed] after [close].
     */
    public fun startSync(): SyncRun = translated { SyncRun(inner.startSync()) }

    /**
     * Tells what the system says of the network. Without a word there is one, and it costs nothing. Answers from memory.
     *
     * @throws BienbanException [BienbanException.Closed] after [close].
     */
    public fun setNetwork(hint: NetworkHint) {
        translated { inner.setNetwork(hint.generated()) }
    }

    /**
     * Writes a record with its evidence into a file, which anybody checks without this app. Unless
     * `offline`, everything is exchanged first and the server proves that the record is in its log.
     *
     * @throws BienbanException [BienbanException.NotFound] when the record is not here, and [BienbanException.Full] or
     * [BienbanException.Damaged] when the file cannot be written. That the server did not help is no error.
     */
    public suspend fun exportRecord(
        inspection: String,
        file: File,
        offline: Boolean = false,
    ): Exported = call { it.exportRecord(inspection, file.absolutePath, offline).own() }

    /**
     * Writes one closed part of the journal shorter where that pays, and returns whether one was: for idle
     * minutes, best on the charger. Nothing is taken out of the record.
     *
     * @throws BienbanException [BienbanException.Full] or [BienbanException.Damaged] when the store fails; what was
     * recorded is not touched by that.
     */
    public suspend fun condense(): Boolean = call { it.condense() }

    private suspend fun <T> call(work: suspend (GeneratedBienban) -> T): T =
        withContext(Dispatchers.Default) { translated { work(inner) } }

    /** As [call] for what goes on by itself: cancelled just after it began, it is ended and not lost. */
    private suspend fun <T> made(
        end: (T) -> Unit,
        make: suspend () -> T,
    ): T {
        val begun = mutableListOf<T>()
        try {
            return withContext(Dispatchers.Default) { translated { make().also { begun += it } } }
        } catch (cancelled: CancellationException) {
            begun.forEach(end)
            throw cancelled
        }
    }
}
