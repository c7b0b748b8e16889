package android.content.res;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public class Resources {
    public Configuration getConfiguration() { return null; }
    public android.util.DisplayMetrics getDisplayMetrics() { return null; }
}
