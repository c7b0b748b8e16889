package android.app;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public class Activity extends android.content.Context { protected void onCreate(android.os.Bundle saved) { } protected void onDestroy() { }
    @Deprecated public void onBackPressed() { }
    public void setContentView(android.view.View view) { }
    public CharSequence getTitle() { return null; }
    public void setTitle(CharSequence title) { }
    public void setTitle(int title) { }
    public final Application getApplication() { return null; }
}
