package android.widget;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public interface Adapter { int getCount(); Object getItem(int position); long getItemId(int position); android.view.View getView(int position, android.view.View convertView, android.view.ViewGroup parent); }
