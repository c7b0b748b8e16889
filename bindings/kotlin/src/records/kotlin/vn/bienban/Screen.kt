// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

/** An answer that somebody gave. */
public data class AnswerGiven(
    /** The grade. */
    public val grade: Grade,
    /** What people call the grade. */
    public val label: LocalText,
    /** A measured or written value. */
    public val value: String?,
    /** BLAKE3 hashes of photos, in hexadecimal. */
    public val photos: List<String>,
    /** When it was observed, as the person says, in milliseconds since 1970. */
    public val claimedAtMs: Long,
    /** When it was recorded, by the writer's clock. */
    public val atMs: Long,
    /** Who gave it. */
    public val author: Author,
    /** The change that holds it, in hexadecimal. */
    public val change: String,
    /** How many answers it settled. */
    public val resolves: Int,
)

/** An option of a choice. */
public data class Choice(
    /** What stands in the record. */
    public val key: String,
    /** What people read. */
    public val text: LocalText,
)

/** A clock of the law that runs (*thời hạn*). */
public data class ClockView(
    /** What it limits. */
    public val title: LocalText,
    /** The day from which it is counted, as YYYY-MM-DD. */
    public val since: String,
    /** Its last day. */
    public val due: String,
    /** It has run out. */
    public val overdue: Boolean,
    /** How it was counted. */
    public val explanation: LocalText,
    /** The clause that sets it. */
    public val clause: String,
)

/** A finding (*nội dung không phù hợp*). */
public data class FindingView(
    /** Its id. */
    public val id: String,
    /** The item that it is about. */
    public val item: String?,
    /** The row that it is about. */
    public val row: String?,
    /** How bad it is; the worst that stands. */
    public val severity: Severity,
    /** What was found. */
    public val text: String,
    /** The clause that it breaks. */
    public val clause: String?,
    /** *Hạn khắc phục*, in milliseconds since 1970; the earliest that stands. */
    public val deadlineMs: Long?,
    /** The day on which it was put in the minutes, as YYYY-MM-DD. */
    public val issued: String?,
    /** It cannot be corrected in the required time. */
    public val unfixable: Boolean,
    /** The correction was verified. */
    public val fixed: Boolean,
    /** It was deleted; it is kept and shown. */
    public val deleted: Boolean,
    /** Why. */
    public val deletedReason: List<String>,
    /** Edits of the deleted finding that wait for a person. */
    public val parked: List<ParkedEdit>,
    /** Who wrote it. */
    public val author: Author,
    /** When, in milliseconds since 1970, by the writer's clock. */
    public val atMs: Long,
)

/** A field of the minutes' header (*phần đầu biên bản*). */
public data class HeaderFieldView(
    /** Its name. */
    public val key: String,
    /** What people read. */
    public val title: LocalText,
    /** What it holds. */
    public val kind: HeaderKind,
    /** What stands in it; several while people wrote apart. */
    public val values: List<String>,
    /** What counts while nobody fills it, found in the plan or the facility. */
    public val elsewhere: String?,
    /** Values that differ stand. */
    public val conflict: Boolean,
    /** Something in it does not fit. */
    public val wrong: Boolean,
    /** The minutes cannot be signed without it. */
    public val neededToSign: Boolean,
)

/** An inspection as a screen shows it. */
public data class InspectionScreen(
    /** Its id. */
    public val id: String,
    /** The facility visited. */
    public val facility: DocumentName?,
    /** The plan. */
    public val plan: DocumentName?,
    /** 1 for the first visit under the plan. */
    public val visit: Int?,
    /** The administrative unit. */
    public val unit: UnitName,
    /** The checklist's code. */
    public val checklistCode: String,
    /** Its edition. */
    public val checklistEdition: String,
    /** Its title. */
    public val checklistTitle: LocalText,
    /** It was moved to another edition, which is not here: it is read by the one that it began with. */
    public val lacksEdition: Boolean,
    /** BLAKE3 of the canonical record, in hexadecimal: equal on every device that holds the same. */
    public val digest: String,
    /** The heads shown, in hexadecimal; what `accept` takes as seen. */
    public val heads: List<String>,
    /** The states that stand; several when people moved it apart. */
    public val states: List<Named>,
    /** The steps that were taken, in the order of their days. */
    public val taken: List<TakenStep>,
    /** The steps that may follow. */
    public val next: List<StepView>,
    /** The clocks that run. */
    public val clocks: List<ClockView>,
    /** The header of the minutes. */
    public val header: List<HeaderFieldView>,
    /** The sections with their items. */
    public val sections: List<SectionView>,
    /** Findings, deleted ones too. */
    public val findings: List<FindingView>,
    /** *Ý kiến của cơ sở*. */
    public val facilityOpinion: String,
    /** *Ý kiến khác*. */
    public val otherOpinions: String,
    /** *Nhận xét, kết luận của đoàn*. */
    public val conclusion: String,
    /** Where values that differ stand. */
    public val conflicts: List<ConflictView>,
    /** What it amounts to so far. */
    public val grade: GradeView,
    /** Why. */
    public val explanation: List<ExplanationLine>,
    /** The review, if one has begun. */
    public val review: ReviewView?,
    /** The sealed minutes that count. */
    public val minutes: MinutesView?,
    /** Its minutes are sealed, here or elsewhere: no edit of what was found is taken. */
    public val sealed: Boolean,
    /** How far this device's edits have come. */
    public val arrival: Arrival,
)

