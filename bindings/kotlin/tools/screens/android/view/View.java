package android.view;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public class View {
    public static final int VISIBLE = 0;
    public static final int GONE = 8;
    public View(android.content.Context context) { }
    public interface OnClickListener { void onClick(View view); }
    public void setOnClickListener(OnClickListener listener) { }
    public void setPadding(int left, int top, int right, int bottom) { }
    public int getMinimumHeight() { return 0; }
    public void setMinimumHeight(int height) { }
    public int getVisibility() { return 0; }
    public void setVisibility(int visibility) { }
    public boolean isEnabled() { return true; }
    public void setEnabled(boolean enabled) { }
    public boolean isSelected() { return true; }
    public void setSelected(boolean selected) { }
    public float getAlpha() { return 1; }
    public void setAlpha(float alpha) { }
    public void setBackgroundColor(int color) { }
    public void invalidate() { }
    public final int getWidth() { return 0; }
    public final int getHeight() { return 0; }
    public final ViewParent getParent() { return null; }
    protected void onDraw(android.graphics.Canvas canvas) { }
    public boolean onTouchEvent(MotionEvent event) { return false; }
}
