package android.graphics;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public class Color {
    public static final int BLACK = 0xFF000000;
    public static final int RED = 0xFFFF0000;
    public static final int DKGRAY = 0xFF444444;
    public static int rgb(int red, int green, int blue) { return 0; }
}
