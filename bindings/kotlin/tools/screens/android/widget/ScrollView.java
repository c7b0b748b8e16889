package android.widget;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public class ScrollView extends android.view.ViewGroup {
    public ScrollView(android.content.Context context) { super(context); }
}
