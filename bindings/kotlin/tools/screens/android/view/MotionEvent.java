package android.view;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public final class MotionEvent {
    public static final int ACTION_DOWN = 0;
    public static final int ACTION_MOVE = 2;
    public int getActionMasked() { return 0; }
    public float getX() { return 0; }
    public float getY() { return 0; }
    public int getHistorySize() { return 0; }
    public float getHistoricalX(int at) { return 0; }
    public float getHistoricalY(int at) { return 0; }
}
