package android.os;

/** Stands in for Android's class: the level is what `-Dbienban.sdk` says. */
public final class Build {
    public static final String MODEL = "JVM";

    public static final class VERSION {
        public static final int SDK_INT = Integer.getInteger("bienban.sdk", 34);
    }

    public static final class VERSION_CODES {
        public static final int UPSIDE_DOWN_CAKE = 34;
    }
}
