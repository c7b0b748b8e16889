package android.graphics;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public class Paint {
    public static final int ANTI_ALIAS_FLAG = 1;
    public enum Style { FILL, STROKE }
    public Paint(int flags) { }
    public int getColor() { return 0; }
    public void setColor(int color) { }
    public Style getStyle() { return null; }
    public void setStyle(Style style) { }
    public float getStrokeWidth() { return 0; }
    public void setStrokeWidth(float width) { }
}
