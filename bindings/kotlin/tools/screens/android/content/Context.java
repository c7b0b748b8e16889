package android.content;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public abstract class Context {
    public android.content.res.Resources getResources() { return null; }
    public final String getString(int id) { return null; }
    public final String getString(int id, Object... given) { return null; }
    public final <T> T getSystemService(Class<T> kind) { return null; }
    public java.io.File getNoBackupFilesDir() { return null; }
    public void startActivity(Intent intent) { }
}
