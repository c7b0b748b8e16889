package vn.bienban

import java.util.concurrent.CopyOnWriteArraySet
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withContext
import vn.bienban.generated.Changes as GeneratedChanges
import vn.bienban.generated.Observer as GeneratedObserver
import vn.bienban.generated.Subscription as GeneratedSubscription
import vn.bienban.generated.SyncProgress as GeneratedSyncProgress
import vn.bienban.generated.WipeOrder as GeneratedWipeOrder

/** What a collector is told. */
internal sealed class Event {
    /** The collector is heard of from now on: what it reads now and what it is told later leave no gap. */
    data object Watching : Event()

    class Changed(val changes: Changes) : Event()

    class Progress(val progress: SyncProgress) : Event()

    class Wipe(val order: WipeOrder) : Event()
}

/**
 * One observer of the library for any number of flows: the library takes 16, and what it tells costs it a comparison
 * of all records. There is one only while somebody collects.
 */
internal class EventSource(
    private val subscribe: suspend (GeneratedObserver) -> GeneratedSubscription,
) {
    private val turn = Mutex()
    private val inboxes = CopyOnWriteArraySet<Inbox>()
    private var subscription: GeneratedSubscription? = null

    @Volatile
    private var over = false

    fun flow(): Flow<Event> =
        flow {
            val inbox = Inbox()
            try {
                join(inbox)
                emit(Event.Watching)
                while (true) {
                    val events = inbox.take() ?: break
                    events.forEach { emit(it) }
                }
            } finally {
                leave(inbox)
            }
        }

    /** Completes all flows. */
    fun end() {
        over = true
        inboxes.forEach { it.end() }
    }

    /** Not cancelled in the middle: a subscription that nobody holds would tell everything twice. */
    private suspend fun join(inbox: Inbox) =
        withContext(NonCancellable + Dispatchers.Default) {
            turn.withLock {
                inboxes += inbox
                if (subscription == null) subscription = translated { subscribe(Teller(inboxes)) }
                if (over) inbox.end()
            }
        }

    private suspend fun leave(inbox: Inbox) =
        withContext(NonCancellable + Dispatchers.Default) {
            turn.withLock {
                inboxes -= inbox
                if (inboxes.isEmpty()) {
                    subscription?.run {
                        cancel()
                        close()
                    }
                    subscription = null
                }
            }
        }
}

/** What the library calls, on a thread of its own. It holds the inboxes and nothing that would keep a folder alive. */
private class Teller(private val inboxes: Set<Inbox>) : GeneratedObserver {
    override fun changed(changes: GeneratedChanges) = tell(Event.Changed(changes.own()))

    override fun syncProgress(progress: GeneratedSyncProgress) = tell(Event.Progress(progress.own()))

    override fun wipeOrdered(order: GeneratedWipeOrder) = tell(Event.Wipe(order.own()))

    private fun tell(event: Event) = inboxes.forEach { it.tell(event) }
}

/** What a collector has not taken yet: it may take its time, and never holds the library's thread. */
private class Inbox {
    private val bell = Channel<Unit>(Channel.CONFLATED)
    private var changes: Changes? = null
    private var progress: SyncProgress? = null
    private val orders = ArrayDeque<WipeOrder>()
    private var ended = false

    fun tell(event: Event) {
        synchronized(this) {
            when (event) {
                is Event.Changed -> changes = changes?.with(event.changes) ?: event.changes
                is Event.Progress -> progress = event.progress
                is Event.Wipe -> orders += event.order
                Event.Watching -> Unit
            }
        }
        bell.trySend(Unit)
    }

    fun end() {
        synchronized(this) { ended = true }
        bell.trySend(Unit)
    }

    /** Returns what came, at least one event; null once that was all. */
    suspend fun take(): List<Event>? {
        while (true) {
            val (events, over) = synchronized(this) { emptied() to ended }
            if (events.isNotEmpty()) return events
            if (over) return null
            bell.receive()
        }
    }

    private fun emptied(): List<Event> {
        val events = listOfNotNull(progress?.let { Event.Progress(it) }, changes?.let { Event.Changed(it) })
        val wiped = orders.map { Event.Wipe(it) }
        progress = null
        changes = null
        orders.clear()
        return events + wiped
    }
}

/** Documents named in one event, as in the library: beyond that lists are read anew. */
private const val NAMED_MAX = 256

/** Both together, as one event. */
internal fun Changes.with(later: Changes): Changes {
    val named = LinkedHashMap<String, DocumentChange>()
    for (one in documents + later.documents) {
        named[one.document] = one.copy(content = one.content || named[one.document]?.content == true)
    }
    return Changes(
        documents = named.values.take(NAMED_MAX),
        more = more || later.more || named.size > NAMED_MAX,
        inspections = inspections || later.inspections,
        plans = plans || later.plans,
        facilities = facilities || later.facilities,
        checklists = checklists || later.checklists,
        rights = rights || later.rights,
    )
}
