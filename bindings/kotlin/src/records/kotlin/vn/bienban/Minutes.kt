// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

/** A signature drawn on the screen: a record of presence (*xác nhận có mặt*), never a digital signature. */
public data class DrawnSignature(
    /** Width of the surface, at most 65,535. */
    public val width: Int,
    /** Height of it. */
    public val height: Int,
    /** The lines. */
    public val strokes: List<Stroke>,
)

/** A point of a drawn line, in units of the surface. */
public data class Point(
    /** From the left; at most the surface's width. */
    public val x: Int,
    /** From the top; at most the surface's height. */
    public val y: Int,
)

/** What stands between an inspection and its seal. */
public data class SealCheck(
    /** It could be sealed now, with a reason where a device was not heard. */
    public val ready: Boolean,
    /** The digest of the record as it stands, in hexadecimal. */
    public val digest: String,
    /** Where the inspection stands. */
    public val states: List<Named>,
    /** Every device of the team, and every one that wrote. */
    public val team: List<TeamDevice>,
    /** Places in which values that differ stand: each blocks the seal. */
    public val conflicts: List<String>,
    /** Authors who are not proven here yet: an exchange brings the proof. */
    public val unproven: Int,
    /** What the step to signed minutes lacks. */
    public val missing: List<MissingThing>,
    /** This device may seal there. */
    public val maySeal: Boolean,
    /** The minutes are sealed already. */
    public val sealed: Boolean,
    /** Items without an answer that counts; they do not hinder the seal. */
    public val unanswered: List<String>,
    /** How many those are, beyond what is named too. */
    public val unansweredCount: Int,
)

/** What the leader gives when the minutes are signed. */
public data class SealDraft(
    /** Who signs for the facility; of a refusal who confirms it. */
    public val person: Signatory,
    /** *Lý do từ chối ký*: why the facility did not sign; null where it did. */
    public val refused: String? = null,
    /** Of a refusal: the person is the commune's representative and not a witness. */
    public val confirmedByCommune: Boolean = false,
    /** The leader's own drawn signature. */
    public val leaderDrawn: DrawnSignature? = null,
    /**
     * Why devices of the team were not heard: enters the minutes, for each that was not. Null where all
     * were.
     */
    public val notHeard: String? = null,
    /** The day of the minutes, as YYYY-MM-DD; null for today. */
    public val on: String? = null,
)

/** A person who signs, or confirms that the facility did not (*người ký*). */
public data class Signatory(
    /** *Họ tên*. */
    public val name: String,
    /** *Chức vụ*. */
    public val title: String,
    /** The drawn signature; null where the person signs the printed minutes by hand. */
    public val drawn: DrawnSignature? = null,
)

/** A line that was drawn without lifting the finger. */
public data class Stroke(
    /** Its points in the order in which they were drawn. */
    public val points: List<Point>,
)

/** A device of the team, and whether it was heard. */
public data class TeamDevice(
    /** Whose it is. */
    public val author: Author,
    /** Something of it is here, or it signs itself. If not, a reason has to be given. */
    public val heard: Boolean,
    /** Changes of it that are here. */
    public val changes: Long,
)
