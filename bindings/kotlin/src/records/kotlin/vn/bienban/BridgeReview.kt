// Made by bindings/kotlin/records.py from what the library says of itself. Do not edit.

package vn.bienban

internal fun vn.bienban.generated.DecisionView.own(): vn.bienban.DecisionView =
    vn.bienban.DecisionView(
        verdict = verdict.own(),
        stands = stands,
        text = text,
        despite = despite,
        author = author.own(),
        atMs = atMs,
    )

internal fun vn.bienban.generated.PinnedView.own(): vn.bienban.PinnedView =
    vn.bienban.PinnedView(
        id = id,
        item = item,
        text = text,
        author = author.own(),
        atMs = atMs,
        settled = settled,
        counts = counts,
        replies = replies.map { it.own() },
    )

internal fun vn.bienban.generated.ReplyView.own(): vn.bienban.ReplyView =
    vn.bienban.ReplyView(
        text = text,
        author = author.own(),
        atMs = atMs,
    )

internal fun vn.bienban.generated.ReviewView.own(): vn.bienban.ReviewView =
    vn.bienban.ReviewView(
        verdict = verdict.own(),
        conflict = conflict,
        since = since?.own(),
        decisions = decisions.map { it.own() },
        comments = comments.map { it.own() },
        requests = requests.map { it.own() },
    )

internal fun vn.bienban.generated.Sent.own(): vn.bienban.Sent =
    vn.bienban.Sent(
        id = id,
    )
