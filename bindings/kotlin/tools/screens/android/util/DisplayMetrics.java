package android.util;

/** Stands in for Android's class: what the sample app calls of it, and nothing that works. */
public class DisplayMetrics { public float density; }
