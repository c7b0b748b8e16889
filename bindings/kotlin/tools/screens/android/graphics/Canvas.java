package android.graphics;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public class Canvas { public void drawLine(float x, float y, float toX, float toY, Paint paint) { } }
