package android.view;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public abstract class ViewGroup extends View implements ViewParent {
    public ViewGroup(android.content.Context context) { super(context); }
    public void addView(View view) { }
    public void addView(View view, LayoutParams params) { }
    public void removeAllViews() { }
    public void requestDisallowInterceptTouchEvent(boolean disallow) { }
    public static class LayoutParams {
        public static final int MATCH_PARENT = -1;
        public static final int WRAP_CONTENT = -2;
        public LayoutParams(int width, int height) { }
    }
}
