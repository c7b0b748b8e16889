package android.widget;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public abstract class BaseAdapter implements ListAdapter { public void notifyDataSetChanged() { } }
