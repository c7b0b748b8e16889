package android.widget;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public abstract class AdapterView<T extends Adapter> extends android.view.ViewGroup {
    public AdapterView(android.content.Context context) { super(context); }
    public abstract T getAdapter();
    public abstract void setAdapter(T adapter);
    public interface OnItemClickListener { void onItemClick(AdapterView<?> parent, android.view.View view, int position, long id); }
    public void setOnItemClickListener(OnItemClickListener listener) { }
}
