package android.widget;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public class TextView extends android.view.View {
    public TextView(android.content.Context context) { super(context); }
    public CharSequence getText() { return null; }
    public final void setText(CharSequence text) { }
    public final void setText(int text) { }
    public float getTextSize() { return 0; }
    public void setTextSize(float size) { }
    public void setTextColor(int color) { }
    public CharSequence getHint() { return null; }
    public final void setHint(CharSequence hint) { }
    public final void setHint(int hint) { }
    public int getInputType() { return 0; }
    public void setInputType(int type) { }
    public boolean isAllCaps() { return false; }
    public void setAllCaps(boolean all) { }
    public int getMinHeight() { return 0; }
    public void setMinHeight(int height) { }
}
