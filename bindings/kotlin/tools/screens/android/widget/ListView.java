package android.widget;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public class ListView extends AdapterView<ListAdapter> {
    public ListView(android.content.Context context) { super(context); }
    @Override public ListAdapter getAdapter() { return null; }
    @Override public void setAdapter(ListAdapter adapter) { }
}