/** An item of the checklist (*chỉ tiêu kiểm tra*). */
public data class ItemView(
    /** Its key, for instance `1.1`. */
    public val key: String,
    /** What is checked. */
    public val text: LocalText,
    /** How to check it. */
    public val guidance: LocalText?,
    /** What kind of answer it takes. */
    public val kind: AnswerKind,
    /** The severities that an answer may have beside pass and not applicable. */
    public val severities: List<Severity>,
    /** A person may say that it does not apply. */
    public val mayBeNotApplicable: Boolean,
    /** Of choices, the options. */
    public val options: List<Choice>,
    /** Of a number, the unit. */
    public val unit: String?,
    /** The fewest photos that an answer needs. */
    public val photosMin: Int,
    /** How it stands with it. */
    public val state: ItemState,
    /** The answers that stand. */
    public val answers: List<AnswerGiven>,
    /** The grade that counts: of several answers the worse. */
    public val countsAs: Grade?,
    /** The value that counts, where that is no grade. */
    public val countsValue: String?,
    /** The note that everybody shares, those of `notes` behind it. */
    public val note: String,
    /** Notes that people wrote apart. */
    public val notes: List<NoteLine>,
)

/** A note on what the record did not foresee, or that somebody wrote apart. */
public data class NoteLine(
    /** What it says. */
    public val text: String,
    /** Who wrote it. */
    public val author: Author,
    /** When, in milliseconds since 1970, by the writer's clock. */
    public val atMs: Long,
)

/** An edit of a deleted finding, which waits for a person. */
public data class ParkedEdit(
    /** The field. */
    public val field: String,
    /** What was written. */
    public val text: String,
    /** Who wrote it. */
    public val author: Author,
)

/** A row of a repeated section (*lô, mẫu, sản phẩm*). */
public data class RowView(
    /** Its id. */
    public val id: String,
    /** Its items with what was answered in it. */
    public val items: List<ItemView>,
    /** What was written about it. */
    public val note: String,
    /** It was removed; it is kept and shown. */
    public val removed: Boolean,
    /** Who made it. */
    public val author: Author,
)

/** A section of the checklist (*nhóm chỉ tiêu*). */
public data class SectionView(
    /** Its code; empty for what the checklist does not have. */
    public val code: String,
    /** Its title. */
    public val title: LocalText,
    /** The agency that answers for it. */
    public val agency: LocalText,
    /** Its items; of a repeated section those of a row that is to be made, unanswered. */
    public val items: List<ItemView>,
    /** What one row is called, of a repeated section. */
    public val rowTitle: LocalText?,
    /** The most rows, of a repeated section. */
    public val rowsMax: Int,
    /** The rows in the order of their making, removed ones too. */
    public val rows: List<RowView>,
)

/** A step that may follow. */
public data class StepView(
    /** The state. */
    public val to: Named,
    /** Everything that is missing; empty when it may be taken now. */
    public val missing: List<MissingThing>,
)

/** A step that was taken. */
public data class TakenStep(
    /** The state. */
    public val to: Named,
    /** The day, as YYYY-MM-DD. */
    public val day: String,
    /** Why, where a reason is asked for. */
    public val reason: String,
)

/** What kind of answer an item takes. */
public enum class AnswerKind {
    /** Pass, not applicable, or one of the severities. */
    GRADE,

    /** A number with a unit. */
    NUMBER,

    /** One of several options. */
    CHOICE,

    /** Any number of several options. */
    CHOICES,

    /** Free text. */
    TEXT,

    /** A day. */
    DATE,

    /** Photos. */
    PHOTO,

    /** A place on the earth, as `LATITUDE,LONGITUDE`. */
    POSITION,

    /** A drawn signature. */
    SIGNATURE,

    /** Nobody answers: it is worked out. */
    CALCULATION,

    /** The checklist does not have the item; what was written to it is shown all the same. */
    UNKNOWN,
}

/** What a field of the header holds. */
public sealed class HeaderKind {
    /** Text. */
    public data class Text(
        /** The most characters. */
        public val charsMax: Int,
        /** The most lines. */
        public val linesMax: Int,
    ) : HeaderKind()

    /** *Họ tên*. */
    public data class Person(
        /** The most characters. */
        public val charsMax: Int,
    ) : HeaderKind()

    /** A day. */
    public data object Date : HeaderKind()

    /** A moment. */
    public data object DateTime : HeaderKind()

    /** A telephone number. */
    public data object Phone : HeaderKind()

    /** A whole number. */
    public data class Number(
        /** The least. */
        public val min: Int,
        /** The most. */
        public val max: Int,
    ) : HeaderKind()

    /** One of several options. */
    public data class Choice(
        /** The options. */
        public val options: List<vn.bienban.Choice>,
    ) : HeaderKind()

    /** This version does not know the field. */
    public data object Unknown : HeaderKind()
}

/** How it stands with an item. */
public enum class ItemState {
    /** Nobody answered. */
    UNANSWERED,

    /** One answer, or several that say the same. */
    ANSWERED,

    /** Answers that differ stand until a person settles them. */
    CONFLICT,
}
