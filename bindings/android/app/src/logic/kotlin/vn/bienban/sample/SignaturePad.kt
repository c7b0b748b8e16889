package vn.bienban.sample

import vn.bienban.DrawnSignature
import vn.bienban.Point
import vn.bienban.Stroke

/** Takes down what a finger draws, in units of a surface that does not depend on the phone's screen. */
class SignaturePad(
    private val width: Int = WIDTH,
    private val height: Int = HEIGHT,
) {
    private val strokes = mutableListOf<MutableList<Point>>()

    /** How many points there are. */
    val points: Int
        get() = strokes.sumOf { it.size }

    /** The finger touches, at a place of a view of some size. */
    fun down(
        x: Float,
        y: Float,
        viewWidth: Int,
        viewHeight: Int,
    ) {
        if (strokes.size < STROKES_MAX && points < POINTS_MAX) {
            strokes += mutableListOf(place(x, y, viewWidth, viewHeight))
        }
    }

    /** The finger moves. */
    fun move(
        x: Float,
        y: Float,
        viewWidth: Int,
        viewHeight: Int,
    ) {
        val stroke = strokes.lastOrNull() ?: return
        val point = place(x, y, viewWidth, viewHeight)
        // Points that nobody can tell apart only fill the record.
        val last = stroke.last()
        val far = maxOf(kotlin.math.abs(point.x - last.x), kotlin.math.abs(point.y - last.y)) >= NEAR
        if (far && points < POINTS_MAX) stroke += point
    }

    /** Begins anew. */
    fun clear() = strokes.clear()

    /** What was drawn; null if that is nothing, or a dot. */
    fun drawn(): DrawnSignature? =
        if (points < 2) null else DrawnSignature(width, height, strokes.map { Stroke(it.toList()) })

    /** What was drawn, to draw it again on a view of some size: lines as x and y in turn. */
    fun lines(
        viewWidth: Int,
        viewHeight: Int,
    ): List<FloatArray> =
        strokes.map { stroke ->
            FloatArray(stroke.size * 2) { at ->
                val point = stroke[at / 2]
                if (at % 2 == 0) point.x.toFloat() * viewWidth / width else point.y.toFloat() * viewHeight / height
            }
        }

    private fun place(
        x: Float,
        y: Float,
        viewWidth: Int,
        viewHeight: Int,
    ) = Point(
        // A finger leaves the view without lifting.
        (x / maxOf(viewWidth, 1) * width).toInt().coerceIn(0, width),
        (y / maxOf(viewHeight, 1) * height).toInt().coerceIn(0, height),
    )

    private companion object {
        const val WIDTH = 1_200
        const val HEIGHT = 400
        const val NEAR = 4

        // Well below what a record takes (256 lines, 3,600 points, 14 KB): a name is some hundred points.
        const val STROKES_MAX = 200
        const val POINTS_MAX = 2_000
    }
}
