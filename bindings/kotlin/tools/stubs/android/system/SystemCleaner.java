package android.system;

/** Stands in for Android's class, which hands out the system's cleaner from level 33 on. */
public final class SystemCleaner {
    private static final java.lang.ref.Cleaner CLEANER = java.lang.ref.Cleaner.create();

    public static java.lang.ref.Cleaner cleaner() {
        return CLEANER;
    }
}
