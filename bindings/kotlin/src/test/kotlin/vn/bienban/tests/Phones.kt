// Folders, keystores and people of the tests.
package vn.bienban.tests

import java.io.File
import vn.bienban.AnswerDraft
import vn.bienban.Bienban
import vn.bienban.Grade
import vn.bienban.KeyStore
import vn.bienban.ListQuery
import vn.bienban.OpenOptions
import vn.bienban.StepDraft

/** A keystore in memory. */
open class MemoryKeys(@Volatile var key: ByteArray? = null) : KeyStore {
    override fun loadKey(name: String): ByteArray? = key?.copyOf()

    override fun saveKey(
        name: String,
        key: ByteArray,
    ) {
        this.key = key.copyOf()
    }

    override fun deleteKey(name: String) {
        key = null
    }
}

/** Opens a folder that no hub knows. */
suspend fun fresh(dir: File = scratch()): Bienban = Bienban.open(dir, MemoryKeys())

/** The key of the stage's folders. */
fun stageKeys() = MemoryKeys(Stage["key"].chunked(2).map { it.toInt(16).toByte() }.toByteArray())

/**
 * Opens a copy of a folder of the stage, `leader` or `member`, as it was before anybody wrote: the hub knows it and it
 * has the plan. A copy must not exchange: two devices would write under one name. [realPhone] may.
 */
suspend fun phone(name: String): Bienban {
    val dir = scratch()
    File(Stage["root"], "$name-planned").copyRecursively(dir, overwrite = true)
    return Bienban.open(dir, stageKeys(), OpenOptions(patienceMs = 10_000))
}

/** Opens the stage's own folder of a device. */
suspend fun realPhone(name: String): Bienban =
    Bienban.open(File(Stage["root"], name), stageKeys(), OpenOptions(patienceMs = 20_000))

/** Opens the planned visit and takes it into the field. */
suspend fun Bienban.visitInField(): String {
    val facility = facilities(ListQuery(text = Stage["facility"])).rows.single()
    val inspection = openVisit(plans().rows.single().id, facility.id)
    if (inspection(inspection).states.none { it.key == "in_field" }) {
        setHeader(inspection, "decision_signer", "Lương Thị Vân")
        setHeader(inspection, "conduct_plan_approver", "Lương Thị Vân")
        setHeader(inspection, "level", "commune")
        setHeader(inspection, "facility_representative", "Hà Văn Bình")
        for (state in listOf("decided", "plan_approved", "announced", "in_field")) takeStep(inspection, StepDraft(state))
    }
    return inspection
}

/** An answer without more. */
fun answerOf(
    item: String,
    grade: Grade,
) = AnswerDraft(item = item, grade = grade)

/** Runs the hub's program as its administrator; returns what it prints. */
fun admin(vararg words: String): String = program("admin", "--dir", Stage["admin"], *words)

/** An invitation of the administrator's, for one phone. */
class Invitation(
    val id: String,
    val uri: String,
    val name: String,
)

/** Invites a phone. */
fun invite(name: String): Invitation {
    val said = admin("invite", "--name", name, "--agency", "Xã", "--role", "inspector", "--scope", "20")

    fun field(key: String) = checkNotNull(Regex("\"$key\": *\"([^\"]+)\"").find(said)) { said }.groupValues[1]
    return Invitation(field("invitation"), field("uri"), name)
}

/** Runs the hub's program, which must do as asked. */
fun program(vararg words: String): String {
    val command = listOf(Stage["program"], "--json", *words)
    val process = ProcessBuilder(command).apply { environment()["BIENBAN_LANG"] = "en" }.redirectErrorStream(true).start()
    val said = process.inputStream.bufferedReader().readText()
    check(process.waitFor() == 0) { "${words.joinToString(" ")}: $said" }
    return said
}

/** Sends the hub's process a signal: stopped, it answers nothing and refuses nothing. */
fun hubSignal(signal: String) {
    check(ProcessBuilder("kill", "-$signal", Stage["hub.pid"]).start().waitFor() == 0) { "no hub to signal" }
}

/** The generated object below the facade's: what the facade does not show, such as observers as they are. */
fun generatedOf(app: Bienban): vn.bienban.generated.Bienban =
    Bienban::class.java.getDeclaredField("inner").apply { isAccessible = true }.get(app) as vn.bienban.generated.Bienban
